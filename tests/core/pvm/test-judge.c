/* test-judge.c - arguments of calls are refused in order and by name; exits that leave a successor
 */
#include "judge.h"
#include "gas.h"
#include <glib.h>

static void
test_call(void)
{
    static const struct {
        struct nub_call call;
        bool resume;
        int32_t status;
        const char *message;
    } rows[] = {
        { { .flags = 0 }, false, NUB_OK, "" },
        { { .flags = NUB_CALL_COMMIT | NUB_CALL_ADVANCE | NUB_CALL_OUTPUT }, true, NUB_OK, "" },
        { { .flags = NUB_CALL_INPUT, .input.size = NUB_INPUT_MAX }, false, NUB_OK, "" },
        { { .flags = NUB_CALL_REGS }, true, NUB_OK, "" },
        { { .gas_model = NUB_GAS_INSTRUCTION, .mem_cycles = 127 }, false, NUB_OK, "" },
        { { .input.size = NUB_INPUT_MAX + 1 }, true, NUB_OK, "" },
        { { .flags = 1u << 31 | NUB_CALL_ADVANCE },
          false,
          NUB_ERR_INVALID_ARGUMENT,
          "call: unknown flags 0x80000000" },
        { { .flags = NUB_CALL_ADVANCE },
          false,
          NUB_ERR_INVALID_ARGUMENT,
          "call: advance without commit" },
        { { .flags = NUB_CALL_INPUT },
          true,
          NUB_ERR_INVALID_ARGUMENT,
          "call: resume takes no input" },
        { { .flags = NUB_CALL_REGS },
          false,
          NUB_ERR_INVALID_ARGUMENT,
          "call: invoke takes no registers" },
        { { .gas_model = 4 }, false, NUB_ERR_INVALID_ARGUMENT, "gas model 4: no such model" },
        { { .mem_cycles = 128 }, false, NUB_ERR_INVALID_ARGUMENT, "mem_cycles 128: more than 127" },
        { { .flags = NUB_CALL_INPUT, .input.size = NUB_INPUT_MAX + 1, .mem_cycles = 128 },
          false,
          NUB_ERR_INVALID_ARGUMENT,
          "mem_cycles 128: more than 127" },
        { { .flags = NUB_CALL_INPUT, .input.size = NUB_INPUT_MAX + 1 },
          false,
          NUB_ERR_INPUT_TOO_LONG,
          "input: 16777217 bytes, at most 16777216" },
    };

    for (gsize i = 0; i < G_N_ELEMENTS(rows); i++) {
        struct nub_failure failure = { .struct_size = sizeof failure };
        g_assert_cmpint(nub_judge_call(&rows[i].call, rows[i].resume, &failure), ==,
                        rows[i].status);
        g_assert_cmpint(failure.code, ==, rows[i].status);
        g_assert_cmpstr(failure.message, ==, rows[i].message);
        g_assert_cmpint(nub_judge_call(&rows[i].call, rows[i].resume, NULL), ==, rows[i].status);
    }
}

static void
test_successor(void)
{
    static const struct {
        uint32_t exit;
        bool call, session;
    } rows[] = {
        { NUB_EXIT_HALT, true, true },        { NUB_EXIT_PANIC, false, false },
        { NUB_EXIT_OUT_OF_GAS, false, true }, { NUB_EXIT_PAGE_FAULT, false, true },
        { NUB_EXIT_HOST_CALL, true, true },   { NUB_EXIT_ECALL, true, true },
        { NUB_EXIT_TRAP, false, false },      { 5, false, false },
    };

    for (gsize i = 0; i < G_N_ELEMENTS(rows); i++) {
        g_assert_cmpint(nub_exit_has_successor(rows[i].exit, false), ==, rows[i].call);
        g_assert_cmpint(nub_exit_has_successor(rows[i].exit, true), ==, rows[i].session);
    }
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/core/pvm/judge/arguments-are-refused-in-order", test_call);
    g_test_add_func("/core/pvm/judge/exits-that-leave-a-successor", test_successor);
    return g_test_run();
}
