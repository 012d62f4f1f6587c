// A user's program: all of Sennit is included, and something from the library is linked.
#include <sennit/all.hpp>
#include <sennit/version.hpp>

#include <cerrno>
#include <cstdio>

int main() {
    sennit::error err = sennit::error::from_errno(ENOENT, "open").context("reading config");
    std::printf("sennit %s: %s\n", sennit::version.data(), err.message().c_str());
    return is(err, std::errc::no_such_file_or_directory) ? 0 : 1;
}
