// singleflight: the same work, asked for by many at once, is done once.
//
// A call is shared by its leader, who does the work in its own flow, and those who come while it runs: they wait for
// its event. A call leaves the map before its event is set, so whoever comes later starts a new one.
// Locks: lock_ guards the map; the work runs without it.
#pragma once

#include <sennit/core/stop.hpp>
#include <sennit/coro/task.hpp>
#include <sennit/runtime/join_handle.hpp>
#include <sennit/sync/event.hpp>

#include <exception>
#include <expected>
#include <memory>
#include <mutex>
#include <optional>
#include <type_traits>
#include <unordered_map>
#include <utility>

namespace sennit {

/// Does the work for a key once for all who ask while it is done, and gives each a copy of the result.
///
/// An exception of the work reaches everybody who waits. If the leader is stopped, or exits, the others get `stopped` from the
/// handle's point of view: `join_error` with `is_cancelled()`, thrown as such by `run`. A follower that is stopped leaves the
/// others alone. Usable from fibers, tasks and threads.
///
/// ```cpp
/// sennit::singleflight<std::string, int> lookups;
/// auto [value, shared] = lookups.run("key", [] { return 42; });
/// ```
/// Cost: a hash lookup and an allocation. Source: golang.org/x/sync/singleflight.
template<class Key, class T, class Hash = std::hash<Key>>
class singleflight {
    static_assert(std::is_copy_constructible_v<T>, "each who asked gets a copy of the result");

public:
    /// A result, and whether somebody else got it too.
    struct answer {
        T value;
        bool shared;
    };

    singleflight() = default;
    singleflight(const singleflight&) = delete;
    singleflight& operator=(const singleflight&) = delete;

    /// Runs `f()`, or waits for whoever runs it for this key. Throws what the work throws; a `join_error` when the one who
    /// ran it was cancelled; `stopped` when the caller itself is.
    template<class Fn>
    answer run(const Key& key, Fn&& f) {
        auto [call, is_leader] = enter(key);
        if (!is_leader) {
            call->over.wait();
            return take(*call);
        }
        leadership mine{this, key, call};
        try {
            call->outcome.emplace(std::in_place, std::forward<Fn>(f)());
        } catch (const stopped&) {
            throw;
        } catch (const detail::flow_exit&) {
            throw;
        } catch (...) {
            call->outcome.emplace(std::unexpect, std::current_exception());
        }
        mine.end();
        return take(*call);
    }
    /// The same for a task that yields a `T`; it is dropped unstarted when somebody else does the work.
    task<answer> async_run(Key key, task<T> work) {
        auto entered = enter(key);
        std::shared_ptr<flight> call = std::move(entered.first);
        if (!entered.second) {
            co_await call->over.async_wait();
            co_return take(*call);
        }
        leadership mine{this, key, call};
        try {
            T value = co_await std::move(work);
            call->outcome.emplace(std::in_place, std::move(value));
        } catch (const stopped&) {
            throw;
        } catch (const detail::flow_exit&) {
            throw;
        } catch (...) {
            call->outcome.emplace(std::unexpect, std::current_exception());
        }
        mine.end();
        co_return take(*call);
    }
    /// The next who asks for this key starts anew, also while the work is done; those who wait go on waiting for it.
    void forget(const Key& key) {
        std::lock_guard guard(lock_);
        flights_.erase(key);
    }

private:
    struct flight {
        event over;
        std::optional<std::expected<T, join_error>> outcome; // written before `over` is set
        bool shared = false;                                 // guarded by lock_ until then
    };

    // Ends the call, also when the leader unwinds or its frame is dropped.
    struct leadership {
        singleflight* owner;
        const Key& key;
        std::shared_ptr<flight> call;

        ~leadership() { end(); }
        void end() noexcept {
            if (owner == nullptr) return;
            if (!call->outcome) call->outcome.emplace(std::unexpect);
            std::exchange(owner, nullptr)->leave(key, *call);
        }
    };

    std::pair<std::shared_ptr<flight>, bool> enter(const Key& key) {
        std::lock_guard guard(lock_);
        std::shared_ptr<flight>& call = flights_[key];
        const bool is_leader = call == nullptr;
        if (is_leader) {
            call = std::make_shared<flight>();
        } else {
            call->shared = true;
        }
        return {call, is_leader};
    }
    void leave(const Key& key, flight& call) noexcept {
        {
            std::lock_guard guard(lock_);
            const auto at = flights_.find(key);
            if (at != flights_.end() && at->second.get() == &call) flights_.erase(at);
        }
        call.over.set();
    }
    static answer take(const flight& call) {
        const std::expected<T, join_error>& outcome = *call.outcome;
        if (outcome) return {*outcome, call.shared};
        if (outcome.error().is_panic()) std::rethrow_exception(outcome.error().exception());
        throw outcome.error();
    }

    std::mutex lock_;                                                // held for a lookup only
    std::unordered_map<Key, std::shared_ptr<flight>, Hash> flights_; // guarded by lock_
};

} // namespace sennit
