// core's wait for a moment is a sleep_future in disguise.
#include <sennit/core/time_wait.hpp>

#include <sennit/time/sleep.hpp>

#include <new>

namespace sennit::detail {
namespace {

sleep_future& sleep_in(std::byte* storage) noexcept {
    return *std::launder(reinterpret_cast<sleep_future*>(storage));
}

} // namespace

time_wait::time_wait(time_limit limit) noexcept {
    static_assert(sizeof(sleep_future) <= sizeof sleep_ && alignof(sleep_future) <= 8);
    ::new (static_cast<void*>(sleep_)) sleep_future(limit);
}

time_wait::~time_wait() { sleep_in(sleep_).~sleep_future(); }

bool time_wait::poll(context& cx) noexcept { return sleep_in(sleep_).poll(cx).is_ready(); }

} // namespace sennit::detail
