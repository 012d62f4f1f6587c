// The table of golang/go's test/chan/select3.go: which operation proceeds, waits or is refused in which state.
#include "conformance/pairing.hpp"

namespace sennit {
namespace {

using test::by;
using test::kind;

// test/chan/select3.go. Nil, closed, empty and full, by each operation.
enum class outcome { proceeds, blocks, throws };
class go_blocking_table : public test::conformance {
protected:
    // What becomes of an operation in a flow of this kind that is asked to stop. Completion beats stopping, so "stopped"
    // means that it was not possible.
    template<class Make>
    outcome of(kind k, Make make) {
        if (k == kind::thread) {
            test::driver d;
            try {
                auto f = make();
                return d.poll(f).is_ready() ? outcome::proceeds : outcome::blocks;
            } catch (const channel_error&) {
                return outcome::throws;
            }
        }
        event begun;
        join_handle<void> flow;
        const auto in_task = [&]() -> task<void> {
            begun.set();
            auto f = make();
            co_await std::move(f);
        };
        if (k == kind::fiber) {
            flow = rt_->spawn([&] {
                begun.set();
                auto f = make();
                (void)wait(f);
            });
        } else {
            flow = rt_->spawn(in_task());
        }
        begun.wait();
        flow.request_stop();
        const auto end = flow.try_join();
        if (end) return outcome::proceeds;
        return end.error().is_cancelled() ? outcome::blocks : outcome::throws;
    }
    // The operation plainly, as the only case of a select, next to one that is never ready, and with `otherwise`.
    void send(const chan<int>& c, outcome expected, const char* what) {
        const chan<int> nil;
        for (const kind k : {GetParam().first, GetParam().second}) {
            EXPECT_EQ(of(k, [c] { return c.async_send(1); }), expected) << what;
            if (expected == outcome::proceeds) (void)c.try_recv();
            EXPECT_EQ(of(k, [c] { return async_select(on_send(chan(c), 1)); }), expected) << what;
            if (expected == outcome::proceeds) (void)c.try_recv();
            EXPECT_EQ(
                of(k, [c, nil] { return async_select(on_send(chan(c), 1), on_recv(chan(nil))); }),
                expected)
                << what;
            if (expected == outcome::proceeds) (void)c.try_recv();
            const outcome never =
                of(k, [c] { return async_select(on_send(chan(c), 1), otherwise()); });
            EXPECT_EQ(never, expected == outcome::throws ? expected : outcome::proceeds) << what;
            if (expected == outcome::proceeds) (void)c.try_recv();
        }
    }
    void receive(const chan<int>& c, outcome expected, const char* what) {
        const chan<int> nil;
        const bool refill = c && c.len() != 0;
        for (const kind k : {GetParam().first, GetParam().second}) {
            EXPECT_EQ(of(k, [c] { return c.async_recv(); }), expected) << what;
            if (refill) c.send(1);
            EXPECT_EQ(of(k, [c] { return async_select(on_recv(chan(c))); }), expected) << what;
            if (refill) c.send(1);
            EXPECT_EQ(
                of(k, [c, nil] { return async_select(on_recv(chan(c)), on_send(chan(nil), 1)); }),
                expected)
                << what;
            if (refill) c.send(1);
            EXPECT_EQ(of(k, [c] { return async_select(on_recv(chan(c)), otherwise()); }),
                      outcome::proceeds)
                << what;
            if (refill) c.send(1);
        }
    }
};
SENNIT_PAIRINGS(go_blocking_table);

TEST_P(go_blocking_table, nil_closed_empty_and_full) {
    using enum outcome;
    const chan<int> nil;
    send(nil, blocks, "nil");
    receive(nil, blocks, "nil");
    EXPECT_THROW(nil.close(), channel_error);

    send(make_chan<int>(), blocks, "nobody receives");
    receive(make_chan<int>(), blocks, "nobody sends");
    send(make_chan<int>(10), proceeds, "room");
    receive(make_chan<int>(10), blocks, "empty");
    auto full = make_chan<int>(10), some = make_chan<int>(10);
    for (int i = 0; i < 10; ++i)
        full.send(i);
    send(full, blocks, "full");
    some.send(1);
    receive(some, proceeds, "not empty");
    receive(full, proceeds, "full");

    for (const int capacity : {0, 10}) {
        auto closed = make_chan<int>(capacity);
        closed.close();
        send(closed, throws, "closed");
        receive(closed, proceeds, "closed");
        EXPECT_THROW(closed.close(), channel_error);
    }
    for (const int i : {0, 1}) {
        EXPECT_EQ(of(kind_of(i), [] { return async_select(); }), blocks); // no case at all
    }
}

} // namespace
} // namespace sennit
