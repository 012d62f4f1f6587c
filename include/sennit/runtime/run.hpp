// run: what most programs start with. A small header: how a runtime is built differently stands in runtime/runtime.hpp.
#pragma once

#include <sennit/core/executor.hpp>
#include <sennit/core/wait.hpp>
#include <sennit/runtime/spawn.hpp>

#include <memory>
#include <utility>

namespace sennit {

class runtime;
struct runtime_options;

namespace detail {

executor& executor_of(runtime& rt) noexcept;
// A current-thread runtime runs its flows on the caller until `until` is true.
void drive(runtime& rt, bool (*until)(void*), void* argument);

template<class Fn>
auto block_on(runtime& rt, Fn&& f) {
    auto handle = spawn_on(executor_of(rt), {.name = "main"}, std::forward<Fn>(f));
    drive(rt, [](void* h) { return static_cast<decltype(handle)*>(h)->is_finished(); }, &handle);
    return handle.join();
}

// A runtime for one flow and those that it starts. Left normally it waits for them; after an exception they are asked to stop.
class single_run {
public:
    single_run();
    explicit single_run(runtime_options options);
    single_run(const single_run&) = delete;
    single_run& operator=(const single_run&) = delete;
    ~single_run();

    template<class Fn>
    auto block_on(Fn&& f) {
        return detail::block_on(*runtime_, std::forward<Fn>(f));
    }

private:
    std::unique_ptr<runtime> runtime_;
    const int exceptions_;
};

} // namespace detail

/// Runs `f` (a function, or a task) as the first flow of a new runtime, waits for all flows it started, and returns its result.
/// If `f` throws, the others are asked to stop first. With `runtime_options` as a second argument: `runtime/runtime.hpp`.
///
/// ```cpp
/// #include <sennit/all.hpp>
/// int main() {
///     return sennit::run([] {
///         sennit::go([] { std::puts("hello"); });
///         return 0;
///     });
/// }
/// ```
template<class Fn>
    requires detail::fiber_function<Fn>
auto run(Fn&& f) {
    return detail::single_run().block_on(std::forward<Fn>(f));
}
template<class T>
T run(task<T> t) {
    return run([&t] { return wait(std::move(t)); });
}

} // namespace sennit
