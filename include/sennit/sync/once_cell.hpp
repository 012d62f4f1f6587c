// once_cell: a value that is made once, by whoever needs it first. The protocol stands in sync/once.hpp.
#pragma once

#include <sennit/core/cancel_safety.hpp>
#include <sennit/core/future.hpp>
#include <sennit/core/wait.hpp>
#include <sennit/sync/once.hpp>

#include <optional>
#include <type_traits>
#include <utility>

namespace sennit {

/// Room for a value that is set at most once and then stays.
///
/// An initialisation that throws, is stopped or is dropped leaves the cell empty, and the next who
/// asks tries again.
///
/// ```cpp
/// sennit::once_cell<int> answer;
/// const int& made = answer.get_or_init([] { return 42; });
/// const bool again = answer.set(7);  // false: it stays 42
/// ```
/// Cost: one load when it is set. Source: R-SY-4.
template<class T>
class once_cell {
    struct keep {
        once_cell* cell;
        template<class U>
        void operator()(U&& value) const {
            cell->value_.emplace(std::forward<U>(value));
        }
    };
    template<class Fn>
    class get_future {
    public:
        static constexpr cancel_safety cancel_class =
            detail::once_future<Fn, keep, false>::cancel_class;

        get_future(once_cell& cell, Fn f)
            : cell_(cell), inner_(cell.core_, std::move(f), keep{&cell}) {}
        sennit::poll<T&> poll(context& cx) {
            if (!inner_.poll(cx).is_ready()) return pending;
            return *cell_.value_;
        }

    private:
        once_cell& cell_;
        detail::once_future<Fn, keep, false> inner_;
    };

public:
    once_cell() = default;

    /// The value; null while there is none.
    T* get() noexcept { return core_.is_done() ? &*value_ : nullptr; }
    const T* get() const noexcept { return core_.is_done() ? &*value_ : nullptr; }
    /// False when there is a value already. Waits while somebody is making one. Throws `stopped`.
    bool set(T value) {
        bool mine = false;
        (void)get_or_init([&] {
            mine = true;
            return std::move(value);
        });
        return mine;
    }
    /// The value; made by `f()` if there is none. `f` may return a future of it.
    template<class Fn>
    T& get_or_init(Fn&& f) {
        return wait(async_get_or_init(std::forward<Fn>(f)));
    }
    /// A future of a reference to the value.
    template<class Fn>
    auto async_get_or_init(Fn f) {
        return get_future<Fn>(*this, std::move(f));
    }

private:
    detail::once_core core_;
    std::optional<T> value_; // written by the one who runs, read after the core is done
};

} // namespace sennit
