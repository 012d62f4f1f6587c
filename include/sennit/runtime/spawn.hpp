// go and spawn: starting fibers and tasks.
#pragma once

#include <sennit/core/options.hpp>
#include <sennit/coro/task.hpp>
#include <sennit/coro/task_cell.hpp>
#include <sennit/runtime/fiber.hpp>
#include <sennit/runtime/join_handle.hpp>
#include <sennit/stack/stack.hpp>

#include <source_location>
#include <type_traits>
#include <utility>

namespace sennit {

namespace detail {

template<class T>
inline constexpr bool is_task = false;
template<class T>
inline constexpr bool is_task<task<T>> = true;

template<class Fn, class... Args>
concept fiber_function =
    std::invocable<std::decay_t<Fn>, std::decay_t<Args>...> &&
    !std::same_as<std::remove_cvref_t<Fn>, flow_options> && !is_task<std::remove_cvref_t<Fn>>;

// The executor of the flow that runs here, else the default runtime's.
inline executor& spawn_executor() {
    flow* self = this_thread().current;
    if (self != nullptr && self->kind() != flow_kind::thread) [[likely]]
        return self->home();
    return default_executor();
}
// Throws when no fiber can get a stack any more; applies the options.
void prepare_fiber(flow& f, const flow_options& options);
[[noreturn]] void refuse_fiber();

template<class Fn, class... Args>
auto& make_fiber(executor& home, const flow_options& options, Fn&& f, Args&&... args) {
    static_assert(!is_task<fiber_result<Fn, Args...>>,
                  "this callable is a coroutine: spawn the task it returns, spawn(f(args...)), so "
                  "that what it captures is "
                  "not destroyed before it runs");
    if (stack_pool::exhausted()) [[unlikely]]
        refuse_fiber();
    auto& cell = fiber_cell<std::decay_t<Fn>, std::decay_t<Args>...>::make(
        home, options.site, std::forward<Fn>(f), std::forward<Args>(args)...);
    if (!options.name.empty() || options.stack_size != 0) [[unlikely]]
        prepare_fiber(cell, options);
    return cell;
}

template<class Fn, class... Args>
void go_on(executor& home, const flow_options& options, Fn&& f, Args&&... args) {
    auto& cell = make_fiber(home, options, std::forward<Fn>(f), std::forward<Args>(args)...);
    cell.set_detached();
    cell.launch();
}
template<class Fn, class... Args>
auto spawn_on(executor& home, const flow_options& options, Fn&& f, Args&&... args) {
    auto& cell = make_fiber(home, options, std::forward<Fn>(f), std::forward<Args>(args)...);
    join_handle<fiber_result<Fn, Args...>> handle(cell);
    cell.launch();
    return handle;
}
template<class T>
join_handle<T> spawn_task_on(executor& home, const flow_options& options, task<T>&& t) {
    auto& cell = task_cell<T>::make(home, options.site, std::move(t));
    if (!options.name.empty() || options.stack_size != 0) [[unlikely]]
        prepare_fiber(cell, options);
    join_handle<T> handle(cell);
    cell.launch();
    return handle;
}

} // namespace detail

/// Starts a fiber that runs `f(args...)` and lets it go. `f` and the arguments are moved into the fiber; what `f` returns is
/// thrown away. It runs on the executor of the calling flow, or on the default runtime. An exception that leaves it ends the
/// program with a report (G-GO-5); the runtime's options can change that.
///
/// Errors: `std::system_error` (`resource_unavailable_try_again`) when there are more fibers waiting than stacks allow.
/// Cost: about 20 ns for a function that does not wait, spawned and run, in batches of a thousand; it needs no stack of its own then.
///
/// ```cpp
/// sennit::go([] { std::puts("hello from a fiber"); });
/// sennit::go({.name = "greeter"}, [](int n) { std::printf("%d\n", n); }, 42);
/// ```
template<class Fn>
    requires detail::fiber_function<Fn>
void go(Fn&& f, std::source_location site = std::source_location::current()) {
    detail::go_on(detail::spawn_executor(), {.site = site}, std::forward<Fn>(f));
}
template<class Fn, class A, class... Args>
    requires detail::fiber_function<Fn, A, Args...>
void go(Fn&& f, A&& first, Args&&... rest) {
    detail::go_on(detail::spawn_executor(), {}, std::forward<Fn>(f), std::forward<A>(first),
                  std::forward<Args>(rest)...);
}
template<class Fn, class... Args>
    requires detail::fiber_function<Fn, Args...>
void go(flow_options options, Fn&& f, Args&&... args) {
    detail::go_on(detail::spawn_executor(), options, std::forward<Fn>(f),
                  std::forward<Args>(args)...);
}

/// Starts a fiber and returns its handle. As `go`, but the value or the exception is delivered by `join`.
///
/// ```cpp
/// auto h = sennit::spawn([](int a, int b) { return a + b; }, 1, 2);
/// int three = h.join();
/// (void)three;
/// ```
template<class Fn>
    requires detail::fiber_function<Fn>
auto spawn(Fn&& f, std::source_location site = std::source_location::current()) {
    return detail::spawn_on(detail::spawn_executor(), {.site = site}, std::forward<Fn>(f));
}
template<class Fn, class A, class... Args>
    requires detail::fiber_function<Fn, A, Args...>
auto spawn(Fn&& f, A&& first, Args&&... rest) {
    return detail::spawn_on(detail::spawn_executor(), {}, std::forward<Fn>(f),
                            std::forward<A>(first), std::forward<Args>(rest)...);
}
template<class Fn, class... Args>
    requires detail::fiber_function<Fn, Args...>
auto spawn(flow_options options, Fn&& f, Args&&... args) {
    return detail::spawn_on(detail::spawn_executor(), options, std::forward<Fn>(f),
                            std::forward<Args>(args)...);
}

/// Starts a coroutine task and returns the same handle. The task's frame is all it costs; a stop request drops it at its next
/// suspension.
///
/// ```cpp
/// sennit::task<int> answer() { co_return 42; }
/// int use() { return sennit::spawn(answer()).join(); }
/// ```
template<class T>
join_handle<T> spawn(task<T> t, std::source_location site = std::source_location::current()) {
    return detail::spawn_task_on(detail::spawn_executor(), {.site = site}, std::move(t));
}
template<class T>
join_handle<T> spawn(flow_options options, task<T> t) {
    return detail::spawn_task_on(detail::spawn_executor(), options, std::move(t));
}

/// `spawn` on an executor of your choice, which must outlive the flow.
///
/// ```cpp
/// sennit::runtime rt{{.workers = 1}};
/// auto h = sennit::spawn_on(rt.executor(), [] { return 1; });
/// h.join();
/// ```
template<class Fn>
    requires detail::fiber_function<Fn>
auto spawn_on(executor& home, Fn&& f, std::source_location site = std::source_location::current()) {
    return detail::spawn_on(home, {.site = site}, std::forward<Fn>(f));
}
template<class T>
join_handle<T> spawn_on(executor& home, task<T> t,
                        std::source_location site = std::source_location::current()) {
    return detail::spawn_task_on(home, {.site = site}, std::move(t));
}

} // namespace sennit
