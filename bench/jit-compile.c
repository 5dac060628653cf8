/* jit-compile.c - how long the compiler takes for an instruction, and whether that stays so
 *
 * Programs of growing size, of kinds from ordinary to hostile, compiled in each gas model. Prints
 * nanoseconds for an instruction (median of several compilations) and machine code bytes for a byte
 * of program. Linear means: the figure of 4 MiB is that of 64 KiB, caches apart.
 */
#include "bundle.h"
#include "cap.h"
#include "jit.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define MAX_CODE    (4u << 20)
#define ROUNDS      5
#define FILE_ROUNDS 51

/* writes one instruction of a kind at `pc`, returns its size */
typedef uint32_t (*make_fn)(uint8_t *code, uint32_t pc, uint32_t size, uint32_t *random);

static uint32_t
next_random(uint32_t *state)
{
    *state = *state * 1664525u + 1013904223u;
    return *state >> 8;
}

/* what compilers make: a branch in seven, loads and stores, arithmetic */
static uint32_t
make_ordinary(uint8_t *code, uint32_t pc, uint32_t size, uint32_t *random)
{
    static const uint8_t opcodes[] = {
        NUB_OP_ADD_64,        NUB_OP_LOAD_IND_U64, NUB_OP_STORE_IND_U64, NUB_OP_ADD_IMM_64,
        NUB_OP_XOR,           NUB_OP_LOAD_IND_U32, NUB_OP_ADD_IMM_32,    NUB_OP_MUL_64,
        NUB_OP_SHLO_L_IMM_64, NUB_OP_STORE_IND_U8, NUB_OP_LOAD_IMM,      NUB_OP_AND_IMM
    };
    uint32_t r = next_random(random);

    if (r % 7 == 0) { /* to a place nearby */
        uint32_t offset = next_random(random) % 400 - 200;
        code[0] = NUB_OP_BRANCH_NE;
        code[1] = (uint8_t)((r >> 4 & 7) | (r >> 8 & 7) << 4);
        code[2] = (uint8_t)offset;
        code[3] = (uint8_t)(offset >> 8);
        return 4;
    }
    (void)pc;
    (void)size;
    code[0] = opcodes[r / 7 % sizeof opcodes];
    code[1] = (uint8_t)((r >> 10 & 7) | (r >> 13 & 7) << 4);
    code[2] = (uint8_t)(r >> 3 & 7) + 1;
    return 3;
}

static uint32_t
make_traps(uint8_t *code, uint32_t pc, uint32_t size, uint32_t *random)
{
    (void)pc, (void)size, (void)random;
    code[0] = NUB_OP_TRAP;
    return 1;
}

static uint32_t
make_fallthroughs(uint8_t *code, uint32_t pc, uint32_t size, uint32_t *random)
{
    (void)pc, (void)size, (void)random;
    code[0] = NUB_OP_FALLTHROUGH;
    return 1;
}

/* every one to the last block: the longest list of waiting jumps */
static uint32_t
make_forward_jumps(uint8_t *code, uint32_t pc, uint32_t size, uint32_t *random)
{
    uint32_t offset = (size - 1) / 5 * 5 - pc;

    (void)random;
    code[0] = NUB_OP_JUMP;
    memcpy(code + 1, &offset, 4);
    return 5;
}

static uint32_t
make_random_jumps(uint8_t *code, uint32_t pc, uint32_t size, uint32_t *random)
{
    uint32_t offset = next_random(random) % size / 6 * 6 - pc;

    code[0] = NUB_OP_BRANCH_EQ;
    code[1] = 0x21;
    memcpy(code + 2, &offset, 4);
    return 6;
}

static uint32_t
make_divisions(uint8_t *code, uint32_t pc, uint32_t size, uint32_t *random)
{
    (void)pc, (void)size, (void)random;
    code[0] = NUB_OP_REM_S_64;
    code[1] = 0x21;
    code[2] = 3;
    return 3;
}

static uint32_t
make_one_byte_loads(uint8_t *code, uint32_t pc, uint32_t size, uint32_t *random)
{
    (void)pc, (void)size, (void)random;
    code[0] = NUB_OP_LOAD_U64;
    return 1;
}

static uint32_t
make_unknown(uint8_t *code, uint32_t pc, uint32_t size, uint32_t *random)
{
    (void)pc, (void)size, (void)random;
    code[0] = 255;
    return 1;
}

static uint32_t
make_gaps(uint8_t *code, uint32_t pc, uint32_t size, uint32_t *random)
{
    (void)pc, (void)size, (void)random;
    memset(code, 0, 28);
    code[0] = NUB_OP_LOAD_IMM;
    return 28;
}

static const struct {
    const char *name;
    make_fn make;
} kinds[] = {
    { "ordinary", make_ordinary },
    { "traps", make_traps },
    { "fallthroughs", make_fallthroughs },
    { "jumps to one place ahead", make_forward_jumps },
    { "branches to anywhere", make_random_jumps },
    { "divisions", make_divisions },
    { "one-byte loads", make_one_byte_loads },
    { "unknown opcodes", make_unknown },
    { "gaps", make_gaps },
};

static uint32_t
make_program(struct nub_program *program, make_fn make, uint32_t size)
{
    uint8_t *code = (uint8_t *)(uintptr_t)program->code,
            *mask = (uint8_t *)(uintptr_t)program->mask;
    uint32_t pc = 0, n = 0, random = 1;

    memset(code, 0, MAX_CODE + 64);
    memset(mask, 0, MAX_CODE / 8 + 8);
    while (pc + 32 < size) {
        mask[pc / 8] |= (uint8_t)(1u << pc % 8);
        pc += make(code + pc, pc, size, &random);
        n++;
    }
    program->code_size = pc;
    return n;
}

static double
now_ns(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec * 1e9 + (double)now.tv_nsec;
}

static int
compare_doubles(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;

    return x < y ? -1 : x > y;
}

/* buffers grow only, and are touched once, so that the system's page faults are not measured */
struct buffers {
    void *block[3];
    uint64_t size[3];
};

static void *
grown(struct buffers *buffers, unsigned i, uint64_t size)
{
    if (size > buffers->size[i]) {
        free(buffers->block[i]);
        buffers->block[i] = malloc(size);
        if (!buffers->block[i])
            exit(1);
        memset(buffers->block[i], 1, size);
        buffers->size[i] = size;
    }
    return buffers->block[i];
}

/* nanoseconds */
static double
compile_once(const struct nub_program *program, uint32_t gas_model, struct buffers *buffers,
             uint64_t *code_size)
{
    struct nub_jit_params params = {
        .gas_model = gas_model, .mem_cycles = 25, .addressing = NUB_JIT_LOW, .features = NUB_JIT_BMI
    };
    struct nub_failure failure = { .struct_size = sizeof failure };
    struct nub_jit_sizes sizes;
    struct nub_jit_code code;

    nub_jit_measure(&sizes, program, &params, &failure);
    void *block[3] = { grown(buffers, 0, sizes.code), grown(buffers, 1, sizes.tables),
                       grown(buffers, 2, sizes.work) };
    double start = now_ns();
    nub_jit_measure(&sizes, program, &params, &failure);
    if (nub_jit_compile(&code, program, &params, &sizes, block[0], block[1], block[2], &failure) !=
        NUB_OK) {
        fprintf(stderr, "%s\n", failure.message);
        exit(1);
    }
    nub_jit_place(&code, (uint64_t)(uintptr_t)block[0]);
    *code_size = code.code_size;
    return now_ns() - start;
}

static double
measure(const struct nub_program *program, uint32_t n, uint32_t gas_model, struct buffers *buffers,
        uint64_t *code_size)
{
    double times[ROUNDS];

    for (unsigned i = 0; i < ROUNDS; i++)
        times[i] = compile_once(program, gas_model, buffers, code_size) / n;
    qsort(times, ROUNDS, sizeof times[0], compare_doubles);
    return times[ROUNDS / 2];
}

static int
time_made_programs(void)
{
    static const uint32_t sizes[] = { 4u << 10, 64u << 10, 1u << 20, MAX_CODE };
    static struct buffers buffers;
    struct nub_program program = { .code = malloc(MAX_CODE + 64),
                                   .mask = malloc(MAX_CODE / 8 + 8) };

    if (!program.code || !program.mask)
        return 1;
    printf("%-26s %-11s %10s %10s %10s %10s  ns an instruction; machine code bytes a byte\n",
           "program", "gas", "4 KiB", "64 KiB", "1 MiB", "4 MiB");
    for (unsigned k = 0; k < sizeof kinds / sizeof kinds[0]; k++) {
        for (uint32_t model = NUB_GAS_PIPELINE; model <= NUB_GAS_INSTRUCTION; model++) {
            uint64_t code_size = 0;
            printf("%-26s %-11s", kinds[k].name, nub_gas_model_name(model));
            for (unsigned s = 0; s < sizeof sizes / sizeof sizes[0]; s++) {
                uint32_t n = make_program(&program, kinds[k].make, sizes[s]);
                printf(" %10.1f", measure(&program, n, model, &buffers, &code_size));
            }
            printf("  %.2f\n", (double)code_size / program.code_size);
        }
    }
    return 0;
}

/* ---- programs from files ------------------------------------------------------------------- */

#define MAX_FILES 64

static struct nub_slice
read_file(const char *name)
{
    FILE *file = fopen(name, "rb");
    struct nub_slice bytes = { NULL, 0 };

    if (!file || fseek(file, 0, SEEK_END) != 0)
        return bytes;
    long size = ftell(file);
    uint8_t *data = malloc((size_t)size);
    rewind(file);
    if (data && fread(data, 1, (size_t)size, file) == (size_t)size)
        bytes = (struct nub_slice){ data, (uint64_t)size };
    fclose(file);
    return bytes;
}

/* the program of the bundle's last image; its bytes stay */
static bool
read_program(struct nub_program *program, const char *name)
{
    struct nub_bundle bundle;
    struct nub_cap cap;
    bool found = false;

    if (nub_bundle_decode(&bundle, read_file(name), NULL) != NUB_OK)
        return false;
    for (uint32_t i = 0; i < bundle.n_caps; i++) {
        if (nub_cap_decode(&cap, nub_bundle_cap(&bundle, i), NULL) != NUB_OK ||
            cap.kind != NUB_CAP_IMAGE)
            continue;
        *program = (struct nub_program){ .code = cap.u.image.code.data,
                                         .code_size = (uint32_t)cap.u.image.code.size,
                                         .mask = cap.u.image.bitmask.data,
                                         .jump_table = cap.u.image.jump_table,
                                         .n_jump = cap.u.image.n_jump,
                                         .jump_width = 4 };
        found = true;
    }
    return found;
}

static uint32_t
count_insns(const struct nub_program *program)
{
    uint32_t n = 0;

    for (uint32_t pc = 0; pc < program->code_size; pc++)
        n += nub_program_is_start(program, pc);
    return n;
}

static int
time_files(char **names, int n)
{
    static struct nub_program programs[MAX_FILES];
    static double times[MAX_FILES][FILE_ROUNDS];
    static struct buffers buffers;
    uint64_t code_sizes[MAX_FILES];
    double total = 0;
    uint64_t total_insns = 0;

    for (int i = 0; i < n; i++) {
        if (!read_program(&programs[i], names[i])) {
            fprintf(stderr, "%s: no bundle with a program\n", names[i]);
            return 1;
        }
    }
    for (int round = 0; round < FILE_ROUNDS; round++)
        for (int i = 0; i < n; i++)
            times[i][round] =
                compile_once(&programs[i], NUB_GAS_PIPELINE, &buffers, &code_sizes[i]);
    printf("%-40s %8s %10s %8s %8s\n", "program (pipeline)", "insns", "ns/insn", "us", "code x");
    for (int i = 0; i < n; i++) {
        uint32_t insns = count_insns(&programs[i]);
        qsort(times[i], FILE_ROUNDS, sizeof times[i][0], compare_doubles);
        double median = times[i][FILE_ROUNDS / 2];
        printf("%-40s %8u %10.1f %8.1f %8.2f\n", names[i], insns, median / insns, median / 1e3,
               (double)code_sizes[i] / programs[i].code_size);
        total += median;
        total_insns += insns;
    }
    printf("%-40s %8u %10.1f\n", "all", (unsigned)total_insns, total / (double)total_insns);
    return 0;
}

int
main(int argc, char **argv)
{
    if (argc > 1)
        return time_files(argv + 1, argc - 1 < MAX_FILES ? argc - 1 : MAX_FILES);
    return time_made_programs();
}
