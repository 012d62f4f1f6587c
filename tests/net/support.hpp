// What the tests of net share: connected pairs, and runtimes that must be left as they were found.
#pragma once

#include "io/support.hpp"
#include "runtime/support.hpp"
#include <sennit/net/tcp_listener.hpp>
#include <sennit/net/tcp_stream.hpp>

#include <gtest/gtest.h>

#include <array>
#include <cstddef>
#include <span>
#include <string>
#include <string_view>
#include <utility>

namespace sennit::test {

inline tcp_listener listen(listen_options options = {}) {
    return tcp_listener::bind(*socket_address::parse("127.0.0.1:0"), options).value();
}

struct stream_pair {
    tcp_stream client;
    tcp_stream server;
};

inline stream_pair connected(tcp_listener& listener) {
    tcp_stream client = tcp_stream::connect(listener.local_address().value()).value();
    return {std::move(client), listener.accept().value()};
}
inline stream_pair connected() {
    tcp_listener listener = listen();
    return connected(listener);
}

inline std::string text_of(std::span<const std::byte> bytes) {
    return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}
// One read, as text.
inline result<std::string> read_text(tcp_stream& s, std::size_t size_max = 4096) {
    std::string buffer(size_max, '\0');
    buffer.resize(SENNIT_TRY(s.read(std::as_writable_bytes(std::span(buffer)))));
    return buffer;
}
// Exactly so many bytes, or what came before the end.
inline result<std::string> read_size(tcp_stream& s, std::size_t size) {
    std::string all;
    while (all.size() < size) {
        const std::string part = SENNIT_TRY(read_text(s, size - all.size()));
        if (part.empty()) break;
        all += part;
    }
    return all;
}
inline result<std::string> read_to_end(tcp_stream& s) {
    std::string all;
    for (;;) {
        const std::string part = SENNIT_TRY(read_text(s));
        if (part.empty()) return all;
        all += part;
    }
}

inline result<void> echo(tcp_stream s) {
    std::array<std::byte, 4096> buffer;
    for (;;) {
        const std::size_t size = SENNIT_TRY(s.read(buffer));
        if (size == 0) return {};
        SENNIT_TRY(s.write_all(std::span(buffer).first(size)));
    }
}
inline task<result<void>> echo_task(tcp_stream s) {
    std::array<std::byte, 4096> buffer;
    for (;;) {
        const std::size_t size = co_await or_return(s.async_read(buffer));
        if (size == 0) co_return result<void>();
        co_await or_return(s.async_write_all(std::span(buffer).first(size)));
    }
}

// Sends and expects back.
inline result<void> ask(tcp_stream& s, int rounds) {
    for (int i = 0; i < rounds; ++i) {
        const std::string sent = "round " + std::to_string(i);
        SENNIT_TRY(s.write_all(sent));
        EXPECT_EQ(SENNIT_TRY(read_size(s, sent.size())), sent);
    }
    return {};
}
inline task<result<void>> ask_task(tcp_stream& s, int rounds) {
    for (int i = 0; i < rounds; ++i) {
        const std::string sent = "round " + std::to_string(i);
        co_await or_return(s.async_write_all(sent));
        std::string got(sent.size(), '\0');
        for (std::size_t size = 0; size < got.size();) {
            auto rest = std::as_writable_bytes(std::span(got)).subspan(size);
            size += co_await or_return(s.async_read(rest));
        }
        EXPECT_EQ(got, sent);
    }
    co_return result<void>();
}

} // namespace sennit::test
