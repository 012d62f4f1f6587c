// `sennit serve`: runs the demonstration service until a signal asks it to stop.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>

namespace cli {

struct serve_options {
    std::string address = "127.0.0.1";
    std::uint16_t port = 8080; // 0: one that is free
    unsigned workers = 0;      // 0: as many as there are processors to use
    std::string root;          // empty: the program's own files
    std::chrono::nanoseconds grace = std::chrono::seconds(10);
};

// Returns the exit status: 0 after a signal and a drain, 1 when the service cannot start or fails.
// A second signal ends the process at once, with 130.
int serve(const serve_options& options);

} // namespace cli
