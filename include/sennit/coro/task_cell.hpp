// A spawned task: a flow that drives a chain of coroutine frames.
#pragma once

#include <sennit/core/joinable.hpp>
#include <sennit/coro/task.hpp>

#include <new>
#include <source_location>

namespace sennit::detail {

// One step of a spawned task, untyped. Ends the flow when the chain is done or dropped.
void run_task_step(flow& self, coro_root& root) noexcept;

template<class T>
class task_cell final : public joinable<T> {
    using base = joinable<T>;

public:
    static task_cell& make(executor& home, std::source_location site, task<T>&& t) {
        void* memory = cell_allocate(sizeof(task_cell));
        return *::new (memory) task_cell(home, site, t.release());
    }

private:
    task_cell(executor& home, std::source_location site, promise_base& frame) noexcept
        : base(operations, home, site) {
        this->result.begin(frame);
    }
    ~task_cell() = default;

    static void step(runnable& r) noexcept {
        auto& self = static_cast<task_cell&>(static_cast<flow&>(r));
        run_task_step(self, self.result);
    }
    static void destroy(flow& f) noexcept {
        auto& self = static_cast<task_cell&>(f);
        self.~task_cell();
        cell_free(&self, sizeof(task_cell));
    }

    static constexpr flow_operations operations{
        {&step}, flow_kind::task, &destroy, &base::exception_of};
};

} // namespace sennit::detail
