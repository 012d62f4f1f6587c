// The records behind an error. A record is one of three: a note in front of an inner error, two
// joined errors, or a code of a foreign category. Chains may be long (a retry loop that notes every
// round), so nothing here recurses over them.
#include <sennit/base/error.hpp>

#include <atomic>
#include <vector>

namespace sennit {
namespace {

class sennit_category final : public std::error_category {
public:
    constexpr sennit_category() = default;

    const char* name() const noexcept override { return "sennit"; }

    std::string message(int value) const override {
        switch (static_cast<errc>(value)) {
            case errc::stopped:
                return "stopped";
            case errc::timed_out:
                return "timed out";
            case errc::closed:
                return "closed";
            case errc::end_of_file:
                return "end of file";
            case errc::limit_exceeded:
                return "limit exceeded";
            case errc::shut_down:
                return "shut down";
        }
        return "unknown error " + std::to_string(value);
    }

    std::error_condition default_error_condition(int value) const noexcept override {
        switch (static_cast<errc>(value)) {
            case errc::stopped:
                return std::errc::operation_canceled;
            case errc::timed_out:
                return std::errc::timed_out;
            default:
                return {value, *this};
        }
    }
};

// Initialised at compile time and never destroyed: threads may report errors while the program ends.
union immortal_category {
    constexpr immortal_category() : category() {}
    ~immortal_category() {}
    sennit_category category;
};
constinit const immortal_category immortal;

} // namespace

const std::error_category& error_category() noexcept { return immortal.category; }

struct error::record {
    std::atomic<std::uint32_t> references = 1;
    std::error_code code = {};       // set only when both parts hold no error
    const char* operation = nullptr; // goes with code
    std::string note = {};           // goes with first
    error first = {};
    error second = {}; // set only in a joined error
    record* next_dead =
        nullptr; // used only by release(), by the thread that dropped the last reference
};

error::error(std::error_code code, const char* operation)
    : operation_(operation), value_(code.value()) {
    if (!code) return;
    if (code.category() == std::generic_category()) {
        kind_ = kind::generic;
    } else if (code.category() == std::system_category()) {
        kind_ = kind::system;
    } else if (code.category() == error_category()) {
        kind_ = kind::sennit;
    } else {
        record_ = new record{.code = code, .operation = operation};
        kind_ = kind::record;
    }
}

error error::context(std::string_view note) const& { return error(*this).context(note); }

error error::context(std::string_view note) && {
    if (kind_ == kind::none) return {};
    return error(new record{.note = std::string(note), .first = std::move(*this)});
}

error join_errors(error first, error second) {
    if (!first) return second;
    if (!second) return first;
    return error(new error::record{.first = std::move(first), .second = std::move(second)});
}

std::error_code error::code() const noexcept {
    const error* part = this;
    while (part->kind_ == kind::record && part->record_->first)
        part = &part->record_->first;
    switch (part->kind_) {
        case kind::none:
            return {};
        case kind::generic:
            return {part->value_, std::generic_category()};
        case kind::system:
            return {part->value_, std::system_category()};
        case kind::sennit:
            return {part->value_, error_category()};
        case kind::record:
            return part->record_->code;
    }
    SENNIT_UNREACHABLE();
}

const char* error::operation() const noexcept {
    const error* part = this;
    while (part->kind_ == kind::record && part->record_->first)
        part = &part->record_->first;
    const char* name = part->kind_ == kind::record ? part->record_->operation : part->operation_;
    return part->kind_ == kind::none || name == nullptr ? "" : name;
}

std::string error::message() const {
    std::string text;
    if (kind_ == kind::none) return text;
    std::vector<const error*> parts{this}; // the last is shown next
    while (!parts.empty()) {
        const error* part = parts.back();
        parts.pop_back();
        if (!text.empty()) text += "; ";
        while (part->kind_ == kind::record && part->record_->first) {
            const record& inner = *part->record_;
            if (inner.second) parts.push_back(&inner.second);
            if (!inner.second) text.append(inner.note).append(": ");
            part = &inner.first;
        }
        if (const char* name = part->operation(); *name != '\0') text.append(name).append(": ");
        text += part->code().message();
    }
    return text;
}

// noexcept although it allocates: that much memory is missing only when the program is lost anyway.
template<class Matches>
bool error::any_part(const Matches& matches) const noexcept {
    std::vector<const error*> parts;
    for (const error* part = this; part != nullptr;) {
        if (part->kind_ == kind::record && part->record_->first) {
            if (part->record_->second) parts.push_back(&part->record_->second);
            part = &part->record_->first;
            continue;
        }
        if (part->kind_ != kind::none && matches(part->code())) return true;
        part = parts.empty() ? nullptr : parts.back();
        if (part != nullptr) parts.pop_back();
    }
    return false;
}

bool is(const error& err, std::error_code code) noexcept {
    return err.any_part([&](std::error_code part) { return part == code; });
}

bool is(const error& err, std::error_condition condition) noexcept {
    return err.any_part([&](std::error_code part) { return part == condition; });
}

void error::retain() const noexcept {
    // relaxed: the caller holds a reference already, so the record cannot go away.
    record_->references.fetch_add(1, std::memory_order_relaxed);
}

// Frees a chain without recursion: a dead record's parts are taken out of it and wait in a list
// made of the dead records themselves.
void error::release() noexcept {
    record* dead = nullptr;
    auto drop = [&dead](error& part) {
        if (part.kind_ != kind::record) return;
        part.kind_ = kind::none;
        record* owned = part.record_;
        // release: what this thread read of the record happens before the deletion; acquire: pairs
        // with the release of the other owners, for the thread that deletes.
        if (owned->references.fetch_sub(1, std::memory_order_acq_rel) != 1) return;
        owned->next_dead = dead;
        dead = owned;
    };
    drop(*this);
    while (dead != nullptr) {
        record* current = dead;
        dead = current->next_dead;
        drop(current->first);
        drop(current->second);
        delete current;
    }
}

} // namespace sennit
