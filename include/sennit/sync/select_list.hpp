// select over cases whose number is known only when the program runs. The typed cases are those of select_case.hpp, each in an
// allocation of its own; everything else is select_core.
#pragma once

#include <sennit/base/assert.hpp>
#include <sennit/core/cancel_safety.hpp>
#include <sennit/core/wait.hpp>
#include <sennit/sync/select.hpp>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <type_traits>
#include <utility>
#include <vector>

namespace sennit {

/// The cases of one select. Filled, then handed to `select` or `async_select`, which uses it up.
///
/// ```cpp
/// std::vector<sennit::chan<int>> inputs(10, sennit::make_chan<int>(1));
/// inputs[3].send(7);
/// sennit::select_list cases;
/// for (auto& c : inputs) cases.add(sennit::on_recv(c, [](std::optional<int> v) { std::printf("%d\n", *v); }));
/// sennit::select(std::move(cases));
/// ```
/// Cost: one allocation for each case. Source: G-SEL-10.
class select_list {
public:
    /// Adds a case and returns its index.
    template<select_alternative Case>
    std::size_t add(Case&& one) {
        using type = std::remove_cvref_t<Case>;
        if constexpr (detail::is_otherwise<type>) {
            SENNIT_ASSERT(!has_otherwise_, "a select has at most one otherwise()");
            has_otherwise_ = true;
        }
        cases_.push_back(std::make_unique<type>(std::move(one)));
        return cases_.size() - 1;
    }
    std::size_t size() const noexcept { return cases_.size(); }

private:
    friend class select_list_future;

    std::vector<std::unique_ptr<detail::select_case>> cases_;
    bool has_otherwise_ = false;
};

/// The future of `async_select` of a list. As `select_future` in all else.
///
/// ```cpp
/// sennit::select_list cases;
/// cases.add(sennit::otherwise());
/// const std::size_t first = sennit::wait(sennit::async_select(std::move(cases)));  // 0
/// ```
class [[nodiscard]] select_list_future {
public:
    static constexpr cancel_safety cancel_class = cancel_safety::unknown;

    select_list_future(select_list list, bool in_order)
        : list_(std::move(list)), in_order_(in_order) {}
    select_list_future(select_list_future&& other) noexcept
        : list_(std::move(other.list_)), in_order_(other.in_order_) {}
    select_list_future& operator=(select_list_future&&) = delete;
    ~select_list_future() {
        if (core_) core_->leave();
    }

    sennit::poll<std::size_t> poll(context& cx) {
        if (!core_) start();
        if (!core_->poll(cx)) return pending;
        return core_->fired();
    }

private:
    void start() {
        scratch_ = std::make_unique_for_overwrite<detail::select_case*[]>(3 * list_.size());
        core_.emplace(scratch_.get(), list_.size(), in_order_);
        std::uint32_t index = 0;
        for (auto& each : list_.cases_) {
            if (each->is_channel()) {
                core_->add_channel(*each, index++);
            } else {
                core_->add_other(*each, index++);
            }
        }
    }

    select_list list_;
    const bool in_order_;
    std::unique_ptr<detail::select_case*[]> scratch_;
    std::optional<detail::select_core> core_;
};

/// `async_select` of the cases of a list.
inline select_list_future async_select(select_list cases) { return {std::move(cases), false}; }
inline select_list_future async_select(biased_t, select_list cases) {
    return {std::move(cases), true};
}
/// `select` of the cases of a list.
inline std::size_t select(select_list cases) { return wait(async_select(std::move(cases))); }
inline std::size_t select(biased_t, select_list cases) {
    return wait(async_select(biased, std::move(cases)));
}

} // namespace sennit
