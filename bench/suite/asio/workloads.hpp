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
#include <memory>
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

// Flows that run beside their parent, which waits for all of them: the last one that ends tells it by a channel. They share the
// state, since the channel's lock may be held a moment longer than the parent waits. A ranged parallel_group would do the same, but
// in Boost 1.81 it looks at its range again when the parent may have gone on.
class flows {
public:
    explicit flows(executor on) : on_(on), all_(std::make_shared<state>(on)) {}

    void start(awaitable<void> flow) {
        all_->running.fetch_add(1, std::memory_order_relaxed);
        asio::co_spawn(on_, std::move(flow), [all = all_](std::exception_ptr error) {
            if (error) std::rethrow_exception(error);
            all->one_ended();
        });
    }
    // A flow whose result is added up.
    template<std::integral T>
    void start(awaitable<T> flow) {
        all_->running.fetch_add(1, std::memory_order_relaxed);
        asio::co_spawn(on_, std::move(flow), [all = all_](std::exception_ptr error, T result) {
            if (error) std::rethrow_exception(error);
            all->sum.fetch_add(result, std::memory_order_relaxed);
            all->one_ended();
        });
    }
    // Gives the sum, and is as new then.
    awaitable<std::int64_t> join() {
        all_->one_ended(); // which the parent counts for
        co_await all_->over.async_receive(asio::deferred);
        all_->running.store(1, std::memory_order_relaxed);
        co_return all_->sum.exchange(0, std::memory_order_relaxed);
    }

private:
    struct state {
        explicit state(executor on) : over(on, 1) {}
        void one_ended() {
            if (running.fetch_sub(1, std::memory_order_acq_rel) == 1) over.try_send(error_code());
        }
        std::atomic<std::int64_t> running{1};
        std::atomic<std::int64_t> sum{0};
        asio::experimental::concurrent_channel<executor, void(error_code)> over;
    };
    executor on_;
    std::shared_ptr<state> all_;
};

// One for each source file.
void add_fork_join(std::vector<workload>& all);
void add_channels(std::vector<workload>& all);
void add_turns(std::vector<workload>& all);
void add_timers(std::vector<workload>& all);
void add_standing_by(std::vector<workload>& all);
void add_servers(std::vector<workload>& all);

} // namespace suite
