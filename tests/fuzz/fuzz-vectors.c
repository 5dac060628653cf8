/* fuzz-vectors.c - any bytes as a vector file of nub conform
 *
 * What is no vector is an error that names the file; what is one holds everything that the runners
 * take for granted: register numbers, whole pages, an assert after a run.
 */
#include "conform-vectors.h"
#include "fuzz.h"

#include <nub/plugin.h>
#include <string.h>

static void
check_error(const GError *error)
{
    FUZZ_CHECK(error && error->domain == NUB_JSON_ERROR);
    FUZZ_CHECK(strncmp(error->message, "v.json:", 7) == 0);
}

static void
check_program(const NubProgramVector *vector)
{
    gboolean has_run = FALSE;

    FUZZ_CHECK(vector->gas_model >= NUB_GAS_PIPELINE && vector->gas_model <= NUB_GAS_INSTRUCTION);
    FUZZ_CHECK(vector->mem_cycles >= 1 && vector->mem_cycles <= 127);
    for (guint i = 0; i < vector->steps->len; i++) {
        const struct nub_program_step *step =
            &g_array_index(vector->steps, struct nub_program_step, i);
        if (step->kind == NUB_PROGRAM_MAP) {
            FUZZ_CHECK((step->u.map.address | step->u.map.length) % NUB_PAGE_SIZE == 0);
            FUZZ_CHECK(step->u.map.address + step->u.map.length <= G_GUINT64_CONSTANT(1) << 32);
        } else if (step->kind == NUB_PROGRAM_SET_REG) {
            FUZZ_CHECK(step->u.set_reg.reg < NUB_N_REGS);
        }
        has_run |= step->kind == NUB_PROGRAM_RUN;
        FUZZ_CHECK(step->kind != NUB_PROGRAM_ASSERT || has_run);
    }
    for (guint i = 0; i < vector->costs->len; i++)
        FUZZ_CHECK(g_array_index(vector->costs, struct nub_block_cost, i).cost > 0);
}

static void
check_steps(const GArray *steps, gboolean in_session)
{
    for (guint i = 0; i < steps->len; i++) {
        const struct nub_caps_step *step = &g_array_index(steps, struct nub_caps_step, i);
        FUZZ_CHECK(step->kind < NUB_CAPS_RUN || in_session);
        FUZZ_CHECK(step->kind != NUB_CAPS_SESSION || (!in_session && step->runs));
        FUZZ_CHECK(step->reg < NUB_N_REGS && step->access <= NUB_ACCESS_READ_WRITE);
        FUZZ_CHECK(step->kind != NUB_CAPS_PUT || step->wire);
        FUZZ_CHECK(step->kind != NUB_CAPS_BUNDLE || step->caps);
        if (step->runs)
            check_steps(step->runs, TRUE);
    }
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(NubJsonDoc) doc = nub_json_parse("v.json", (const char *)data, size, &error);

    if (!doc) {
        check_error(error);
        return 0;
    }
    g_autoptr(NubProgramVector) program = nub_program_vector_read(doc, &error);
    if (program)
        check_program(program);
    else
        check_error(error);
    g_clear_error(&error);
    g_autoptr(NubCapsVector) caps = nub_caps_vector_read(doc, &error);
    if (caps)
        check_steps(caps->steps, FALSE);
    else
        check_error(error);
    return 0;
}
