// The first frame of a fresh stack: moves the entry function to where the switch jumps, and ends every backtrace.
#include <sennit/stack/switch.hpp>

#if defined(__x86_64__)
// Entered by the jump of switch_stack with the message in rdi; the entry function lies on top of the stack.
asm(R"(
    .text
    .p2align 4
    .type sennit_stack_begin, @function
sennit_stack_begin:
    .cfi_startproc
    .cfi_undefined rip
    xorl %ebp, %ebp
    popq %rax
    callq *%rax
    ud2
    .cfi_endproc
    .size sennit_stack_begin, .-sennit_stack_begin
)");
#else
// Entered by the branch of switch_stack with the message in x0; the stack pointer still points to our two words.
asm(R"(
    .text
    .p2align 4
    .type sennit_stack_begin, %function
sennit_stack_begin:
    .cfi_startproc
    .cfi_undefined x30
    hint #36
    ldr x3, [sp, #8]
    add sp, sp, #16
    mov x29, xzr
    mov x30, xzr
    blr x3
    brk #1
    .cfi_endproc
    .size sennit_stack_begin, .-sennit_stack_begin
)");
#endif

extern "C" void sennit_stack_begin();

namespace sennit::detail {

void* prepare_stack(void* top, stack_entry entry) noexcept {
    auto** words =
        reinterpret_cast<void**>(reinterpret_cast<std::uintptr_t>(top) & ~std::uintptr_t{15});
    words -= 4; // two spare words, so that the first frame has a readable caller slot
    words[0] = reinterpret_cast<void*>(&sennit_stack_begin);
    words[1] = reinterpret_cast<void*>(entry);
    words[2] = nullptr;
    words[3] = nullptr;
    return words;
}

} // namespace sennit::detail
