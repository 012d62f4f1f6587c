#include <sennit/all.hpp>

#include <cstdio>

int main() {
    return sennit::run([] {
        sennit::spawn([] { std::puts("hello"); }).join();
        return 0;
    });
}
