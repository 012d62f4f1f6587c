#include <boost/asio/awaitable.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>

#include <cstdio>

namespace asio = boost::asio;

asio::awaitable<void> hello() {
    std::puts("hello");
    co_return;
}

int main() {
    asio::io_context context(1);
    asio::co_spawn(context, hello(), asio::detached);
    context.run();
}
