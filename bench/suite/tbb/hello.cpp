#include <cstdio>
#include <oneapi/tbb/task_group.h>

int main() {
    oneapi::tbb::task_group group;
    group.run([] { std::puts("hello"); });
    group.wait();
}
