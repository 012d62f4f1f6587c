// The rules of golang/go's test/chan: small programs over channels. Above each case stands the upstream file.
#include "conformance/pairing.hpp"

#include <algorithm>
#include <atomic>
#include <cstdint>
#include <random>
#include <ranges>
#include <string>
#include <vector>

namespace sennit {
namespace {

using test::await_count;
using test::by;
using test::counting;
using test::kind;

class go_chan_programs : public test::conformance {
protected:
    // Flows that a chain may have: threads are dear.
    int chain(int flows, int with_threads) const {
        const bool threads = GetParam().first == kind::thread || GetParam().second == kind::thread;
        return threads ? with_threads : flows;
    }
    // Tries of the test's own thread against blocking verbs of a flow.
    template<class T>
    void meet_by_trying(kind other, const T& value, int capacity) {
        auto c = make_chan<T>(capacity);
        EXPECT_EQ(c.try_recv().error(), recv_error::empty);
        start_as(other, [c, value](kind me) -> task<void> {
            const std::optional<T> got = co_await by(me, c.async_recv());
            EXPECT_EQ(got, value);
        });
        while (!c.try_send(value))
            std::this_thread::yield();
        auto back = make_chan<T>(capacity);
        start_as(other, [back, value](kind me) -> task<void> {
            auto sent = back.async_send(value);
            co_await by(me, std::move(sent));
        });
        std::expected<T, recv_error> got = back.try_recv();
        while (!got) {
            EXPECT_EQ(got.error(), recv_error::empty);
            std::this_thread::yield();
            got = back.try_recv();
        }
        EXPECT_EQ(*got, value);
        EXPECT_EQ(back.try_recv().error(), recv_error::empty);
    }
};
SENNIT_PAIRINGS(go_chan_programs);

// test/chan/fifo.go: AsynchFifo. What a buffer was given comes out in that order.
TEST_P(go_chan_programs, a_buffer_keeps_the_order) {
    constexpr int n = 10;
    auto c = make_chan<int>(n);
    auto filled = make_chan<int>();
    const auto fill = [&](kind me) -> task<void> {
        for (int i = 0; i < n; ++i)
            co_await by(me, c.async_send(i));
        co_await by(me, filled.async_send(1));
    };
    together(fill, [&](kind me) -> task<void> {
        co_await by(me, filled.async_recv());
        EXPECT_EQ(c.len(), unsigned{n});
        for (int i = 0; i < n; ++i)
            EXPECT_EQ(co_await by(me, c.async_recv()), i);
    });
}

// test/chan/fifo.go: SynchFifo. A chain of flows, each of which waits for its neighbour's word, speaks in order.
TEST_P(go_chan_programs, a_chain_of_meetings_keeps_the_order) {
    constexpr int n = 12;
    auto spoken = make_chan<int>();
    std::vector<chan<int>> turns;
    for (int i = 0; i <= n; ++i)
        turns.push_back(make_chan<int>());
    for (int i = n; i-- > 0;) { // started in the wrong order
        start_party(i, [&, i](kind me) -> task<void> {
            const auto at = static_cast<unsigned>(i);
            co_await by(me, turns[at].async_recv());
            co_await by(me, spoken.async_send(i));
            co_await by(me, turns[at + 1].async_send(1));
        });
    }
    turns[0].send(1);
    for (int i = 0; i < n; ++i)
        EXPECT_EQ(spoken.recv(), i);
    EXPECT_EQ(turns[n].recv(), 1);
    join();
}

// test/chan/goroutines.go. A long chain of flows passes one value through and comes to its end.
TEST_P(go_chan_programs, a_long_chain_unwinds) {
    const int n = chain(500, 20);
    const auto leftmost = make_chan<int>();
    chan<int> left = leftmost;
    for (int i = 0; i < n; ++i) {
        auto right = make_chan<int>();
        start_party(i, [left, right](kind me) -> task<void> {
            const std::optional<int> v = co_await by(me, right.async_recv());
            co_await by(me, left.async_send(*v + 1));
        });
        left = right;
    }
    start_party(1, [left](kind me) -> task<void> { co_await by(me, left.async_send(0)); });
    EXPECT_EQ(leftmost.recv(), n);
    join();
}

// test/chan/nonblock.go. Without a partner a try does nothing; with one that waits it meets it. So for each type of
// element, with a buffer and without.
TEST_P(go_chan_programs, tries_meet_whoever_waits) {
    for (const int i : {0, 1}) {
        for (const int capacity : {0, 1}) {
            meet_by_trying<std::int32_t>(kind_of(i), 123, capacity);
            meet_by_trying<double>(kind_of(i), 1.25, capacity);
            meet_by_trying<bool>(kind_of(i), true, capacity);
            meet_by_trying<std::string>(kind_of(i), "more than a short string holds", capacity);
        }
    }
    join();
}

// test/chan/perm.go. What the directions allow; what Go's compiler rejects ours rejects.
template<class C>
concept sends = requires(C c) {
    c.send(1);
    c.async_send(1);
    (void)c.try_send(1);
};
template<class C>
concept sends_at_all = requires(C c) { c.send(1); } || requires(C c) { c.async_send(1); } ||
                       requires(C c) { (void)c.try_send(1); };
template<class C>
concept receives = requires(C c) {
    c.recv();
    c.async_recv();
    (void)c.try_recv();
    c.begin();
};
template<class C>
concept receives_at_all = requires(C c) { c.recv(); } || requires(C c) { c.async_recv(); } ||
                          requires(C c) { (void)c.try_recv(); } || requires(C c) { c.begin(); };
template<class C>
concept closes = requires(C c) { c.close(); };
template<class C>
concept sends_in_select = requires(C& c) { on_send(c, 1); };

static_assert(sends<chan<int>> && receives<chan<int>> && closes<chan<int>>);
static_assert(sends<send_chan<int>> && !receives_at_all<send_chan<int>> && closes<send_chan<int>>);
static_assert(!sends_at_all<recv_chan<int>> && receives<recv_chan<int>> && !closes<recv_chan<int>>);
static_assert(sends_in_select<chan<int>> && sends_in_select<send_chan<int>>);
static_assert(!sends_in_select<recv_chan<int>>);
static_assert(detail::channel_receiver<chan<int>> && detail::channel_receiver<recv_chan<int>>);
static_assert(!detail::channel_receiver<send_chan<int>>);
static_assert(std::is_convertible_v<chan<int>, send_chan<int>> &&
              std::is_convertible_v<chan<int>, recv_chan<int>>);
static_assert(!std::is_constructible_v<chan<int>, send_chan<int>> &&
              !std::is_constructible_v<chan<int>, recv_chan<int>> &&
              !std::is_constructible_v<recv_chan<int>, send_chan<int>> &&
              !std::is_constructible_v<send_chan<int>, recv_chan<int>>);
static_assert(!sends<chan<std::string>>); // a channel has one type of element

// test/chan/select7.go. Each form of sending meets each form of receiving.
enum class form { plain, alone, with_another, trying };
task<void> send_by(kind me, form f, chan<int> c, int value) {
    auto never = make_chan<int>();
    switch (f) {
        case form::plain:
            co_await by(me, c.async_send(value));
            break;
        case form::alone: {
            auto one = async_select(on_send(c, value));
            co_await by(me, std::move(one));
            break;
        }
        case form::with_another: {
            auto one = async_select(on_recv(never), on_send(c, value));
            const std::size_t fired = co_await by(me, std::move(one));
            EXPECT_EQ(fired, 1u);
            break;
        }
        case form::trying:
            for (bool sent = false; !sent;) {
                auto one = async_select(on_send(c, value, [&] { sent = true; }), otherwise());
                co_await by(me, std::move(one));
                co_await by(me, async_yield());
            }
            break;
    }
}
task<int> receive_by(kind me, form f, chan<int> c) {
    auto never = make_chan<int>();
    std::optional<int> got;
    const auto keep = [&](std::optional<int> v) { got = v; };
    switch (f) {
        case form::plain:
            got = co_await by(me, c.async_recv());
            break;
        case form::alone: {
            auto one = async_select(on_recv(c, keep));
            co_await by(me, std::move(one));
            break;
        }
        case form::with_another: {
            auto one = async_select(on_recv(c, keep), on_send(never, 1));
            const std::size_t fired = co_await by(me, std::move(one));
            EXPECT_EQ(fired, 0u);
            break;
        }
        case form::trying:
            while (!got) {
                auto one = async_select(on_recv(c, keep), otherwise());
                co_await by(me, std::move(one));
                co_await by(me, async_yield());
            }
            break;
    }
    co_return *got;
}
TEST_P(go_chan_programs, all_forms_of_meeting) {
    for (const form s : {form::plain, form::alone, form::with_another, form::trying}) {
        for (const form r : {form::plain, form::alone, form::with_another, form::trying}) {
            for (const int capacity : {0, 1}) {
                if (s == form::trying && r == form::trying && capacity == 0)
                    continue; // two who never wait
                auto c = make_chan<int>(capacity);
                const auto send = [&](kind me) -> task<void> { co_await send_by(me, s, c, 42); };
                together(send, [&](kind me) -> task<void> {
                    const int v = co_await receive_by(me, r, c);
                    EXPECT_EQ(v, 42);
                });
            }
        }
    }
}

// test/chan/sendstmt.go. Channels carry channels: what is sent is the value of the whole expression.
TEST_P(go_chan_programs, channels_carry_channels) {
    auto of_channels = make_chan<chan<int>>();
    const auto give = [&](kind me) -> task<void> {
        auto inner = make_chan<int>(1);
        auto sent = of_channels.async_send(inner);
        co_await by(me, std::move(sent));
        EXPECT_EQ(co_await by(me, inner.async_recv()), 27);
    };
    together(give, [&](kind me) -> task<void> {
        const std::optional<chan<int>> inner = co_await by(me, of_channels.async_recv());
        co_await by(me, inner->async_send(2 + 25));
    });
}

// test/chan/sieve1.go and sieve2.go. The sieve: a chain that grows by a flow for each prime, without and with buffers.
TEST_P(go_chan_programs, the_prime_sieve) {
    const int limit = chain(110, 32);
    const std::vector<int> known{2,  3,  5,  7,  11, 13, 17, 19, 23, 29, 31,  37,  41,  43, 47,
                                 53, 59, 61, 67, 71, 73, 79, 83, 89, 97, 101, 103, 107, 109};
    for (const int capacity : {0, 5}) {
        chan<int> numbers = make_chan<int>(capacity);
        first([out = numbers, limit](kind me) -> task<void> {
            for (int i = 2; i < limit; ++i)
                co_await by(me, out.async_send(i));
            out.close();
        });
        std::vector<int> primes;
        while (const std::optional<int> prime = numbers.recv()) {
            primes.push_back(*prime);
            auto rest = make_chan<int>(capacity);
            start_party(*prime, [in = numbers, rest, p = *prime](kind me) -> task<void> {
                for (;;) {
                    const std::optional<int> v = co_await by(me, in.async_recv());
                    if (!v) break;
                    if (*v % p != 0) co_await by(me, rest.async_send(*v));
                }
                rest.close();
            });
            numbers = rest;
        }
        join();
        EXPECT_TRUE(std::ranges::equal(
            primes, known | std::views::take_while([=](int p) { return p < limit; })));
    }
}

// test/chan/zerosize.go. Elements without content count like others.
TEST_P(go_chan_programs, elements_without_content_count) {
    struct nothing {};
    auto c = make_chan<nothing>(2);
    auto meeting = make_chan<nothing>();
    c.send({});
    c.send({});
    EXPECT_EQ(c.len(), 2u);
    EXPECT_FALSE(c.try_send({}));
    const auto give = [&](kind me) -> task<void> {
        for (int i = 0; i < 5; ++i)
            co_await by(me, meeting.async_send({}));
        meeting.close();
    };
    int seen = 0;
    together(give, [&](kind me) -> task<void> {
        for (;;) {
            const std::optional<nothing> v = co_await by(me, meeting.async_recv());
            if (!v) break;
            ++seen;
        }
    });
    EXPECT_EQ(seen, 5);
}

// test/closedchan.go. On a closed channel every form of receiving gives what is left and then nothing, again and again;
// every form of sending, and closing again, is an error.
TEST_P(go_chan_programs, closed_is_closed_for_every_form) {
    using enum form;
    for (const int buffered : {0, 5}) {
        auto c = make_chan<int>(buffered);
        for (int i = 0; i < buffered; ++i)
            c.send(i);
        c.close();
        const auto receives = [&](kind me) -> task<void> {
            if (buffered != 0) {
                int expected = 0;
                for (const form f : {plain, alone, with_another, trying}) {
                    const int v = co_await receive_by(me, f, c);
                    EXPECT_EQ(v, expected++);
                }
                EXPECT_EQ(c.try_recv(), expected);
            }
            for (int i = 0; i < 2; ++i) {
                EXPECT_EQ(co_await by(me, c.async_recv()), std::nullopt);
                EXPECT_EQ(c.try_recv().error(), recv_error::closed);
                int told = 0;
                const auto count = [&](std::optional<int> v) { told += v ? 100 : 1; };
                auto alone = async_select(on_recv(c, count));
                co_await by(me, std::move(alone));
                auto with_otherwise = async_select(on_recv(c, count), otherwise());
                co_await by(me, std::move(with_otherwise));
                EXPECT_EQ(told, 2);
            }
        };
        const auto misuses = [&](kind me) -> task<void> {
            int refused = 0;
            for (const form f : {plain, alone, with_another, trying}) {
                try {
                    co_await send_by(me, f, c, 1);
                } catch (const channel_error& e) {
                    refused += e.why() == channel_error::cause::send_on_closed;
                }
            }
            EXPECT_EQ(refused, 4);
            EXPECT_THROW((void)c.try_send(1), channel_error);
            EXPECT_THROW(c.close(), channel_error);
        };
        together(receives, misuses);
    }
}

// test/chancap.go. The capacity is what was asked for; below nothing and beyond all memory it is refused.
TEST(go_capacity, what_was_asked_for_or_refused) {
    for (const int n : {0, 1, 10, 1000}) {
        EXPECT_EQ(make_chan<int>(n).cap(), unsigned(n));
        EXPECT_EQ(make_chan<std::string>(n).cap(), unsigned(n));
        EXPECT_EQ(make_chan<std::byte>(static_cast<std::uint64_t>(n)).cap(), unsigned(n));
    }
    EXPECT_EQ(chan<int>().cap(), 0u);
    EXPECT_EQ(chan<int>().len(), 0u);
    EXPECT_THROW((void)make_chan<int>(-1), channel_error);
    EXPECT_THROW((void)make_chan<std::byte>(std::int64_t{-1}), channel_error);
    EXPECT_THROW((void)make_chan<int>(INT64_MAX), channel_error);
    EXPECT_THROW((void)make_chan<std::int64_t>(UINT64_MAX / 4), channel_error);
}

// test/chanlinear.go. Many selects wait for one channel and each for one of its own; all get theirs, and leave the
// common queue from wherever they stand in it. A way through the queue for each would be 8 million steps.
TEST_P(go_chan_programs, many_leave_a_common_queue) {
    const int n = chain(test::rounds_scaled(2500), 20);
    auto common = make_chan<int>();
    std::vector<chan<int>> own;
    std::atomic<int> done{0}, waiting{0};
    for (int i = 0; i < n; ++i) {
        own.push_back(make_chan<int>());
        start_party(i, [&, common, mine = own.back()](kind me) -> task<void> {
            auto one = async_select(on_recv(common), on_recv(mine));
            const std::size_t fired = co_await by(me, counting(waiting, std::move(one)));
            done += fired == 1;
        });
    }
    await_count(waiting, n);
    std::ranges::shuffle(own, std::mt19937(1));
    for (const chan<int>& c : own)
        c.send(1);
    join();
    EXPECT_EQ(done, n);
    EXPECT_FALSE(common.try_send(1));
}

} // namespace
} // namespace sennit
