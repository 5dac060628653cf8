/* gas.c - what it takes to read a program: block starts, decoding, block costs
 *
 * Programs of growing size, of kinds from ordinary to hostile. Prints nanoseconds for an
 * instruction (median of several passes over the whole program). Linear means: the figure of 4 MiB
 * is that of 64 KiB, caches apart. The compiler's goal is 20 ns for decoding, cost and code
 * together, in the model `pipeline`.
 */
#include "gas.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define MAX_CODE (4u << 20)
#define ROUNDS   5

static uint8_t code[MAX_CODE + 32], mask[MAX_CODE / 8], starts[MAX_CODE / 8];
static uint64_t sink; /* keeps results alive */

static uint32_t
next_random(uint32_t *state)
{
    *state = *state * 1664525u + 1013904223u;
    return *state >> 8;
}

/* ---- kinds of programs: each writes one instruction at `p` and returns its size -------------- */

/* what compilers make: a branch in seven, loads and stores, arithmetic */
static uint32_t
make_ordinary(uint8_t *p, uint32_t *random)
{
    static const uint8_t opcodes[] = {
        NUB_OP_ADD_64,        NUB_OP_LOAD_IND_U64, NUB_OP_STORE_IND_U64, NUB_OP_ADD_IMM_64,
        NUB_OP_XOR,           NUB_OP_LOAD_IND_U32, NUB_OP_ADD_IMM_32,    NUB_OP_MUL_64,
        NUB_OP_SHLO_L_IMM_64, NUB_OP_STORE_IND_U8, NUB_OP_LOAD_IMM,      NUB_OP_MOVE_REG
    };
    uint32_t r = next_random(random);

    p[1] = (uint8_t)((r >> 10 & 7) | (r >> 13 & 7) << 4);
    if (r % 7 == 0) {
        p[0] = r & 8 ? NUB_OP_BRANCH_NE : NUB_OP_BRANCH_NE_IMM;
        p[2] = (uint8_t)(r >> 4);
        p[3] = 0xFF;
        return 4;
    }
    p[0] = opcodes[r / 7 % sizeof opcodes];
    p[2] = (uint8_t)(r >> 3 & 7);
    return p[0] == NUB_OP_MOVE_REG ? 2 : 3;
}

/* every opcode, known or not, with any arguments */
static uint32_t
make_any(uint8_t *p, uint32_t *random)
{
    uint32_t size = 1 + next_random(random) % 11;

    for (uint32_t i = 0; i < size; i++)
        p[i] = (uint8_t)next_random(random);
    return size;
}

static uint32_t
make_traps(uint8_t *p, uint32_t *random)
{
    (void)random;
    p[0] = NUB_OP_TRAP;
    return 1;
}

/* one block, each instruction waiting for the one before as long as can be */
static uint32_t
make_dependent_divisions(uint8_t *p, uint32_t *random)
{
    (void)random;
    p[0] = NUB_OP_DIV_U_64;
    p[1] = 0x11;
    p[2] = 1;
    return 3;
}

/* one block that keeps every place of the ring busy with nothing to wait for */
static uint32_t
make_independent_loads(uint8_t *p, uint32_t *random)
{
    p[0] = NUB_OP_LOAD_IND_U64;
    p[1] = (uint8_t)(next_random(random) % 12 | 0xC0);
    return 2;
}

/* the longest instructions: 25 bytes, then a place where nothing starts */
static uint32_t
make_long(uint8_t *p, uint32_t *random)
{
    memset(p, 0, 26);
    p[0] = NUB_OP_LOAD_IMM;
    p[1] = (uint8_t)(next_random(random) % 13);
    return 26;
}

static const struct {
    const char *name;
    uint32_t (*make)(uint8_t *p, uint32_t *random);
} kinds[] = {
    { "ordinary", make_ordinary },
    { "any bytes", make_any },
    { "traps", make_traps },
    { "dependent divisions", make_dependent_divisions },
    { "independent loads", make_independent_loads },
    { "longest", make_long },
};

static uint32_t
make_program(struct nub_program *program, uint32_t size,
             uint32_t (*make)(uint8_t *p, uint32_t *random))
{
    uint32_t random = 1, n = 0;

    memset(code, 0, sizeof code);
    memset(mask, 0, sizeof mask);
    for (uint32_t pc = 0; pc < size; n++) {
        mask[pc / 8] |= (uint8_t)(1 << pc % 8);
        pc += make(code + pc, &random);
    }
    *program = (struct nub_program){ .code = code, .code_size = size, .mask = mask };
    return n;
}

/* ---- what is measured ---------------------------------------------------------------------- */

static void
run_block_starts(const struct nub_program *program)
{
    sink += nub_program_block_starts(program, starts);
}

/* from mask bit to mask bit, as a compiler goes */
static void
run_decode(const struct nub_program *program)
{
    struct nub_insn insn;

    for (uint32_t pc = 0; pc < program->code_size; pc = insn.next) {
        nub_insn_decode(&insn, program, pc);
        sink += insn.x + insn.a;
    }
}

/* one pass that decodes and feeds, as the predecoder and the compiler do */
static void
run_feed(const struct nub_program *program, uint32_t model)
{
    struct nub_gas_block block;
    struct nub_insn insn;

    nub_gas_begin(&block, model, NUB_MEM_CYCLES_DEFAULT);
    for (uint32_t pc = 0; pc < program->code_size; pc = insn.next) {
        nub_insn_decode(&insn, program, pc);
        nub_gas_feed(&block, program, &insn);
        if (nub_isa[insn.opcode].is_terminator) {
            sink += nub_gas_end(&block, false);
            nub_gas_begin(&block, model, NUB_MEM_CYCLES_DEFAULT);
        }
    }
    sink += nub_gas_end(&block, true);
}

static void
run_pipeline(const struct nub_program *program)
{
    run_feed(program, NUB_GAS_PIPELINE);
}

static void
run_polkavm(const struct nub_program *program)
{
    run_feed(program, NUB_GAS_POLKAVM);
}

static const struct {
    const char *name;
    void (*run)(const struct nub_program *program);
} passes[] = {
    { "block starts", run_block_starts },
    { "decode", run_decode },
    { "+ pipeline", run_pipeline },
    { "+ polkavm", run_polkavm },
};

#define N_PASSES (sizeof passes / sizeof passes[0])

static double
now_ns(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec * 1e9 + (double)t.tv_nsec;
}

static int
compare(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;

    return x < y ? -1 : x > y;
}

static double
median_ns(void (*run)(const struct nub_program *program), const struct nub_program *program)
{
    double times[ROUNDS];

    for (int i = 0; i < ROUNDS; i++) {
        double start = now_ns();
        run(program);
        times[i] = now_ns() - start;
    }
    qsort(times, ROUNDS, sizeof times[0], compare);
    return times[ROUNDS / 2];
}

int
main(void)
{
    printf("nanoseconds for an instruction\n%-20s %8s %12s", "program", "KiB", "instructions");
    for (size_t k = 0; k < N_PASSES; k++)
        printf(" %12s", passes[k].name);
    printf("\n");
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++)
        for (uint32_t size = 64u << 10; size <= MAX_CODE; size *= 8) {
            struct nub_program program;
            uint32_t n = make_program(&program, size, kinds[i].make);
            printf("%-20s %8u %12u", kinds[i].name, size >> 10, n);
            for (size_t k = 0; k < N_PASSES; k++)
                printf(" %12.2f", median_ns(passes[k].run, &program) / n);
            printf("\n");
        }
    return sink == 1; /* never: the sum is used */
}
