// The shared queue: what foreign threads submit and what a stuck worker leaves behind.
#pragma once

#include <sennit/core/runnable.hpp>

#include <atomic>
#include <cstddef>
#include <mutex>

namespace sennit::detail {

class injector {
public:
    void push(runnable& r) {
        std::lock_guard guard(lock_);
        chain_.push_back(r);
        size_.store(size_.load(std::memory_order_relaxed) + 1, std::memory_order_seq_cst);
    }
    void push(runnable_chain& chain, std::size_t count) {
        if (count == 0) return;
        std::lock_guard guard(lock_);
        chain_.append(chain);
        size_.store(size_.load(std::memory_order_relaxed) + count, std::memory_order_seq_cst);
    }
    // Moves up to `most` runnables to `out`; returns how many.
    std::size_t pop(runnable_chain& out, std::size_t most) {
        std::lock_guard guard(lock_);
        std::size_t count = 0;
        while (count < most) {
            runnable* r = chain_.pop_front();
            if (r == nullptr) break;
            out.push_back(*r);
            ++count;
        }
        size_.store(size_.load(std::memory_order_relaxed) - count, std::memory_order_relaxed);
        return count;
    }
    // seq_cst: one half of the idle protocol's two-variable argument, see exec/idle_set.hpp.
    std::size_t size() const noexcept { return size_.load(std::memory_order_seq_cst); }

private:
    std::mutex lock_;
    runnable_chain chain_;
    std::atomic<std::size_t> size_{0};
};

} // namespace sennit::detail
