/* fault.h - accesses of memory that may fault, and where they go on when they do
 *
 * An access is one machine instruction that the compiler knows may jump to a label (asm goto). Its
 * address and the label's stand in a table; the signal handler looks there and nowhere else. So
 * an access costs nothing when it succeeds, no state has to be saved for the case that it does not,
 * and any fault that is not in the table is somebody else's.
 */
#ifndef NUB_LOCAL_FAULT_H
#define NUB_LOCAL_FAULT_H

#include "failure.h"
#include <stdint.h>

#if defined(__x86_64__) && defined(__linux__)
#define NUB_HAVE_GUARD 1

/* The trailing asm and the spelt-out volatile keep gcc before 12.4 from moving outputs. */
#define NUB_FAULT_ENTRY(label)                                                                     \
    ".pushsection nub_fault_table, \"a\"\n\t.balign 4\n\t.long 1b - ., %l[" #label "] - .\n\t"     \
    ".popsection"

/** `value` = (cast) the bytes at base + ea, with the instruction's own extension to 64 bits. */
#define NUB_GUARDED_LOAD(insn, width, value, base, ea, label)                                      \
    do {                                                                                           \
        __asm__ volatile goto("1: " insn " (%1,%2), %" width "0\n\t" NUB_FAULT_ENTRY(label)        \
                              : "=r"(value)                                                        \
                              : "r"(base), "r"((uint64_t)(ea))                                     \
                              :                                                                    \
                              : label);                                                            \
        __asm__ volatile("");                                                                      \
    } while (0)

#define NUB_GUARDED_STORE(insn, width, value, base, ea, label)                         \
    do {                                                                                           \
        __asm__ volatile goto("1: " insn " %" width "0, (%1,%2)\n\t" NUB_FAULT_ENTRY(label)        \
                              :                                                                    \
                              : "r"(value), "r"(base), "r"((uint64_t)(ea))                  \
                              : "memory"                                                           \
                              : label);                                                            \
    } while (0)
#else
#define NUB_HAVE_GUARD 0
#endif

/** Installs the handler, once for the process. UNAVAILABLE where the machine is not known. */
enum nub_status nub_fault_install(struct nub_failure *failure);

#endif
