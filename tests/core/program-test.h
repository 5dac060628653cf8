/* program-test.h - tiny programs, published on the local backend of this build tree */
#ifndef NUB_PROGRAM_TEST_H
#define NUB_PROGRAM_TEST_H

#include "core-test.h"

typedef struct {
    const guint8 *code;
    gsize size;
    guint8 bitmask;
} NubTestProgram;

#define NUB_TEST_PROGRAM(bitmask_, ...) { (const guint8[]){ __VA_ARGS__ }, sizeof((const guint8[]){ __VA_ARGS__ }), bitmask_ }

/** jump_ind phi0: returns at once. */
static const NubTestProgram nub_test_returns = NUB_TEST_PROGRAM(0x01, 0x32, 0x00);
/** jump 0: never ends. */
static const NubTestProgram nub_test_loops = NUB_TEST_PROGRAM(0x01, 0x28);
/** ecalli 5, then returns. */
static const NubTestProgram nub_test_calls_host = NUB_TEST_PROGRAM(0x05, 0x0a, 0x05, 0x32, 0x00);
/** store_u8 phi7 to 0x10000, then returns. */
static const NubTestProgram nub_test_stores = NUB_TEST_PROGRAM(0x21, 0x3b, 0x07, 0x00, 0x00, 0x01, 0x32, 0x00);

/**
 * The local backend, found by libnub itself, with a kernel of its own. Memory is checked rather than
 * guarded, so that valgrind can run the tests of core.
 */
static inline NubKernel *
nub_test_local(void)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(NubRegistry) registry = nub_registry_new_from_data(
        "version: 1\n"
        "backends: [ { name: local, module: nub-local, options: { memory: checked } } ]",
        NULL, &error);
    NubKernel *kernel;

    g_assert_no_error(error);
    kernel = nub_registry_open_private(registry, "local", NUB_GAS_INSTRUCTION, 0, &error);
    g_assert_no_error(error);
    return kernel;
}

/** Image and Instance, with one page of memory at 0x10000. */
static inline NubBundle *
nub_test_program_bundle(const NubTestProgram *program)
{
    g_autoptr(NubImageBuilder) builder =
        nub_image_builder_new(program->code, program->size, &program->bitmask, 1);
    g_autoptr(GError) error = NULL;
    g_autoptr(NubCap) image = NULL;
    g_autoptr(NubCap) instance = NULL;
    NubBundle *bundle = nub_bundle_new();
    NubHash hash;

    nub_image_builder_add_endpoint(builder, 0, NULL);
    nub_image_builder_add_mapping(builder, 0x10000, 0x1000, NULL, 0);
    image = nub_image_builder_build(builder, &error);
    g_assert_no_error(error);
    nub_cap_get_hash(image, &hash);
    instance = nub_cap_new_instance(&hash);
    nub_bundle_add(bundle, image);
    nub_bundle_add(bundle, instance);
    return bundle;
}

/** Publishes it and gives the Instance's hash. */
static inline NubHash
nub_test_publish(NubKernel *kernel, const NubTestProgram *program)
{
    g_autoptr(NubBundle) bundle = nub_test_program_bundle(program);
    g_autoptr(GError) error = NULL;
    NubHash instance;

    g_assert_true(nub_kernel_put_bundle(kernel, bundle, &instance, &error));
    g_assert_no_error(error);
    return instance;
}

#endif
