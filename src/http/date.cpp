#include <sennit/http/date.hpp>

#include <algorithm>

namespace sennit::http {
namespace {

using std::chrono::sys_days;
using std::chrono::sys_seconds;

constexpr std::array<std::string_view, 7> weekdays{"Sunday",   "Monday", "Tuesday", "Wednesday",
                                                   "Thursday", "Friday", "Saturday"};
constexpr std::array<std::string_view, 12> months{"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                                  "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};

char* put(char* at, std::string_view text) { return std::ranges::copy(text, at).out; }

char* put_number(char* at, unsigned value, int digits) {
    for (int i = digits - 1; i >= 0; --i, value /= 10)
        at[i] = static_cast<char>('0' + value % 10);
    return at + digits;
}

void write_date(char* at, sys_seconds time) {
    const sys_days day = std::chrono::floor<std::chrono::days>(time);
    const std::chrono::year_month_day date(day);
    const std::chrono::hh_mm_ss clock(time - day);
    at = put(at, weekdays[std::chrono::weekday(day).c_encoding()].substr(0, 3));
    at = put_number(put(at, ", "), static_cast<unsigned>(date.day()), 2);
    at = put(put(at, " "), months[static_cast<unsigned>(date.month()) - 1]);
    at = put_number(put(at, " "), static_cast<unsigned>(static_cast<int>(date.year())), 4);
    at = put_number(put(at, " "), static_cast<unsigned>(clock.hours().count()), 2);
    at = put_number(put(at, ":"), static_cast<unsigned>(clock.minutes().count()), 2);
    at = put_number(put(at, ":"), static_cast<unsigned>(clock.seconds().count()), 2);
    put(at, " GMT");
}

// Reads a date from left to right. Once a step has failed, the others do nothing.
struct reader {
    std::string_view rest;
    bool ok = true;

    void literal(std::string_view text) {
        ok = ok && rest.starts_with(text);
        if (ok) rest.remove_prefix(text.size());
    }

    unsigned number(std::size_t digits) {
        unsigned value = 0;
        ok = ok && rest.size() >= digits;
        for (std::size_t i = 0; ok && i < digits; ++i) {
            ok = rest[i] >= '0' && rest[i] <= '9';
            value = value * 10 + static_cast<unsigned>(rest[i] - '0');
        }
        if (ok) rest.remove_prefix(digits);
        return value;
    }

    // A day of the month as asctime writes it: two places, the first perhaps a space.
    unsigned padded_day() {
        if (!rest.starts_with(' ')) return number(2);
        rest.remove_prefix(1);
        return number(1);
    }

    unsigned month() {
        for (unsigned i = 0; ok && i < months.size(); ++i) {
            if (!rest.starts_with(months[i])) continue;
            rest.remove_prefix(3);
            return i + 1;
        }
        ok = false;
        return 0;
    }

    std::chrono::seconds clock() {
        const std::chrono::hours hours(number(2));
        literal(":");
        const std::chrono::minutes minutes(number(2));
        literal(":");
        const std::chrono::seconds seconds(number(2));
        // A leap second is legal; it counts as the first second of the next minute.
        ok = ok && hours.count() < 24 && minutes.count() < 60 && seconds.count() <= 60;
        return hours + minutes + seconds;
    }
};

struct date_parts {
    unsigned year = 0;
    unsigned month = 0;
    unsigned day = 0;
    std::chrono::seconds clock{};
};

date_parts read_fixed(reader& in) {
    date_parts parts;
    in.literal(", ");
    parts.day = in.number(2);
    in.literal(" ");
    parts.month = in.month();
    in.literal(" ");
    parts.year = in.number(4);
    in.literal(" ");
    parts.clock = in.clock();
    in.literal(" GMT");
    return parts;
}

date_parts read_rfc850(reader& in) {
    date_parts parts;
    in.literal(", ");
    parts.day = in.number(2);
    in.literal("-");
    parts.month = in.month();
    in.literal("-");
    parts.year = in.number(2);
    parts.year += parts.year < 70 ? 2000 : 1900;
    in.literal(" ");
    parts.clock = in.clock();
    in.literal(" GMT");
    return parts;
}

date_parts read_asctime(reader& in) {
    date_parts parts;
    in.literal(" ");
    parts.month = in.month();
    in.literal(" ");
    parts.day = in.padded_day();
    in.literal(" ");
    parts.clock = in.clock();
    in.literal(" ");
    parts.year = in.number(4);
    return parts;
}

// Takes a weekday off the front, by its full name or by three letters, and says which of the two it
// was.
enum class weekday_form { none, full, brief };

weekday_form take_weekday(reader& in) {
    for (const std::string_view name : weekdays) {
        if (!in.rest.starts_with(name.substr(0, 3))) continue;
        const bool full = in.rest.starts_with(name);
        in.rest.remove_prefix(full ? name.size() : 3);
        return full ? weekday_form::full : weekday_form::brief;
    }
    return weekday_form::none;
}

} // namespace

std::string format_date(sys_seconds time) {
    std::string text(date_size, '\0');
    write_date(text.data(), time);
    return text;
}

std::optional<sys_seconds> parse_date(std::string_view text) noexcept {
    reader in{text};
    date_parts parts;
    switch (take_weekday(in)) {
        case weekday_form::none:
            return std::nullopt;
        case weekday_form::full:
            parts = read_rfc850(in);
            break;
        case weekday_form::brief:
            parts = in.rest.starts_with(',') ? read_fixed(in) : read_asctime(in);
            break;
    }
    if (!in.ok || !in.rest.empty()) return std::nullopt;
    const std::chrono::year_month_day date{std::chrono::year(static_cast<int>(parts.year)),
                                           std::chrono::month(parts.month),
                                           std::chrono::day(parts.day)};
    if (!date.ok()) return std::nullopt;
    return sys_days(date) + parts.clock;
}

std::string_view date_cache::at(sys_seconds time) noexcept {
    if (time_ != time) {
        write_date(text_.data(), time);
        time_ = time;
    }
    return {text_.data(), text_.size()};
}

} // namespace sennit::http
