#include <sennit/http/server.hpp>

#include "connection.hpp"
#include "server_core.hpp"
#include <sennit/core/wait.hpp>
#include <sennit/time/sleep.hpp>
#include <sennit/time/timeout.hpp>

#include <algorithm>
#include <cstdio>
#include <string>
#include <system_error>

namespace sennit::http {
namespace detail {
namespace {

// How long accepting pauses when the process or the machine has no descriptor or memory left.
constexpr std::chrono::milliseconds exhaustion_pause{100};

bool is_exhaustion(const error& why) {
    return is(why, std::errc::too_many_files_open) ||
           is(why, std::errc::too_many_files_open_in_system) ||
           is(why, std::errc::no_buffer_space) || is(why, std::errc::not_enough_memory);
}

// Takes a listener off the list of a server when the accept loop ends, however it ends.
class listening {
public:
    listening(server_core& core, const tcp_listener& listener) noexcept
        : core_(core), listener_(listener) {}
    listening(const listening&) = delete;
    listening& operator=(const listening&) = delete;
    ~listening() { core_.remove_listener(listener_); }

private:
    server_core& core_;
    const tcp_listener& listener_;
};

task<result<void>> accept_all(std::shared_ptr<server_core> core, tcp_listener given) {
    const auto listener = std::make_shared<tcp_listener>(std::move(given));
    if (!core->add_listener(listener)) co_return error(errc::shut_down, "serve");
    const listening listed(*core, *listener);
    const result<void> success; // by name, because GCC 12 warns of a temporary
    bool exhausted = false;
    for (;;) {
        co_await core->wait_for_room();
        result<tcp_stream> accepted = co_await listener->async_accept();
        if (accepted) {
            exhausted = false;
            connection::start(core, std::move(*accepted));
        } else if (core->is_stopping()) {
            co_return success;
        } else if (is_exhaustion(accepted.error())) {
            if (!std::exchange(exhausted, true))
                core->report("connections wait: " + accepted.error().message());
            co_await async_sleep_for(exhaustion_pause);
        } else {
            co_return std::unexpected(std::move(accepted).error().context("serve"));
        }
    }
}

task<std::size_t> shut_down(std::shared_ptr<server_core> core, std::chrono::nanoseconds grace) {
    core->begin_shutdown();
    const result<void> in_time = co_await timeout(grace, core->ended().async_wait());
    if (in_time) co_return 0;
    const std::size_t forced = core->force();
    (void)co_await timeout(server::force_wait, core->ended().async_wait());
    co_return forced;
}

} // namespace

bool server_core::admit(connection& added) {
    accepted_.fetch_add(1, std::memory_order_relaxed);
    const std::lock_guard guard(lock_);
    connections_.push_back(added);
    ++open_;
    return !stopping_.load(std::memory_order_relaxed); // is written under the lock
}

void server_core::forget(connection& ended) noexcept {
    bool last = false;
    {
        const std::lock_guard guard(lock_);
        if (!ended.is_linked()) return; // was never admitted
        connections_.remove(ended);
        --open_;
        last = open_ == 0 && stopping_.load(std::memory_order_relaxed);
        if (open_ + 1 != options.connections_max && !last) return;
    }
    room_.set();
    if (last) ended_.set();
}

server_counts& server_core::counts() noexcept {
    return counts_[accepted_.load(std::memory_order_relaxed) % shards];
}

bool server_core::add_listener(const std::shared_ptr<tcp_listener>& added) {
    const std::lock_guard guard(lock_);
    if (stopping_.load(std::memory_order_relaxed)) return false;
    listeners_.push_back(added);
    return true;
}

void server_core::remove_listener(const tcp_listener& ended) noexcept {
    std::shared_ptr<tcp_listener> removed; // destroyed after the lock is released
    const std::lock_guard guard(lock_);
    const auto found = std::ranges::find(listeners_, &ended, &std::shared_ptr<tcp_listener>::get);
    if (found == listeners_.end()) return;
    removed = std::move(*found);
    listeners_.erase(found);
}

task<void> server_core::wait_for_room() {
    for (;;) {
        room_.reset();
        {
            const std::lock_guard guard(lock_);
            if (open_ < options.connections_max || stopping_.load(std::memory_order_relaxed))
                co_return;
        }
        co_await room_.async_wait();
    }
}

void server_core::begin_shutdown() {
    std::vector<std::shared_ptr<tcp_listener>> listeners;
    bool none_left = false;
    {
        const std::lock_guard guard(lock_);
        stopping_.store(true, std::memory_order_seq_cst); // see the head comment of connection.hpp
        listeners = listeners_;
        none_left = open_ == 0;
    }
    for (const auto& listener : listeners)
        listener->close();
    room_.set();
    for (const auto& open : snapshot())
        open->close_if_idle();
    if (none_left) ended_.set();
}

std::size_t server_core::force() {
    const auto left = snapshot();
    for (const auto& open : left)
        open->force();
    return left.size();
}

std::vector<std::shared_ptr<connection>> server_core::snapshot() {
    std::vector<std::shared_ptr<connection>> seen;
    std::unique_lock guard(lock_);
    while (seen.capacity() < open_) {
        const std::size_t wanted = open_ + open_ / 8;
        guard.unlock();
        seen.reserve(wanted);
        guard.lock();
    }
    for (connection& open : connections_) {
        // Null for one whose destructor waits for the lock.
        if (auto kept = open.weak_from_this().lock()) seen.push_back(std::move(kept));
    }
    return seen;
}

void server_core::report(std::string_view line) const {
    if (options.report) return options.report(line);
    const std::string whole = "sennit: " + std::string(line) + "\n";
    std::fputs(whole.c_str(), stderr);
}

void server_core::report_exception(const char* whose, const request& asked) const {
    std::string line(asked.method_name());
    line.append(" ").append(asked.path()).append(": ").append(whose).append(" threw ");
    try {
        throw;
    } catch (const std::exception& thrown) {
        line.append(thrown.what());
    } catch (...) {
        line.append("something that is no std::exception");
    }
    report(line);
}

server_statistics server_core::statistics() const noexcept {
    const auto get = [](const auto& count) { return count.load(std::memory_order_relaxed); };
    server_statistics all;
    all.connections_accepted = get(accepted_);
    for (const server_counts& some : counts_) {
        all.requests += get(some.requests);
        all.bytes_received += get(some.bytes_received);
        all.bytes_sent += get(some.bytes_sent);
        for (std::size_t i = 0; i < all.responses.size(); ++i)
            all.responses[i] += get(some.responses[i]);
    }
    const std::lock_guard guard(lock_);
    all.connections_open = open_;
    return all;
}

} // namespace detail

server::server(router routes, server_options options)
    : core_(std::make_shared<detail::server_core>(std::move(routes), std::move(options))) {}

result<void> server::serve(tcp_listener listener) { return wait(async_serve(std::move(listener))); }

task<result<void>> server::async_serve(tcp_listener listener) {
    return detail::accept_all(core_, std::move(listener));
}

std::size_t server::shutdown(std::chrono::nanoseconds grace) { return wait(async_shutdown(grace)); }

task<std::size_t> server::async_shutdown(std::chrono::nanoseconds grace) {
    return detail::shut_down(core_, grace);
}

server_statistics server::statistics() const noexcept { return core_->statistics(); }

} // namespace sennit::http
