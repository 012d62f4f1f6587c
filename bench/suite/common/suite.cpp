#include "suite.hpp"

#include <CLI/CLI.hpp>
#include <nlohmann/json.hpp>

#include <array>
#include <bit>
#include <csignal>
#include <fstream>
#include <limits>
#include <sys/resource.h>
#include <thread>
#include <time.h>

namespace suite {
namespace {

using nlohmann::json;

std::uint64_t ns_of(const timeval& t) {
    return static_cast<std::uint64_t>(t.tv_sec) * 1'000'000'000 +
           static_cast<std::uint64_t>(t.tv_usec) * 1'000;
}

std::uint64_t memory_at_start = 0;

void print(const json& line) {
    std::puts(line.dump().c_str());
    std::fflush(stdout);
}

json described(const workload& w) {
    json parameters = json::object();
    for (const parameter& p : w.parameters)
        parameters[p.name] = p.values;
    return {{"name", w.name},
            {"kind", w.is_server ? "server" : "work"},
            {"variants", w.variants},
            {"threads", w.threads},
            {"parameters", parameters}};
}

void print_list(const program& what) {
    json list{{"system", what.system}, {"versions", what.versions}, {"workloads", json::array()}};
    for (const workload& w : what.workloads)
        list["workloads"].push_back(described(w));
    print(list);
}

// SIGTERM and SIGINT are for one thread, whichever way the system under test treats signals.
void block_signals() {
    sigset_t signals;
    sigemptyset(&signals);
    sigaddset(&signals, SIGTERM);
    sigaddset(&signals, SIGINT);
    pthread_sigmask(SIG_BLOCK, &signals, nullptr);
}
void wait_for_signal() {
    sigset_t signals;
    sigemptyset(&signals);
    sigaddset(&signals, SIGTERM);
    sigaddset(&signals, SIGINT);
    int signal = 0;
    sigwait(&signals, &signal);
}

void add_workload(CLI::App& app, const workload& w, request& asked) {
    CLI::App* command = app.add_subcommand(w.name);
    asked.workload = w.name;
    asked.variant = w.variants.front();
    asked.threads = w.threads.front();
    command->add_option("--variant", asked.variant)->check(CLI::IsMember(w.variants));
    command->add_option("--threads", asked.threads)->check(CLI::Range(1, 1024));
    command->add_option("--reps", asked.repetitions)->check(CLI::Range(1, 1'000'000));
    for (const parameter& p : w.parameters) {
        std::string& value = asked.parameters[p.name] = p.values.front();
        command->add_option("--" + p.name, value)->capture_default_str();
    }
}

int places(char* columns, int row, int n, std::int64_t& solutions) {
    if (row == n) {
        ++solutions;
        return 0;
    }
    int count = 0;
    for (char column = 0; column < n; ++column) {
        if (!is_safe(columns, row, column)) continue;
        columns[row] = column;
        count += 1 + places(columns, row + 1, n, solutions);
    }
    return count;
}

} // namespace

void fail(const std::string& what) {
    std::fprintf(stderr, "wrong result: %s\n", what.c_str());
    std::_Exit(1);
}

void unsupported() { std::_Exit(3); }

std::uint64_t now_ns() {
    timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return static_cast<std::uint64_t>(t.tv_sec) * 1'000'000'000 +
           static_cast<std::uint64_t>(t.tv_nsec);
}

std::uint64_t cpu_ns() {
    rusage used;
    getrusage(RUSAGE_SELF, &used);
    return ns_of(used.ru_utime) + ns_of(used.ru_stime);
}

std::uint64_t memory_bytes() {
    std::ifstream status("/proc/self/status");
    std::string name;
    std::uint64_t sum = 0;
    while (status >> name) {
        std::uint64_t kib = 0;
        if ((name == "VmRSS:" || name == "VmPTE:") && status >> kib) sum += kib * 1024;
        status.ignore(std::numeric_limits<std::streamsize>::max(), '\n');
    }
    return sum;
}
std::uint64_t memory_bytes_at_start() { return memory_at_start; }

void request::report(int repetition, const outcome& done, const stopwatch& since) const {
    const std::uint64_t cpu = cpu_ns() - since.cpu;
    const std::uint64_t wall = now_ns() - since.wall;
    print({{"workload", workload},
           {"variant", variant},
           {"threads", threads},
           {"rep", repetition},
           {"ops", done.ops},
           {"wall_ns", wall},
           {"cpu_ns", cpu},
           {"extra", done.extra}});
}

void request::ready() const {
    std::thread([asked = *this, before = cpu_ns()] {
        wait_for_signal();
        print({{"workload", asked.workload},
               {"variant", asked.variant},
               {"threads", asked.threads},
               {"cpu_ns", cpu_ns() - before}});
        std::_Exit(0);
    }).detach();
    std::puts("ready");
    std::fflush(stdout);
}

std::vector<unsigned> thread_counts() {
    std::vector<unsigned> counts{1};
    while (counts.back() * 2 <= std::thread::hardware_concurrency())
        counts.push_back(counts.back() * 2);
    return counts;
}

int run_program(int argc, char** argv, const program& what) {
    memory_at_start = memory_bytes();
    CLI::App app("One system of the comparison suite: " + what.system, what.system);
    app.require_subcommand(0, 1);
    bool list = false;
    app.add_flag("--list", list, "print what there is, as JSON");
    std::map<std::string, request> requests;
    for (const workload& w : what.workloads)
        add_workload(app, w, requests[w.name]);
    CLI11_PARSE(app, argc, argv);
    if (list) {
        print_list(what);
        return 0;
    }
    for (const workload& w : what.workloads) {
        if (!app.got_subcommand(w.name)) continue;
        if (w.is_server) block_signals();
        w.run(requests[w.name]);
        return 0;
    }
    std::fputs(app.help().c_str(), stderr);
    return 2;
}

std::int64_t fib(int n) {
    std::int64_t a = 0;
    std::int64_t b = 1;
    for (int i = 0; i < n; ++i)
        a = std::exchange(b, a + b);
    return a;
}

std::int64_t nqueens_solutions(int n) {
    std::array<char, nqueens_max> columns;
    std::int64_t solutions = 0;
    places(columns.data(), 0, n, solutions);
    return solutions;
}
std::int64_t nqueens_places(int n) {
    std::array<char, nqueens_max> columns;
    std::int64_t solutions = 0;
    return places(columns.data(), 0, n, solutions);
}

std::int64_t nth_prime(int n) {
    std::vector<std::int64_t> primes;
    for (std::int64_t i = 2; static_cast<int>(primes.size()) < n; ++i) {
        bool is_prime = true;
        for (const std::int64_t p : primes) {
            if (p * p > i) break;
            if (i % p == 0) {
                is_prime = false;
                break;
            }
        }
        if (is_prime) primes.push_back(i);
    }
    return primes.back();
}

void compute_for(std::chrono::nanoseconds d) {
    const std::uint64_t until = now_ns() + static_cast<std::uint64_t>(d.count());
    while (now_ns() < until) {}
}

std::size_t histogram::index(std::uint64_t ns) {
    if (ns < sub) return ns;
    const unsigned shift = static_cast<unsigned>(std::bit_width(ns)) - 1 - sub_bits;
    return (shift + 1) * sub + ((ns >> shift) - sub);
}
std::uint64_t histogram::upper_end(std::size_t index) {
    if (index < sub) return index;
    const std::size_t shift = index / sub - 1;
    return ((index % sub + sub + 1) << shift) - 1;
}

void histogram::add(const histogram& other) {
    for (std::size_t i = 0; i < buckets_.size(); ++i)
        buckets_[i] += other.buckets_[i];
    count_ += other.count_;
    max_ = std::max(max_, other.max_);
}

std::uint64_t histogram::quantile(double q) const {
    const auto rank = static_cast<std::uint64_t>(q * static_cast<double>(count_));
    std::uint64_t seen = 0;
    for (std::size_t i = 0; i < buckets_.size(); ++i) {
        seen += buckets_[i];
        if (seen > rank) return std::min(upper_end(i), max_);
    }
    return max_;
}

extra_values histogram::summary() const {
    return {{"p50_ns", static_cast<double>(quantile(0.5))},
            {"p99_ns", static_cast<double>(quantile(0.99))},
            {"p999_ns", static_cast<double>(quantile(0.999))},
            {"max_ns", static_cast<double>(max_)}};
}

} // namespace suite
