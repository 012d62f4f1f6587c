// What /status says.
#pragma once

#include "service.hpp"

#include <string>

namespace cli {

// Everything that can be counted, as one JSON object. Takes some tens of microseconds, and time
// proportional to the flows alive.
std::string status_json(const service& about);

} // namespace cli
