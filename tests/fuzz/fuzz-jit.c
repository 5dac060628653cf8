/* fuzz-jit.c - any bytes as a program for the compiler
 *
 * Compiling stays within the measured sizes (the buffers have exactly those, so that ASan sees one
 * byte more), does not depend on where the buffers lie, and every pc has a way in or an exit. What
 * the code does is for tests/differential.
 */
#include "fuzz.h"
#include "jit.h"
#include <stdlib.h>
#include <string.h>

struct compiled {
    struct nub_jit_sizes sizes;
    struct nub_jit_code code;
    void *text, *tables, *work;
};

static void
compile(struct compiled *c, const struct nub_program *program, const struct nub_jit_params *params)
{
    FUZZ_CHECK(nub_jit_measure(&c->sizes, program, params, NULL) == NUB_OK);
    c->text = malloc(c->sizes.code);
    c->tables = malloc(c->sizes.tables);
    c->work = malloc(c->sizes.work);
    FUZZ_CHECK(c->text && c->tables && c->work);
    FUZZ_CHECK(nub_jit_compile(&c->code, program, params, &c->sizes, c->text, c->tables, c->work,
                               NULL) == NUB_OK);
    FUZZ_CHECK(c->code.code_size <= c->sizes.code && c->code.tables_size <= c->sizes.tables);
    nub_jit_place(&c->code, 0x100000000000);
}

static void
release(struct compiled *c)
{
    free(c->text);
    free(c->tables);
    free(c->work);
}

static void
check_way_in(const struct nub_jit_code *code, uint32_t pc)
{
    struct nub_jit_state state = { .pc = pc, .gas = NUB_GAS_MAX };
    struct nub_jit_tail tail;
    static uint8_t buffer[NUB_JIT_TAIL_SIZE];

    switch (nub_jit_start(code, &state)) {
    case NUB_JIT_AT_BLOCK:
        FUZZ_CHECK(state.target < code->code_size);
        break;
    case NUB_JIT_IN_BLOCK:
        nub_jit_tail(&tail, code, pc, buffer);
        FUZZ_CHECK(tail.size <= NUB_JIT_TAIL_SIZE && tail.n_faults <= NUB_JIT_CHUNK);
        break;
    case NUB_JIT_EXITED:
        FUZZ_CHECK(state.exit_reason == NUB_EXIT_PANIC || state.exit_reason == NUB_EXIT_TRAP);
        break;
    }
}

static void
check_program(const struct nub_program *program, const struct nub_jit_params *params)
{
    struct compiled a, b;

    compile(&a, program, params);
    compile(&b, program, params);
    FUZZ_CHECK(a.code.code_size == b.code.code_size &&
               memcmp(a.text, b.text, a.code.code_size) == 0);
    for (uint32_t i = 1; i < a.code.n_faults; i++)
        FUZZ_CHECK(a.code.faults[i - 1].native < a.code.faults[i].native);
    for (uint32_t pc = 0; pc < program->code_size + 2 && pc < 300; pc++)
        check_way_in(&a.code, pc);
    release(&a);
    release(&b);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 3)
        return 0;
    struct nub_jit_params params = { .gas_model = 1 + data[0] % 3,
                                     .mem_cycles = 1 + data[1] % 127,
                                     .addressing = data[0] >> 4 & 1,
                                     .features = data[0] >> 5 & 1 };
    uint32_t rest = (uint32_t)size - 2, code_size = (uint32_t)((uint64_t)rest * 8 / 9);
    uint32_t mask_size = (code_size + 7) / 8;
    uint8_t *mask = calloc(mask_size + 1, 1), *code = malloc(code_size + 1);

    FUZZ_CHECK(mask && code);
    memcpy(code, data + 2, code_size);
    memcpy(mask, data + 2 + code_size, mask_size < rest - code_size ? mask_size : rest - code_size);
    if (code_size % 8 != 0)
        mask[mask_size - 1] &= (uint8_t)((1u << code_size % 8) - 1);
    struct nub_program program = { .code = code,
                                   .code_size = code_size,
                                   .mask = mask,
                                   .jump_table = code,
                                   .n_jump = code_size / 8,
                                   .jump_width = 2 };
    check_program(&program, &params);
    free(mask);
    free(code);
    return 0;
}
