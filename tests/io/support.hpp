// What the tests of io share: a reactor that the test polls itself, and one that a thread polls.
#pragma once

#include "core/support.hpp"
#include "os/open_descriptors.hpp"
#include <sennit/core/current.hpp>
#include <sennit/io/reactor.hpp>
#include <sennit/os/fd.hpp>

#include <gtest/gtest.h>

#include <array>
#include <atomic>
#include <cstddef>
#include <iterator>
#include <memory>
#include <span>
#include <string_view>
#include <thread>

namespace sennit::test {

// While it lives, flows on the calling thread use its reactor.
class own_reactor : public executor {
public:
    own_reactor() : before_(detail::this_thread().runs_for) {
        reactor_ = std::move(reactor::create()).value();
        detail::this_thread().runs_for = this;
    }
    ~own_reactor() override { detail::this_thread().runs_for = before_; }

    void execute(runnable&) noexcept override { ADD_FAILURE() << "nothing runs here"; }
    io_driver* io() noexcept override { return reactor_.get(); }
    sennit::reactor& reactor() { return *reactor_; }
    // What is ready now, until nothing is.
    std::size_t poll_all() {
        std::size_t total = 0;
        while (const std::size_t count = reactor_->poll(0))
            total += count;
        return total;
    }

private:
    executor* const before_;
    std::unique_ptr<sennit::reactor> reactor_;
};

// The same, with a thread that polls until the end.
class polled_reactor : public own_reactor {
public:
    ~polled_reactor() override {
        over_ = true;
        reactor().interrupt();
        poller_.join();
    }

private:
    std::atomic<bool> over_{false};
    std::thread poller_{[this] {
        while (!over_)
            reactor().poll(timer_driver::never);
    }};
};

inline std::size_t put(int fd, std::string_view text) {
    return static_cast<std::size_t>(os::write(fd, std::as_bytes(std::span(text))).value);
}
inline std::string take(int fd) {
    std::array<std::byte, 4096> buffer;
    const os::io_result got = os::read(fd, buffer);
    return got.ok() ? std::string(reinterpret_cast<const char*>(buffer.data()),
                                  static_cast<std::size_t>(got.value))
                    : "EAGAIN";
}

} // namespace sennit::test
