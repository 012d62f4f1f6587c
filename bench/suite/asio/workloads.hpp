// Boost.Asio in the comparison suite: coroutines on one io_context, which as many threads run as are asked for. One thread takes
// Asio's channels without a lock, several take concurrent_channel.
#pragma once

#include "../common/suite.hpp"

#include <boost/asio/awaitable.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/deferred.hpp>
#include <boost/asio/experimental/channel.hpp>
#include <boost/asio/experimental/concurrent_channel.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/system/error_code.hpp>

#include <atomic>
#include <concepts>
#include <exception>
#include <utility>
#include <vector>

namespace suite {

namespace asio = boost::asio;
using boost::system::error_code;

// The executor of the io_context itself: behind any_io_executor each operation costs an indirect call more.
using executor = asio::io_context::executor_type;
template<class T>
using awaitable = asio::awaitable<T, executor>;
using timer = asio::steady_timer::rebind_executor<executor>::other;

template<class T>
using local_channel = asio::experimental::channel<executor, void(error_code, T)>;
template<class T>
using shared_channel = asio::experimental::concurrent_channel<executor, void(error_code, T)>;

using asio_work = awaitable<outcome> (*)(const request&);

// A context with what runs in it, on the threads asked for, until it is over.
void run_in_context(const request& asked, awaitable<void> flow);

// Work that is the same for any number of threads, and work over channels.
workload coroutines(std::string name, std::vector<parameter> parameters, asio_work work);
workload over_channels(std::string name, std::vector<parameter> parameters, asio_work local,
                       asio_work shared);
// Runs the work as the first flow of a context, again and again.
void repeat_in_context(const request& asked, asio_work work);

// Flows that run beside their parent, which waits for all of them: the last one that ends tells it by a channel. (The destructor of
// a channel takes its lock, so that the parent may go on while the lock is held still.) A ranged parallel_group would do the
// same, but in Boost 1.81 it looks at its range again when the parent may have gone on.
class flows {
public:
    explicit flows(executor on) : on_(on), over_(on, 1) {}

    void start(awaitable<void> flow) {
        running_.fetch_add(1, std::memory_order_relaxed);
        asio::co_spawn(on_, std::move(flow), [this](std::exception_ptr error) {
            if (error) std::rethrow_exception(error);
            one_ended();
        });
    }
    // A flow whose result is added up.
    template<std::integral T>
    void start(awaitable<T> flow) {
        running_.fetch_add(1, std::memory_order_relaxed);
        asio::co_spawn(on_, std::move(flow), [this](std::exception_ptr error, T result) {
            if (error) std::rethrow_exception(error);
            sum_.fetch_add(result, std::memory_order_relaxed);
            one_ended();
        });
    }
    // Gives the sum, and is as new then.
    awaitable<std::int64_t> join() {
        one_ended(); // which the parent counts for
        co_await over_.async_receive(asio::deferred);
        running_.store(1, std::memory_order_relaxed);
        co_return sum_.exchange(0, std::memory_order_relaxed);
    }

private:
    void one_ended() {
        if (running_.fetch_sub(1, std::memory_order_acq_rel) == 1) over_.try_send(error_code());
    }

    const executor on_;
    std::atomic<std::int64_t> running_{1};
    std::atomic<std::int64_t> sum_{0};
    asio::experimental::concurrent_channel<executor, void(error_code)> over_;
};

// One for each source file.
void add_fork_join(std::vector<workload>& all);
void add_channels(std::vector<workload>& all);
void add_turns(std::vector<workload>& all);
void add_timers(std::vector<workload>& all);
void add_standing_by(std::vector<workload>& all);
void add_servers(std::vector<workload>& all);

} // namespace suite
