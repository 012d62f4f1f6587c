// A future of one's own: a mailbox for one letter. It has no base class and no help from inside the library; fibers, coroutine
// tasks and plain threads can all wait for it.
#include <sennit/all.hpp>

#include <cstdio>
#include <mutex>
#include <optional>
#include <string>
#include <thread>

class mailbox {
public:
    void put(std::string letter) {
        sennit::waker reader;
        {
            std::lock_guard guard(lock_);
            letter_ = std::move(letter);
            reader = reader_;
        }
        reader.wake(); // after the lock is released; harmless if nobody waits
    }

    // The future. It does nothing until it is polled, and leaves the waker before it says `pending`.
    class letter_future {
    public:
        explicit letter_future(mailbox& box) : box_(box) {}
        sennit::poll<std::string> poll(sennit::context& cx) {
            std::lock_guard guard(box_.lock_);
            if (box_.letter_) return *std::exchange(box_.letter_, std::nullopt);
            box_.reader_ = cx.waker();
            return sennit::pending;
        }

    private:
        mailbox& box_;
    };
    letter_future take() { return letter_future(*this); }

private:
    std::mutex lock_;
    std::optional<std::string> letter_;
    sennit::waker reader_;
};

sennit::task<std::size_t> read_in_a_task(mailbox& box) {
    std::string letter = co_await box.take();
    co_return letter.size();
}

int main() {
    return sennit::run([] {
        mailbox box;
        auto fiber = sennit::spawn([&] { return sennit::wait(box.take()).size(); });
        std::thread([&] { box.put("from a thread to a fiber"); }).join();
        const std::size_t first = fiber.join();

        auto task = sennit::spawn(read_in_a_task(box));
        box.put("from a fiber to a task");
        const std::size_t second = task.join();

        std::printf("%zu and %zu letters\n", first, second);
        return first == 24 && second == 22 ? 0 : 1;
    });
}
