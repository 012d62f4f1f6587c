// The rules of Go's channels (G-CH-1 to G-CH-17); upstream tests are named where a rule has one.
#include "counted.hpp"
#include "support.hpp"

#include <array>
#include <atomic>
#include <stdexcept>
#include <type_traits>
#include <unordered_set>

namespace sennit {
namespace {

using namespace std::chrono_literals;
using test::counted;
using test::driver;
using test::kind;

// One whose move may throw: it travels in a box.
struct throwing {
    static inline std::atomic<int> live{0};
    static inline bool armed = false;
    int value;

    explicit throwing(int v) : value(v) { ++live; }
    throwing(throwing&& other) : value(other.value) {
        if (armed) throw std::runtime_error("moved");
        other.value = -1;
        ++live;
    }
    throwing& operator=(throwing&& other) {
        value = std::exchange(other.value, -1);
        return *this;
    }
    ~throwing() { --live; }
};
struct nothing {
    friend bool operator==(nothing, nothing) = default;
};

static_assert(detail::is_own_cell<int> && detail::is_own_cell<std::string>);
static_assert(detail::is_own_cell<counted> && !detail::is_own_cell<throwing>);
static_assert(!detail::is_own_cell<std::array<std::string, 100>>);

// ---- directions, identity, nil

template<class C>
concept can_send = requires(C c) { c.send(1); };
template<class C>
concept can_receive = requires(C c) { c.recv(); };
template<class C>
concept can_close = requires(C c) { c.close(); };

// go: test/chan/perm.go, test/closedchan.go. What Go's compiler rejects, ours does.
static_assert(can_send<chan<int>> && can_receive<chan<int>> && can_close<chan<int>>);
static_assert(can_send<send_chan<int>> && !can_receive<send_chan<int>>);
static_assert(!can_send<recv_chan<int>> && can_receive<recv_chan<int>>);
static_assert(can_close<send_chan<int>> && !can_close<recv_chan<int>>);
static_assert(std::is_convertible_v<chan<int>, send_chan<int>>);
static_assert(std::is_convertible_v<chan<int>, recv_chan<int>>);
static_assert(!std::is_constructible_v<chan<int>, send_chan<int>>);
static_assert(!std::is_constructible_v<chan<int>, recv_chan<int>>);
static_assert(!std::is_constructible_v<send_chan<int>, recv_chan<int>>);
static_assert(!std::is_constructible_v<recv_chan<int>, send_chan<int>>);
static_assert(!std::is_convertible_v<chan<int>, chan<long>>);
static_assert(sizeof(chan<int>) == sizeof(void*));

TEST(channel, handles_of_one_channel_are_equal) {
    auto a = make_chan<int>(), b = make_chan<int>();
    const chan<int> same = a;
    EXPECT_EQ(a, same);
    EXPECT_NE(a, b);
    EXPECT_EQ(send_chan<int>(a), recv_chan<int>(same));
    EXPECT_EQ(chan<int>(), chan<int>());
    EXPECT_FALSE(chan<int>());
    const std::unordered_set<chan<int>> set{a, b, same};
    EXPECT_EQ(set.size(), 2u);
}

// go: test/chancap.go
TEST(channel, capacity_is_what_was_asked_for) {
    EXPECT_EQ(make_chan<int>().cap(), 0u);
    EXPECT_EQ(make_chan<int>(10).cap(), 10u);
    EXPECT_EQ(make_chan<nothing>(10).cap(), 10u);
    for (const long long bad : {-1LL, 1LL << 62}) {
        try {
            (void)make_chan<std::array<char, 100>>(bad);
            ADD_FAILURE() << bad;
        } catch (const channel_error& e) {
            EXPECT_EQ(e.why(), channel_error::cause::bad_capacity);
        }
    }
}

// go: test/chan/nonblock.go, test/chan/select3.go for nil
TEST(channel, nil_waits_for_ever) {
    const chan<int> nil;
    EXPECT_EQ(nil.len(), 0u);
    EXPECT_EQ(nil.cap(), 0u);
    EXPECT_FALSE(nil.try_send(1));
    EXPECT_EQ(nil.try_recv().error(), recv_error::empty);
    EXPECT_THROW(nil.close(), channel_error);
    driver d;
    auto send = nil.async_send(1);
    auto recv = nil.async_recv();
    EXPECT_FALSE(d.poll(send).is_ready());
    EXPECT_FALSE(d.poll(recv).is_ready());

    runtime rt{{.workers = 1}};
    auto stuck = rt.spawn([&] { nil.send(1); });
    stuck.request_stop();
    EXPECT_TRUE(stuck.try_join().error().is_cancelled());
}

// ---- buffer, rendezvous, close

// go: test/chan/nonblock.go, runtime: TestChan (try operations)
TEST(channel, tries_say_why_not_and_leave_the_value) {
    auto c = make_chan<std::string>(1);
    EXPECT_EQ(c.try_recv().error(), recv_error::empty);
    std::string a = "a, and more than a short string holds";
    const std::string same = a;
    EXPECT_TRUE(c.try_send(std::as_const(a)));
    EXPECT_EQ(c.len(), 1u);
    EXPECT_FALSE(c.try_send(std::move(a)));
    EXPECT_EQ(a, same);
    EXPECT_EQ(*c.try_recv(), same);
    c.close();
    EXPECT_THROW((void)c.try_send(std::move(a)), channel_error);
    EXPECT_EQ(a, same);
    EXPECT_EQ(c.try_recv().error(), recv_error::closed);
    // Nobody waits on an unbuffered one.
    auto meeting = make_chan<std::string>();
    EXPECT_FALSE(meeting.try_send(std::move(a)));
    EXPECT_EQ(a, same);
}

// go: test/closedchan.go
TEST(channel, a_closed_one_is_drained_and_then_empty_for_ever) {
    auto c = make_chan<int>(3);
    c.send(1);
    c.send(2);
    c.close();
    EXPECT_EQ(c.recv(), 1);
    EXPECT_EQ(c.recv(), 2);
    for (int i = 0; i < 3; ++i)
        EXPECT_EQ(c.recv(), std::nullopt);
    EXPECT_THROW(c.send(3), channel_error);
    EXPECT_THROW(c.close(), channel_error);
}

TEST(channel, close_wakes_everybody_who_waits) {
    auto full = make_chan<int>(1);
    full.send(0);
    auto empty = make_chan<int>(1);
    driver s, r;
    std::vector<std::unique_ptr<send_future<int>>> senders;
    std::vector<std::unique_ptr<recv_future<int>>> receivers;
    for (int i = 0; i < 100; ++i) { // more than are woken at a time
        senders.push_back(std::make_unique<send_future<int>>(full.async_send(i)));
        receivers.push_back(std::make_unique<recv_future<int>>(empty.async_recv()));
        EXPECT_FALSE(s.poll(*senders.back()).is_ready());
        EXPECT_FALSE(r.poll(*receivers.back()).is_ready());
    }
    EXPECT_TRUE(s.rearm());
    EXPECT_TRUE(r.rearm());
    full.close();
    empty.close();
    EXPECT_GE(s.wakes(), 1);
    EXPECT_GE(r.wakes(), 1);
    for (auto& each : senders)
        EXPECT_THROW((void)s.poll(*each), channel_error);
    for (auto& each : receivers) {
        auto answer = r.poll(*each);
        ASSERT_TRUE(answer.is_ready());
        EXPECT_EQ(std::move(answer).take(), std::nullopt);
    }
    EXPECT_EQ(full.recv(), 0); // what was buffered stays
}

// go: runtime: TestChan, "ensure that ... FIFO"
TEST(channel, waiters_are_served_in_order) {
    auto c = make_chan<int>(2);
    driver d;
    std::vector<std::unique_ptr<recv_future<int>>> receivers;
    for (int i = 0; i < 4; ++i) {
        receivers.push_back(std::make_unique<recv_future<int>>(c.async_recv()));
        EXPECT_FALSE(d.poll(*receivers.back()).is_ready());
    }
    receivers.erase(receivers.begin() + 1); // who leaves does not disturb the others
    for (int i = 0; i < 3; ++i)
        c.send(i);
    EXPECT_EQ(c.len(), 0u); // they went straight to the receivers
    for (int i = 0; i < 3; ++i)
        EXPECT_EQ(d.poll(*receivers[static_cast<unsigned>(i)]).take(), i);

    std::vector<std::unique_ptr<send_future<int>>> senders;
    for (int i = 0; i < 6; ++i) {
        senders.push_back(std::make_unique<send_future<int>>(c.async_send(i)));
        EXPECT_EQ(d.poll(*senders.back()).is_ready(), i < 2);
    }
    senders.erase(senders.begin() + 3);
    EXPECT_FALSE(c.try_send(9));
    for (const int expected : {0, 1, 2, 4, 5})
        EXPECT_EQ(c.recv(), expected);
    EXPECT_EQ(c.try_recv().error(), recv_error::empty);
}

// A wake is needed only by whoever waits; a poll for nothing changes nothing.
TEST(channel, a_poll_for_nothing_keeps_the_place) {
    auto c = make_chan<int>();
    driver first, second;
    auto a = c.async_recv(), b = c.async_recv();
    EXPECT_FALSE(first.poll(a).is_ready());
    EXPECT_FALSE(first.poll(b).is_ready());
    EXPECT_FALSE(second.poll(a).is_ready()); // another flow drives it now
    EXPECT_TRUE(second.rearm());
    c.send(1);
    EXPECT_EQ(second.wakes(), 1);
    EXPECT_EQ(second.poll(a).take(), 1);
    EXPECT_FALSE(first.poll(b).is_ready());
}

// ---- elements

TEST(channel, elements_of_every_kind) {
    auto zero = make_chan<nothing>(2);
    zero.send({});
    zero.send({});
    EXPECT_FALSE(zero.try_send(nothing{}));
    EXPECT_EQ(zero.len(), 2u);
    EXPECT_EQ(zero.recv(), nothing{});

    auto unique = make_chan<std::unique_ptr<int>>(1);
    unique.send(std::make_unique<int>(7));
    EXPECT_EQ(**unique.recv(), 7);

    auto big = make_chan<std::array<std::string, 100>>(1);
    big.send({"first"});
    EXPECT_EQ((*big.recv())[0], "first");

    struct alignas(128) aligned {
        int value;
    };
    auto wide = make_chan<aligned>(3);
    for (int i = 0; i < 3; ++i)
        wide.send({i});
    for (int i = 0; i < 3; ++i) {
        const auto v = wide.recv();
        EXPECT_EQ(v->value, i);
    }

    auto channels = make_chan<chan<int>>(1); // G-CH-13
    auto inner = make_chan<int>(1);
    channels.send(inner);
    inner.send(5);
    EXPECT_EQ(channels.recv()->recv(), 5);
}

TEST(channel, what_nobody_received_is_destroyed_with_it) {
    const int before = counted::alive(), boxed = throwing::live;
    {
        auto a = make_chan<counted>(4);
        auto b = make_chan<throwing>(4);
        for (int i = 0; i < 6; ++i) { // goes round the ring
            a.send(counted(i));
            b.send(throwing(i));
            if (i < 3) {
                EXPECT_EQ(a.recv()->value(), i);
                EXPECT_EQ(b.recv()->value, i);
            }
        }
    }
    EXPECT_EQ(counted::alive(), before);
    EXPECT_EQ(throwing::live, boxed);
}

TEST(channel, a_move_that_throws_happens_outside_of_the_channel) {
    const int before = throwing::live;
    {
        auto c = make_chan<throwing>(2);
        throwing value(7);
        throwing::armed = true;
        EXPECT_THROW((void)c.try_send(std::move(value)), std::runtime_error);
        throwing::armed = false;
        EXPECT_EQ(c.len(), 0u); // nothing was sent
        EXPECT_EQ(value.value, 7);
        EXPECT_TRUE(c.try_send(std::move(value)));
        c.send(throwing(8));
        throwing full(9);
        EXPECT_FALSE(c.try_send(std::move(full)));
        EXPECT_EQ(full.value, 9);
        throwing::armed = true;
        EXPECT_THROW((void)c.recv(), std::runtime_error);
        throwing::armed = false;
        EXPECT_EQ(c.recv()->value, 8); // the one before is lost, the channel is not
        c.close();
        EXPECT_THROW((void)c.try_send(std::move(full)), channel_error);
        EXPECT_EQ(full.value, 9);
    }
    EXPECT_EQ(throwing::live, before);
}

// ---- dropping

TEST(channel, a_value_given_to_one_that_is_dropped_passes_on) {
    const int before = counted::alive();
    for (const int capacity : {0, 1, 3}) {
        auto c = make_chan<counted>(capacity);
        driver first, second;
        std::optional<recv_future<counted>> a(c.async_recv());
        std::optional<recv_future<counted>> b(c.async_recv());
        EXPECT_FALSE(first.poll(*a).is_ready());
        EXPECT_FALSE(second.poll(*b).is_ready());
        EXPECT_TRUE(second.rearm());
        c.send(counted(1));
        EXPECT_EQ(second.wakes(), 0);
        a.reset();
        EXPECT_EQ(second.wakes(), 1); // to the next receiver
        b.reset();                    // and back, where there is none
        EXPECT_EQ(c.len(), 1u);
        auto again = c.try_recv();
        ASSERT_TRUE(again);
        EXPECT_EQ(again->value(), 1);
    }
    EXPECT_EQ(counted::alive(), before);
}

TEST(channel, a_value_that_comes_back_to_a_full_channel_is_the_next) {
    const int before = counted::alive();
    for (const bool drain : {true, false}) {
        auto c = make_chan<counted>(2);
        driver d;
        std::vector<std::unique_ptr<recv_future<counted>>> dropped;
        for (int i = 0; i < 3; ++i) {
            dropped.push_back(std::make_unique<recv_future<counted>>(c.async_recv()));
            EXPECT_FALSE(d.poll(*dropped.back()).is_ready());
        }
        for (int i = 0; i < 5; ++i)
            c.send(counted(i)); // three are given away, two fill the ring
        EXPECT_FALSE(c.try_send(counted(9)));
        while (!dropped.empty())
            dropped.pop_back();
        EXPECT_EQ(c.len(), 5u);
        if (!drain) continue; // destroyed with the channel
        c.close();
        for (int i = 0; i < 5; ++i)
            EXPECT_EQ(c.recv()->value(), i);
        EXPECT_FALSE(c.recv());
    }
    EXPECT_EQ(counted::alive(), before);
}

TEST(channel, a_send_that_is_dropped_was_received_or_is_destroyed) {
    const int before = counted::alive();
    {
        auto c = make_chan<counted>();
        driver d;
        std::optional<send_future<counted>> taken(c.async_send(counted(1)));
        std::optional<send_future<counted>> left(c.async_send(counted(2)));
        (void)c.async_send(counted(3)); // never polled: nothing happens
        EXPECT_FALSE(d.poll(*taken).is_ready());
        EXPECT_FALSE(d.poll(*left).is_ready());
        EXPECT_EQ(c.recv()->value(), 1);
        taken.reset();
        left.reset();
        EXPECT_EQ(c.try_recv().error(), recv_error::empty);
    }
    EXPECT_EQ(counted::alive(), before);
}

TEST(channel, a_future_of_an_rvalue_keeps_the_channel_alive) {
    driver d;
    auto f = make_chan<int>(1).async_send(1);
    EXPECT_TRUE(d.poll(f).is_ready());
    auto r = make_chan<int>(1).async_recv();
    EXPECT_FALSE(d.poll(r).is_ready());
}

TEST(channel_death, the_last_handle_is_kept_while_somebody_waits) {
    GTEST_FLAG_SET(death_test_style, "threadsafe");
    EXPECT_DEATH(
        {
            auto c = make_chan<int>();
            driver d;
            auto f = c.async_recv();
            (void)d.poll(f).is_ready();
            c = {};
        },
        "keep a handle");
}

// ---- at random moments

// Seeded: sends and receives that are given up at random moments, also after they were granted.
// What was sent is what was received and what is left: nothing is lost, nothing comes twice.
TEST(channel, random_drops_lose_nothing) {
    const int before = counted::alive();
    const int seeds = test::rounds_scaled(100);
    for (int seed = 0; seed < seeds; ++seed) {
        runtime rt{{.workers = 1u + static_cast<unsigned>(seed) % 4u}};
        auto c = make_chan<counted>(seed % 3);
        std::atomic<long> sent{0}, received{0}, gone{0};
        std::vector<join_handle<void>> flows;
        for (int flow = 0; flow < 3; ++flow) {
            flows.push_back(rt.spawn([&, seed, flow] {
                std::mt19937 random(static_cast<std::uint32_t>(seed * 100 + flow));
                for (int i = 1; i <= 60; ++i) {
                    counted v(i);
                    if (random() % 2 == 0) {
                        sent += c.try_send(std::move(v)) ? i : 0;
                    } else {
                        c.send(std::move(v));
                        sent += i;
                    }
                    if (random() % 4 == 0) this_flow::yield();
                }
            }));
            flows.push_back(rt.spawn([&, seed, flow] {
                std::mt19937 random(static_cast<std::uint32_t>(seed * 100 + 50 + flow));
                for (;;) {
                    if (random() % 3 != 0) {
                        // Dropped when the time is over, perhaps with a value in its hand.
                        auto answer =
                            wait(timeout(std::chrono::microseconds(random() % 5), c.async_recv()));
                        if (!answer) continue;
                        if (!*answer) break;
                        received += (*answer)->value();
                    } else {
                        const auto v = c.recv();
                        if (!v) break;
                        received += v->value();
                    }
                }
            }));
        }
        for (std::size_t i = 0; i < flows.size(); i += 2)
            flows[i].join();
        c.close();
        for (std::size_t i = 1; i < flows.size(); i += 2)
            flows[i].join();
        while (auto v = c.try_recv())
            gone += v->value();
        ASSERT_EQ(sent, received + gone) << "seed " << seed;
    }
    EXPECT_EQ(counted::alive(), before);
}

// Stopping a receiver at the moment of a send: the value is with it or still there.
TEST(channel, a_stopped_receiver_loses_nothing) {
    runtime rt{{.workers = 2}};
    for (int round = 0; round < test::rounds_scaled(300); ++round) {
        auto c = make_chan<int>(round % 2);
        event begun;
        auto receiver = rt.spawn([&] {
            begun.set();
            return c.recv().value_or(-1);
        });
        begun.wait();
        auto sender = rt.spawn([&] { c.send(7); });
        receiver.request_stop();
        auto got = receiver.try_join();
        if (got) {
            EXPECT_EQ(*got, 7);
        } else {
            EXPECT_EQ(c.recv(), 7);
        }
        sender.join();
        EXPECT_EQ(c.len(), 0u);
    }
}

// go: test/chanlinear.go: many who wait for one channel leave in time that is linear in their number.
TEST(channel, leaving_a_long_queue_takes_constant_time) {
    auto c = make_chan<int>();
    driver d;
    std::vector<std::unique_ptr<recv_future<int>>> waiting;
    constexpr int many = 20'000;
    for (int i = 0; i < many; ++i) {
        waiting.push_back(std::make_unique<recv_future<int>>(c.async_recv()));
        EXPECT_FALSE(d.poll(*waiting.back()).is_ready());
    }
    std::mt19937 random(1);
    std::shuffle(waiting.begin(), waiting.end(), random);
    waiting.clear(); // a quadratic way would be felt: 200 million steps
    EXPECT_FALSE(c.try_send(1));
}

} // namespace
} // namespace sennit
