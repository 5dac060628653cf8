/* isa.c - isa.def as tables
 *
 * The expansions of isa.def that every user shares: the table by opcode number and the names.
 * Knows no encodings and executes nothing. Read isa.def first, then pvm.md 5 and 7.4.
 */
#include "isa.h"

#include <stddef.h>

/* every number first as "all others" (pvm.md 7.4); the known ones then override it */
#pragma GCC diagnostic push
#ifdef __clang__
#pragma GCC diagnostic ignored "-Winitializer-overrides"
#else
#pragma GCC diagnostic ignored "-Woverride-init"
#endif
const struct nub_isa_entry nub_isa[256] = {
    [0 ... 255] = { .arg_class = NUB_ARG_N, .slots = 1, .slots_overlap = 1, .latency = 2 },
#define NUB_INSN(number, NAME, mnemonic_, class_, terminator_, slots_, slots_overlap_, overlap_,   \
                 latency_, kind_, unit_, dst_, sources_, effect_)                                  \
    [number] = { .mnemonic = mnemonic_,                                                            \
                 .arg_class = NUB_ARG_##class_,                                                    \
                 .is_terminator = terminator_,                                                     \
                 .slots = slots_,                                                                  \
                 .slots_overlap = slots_overlap_,                                                  \
                 .latency = latency_,                                                              \
                 .latency_kind = NUB_LATENCY_##kind_,                                              \
                 .overlap = NUB_OVERLAP_##overlap_,                                                \
                 .unit = NUB_UNIT_##unit_,                                                         \
                 .dst = NUB_FIELD_##dst_,                                                          \
                 .sources = NUB_FIELD_##sources_ },
#include "isa.def"
};
#pragma GCC diagnostic pop

const char *const nub_reg_names[NUB_N_REGS] = { "ra", "sp", "t0", "t1", "t2", "s0", "s1",
                                                "a0", "a1", "a2", "a3", "a4", "a5" };

const char *
nub_arg_class_name(uint32_t arg_class)
{
    static const char *const names[] = { "N",   "I",  "RX",  "II",  "O",    "RI", "RII",
                                         "RIO", "RR", "RRI", "RRO", "RRII", "RRR" };

    return arg_class < sizeof names / sizeof names[0] ? names[arg_class] : NULL;
}

static bool
text_equal(const char *a, const char *b)
{
    while (*a && *a == *b) {
        a++;
        b++;
    }
    return *a == *b;
}

int
nub_isa_find(const char *mnemonic)
{
    for (int number = 0; number < 256; number++)
        if (nub_isa[number].mnemonic && text_equal(nub_isa[number].mnemonic, mnemonic))
            return number;
    return -1;
}
