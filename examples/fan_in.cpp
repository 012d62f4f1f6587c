// Fan-in with select and a timeout: several sources speak at their own pace, one flow listens to all of them, and gives up
// when it has heard nothing for a while.
#include <sennit/all.hpp>

#include <chrono>
#include <cstdio>
#include <optional>
#include <string>

using namespace sennit;
using namespace std::chrono_literals;

namespace {

constexpr int words_each = 3;

// Go's way.
namespace fibers {

recv_chan<std::string> source(std::string name, std::chrono::milliseconds pace) {
    auto out = make_chan<std::string>();
    go([=] {
        for (int i = 0; i < words_each; ++i) {
            sleep_for(pace);
            out.send(name + std::to_string(i));
        }
    });
    return out;
}

int listen() {
    auto fast = source("fast ", 1ms);
    auto slow = source("slow ", 3ms);
    int heard = 0;
    bool silence = false;
    while (!silence) {
        auto hear = [&](std::optional<std::string> word) {
            ++heard;
            std::printf("fiber heard %s\n", word->c_str());
        };
        select(on_recv(fast, hear), on_recv(slow, hear),
               on_timeout(100ms, [&] { silence = true; }));
    }
    return heard;
}

} // namespace fibers

// Rust's way.
namespace tasks {

task<void> speak(std::string name, std::chrono::milliseconds pace, send_chan<std::string> out) {
    for (int i = 0; i < words_each; ++i) {
        co_await async_sleep_for(pace);
        co_await out.async_send(name + std::to_string(i));
    }
}

task<int> listen() {
    auto fast = make_chan<std::string>();
    auto slow = make_chan<std::string>();
    auto first = spawn(speak("fast ", 1ms, fast));
    auto second = spawn(speak("slow ", 3ms, slow));
    int heard = 0;
    bool silence = false;
    auto hear = [&heard](std::optional<std::string> word) {
        ++heard;
        std::printf("task heard %s\n", word->c_str());
    };
    while (!silence) {
        co_await async_select(on_recv(fast, hear), on_recv(slow, hear),
                              on_timeout(100ms, [&silence] { silence = true; }));
    }
    co_return heard;
}

} // namespace tasks
} // namespace

int main() {
    // Time is virtual here: it jumps to the next timer when every flow waits.
    return run(
        [] {
            const int by_fibers = fibers::listen();
            const int by_tasks = wait(tasks::listen());
            return by_fibers == 2 * words_each && by_tasks == 2 * words_each ? 0 : 1;
        },
        {.current_thread = true, .virtual_time = true});
}
