#include <sennit/http/date.hpp>

#include <gtest/gtest.h>

namespace sennit::http {
namespace {

using namespace std::chrono_literals;
using std::chrono::sys_seconds;

constexpr sys_seconds rfc_example{784111777s}; // the one of RFC 9110, section 5.6.7

TEST(date, is_written_in_the_fixed_form) {
    EXPECT_EQ(format_date(rfc_example), "Sun, 06 Nov 1994 08:49:37 GMT");
    EXPECT_EQ(format_date(sys_seconds{0s}), "Thu, 01 Jan 1970 00:00:00 GMT");
    EXPECT_EQ(format_date(sys_seconds{951782399s}), "Mon, 28 Feb 2000 23:59:59 GMT");
    EXPECT_EQ(format_date(sys_seconds{951782400s}), "Tue, 29 Feb 2000 00:00:00 GMT");
    EXPECT_EQ(format_date(sys_seconds{-1s}), "Wed, 31 Dec 1969 23:59:59 GMT");
    EXPECT_EQ(format_date(rfc_example).size(), date_size);
}

TEST(date, is_read_in_all_three_forms) {
    EXPECT_EQ(parse_date("Sun, 06 Nov 1994 08:49:37 GMT"), rfc_example);
    EXPECT_EQ(parse_date("Sunday, 06-Nov-94 08:49:37 GMT"), rfc_example);
    EXPECT_EQ(parse_date("Sun Nov  6 08:49:37 1994"), rfc_example);
    EXPECT_EQ(parse_date("Wed Nov 16 08:49:37 1994"), rfc_example + 10 * 24h);
}

TEST(date, two_digits_of_a_year_turn_at_seventy) {
    EXPECT_EQ(format_date(*parse_date("Thursday, 01-Jan-70 00:00:00 GMT")),
              "Thu, 01 Jan 1970 00:00:00 GMT");
    EXPECT_EQ(format_date(*parse_date("Tuesday, 01-Jan-69 00:00:00 GMT")),
              "Tue, 01 Jan 2069 00:00:00 GMT");
}

TEST(date, reads_every_date_it_writes) {
    for (sys_seconds time{0s}; time < sys_seconds{4'000'000'000s}; time += 86400s * 37 + 3601s) {
        ASSERT_EQ(parse_date(format_date(time)), time);
    }
}

TEST(date, refuses_what_is_no_date) {
    for (const std::string_view text :
         {"", "yesterday", "Sun, 06 Nov 1994 08:49:37", "Sun, 06 Nov 1994 08:49:37 CET",
          "Sun, 06 Nov 1994 08:49:37 GMT ", "Sun, 31 Feb 1994 08:49:37 GMT",
          "Sun, 06 Nov 1994 24:00:00 GMT", "Sun, 06 Nov 1994 08:60:00 GMT",
          "Sun, 06 Nov 1994 08:49:61 GMT", "Sun, 00 Nov 1994 08:49:37 GMT",
          "Sun, 6 Nov 1994 08:49:37 GMT", "Sun, 06 Nox 1994 08:49:37 GMT",
          "Sun, 06 Nov 19x4 08:49:37 GMT", "Sun Nov 6 08:49:37 1994",
          "Sunday, 06-Nov-1994 08:49:37 GMT", "Sxn, 06 Nov 1994 08:49:37 GMT"}) {
        EXPECT_EQ(parse_date(text), std::nullopt) << text;
    }
}

TEST(date, a_leap_second_counts_as_the_next_minute) {
    EXPECT_EQ(parse_date("Sat, 31 Dec 2016 23:59:60 GMT"),
              parse_date("Sun, 01 Jan 2017 00:00:00 GMT"));
}

TEST(date_cache, follows_the_time_in_both_directions) {
    date_cache dates;
    EXPECT_EQ(dates.at(rfc_example), format_date(rfc_example));
    EXPECT_EQ(dates.at(rfc_example), format_date(rfc_example));
    EXPECT_EQ(dates.at(rfc_example + 1s), format_date(rfc_example + 1s));
    EXPECT_EQ(dates.at(rfc_example), format_date(rfc_example));
    EXPECT_EQ(dates.at(sys_seconds{0s}), format_date(sys_seconds{0s}));
}

} // namespace
} // namespace sennit::http
