// The rules of Go's select (G-SEL-1 to G-SEL-11) and of tokio's select!; upstream tests are named where a rule has one. Selects
// that meet or are dropped are in select_flows_test.cpp.
#include "support.hpp"

#include <array>
#include <stdexcept>

namespace sennit {
namespace {

using namespace std::chrono_literals;
using test::driver;

// ---- what is ready

TEST(select, does_the_case_that_is_ready) {
    auto a = make_chan<int>(1), b = make_chan<int>(1);
    b.send(7);
    int got = 0;
    EXPECT_EQ(select(on_recv(a), on_recv(b, [&](std::optional<int> v) { got = v.value_or(0); })),
              1u);
    EXPECT_EQ(got, 7);
    bool sent = false;
    EXPECT_EQ(select(on_recv(b), on_send(a, 5, [&] { sent = true; })), 1u);
    EXPECT_TRUE(sent);
    EXPECT_EQ(a.recv(), 5);
    b.close();
    EXPECT_EQ(select(on_recv(a), on_recv(b, [&](std::optional<int> v) { got = v ? 1 : 2; })), 1u);
    EXPECT_EQ(got, 2);
}

// go: test/chan/select5.go, G-SEL-4, G-SEL-5
TEST(select, otherwise_is_for_when_nothing_is_ready) {
    auto empty = make_chan<int>(1);
    const chan<int> nil;
    bool called = false;
    EXPECT_EQ(
        select(on_recv(empty), on_recv(nil), on_send(nil, 1), otherwise([&] { called = true; })),
        3u);
    EXPECT_TRUE(called);
    EXPECT_EQ(select(otherwise(), on_send(empty, 1)), 1u);
    EXPECT_EQ(select(on_recv(empty).when(false), otherwise()), 1u);
    EXPECT_EQ(select(on_recv(empty).when(true), otherwise()), 0u);
    event set;
    set.set();
    EXPECT_EQ(select(on_recv(empty), on(set.async_wait()), otherwise()), 1u);
}

// go: test/chan/select4.go, select6.go, G-SEL-6
TEST(select, without_a_case_that_can_be_ready_waits_for_ever) {
    driver d;
    auto none = async_select();
    EXPECT_FALSE(d.poll(none).is_ready());
    auto nil = async_select(on_recv(chan<int>()), on_send(chan<int>(), 1));
    EXPECT_FALSE(d.poll(nil).is_ready());

    runtime rt{{.workers = 1}};
    auto stuck = rt.spawn([] { select(); });
    stuck.request_stop();
    EXPECT_TRUE(stuck.try_join().error().is_cancelled());
}

// go: test/closedchan.go, G-SEL-7
TEST(select, sending_to_a_closed_channel_throws) {
    auto c = make_chan<int>();
    c.close();
    EXPECT_THROW(select(on_send(c, 1), on_timeout(1h)), channel_error);
    auto open = make_chan<int>();
    driver d;
    auto waiting = async_select(on_send(open, 1));
    EXPECT_FALSE(d.poll(waiting).is_ready());
    open.close();
    EXPECT_THROW((void)d.poll(waiting), channel_error);
}

// go: runtime: TestSelectFairness; every ready one gets its share of what is random.
TEST(select, chooses_at_random_among_the_ready) {
    constexpr int rounds = 3000;
    auto full = make_chan<int>(rounds), also = make_chan<int>(rounds),
         room = make_chan<int>(rounds);
    event set;
    set.set();
    for (int i = 0; i < rounds; ++i) {
        full.send(i);
        also.send(i);
    }
    std::array<int, 4> times{};
    for (int i = 0; i < rounds; ++i)
        ++times[select(on_recv(full), on_recv(also), on_send(room, 1), on(set.async_wait()))];
    for (const int each : times)
        EXPECT_GT(each, rounds / 10);
}

// tokio: macros_select biased_one_not_ready, biased_eventually_ready
TEST(select, biased_takes_the_first) {
    auto a = make_chan<int>(100), b = make_chan<int>(100);
    for (int i = 0; i < 100; ++i) {
        a.send(i);
        b.send(i);
    }
    for (int i = 0; i < 50; ++i)
        EXPECT_EQ(select(biased, on_recv(a), on_recv(b)), 0u);
    for (int i = 0; i < 50; ++i)
        EXPECT_EQ(select(biased, on_recv(b), on_recv(a)), 0u);
    EXPECT_EQ(select(biased, on_timeout(0s), on_recv(a)), 0u);
    EXPECT_EQ(select(on_timeout(0s), on_recv(a)), 1u); // what is ready beats the clock
}

// go: test/chan/select2.go (nothing is left in the queues), select3.go
TEST(select, losing_waiters_leave_the_queues) {
    auto a = make_chan<int>(), b = make_chan<int>();
    driver d;
    {
        auto waiting = async_select(on_recv(a), on_send(b, 9), on_recv(a));
        EXPECT_FALSE(d.poll(waiting).is_ready());
        EXPECT_TRUE(d.rearm());
        EXPECT_TRUE(a.try_send(1));
        EXPECT_EQ(d.wakes(), 1);
        EXPECT_EQ(b.try_recv().error(), recv_error::empty); // it is decided
        EXPECT_FALSE(a.try_send(2));
        EXPECT_NE(d.poll(waiting).take(), 1u);
    }
    {
        auto dropped = async_select(on_recv(a), on_send(b, 9));
        EXPECT_FALSE(d.poll(dropped).is_ready());
    }
    EXPECT_FALSE(a.try_send(1));
    EXPECT_EQ(b.try_recv().error(), recv_error::empty);
}

// go: test/chan/select3.go, runtime: TestSelfSelect; G-SEL-8
TEST(select, never_meets_itself) {
    auto c = make_chan<int>();
    driver d;
    auto both = async_select(on_send(c, 1), on_recv(c));
    EXPECT_FALSE(d.poll(both).is_ready());
    EXPECT_FALSE(d.poll(both).is_ready());
    // But two of them meet.
    auto other = async_select(on_send(c, 2), on_recv(c));
    const std::size_t mine = d.poll(other).take();
    EXPECT_EQ(d.poll(both).take(), 1 - mine);
    EXPECT_FALSE(c.try_send(3));
}

// A wait with many, each of which may be the one; the waiters move with the polls.
TEST(select, polls_for_nothing_keep_the_places) {
    auto a = make_chan<int>(), b = make_chan<int>();
    driver first, second;
    auto waiting = async_select(on_recv(a), on_recv(b));
    EXPECT_FALSE(first.poll(waiting).is_ready());
    auto behind = a.async_recv();
    EXPECT_FALSE(first.poll(behind).is_ready());
    EXPECT_FALSE(second.poll(waiting).is_ready());
    EXPECT_TRUE(second.rearm());
    a.send(1);
    EXPECT_EQ(second.wakes(), 1);
    EXPECT_EQ(second.poll(waiting).take(), 0u);
    EXPECT_FALSE(first.poll(behind).is_ready());
}

// ---- handlers, futures, bounds

TEST(select, a_handler_may_go_on_with_a_future) {
    auto in = make_chan<int>(1), out = make_chan<int>();
    driver d;
    auto relay = async_select(on_recv(in, [&](std::optional<int> v) { return out.async_send(*v); }),
                              on_timeout(1h));
    EXPECT_FALSE(d.poll(relay).is_ready());
    in.send(7);
    EXPECT_FALSE(d.poll(relay).is_ready()); // the handler waits for a receiver
    EXPECT_EQ(out.recv(), 7);
    EXPECT_EQ(d.poll(relay).take(), 0u);

    const auto twice = [](int v) -> task<int> {
        co_await async_yield();
        co_return 2 * v;
    };
    int doubled = 0;
    const auto handler = [&](std::optional<int> v) -> task<void> {
        return [](int n, auto make, int& result) -> task<void> { result = co_await make(n); }(
                                                     *v, twice, doubled);
    };
    in.send(4);
    EXPECT_EQ(select(on_recv(in, handler)), 0u);
    EXPECT_EQ(doubled, 8);
}

TEST(select, what_a_handler_throws_passes_through) {
    auto c = make_chan<int>(2);
    c.send(1);
    EXPECT_THROW(select(on_recv(c, [](std::optional<int>) { throw std::runtime_error("no"); })),
                 std::runtime_error);
    EXPECT_EQ(c.len(), 0u); // received it was
}

// Counts its drops, and is ready when told.
struct flag_future {
    static inline int dropped = 0;
    static constexpr auto cancel_class = cancel_safety::lossless;
    const bool* ready;

    explicit flag_future(const bool& r) : ready(&r) {}
    flag_future(flag_future&& other) noexcept : ready(std::exchange(other.ready, nullptr)) {}
    ~flag_future() { dropped += ready != nullptr; }
    sennit::poll<int> poll(context&) {
        if (!*ready) return pending;
        return 42;
    }
};

// tokio: macros_select drop_in_fut; the losers are gone when the handler runs.
TEST(select, losers_are_destroyed_before_the_handler_runs) {
    bool no = false, yes = true;
    flag_future::dropped = 0;
    int seen = 0, dropped = 0;
    EXPECT_EQ(select(on(flag_future(no)), on(flag_future(yes),
                                             [&](int v) {
                                                 seen = v;
                                                 dropped = flag_future::dropped;
                                             })),
              1u);
    EXPECT_EQ(seen, 42);
    EXPECT_EQ(dropped, 2);
}

// R-SEL-9: a future that is referred to goes on in the next select.
TEST(select, a_future_given_as_an_lvalue_stays) {
    bool ready = false;
    flag_future f(ready);
    auto c = make_chan<int>(1);
    c.send(1);
    EXPECT_EQ(select(on(f), on_recv(c)), 1u);
    ready = true;
    EXPECT_EQ(select(on(f), on_recv(c)), 0u);
}

struct half_done {
    static constexpr auto cancel_class = cancel_safety::loses_progress;
    sennit::poll<int> poll(context&) { return 1; }
};
TEST(select, a_future_that_loses_progress_is_named) {
    half_done lvalue;
    EXPECT_EQ(select(on(lvalue)), 0u);
    EXPECT_EQ(select(on(abandonable(half_done{}))), 0u);
    using plain = decltype(async_select(on_recv(chan<int>())));
    static_assert(cancel_safety_of<plain> == cancel_safety::loses_place);
}

TEST(select, bounds_and_stops) {
    auto never = make_chan<int>();
    bool late = false;
    EXPECT_EQ(select(on_recv(never), on_timeout(1ms, [&] { late = true; })), 1u);
    EXPECT_TRUE(late);
    EXPECT_EQ(select(on_recv(never), on_timeout(std::chrono::steady_clock::now())), 1u);

    std::stop_source source;
    driver d;
    auto waiting = async_select(on_recv(never), on_stop(source.get_token()));
    EXPECT_FALSE(d.poll(waiting).is_ready());
    EXPECT_TRUE(d.rearm());
    source.request_stop();
    EXPECT_EQ(d.wakes(), 1);
    EXPECT_EQ(d.poll(waiting).take(), 1u);

    // A stop has its turn also where a channel is always ready.
    auto busy = make_chan<int>(1);
    bool stopped = false;
    for (int i = 0; i < 200 && !stopped; ++i) {
        (void)busy.try_send(1);
        stopped = select(on_recv(busy), on_stop(source.get_token())) == 1;
    }
    EXPECT_TRUE(stopped);
}

// G-SEL-10; go: reflect: TestSelect
TEST(select, a_list_of_cases) {
    std::vector<chan<int>> inputs;
    for (int i = 0; i < 1000; ++i)
        inputs.push_back(make_chan<int>(1));
    const auto cases = [&](int& got) {
        select_list list;
        for (const auto& c : inputs)
            list.add(on_recv(c, [&](std::optional<int> v) { got = *v; }));
        return list;
    };
    int got = 0;
    inputs[700].send(7);
    EXPECT_EQ(select(cases(got)), 700u);
    EXPECT_EQ(got, 7);
    driver d;
    auto waiting = async_select(cases(got));
    EXPECT_FALSE(d.poll(waiting).is_ready());
    inputs[3].send(8);
    inputs[4].send(9);
    EXPECT_EQ(d.poll(waiting).take(), 3u);
    EXPECT_EQ(got, 8);
    EXPECT_EQ(inputs[4].recv(), 9);
    select_list with_otherwise = cases(got);
    EXPECT_EQ(with_otherwise.add(otherwise()), 1000u);
    EXPECT_EQ(select(biased, std::move(with_otherwise)), 1000u);
}

struct counter {
    int* calls;
    void count() { ++*calls; }
};
struct counter_at_once {
    counter value;
    sennit::poll<counter> poll(context&) { return value; }
};
TEST(select_handler, may_be_a_pointer_to_a_member_of_the_value) {
    int calls = 0;
    select(on(counter_at_once{{&calls}}, &counter::count));
    EXPECT_EQ(calls, 1);
}

} // namespace
} // namespace sennit
