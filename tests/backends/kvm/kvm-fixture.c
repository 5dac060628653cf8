/* kvm-fixture.c - a kvm backend opened through its table of functions, and programs for it */
#include "kvm-fixture.h"

const struct program program_empty = { { 0x32, 0x00 }, { 0x01 }, 2 };
const struct program program_endless = { { 0x28, 0x00 }, { 0x01 }, 2 };
const struct program program_count = {
    { 0x3a, 0x08, 0x00, 0x00, 0x01, 0x00, /*  0 load_u64 phi8 = [0x10000] */
      0x95, 0x88, 0x01,                   /*  6 add_imm_64 phi8 = phi8 + 1 */
      0x3e, 0x08, 0x00, 0x00, 0x01, 0x00, /*  9 store_u64 [0x10000] = phi8 */
      0x64, 0x87,                         /* 15 move_reg phi7 = phi8 */
      0x32, 0x00 },                       /* 17 jump_ind phi0 */
    { 0x41, 0x82, 0x02 },
    19
};
const struct program program_touch = { { 0x33, 0x09, 0x01, /*  0 load_imm phi9 = 1 */
                                         0x01,             /*  3 fallthrough */
                                         0xae, 0x87, 0x0e, /*  4 branch_ge_u phi7 >= phi8 -> 18 */
                                         0x78, 0x79,       /*  7 store_ind_u8 [phi7] = phi9 */
                                         0x95, 0x77, 0x00,
                                         0x10,             /*  9 add_imm_64 phi7 = phi7 + 4096 */
                                         0x28, 0xf7,       /* 13 jump -> 4 */
                                         0x01, 0x01, 0x01, /* 15 fallthrough */
                                         0x32, 0x00 },     /* 18 jump_ind phi0 */
                                       { 0x99, 0xa2, 0x07 },
                                       20 };

const struct program program_add = { { 0x82, 0x79, 0x00, 0xc8, 0x89, 0x09, 0x7b, 0x79, 0x00, 0x64,
                                       0x97, 0x32, 0x00 },
                                     { 0x49, 0x0a },
                                     13 };

unsigned fixture_warnings;

static void
on_log(void *ctx, uint32_t level, const char *message)
{
    (void)ctx;
    g_assert_nonnull(message);
    if (level <= NUB_LOG_WARNING)
        __atomic_add_fetch(&fixture_warnings, 1, __ATOMIC_RELAXED);
}

enum nub_status
fixture_try_open(struct fixture *f, const struct nub_option *options, uint32_t n)
{
    struct nub_option all[16] = { { "guest-image", KVM_TEST_IMAGE }, { "watchdog", "2000000000" } };
    static const struct nub_host host = { .struct_size = sizeof host, .log = on_log };
    const struct nub_create_args args = { .struct_size = sizeof args,
                                          .host = &host,
                                          .gas_model = NUB_GAS_PIPELINE,
                                          .mem_cycles = 25,
                                          .n_options = n + 2,
                                          .options = all,
                                          .name = "kvm" };

    /* The first of a name counts. */
    memmove(all + n, all, 2 * sizeof all[0]);
    if (n > 0)
        memcpy(all, options, n * sizeof all[0]);
    *f = (struct fixture){ .ops = nub_kvm_plugin.ops,
                           .failure = { .struct_size = sizeof f->failure } };
    enum nub_status status = (enum nub_status)f->ops->create(&args, &f->backend, &f->failure);
    f->kvm = f->backend;
    return status;
}

void
fixture_open(struct fixture *f, const struct nub_option *options, uint32_t n)
{
    assert_ok(fixture_try_open(f, options, n), f->failure);
}

void
fixture_close(struct fixture *f)
{
    f->ops->destroy(f->backend);
}

struct nub_hash
fixture_put(struct fixture *f, const uint8_t *wire, uint64_t size)
{
    struct nub_hash hash;

    assert_ok(f->ops->put_cap(f->backend, (struct nub_slice){ wire, size }, &hash, &f->failure),
              f->failure);
    return hash;
}

static struct nub_hash
put_instance(struct fixture *f, const struct nub_image_spec *image, uint64_t mem_size)
{
    uint64_t size = nub_image_wire_size(image);
    g_autofree uint8_t *image_wire = g_malloc(size);
    g_autofree uint8_t *wire = NULL;

    nub_image_encode(image_wire, image);
    const struct nub_instance_spec instance = { .image = fixture_put(f, image_wire, size),
                                                .mem_size = mem_size };
    size = nub_instance_wire_size(&instance);
    wire = g_malloc(size);
    nub_instance_encode(wire, &instance);
    return fixture_put(f, wire, size);
}

struct nub_hash
fixture_put_program(struct fixture *f, const struct program *program, uint64_t mem_size)
{
    const struct nub_endpoint endpoint = { .initial_regs = { NUB_HALT_ADDRESS } };
    const struct nub_image_spec image = { .code = { program->code, program->size },
                                          .bitmask = { program->mask, (program->size + 7) / 8 },
                                          .endpoints = &endpoint,
                                          .n_endpoints = 1 };

    return put_instance(f, &image, mem_size);
}

struct nub_hash
fixture_put_data_program(struct fixture *f, const struct program *program, const uint8_t *content,
                         uint64_t size)
{
    uint64_t wire_size = nub_data_wire_size(size);
    g_autofree uint8_t *wire = g_malloc(wire_size);

    nub_data_encode(wire, (struct nub_slice){ content, size });
    const struct nub_slot_entry initial = { .slot = 0, .cap = fixture_put(f, wire, wire_size) };
    const struct nub_mapping mapping = { .start = 0, .size = size, .n_source = 1, .source = { 0 } };
    const struct nub_endpoint endpoint = { .initial_regs = { NUB_HALT_ADDRESS } };
    const struct nub_image_spec image = { .code = { program->code, program->size },
                                          .bitmask = { program->mask, (program->size + 7) / 8 },
                                          .endpoints = &endpoint,
                                          .n_endpoints = 1,
                                          .mappings = &mapping,
                                          .n_mappings = 1,
                                          .initial = &initial,
                                          .n_initial = 1 };

    return put_instance(f, &image, 0);
}

enum nub_status
fixture_invoke(struct fixture *f, const struct nub_hash *instance, const uint64_t args[4],
               uint64_t gas, struct nub_result *result)
{
    static const uint64_t none[4];
    struct nub_invoke_args call = { .struct_size = sizeof call, .instance = *instance, .gas = gas };

    memcpy(call.args, args ? args : none, sizeof call.args);
    return (enum nub_status)f->ops->invoke_cached(f->backend, &call, result, &f->failure);
}

struct nub_hash
fixture_put_large(struct fixture *f, uint64_t n_pages)
{
    const struct nub_hash empty = fixture_put_program(f, &program_add, 0);
    g_autofree uint8_t *bytes = g_malloc(n_pages * NUB_PAGE_SIZE);
    struct nub_bytes of_empty;
    struct nub_cap cap;

    assert_ok(f->ops->get_cap(f->backend, &empty, &of_empty, &f->failure), f->failure);
    assert_ok(nub_cap_decode(&cap, (struct nub_slice){ of_empty.data, of_empty.size }, &f->failure),
              f->failure);
    memset(bytes, 3, n_pages * NUB_PAGE_SIZE);
    const struct nub_overlay overlay = { .start = FIXTURE_LARGE_START,
                                         .bytes = { bytes, n_pages * NUB_PAGE_SIZE } };
    const struct nub_instance_spec spec = { .image = *cap.u.instance.image,
                                            .overlays = &overlay,
                                            .n_overlays = 1 };
    of_empty.release(&of_empty);
    g_autofree uint8_t *wire = g_malloc(nub_instance_wire_size(&spec));
    nub_instance_encode(wire, &spec);
    return fixture_put(f, wire, nub_instance_wire_size(&spec));
}

static uint64_t sought;
static const char *sought_name;

static void
seek(void *ctx, const char *name, uint64_t value)
{
    (void)ctx;
    if (strcmp(name, sought_name) == 0)
        sought = value;
}

uint64_t
fixture_counter(struct fixture *f, const char *name)
{
    sought = UINT64_MAX;
    sought_name = name;
    assert_ok(f->ops->stats(f->backend, seek, NULL, &f->failure), f->failure);
    g_assert_cmpuint(sought, !=, UINT64_MAX);
    return sought;
}
