// What the files about sync share: steps that flows take in turn, and futures polled by hand beside them.
//
// Most of tokio's cases about sync are one sequence of steps. Here each step is taken by a flow of its own, of the first or
// the second kind, and the futures whose polls and wakes are counted are polled by the main thread.
#pragma once

#include "conformance/pairing.hpp"
#include "sync/counted.hpp"

#include <atomic>
#include <optional>
#include <utility>

namespace sennit::test {

/// The fixture: `class my_rules : public test::stepped {};` and SENNIT_PAIRINGS(my_rules).
class stepped : public conformance {
protected:
    void TearDown() override {
        drivers_.reset(); // each has a cell
        conformance::TearDown();
        EXPECT_EQ(counted::alive(), 0) << "a value is left behind";
    }

    /// A flow of kind_of(i) takes a step, to its end.
    void step(int i, party p) {
        start_party(i, std::move(p));
        join();
    }
    /// A step without anything to wait for.
    template<class Fn>
    void act(int i, Fn f) {
        step(i, [&](kind) -> task<void> {
            f();
            co_return;
        });
    }

    /// `close` is done while a flow of the other kind waits to receive, with nothing in the channel: it learns of the end.
    template<class T, class Fn>
    void expect_end(mpsc_receiver<T>& rx, Fn close) {
        std::atomic<int> waiting{0};
        first([&](kind me) -> task<void> {
            EXPECT_FALSE(co_await by(me, counting(waiting, rx.async_recv())));
        });
        await_count(waiting, 1);
        second([&](kind) -> task<void> {
            close();
            co_return;
        });
        join();
    }

private:
    struct driver_pair {
        driver d, e;
    };
    std::optional<driver_pair> drivers_{std::in_place};

protected:
    driver &d = drivers_->d, &e = drivers_->e;
};

/// Polls a future that has to wait. From now on the driver counts its next wake.
template<class F>
bool is_pending(driver& by, F& f) {
    while (!by.rearm()) {} // false once: after a wake from before
    return !by.poll(f).is_ready();
}

/// Sending, whatever the bound.
template<class Sender, class T>
task<bool> put(kind me, const Sender& tx, T value) {
    if constexpr (requires { tx.async_send(std::move(value)); }) {
        const auto sent = co_await by(me, tx.async_send(std::move(value)));
        co_return sent.has_value();
    } else {
        co_return tx.send(std::move(value)).has_value();
    }
}
/// The same body for a bounded and an unbounded channel.
template<class T, class Body>
void for_both(std::size_t capacity, Body body) {
    body(mpsc_channel<T>(capacity));
    body(unbounded_channel<T>());
}

} // namespace sennit::test
