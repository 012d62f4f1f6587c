// unbounded_channel: as mpsc_channel, without a bound: sending never waits.
//
// Memory is the bound: use it where the number of values is bounded by something else. The receiver is
// that of mpsc_channel, and so is the core (sync/mpsc_core.hpp).
#pragma once

#include <sennit/sync/mpsc_channel.hpp>

#include <cstddef>
#include <expected>
#include <type_traits>
#include <utility>

namespace sennit {

template<class T>
using unbounded_receiver = mpsc_receiver<T>;
template<class T>
using unbounded_weak_sender = weak_sender<unbounded_sender<T>>;

/// The end that sends without ever waiting. A copy is another sender.
///
/// ```cpp
/// auto [tx, rx] = sennit::unbounded_channel<int>();
/// sennit::go([last = std::move(tx)] { last.send(1); });
/// for (int v : rx) std::printf("%d\n", v);
/// ```
/// Source: R-MP-1.
template<class T>
class [[nodiscard]] unbounded_sender {
public:
    using value_type = T;
    /// Empty, as `mpsc_sender`'s.
    unbounded_sender() noexcept = default;
    explicit unbounded_sender(detail::mpsc_handle<false> core) noexcept : core_(std::move(core)) {}

    /// Sends. Gives the value back when the receiver is gone or has closed.
    std::expected<void, send_error<T>> send(T value) const {
        auto answer = detail::try_send<T>(*core_, detail::message<T>(std::move(value)));
        if (answer) [[likely]]
            return {};
        return std::unexpected(send_error<T>{std::move(answer.error().value)});
    }

    /// True when the receiver is gone or has closed.
    bool is_closed() const noexcept { return core_->is_closed_for_senders(); }
    /// Waits until it is. Throws `stopped`.
    void closed() const { wait(async_closed()); }
    mpsc_closed_future async_closed() const noexcept { return mpsc_closed_future(*core_); }

    std::size_t strong_count() const noexcept { return core_->senders(); }
    std::size_t weak_count() const noexcept { return core_->weak_senders(); }
    unbounded_weak_sender<T> downgrade() const noexcept {
        core_->add_weak();
        return unbounded_weak_sender<T>(detail::mpsc_handle<true>(core_.get()));
    }
    bool same_channel(const unbounded_sender& other) const noexcept {
        return core_.get() == other.core_.get();
    }
    /// False when it is empty.
    explicit operator bool() const noexcept { return core_.get() != nullptr; }

private:
    detail::mpsc_handle<false> core_;
};

/// Makes a channel without a bound.
///
/// ```cpp
/// auto [tx, rx] = sennit::unbounded_channel<std::string>();
/// tx.send("hello");
/// auto text = rx.recv();
/// ```
template<class T>
std::pair<unbounded_sender<T>, unbounded_receiver<T>> unbounded_channel() {
    static_assert(std::is_object_v<T> && std::is_move_constructible_v<T>,
                  "send values that can be moved");
    auto* core = detail::make_pooled<detail::mpsc_core>(
        detail::mpsc_core::unlimited, sizeof(typename detail::message<T>::element));
    return {unbounded_sender<T>(detail::mpsc_handle<false>(core)), unbounded_receiver<T>(*core)};
}

} // namespace sennit
