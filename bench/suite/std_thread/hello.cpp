#include <cstdio>
#include <thread>

int main() {
    std::jthread([] { std::puts("hello"); }).join();
}
