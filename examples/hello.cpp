// The smallest program: a runtime, a fiber, a child.
#include <sennit/all.hpp>

#include <cstdio>

int main() {
    return sennit::run([] {
        auto child = sennit::spawn([] { return "hello from a fiber"; });
        std::puts(child.join());
        return 0;
    });
}
