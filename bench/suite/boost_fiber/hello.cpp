#include <boost/fiber/fiber.hpp>

#include <cstdio>

int main() {
    boost::fibers::fiber([] { std::puts("hello"); }).join();
}
