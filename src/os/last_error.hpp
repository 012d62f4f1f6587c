// How the os layer reads errno, and how it repeats interrupted calls. Private to src/os.
//
// A compiler takes the address of errno for a constant of the function it compiles:
// __errno_location is declared `const`. A flow may continue on another thread, so an inlined system
// call (link-time optimisation inlines across files) could read the errno of the thread it came
// from. last_error() is therefore never inlined, and every use of errno in this layer goes through
// it or its twin; the address lives no longer than one call that cannot switch.
#pragma once

#include <sennit/base/error.hpp>
#include <sennit/os/io_result.hpp>

#include <cerrno>
#include <cstdint>

namespace sennit::os::detail {

/// The errno value of the calling thread.
[[nodiscard, gnu::noinline]] int last_error() noexcept;

/// Puts an errno value back that last_error() saved, for code that may run between any two
/// instructions.
[[gnu::noinline]] void set_last_error(int number) noexcept;

/// The error of the system call that has just failed, ready to be returned where a result<T> is
/// expected.
[[nodiscard]] error failed(const char* operation);

/// Calls `call` until it succeeds or fails with something else than EINTR. Unbounded in form; in
/// fact each turn costs the sender a signal that this thread has handled in between.
template<typename Call>
[[nodiscard]] io_result retry_interrupted(Call call) noexcept {
    for (;;) {
        if (const std::int64_t value = call(); value >= 0) return io_result::success(value);
        if (const int number = last_error(); number != EINTR) {
            return io_result::failure(number);
        }
    }
}

} // namespace sennit::os::detail
