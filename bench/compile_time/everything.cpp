// All headers, and next to no use.
#include <sennit/all.hpp>

int main() {
    return sennit::run([] { return 0; });
}
