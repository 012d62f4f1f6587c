// Boost.Fiber in the comparison suite, on one thread: its schedulers for several threads either spin while they have nothing to
// do or do not wake each other for new work. Stacks are pooled and of 16 KiB, which is what it is fastest with.
#pragma once

#include "../common/suite.hpp"

#include <boost/fiber/all.hpp>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace suite {

namespace fibers = boost::fibers;

inline constexpr std::size_t stack_size = 16 * 1024;
inline constexpr std::int64_t live_max = 100'000; // more stacks than that do not fit

inline fibers::pooled_fixedsize_stack& stacks() {
    static fibers::pooled_fixedsize_stack pool(stack_size);
    return pool;
}

// A fiber with a result. With `dispatch` it runs at once, which keeps a tree of them from being alive as a whole.
template<class Fn>
auto start(Fn fn, fibers::launch how = fibers::launch::post) {
    return fibers::async(how, std::allocator_arg, stacks(), std::move(fn));
}

workload on_one_thread(std::string name, std::vector<parameter> parameters,
                       outcome (*work)(const request&));

// One for each source file.
void add_fork_join(std::vector<workload>& all);
void add_channels(std::vector<workload>& all);
void add_turns(std::vector<workload>& all);
void add_timers(std::vector<workload>& all);
void add_standing_by(std::vector<workload>& all);

} // namespace suite
