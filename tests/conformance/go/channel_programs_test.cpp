// The rules of golang/go's test/chan: small programs over channels.
#include "conformance/pairing.hpp"

#include <atomic>
#include <numeric>
#include <string>
#include <vector>

namespace sennit {
namespace {

using test::by;
using test::kind;

class go_chan_programs : public test::conformance {};
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
            co_await by(me, turns[i].async_recv());
            co_await by(me, spoken.async_send(i));
            co_await by(me, turns[i + 1].async_send(1));
        });
    }
    turns[0].send(1);
    for (int i = 0; i < n; ++i)
        EXPECT_EQ(spoken.recv(), i);
    EXPECT_EQ(turns[n].recv(), 1);
    join();
}

} // namespace
} // namespace sennit
