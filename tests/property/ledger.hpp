// The books of a random program: where every value that was made has gone.
//
// A value is a token with a number. It ends exactly once: a receiver took it, its sender got it back, or it was destroyed
// with whatever held it: a future that was dropped, a buffer. What the sender was told is written down beside it, and
// the two have to agree.
#pragma once

#include <gtest/gtest.h>

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <utility>
#include <vector>

namespace sennit::test {

using number = std::uint32_t;

class ledger {
public:
    enum class told : std::uint8_t { nothing, sent, returned };
    // Where a value that was sent may be instead of having arrived: nowhere, with the receiver of all, which left, or
    // with a receiver of its own.
    enum class perishes : std::uint8_t { never, with_the_receiver, with_its_receiver };

    explicit ledger(std::size_t pages) : records_(pages) {}

    // A silent value leaves no trace when it is destroyed: it may end in nothing.
    number open(bool silent = false) {
        const number n = next_++;
        if (n >= records_.size()) std::abort();
        records_[n].silent = silent;
        return n;
    }
    void tell(number n, told what, perishes when = perishes::never) {
        records_[n].told = what;
        records_[n].when = when;
    }
    void arrived(number n) { ++records_[n].arrivals; }
    void returned(number n) { ++records_[n].returns; }
    void perished(number n) { ++records_[n].ends; }

    // How many there were and how many arrived.
    struct summary {
        std::size_t values = 0, arrived = 0;
    };
    summary sum() const {
        summary all{.values = next_};
        for (number n = 0; n < next_; ++n) {
            const record& r = records_[n];
            all.arrived += r.arrivals;
        }
        return all;
    }
    void check(bool receiver_left) const {
        for (number n = 0; n < next_; ++n) {
            const record& r = records_[n];
            int all = r.arrivals + r.returns + r.ends;
            if (all == 0 && r.silent && r.told == told::nothing) all = 1;
            ASSERT_EQ(all, 1) << "value " << n << " arrived " << int{r.arrivals}
                              << " times, came back " << int{r.returns}
                              << " times and was destroyed " << int{r.ends} << " times";
            switch (r.told) {
                case told::sent:
                    ASSERT_TRUE(r.arrivals == 1 || r.when == perishes::with_its_receiver ||
                                (receiver_left && r.when == perishes::with_the_receiver))
                        << "value " << n << " was sent and is gone";
                    break;
                case told::returned:
                    ASSERT_EQ(r.returns, 1)
                        << "value " << n << " was refused and did not come back";
                    break;
                case told::nothing:
                    ASSERT_EQ(r.returns, 0) << "value " << n << " came back unasked";
            }
        }
    }

private:
    struct record {
        std::atomic<std::uint8_t> arrivals{0}, returns{0}, ends{0};
        std::atomic<ledger::told> told{told::nothing};
        std::atomic<perishes> when{perishes::never};
        std::atomic<bool> silent{false};
    };
    std::vector<record> records_;
    std::atomic<number> next_{0};
};

// A value. Empty once it was taken.
class token {
public:
    token(ledger& book, number n) noexcept : book_(&book), number_(n) {}
    token(token&& other) noexcept
        : book_(std::exchange(other.book_, nullptr)), number_(other.number_) {}
    token& operator=(token&& other) noexcept {
        std::swap(book_, other.book_);
        std::swap(number_, other.number_);
        return *this;
    }
    ~token() {
        if (book_ != nullptr) book_->perished(number_);
    }
    void arrive() && { std::exchange(book_, nullptr)->arrived(number_); }
    void come_back() && { std::exchange(book_, nullptr)->returned(number_); }

private:
    ledger* book_;
    number number_;
};

// One that does not fit into a cell of a channel and travels in a box.
struct heavy_token : token {
    using token::token;
    std::array<std::byte, 200> weight{};
};

} // namespace sennit::test
