/* local-fixture.c - kernels, images and instances for the tests of backends/local */
#include "local-fixture.h"
#include "blob.h"
#include <stdlib.h>
#include <string.h>

const struct test_mode test_modes[TEST_N_MODES] = {
    { .name = "checked/switch", .guard = false, .threaded = false },
    { .name = "checked/threaded", .guard = false, .threaded = true },
    { .name = "guard/switch", .guard = true, .threaded = false },
    { .name = "guard/threaded", .guard = true, .threaded = true },
    { .name = "guard/adaptive", .guard = true, .threaded = true, .short_run = 100 },
};

static void *
test_realloc(void *ctx, void *block, size_t old_size, size_t new_size)
{
    (void)ctx;
    (void)old_size;
    if (new_size == 0) {
        free(block);
        return NULL;
    }
    return realloc(block, new_size);
}

const struct nub_alloc test_alloc = { .realloc = test_realloc,
                                      .blob_new = nub_blob_new,
                                      .blob_free = nub_blob_free };

struct nub_local *
test_local_with(const struct test_mode *mode, const struct nub_alloc *alloc, uint32_t windows)
{
    struct nub_local_options options = { .gas_model = NUB_GAS_PIPELINE,
                                         .mem_cycles = NUB_MEM_CYCLES_DEFAULT,
                                         .guard = mode->guard,
                                         .threaded = mode->threaded,
                                         .code_cache = 64u << 20,
                                         .windows = windows,
                                         .short_run = mode->short_run };
    struct nub_failure failure = { .struct_size = sizeof failure };
    struct nub_local *local = NULL;

    nub_local_new(&local, alloc, &options, NULL, &failure);
    if (alloc == &test_alloc) {
        g_assert_cmpstr(failure.message, ==, "");
        g_assert_nonnull(local);
    }
    return local;
}

struct nub_local *
test_local_new(const struct test_mode *mode)
{
    return test_local_with(mode, &test_alloc, 4);
}

static struct nub_hash
put(struct nub_local *local, const uint8_t *wire, uint64_t size)
{
    struct nub_failure failure = { .struct_size = sizeof failure };
    struct nub_hash hash;
    int32_t status = nub_local_put_cap(local, (struct nub_slice){ wire, size }, &hash, &failure);

    g_assert_cmpstr(failure.message, ==, "");
    g_assert_cmpint(status, ==, NUB_OK);
    return hash;
}

struct nub_hash
test_put_data(struct nub_local *local, const void *bytes, uint64_t size)
{
    uint64_t wire_size = nub_data_wire_size(size);
    g_autofree uint8_t *wire = g_malloc(wire_size);

    nub_data_encode(wire, (struct nub_slice){ bytes, size });
    return put(local, wire, wire_size);
}

struct nub_hash
test_put_image(struct nub_local *local, const struct test_image *image)
{
    static const uint64_t at_0 = 0;
    uint32_t mask_size = (image->code_size + 7) / 8;
    uint32_t n_entries = image->n_entries ? image->n_entries : 1;
    g_autofree uint8_t *every = g_malloc0(mask_size + 1);
    g_autofree struct nub_endpoint *endpoints = g_new0(struct nub_endpoint, n_entries);

    for (uint32_t i = 0; i < image->code_size; i++)
        every[i / 8] |= (uint8_t)(1u << i % 8);
    for (uint32_t i = 0; i < n_entries; i++) {
        endpoints[i].entry_pc = (image->n_entries ? image->entries : &at_0)[i];
        endpoints[i].initial_regs[0] = NUB_HALT_ADDRESS;
    }
    struct nub_image_spec spec = {
        .code = { image->code, image->code_size },
        .bitmask = { image->bitmask ? image->bitmask : every, mask_size },
        .jump_table = image->jump_table,
        .n_jump = image->n_jump,
        .endpoints = endpoints,
        .n_endpoints = n_entries,
        .mappings = image->mappings,
        .n_mappings = image->n_mappings,
        .pinned = image->pinned,
        .n_pinned = image->n_pinned,
        .initial = image->initial,
        .n_initial = image->n_initial,
    };
    uint64_t size = nub_image_wire_size(&spec);
    g_autofree uint8_t *wire = g_malloc(size);
    nub_image_encode(wire, &spec);
    return put(local, wire, size);
}

struct nub_hash
test_put_instance(struct nub_local *local, const struct nub_hash *image, uint64_t mem_size,
                  const struct nub_overlay *overlays, uint32_t n_overlays)
{
    struct nub_instance_spec spec = {
        .image = *image, .mem_size = mem_size, .overlays = overlays, .n_overlays = n_overlays
    };
    uint64_t size = nub_instance_wire_size(&spec);
    g_autofree uint8_t *wire = g_malloc(size);

    nub_instance_encode(wire, &spec);
    return put(local, wire, size);
}

uint32_t
test_emit(struct test_code *code, struct nub_insn insn)
{
    uint32_t pc = code->size;

    insn.pc = pc;
    code->mask[pc / 8] |= (uint8_t)(1u << pc % 8);
    code->size += nub_insn_encode(code->code + pc, &insn, 0);
    g_assert_cmpuint(code->size, >, pc);
    return pc;
}

struct nub_hash
test_put_program(struct nub_local *local, const struct test_code *code, uint64_t mem_size)
{
    struct test_image image = { .code = code->code,
                                .code_size = code->size,
                                .bitmask = code->mask };
    struct nub_hash hash = test_put_image(local, &image);

    return test_put_instance(local, &hash, mem_size, NULL, 0);
}

void *
test_session(struct nub_local *local, const struct nub_hash *instance, uint64_t a0, uint64_t a1)
{
    struct nub_failure failure = { .struct_size = sizeof failure };
    struct nub_session_args args = {
        .struct_size = sizeof args, .instance = *instance, .args = { a0, a1 }, .gas = 1000000000
    };
    void *session = NULL;

    nub_local_session_open(local, &args, &session, &failure);
    g_assert_cmpstr(failure.message, ==, "");
    return session;
}

struct nub_result
test_invoke(struct nub_local *local, const struct nub_hash *instance, uint64_t a0, uint64_t a1)
{
    struct nub_failure failure = { .struct_size = sizeof failure };
    struct nub_invoke_args args = {
        .struct_size = sizeof args, .instance = *instance, .args = { a0, a1 }, .gas = 1000000000
    };
    struct nub_result result = { .exit_reason = UINT32_MAX };

    nub_local_invoke_cached(local, &args, &result, &failure);
    g_assert_cmpstr(failure.message, ==, "");
    return result;
}
