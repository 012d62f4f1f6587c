// list: a doubly linked list of objects that carry their own links.
//
// Nothing is allocated and nothing is owned: an object derives from list_node, is in at most one
// list for each such base, and takes itself out in constant time without knowing the list. Wait
// queues, timers and children live in these.
//
// Always true:
//   1. The nodes and the list's own head form a ring; an empty list is a head that points to
//      itself.
//   2. A node that is in no list has null links. That is how a double insertion is found.
//   3. Neither a linked node nor a non-empty list may be destroyed.
// Nothing here is synchronised: whoever owns the list says under which lock it is used.
#pragma once

#include <sennit/base/assert.hpp>

#include <concepts>
#include <cstddef>
#include <iterator>
#include <utility>

namespace sennit {

/// The links of an object that can be in a list; a base class. For an object that is in two lists
/// at once, derive two empty types from list_node, derive the object from both, and name one in
/// each list's type.
///
/// ```cpp
/// struct sleeper : list_node {
///     int id = 0;
/// };
/// ```
class list_node {
public:
    constexpr list_node() noexcept = default;
    /// An object may be moved while it is in no list; the new one is in no list.
    constexpr list_node(list_node&& other) noexcept {
        SENNIT_DEBUG_ASSERT(!other.is_linked(), "take an object out of its list before moving it");
    }
    constexpr list_node& operator=(list_node&& other) noexcept {
        SENNIT_DEBUG_ASSERT(!is_linked() && !other.is_linked(),
                            "take an object out of its list before moving it");
        return *this;
    }
    constexpr ~list_node() {
        SENNIT_DEBUG_ASSERT(!is_linked(), "take an object out of its list before destroying it");
    }

    /// Whether the object is in a list.
    [[nodiscard]] constexpr bool is_linked() const noexcept { return next_ != nullptr; }

private:
    template<class, class>
    friend class list;

    constexpr void link_before(list_node& place) noexcept {
        SENNIT_DEBUG_ASSERT(!is_linked(), "the object is in a list already; remove it there first");
        previous_ = place.previous_;
        next_ = &place;
        previous_->next_ = this;
        next_->previous_ = this;
    }
    constexpr void unlink() noexcept {
        SENNIT_DEBUG_ASSERT(is_linked(), "the object is in no list; ask is_linked() first");
        previous_->next_ = next_;
        next_->previous_ = previous_;
        previous_ = next_ = nullptr;
    }

    list_node* previous_ = nullptr;
    list_node* next_ = nullptr;
};

/// A list of T, which derives from Node, which is or derives from list_node. All operations are
/// constant in time. While iterating, the element at hand may be removed only after the iterator
/// has left it.
///
/// ```cpp
/// struct sleeper : list_node {
///     int id = 0;
/// };
/// sleeper first, second;
/// list<sleeper> sleepers;
/// sleepers.push_back(first);
/// sleepers.push_back(second);
/// sleepers.remove(first);
/// while (sleeper* next = sleepers.pop_front()) std::printf("%d\n", next->id);
/// ```
template<class T, class Node = list_node>
class list {
public:
    class iterator;

    constexpr list() noexcept { reset(); }
    /// Moving takes all elements over, in order; the source is empty afterwards.
    constexpr list(list&& other) noexcept : list() { splice_back(std::move(other)); }
    constexpr list& operator=(list&& other) noexcept {
        SENNIT_DEBUG_ASSERT(empty(), "empty a list before assigning to it");
        splice_back(std::move(other));
        return *this;
    }
    constexpr ~list() {
        SENNIT_DEBUG_ASSERT(empty(), "empty a list before destroying it");
        head_.previous_ = head_.next_ = nullptr;
    }

    /// Adds an object, which is in no list, at the end or at the front.
    constexpr void push_back(T& object) noexcept { node_of(object).link_before(head_); }
    constexpr void push_front(T& object) noexcept { node_of(object).link_before(*head_.next_); }

    /// Takes an object out, wherever in the list it is. It must be in this list.
    constexpr void remove(T& object) noexcept { node_of(object).unlink(); }

    /// Takes the first object out and returns it; null when there is none.
    constexpr T* pop_front() noexcept {
        T* first = front();
        if (first != nullptr) remove(*first);
        return first;
    }

    /// Moves all objects of another list, in order, to the end of this one.
    constexpr void splice_back(list&& other) noexcept {
        if (&other == this || other.empty()) return;
        list_node* first = other.head_.next_;
        list_node* last = other.head_.previous_;
        other.reset();
        first->previous_ = head_.previous_;
        last->next_ = &head_;
        head_.previous_->next_ = first;
        head_.previous_ = last;
    }

    /// The first object; null when there is none.
    [[nodiscard]] constexpr T* front() const noexcept {
        return empty() ? nullptr : &object_of(*head_.next_);
    }
    [[nodiscard]] constexpr bool empty() const noexcept { return head_.next_ == &head_; }

    [[nodiscard]] constexpr iterator begin() const noexcept { return iterator(head_.next_); }
    [[nodiscard]] constexpr iterator end() const noexcept {
        return iterator(head_.next_->previous_); // the head, without its const
    }

private:
    static constexpr list_node& node_of(T& object) noexcept {
        static_assert(std::derived_from<T, Node> && std::derived_from<Node, list_node>);
        return static_cast<Node&>(object);
    }
    static constexpr T& object_of(list_node& node) noexcept {
        return static_cast<T&>(static_cast<Node&>(node));
    }
    constexpr void reset() noexcept { head_.previous_ = head_.next_ = &head_; }

    list_node head_;
};

/// Walks a list forwards and backwards.
///
/// ```cpp
/// struct sleeper : list_node {};
/// list<sleeper> sleepers;
/// for (sleeper& each : sleepers) sleepers.remove(each), std::puts("one only");
/// ```
template<class T, class Node>
class list<T, Node>::iterator {
public:
    using value_type = T;
    using difference_type = std::ptrdiff_t;

    constexpr iterator() noexcept = default;

    constexpr T& operator*() const noexcept { return object_of(*at_); }
    constexpr T* operator->() const noexcept { return &object_of(*at_); }
    constexpr iterator& operator++() noexcept {
        at_ = at_->next_;
        return *this;
    }
    constexpr iterator operator++(int) noexcept {
        return std::exchange(*this, iterator(at_->next_));
    }
    constexpr iterator& operator--() noexcept {
        at_ = at_->previous_;
        return *this;
    }
    constexpr iterator operator--(int) noexcept {
        return std::exchange(*this, iterator(at_->previous_));
    }
    friend constexpr bool operator==(iterator, iterator) noexcept = default;

private:
    friend class list;
    constexpr explicit iterator(list_node* at) noexcept : at_(at) {}

    list_node* at_ = nullptr;
};

} // namespace sennit
