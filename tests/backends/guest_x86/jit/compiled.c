/* compiled.c - compiles for tests, with guards behind the buffers */
#include "compiled.h"
#include <glib.h>
#include <string.h>

static uint8_t *
guarded(uint64_t size)
{
    uint8_t *block = g_malloc(size + NUB_TEST_GUARD);

    memset(block, 0xEE, size + NUB_TEST_GUARD);
    return block;
}

void
nub_test_assert_guarded(const uint8_t *block, uint64_t size)
{
    for (unsigned i = 0; i < NUB_TEST_GUARD; i++)
        g_assert_cmpuint(block[size + i], ==, 0xEE);
}

void
nub_test_compile(struct nub_compiled *c, const struct nub_program *program, uint32_t gas_model,
                 uint32_t addressing, uint32_t features)
{
    struct nub_jit_params params = { gas_model, 25, addressing, features };
    struct nub_failure failure = { .struct_size = sizeof failure };

    g_assert_cmpint(nub_jit_measure(&c->sizes, program, &params, &failure), ==, NUB_OK);
    c->text = guarded(c->sizes.code);
    c->tables = guarded(c->sizes.tables);
    c->work = guarded(c->sizes.work);
    nub_jit_compile(&c->code, program, &params, &c->sizes, c->text, c->tables, c->work, &failure);
    g_assert_cmpstr(failure.message, ==, "");
    nub_test_assert_guarded(c->text, c->sizes.code);
    nub_test_assert_guarded(c->tables, c->sizes.tables);
    nub_test_assert_guarded(c->work, c->sizes.work);
    g_assert_cmpuint(c->code.code_size, <=, c->sizes.code);
    g_assert_cmpuint(c->code.tables_size, <=, c->sizes.tables);
    nub_jit_place(&c->code, NUB_TEST_ADDRESS);
}

void
nub_test_release(struct nub_compiled *c)
{
    g_free(c->text);
    g_free(c->tables);
    g_free(c->work);
}
