// The report of a stack overflow: names the flow, where it was started and the size of its stack; then the program dies of
// the signal, as it would have.
#pragma once

#include <sennit/os/fault.hpp>

#include <optional>

namespace sennit::detail {

// While it lives, faults on this thread are looked at on a stack of their own. The handler chains to earlier ones.
class overflow_watch {
public:
    overflow_watch();

private:
    std::optional<os::alternate_stack> alternate_;
};

} // namespace sennit::detail
