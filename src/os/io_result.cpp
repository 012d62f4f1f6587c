// io_result's vocabulary of errno values, and the one place that reads errno (see last_error.hpp).
#include <sennit/os/io_result.hpp>

#include "last_error.hpp"

#include <cerrno>

namespace sennit::os {

static_assert(EAGAIN == EWOULDBLOCK, "would_block() would have to compare with both");

bool would_block(int number) noexcept { return number == EAGAIN; }

int detail::last_error() noexcept { return errno; }

void detail::set_last_error(int number) noexcept { errno = number; }

error detail::failed(const char* operation) { return error::from_errno(last_error(), operation); }

} // namespace sennit::os
