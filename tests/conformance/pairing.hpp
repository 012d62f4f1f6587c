// What the conformance packs share: parties of two kinds, written once.
//
// A party is a coroutine that is told its kind and puts it in front of every operation: co_await by(me, c.async_recv()).
// As a task it awaits the future. As a fiber or a plain thread it runs inside a wait, and each operation is a blocking
// verb, which is wait() of the same future. Where a pack means the verb itself it writes the party twice, for `start`.
#pragma once

#include "sync/support.hpp"

#include <atomic>
#include <deque>
#include <functional>
#include <optional>
#include <thread>
#include <utility>

namespace sennit::test {

/// An operation as a flow of some kind does it.
template<future F>
class [[nodiscard]] done_by {
public:
    static constexpr cancel_safety cancel_class = cancel_safety_of<F>;

    done_by(kind who, F f) : who_(who), future_(std::move(f)) {}
    sennit::poll<future_output_t<F>> poll(context& cx) {
        if (who_ == kind::task) return future_.poll(cx);
        if constexpr (std::is_void_v<future_output_t<F>>) {
            wait(future_);
            return sennit::poll<void>::ready();
        } else {
            return wait(future_);
        }
    }

private:
    kind who_;
    F future_;
};
template<future F>
    requires(!std::is_lvalue_reference_v<F>)
done_by<F> by(kind who, F&& f) {
    return {who, std::move(f)};
}

/// Counts when the future first has to wait: how a test knows that a flow stands in a queue.
template<future F>
class [[nodiscard]] counted_wait {
public:
    static constexpr cancel_safety cancel_class = cancel_safety_of<F>;

    counted_wait(std::atomic<int>& waiting, F f) : waiting_(waiting), future_(std::move(f)) {}
    sennit::poll<future_output_t<F>> poll(context& cx) {
        auto answer = future_.poll(cx);
        if (!answer.is_ready() && !counted_) {
            counted_ = true;
            ++waiting_;
        }
        return answer;
    }

private:
    std::atomic<int>& waiting_;
    F future_;
    bool counted_ = false;
};
template<future F>
    requires(!std::is_lvalue_reference_v<F>)
counted_wait<F> counting(std::atomic<int>& waiting, F&& f) {
    return {waiting, std::move(f)};
}
inline void await_count(const std::atomic<int>& n, int expected) {
    while (n < expected)
        std::this_thread::yield();
}

/// Lets the others run until so many wait.
inline task<void> until(kind me, const std::atomic<int>& waiting, int expected) {
    while (waiting < expected)
        co_await by(me, async_yield());
}

/// As all_pairings(), without pairs of threads, which do not need the runtime.
inline std::vector<pairing> flow_pairings() {
    std::vector<pairing> all = all_pairings();
    std::erase_if(
        all, [](const pairing& p) { return p.first == kind::thread && p.second == kind::thread; });
    return all;
}

/// The fixture of the packs: `class my_rules : public test::conformance {};` and SENNIT_PAIRINGS(my_rules).
class conformance : public paired {
protected:
    using party = std::function<task<void>(kind)>;

    ~conformance() override { join(); } // before the parties

    /// Starts a party as flow number i: even ones are of the first kind, odd ones of the second.
    void start_party(int i, party p) { start_as(kind_of(i), std::move(p)); }
    void start_as(kind who, party p) {
        const party& kept = parties_.emplace_back(std::move(p));
        start(who, [&kept, who] { wait(kept(who)); }, [&kept, who] { return kept(who); });
    }
    void first(party p) { start_party(0, std::move(p)); }
    void second(party p) { start_party(1, std::move(p)); }
    /// Both, to their ends. A test that starts parties otherwise calls join() before what they refer to goes.
    void together(party one, party other) {
        first(std::move(one));
        second(std::move(other));
        join();
    }

private:
    std::deque<party> parties_; // a coroutine refers to the closure that made it
};

} // namespace sennit::test

#define SENNIT_PAIRINGS(suite)                                                               \
    INSTANTIATE_TEST_SUITE_P(all, suite, testing::ValuesIn(::sennit::test::flow_pairings()), \
                             ::sennit::test::name_of_pairing)
