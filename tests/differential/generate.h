/* generate.h - programs out of a seed, for comparing engines
 *
 * A case is a program, a start state and what the host does between runs, all from one number: the same seed
 * gives the same case for ever on every machine (until the generator is changed). Cases are
 * meant to be nasty: every opcode, odd encodings, accesses at page edges, jumps to anywhere, too little gas.
 * Plain C without GLib, so that fuzz targets and soaks can use it.
 */
#ifndef NUB_TEST_GENERATE_H
#define NUB_TEST_GENERATE_H

#include "program.h"
#include <stddef.h>

#define NUB_CASE_MAX_CODE 2048u
#define NUB_CASE_MAX_JUMP 16u
#define NUB_CASE_MAX_PAGES 8u

/** A page that the host maps before the first run. */
struct nub_case_page {
    uint32_t address;
    uint8_t access; /* enum nub_access */
    uint8_t fill;   /* its bytes are made from this */
};

struct nub_case {
    uint64_t seed; /* also of what the host does */
    uint32_t code_size, n_jump, n_pages;
    uint32_t gas_model, mem_cycles;
    uint32_t pc;
    uint32_t max_runs;
    uint64_t gas;
    uint64_t regs[NUB_N_REGS];
    struct nub_case_page pages[NUB_CASE_MAX_PAGES]; /* sorted by address */
    uint8_t code[NUB_CASE_MAX_CODE];
    uint8_t mask[NUB_CASE_MAX_CODE / 8];
    uint8_t jump_table[4 * NUB_CASE_MAX_JUMP];
};

/** What to make; all zero is a good mixture. */
struct nub_case_wish {
    uint32_t gas_model; /* NUB_GAS_DEFAULT: any */
    uint32_t max_insns; /* 0: 120 */
};

/** xorshift64*: small, fast, the same everywhere. */
struct nub_random {
    uint64_t state;
};
void nub_random_seed(struct nub_random *random, uint64_t seed);
uint64_t nub_random_next(struct nub_random *random);
/** 0 ... n - 1. */
uint32_t nub_random_below(struct nub_random *random, uint32_t n);
/** True once in `n` times. */
bool nub_random_one_in(struct nub_random *random, uint32_t n);

void nub_case_generate(struct nub_case *out, uint64_t seed, const struct nub_case_wish *wish);
/** The case's program as a view. */
struct nub_program nub_case_program(const struct nub_case *c);
/** Byte `i` of a page of the case. */
uint8_t nub_case_page_byte(const struct nub_case_page *page, uint32_t i);
/** The program as assembly with pcs, and the start state; appended line by line through `line`. */
void nub_case_print(const struct nub_case *c, void (*line)(void *ctx, const char *text), void *ctx);

#endif
