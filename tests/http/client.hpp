// A client for tests: a blocking socket that sends any bytes and understands responses. Whatever it
// waits for in vain fails the test after a while instead of hanging it.
#pragma once

#include <sennit/http/field.hpp>

#include <gtest/gtest.h>

#include <arpa/inet.h>
#include <cerrno>
#include <cstdint>
#include <cstring>
#include <netinet/in.h>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>
#include <utility>
#include <vector>

namespace sennit::http {

struct client_response {
    int status = 0; // 0: none came
    std::vector<std::pair<std::string, std::string>> headers;
    std::string body;
    bool complete = false;

    std::string header(std::string_view name) const {
        for (const auto& [key, value] : headers)
            if (equals_ignoring_case(key, name)) return value;
        return {};
    }
};

class client {
public:
    explicit client(std::uint16_t port) : fd_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
        const timeval patience{.tv_sec = 30, .tv_usec = 0};
        ::setsockopt(fd_, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
        ::setsockopt(fd_, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience);
        sockaddr_in to{};
        to.sin_family = AF_INET;
        to.sin_port = htons(port);
        to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        EXPECT_EQ(::connect(fd_, reinterpret_cast<const sockaddr*>(&to), sizeof to), 0)
            << std::strerror(errno);
    }
    client(client&& other) noexcept
        : fd_(std::exchange(other.fd_, -1)), input_(std::move(other.input_)) {}
    client& operator=(client&&) = delete;
    ~client() { close(); }

    void close() {
        if (fd_ >= 0) ::close(std::exchange(fd_, -1));
    }
    void end_sending() { ::shutdown(fd_, SHUT_WR); }

    void send(std::string_view bytes) {
        while (!bytes.empty()) {
            const ssize_t sent = ::send(fd_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
            ASSERT_GT(sent, 0) << std::strerror(errno);
            bytes.remove_prefix(static_cast<std::size_t>(sent));
        }
    }
    void get(std::string_view path, std::string_view more = {}) {
        send("GET " + std::string(path) + " HTTP/1.1\r\nHost: here\r\n" + std::string(more) +
             "\r\n");
    }

    // The next response; one without a body if `to_head`.
    client_response receive(bool to_head = false) {
        client_response got;
        std::string line = take_line();
        if (!line.starts_with("HTTP/1.1 ") || line.size() < 12) return got;
        got.status = std::stoi(line.substr(9, 3));
        while (!(line = take_line()).empty()) {
            const std::size_t colon = line.find(": ");
            if (colon == std::string::npos) return got;
            got.headers.emplace_back(line.substr(0, colon), line.substr(colon + 2));
        }
        if (to_head || got.status < 200 || got.status == 204 || got.status == 304) {
            got.complete = true;
        } else if (got.header("Transfer-Encoding") == "chunked") {
            got.complete = take_chunks(got.body);
        } else if (const std::string size = got.header("Content-Length"); !size.empty()) {
            got.complete = take(std::stoull(size), got.body);
        } else {
            while (fill()) {}
            got.body = std::exchange(input_, {});
            got.complete = !broken_;
        }
        return got;
    }

    // The next bytes, past all parsing.
    std::size_t receive_some(std::span<char> into) {
        const ssize_t got = ::recv(fd_, into.data(), into.size(), 0);
        EXPECT_GT(got, 0);
        return got > 0 ? static_cast<std::size_t>(got) : 0;
    }

    // What comes until the server closes; nothing if that is by a reset, or never.
    std::optional<std::string> receive_all() {
        while (fill()) {}
        if (broken_) return std::nullopt;
        return std::exchange(input_, {});
    }
    bool is_closed_cleanly() { return receive_all() == std::string(); }

private:
    bool fill() {
        char piece[65536];
        const ssize_t got = ::recv(fd_, piece, sizeof piece, 0);
        if (got < 0) broken_ = true;
        if (got <= 0) return false;
        input_.append(piece, static_cast<std::size_t>(got));
        return true;
    }
    std::string take_line() {
        std::size_t end;
        while ((end = input_.find("\r\n")) == std::string::npos)
            if (!fill()) return {};
        std::string line = input_.substr(0, end);
        input_.erase(0, end + 2);
        return line;
    }
    bool take(std::size_t size, std::string& into) {
        while (input_.size() < size)
            if (!fill()) return false;
        into.append(input_, 0, size);
        input_.erase(0, size);
        return true;
    }
    bool take_chunks(std::string& into) {
        for (;;) {
            const std::string line = take_line();
            if (line.empty()) return false;
            const std::size_t size = std::stoull(line, nullptr, 16);
            if (!take(size, into) || !take_line().empty()) return false;
            if (size == 0) return !broken_;
        }
    }

    int fd_;
    std::string input_;
    bool broken_ = false;
};

} // namespace sennit::http
