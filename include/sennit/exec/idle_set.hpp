// Which workers sleep, and the argument that none sleeps while work waits.
//
// What must hold: a runnable in the injector is seen by a worker that is awake. (A runnable in a worker's own queue needs no
// care: its owner is awake, or the monitor moves it.)
//
//   producer:  push to the injector;      F; read idle count and searching count
//   sleeper:   enter the idle set; leave the searching count;  F; read the injector's size; sleep
//
// Every access above is sequentially consistent (the pushes and the entries happen under a lock and end with such a store or
// are followed by the fence F), so in their single order one of the two comes first:
//   the push:   the sleeper's last look finds the injector non-empty: it does not sleep;
//   the entry:  the producer sees an idle worker, and takes one out of the set and wakes it, unless
//               somebody is searching; a searcher enters the set or finds work before it leaves the searching count,
//               and looks at the injector after that, so it is a sleeper of the first case, or awake.
// A worker that is taken out of the set is awake or has a wake-up pending in its `sleeper` (below), which is never lost.
// tests/exec/idle_model_test.cpp walks through all interleavings of two producers and two sleepers.
#pragma once

#include <sennit/core/driver.hpp>

#include <atomic>
#include <chrono>
#include <cstdint>
#include <mutex>
#include <vector>

namespace sennit::detail {

// One worker's wake-up word: a wake-up that comes before the sleep makes the sleep return at once.
class sleeper {
public:
    // Sleeps on a futex until woken or until `deadline_ns` of the steady clock. The caller then looks for work again.
    void sleep(std::uint64_t deadline_ns) noexcept;
    // Sleeps in the driver's poll. Returns how many events it delivered.
    std::size_t sleep_in(io_driver& io, std::uint64_t timeout_ns) noexcept;
    // From any thread. `io` is the driver the worker may be sleeping in.
    void wake(io_driver* io) noexcept;

private:
    enum : std::uint32_t { awake, notified, in_futex, in_poll };
    std::atomic<std::uint32_t> word_{awake};
};

class worker;

class idle_set {
public:
    void enter(worker& w);
    // True if it was still in the set; false: somebody took it out and is waking it.
    bool remove(worker& w);
    // Takes the worker that entered last, or null.
    worker* take();
    std::uint32_t count() const noexcept { return count_.load(std::memory_order_seq_cst); }
    std::uint32_t count_hint() const noexcept { return count_.load(std::memory_order_relaxed); }

private:
    std::mutex lock_;
    std::vector<worker*> workers_;
    std::atomic<std::uint32_t> count_{0};
};

} // namespace sennit::detail
