// The main thread starts everything and then waits for signals alone, so that a second one is heard
// even if every worker is in a computation.
#include "serve.hpp"

#include "service.hpp"
#include <sennit/net/tcp_listener.hpp>
#include <sennit/os/eventfd.hpp>
#include <sennit/os/signal.hpp>
#include <sennit/runtime/runtime.hpp>

#include <array>
#include <atomic>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <optional>
#include <poll.h>
#include <system_error>
#include <utility>

namespace cli {
namespace {

namespace http = sennit::http;

constexpr int exit_failed = 1;
constexpr int exit_at_once = 130; // 128 + SIGINT, as shells count

void complain(const std::string& line) { std::fprintf(stderr, "sennit: %s\n", line.c_str()); }

// The folder that comes with the program: beside it in a build, in share/ of an installation.
std::string own_files() {
    std::error_code ignored;
    const auto folder = std::filesystem::read_symlink("/proc/self/exe", ignored).parent_path();
    const auto beside = folder / "static";
    if (std::filesystem::is_directory(beside, ignored)) return beside;
    return folder.parent_path() / "share/sennit/static";
}

std::string listen_address(const serve_options& options) {
    const bool is_ipv6 = options.address.find(':') != std::string::npos;
    const std::string host = is_ipv6 ? "[" + options.address + "]" : options.address;
    return host + ":" + std::to_string(options.port);
}

void complain_of_listen(const sennit::error& why, const serve_options& options) {
    const std::string at = listen_address(options);
    if (is(why, std::errc::address_in_use)) {
        complain("port " + std::to_string(options.port) + " of " + options.address +
                 " is taken: stop the program that has it, or choose another one, for instance "
                 "with --port 0 one that is free");
    } else if (is(why, std::errc::permission_denied)) {
        complain("no permission to listen on " + at +
                 ": ports below 1024 need privileges; "
                 "choose a higher one with --port");
    } else if (is(why, std::errc::address_not_available)) {
        complain("this machine has no address " + options.address +
                 ": use 127.0.0.1 for this "
                 "machine alone, or 0.0.0.0 for all its networks");
    } else {
        complain("cannot listen on " + at + ": " + why.message());
    }
}

// What the main thread waits for: a signal, or the end of something that runs elsewhere.
class main_thread_waits {
public:
    static sennit::result<main_thread_waits> create() {
        // Blocked before the first thread of the runtime exists.
        auto signals = sennit::os::signal_fd::create(std::array{SIGINT, SIGTERM});
        if (!signals) return std::unexpected(std::move(signals).error());
        auto ended = sennit::os::eventfd::create();
        if (!ended) return std::unexpected(std::move(ended).error());
        return main_thread_waits(std::move(*signals), std::move(*ended));
    }

    // From any thread: lets wait() return false.
    void end() noexcept { ended_.signal(); }

    // True for a signal, false for end().
    bool wait() noexcept {
        for (;;) {
            if (signals_.read_one()) return true;
            if (ended_.drain() > 0) return false;
            std::array watched{pollfd{signals_.fd(), POLLIN, 0}, pollfd{ended_.fd(), POLLIN, 0}};
            ::poll(watched.data(), watched.size(), -1);
        }
    }

private:
    main_thread_waits(sennit::os::signal_fd signals, sennit::os::eventfd ended) noexcept
        : signals_(std::move(signals)), ended_(std::move(ended)) {}

    sennit::os::signal_fd signals_;
    sennit::os::eventfd ended_;
};

sennit::task<sennit::result<void>> serve_until_shut_down(http::server server,
                                                         sennit::tcp_listener listener,
                                                         main_thread_waits& waits) {
    auto ended = co_await server.async_serve(std::move(listener));
    waits.end();
    co_return ended;
}

sennit::task<std::size_t> drain(http::server server, std::chrono::nanoseconds grace,
                                std::atomic<bool>& drained, main_thread_waits& waits) {
    const std::size_t forced = co_await server.async_shutdown(grace);
    drained.store(true); // pairs with the load in serve(), which follows a wait
    waits.end();
    co_return forced;
}

std::string connections(std::uint64_t count) {
    return std::to_string(count) + (count == 1 ? " connection" : " connections");
}

} // namespace

int serve(const serve_options& options) {
    auto waits = main_thread_waits::create();
    if (!waits) return complain(waits.error().message()), exit_failed;
    const std::string root = options.root.empty() ? own_files() : options.root;
    const auto files = http::static_files::open(root);
    if (!files) return complain("cannot serve files: " + files.error().message()), exit_failed;

    service about;
    sennit::runtime runtime({.workers = options.workers});
    about.runtime = &runtime;
    http::server& server = about.server.emplace(make_routes(about, *files));

    auto listener =
        runtime.block_on([&] { return sennit::tcp_listener::bind(listen_address(options)); });
    if (!listener) return complain_of_listen(listener.error(), options), exit_failed;
    const std::string url = "http://" + listener->local_address()->to_string() + "/";
    auto serving = runtime.spawn(serve_until_shut_down(server, std::move(*listener), *waits));
    std::fprintf(stderr, "sennit: listening on %s (%u workers, files of %s)\n", url.c_str(),
                 runtime.workers(), root.c_str());
    std::fprintf(stderr, "sennit: stop with Ctrl-C\n");

    if (!waits->wait()) {
        complain("the service has failed: " + serving.join().error().message());
        return exit_failed;
    }
    std::fprintf(stderr, "sennit: draining %s; Ctrl-C again ends at once\n",
                 connections(server.statistics().connections_open).c_str());
    std::atomic<bool> drained{false};
    auto draining = runtime.spawn(drain(server, options.grace, drained, *waits));
    while (!drained.load()) {
        if (waits->wait()) std::_Exit(exit_at_once);
    }
    const std::size_t forced = draining.join();
    (void)serving.join();
    if (forced > 0) complain(connections(forced) + " had to be closed");
    std::fprintf(stderr, "sennit: stopped after %llu requests\n",
                 static_cast<unsigned long long>(server.statistics().requests));
    return 0;
}

} // namespace cli
