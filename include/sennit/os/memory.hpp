// Address space: reserving, giving back, guard regions.
//
// Every address and size handed to these functions is a multiple of page_size(); anything else is
// the caller's mistake and asserted. All functions may be called from any thread; on one range only
// one at a time.
//
// Two kinds of guard exist. A lightweight guard (MADV_GUARD_INSTALL, Linux 6.13) lives in the page
// tables: the mapping stays one, so a million guards cost no mappings. An mprotect guard splits its
// mapping, and the kernel allows map_count_limit() of them (65 530 by default): two for each
// guarded stack. Both raise SIGSEGV on every access. Which of the two is used is decided once for a
// process (guard_support); there is no third way that guards nothing.
#pragma once

#include <sennit/base/result.hpp>

#include <cstddef>

namespace sennit::os {

/// The size of a page in bytes: a power of two, usually 4096.
[[nodiscard]] std::size_t page_size() noexcept;

/// Reserves `size` bytes of zeroed, readable and writable address space at a multiple of
/// `alignment`.
///
/// No memory is committed: a page costs something from its first touch (MAP_NORESERVE), and
/// touching more than the machine has ends in the kernel's out-of-memory killer, not in an error.
/// `alignment` is a power of two and at least page_size(). Errors: ENOMEM (address space or
/// mappings are used up, or vm.overcommit_memory is 2 and counts every reservation). Cost: one to
/// three system calls.
///
/// ```cpp
/// constexpr std::size_t size = 64 << 20;
/// void* const slab = SENNIT_TRY(os::reserve(size, size));
/// *static_cast<char*>(slab) = 1; // commits one page
/// SENNIT_TRY(os::release(slab, size));
/// ```
[[nodiscard]] result<void*> reserve(std::size_t size, std::size_t alignment);

/// Unmaps a range, whole or a part of what reserve() gave, with its pages and guards.
/// Errors: ENOMEM, when a part out of the middle would need one mapping more than the limit.
[[nodiscard]] result<void> release(void* address, std::size_t size);

/// Gives the pages of a range back to the kernel; the range stays reserved and reads as zeros.
/// Guards stay. Errors: EINVAL (the range is locked in memory), ENOMEM (it is not mapped).
///
/// ```cpp
/// result<void> forget(void* stack_low, std::size_t unused) {
///     return os::discard(stack_low, unused);
/// }
/// ```
[[nodiscard]] result<void> discard(void* address, std::size_t size);

/// Replaces a range of what reserve() gave by a fresh reservation: pages, guards and page tables are given back, which
/// discard() leaves. Nothing else may be mapped there in between. Errors: ENOMEM; the range is unchanged then.
[[nodiscard]] result<void> renew(void* address, std::size_t size);

/// Keeps the kernel from backing a range with huge pages, so that one touched byte costs one small
/// page. A kernel without huge pages counts as success.
[[nodiscard]] result<void> no_huge_pages(void* address, std::size_t size);

/// How a guard region is made.
enum class guard_kind {
    lightweight, ///< page-table markers, MADV_GUARD_INSTALL; one mapping for all
    mprotect,    ///< PROT_NONE; every guard splits its mapping
};

/// Chooses a kind of guard: what `wish` says ("lightweight" or "mprotect"), or, when `wish` is null
/// or empty, lightweight where `kernel_has_lightweight()` says so and mprotect elsewhere.
///
/// Errors: EINVAL (an unknown word), EOPNOTSUPP (lightweight was wished for and the kernel lacks
/// it). A pure function, for tests and for callers with a configuration of their own;
/// guard_support() is the usual one.
[[nodiscard]] result<guard_kind> choose_guard(const char* wish, bool (*kernel_has_lightweight)());

/// True when the kernel installs lightweight guards on a mapping made as reserve() makes it, and
/// they guard. Tries it: four calls. False as well when the process locks all its future memory
/// (mlockall), which excludes them before Linux 6.15.
[[nodiscard]] bool kernel_has_lightweight_guards() noexcept;

/// The kind of guard this process uses: choose_guard() of the environment variable SENNIT_GUARD and
/// of the kernel. Decided at the first call and never again. Errors: those of choose_guard().
///
/// ```cpp
/// result<void> guard_lowest_page(void* stack_low) {
///     const os::guard_kind kind = SENNIT_TRY(os::guard_support());
///     return os::install_guard(stack_low, os::page_size(), kind);
/// }
/// ```
[[nodiscard]] result<guard_kind> guard_support();

/// Makes every access to the range raise SIGSEGV until remove_guard(). What the range held is lost.
/// Errors: ENOMEM (mprotect: no mapping left), EINVAL (lightweight: an old kernel, or memory that
/// is locked).
[[nodiscard]] result<void> install_guard(void* address, std::size_t size, guard_kind kind);

/// Makes a guarded range ordinary again; it reads as zeros. `kind` is that of the installation.
[[nodiscard]] result<void> remove_guard(void* address, std::size_t size, guard_kind kind);

} // namespace sennit::os
