// A concurrent crawl of a local tree: counts files and bytes below a folder, with at most eight folders open at once.
// Usage: crawl [folder]. Without a folder it makes a small tree of its own and checks the sums.
#include <sennit/all.hpp>

#include <atomic>
#include <cstdint>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <string>
#include <system_error>
#include <unistd.h>
#include <utility>
#include <vector>

using namespace sennit;
namespace fs = std::filesystem;

namespace {

constexpr int folders_at_once = 8;

struct listing {
    std::vector<fs::path> folders;
    std::uint64_t files = 0, bytes = 0;
};

// Blocks its thread, as std::filesystem does: so it is run by blocking().
listing list(const fs::path& folder) {
    listing found;
    std::error_code ignored; // what may not be read does not count
    for (const auto& entry : fs::directory_iterator(folder, ignored)) {
        if (entry.is_symlink(ignored)) continue;
        if (entry.is_directory(ignored)) {
            found.folders.push_back(entry.path());
        } else if (entry.is_regular_file(ignored)) {
            ++found.files;
            found.bytes += entry.file_size(ignored);
        }
    }
    return found;
}

struct totals {
    std::atomic<std::uint64_t> files{0}, bytes{0};
    void add(const listing& found) {
        files += found.files;
        bytes += found.bytes;
    }
};

// Go's way: a flow for each folder, and a wait_group that knows when there is none left.
namespace fibers {

struct crawl {
    totals sums;
    semaphore slots{folders_at_once};
    wait_group group;

    void visit(fs::path folder) {
        group.add(1);
        go([this, folder = std::move(folder)] {
            slots.acquire();
            const listing found = blocking([&] { return list(folder); });
            slots.release();
            sums.add(found);
            for (const fs::path& inner : found.folders)
                visit(inner);
            group.done();
        });
    }
};

void count(const fs::path& root, totals& into) {
    crawl c;
    c.visit(root);
    c.group.wait();
    into.files = c.sums.files.load();
    into.bytes = c.sums.bytes.load();
}

} // namespace fibers

// Rust's way: a task for each folder, which waits for those below it.
namespace tasks {

task<void> visit(fs::path folder, semaphore& slots, totals& sums) {
    listing found;
    {
        auto slot = co_await slots.async_acquire();
        found = co_await async_blocking([&folder] { return list(folder); });
    }
    sums.add(found);
    std::vector<join_handle<void>> below;
    for (const fs::path& inner : found.folders)
        below.push_back(spawn(visit(inner, slots, sums)));
    for (auto& one : below)
        co_await one.async_join();
}

task<void> count(fs::path root, totals& into) {
    semaphore slots(folders_at_once);
    co_await visit(std::move(root), slots, into);
}

} // namespace tasks

// Removed at the end.
struct sample_tree {
    fs::path root = fs::temp_directory_path() / ("sennit-crawl-" + std::to_string(::getpid()));
    static constexpr std::uint64_t files = 3 + 9, bytes = 10 * files;

    sample_tree() {
        for (int i = 0; i < 3; ++i) {
            const fs::path folder = root / std::to_string(i);
            fs::create_directories(folder / "inner");
            std::ofstream(folder / "a") << "0123456789";
            for (int k = 0; k < 3; ++k)
                std::ofstream(folder / "inner" / std::to_string(k)) << "0123456789";
        }
    }
    ~sample_tree() {
        std::error_code ignored;
        fs::remove_all(root, ignored);
    }
};

void print(const char* who, const totals& sums) {
    std::printf("%s: %llu files, %llu bytes\n", who,
                static_cast<unsigned long long>(sums.files.load()),
                static_cast<unsigned long long>(sums.bytes.load()));
}

int count_both(const fs::path& root, const sample_tree* sample) {
    return run([&] {
        totals by_fibers, by_tasks;
        fibers::count(root, by_fibers);
        print("fibers", by_fibers);
        wait(tasks::count(root, by_tasks));
        print("tasks", by_tasks);
        if (sample == nullptr) return 0;
        return by_fibers.files == sample->files && by_tasks.files == sample->files &&
                       by_fibers.bytes == sample->bytes && by_tasks.bytes == sample->bytes
                   ? 0
                   : 1;
    });
}

} // namespace

int main(int argc, char** argv) {
    if (argc > 1) {
        if (!fs::is_directory(argv[1])) {
            std::fprintf(stderr, "%s is not a folder\n", argv[1]);
            return 2;
        }
        return count_both(argv[1], nullptr);
    }
    const sample_tree sample;
    return count_both(sample.root, &sample);
}
