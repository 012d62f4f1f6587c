// The stack switch: the only architecture-dependent code of the library. x86-64 and AArch64.
//
// Switching is an inline-assembly statement in which every register the switch does not keep is listed as clobbered, so
// the compiler saves exactly what is live around it. What is kept by hand is the frame pointer (it cannot be a clobber)
// and, on x86-64, rbx (the compiler may need it as a base pointer). The target is reached with an indirect jump, not
// with `ret`: the return predictor would be wrong at every switch.
//
// MXCSR, the x87 control word and FPCR are left alone: they belong to the thread, as in a call. A flow that changes the
// rounding mode restores it before it waits.
//
// A suspended stack is described by one word, its stack pointer; on it lie the address to continue at and the kept
// registers. `message` travels from the one who leaves to the one who continues.
#pragma once

#include <sennit/base/config.hpp>

#include <cstddef>
#include <cstdint>

namespace sennit::detail {

// Leaves the current stack, storing its stack pointer to *save, and continues on the one that `target` describes.
// Returns what the switch back to this stack passes.
#if defined(__x86_64__)

SENNIT_ALWAYS_INLINE void* switch_stack(void** save, void* target, void* message) noexcept {
    // The red zone below the stack pointer may be in use here: step over it first.
    asm volatile(
        "leaq -128(%%rsp), %%rsp\n\t"
        "pushq %%rbp\n\t"
        "pushq %%rbx\n\t"
        "leaq 1f(%%rip), %%rax\n\t"
        "pushq %%rax\n\t"
        "movq %%rsp, (%[save])\n\t"
        "movq %[target], %%rsp\n\t"
        "popq %%rax\n\t"
        "jmpq *%%rax\n"
        "1:\n\t"
        "popq %%rbx\n\t"
        "popq %%rbp\n\t"
        "leaq 128(%%rsp), %%rsp\n\t"
        : [message] "+D"(message), [save] "+S"(save), [target] "+d"(target)
        :
        : "rax", "rcx", "r8", "r9", "r10", "r11", "r12", "r13", "r14", "r15", "memory", "cc", "mm0",
          "mm1", "mm2", "mm3", "mm4", "mm5", "mm6", "mm7", "xmm0", "xmm1", "xmm2", "xmm3", "xmm4",
          "xmm5", "xmm6", "xmm7", "xmm8", "xmm9", "xmm10", "xmm11", "xmm12", "xmm13", "xmm14",
          "xmm15"
#if defined(__AVX512F__)
          ,
          "xmm16", "xmm17", "xmm18", "xmm19", "xmm20", "xmm21", "xmm22", "xmm23", "xmm24", "xmm25",
          "xmm26", "xmm27", "xmm28", "xmm29", "xmm30", "xmm31", "k0", "k1", "k2", "k3", "k4", "k5",
          "k6", "k7"
#endif
    );
    return message;
}

#elif defined(__aarch64__)

SENNIT_ALWAYS_INLINE void* switch_stack(void** save, void* target, void* message) noexcept {
    register void* x0 asm("x0") = message;
    register void** x1 asm("x1") = save;
    register void* x2 asm("x2") = target;
    asm volatile(
        "sub sp, sp, #32\n\t"
        "adr x3, 1f\n\t"
        "stp x3, x29, [sp]\n\t"
        "str x19, [sp, #16]\n\t"
        "mov x4, sp\n\t"
        "str x4, [x1]\n\t"
        "mov sp, x2\n\t"
        "ldr x3, [sp]\n\t"
        "br x3\n"
        "1:\n\t"
        "hint #36\n\t" // bti j: a landing pad for the indirect branch where branch protection is on
        "ldr x29, [sp, #8]\n\t"
        "ldr x19, [sp, #16]\n\t"
        "add sp, sp, #32\n\t"
        : "+r"(x0), "+r"(x1), "+r"(x2)
        :
        : "x3", "x4", "x5", "x6", "x7", "x8", "x9", "x10", "x11", "x12", "x13", "x14", "x15", "x16",
          "x17", "x18", "x20", "x21", "x22", "x23", "x24", "x25", "x26", "x27", "x28", "x30",
          "memory", "cc", "v0", "v1", "v2", "v3", "v4", "v5", "v6", "v7", "v8", "v9", "v10", "v11",
          "v12", "v13", "v14", "v15", "v16", "v17", "v18", "v19", "v20", "v21", "v22", "v23", "v24",
          "v25", "v26", "v27", "v28", "v29", "v30", "v31"
#if defined(__ARM_FEATURE_SVE)
          ,
          "p0", "p1", "p2", "p3", "p4", "p5", "p6", "p7", "p8", "p9", "p10", "p11", "p12", "p13",
          "p14", "p15"
#endif
    );
    return x0;
}

#else
#error "sennit: no stack switch for this architecture; see include/sennit/stack/switch.hpp"
#endif

// The function a fresh stack begins with. It gets the message of the first switch to the stack and never returns.
using stack_entry = void (*)(void* message);

// Lays out a fresh stack that ends at `top` so that a switch to the result calls `entry`.
void* prepare_stack(void* top, stack_entry entry) noexcept;

} // namespace sennit::detail
