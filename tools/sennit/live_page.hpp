// The page that shows what /status says, as it changes.
#pragma once

#include <string_view>

namespace cli {

// One HTML document without outside resources. The text is tools/sennit/live_page.html.
extern const std::string_view live_page;

} // namespace cli
