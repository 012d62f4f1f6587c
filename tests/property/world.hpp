// What the flows of a random program share: channels of Go's kind with several elements and capacities, a mutex, a
// semaphore, a token to stop them, and the books.
#pragma once

#include "ledger.hpp"
#include "operation.hpp"
#include <sennit/all.hpp>

#include <gtest/gtest.h>

#include <chrono>
#include <random>
#include <type_traits>

namespace sennit::test {

using random_numbers = std::minstd_rand;

inline unsigned below(random_numbers& random, unsigned n) {
    return static_cast<unsigned>(random() >> 8) % n;
}

// In whole ticks of the timers (time/timer_wheel.hpp): where in a tick a virtual clock starts is chance, and must not
// decide what comes first.
inline std::chrono::nanoseconds some_time(random_numbers& random) {
    return std::chrono::nanoseconds(16384) * below(random, 20);
}

// A channel, whatever its elements.
class station {
public:
    virtual ~station() = default;
    virtual operation_ptr send(ledger& book) = 0;
    virtual operation_ptr receive(ledger& book) = 0;
    virtual void try_send(ledger& book) = 0;
    virtual void try_receive(ledger& book) = 0;
    virtual void add_send(select_list& cases, ledger& book) = 0;
    virtual void add_receive(select_list& cases, ledger& book) = 0;
    virtual void close() = 0;
    // What is still buffered counts as arrived.
    virtual void drain(ledger& book) = 0;
};

template<class T>
class station_of final : public station {
    static constexpr bool silent = std::is_same_v<T, number>;
    using told = ledger::told;

public:
    explicit station_of(int capacity) : channel_(make_chan<T>(capacity)) {}

    operation_ptr send(ledger& book) override {
        const number n = book.open(silent);
        return std::make_unique<until_closed>(make_operation(
            channel_.async_send(make(book, n)), [&book, n] { book.tell(n, told::sent); }));
    }
    operation_ptr receive(ledger& book) override {
        return make_operation(channel_.async_recv(),
                              [&book](std::optional<T> v) { take(book, std::move(v)); });
    }
    void try_send(ledger& book) override {
        const number n = book.open(silent);
        T value = make(book, n);
        bool sent = false;
        try {
            sent = channel_.try_send(std::move(value));
        } catch (const channel_error&) {}
        book.tell(n, sent ? told::sent : told::returned);
        if (sent) return;
        if constexpr (silent) {
            book.returned(value);
        } else {
            std::move(value).come_back();
        }
    }
    void try_receive(ledger& book) override {
        if (auto v = channel_.try_recv()) take(book, std::move(*v));
    }
    void add_send(select_list& cases, ledger& book) override {
        const number n = book.open(silent);
        cases.add(on_send(channel_, make(book, n), [&book, n] { book.tell(n, told::sent); }));
    }
    void add_receive(select_list& cases, ledger& book) override {
        cases.add(on_recv(channel_, [&book](std::optional<T> v) { take(book, std::move(v)); }));
    }
    void close() override { channel_.close(); }
    void drain(ledger& book) override {
        while (auto v = channel_.try_recv())
            take(book, std::move(*v));
    }

private:
    static T make(ledger& book, number n) {
        if constexpr (silent) {
            return n;
        } else {
            return T(book, n);
        }
    }
    static void take(ledger& book, std::optional<T> v) {
        if (!v) return;
        if constexpr (silent) {
            book.arrived(*v);
        } else {
            std::move(*v).arrive();
        }
    }

    chan<T> channel_;
};

// Counts who is inside, and how often.
class room {
public:
    explicit room(std::uint64_t places) : places_(places) {}
    void enter(std::uint64_t weight) {
        ++visits_;
        EXPECT_LE(inside_ += weight, places_) << "too many are inside";
    }
    void leave(std::uint64_t weight) { inside_ -= weight; }
    std::uint64_t inside() const { return inside_; }
    std::uint64_t visits() const { return visits_; }

private:
    const std::uint64_t places_;
    std::atomic<std::uint64_t> inside_{0}, visits_{0};
};

struct world {
    static constexpr std::uint64_t permits = 3;

    world(random_numbers& random, std::size_t values_max) : book(values_max) {
        const unsigned count = 2 + below(random, 3);
        for (unsigned i = 0; i < count; ++i) {
            const int capacity = static_cast<int>(below(random, 3));
            switch (below(random, 3)) {
                case 0:
                    stations.push_back(std::make_unique<station_of<token>>(capacity));
                    break;
                case 1:
                    stations.push_back(std::make_unique<station_of<heavy_token>>(capacity));
                    break;
                default:
                    stations.push_back(std::make_unique<station_of<number>>(capacity));
            }
        }
    }

    ledger book;
    std::vector<std::unique_ptr<station>> stations;
    mutex lock;
    room locked{1};
    semaphore slots{permits};
    room admitted{permits};
    std::stop_source over;
    wait_group playing;
    std::atomic<bool> mpsc_receiver_left{false};
    std::atomic<std::uint64_t> broadcasts{0}, changes{0};
};

} // namespace sennit::test
