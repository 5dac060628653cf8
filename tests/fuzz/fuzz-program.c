/* fuzz-program.c - any bytes as a program blob
 *
 * What parses is written back; every instruction decodes, and encodes again where its own form is
 * the shortest; block starts agree with their definition at one index; costs are what the feeder
 * says, and bounded; what is decoded and priced in runs is what it is one by one.
 */
#include "fuzz.h"
#include "gas.h"
#include <stdlib.h>
#include <string.h>

static void
check_blob(const struct nub_program *program, const uint8_t *data, size_t size)
{
    uint32_t width = program->jump_width;
    uint8_t *again = malloc(size);

    FUZZ_CHECK(nub_program_check(program, NULL) == NUB_OK);
    FUZZ_CHECK(nub_program_blob_size_as(program, width) == size);
    nub_program_write_blob_as(program, width, again);
    FUZZ_CHECK(memcmp(again, data, size) == 0);
    free(again);
    FUZZ_CHECK(nub_program_blob_size(program) <= size + (width == 0));
}

static void
check_block_starts(const struct nub_program *program, uint8_t *starts)
{
    uint32_t count = nub_program_block_starts(program, starts), n = 0;

    for (uint32_t pc = 0; pc < program->code_size; pc++) {
        uint32_t is_start = starts[pc / 8] >> pc % 8 & 1;
        FUZZ_CHECK(is_start == nub_program_is_block_start(program, pc));
        n += is_start;
    }
    FUZZ_CHECK(n == count);
}

static void
check_insn(const struct nub_program *program, uint32_t pc)
{
    uint8_t bytes[NUB_MAX_INSN_SIZE];
    struct nub_insn insn, again;

    nub_insn_decode(&insn, program, pc);
    FUZZ_CHECK(insn.a < NUB_N_REGS && insn.b < NUB_N_REGS && insn.d < NUB_N_REGS);
    FUZZ_CHECK(insn.next > pc && insn.next <= pc + NUB_MAX_INSN_SIZE);
    uint32_t size = nub_insn_encode(bytes, &insn, 0);
    FUZZ_CHECK(size > 0);
    const uint8_t mask[4] = { 1 };
    const struct nub_program alone = { .code = bytes, .mask = mask, .code_size = size };
    struct nub_insn moved = insn;
    nub_insn_decode(&again, &alone, 0);
    moved.pc = 0;
    moved.next = size;
    moved.target = again.target == 0 && insn.target == 0 ? 0 : insn.target - pc;
    FUZZ_CHECK(memcmp(&again, &moved, offsetof(struct nub_insn, next)) == 0);
    FUZZ_CHECK(again.x == moved.x && again.y == moved.y && again.target == moved.target);
}

static void
check_cost(const struct nub_program *program, uint32_t model, uint32_t pc)
{
    struct nub_gas_block block;
    struct nub_insn insn;
    uint64_t n = 0;
    bool at_end = true;

    nub_gas_begin(&block, model, NUB_MEM_CYCLES_MAX);
    for (uint32_t at = pc; at < program->code_size && at_end; at = insn.next, n++) {
        nub_insn_decode(&insn, program, at);
        nub_gas_feed(&block, program, &insn);
        at_end = nub_isa[insn.opcode].mnemonic && !nub_isa[insn.opcode].is_terminator;
    }
    uint64_t cost = nub_gas_end(&block, at_end);
    FUZZ_CHECK(cost == nub_gas_cost(program, model, NUB_MEM_CYCLES_MAX, pc));
    FUZZ_CHECK(cost >= 1 && cost < 131 * (n + 1));
}

#define RUN 7u

/* a run from a block start */
static void
check_run(const struct nub_program *program, uint32_t model, uint32_t pc)
{
    struct nub_insn insns[RUN], insn;
    struct nub_gas_block block;
    uint64_t costs[RUN];
    uint32_t n = nub_insn_decode_run(insns, RUN, program, pc, program->code_size, false);
    uint32_t n_ended = 0, begin = pc;

    nub_gas_begin(&block, model, NUB_MEM_CYCLES_MAX);
    FUZZ_CHECK(n >= 1 && n <= RUN);
    FUZZ_CHECK(nub_insn_decode_run(&insn, 1, program, pc, program->code_size, true) == 1);
    uint32_t n_costs = nub_gas_feed_run(&block, program, insns, n, costs);
    for (uint32_t i = 0; i < n; i++) {
        nub_insn_decode(&insn, program, pc);
        FUZZ_CHECK(memcmp(&insn, &insns[i], offsetof(struct nub_insn, next)) == 0);
        FUZZ_CHECK(insn.next == insns[i].next && insn.x == insns[i].x && insn.y == insns[i].y &&
                   insn.target == insns[i].target);
        bool known = nub_isa[insn.opcode].mnemonic != NULL;
        if (nub_isa[insn.opcode].is_terminator) {
            FUZZ_CHECK(n_ended < n_costs &&
                       costs[n_ended++] == nub_gas_cost(program, model, NUB_MEM_CYCLES_MAX, begin));
            begin = insn.next;
        }
        bool goes_on = known && insn.next < program->code_size && insn.next - pc <= NUB_MAX_SKIP;
        FUZZ_CHECK(i + 1 == n ? n == RUN || !goes_on : goes_on);
        pc = insn.next;
    }
    FUZZ_CHECK(n_ended == n_costs);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct nub_failure failure = { .struct_size = sizeof failure };
    struct nub_program program;

    if (nub_program_parse_blob(&program, (struct nub_slice){ data, size }, &failure)) {
        FUZZ_CHECK(failure.code == NUB_ERR_BAD_ENCODING && failure.address <= size);
        return 0;
    }
    uint8_t *starts = malloc(program.code_size / 8 + 1);
    check_blob(&program, data, size);
    check_block_starts(&program, starts);
    for (uint32_t pc = 0; pc < program.code_size; pc++)
        check_insn(&program, pc);
    for (uint32_t pc = 0; pc < program.code_size; pc++)
        if (starts[pc / 8] >> pc % 8 & 1) {
            check_cost(&program, NUB_GAS_PIPELINE, pc);
            check_cost(&program, NUB_GAS_POLKAVM, pc);
            check_run(&program, NUB_GAS_PIPELINE, pc);
            check_run(&program, NUB_GAS_POLKAVM, pc);
        }
    free(starts);
    return 0;
}
