#include <sennit/base/error.hpp>

#include <gtest/gtest.h>

#include <cerrno>
#include <future>
#include <string>
#include <thread>
#include <type_traits>
#include <vector>

namespace {

using sennit::errc;
using sennit::error;

static_assert(std::is_nothrow_move_constructible_v<error>);
static_assert(std::is_nothrow_copy_constructible_v<error>);
static_assert(!std::is_convertible_v<error, bool>);
static_assert(std::is_convertible_v<errc, std::error_code>);
static_assert(!std::is_convertible_v<errc, std::error_condition>);

error missing_file() { return error::from_errno(ENOENT, "open"); }

TEST(error, default_is_no_error) {
    error none;
    EXPECT_FALSE(none);
    EXPECT_EQ(none.code(), std::error_code());
    EXPECT_STREQ(none.operation(), "");
    EXPECT_EQ(none.message(), "");
    EXPECT_FALSE(is(none, errc::stopped));
}

TEST(error, zero_code_is_no_error) {
    EXPECT_FALSE(error(std::error_code(), "open"));
    EXPECT_FALSE(error::from_errno(0, "open"));
    EXPECT_STREQ(error::from_errno(0, "open").operation(), "");
}

TEST(error, carries_code_and_operation) {
    error err = missing_file();
    EXPECT_TRUE(err);
    EXPECT_EQ(err.code(), std::error_code(ENOENT, std::system_category()));
    EXPECT_STREQ(err.operation(), "open");
    EXPECT_EQ(err.message(), "open: No such file or directory");
}

TEST(error, without_operation_shows_the_code_alone) {
    EXPECT_EQ(error(errc::closed).message(), "closed");
    EXPECT_STREQ(error(errc::closed).operation(), "");
}

TEST(error, keeps_each_category) {
    EXPECT_EQ(error(std::errc::io_error).code(), std::make_error_code(std::errc::io_error));
    EXPECT_EQ(error(errc::timed_out).code(), make_error_code(errc::timed_out));
    std::error_code foreign = std::make_error_code(std::future_errc::broken_promise);
    error err(foreign, "get");
    EXPECT_EQ(err.code(), foreign);
    EXPECT_STREQ(err.operation(), "get");
    EXPECT_EQ(err.message(), "get: " + foreign.message());
    EXPECT_TRUE(is(err, foreign));
}

TEST(error, context_notes_stand_outermost_first) {
    error err = missing_file().context("reading config").context("starting");
    EXPECT_EQ(err.message(), "starting: reading config: open: No such file or directory");
    EXPECT_STREQ(err.operation(), "open");
    EXPECT_TRUE(is(err, std::errc::no_such_file_or_directory));
}

TEST(error, context_of_an_lvalue_leaves_it_alone) {
    error err = missing_file();
    error noted = err.context("reading config");
    EXPECT_EQ(err.message(), "open: No such file or directory");
    EXPECT_EQ(noted.message(), "reading config: open: No such file or directory");
}

TEST(error, context_of_no_error_is_no_error) { EXPECT_FALSE(error().context("starting")); }

TEST(error, an_empty_note_is_a_note) {
    EXPECT_EQ(error(errc::closed).context("").message(), ": closed");
}

TEST(error, copies_share_and_outlive_each_other) {
    error copy;
    {
        error original = missing_file().context("first");
        copy = original;
        EXPECT_EQ(copy.message(), original.message());
    }
    EXPECT_EQ(copy.message(), "first: open: No such file or directory");
}

TEST(error, moved_from_is_no_error) {
    error from = missing_file().context("first");
    error to = std::move(from);
    EXPECT_FALSE(from); // NOLINT(bugprone-use-after-move)
    EXPECT_TRUE(to);
}

TEST(error, self_assignment_keeps_the_value) {
    error err = missing_file().context("first");
    error& same = err;
    err = same;
    err = std::move(same);
    EXPECT_EQ(err.message(), "first: open: No such file or directory");
}

TEST(error, shared_record_is_freed_once_by_many_threads) {
    // Every thread owns copies of one record; ASan and TSan watch who frees it.
    error shared = missing_file().context("shared");
    std::vector<std::thread> threads;
    for (int i = 0; i < 4; ++i) {
        threads.emplace_back([copy = shared] {
            for (int round = 0; round < 1'000; ++round) {
                error another = copy;
                error moved = std::move(another);
                EXPECT_TRUE(moved);
            }
        });
    }
    shared = error();
    for (std::thread& each : threads)
        each.join();
}

TEST(error, chains_of_any_length_need_no_stack) {
    error err(errc::closed);
    for (int i = 0; i < 200'000; ++i)
        err = std::move(err).context("again");
    EXPECT_TRUE(is(err, errc::closed));
    EXPECT_EQ(err.message().size(), 200'000 * std::string_view("again: ").size() + 6);
}

TEST(errc, messages_name_each_value) {
    EXPECT_STREQ(sennit::error_category().name(), "sennit");
    EXPECT_EQ(make_error_code(errc::stopped).message(), "stopped");
    EXPECT_EQ(make_error_code(errc::timed_out).message(), "timed out");
    EXPECT_EQ(make_error_code(errc::closed).message(), "closed");
    EXPECT_EQ(make_error_code(errc::end_of_file).message(), "end of file");
    EXPECT_EQ(make_error_code(errc::limit_exceeded).message(), "limit exceeded");
    EXPECT_EQ(make_error_code(errc::shut_down).message(), "shut down");
    EXPECT_EQ(std::error_code(99, sennit::error_category()).message(), "unknown error 99");
}

TEST(errc, equals_the_portable_conditions) {
    EXPECT_EQ(make_error_code(errc::timed_out), std::errc::timed_out);
    EXPECT_EQ(make_error_code(errc::stopped), std::errc::operation_canceled);
    EXPECT_NE(make_error_code(errc::closed), std::errc::operation_canceled);
}

TEST(is, finds_code_and_condition) {
    error err(errc::timed_out, "connect");
    EXPECT_TRUE(is(err, errc::timed_out));
    EXPECT_TRUE(is(err, std::errc::timed_out));
    EXPECT_FALSE(is(err, errc::stopped));
    EXPECT_TRUE(is(error::from_errno(ETIMEDOUT, "connect"), std::errc::timed_out));
    EXPECT_FALSE(is(error::from_errno(ETIMEDOUT, "connect"), errc::timed_out));
}

TEST(join_errors, finds_and_shows_both) {
    error err = join_errors(error(errc::timed_out, "flush").context("saving"),
                            error::from_errno(EIO, "close"));
    EXPECT_EQ(err.message(), "saving: flush: timed out; close: Input/output error");
    EXPECT_TRUE(is(err, errc::timed_out));
    EXPECT_TRUE(is(err, std::errc::io_error));
    EXPECT_FALSE(is(err, errc::closed));
    EXPECT_EQ(err.code(), make_error_code(errc::timed_out));
    EXPECT_STREQ(err.operation(), "flush");
}

TEST(join_errors, of_one_error_is_that_error) {
    EXPECT_EQ(join_errors(error(), error(errc::closed)).message(), "closed");
    EXPECT_EQ(join_errors(error(errc::closed), error()).message(), "closed");
    EXPECT_FALSE(join_errors(error(), error()));
}

TEST(join_errors, nests_on_either_side) {
    error left = join_errors(join_errors(errc::stopped, errc::closed), errc::timed_out);
    error right = join_errors(errc::stopped, join_errors(errc::closed, errc::timed_out));
    EXPECT_EQ(left.message(), "stopped; closed; timed out");
    EXPECT_EQ(right.message(), "stopped; closed; timed out");
    EXPECT_TRUE(is(left.context("noted"), errc::closed));
    EXPECT_TRUE(is(right.context("noted"), errc::timed_out));
}

TEST(join_errors, long_joins_need_no_stack) {
    error left(errc::closed);
    error right(errc::closed);
    for (int i = 0; i < 100'000; ++i) {
        left = join_errors(std::move(left), errc::stopped);
        right = join_errors(errc::stopped, std::move(right));
    }
    EXPECT_TRUE(is(left, errc::closed));
    EXPECT_TRUE(is(right, errc::closed));
    EXPECT_EQ(left.message().size(), right.message().size());
}

} // namespace
