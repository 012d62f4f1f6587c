// Checks the stack switch without anything around it: no test framework, no library, so that it can be
// cross-compiled statically and run by an emulator (scripts/aarch64.sh). Also run natively by ctest.
//
// Prints one line for each check, exits 0 if all held.
#include <sennit/stack/switch.hpp>

#include <array>
#include <cfenv>
#include <cstdint>
#include <cstdio>
#include <memory>
#include <stdexcept>
#include <string>
#include <unwind.h>
#include <vector>

using sennit::detail::prepare_stack;
using sennit::detail::switch_stack;

// Sets every register that a call keeps to a pattern, calls sennit_probe_switch and returns a bit for each
// register that came back with something else.
extern "C" std::uint32_t sennit_probe_registers();

#if defined(__x86_64__)
asm(R"(
    .text
    .globl sennit_probe_registers
    .type sennit_probe_registers, @function
sennit_probe_registers:
    pushq %rbx
    pushq %rbp
    pushq %r12
    pushq %r13
    pushq %r14
    pushq %r15
    subq $8, %rsp
    movq $0x11111111, %rbx
    movq $0x22222222, %rbp
    movq $0x33333333, %r12
    movq $0x44444444, %r13
    movq $0x55555555, %r14
    movq $0x66666666, %r15
    callq sennit_probe_switch
    xorl %eax, %eax
    cmpq $0x11111111, %rbx
    je 1f
    orl $1, %eax
1:  cmpq $0x22222222, %rbp
    je 1f
    orl $2, %eax
1:  cmpq $0x33333333, %r12
    je 1f
    orl $4, %eax
1:  cmpq $0x44444444, %r13
    je 1f
    orl $8, %eax
1:  cmpq $0x55555555, %r14
    je 1f
    orl $16, %eax
1:  cmpq $0x66666666, %r15
    je 1f
    orl $32, %eax
1:  addq $8, %rsp
    popq %r15
    popq %r14
    popq %r13
    popq %r12
    popq %rbp
    popq %rbx
    retq
    .size sennit_probe_registers, .-sennit_probe_registers
)");

static void spoil_registers() {
    asm volatile(
        "movq $-1, %%rbx\n\tmovq $-1, %%r12\n\tmovq $-1, %%r13\n\tmovq $-1, %%r14\n\t"
        "movq $-1, %%r15" ::
            : "rbx", "r12", "r13", "r14", "r15");
}
#elif defined(__aarch64__)
asm(R"(
    .text
    .globl sennit_probe_registers
    .type sennit_probe_registers, %function
sennit_probe_registers:
    stp x29, x30, [sp, #-160]!
    mov x29, sp
    stp x19, x20, [sp, #16]
    stp x21, x22, [sp, #32]
    stp x23, x24, [sp, #48]
    stp x25, x26, [sp, #64]
    stp x27, x28, [sp, #80]
    stp d8, d9, [sp, #96]
    stp d10, d11, [sp, #112]
    stp d12, d13, [sp, #128]
    stp d14, d15, [sp, #144]
    mov x19, #0x1901
    mov x20, #0x2001
    mov x21, #0x2101
    mov x22, #0x2201
    mov x23, #0x2301
    mov x24, #0x2401
    mov x25, #0x2501
    mov x26, #0x2601
    mov x27, #0x2701
    mov x28, #0x2801
    fmov d8, x19
    fmov d9, x20
    fmov d10, x21
    fmov d11, x22
    fmov d12, x23
    fmov d13, x24
    fmov d14, x25
    fmov d15, x26
    bl sennit_probe_switch
    mov w0, #0
    .macro check register, pattern, bit
    mov x9, #\pattern
    cmp \register, x9
    cset w10, ne
    orr w0, w0, w10, lsl #\bit
    .endm
    .macro check_vector register, pattern, bit
    fmov x11, \register
    check x11, \pattern, \bit
    .endm
    check x19, 0x1901, 0
    check x20, 0x2001, 1
    check x21, 0x2101, 2
    check x22, 0x2201, 3
    check x23, 0x2301, 4
    check x24, 0x2401, 5
    check x25, 0x2501, 6
    check x26, 0x2601, 7
    check x27, 0x2701, 8
    check x28, 0x2801, 9
    check_vector d8, 0x1901, 10
    check_vector d9, 0x2001, 11
    check_vector d10, 0x2101, 12
    check_vector d11, 0x2201, 13
    check_vector d12, 0x2301, 14
    check_vector d13, 0x2401, 15
    check_vector d14, 0x2501, 16
    check_vector d15, 0x2601, 17
    mov x9, sp
    cmp x29, x9
    cset w10, ne
    orr w0, w0, w10, lsl #18
    ldp x19, x20, [sp, #16]
    ldp x21, x22, [sp, #32]
    ldp x23, x24, [sp, #48]
    ldp x25, x26, [sp, #64]
    ldp x27, x28, [sp, #80]
    ldp d8, d9, [sp, #96]
    ldp d10, d11, [sp, #112]
    ldp d12, d13, [sp, #128]
    ldp d14, d15, [sp, #144]
    ldp x29, x30, [sp], #160
    ret
    .size sennit_probe_registers, .-sennit_probe_registers
)");

static void spoil_registers() {
    asm volatile(
        "mov x20, #-1\n\tmov x21, #-1\n\tmov x22, #-1\n\tmov x23, #-1\n\tmov x24, #-1\n\t"
        "mov x25, #-1\n\tmov x26, #-1\n\tmov x27, #-1\n\tmov x28, #-1\n\t"
        "fmov d8, x20\n\tfmov d9, x20\n\tfmov d10, x20\n\tfmov d11, x20\n\t"
        "fmov d12, x20\n\tfmov d13, x20\n\tfmov d14, x20\n\tfmov d15, x20" ::
            : "x20", "x21", "x22", "x23", "x24", "x25", "x26", "x27", "x28", "v8", "v9", "v10",
              "v11", "v12", "v13", "v14", "v15");
}
#endif

namespace {

int failures = 0;

void report(bool holds, const char* what) {
    std::printf("%s: %s\n", holds ? "ok    " : "FAILED", what);
    failures += holds ? 0 : 1;
}

// A stack of the heap and the two ends of a conversation with it.
class partner {
public:
    static constexpr std::size_t size = 64 * 1024;

    explicit partner(sennit::detail::stack_entry entry)
        : memory_(new char[size]), theirs_(prepare_stack(memory_.get() + size, entry)) {}

    // Continues there; returns what comes back.
    void* visit(void* message) { return switch_stack(&ours_, theirs_, message); }
    // On the partner's stack: goes back with an answer; returns the next message.
    void* answer(void* message) { return switch_stack(&theirs_, ours_, message); }

    bool holds(const void* address) const {
        const auto* a = static_cast<const char*>(address);
        return a >= memory_.get() && a < memory_.get() + size;
    }

private:
    std::unique_ptr<char[]> memory_;
    void* ours_ = nullptr;
    void* theirs_;
};

partner* current = nullptr; // whose stack is visited

void* message_of(std::uintptr_t n) { return reinterpret_cast<void*>(n); }
std::uintptr_t number_of(const void* message) { return reinterpret_cast<std::uintptr_t>(message); }

void check_entry() {
    static bool on_stack = false, aligned = false;
    static std::uintptr_t first = 0;
    partner p([](void* message) {
        alignas(16) char local[16];
        first = number_of(message);
        on_stack = current->holds(local);
        aligned = number_of(__builtin_frame_address(0)) % 16 == 0 && number_of(local) % 16 == 0;
        current->answer(message_of(43));
    });
    current = &p;
    const std::uintptr_t answer = number_of(p.visit(message_of(42)));
    report(first == 42 && answer == 43, "the entry gets the first message, its answer comes back");
    report(on_stack, "the entry stands on the fresh stack");
    report(aligned, "the first frame is aligned as the calling convention demands");
}

void check_messages() {
    partner p([](void* message) {
        for (;;)
            message = current->answer(message_of(number_of(message) + 1));
    });
    current = &p;
    bool right = true;
    for (std::uintptr_t i = 0; i < 10'000; ++i)
        right = right && number_of(p.visit(message_of(2 * i))) == 2 * i + 1;
    report(right, "10 000 messages travel both ways");
}

void check_registers() {
    static partner p([](void*) {
        for (;;) {
            spoil_registers();
            current->answer(nullptr);
        }
    });
    current = &p;
    const std::uint32_t lost = sennit_probe_registers() | sennit_probe_registers();
    if (lost != 0) std::printf("        lost registers: %#x\n", lost);
    report(lost == 0, "every register that a call keeps survives");
}

// Thirty integers and ten doubles are alive across the switch.
void check_values() {
    partner p([](void*) {
        for (;;) {
            spoil_registers();
            current->answer(nullptr);
        }
    });
    current = &p;
    std::array<std::uint64_t, 30> integers{};
    std::array<double, 10> doubles{};
    bool right = true;
    for (std::uint64_t round = 0; round < 100; ++round) {
        for (std::size_t i = 0; i < integers.size(); ++i)
            integers[i] = round * 1'000 + i;
        for (std::size_t i = 0; i < doubles.size(); ++i)
            doubles[i] = static_cast<double>(round) + 0.5 * static_cast<double>(i);
        p.visit(nullptr);
        for (std::size_t i = 0; i < integers.size(); ++i)
            right = right && integers[i] == round * 1'000 + i;
        for (std::size_t i = 0; i < doubles.size(); ++i)
            right =
                right && doubles[i] == static_cast<double>(round) + 0.5 * static_cast<double>(i);
    }
    report(right, "values that live across a switch survive");
}

std::uintptr_t deep(std::uintptr_t depth, std::uintptr_t sum) {
    volatile char frame[64];
    frame[0] = static_cast<char>(depth);
    if (depth == 0) return sum + number_of(current->answer(message_of(sum)));
    const std::uintptr_t result = deep(depth - 1, sum + depth);
    return result + static_cast<std::uintptr_t>(frame[0]) - static_cast<std::uintptr_t>(frame[0]);
}

void check_many_stacks() {
    constexpr std::size_t count = 1'000;
    std::vector<std::unique_ptr<partner>> all;
    for (std::size_t i = 0; i < count; ++i) {
        all.push_back(std::make_unique<partner>([](void* message) {
            for (;;)
                message = current->answer(message_of(deep(number_of(message) % 50, 0)));
        }));
    }
    bool right = true;
    const auto each = [&](auto visit) {
        for (std::size_t i = 0; i < count; ++i) {
            current = all[i].get();
            visit(i, *current);
        }
    };
    const auto sum = [](std::size_t i) { return (i % 50) * (i % 50 + 1) / 2; };
    each([&](std::size_t i, partner& p) {
        right = right && number_of(p.visit(message_of(i))) == sum(i);
    });
    each([&](std::size_t i, partner& p) {
        right = right && number_of(p.visit(message_of(7))) == sum(i) + 7;
    });
    each([&](std::size_t i, partner& p) {
        right = right && number_of(p.visit(message_of(i))) == sum(i);
    });
    report(right, "1 000 stacks, each suspended deep in a recursion, keep apart");
}

void check_exceptions() {
    static std::string caught;
    partner p([](void*) {
        try {
            deep(20, 0);
            throw std::runtime_error("thrown on the fresh stack");
        } catch (const std::exception& e) {
            caught = e.what();
        }
        current->answer(nullptr);
    });
    current = &p;
    p.visit(nullptr);
    p.visit(message_of(0));
    report(caught == "thrown on the fresh stack", "an exception is thrown and caught there");
}

_Unwind_Reason_Code count_frame(_Unwind_Context*, void* count) {
    return ++*static_cast<int*>(count) < 100 ? _URC_NO_REASON : _URC_NORMAL_STOP;
}

void check_backtrace() {
    static int frames = 0;
    static _Unwind_Reason_Code end = _URC_NO_REASON;
    partner p([](void*) {
        end = _Unwind_Backtrace(&count_frame, &frames);
        current->answer(nullptr);
    });
    current = &p;
    p.visit(nullptr);
    report(end == _URC_END_OF_STACK && frames > 0 && frames < 10, "a backtrace ends at the base");
}

void check_rounding() {
    static int seen = 0;
    partner p([](void*) {
        for (;;) {
            seen = std::fegetround();
            std::fesetround(FE_TONEAREST);
            current->answer(nullptr);
        }
    });
    current = &p;
    std::fesetround(FE_UPWARD);
    p.visit(nullptr);
    report(seen == FE_UPWARD && std::fegetround() == FE_TONEAREST,
           "the rounding mode is the thread's: the switch leaves it alone");
}

} // namespace

extern "C" void sennit_probe_switch() { current->visit(nullptr); }

int main() {
    std::setvbuf(stdout, nullptr, _IOLBF, 0);
    check_entry();
    check_messages();
    check_registers();
    check_values();
    check_many_stacks();
    check_exceptions();
    check_backtrace();
    check_rounding();
    std::printf("%s\n", failures == 0 ? "stack switch: all checks held" : "stack switch: BROKEN");
    return failures == 0 ? 0 : 1;
}
