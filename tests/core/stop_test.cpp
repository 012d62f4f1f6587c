#include <sennit/core/stop.hpp>

#include <gtest/gtest.h>

#include <exception>
#include <type_traits>

namespace sennit {
namespace {

// `catch (const std::exception&)` in a user's code must not swallow it.
static_assert(!std::is_base_of_v<std::exception, stopped>);
static_assert(!std::is_base_of_v<std::exception, detail::flow_exit>);

TEST(stopped, knows_its_cause) {
    EXPECT_EQ(stopped().cause(), errc::stopped);
    EXPECT_EQ(stopped(errc::timed_out).cause(), errc::timed_out);
}

TEST(stopped, passes_a_handler_of_standard_exceptions) {
    const auto careless = [] {
        try {
            throw stopped();
        } catch (const std::exception&) {
            return false;
        } catch (const stopped&) {
            return true;
        }
    };
    EXPECT_TRUE(careless());
}

} // namespace
} // namespace sennit
