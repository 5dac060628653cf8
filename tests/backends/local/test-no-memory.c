/* test-no-memory.c - the same work with an allocator that fails at the n-th call, for every n
 *
 * Each step either does what it does with memory, or answers NO_MEMORY and can be done again. In
 * the end everything has been given back.
 */
#include "local-fixture.h"
#include <stdlib.h>
#include <string.h>

static struct {
    uint64_t calls, fail_at; /* 0: never */
    int64_t live;            /* blocks */
} state;

static void *
failing_realloc(void *ctx, void *block, size_t old_size, size_t new_size)
{
    (void)ctx;
    (void)old_size;
    if (new_size == 0) {
        state.live -= block != NULL;
        free(block);
        return NULL;
    }
    if (++state.calls == state.fail_at)
        return NULL;
    state.live += block == NULL;
    return realloc(block, new_size);
}

static const struct nub_alloc failing_alloc = { .realloc = failing_realloc };

/* Does a step; whether memory failed it. Then it is done again, and must succeed. */
#define STEP(call)                                                                                 \
    do {                                                                                           \
        int32_t status_ = (int32_t)(call);                                                         \
        if (status_ == NUB_ERR_NO_MEMORY) {                                                        \
            g_assert_cmpuint(state.fail_at, !=, 0);                                                \
            g_assert_cmpuint(state.calls, >=, state.fail_at);                                      \
            status_ = (int32_t)(call);                                                             \
        }                                                                                          \
        g_assert_cmpint(status_, ==, NUB_OK);                                                      \
    } while (0)

/* image: adds phi8 to 8 bytes at phi7, calls the host, halts; jumps through a table on the way */
static uint8_t *
image_wire(uint64_t *size)
{
    struct nub_endpoint endpoint = { .initial_regs = { NUB_HALT_ADDRESS } };
    struct test_code code = { .size = 0 };
    uint32_t target[1];

    test_emit(&code, (struct nub_insn){
                         .opcode = NUB_OP_LOAD_IMM_JUMP_IND, .a = 3, .b = 4, .x = 9, .y = 2 });
    target[0] = code.size;
    test_emit(&code, (struct nub_insn){ .opcode = NUB_OP_LOAD_IND_U64, .a = 9, .b = 7 });
    test_emit(&code, (struct nub_insn){ .opcode = NUB_OP_ADD_64, .a = 9, .b = 8, .d = 9 });
    test_emit(&code, (struct nub_insn){ .opcode = NUB_OP_STORE_IND_U64, .a = 9, .b = 7 });
    test_emit(&code, (struct nub_insn){ .opcode = NUB_OP_ECALL });
    test_emit(&code, (struct nub_insn){ .opcode = NUB_OP_JUMP_IND });
    struct nub_image_spec spec = { .code = { code.code, code.size },
                                   .bitmask = { code.mask, (code.size + 7) / 8 },
                                   .jump_table = target,
                                   .n_jump = 1,
                                   .endpoints = &endpoint,
                                   .n_endpoints = 1 };
    *size = nub_image_wire_size(&spec);
    uint8_t *wire = malloc(*size);
    nub_image_encode(wire, &spec);
    return wire;
}

static void
use_session(struct nub_local *local, const struct nub_hash *instance)
{
    struct nub_session_args args = {
        .struct_size = sizeof args, .instance = *instance, .args = { 4092, 3 }, .gas = 10000
    };
    struct nub_hash successor;
    struct nub_result result;
    uint64_t value = 1;
    void *session = NULL;

    STEP(nub_local_session_open(local, &args, &session, NULL));
    STEP(nub_local_session_map(session, 0x100000, 8192, NUB_ACCESS_READ_WRITE, NULL));
    STEP(nub_local_session_write(session, 0x100FFC, &value, 8, NULL));
    STEP(nub_local_session_run(session, &result, NULL));
    g_assert_cmpuint(result.exit_reason, ==, NUB_EXIT_ECALL);
    STEP(nub_local_session_commit(session, 1, &successor, NULL));
    STEP(nub_local_session_run(session, &result, NULL));
    g_assert_cmpuint(result.exit_reason, ==, NUB_EXIT_HALT);
    STEP(nub_local_session_read(session, 4092, &value, 8, NULL));
    g_assert_cmpuint(value, ==, 3);
    nub_local_session_close(session);

    struct nub_call resume = { .struct_size = sizeof resume,
                               .instance = successor,
                               .gas = 1000,
                               .flags = NUB_CALL_COMMIT | NUB_CALL_OUTPUT,
                               .max_output = 4096 };
    struct nub_outcome outcome = { .struct_size = sizeof outcome };
    STEP(nub_local_resume(local, &resume, &outcome, NULL));
    g_assert_cmpuint(outcome.result.exit_reason, ==, NUB_EXIT_HALT);
    if (outcome.output.release)
        outcome.output.release(&outcome.output);
}

static void
use(const struct test_mode *mode)
{
    struct nub_local *local = test_local_with(mode, &failing_alloc, 2);
    uint64_t size;
    struct nub_hash hash;
    struct nub_result result;

    if (!local) /* once more: it fails only once */
        local = test_local_with(mode, &failing_alloc, 2);
    g_assert_nonnull(local);
    uint8_t *wire = image_wire(&size);
    STEP(nub_local_put_cap(local, (struct nub_slice){ wire, size }, &hash, NULL));
    free(wire);
    struct nub_instance_spec spec = { .image = hash, .mem_size = 16384 };
    size = nub_instance_wire_size(&spec);
    wire = malloc(size);
    nub_instance_encode(wire, &spec);
    STEP(nub_local_put_cap(local, (struct nub_slice){ wire, size }, &hash, NULL));
    free(wire);
    struct nub_invoke_args args = {
        .struct_size = sizeof args, .instance = hash, .args = { 4092, 7 }, .gas = 10000
    };
    for (unsigned i = 0; i < 2; i++) {
        STEP(nub_local_invoke_cached(local, &args, &result, NULL));
        g_assert_cmpuint(result.exit_reason, ==, NUB_EXIT_ECALL);
    }
    struct nub_bytes bytes;
    STEP(nub_local_get_cap(local, &hash, &bytes, NULL));
    bytes.release(&bytes);
    use_session(local, &hash);
    nub_local_free(local);
}

static void
test_no_memory(gconstpointer data)
{
    uint64_t last = 0;

    for (state.fail_at = 0; state.fail_at <= last; state.fail_at++) {
        state.calls = 0;
        use(data);
        g_assert_cmpint(state.live, ==, 0);
        if (state.fail_at == 0)
            last = state.calls;
    }
    g_test_message("%u allocations", (unsigned)last);
    g_assert_cmpuint(last, >, 15);
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    for (unsigned m = 0; m < G_N_ELEMENTS(test_modes); m++) {
        g_autofree char *path =
            g_strdup_printf("/local/no-memory/%s/every allocation may fail", test_modes[m].name);
        g_test_add_data_func(path, &test_modes[m], test_no_memory);
    }
    return g_test_run();
}
