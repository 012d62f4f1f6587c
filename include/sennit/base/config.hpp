// What the compiler and the build type decide, under one set of names. With SENNIT_TRY and the
// assertions these are all the macros of the library.
//
// Always true: none of these changes the layout of a type or the signature of a function, so a
// program may be compiled with NDEBUG and linked with a library that was not, and the other way
// round.
#pragma once

#include <utility>

/// Keeps a function out of its callers: for cold paths, and where a caller must not cache what the
/// callee computes (the address of a thread-local across a switch).
///
/// ```cpp
/// SENNIT_NOINLINE void report_slow_path() { std::puts("slow"); }
/// ```
#define SENNIT_NOINLINE [[gnu::noinline]]

/// Inlines a function into its callers also where the optimiser is off, for code that must not have
/// a frame of its own.
///
/// ```cpp
/// SENNIT_ALWAYS_INLINE int twice(int value) { return 2 * value; }
/// ```
#define SENNIT_ALWAYS_INLINE [[gnu::always_inline]] inline

/// Marks a place that control cannot reach; reaching it is undefined.
///
/// ```cpp
/// enum class side { left, right };
/// int direction(side to) {
///     switch (to) {
///         case side::left: return -1;
///         case side::right: return 1;
///     }
///     SENNIT_UNREACHABLE();
/// }
/// ```
#define SENNIT_UNREACHABLE() ::std::unreachable()

/// 1 when this file is compiled with AddressSanitizer (SENNIT_ASAN) or ThreadSanitizer
/// (SENNIT_TSAN), else 0.
///
/// ```cpp
/// constexpr int rounds = SENNIT_TSAN ? 1'000 : 100'000;
/// ```
#if defined(__SANITIZE_ADDRESS__)
#define SENNIT_ASAN 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define SENNIT_ASAN 1
#endif
#endif
#ifndef SENNIT_ASAN
#define SENNIT_ASAN 0
#endif

#if defined(__SANITIZE_THREAD__)
#define SENNIT_TSAN 1
#elif defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define SENNIT_TSAN 1
#endif
#endif
#ifndef SENNIT_TSAN
#define SENNIT_TSAN 0
#endif

/// 1 in a build without NDEBUG, else 0. Decides whether SENNIT_DEBUG_ASSERT checks.
///
/// ```cpp
/// if constexpr (SENNIT_DEBUG) std::puts("this build checks more and runs slower");
/// ```
#ifdef NDEBUG
#define SENNIT_DEBUG 0
#else
#define SENNIT_DEBUG 1
#endif
