// A model checker for small concurrent protocols: walks through every interleaving of a few threads.
//
// A model is a state, a trivially copyable struct of bytes that all threads see, and for each thread
// a list of named steps. A step is atomic, so it touches at most one shared word; the checker counts
// and objects otherwise. Every state is remembered, so loops are no problem as long as there are
// finitely many. The search is breadth first: what it reports is a shortest way to the violation.
//
// With memory::store_buffers the words behave as on x86 (TSO). A plain store goes to a buffer of its
// thread, which alone sees it; the oldest store of a buffer may reach the memory at any later
// moment; a read-modify-write and barrier() empty the buffer first. process_barrier() is
// membarrier(2): it empties the caller's buffer, and ends after each other thread has emptied its
// own at some moment after that.
//
// What is checked:
//   - check() inside of steps, and `always` after every step;
//   - `at_rest` in every state in which nothing can move any more;
//   - in such a state every thread is at its end, unless it `may_wait`: the rest is a deadlock.
// A thread that waits says so with wait_until(); a loop that spins would hide a deadlock.
//
// What it cannot see: reorderings that TSO does not have (AArch64), and unfair schedules.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <deque>
#include <functional>
#include <ostream>
#include <string>
#include <string_view>
#include <type_traits>
#include <unordered_set>
#include <utility>
#include <vector>

namespace sennit::model {

enum class memory { sequential, store_buffers };

inline constexpr std::size_t threads_max = 5;
inline constexpr std::size_t buffer_size = 8;
inline constexpr std::size_t states_max = 4'000'000;

template<class State>
class turn;

template<class State>
struct step {
    std::string name;
    std::function<void(turn<State>&)> run;
};

template<class State>
struct program {
    std::string name;
    std::vector<step<State>> steps;
    /// At rest it may stand at a wait_until().
    bool may_wait = false;
};

template<class State>
struct system {
    memory kind = memory::store_buffers;
    std::vector<program<State>> threads;
    /// Both answer null, or what is wrong. Either may be empty.
    std::function<const char*(const State&)> always = {};
    std::function<const char*(const State&)> at_rest = {};
};

struct verdict {
    std::string violation;          ///< empty: the model holds
    std::vector<std::string> trace; ///< a shortest way there
    std::size_t states = 0;
    std::size_t rests = 0;

    [[nodiscard]] bool holds() const { return violation.empty(); }

    friend std::ostream& operator<<(std::ostream& out, const verdict& v) {
        out << (v.holds() ? "holds" : v.violation) << " (" << v.states << " states, " << v.rests
            << " of them at rest)";
        for (const std::string& line : v.trace)
            out << "\n  " << line;
        return out;
    }
};

namespace detail {

inline constexpr std::uint8_t at_end = 0xff;

struct buffered_store {
    std::uint8_t word;
    std::uint8_t value;
};

// All of a thread but its program. Bytes only, so that equal states have equal representations.
struct control {
    std::uint8_t at = 0;
    std::uint8_t buffered = 0;
    std::uint8_t in_barrier = 0;
    std::uint8_t fences_missing = 0; // of its process_barrier, a bit for each thread
    std::array<buffered_store, buffer_size> buffer{};
};

template<class State>
struct configuration {
    State shared;
    std::array<control, threads_max> threads{};

    [[nodiscard]] std::string_view bytes() const {
        return {reinterpret_cast<const char*>(this), sizeof *this};
    }
    std::uint8_t* words() { return reinterpret_cast<std::uint8_t*>(&shared); }

    void drain_one(control& c) {
        words()[c.buffer[0].word] = c.buffer[0].value;
        std::move(c.buffer.begin() + 1, c.buffer.end(), c.buffer.begin());
        c.buffer.back() = {};
        --c.buffered;
    }
    void drain(control& c) {
        while (c.buffered != 0)
            drain_one(c);
    }
};

} // namespace detail

/// What a step sees: the state and the operations on its words. A reference passed to one of them
/// names a byte of the state.
template<class State>
class turn {
public:
    /// The state itself: for what no other thread touches, and for what only the checks look at.
    State* operator->() { return &now_.shared; }
    State& operator*() { return now_.shared; }

    std::uint8_t load(const std::uint8_t& word) {
        ++touched_;
        const detail::control& c = me();
        for (std::size_t i = c.buffered; i-- != 0;) {
            if (c.buffer[i].word == index_of(word)) return c.buffer[i].value;
        }
        return word;
    }
    void store(std::uint8_t& word, unsigned value) {
        ++touched_;
        if (kind_ == memory::sequential) {
            word = static_cast<std::uint8_t>(value);
            return;
        }
        detail::control& c = me();
        if (c.buffered == buffer_size) return block();
        c.buffer[c.buffered++] = {index_of(word), static_cast<std::uint8_t>(value)};
    }
    std::uint8_t exchange(std::uint8_t& word, unsigned value) {
        ++touched_;
        barrier();
        return std::exchange(word, static_cast<std::uint8_t>(value));
    }
    std::uint8_t fetch_add(std::uint8_t& word, int value) {
        ++touched_;
        barrier();
        return std::exchange(word, static_cast<std::uint8_t>(word + value));
    }
    /// Returns what was there: `expected` means that it succeeded.
    std::uint8_t compare_exchange(std::uint8_t& word, unsigned expected, unsigned desired) {
        ++touched_;
        barrier();
        const std::uint8_t seen = word;
        if (seen == expected) word = static_cast<std::uint8_t>(desired);
        return seen;
    }
    /// What a step does to the state under a lock that everybody else takes for the same.
    template<class Fn>
    auto locked(Fn f) {
        ++touched_;
        barrier();
        return f(now_.shared);
    }
    void barrier() { now_.drain(me()); }
    /// membarrier(2). Nothing else may stand in the same step.
    void process_barrier() {
        detail::control& c = me();
        if (c.in_barrier == 0) {
            barrier();
            c.in_barrier = 1;
            c.fences_missing = others_;
            next_ = c.at;
        } else if (c.fences_missing != 0) {
            block();
        } else {
            c.in_barrier = 0;
        }
    }

    /// The step does not happen while the condition is false.
    void wait_until(bool condition) {
        if (!condition) block();
    }
    /// 0 … count - 1: each is tried.
    unsigned choose(unsigned count) {
        choices_ = count;
        return choice_;
    }
    void check(bool condition, const char* violation) {
        if (!condition && violation_ == nullptr) violation_ = violation;
    }
    void go_to(std::string_view step_name) {
        const auto& steps = program_.steps;
        for (std::size_t i = 0; i < steps.size(); ++i) {
            if (steps[i].name == step_name) {
                next_ = static_cast<std::uint8_t>(i);
                return;
            }
        }
        check(false, "a step of the model goes to one that does not exist");
    }
    void end() { next_ = detail::at_end; }

private:
    template<class>
    friend class explorer;

    turn(detail::configuration<State>& now, const system<State>& s, std::size_t thread,
         unsigned choice)
        : now_(now),
          kind_(s.kind),
          program_(s.threads[thread]),
          thread_(thread),
          choice_(choice),
          others_(static_cast<std::uint8_t>(((1u << s.threads.size()) - 1) & ~(1u << thread))) {
        const std::size_t following = me().at + std::size_t{1};
        next_ = following < program_.steps.size() ? static_cast<std::uint8_t>(following)
                                                  : detail::at_end;
    }

    detail::control& me() { return now_.threads[thread_]; }
    std::uint8_t index_of(const std::uint8_t& word) {
        return static_cast<std::uint8_t>(&word - now_.words());
    }
    void block() { blocked_ = true; }

    detail::configuration<State>& now_;
    const memory kind_;
    const program<State>& program_;
    const std::size_t thread_;
    const unsigned choice_;
    const std::uint8_t others_;
    std::uint8_t next_;
    unsigned choices_ = 1;
    unsigned touched_ = 0;
    bool blocked_ = false;
    const char* violation_ = nullptr;
};

template<class State>
class explorer {
    static_assert(std::is_trivially_copyable_v<State>);
    static_assert(std::has_unique_object_representations_v<State>,
                  "a state is made of bytes: std::uint8_t and arrays of it");
    static_assert(sizeof(State) < 256);

public:
    explorer(const system<State>& s, const State& initial) : system_(s) {
        states_.push_back({initial, {}});
        origins_.push_back({});
        found_.insert(0);
    }

    verdict run() {
        if (system_.threads.size() > threads_max) fail(0, "the model has too many threads");
        for (std::size_t i = 0; i < states_.size() && verdict_.holds(); ++i) {
            if (expand(i) == 0) rest(i);
            if (states_.size() > states_max) fail(i, "the model has too many states");
        }
        verdict_.states = states_.size();
        return std::move(verdict_);
    }

private:
    using configuration = detail::configuration<State>;

    enum class kind : std::uint8_t { step, drain, fence };
    struct move {
        kind what = kind::step;
        std::uint8_t thread = 0;
        std::uint8_t step = 0;
        std::uint8_t other = 0;
    };
    struct origin {
        std::uint32_t parent = 0;
        move made = {};
    };
    struct hash {
        const explorer* self;
        std::size_t operator()(std::uint32_t i) const {
            return std::hash<std::string_view>()(self->states_[i].bytes());
        }
    };
    struct equal {
        const explorer* self;
        bool operator()(std::uint32_t a, std::uint32_t b) const {
            return self->states_[a].bytes() == self->states_[b].bytes();
        }
    };

    // Returns how many moves there are.
    std::size_t expand(std::size_t from) {
        std::size_t moves = 0;
        for (std::uint8_t t = 0; t < system_.threads.size() && verdict_.holds(); ++t) {
            const detail::control c = states_[from].threads[t];
            if (c.buffered != 0) {
                ++moves;
                configuration next = states_[from];
                next.drain_one(next.threads[t]);
                add(from, {kind::drain, t}, next);
            }
            for (std::uint8_t other = 0; other < system_.threads.size(); ++other) {
                if ((c.fences_missing >> other & 1) == 0) continue;
                ++moves;
                configuration next = states_[from];
                next.drain(next.threads[other]);
                next.threads[t].fences_missing &= static_cast<std::uint8_t>(~(1u << other));
                add(from, {kind::fence, t, 0, other}, next);
            }
            if (c.at != detail::at_end) moves += take_step(from, {kind::step, t, c.at});
        }
        return moves;
    }

    // The thread's next step, once for each of its choices.
    std::size_t take_step(std::size_t from, move made) {
        std::size_t moves = 0;
        unsigned choices = 1;
        for (unsigned choice = 0; choice < choices && verdict_.holds(); ++choice) {
            configuration next = states_[from];
            turn<State> t(next, system_, made.thread, choice);
            system_.threads[made.thread].steps[made.step].run(t);
            choices = t.choices_;
            if (t.touched_ > 1) return fail(from, "a step touches two shared words", &made), 1;
            if (t.blocked_) continue;
            ++moves;
            if (t.violation_ != nullptr) return fail(from, t.violation_, &made), moves;
            next.threads[made.thread].at = t.next_;
            add(from, made, next);
        }
        return moves;
    }

    void add(std::size_t from, move made, const configuration& next) {
        states_.push_back(next);
        const auto index = static_cast<std::uint32_t>(states_.size() - 1);
        if (!found_.insert(index).second) return states_.pop_back();
        origins_.push_back({static_cast<std::uint32_t>(from), made});
        const char* wrong = system_.always ? system_.always(next.shared) : nullptr;
        if (wrong != nullptr && verdict_.holds()) fail(index, wrong);
    }

    void rest(std::size_t i) {
        ++verdict_.rests;
        for (std::size_t t = 0; t < system_.threads.size(); ++t) {
            const std::uint8_t at = states_[i].threads[t].at;
            const program<State>& p = system_.threads[t];
            if (at == detail::at_end || p.may_wait) continue;
            return fail(i, "deadlock: " + p.name + " waits for ever at: " + p.steps[at].name);
        }
        const char* wrong = system_.at_rest ? system_.at_rest(states_[i].shared) : nullptr;
        if (wrong != nullptr) fail(i, wrong);
    }

    void fail(std::size_t at, std::string violation, const move* last = nullptr) {
        verdict_.violation = std::move(violation);
        if (last != nullptr) verdict_.trace.push_back(describe(*last));
        for (; at != 0; at = origins_[at].parent)
            verdict_.trace.push_back(describe(origins_[at].made));
        std::reverse(verdict_.trace.begin(), verdict_.trace.end());
    }

    std::string describe(const move& m) const {
        const program<State>& p = system_.threads[m.thread];
        switch (m.what) {
            case kind::step:
                return p.name + ": " + p.steps[m.step].name;
            case kind::drain:
                return "    (a store of " + p.name + " reaches the memory)";
            case kind::fence:
                return "    (the barrier of " + p.name + " comes to " +
                       system_.threads[m.other].name + ")";
        }
        return {};
    }

    const system<State>& system_;
    std::deque<configuration> states_;
    std::deque<origin> origins_;
    std::unordered_set<std::uint32_t, hash, equal> found_{1024, hash{this}, equal{this}};
    verdict verdict_;
};

/// Walks through all of it, or to the first violation.
template<class State>
verdict explore(const system<State>& s, const State& initial = {}) {
    return explorer<State>(s, initial).run();
}

} // namespace sennit::model
