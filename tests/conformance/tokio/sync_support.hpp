// What the files about sync share: steps that flows take in turn, and futures polled by hand beside them.
//
// Most of tokio's cases about sync are one sequence of steps. Here each step is taken by a flow of its own, of the first or the
// second kind, and the futures whose polls and wakes are counted are polled by the main thread.
#pragma once

#include "conformance/pairing.hpp"
#include "sync/counted.hpp"

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

private:
    struct two {
        driver d, e;
    };
    std::optional<two> drivers_{std::in_place};

protected:
    driver &d = drivers_->d, &e = drivers_->e;
};

/// Polls a future that has to wait. Afterwards the driver counts its next wake.
template<class F>
bool is_pending(driver& by, F& f) {
    const bool pending = !by.poll(f).is_ready();
    (void)by.rearm();
    return pending;
}
template<class T>
void drop(T& t) {
    const T dropped = std::move(t);
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
