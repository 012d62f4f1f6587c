// Dates as HTTP writes them: "Sun, 06 Nov 1994 08:49:37 GMT" (RFC 9110, section 5.6.7).
//
// The time always comes from the caller, so that tests decide what time it is.
#pragma once

#include <array>
#include <chrono>
#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

namespace sennit::http {

/// The length of a date in the form that is sent.
inline constexpr std::size_t date_size = 29;

/// The date in the form that is sent. The year must lie between 0 and 9999.
///
/// ```cpp
/// using namespace std::chrono_literals;
/// const std::chrono::sys_seconds time{784111777s};
/// std::string date = http::format_date(time); // "Sun, 06 Nov 1994 08:49:37 GMT"
/// ```
[[nodiscard]] std::string format_date(std::chrono::sys_seconds time);

/// Reads a date in any of the three forms that a recipient must accept: the one that is sent, that
/// of RFC 850 ("Sunday, 06-Nov-94 08:49:37 GMT") and that of asctime ("Sun Nov  6 08:49:37 1994").
/// A year of two digits below 70 lies after 2000. The name of the weekday is not compared with the
/// date. Nothing when it is no date.
///
/// ```cpp
/// auto time = http::parse_date("Sun, 06 Nov 1994 08:49:37 GMT");
/// bool read = time && time->time_since_epoch().count() == 784111777; // true
/// ```
[[nodiscard]] std::optional<std::chrono::sys_seconds> parse_date(std::string_view text) noexcept;

/// Remembers the text of the last second it was asked for, because a busy server asks for the same
/// one thousands of times. One flow at a time may use an object.
///
/// ```cpp
/// using namespace std::chrono_literals;
/// http::date_cache dates;
/// std::string_view date = dates.at(std::chrono::sys_seconds{784111777s});
/// ```
class date_cache {
public:
    /// The date in the form that is sent; valid until the next call.
    [[nodiscard]] std::string_view at(std::chrono::sys_seconds time) noexcept;

private:
    std::array<char, date_size> text_;
    std::optional<std::chrono::sys_seconds> time_;
};

} // namespace sennit::http
