// The rules of golang/go's test/chan/powser1.go: power series as flows that yield a coefficient when they are asked for one.
//
// A series is a pair of channels: who wants the next coefficient sends a request and then receives it. Closing the
// requests ends the flow behind the series, and those behind it.
#include "conformance/pairing.hpp"

#include <array>
#include <deque>
#include <numeric>
#include <ostream>
#include <vector>

namespace sennit {
namespace {

using test::by;
using test::kind;

struct rational {
    long long over = 0, under = 1;

    static rational of(long long a, long long b) {
        const long long d = std::gcd(a, b);
        return {a / d, b / d};
    }
    friend bool operator==(const rational&, const rational&) = default;
    friend rational operator+(const rational& a, const rational& b) {
        return of(a.over * b.under + b.over * a.under, a.under * b.under);
    }
    friend rational operator*(const rational& a, const rational& b) {
        return of(a.over * b.over, a.under * b.under);
    }
    friend std::ostream& operator<<(std::ostream& to, const rational& r) {
        return to << r.over << '/' << r.under;
    }
};

struct series {
    chan<int> ask = make_chan<int>();
    chan<rational> answer = make_chan<rational>();
};

class go_power_series : public test::conformance {
protected:
    // Each flow is of the kind whose turn it is.
    void flow(party p) { start_party(started_++, std::move(p)); }

    // Answers with what `next`, a coroutine, yields for the n-th request; then runs `end`.
    template<class Next, class End>
    series serve(Next next, End end) {
        series out;
        flow([out, next, end](kind me) -> task<void> {
            for (int n = 0;; ++n) {
                const std::optional<int> asked = co_await by(me, out.ask.async_recv());
                if (!asked) break;
                auto finding = next(me, n);
                const rational r = co_await std::move(finding);
                co_await by(me, out.answer.async_send(r));
            }
            end();
        });
        return out;
    }
    static task<rational> get(kind me, series from) {
        co_await by(me, from.ask.async_send(1));
        const std::optional<rational> r = co_await by(me, from.answer.async_recv());
        co_return *r;
    }

    series ones() {
        return serve([](kind, int) -> task<rational> { co_return rational{1, 1}; }, [] {});
    }
    series add(series a, series b) {
        return serve(
            [a, b](kind me, int) -> task<rational> {
                const rational x = co_await get(me, a);
                const rational y = co_await get(me, b);
                co_return x + y;
            },
            [a, b] {
                a.ask.close();
                b.ask.close();
            });
    }
    // c + the integral of a.
    series integrate(rational c, series a) {
        return serve(
            [c, a](kind me, int n) -> task<rational> {
                if (n == 0) co_return c;
                const rational x = co_await get(me, a);
                co_return x* rational::of(1, n);
            },
            [a] { a.ask.close(); });
    }
    series differentiate(series a) {
        return serve(
            [a](kind me, int n) -> task<rational> {
                if (n == 0) co_await get(me, a);
                const rational x = co_await get(me, a);
                co_return x* rational::of(n + 1, 1);
            },
            [a] { a.ask.close(); });
    }
    series multiply(series a, series b) {
        struct known {
            std::vector<rational> a, b;
        };
        auto k = std::make_shared<known>();
        return serve(
            [a, b, k](kind me, int n) -> task<rational> {
                const rational x = co_await get(me, a);
                k->a.push_back(x);
                const rational y = co_await get(me, b);
                k->b.push_back(y);
                rational sum;
                for (unsigned i = 0; i <= unsigned(n); ++i)
                    sum = sum + k->a[i] * k->b[unsigned(n) - i];
                co_return sum;
            },
            [a, b] {
                a.ask.close();
                b.ask.close();
            });
    }
    // Two readers of one series, each at its own pace: a select over both readers and the source, so that the second,
    // which may be a part of what the source is made of, is served from what is known while the first waits. When the
    // first is done the source is told to end.
    std::array<series, 2> split(series in) {
        std::array<series, 2> out;
        flow([in, out](kind me) -> task<void> {
            std::deque<rational> behind[2];
            bool wants[2] = {false, false}, open[2] = {true, true};
            bool fetching = false;
            while (open[0] || open[1]) {
                for (const int i : {0, 1}) {
                    if (!wants[i] || behind[i].empty()) continue;
                    co_await by(me, out[unsigned(i)].answer.async_send(behind[i].front()));
                    behind[i].pop_front();
                    wants[i] = false;
                }
                if ((wants[0] || wants[1]) && !fetching) {
                    co_await by(me, in.ask.async_send(1));
                    fetching = true;
                }
                const auto asked = [&](int i) {
                    return [&, i](std::optional<int> v) { (v ? wants : open)[i] = v.has_value(); };
                };
                const auto keep = [&](std::optional<rational> r) {
                    for (auto& each : behind)
                        each.push_back(*r);
                    fetching = false;
                };
                const bool was_open = open[0];
                auto one = async_select(on_recv(out[0].ask, asked(0)).when(open[0] && !wants[0]),
                                        on_recv(out[1].ask, asked(1)).when(open[1] && !wants[1]),
                                        on_recv(in.answer, keep).when(fetching));
                co_await by(me, std::move(one));
                if (was_open && !open[0]) in.ask.close();
            }
        });
        return out;
    }

    void expect(series s, std::vector<rational> known) {
        for (const rational& r : known) {
            s.ask.send(1);
            EXPECT_EQ(s.answer.recv(), r);
        }
        s.ask.close();
        join();
    }

private:
    int started_ = 0;
};
SENNIT_PAIRINGS(go_power_series);

TEST_P(go_power_series, sums_products_and_integrals_have_their_coefficients) {
    expect(add(ones(), ones()), {{2, 1}, {2, 1}, {2, 1}, {2, 1}, {2, 1}});
    expect(multiply(ones(), ones()), {{1, 1}, {2, 1}, {3, 1}, {4, 1}, {5, 1}});
    expect(integrate({0, 1}, ones()), {{0, 1}, {1, 1}, {1, 2}, {1, 3}, {1, 4}});
    expect(differentiate(ones()), {{1, 1}, {2, 1}, {3, 1}, {4, 1}, {5, 1}});
    expect(multiply(add(ones(), ones()), differentiate(ones())),
           {{2, 1}, {6, 1}, {12, 1}, {20, 1}});
}

// exp(x + x^2 / 2 + ...) = X with X' = X f': the series is made of itself.
TEST_P(go_power_series, the_exponential_feeds_itself) {
    // X = 1 + integral of X; a relay stands where the series comes back to.
    series back;
    const std::array<series, 2> x = split(integrate({1, 1}, back));
    flow([back, again = x[1]](kind me) -> task<void> {
        for (;;) {
            const std::optional<int> asked = co_await by(me, back.ask.async_recv());
            if (!asked) break;
            const rational r = co_await get(me, again);
            co_await by(me, back.answer.async_send(r));
        }
        again.ask.close();
    });
    expect(x[0], {{1, 1}, {1, 1}, {1, 2}, {1, 6}, {1, 24}, {1, 120}, {1, 720}});
}

// T = tan x with T' = 1 + T T: two copies of the series go back into it.
TEST_P(go_power_series, the_tangent_feeds_itself_twice) {
    series back;
    const std::array<series, 2> t = split(integrate({0, 1}, back));
    const std::array<series, 2> both = split(t[1]);
    const series square = multiply(both[0], both[1]);
    flow([back, square](kind me) -> task<void> {
        for (int n = 0;; ++n) {
            const std::optional<int> asked = co_await by(me, back.ask.async_recv());
            if (!asked) break;
            const rational r = co_await get(me, square);
            co_await by(me, back.answer.async_send(n == 0 ? r + rational{1, 1} : r));
        }
        square.ask.close();
    });
    expect(t[0], {{0, 1}, {1, 1}, {0, 1}, {1, 3}, {0, 1}, {2, 15}, {0, 1}, {17, 315}});
}

} // namespace
} // namespace sennit
