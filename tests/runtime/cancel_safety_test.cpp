// What every future of the library loses when it is dropped, in one list (R-SEL-6 to R-SEL-8). All of it is checked
// by the compiler; that the classes are true is tested with each primitive.
#include <sennit/all.hpp>

#include <gtest/gtest.h>

#include <chrono>
#include <mutex>
#include <shared_mutex>

namespace sennit {
namespace {

using enum cancel_safety;
using namespace std::chrono_literals;

template<class F>
constexpr cancel_safety of = cancel_safety_of<F>;

// A future that states nothing, and one of the user's own that does.
struct silent {
    sennit::poll<int> poll(context&) { return 1; }
};
struct half_done {
    static constexpr cancel_safety cancel_class = loses_progress;
    sennit::poll<int> poll(context&) { return 1; }
};

// core
static_assert(of<silent> == unknown);
static_assert(of<half_done&> == loses_progress);
static_assert(of<abandonable<half_done>> == unknown);
static_assert(of<decltype(async_yield())> == loses_place);

// coro: what a task has done so far stays done
static_assert(of<task<void>> == unknown);

// exec: a call that has begun goes on, and its result is thrown away
static_assert(of<decltype(async_blocking([] { return 1; }))> == loses_progress);

// sync: waiting for something that happens
static_assert(of<decltype(std::declval<event&>().async_wait())> == lossless);
static_assert(of<decltype(std::declval<latch&>().async_wait())> == lossless);
static_assert(of<decltype(std::declval<wait_group&>().async_wait())> == lossless);
static_assert(of<decltype(std::declval<once&>().async_call([] {}))> == lossless);
static_assert(of<decltype(std::declval<once_cell<int>&>().async_get_or_init([] { return 1; }))> ==
              lossless);
static_assert(of<decltype(std::declval<once&>().async_call([] { return async_yield(); }))> ==
              unknown);
// sync: queues (R-SEL-8)
static_assert(of<decltype(std::declval<mutex&>().async_lock())> == loses_place);
static_assert(of<decltype(std::declval<shared_mutex&>().async_lock())> == loses_place);
static_assert(of<decltype(std::declval<shared_mutex&>().async_lock_shared())> == loses_place);
static_assert(of<decltype(std::declval<semaphore&>().async_acquire())> == loses_place);
static_assert(of<decltype(std::declval<barrier&>().async_arrive_and_wait())> == loses_place);
static_assert(of<decltype(std::declval<condition_variable&>().async_wait(
                  std::declval<std::unique_lock<mutex>&>()))> == loses_place);
// sync: a token or a bound around them changes nothing
static_assert(of<decltype(std::declval<mutex&>().async_lock(std::stop_token()))> == loses_place);
static_assert(of<decltype(std::declval<event&>().async_wait(std::stop_token()))> == lossless);
static_assert(of<detail::limited_future<event_future>> == lossless);

// time
static_assert(of<decltype(async_sleep_for(1s))> == lossless);
static_assert(of<decltype(after(1s))> == lossless);
static_assert(of<decltype(std::declval<timer&>().async_wait())> == lossless);
static_assert(of<decltype(std::declval<ticker&>().async_tick())> == lossless);
static_assert(of<decltype(virtual_time::async_advance(1s))> == loses_progress);
static_assert(of<decltype(timeout(1s, std::declval<mutex&>().async_lock()))> == loses_place);
static_assert(of<decltype(timeout(1s, std::declval<half_done>()))> == loses_progress);
static_assert(of<decltype(timeout(1s, std::declval<half_done&>()))> == lossless);

// io, net (R-SEL-6, R-SEL-7)
static_assert(of<decltype(std::declval<async_fd&>().async_readable())> == lossless);
static_assert(of<decltype(std::declval<async_fd&>().async_writable())> == lossless);
static_assert(of<decltype(std::declval<tcp_listener&>().async_accept())> == lossless);
static_assert(of<tcp_read_future> == lossless);
static_assert(of<tcp_write_future> == lossless);
static_assert(of<tcp_write_all_future> == loses_progress);
static_assert(of<decltype(tcp_stream::async_connect("host:1"))> == unknown);

// runtime
static_assert(of<decltype(std::declval<join_handle<int>&>().async_join())> == lossless);
static_assert(of<decltype(std::declval<join_handle<int>&>().async_try_join())> == lossless);

TEST(cancel_safety, abandonable_polls_what_it_wraps) {
    abandonable f{half_done{}};
    EXPECT_EQ(wait(f), 1);
}

} // namespace
} // namespace sennit
