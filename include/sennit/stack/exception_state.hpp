// The C++ runtime's per-thread exception state, which belongs to the flow: a `catch` block may wait and go on elsewhere.
//
// Both C++ ABIs keep two words for each thread: the chain of caught exceptions and the number of exceptions in flight.
// A flow that leaves its thread takes them along, if there are any, and leaves zeros behind; whoever arrives finds zeros
// and puts its own back.
#pragma once

#include <sennit/base/config.hpp>

#include <cstdint>

namespace sennit::detail {

struct exception_globals {
    void* caught;
    std::uintptr_t uncaught; // an unsigned int and padding

    bool empty() const noexcept {
        return caught == nullptr && static_cast<unsigned>(uncaught) == 0;
    }
};

// This thread's words. Never inlined and opaque, so that it is asked again after every switch.
SENNIT_NOINLINE exception_globals& this_thread_exceptions() noexcept;

} // namespace sennit::detail
