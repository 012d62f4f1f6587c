// The headers for channels, select and tasks, and a use of each.
#include <sennit/coro/task.hpp>
#include <sennit/runtime/run.hpp>
#include <sennit/runtime/spawn.hpp>
#include <sennit/sync/channel.hpp>
#include <sennit/sync/select.hpp>

#include <cstdio>
#include <optional>

using namespace sennit;

namespace {

task<int> sum_of(recv_chan<int> numbers) {
    int sum = 0;
    while (const auto n = co_await numbers.async_recv())
        sum += *n;
    co_return sum;
}

} // namespace

int main() {
    return run([] {
        auto numbers = make_chan<int>();
        auto done = make_chan<int>();
        auto sum = spawn(sum_of(numbers));
        go([=] {
            for (int i = 0; i < 3; ++i)
                numbers.send(i);
            numbers.close();
            done.send(3);
        });
        select(
            on_recv(done, [](std::optional<int> n) { std::printf("%d sent\n", n.value_or(0)); }));
        std::printf("their sum is %d\n", sum.join());
        return 0;
    });
}
