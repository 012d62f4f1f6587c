// An executor of one's own: `execute(runnable&)` is the whole concept. Here it is a queue that main drains when it likes.
#include <sennit/all.hpp>

#include <cstdio>

class manual_executor final : public sennit::executor {
public:
    void execute(sennit::runnable& r) noexcept override { queue_.push_back(r); }
    void drain() {
        while (sennit::runnable* r = queue_.pop_front())
            r->run();
    }

private:
    sennit::runnable_chain queue_;
};

sennit::task<int> add(int a, int b) {
    co_await sennit::async_yield();
    co_return a + b;
}

int main() {
    manual_executor mine;
    auto task = sennit::spawn_on(mine, add(1, 2));
    auto fiber = sennit::spawn_on(mine, [] {
        sennit::this_flow::yield();
        return 4;
    });
    mine.drain();
    const int sum = task.join() + fiber.join();
    std::printf("%d\n", sum);
    return sum == 7 ? 0 : 1;
}
