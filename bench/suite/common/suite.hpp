// What the C++ programs of the comparison suite share: the command line, the clock, one line of JSON for each repetition.
// bench/suite/README.md is the protocol. A program names its workloads and calls suite::run_program(); a workload is a
// function that repeats its work and says how many operations that was.
#pragma once

#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <functional>
#include <map>
#include <string>
#include <utility>
#include <vector>

namespace suite {

// Ends the program: the result is wrong.
[[noreturn]] void fail(const std::string& what);
inline void expect(bool is_right, const char* what) {
    if (!is_right) [[unlikely]]
        fail(what);
}

// Ends the program: the system has not this combination of parameters.
[[noreturn]] void unsupported();

using extra_values = std::map<std::string, double>;

// What a repetition has done.
struct outcome {
    std::int64_t ops;
    extra_values extra = {};
};

std::uint64_t now_ns();
// User and system time of all threads of this process.
std::uint64_t cpu_ns();
// Resident memory and page tables.
std::uint64_t memory_bytes();
// The same, when main() began.
std::uint64_t memory_bytes_at_start();

// One workload as it was asked for.
class request {
public:
    std::string workload;
    std::string variant;
    unsigned threads = 1;
    int repetitions = 4;
    std::map<std::string, std::string> parameters;

    std::int64_t number(const std::string& name) const { return std::stoll(parameters.at(name)); }
    const std::string& text(const std::string& name) const { return parameters.at(name); }

    // Runs `work`, which returns an outcome, again and again, and reports each time.
    template<class Work>
    void repeat(Work work) const {
        for (int i = 0; i < repetitions; ++i) {
            const stopwatch watch;
            const outcome done = work();
            report(i, done, watch);
        }
    }

    struct stopwatch {
        std::uint64_t wall = now_ns();
        std::uint64_t cpu = cpu_ns();
    };
    // For work that repeats itself, as a coroutine does.
    void report(int repetition, const outcome& done, const stopwatch& since) const;

    // A server listens now. SIGTERM ends the program with a report from here on.
    void ready() const;
};

struct parameter {
    std::string name;
    std::vector<std::string> values; // those to measure; the first is the default
};

struct workload {
    std::string name;
    std::vector<std::string> variants;
    std::vector<unsigned> threads;
    std::vector<parameter> parameters;
    std::function<void(const request&)> run;
    bool is_server = false;
};

// The thread counts worth measuring here: 1, 2, 4 … up to the processors.
std::vector<unsigned> thread_counts();

struct program {
    std::string system;
    std::map<std::string, std::string> versions;
    std::vector<workload> workloads;
};

int run_program(int argc, char** argv, const program& what);

// ---- the work that has a known result

std::int64_t fib(int n);
inline std::int64_t fib_calls(int n) { return 2 * fib(n + 1) - 1; }
std::int64_t nqueens_solutions(int n);
std::int64_t nqueens_places(int n);
inline constexpr int nqueens_max = 16;
std::int64_t nth_prime(int n);

// True when a queen in `column` of the next row is safe from those in the first `rows` rows.
inline bool is_safe(const char* columns, int rows, char column) {
    for (int i = 0; i < rows; ++i) {
        const int distance = rows - i;
        if (columns[i] == column || columns[i] == column - distance ||
            columns[i] == column + distance)
            return false;
    }
    return true;
}

// Computes for so long; the load of timers_lateness.
void compute_for(std::chrono::nanoseconds d);

// Seeded numbers, the same in every run.
class random {
public:
    explicit random(std::uint64_t seed) : state_(seed * 2 + 1) {}
    std::uint64_t below(std::uint64_t limit) {
        state_ ^= state_ << 13;
        state_ ^= state_ >> 7;
        state_ ^= state_ << 17;
        return state_ % limit;
    }

private:
    std::uint64_t state_;
};

// Latencies in buckets of 1/64 of a power of two: 1.6 % wide, any range, no allocation while it records.
class histogram {
public:
    histogram() : buckets_(64 * sub) {}
    void add(std::uint64_t ns) {
        ++buckets_[index(ns)];
        ++count_;
        if (ns > max_) max_ = ns;
    }
    void add(const histogram& other);
    std::uint64_t quantile(double q) const;
    std::uint64_t max() const { return max_; }
    std::uint64_t count() const { return count_; }
    extra_values summary() const;

private:
    static constexpr unsigned sub_bits = 6;
    static constexpr std::size_t sub = 1U << sub_bits;
    static std::size_t index(std::uint64_t ns);
    static std::uint64_t upper_end(std::size_t index);

    std::vector<std::uint32_t> buckets_;
    std::uint64_t count_ = 0;
    std::uint64_t max_ = 0;
};

} // namespace suite
