// Address space through mmap and madvise.
#include <sennit/os/memory.hpp>

#include "last_error.hpp"
#include <sennit/base/assert.hpp>

#include <bit>
#include <cerrno>
#include <cstdint>
#include <cstdlib>
#include <string_view>
#include <sys/mman.h>
#include <unistd.h>

namespace sennit::os {
namespace {

// <sys/mman.h> learned these with glibc 2.41; the numbers are the kernel's ABI on every
// architecture we support.
constexpr int madv_guard_install = 102;
constexpr int madv_guard_remove = 103;
// With Linux 5.14 and glibc 2.35.
constexpr int madv_populate_read = 22;

bool is_page_multiple(std::uintptr_t value) noexcept { return value % page_size() == 0; }

void assert_pages(void* address, std::size_t size) noexcept {
    SENNIT_ASSERT(is_page_multiple(reinterpret_cast<std::uintptr_t>(address)),
                  "round the address to a multiple of os::page_size()");
    SENNIT_ASSERT(is_page_multiple(size), "round the size to a multiple of os::page_size()");
}

void* map_anonymous(std::size_t size) noexcept {
    return ::mmap(nullptr, size, PROT_READ | PROT_WRITE,
                  MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
}

result<void> advise(void* address, std::size_t size, int advice, const char* operation) {
    assert_pages(address, size);
    if (::madvise(address, size, advice) < 0) return detail::failed(operation);
    return {};
}

result<void> protect(void* address, std::size_t size, int protection, const char* operation) {
    assert_pages(address, size);
    if (::mprotect(address, size, protection) < 0) return detail::failed(operation);
    return {};
}

} // namespace

std::size_t page_size() noexcept {
    static const auto size = static_cast<std::size_t>(::sysconf(_SC_PAGESIZE));
    return size;
}

// mmap aligns to pages only. For more, map so much that an aligned range must lie inside, and cut
// off both ends.
result<void*> reserve(std::size_t size, std::size_t alignment) {
    SENNIT_ASSERT(size > 0 && is_page_multiple(size),
                  "reserve a positive multiple of os::page_size()");
    SENNIT_ASSERT(std::has_single_bit(alignment) && alignment >= page_size(),
                  "align to a power of two of at least os::page_size()");
    const std::size_t slack = alignment - page_size();
    if (size > SIZE_MAX - slack) return error::from_errno(ENOMEM, "reserve");
    void* const mapped = map_anonymous(size + slack);
    if (mapped == MAP_FAILED) return detail::failed("reserve");

    auto* const begin = static_cast<std::byte*>(mapped);
    const std::size_t beyond = reinterpret_cast<std::uintptr_t>(mapped) % alignment;
    const std::size_t head = beyond == 0 ? 0 : alignment - beyond;
    const std::size_t tail = slack - head;
    // Cutting an end off never splits a mapping, so these two cannot run into the limit of
    // mappings.
    if (head > 0) ::munmap(begin, head);
    if (tail > 0) ::munmap(begin + head + size, tail);
    return begin + head;
}

result<void> release(void* address, std::size_t size) {
    assert_pages(address, size);
    if (::munmap(address, size) < 0) return detail::failed("release");
    return {};
}

result<void> discard(void* address, std::size_t size) {
    return advise(address, size, MADV_DONTNEED, "discard");
}

result<void> renew(void* address, std::size_t size) {
    assert_pages(address, size);
    constexpr int flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED;
    if (::mmap(address, size, PROT_READ | PROT_WRITE, flags, -1, 0) == MAP_FAILED)
        return detail::failed("renew");
    return {};
}

result<void> no_huge_pages(void* address, std::size_t size) {
    assert_pages(address, size);
    if (::madvise(address, size, MADV_NOHUGEPAGE) == 0) return {};
    if (detail::last_error() == EINVAL) return {}; // a kernel built without huge pages
    return detail::failed("no_huge_pages");
}

result<guard_kind> choose_guard(const char* wish, bool (*kernel_has_lightweight)()) {
    const std::string_view word = wish == nullptr ? "" : wish;
    if (word.empty())
        return kernel_has_lightweight() ? guard_kind::lightweight : guard_kind::mprotect;
    if (word == "mprotect") return guard_kind::mprotect;
    if (word != "lightweight") return error::from_errno(EINVAL, "SENNIT_GUARD");
    if (!kernel_has_lightweight()) return error::from_errno(EOPNOTSUPP, "SENNIT_GUARD");
    return guard_kind::lightweight;
}

// "Installed" is not proof enough: emulators (qemu's user mode) answer every madvise they do not
// know with success. Asking for the page to be read in must then fail, as an access would.
bool kernel_has_lightweight_guards() noexcept {
    void* const page = map_anonymous(page_size());
    if (page == MAP_FAILED) return false;
    const bool guarded = ::madvise(page, page_size(), madv_guard_install) == 0 &&
                         ::madvise(page, page_size(), madv_populate_read) < 0 &&
                         detail::last_error() == EFAULT;
    ::munmap(page, page_size());
    return guarded;
}

result<guard_kind> guard_support() {
    static const result<guard_kind> chosen =
        choose_guard(std::getenv("SENNIT_GUARD"), kernel_has_lightweight_guards);
    return chosen;
}

result<void> install_guard(void* address, std::size_t size, guard_kind kind) {
    if (kind == guard_kind::lightweight)
        return advise(address, size, madv_guard_install, "install_guard");
    return protect(address, size, PROT_NONE, "install_guard");
}

// The pages under an mprotect guard survive it, those under a lightweight one do not: discarding
// makes both alike.
result<void> remove_guard(void* address, std::size_t size, guard_kind kind) {
    if (kind == guard_kind::lightweight)
        return advise(address, size, madv_guard_remove, "remove_guard");
    if (auto opened = protect(address, size, PROT_READ | PROT_WRITE, "remove_guard"); !opened)
        return opened;
    return discard(address, size);
}

} // namespace sennit::os
