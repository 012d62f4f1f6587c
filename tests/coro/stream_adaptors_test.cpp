#include <sennit/coro/stream_adaptors.hpp>

#include "coro/support.hpp"
#include <sennit/coro/stream_consumers.hpp>
#include <sennit/coro/stream_sources.hpp>

#include <gtest/gtest.h>

#include <array>
#include <deque>
#include <functional>
#include <memory>
#include <stdexcept>

namespace sennit {
namespace {

namespace st = streams;
using test_support::driver;
using test_support::ready;
using test_support::signal;
using ints = std::vector<int>;

class stream_adaptors : public test_support::no_leaks {};

bool is_odd(int n) { return n % 2 != 0; }
task<int> twice(int n) { co_return 2 * n; }

// A queue that others fill, with a future as a user would write it.
class pipe_end {
public:
    void put(int n) { queue_.push_back(n), wake(); }
    void close() { closed_ = true, wake(); }
    int asked() const { return asked_; }

    auto async_recv() {
        struct receiving {
            pipe_end* p;
            sennit::poll<std::optional<int>> poll(context& cx) { return p->poll(cx); }
        };
        return receiving{this};
    }

private:
    sennit::poll<std::optional<int>> poll(context& cx) {
        ++asked_;
        if (!queue_.empty()) {
            const int n = queue_.front();
            queue_.pop_front();
            return std::optional<int>(n);
        }
        if (closed_) return std::optional<int>();
        waker_ = cx.waker();
        return pending;
    }
    void wake() { std::exchange(waker_, waker()).wake(); }

    std::deque<int> queue_;
    waker waker_;
    int asked_ = 0;
    bool closed_ = false;

public:
    pipe_end() = default;
    pipe_end(const pipe_end&) = delete;
    pipe_end& operator=(const pipe_end&) = delete;
};

TEST_F(stream_adaptors, sources) {
    EXPECT_EQ(wait(st::collect(st::from_range(ints{1, 2}))), (ints{1, 2}));
    const ints named{3, 4};
    EXPECT_EQ(wait(st::collect(st::from_range(named))), (ints{3, 4}));
    EXPECT_EQ(wait(st::collect(st::iter(named.begin(), named.end()))), (ints{3, 4}));
    EXPECT_EQ(wait(st::collect(st::once(5))), (ints{5}));
    EXPECT_EQ(wait(st::repeat(6) | st::take(3) | st::collect()), (ints{6, 6, 6}));
    std::vector<std::unique_ptr<int>> owned;
    owned.push_back(std::make_unique<int>(7));
    EXPECT_EQ(**wait(st::collect(st::from_range(std::move(owned)))).begin(), 7);
}

TEST_F(stream_adaptors, map_filter_and_their_kin) {
    const auto source = [] { return st::from_range(ints{1, 2, 3, 4, 5}); };
    EXPECT_EQ(wait(source() | st::map(std::negate<>()) | st::collect()),
              (ints{-1, -2, -3, -4, -5}));
    EXPECT_EQ(wait(source() | st::then(twice) | st::collect()), (ints{2, 4, 6, 8, 10}));
    EXPECT_EQ(wait(source() | st::filter(is_odd) | st::collect()), (ints{1, 3, 5}));
    const auto half = [](int n) { return is_odd(n) ? std::nullopt : std::optional<int>(n / 2); };
    EXPECT_EQ(wait(source() | st::filter_map(half) | st::collect()), (ints{1, 2}));
    EXPECT_EQ(wait(source() | st::take(2) | st::collect()), (ints{1, 2}));
    EXPECT_EQ(wait(source() | st::take(9) | st::count()), 5u);
    EXPECT_EQ(wait(source() | st::take_while([](int n) { return n < 3; }) | st::collect()),
              (ints{1, 2}));
    EXPECT_EQ(wait(source() | st::skip(3) | st::collect()), (ints{4, 5}));
    EXPECT_EQ(wait(source() | st::chunks(2) | st::collect()),
              (std::vector<ints>{{1, 2}, {3, 4}, {5}}));
    EXPECT_EQ(wait(source() | st::fold(0, std::plus<>())), 15);
    int sum = 0;
    wait(source() | st::for_each([&sum](int n) { sum += n; }));
    EXPECT_EQ(sum, 15);
    using numbered = std::pair<std::size_t, char>;
    EXPECT_EQ(wait(st::from_range(std::vector<char>{'a', 'b'}) | st::enumerate() | st::collect()),
              (std::vector<numbered>{{0, 'a'}, {1, 'b'}}));
}

TEST_F(stream_adaptors, two_sources) {
    const auto source = [] { return st::from_range(ints{1, 2, 3}); };
    using zipped = std::pair<int, int>;
    EXPECT_EQ(wait(source() | st::zip(source() | st::skip(1)) | st::collect()),
              (std::vector<zipped>{{1, 2}, {2, 3}}));
    EXPECT_EQ(wait(source() | st::chain(st::once(9)) | st::collect()), (ints{1, 2, 3, 9}));
    EXPECT_EQ(wait(source() | st::merge(st::from_range(ints{7, 8})) | st::collect()),
              (ints{1, 7, 2, 8, 3}));
}

TEST_F(stream_adaptors, are_lazy_and_ask_no_more_than_they_need) {
    pipe_end p;
    driver d;
    p.put(1);
    auto one = p | st::take(1);
    EXPECT_EQ(p.asked(), 0);
    EXPECT_EQ(d.poll(one.next()).take(), 1);
    EXPECT_EQ(d.poll(one.next()).take(), std::nullopt);
    EXPECT_EQ(p.asked(), 1);
}

TEST_F(stream_adaptors, named_stream_is_referred_to_and_goes_on) {
    auto source = st::from_range(ints{1, 2, 3});
    EXPECT_EQ(wait(source | st::take(1) | st::collect()), (ints{1}));
    EXPECT_EQ(wait(st::collect(source)), (ints{2, 3}));
}

TEST_F(stream_adaptors, exceptions_of_source_and_function_pass_through) {
    const auto failing = []() -> stream<int> {
        co_yield 1;
        throw std::runtime_error("source");
    };
    EXPECT_THROW(wait(failing() | st::map(std::negate<>()) | st::collect()), std::runtime_error);
    const auto refuse = [](int) -> int { throw std::logic_error("function"); };
    EXPECT_THROW(wait(st::once(1) | st::map(refuse) | st::collect()), std::logic_error);
}

// tokio-stream stream_merge: merge_sync_streams, merge_async_streams.
TEST_F(stream_adaptors, merge_takes_what_comes) {
    pipe_end a, b;
    driver d;
    auto both = st::merge(a, b);
    ASSERT_FALSE(d.poll(both.next()).is_ready());
    b.put(1);
    EXPECT_EQ(d.poll(both.next()).take(), 1);
    a.put(2);
    a.put(4);
    b.put(3);
    int sum = 0;
    for (int i = 0; i < 3; ++i)
        sum += d.poll(both.next()).take().value();
    EXPECT_EQ(sum, 9);
    a.close();
    ASSERT_FALSE(d.poll(both.next()).is_ready());
    b.put(5);
    EXPECT_EQ(d.poll(both.next()).take(), 5);
    b.close();
    EXPECT_EQ(d.poll(both.next()).take(), std::nullopt);
}

TEST_F(stream_adaptors, merge_starves_neither) {
    int ones = 0;
    auto both = st::repeat(1) | st::merge(st::repeat(2)) | st::take(100);
    for (const int n : both)
        ones += n == 1 ? 1 : 0;
    EXPECT_EQ(ones, 50);
}

TEST_F(stream_adaptors, zip_ends_with_the_first_that_ends) {
    pipe_end waits, ends;
    driver d;
    auto both = st::zip(waits, ends);
    ASSERT_FALSE(d.poll(both.next()).is_ready());
    ends.close();
    EXPECT_EQ(d.poll(both.next()).take(), std::nullopt);
    pipe_end other;
    other.close();
    auto swapped = st::zip(other, waits);
    EXPECT_EQ(d.poll(swapped.next()).take(), std::nullopt);
}

TEST_F(stream_adaptors, zip_asks_both_side_by_side) {
    pipe_end a, b;
    driver d;
    auto both = st::zip(a, b);
    ASSERT_FALSE(d.poll(both.next()).is_ready());
    EXPECT_EQ(a.asked(), 1);
    EXPECT_EQ(b.asked(), 1);
    b.put(2);
    ASSERT_FALSE(d.poll(both.next()).is_ready());
    a.put(1);
    EXPECT_EQ(d.poll(both.next()).take(), std::pair(1, 2));
}

TEST_F(stream_adaptors, move_only_values_pass_all_of_them) {
    std::vector<std::unique_ptr<int>> values;
    for (int n = 0; n < 6; ++n)
        values.push_back(std::make_unique<int>(n));
    auto chunks =
        st::from_range(std::move(values)) | st::filter([](const auto& p) { return *p != 0; }) |
        st::map([](std::unique_ptr<int> p) { return p; }) | st::skip(1) |
        st::merge(st::once(std::make_unique<int>(9))) | st::take(5) | st::chunks(3) | st::collect();
    const auto all = wait(std::move(chunks));
    ASSERT_EQ(all.size(), 2u);
    EXPECT_EQ(all[0].size() + all[1].size(), 5u);
}

// Dropped while it waits, each adaptor lets go of its source's leaf.
TEST_F(stream_adaptors, drop_withdraws_the_leaf_below) {
    signal s;
    const auto waiting = [](signal& x) -> stream<int> {
        const int n = co_await x.async_wait();
        co_yield n;
    };
    driver d;
    {
        auto all = waiting(s) | st::map(twice) | st::then([](task<int> t) { return t; }) |
                   st::filter(is_odd) | st::chunks(2) | st::enumerate();
        auto more = waiting(s) | st::merge(waiting(s)) | st::zip(waiting(s)) | st::take(1);
        ASSERT_FALSE(d.poll(all.next()).is_ready() || d.poll(more.next()).is_ready());
        EXPECT_EQ(s.waiters(), 4u);
    }
    EXPECT_EQ(s.waiters(), 0u);
}

} // namespace
} // namespace sennit
