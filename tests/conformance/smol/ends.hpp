// What the cases on channels share: the two ends of a channel, of whichever kind, under one set of names.
//
// async-channel has one kind, of many senders and many receivers, that closes when a side is gone. Here are three: chan, which
// is closed by a call and answers misuse with an exception; mpsc_channel and unbounded_channel, whose one receiver is moved,
// that close with their ends and give values back.
#pragma once

#include "conformance/pairing.hpp"

#include <atomic>
#include <cstddef>
#include <optional>
#include <utility>

namespace sennit::test::smol {

/// A chan whose two ends are copies of one handle.
template<class T = int>
struct chan_ends {
    chan<T> tx, rx;

    explicit chan_ends(std::size_t capacity) : tx(make_chan<T>(capacity)), rx(tx) {}
    void drop_sender() { tx.close(); }
    void drop_receiver() { rx.close(); }
};
template<class T = int>
struct mpsc_ends {
    mpsc_sender<T> tx;
    std::optional<mpsc_receiver<T>> kept;
    mpsc_receiver<T>& rx;

    explicit mpsc_ends(std::size_t capacity) : mpsc_ends(mpsc_channel<T>(capacity)) {}
    void drop_sender() { tx = {}; }
    void drop_receiver() { kept.reset(); }

private:
    explicit mpsc_ends(std::pair<mpsc_sender<T>, mpsc_receiver<T>> made)
        : tx(std::move(made.first)), kept(std::move(made.second)), rx(*kept) {}
};
template<class T = int>
struct unbounded_ends {
    unbounded_sender<T> tx;
    std::optional<unbounded_receiver<T>> kept;
    unbounded_receiver<T>& rx;

    unbounded_ends() : unbounded_ends(unbounded_channel<T>()) {}
    void drop_sender() { tx = {}; }
    void drop_receiver() { kept.reset(); }

private:
    explicit unbounded_ends(std::pair<unbounded_sender<T>, unbounded_receiver<T>> made)
        : tx(std::move(made.first)), kept(std::move(made.second)), rx(*kept) {}
};

/// What an attempt to send came to; the value came back if it was not sent.
enum class sent { done, full, closed };

/// Sends and waits; counts when it has to.
inline task<sent> send_value(kind me, const chan<int>& c, int value, std::atomic<int>& waiting) {
    try {
        co_await by(me, counting(waiting, c.async_send(value)));
    } catch (const channel_error& e) {
        EXPECT_EQ(e.why(), channel_error::cause::send_on_closed);
        co_return sent::closed;
    }
    co_return sent::done;
}
inline task<sent> send_value(kind me, const mpsc_sender<int>& tx, int value,
                             std::atomic<int>& waiting) {
    const auto answer = co_await by(me, counting(waiting, tx.async_send(value)));
    if (answer) co_return sent::done;
    EXPECT_EQ(answer.error().value, value);
    co_return sent::closed;
}
/// The verbs that never wait.
inline sent try_send(const chan<int>& c, int value) {
    try {
        return c.try_send(value) ? sent::done : sent::full;
    } catch (const channel_error& e) {
        EXPECT_EQ(e.why(), channel_error::cause::send_on_closed);
        return sent::closed;
    }
}
inline sent try_send(const mpsc_sender<int>& tx, int value) {
    const auto answer = tx.try_send(value);
    if (answer) return sent::done;
    EXPECT_EQ(answer.error().value, value);
    return answer.error().is_full() ? sent::full : sent::closed;
}
inline sent try_send(const unbounded_sender<int>& tx, int value) {
    const auto answer = tx.send(value);
    if (answer) return sent::done;
    EXPECT_EQ(answer.error().value, value);
    return sent::closed;
}

/// A value that is counted while it exists; one that was moved from does not.
class counted_value {
public:
    explicit counted_value(std::atomic<int>& alive) : alive_(&alive) { ++alive; }
    counted_value(counted_value&& other) noexcept : alive_(std::exchange(other.alive_, nullptr)) {}
    counted_value& operator=(counted_value&& other) noexcept {
        counted_value moved(std::move(other));
        std::swap(alive_, moved.alive_);
        return *this;
    }
    ~counted_value() {
        if (alive_ != nullptr) --*alive_;
    }

private:
    std::atomic<int>* alive_;
};

} // namespace sennit::test::smol
