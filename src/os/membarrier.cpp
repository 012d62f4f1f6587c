// membarrier(2).
#include <sennit/os/membarrier.hpp>

#include <sennit/base/assert.hpp>
#include <sennit/base/config.hpp>

#include <linux/membarrier.h>
#include <sys/syscall.h>
#include <unistd.h>

namespace sennit::os::membarrier {
namespace {

long call(int command) noexcept { return ::syscall(SYS_membarrier, command, 0, 0); }

bool kernel_has_expedited() noexcept {
    constexpr long wanted =
        MEMBARRIER_CMD_PRIVATE_EXPEDITED | MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED;
    const long commands = call(MEMBARRIER_CMD_QUERY);
    return commands >= 0 && (commands & wanted) == wanted;
}

} // namespace

bool expedited_available() noexcept {
    static const bool available = !SENNIT_TSAN && kernel_has_expedited();
    return available;
}

bool register_expedited() noexcept {
    static const bool registered =
        expedited_available() && call(MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED) == 0;
    return registered;
}

// Going on without the barrier would be a silent race, so a refusal ends the program.
void expedited() noexcept {
    SENNIT_ASSERT(
        call(MEMBARRIER_CMD_PRIVATE_EXPEDITED) == 0,
        "call membarrier::register_expedited() first and use fences where it returns false");
}

} // namespace sennit::os::membarrier
