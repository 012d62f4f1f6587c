// flow_local: a variable with a value for each flow, as thread_local is for threads.
//
// Values live in chains of counted, immutable cells that hang on the flow's extras: one chain that children share at
// their birth by taking a reference, one that they do not see. A change makes a new front of the chain, so nobody
// else's view changes. A flow without values has no chain, and pays one look at its extras when it is asked.
//
// Values belong to the flow, not to a thread or an executor: they go along when it is woken elsewhere.
#pragma once

#include <sennit/core/flow.hpp>

#include <cstdint>
#include <functional>
#include <memory>
#include <type_traits>
#include <utility>

namespace sennit {

/// Whether the flows that a flow starts begin with its value.
enum class inherit : std::uint8_t { no, yes };

namespace detail {

struct local_value;
local_value* share_locals(local_value* chain) noexcept;
void release_locals(local_value* chain) noexcept;

std::uint64_t new_local_key() noexcept;
// The value in the current flow; null when there is none.
const std::shared_ptr<const void>* find_local(inherit from, std::uint64_t key) noexcept;
// Sets it, or takes it away (null).
void set_local(inherit from, std::uint64_t key, std::shared_ptr<const void> value);

} // namespace detail

/// A variable with a value for each flow: fiber, spawned task or thread. Make it static or global; it must outlive its
/// use. With `inherit::yes` a flow begins with the value that its starter has at that moment; later changes of either
/// are not seen by the other. With `inherit::no` every flow begins with `init`.
///
/// Coroutines that are awaited, and plain functions, share the values of the flow that runs them. A value is destroyed
/// when it is replaced, or when the last flow that has it ends, by that flow; destructors may wait and are shielded.
///
/// ```cpp
/// static sennit::flow_local<int, sennit::inherit::yes> request{0};
/// int seen = request.with(7, [] { return sennit::spawn([] { return request.get(); }).join(); }); // 7
/// ```
/// Cost: reading follows a chain as long as the flow has locals; setting allocates; spawning, from a flow that has
/// inherited locals only, one allocation. Source: X-11, R-TK-9.
template<class T, inherit from = inherit::no>
class flow_local {
public:
    flow_local()
        requires std::is_default_constructible_v<T>
        : init_() {}
    explicit flow_local(T init) : init_(std::move(init)) {}
    flow_local(const flow_local&) = delete;
    flow_local& operator=(const flow_local&) = delete;

    /// The value in this flow, or `init`. The reference is good until this flow changes the variable.
    const T& get() const noexcept {
        const std::shared_ptr<const void>* found = detail::find_local(from, key_);
        return found != nullptr ? *static_cast<const T*>(found->get()) : init_;
    }
    /// Changes the value in this flow.
    void set(T value) {
        detail::set_local(from, key_, std::make_shared<const T>(std::move(value)));
    }
    /// Back to `init`.
    void reset() { detail::set_local(from, key_, nullptr); }

    /// Calls `f()` with another value, and puts the value of before back, also when `f` throws.
    template<class Fn>
    decltype(auto) with(T value, Fn&& f) {
        struct restore {
            std::uint64_t key;
            std::shared_ptr<const void> before;
            ~restore() { detail::set_local(from, key, std::move(before)); }
        };
        const std::shared_ptr<const void>* found = detail::find_local(from, key_);
        restore guard{key_, found != nullptr ? *found : nullptr};
        set(std::move(value));
        return std::invoke(std::forward<Fn>(f));
    }

private:
    const std::uint64_t key_ = detail::new_local_key();
    const T init_;
};

} // namespace sennit
