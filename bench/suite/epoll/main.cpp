// Two servers written by hand on epoll, as a measure of what a runtime adds: one thread, level-triggered, for each event one read
// and one write. They are no more than that: a peer that does not read what was sent is cut off, and the HTTP server
// parses nothing, but takes what one read brings for one request.
#include "../common/suite.hpp"

#include <arpa/inet.h>
#include <array>
#include <cerrno>
#include <cstring>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string_view>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

namespace suite {
namespace {

constexpr std::string_view hello =
    "HTTP/1.1 200 OK\r\n"
    "Content-Type: text/plain; charset=utf-8\r\n"
    "Content-Length: 12\r\n"
    "\r\n"
    "hello world\n";

int check(int value, const char* what) {
    if (value < 0) fail(std::string(what) + ": " + std::strerror(errno));
    return value;
}

int listen_on(std::uint16_t port) {
    const int fd = check(socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0), "socket");
    const int on = 1;
    check(setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)), "SO_REUSEADDR");
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(port);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    check(bind(fd, reinterpret_cast<const sockaddr*>(&address), sizeof(address)), "bind");
    check(listen(fd, 4096), "listen");
    return fd;
}

void add(int epoll, int fd) {
    epoll_event event{.events = EPOLLIN, .data = {.fd = fd}};
    check(epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event), "epoll_ctl");
}

void accept_all(int epoll, int listener) {
    for (;;) {
        const int fd = accept4(listener, nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC);
        if (fd < 0 && (errno == EAGAIN || errno == ECONNABORTED)) return;
        check(fd, "accept4");
        const int on = 1;
        check(setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on)), "TCP_NODELAY");
        add(epoll, fd);
    }
}

// False when the connection is over.
bool answer_echo(int fd) {
    std::array<char, 1024> buffer;
    const auto got = recv(fd, buffer.data(), buffer.size(), 0);
    if (got <= 0) return got < 0 && errno == EAGAIN;
    return send(fd, buffer.data(), static_cast<std::size_t>(got), MSG_NOSIGNAL) == got;
}
bool answer_http(int fd) {
    std::array<char, 4096> buffer;
    const auto got = recv(fd, buffer.data(), buffer.size(), 0);
    if (got <= 0) return got < 0 && errno == EAGAIN;
    return send(fd, hello.data(), hello.size(), MSG_NOSIGNAL) == static_cast<ssize_t>(hello.size());
}

template<bool (*Answer)(int)>
void serve(const request& asked) {
    const int listener = listen_on(static_cast<std::uint16_t>(asked.number("port")));
    const int epoll = check(epoll_create1(EPOLL_CLOEXEC), "epoll_create1");
    add(epoll, listener);
    asked.ready();
    std::array<epoll_event, 256> events;
    for (;;) {
        const int ready = epoll_wait(epoll, events.data(), static_cast<int>(events.size()), -1);
        if (ready < 0 && errno == EINTR) continue;
        for (int i = 0; i < check(ready, "epoll_wait"); ++i) {
            const int fd = events[static_cast<std::size_t>(i)].data.fd;
            if (fd == listener)
                accept_all(epoll, listener);
            else if (!Answer(fd))
                close(fd);
        }
    }
}

workload server(std::string name, std::string port, void (*run)(const request&)) {
    return {.name = std::move(name),
            .variants = {"loop"},
            .threads = {1},
            .parameters = {{"port", {std::move(port)}}},
            .run = run,
            .is_server = true};
}

} // namespace
} // namespace suite

int main(int argc, char** argv) {
    using namespace suite;
    return run_program(argc, argv,
                       {.system = "epoll",
                        .versions = {{"compiler", SUITE_COMPILER}},
                        .workloads = {server("echo_server", "7007", serve<answer_echo>),
                                      server("http_server", "7008", serve<answer_http>)}});
}
