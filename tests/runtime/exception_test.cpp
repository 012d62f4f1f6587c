// Exceptions belong to the flow: a `catch` block may wait and go on elsewhere.
#include "support.hpp"
#include <sennit/os/thread.hpp>

#include <thread>

namespace sennit {
namespace {

using test::with_runtime;
class exceptions : public with_runtime {};
INSTANTIATE_TEST_SUITE_P(workers, exceptions, testing::ValuesIn(test::settings), test::name_of);

// Waits until the flow has come back on another thread, or long enough. With forced migration it comes back elsewhere when another
// flow wakes it; without, a wake from outside brings it back on whichever worker is idle. (std::this_thread::get_id() would not do:
// the compiler may keep its value across a wait.)
bool move_to_another_thread() {
    const auto before = os::gettid();
    for (int i = 0; i < 20; ++i) {
        event e;
        auto setter = spawn([&] { e.set(); });
        e.wait();
        if (os::gettid() != before) return true;
        setter.join();
        event f;
        std::thread outside([&] { f.set(); });
        f.wait();
        outside.join();
        if (os::gettid() != before) return true;
    }
    return false;
}

TEST_P(exceptions, caught_parked_resumed_elsewhere_and_rethrown) {
    std::atomic<int> moved{0};
    run([&] {
        std::vector<join_handle<void>> handles;
        for (int i = 0; i < 8; ++i) {
            handles.push_back(spawn([&, i] {
                try {
                    try {
                        throw std::runtime_error("number " + std::to_string(i));
                    } catch (const std::runtime_error& e) {
                        moved += move_to_another_thread() ? 1 : 0;
                        EXPECT_EQ(e.what(), "number " + std::to_string(i));
                        throw;
                    }
                } catch (const std::runtime_error& e) {
                    this_flow::yield();
                    EXPECT_EQ(e.what(), "number " + std::to_string(i));
                }
                EXPECT_EQ(std::current_exception(), nullptr);
                EXPECT_EQ(std::uncaught_exceptions(), 0);
            }));
        }
        for (auto& h : handles)
            h.join();
    });
    if (GetParam().migrate) {
        EXPECT_GT(moved, 0);
    }
}

TEST_P(exceptions, other_flows_do_not_see_them) {
    run([&] {
        event leave;
        auto inside = spawn([&] {
            try {
                throw 1;
            } catch (int) {
                leave.wait();
                EXPECT_NE(std::current_exception(), nullptr);
            }
        });
        for (int i = 0; i < 100; ++i) {
            this_flow::yield();
            EXPECT_EQ(std::current_exception(), nullptr);
        }
        leave.set();
        inside.join();
    });
}

TEST_P(exceptions, waiting_in_a_destructor_during_unwinding) {
    run([&] {
        struct waits {
            ~waits() {
                for (int i = 0; i < 10; ++i)
                    this_flow::yield();
                EXPECT_EQ(std::uncaught_exceptions(), 1);
            }
        };
        auto h = spawn([] {
            waits w;
            throw std::runtime_error("through");
        });
        EXPECT_THROW(h.join(), std::runtime_error);
    });
}

task<int> level(int n) {
    if (n == 0) throw std::logic_error("deep");
    co_await async_yield();
    co_return co_await level(n - 1);
}
TEST_P(exceptions, pass_through_nested_tasks) {
    run([&] { EXPECT_THROW(spawn(level(50)).join(), std::logic_error); });
}

} // namespace
} // namespace sennit
