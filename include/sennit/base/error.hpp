// error: what went wrong in the world, where, and during what.
//
// An error is an error code, the name of the operation that failed, and notes that callers on the
// way up have added. It is two words. An error of the generic, system or sennit category without
// notes lives in those two words and allocates nothing; one with notes, with another part joined to
// it or of a foreign category points to a shared, immutable record, so that every copy and move
// costs at most a reference count.
//
// Always true: kind_ == kind::record exactly when record_ holds a reference; else operation_ is a
// string of static storage, or null. A record is never changed after it was made.
#pragma once

#include <sennit/base/assert.hpp>

#include <cstdint>
#include <expected>
#include <string>
#include <string_view>
#include <system_error>
#include <type_traits>
#include <utility>

namespace sennit {

/// The errors that Sennit itself reports; what the kernel reports keeps its errno. `timed_out`
/// equals the condition std::errc::timed_out and `stopped` equals std::errc::operation_canceled, so
/// both may be asked for portably.
///
/// ```cpp
/// std::error_code code = errc::timed_out;
/// bool same = code == std::errc::timed_out; // true
/// ```
enum class errc {
    stopped = 1,    ///< the flow, or what it waited for, was asked to stop
    timed_out,      ///< a deadline passed first
    closed,         ///< the object was closed, perhaps while this flow waited for it
    end_of_file,    ///< the other side has ended its data
    limit_exceeded, ///< a limit that the library or its user has set was reached
    shut_down,      ///< the runtime takes no new work
};

} // namespace sennit

template<>
struct std::is_error_code_enum<sennit::errc> : std::true_type {};

namespace sennit {

/// The category of sennit::errc, named "sennit".
///
/// ```cpp
/// std::puts(error_category().name());
/// ```
[[nodiscard]] const std::error_category& error_category() noexcept;

/// Makes the standard error code of a sennit::errc; found by std::error_code's constructor.
///
/// ```cpp
/// std::error_code code = make_error_code(errc::closed);
/// ```
[[nodiscard]] inline std::error_code make_error_code(errc value) noexcept {
    return {static_cast<int>(value), error_category()};
}

/// An error with its history, or no error at all: as in Go, `if (err)` asks whether something went
/// wrong.
///
/// ```cpp
/// error err = error::from_errno(ENOENT, "open").context("reading config");
/// std::puts(err.message().c_str()); // reading config: open: No such file or directory
/// bool missing = is(err, std::errc::no_such_file_or_directory); // true
/// ```
class [[nodiscard]] error {
public:
    /// No error.
    error() noexcept : operation_(nullptr) {}

    /// The error `code`, met by `operation`: a string that lives as long as the program, such as a
    /// literal, or null. A code whose value is zero makes no error. Allocates when the category is
    /// neither generic, system nor sennit.
    error(std::error_code code, const char* operation = nullptr);
    error(errc value, const char* operation = nullptr) : error(make_error_code(value), operation) {}
    error(std::errc value, const char* operation = nullptr)
        : error(std::make_error_code(value), operation) {}

    /// The error that a system call left in errno, with the name of that call.
    static error from_errno(int number, const char* operation) {
        return {std::error_code(number, std::system_category()), operation};
    }

    error(const error& other) noexcept
        : operation_(other.operation_), value_(other.value_), kind_(other.kind_) {
        if (kind_ == kind::record) [[unlikely]]
            retain();
    }
    error(error&& other) noexcept
        : operation_(other.operation_),
          value_(other.value_),
          kind_(std::exchange(other.kind_, kind::none)) {}
    error& operator=(error other) noexcept {
        std::swap(operation_, other.operation_);
        std::swap(value_, other.value_);
        std::swap(kind_, other.kind_);
        return *this;
    }
    ~error() {
        if (kind_ == kind::record) [[unlikely]]
            release();
    }

    /// This error with a note in front of it: what the caller was about when it failed. The note is
    /// copied. Without an error there is nothing to note, and the answer is no error.
    ///
    /// ```cpp
    /// error err{errc::timed_out, "connect"};
    /// error noted = err.context("fetching the index"); // fetching the index: connect: timed out
    /// ```
    [[nodiscard]] error context(std::string_view note) const&;
    [[nodiscard]] error context(std::string_view note) &&;

    /// Whether something went wrong.
    [[nodiscard]] explicit operator bool() const noexcept { return kind_ != kind::none; }

    /// The error code; of joined errors the first one's.
    [[nodiscard]] std::error_code code() const noexcept;

    /// The name of the operation that failed, "" when none was given; of joined errors the first
    /// one's.
    [[nodiscard]] const char* operation() const noexcept;

    /// Notes, outermost first, then the operation, then the text of the code, separated by ": ";
    /// joined errors are separated by "; ". Empty without an error.
    [[nodiscard]] std::string message() const;

    /// Lets `return err;` end a function that returns a result. There must be an error.
    ///
    /// ```cpp
    /// result<int> answer(const error& err) {
    ///     if (err) return err;
    ///     return 42;
    /// }
    /// ```
    template<class T>
    operator std::expected<T, error>() const {
        SENNIT_ASSERT(kind_ != kind::none, "return a value: this error holds no error");
        return std::unexpected<error>(*this);
    }

private:
    friend bool is(const error& err, std::error_code code) noexcept;
    friend bool is(const error& err, std::error_condition condition) noexcept;
    friend error join_errors(error first, error second);

    struct record;
    enum class kind : std::uint32_t { none, generic, system, sennit, record };

    explicit error(record* made) noexcept : record_(made), kind_(kind::record) {}

    template<class Matches>
    bool any_part(const Matches& matches) const noexcept;
    void retain() const noexcept;
    void release() noexcept;

    union {
        const char* operation_;
        record* record_;
    };
    int value_ = 0;
    kind kind_ = kind::none;
};

static_assert(sizeof(error) == 2 * sizeof(void*));

/// Whether `err` is, or is joined from, an error with this code (a sennit::errc, for instance) or
/// of this condition (a std::errc). The cost grows with the notes and the joined parts.
///
/// ```cpp
/// error err{errc::stopped, "accept"};
/// bool by_code = is(err, errc::stopped);                      // true
/// bool by_condition = is(err, std::errc::operation_canceled); // true
/// ```
[[nodiscard]] bool is(const error& err, std::error_code code) noexcept;
[[nodiscard]] bool is(const error& err, std::error_condition condition) noexcept;

/// Both errors as one, `first` before `second`; when only one holds an error, that one. Allocates
/// when both do.
///
/// ```cpp
/// error err = join_errors(error{errc::timed_out, "flush"}, error::from_errno(EIO, "close"));
/// bool both = is(err, errc::timed_out) && is(err, std::errc::io_error); // true
/// ```
[[nodiscard]] error join_errors(error first, error second);

} // namespace sennit
