// The reactor of an executor: one epoll descriptor that tells which descriptors became ready.
//
// A thin shell: what it shares with the sources that it watches outlives it (interest_list.hpp), so
// that a socket may be destroyed, or used elsewhere, after the runtime in which it was first waited
// for.
#pragma once

#include <sennit/base/result.hpp>
#include <sennit/core/driver.hpp>

#include <cstddef>
#include <cstdint>
#include <memory>

namespace sennit {

namespace detail {
class interest_list;
class source;
} // namespace detail

/// Readiness of descriptors by epoll(7), edge-triggered. What runtimes are made with; the library's
/// only `io_driver`, and sources rely on that.
///
/// ```cpp
/// auto made = sennit::reactor::create();
/// if (!made) return made.error();
/// (*made)->interrupt();
/// const std::size_t events = (*made)->poll(sennit::timer_driver::never); // returns at once
/// std::printf("%zu\n", events);                                         // 0
/// ```
/// Cost: two descriptors; a poll is one system call for up to 256 events.
class reactor final : public io_driver {
public:
    /// A new one. Errors: EMFILE, ENFILE, ENOMEM.
    [[nodiscard]] static result<std::unique_ptr<reactor>> create();
    /// Nobody polls any more. Flows of other executors that wait for descriptors watched here are
    /// woken and go on waiting with a reactor of their own.
    ~reactor() override;
    reactor(const reactor&) = delete;
    reactor& operator=(const reactor&) = delete;

    /// See `io_driver`. An interrupt is not counted. Returns early when a signal handler ran.
    std::size_t poll(std::uint64_t timeout_ns) noexcept override;
    void interrupt() noexcept override;
    bool has_interest() const noexcept override;

private:
    friend class detail::source;

    explicit reactor(std::shared_ptr<detail::interest_list> interest) noexcept;

    const std::shared_ptr<detail::interest_list> interest_;
};

} // namespace sennit
