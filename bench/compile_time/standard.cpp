// The measure: three headers of the standard library that every program with threads includes.
#include <functional>
#include <iostream>
#include <thread>

int main() {
    const std::function<void()> hello = [] { std::cout << "hello\n"; };
    std::thread t(hello);
    t.join();
}
