#include <sennit/io/reactor.hpp>

#include "interest_list.hpp"

#include <limits>

namespace sennit {

result<std::unique_ptr<reactor>> reactor::create() {
    os::epoll list = SENNIT_TRY(os::epoll::create());
    os::eventfd alarm = SENNIT_TRY(os::eventfd::create());
    auto interest = std::make_shared<detail::interest_list>(std::move(list), std::move(alarm));
    SENNIT_TRY(interest->start());
    return std::unique_ptr<reactor>(new reactor(std::move(interest)));
}

reactor::reactor(std::shared_ptr<detail::interest_list> interest) noexcept
    : interest_(std::move(interest)) {}

reactor::~reactor() { interest_->close(); }

std::size_t reactor::poll(std::uint64_t timeout_ns) noexcept {
    if (timeout_ns > static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max()))
        return interest_->poll(std::nullopt);
    return interest_->poll(std::chrono::nanoseconds(timeout_ns));
}

void reactor::interrupt() noexcept { interest_->interrupt(); }
bool reactor::has_interest() const noexcept { return !interest_->empty(); }

} // namespace sennit
