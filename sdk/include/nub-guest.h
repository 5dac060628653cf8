/* nub-guest.h - what a C program says to nub
 *
 * Endpoints, the sizes of stack and heap, host calls, and the ways to end a run. Compiles natively
 * too (host calls and exits trap there), so that one source can be tested on both sides. How a
 * program is built: docs/toolchain.md.
 */
#ifndef NUB_GUEST_H
#define NUB_GUEST_H

#include <stddef.h>
#include <stdint.h>

/**
 * Marks a function as an endpoint of the program. It gets up to four arguments of 64 bits
 * and may return one; with an input (`nub run --input`) the first two are its address and length.
 */
#define NUB_EXPORT __attribute__((visibility("default"), used, retain))

#define NUB_GUEST_TEXT_(x) #x
#define NUB_GUEST_TEXT(x) NUB_GUEST_TEXT_(x)

/** The size of the stack in bytes (a number, once in a program). Without it: 256 KiB. */
#define NUB_STACK_SIZE(bytes) \
    __asm__(".globl __nub_stack_size\n.set __nub_stack_size, " NUB_GUEST_TEXT(bytes) "\n")
/** The size of the heap in bytes (a number, once in a program). Without it: 1 MiB. */
#define NUB_HEAP_SIZE(bytes) \
    __asm__(".globl __nub_heap_size\n.set __nub_heap_size, " NUB_GUEST_TEXT(bytes) "\n")

/** Zeroed pages between `start` and `end`, mapped if the program mentions __nub_heap. */
struct nub_heap {
    char *start, *end;
};

/** The linker fills it in. */
extern const struct nub_heap __nub_heap;

#if defined(__riscv)

/**
 * Ends the run with HostCall(number); when the host continues it, the result is what it left in a0.
 * `number` is a constant of up to 32 bits; the six arguments go in a0..a5.
 *
 * The linker knows the call by two instructions that RISC-V reserves for custom use: the upper
 * 20 bits of the number and the lower 12, one after the other.
 */
#define NUB_HOST_CALL(number, x0, x1, x2, x3, x4, x5) \
    __extension__({ \
        register uint64_t nub_a0_ __asm__("a0") = (uint64_t)(x0); \
        register uint64_t nub_a1_ __asm__("a1") = (uint64_t)(x1); \
        register uint64_t nub_a2_ __asm__("a2") = (uint64_t)(x2); \
        register uint64_t nub_a3_ __asm__("a3") = (uint64_t)(x3); \
        register uint64_t nub_a4_ __asm__("a4") = (uint64_t)(x4); \
        register uint64_t nub_a5_ __asm__("a5") = (uint64_t)(x5); \
        __asm__ volatile(".insn u 0x0b, x0, ((%6) + 0x800) >> 12 & 0xfffff\n\t" \
                         ".insn i 0x2b, 0, x0, x0, (((%6) & 0xfff) ^ 0x800) - 0x800" \
                         : "+r"(nub_a0_), "+r"(nub_a1_), "+r"(nub_a2_), "+r"(nub_a3_), "+r"(nub_a4_), "+r"(nub_a5_) \
                         : "i"((uint32_t)(number)) \
                         : "memory"); \
        nub_a0_; \
    })

/** Ends the run with Halt and this value, from however deep. */
__attribute__((noreturn)) static inline void
nub_halt(uint64_t value)
{
    register uint64_t a0 __asm__("a0") = value;
    __asm__ volatile("lui t0, 0xffff0\n\tjr t0" : : "r"(a0) : "t0", "memory");
    __builtin_unreachable();
}

#else

#define NUB_HOST_CALL(number, x0, x1, x2, x3, x4, x5) \
    __extension__({ \
        (void)(number), (void)(x0), (void)(x1), (void)(x2), (void)(x3), (void)(x4), (void)(x5); \
        __builtin_trap(); \
        (uint64_t)0; \
    })
#define nub_halt(value) __builtin_trap()

#endif

/** Ends the run with Trap. */
#define nub_trap() __builtin_trap()

#endif
