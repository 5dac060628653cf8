/* state-test.c - example programs on kernels of this build tree, for tests about state
 *
 * Programs are compiled by the compiler that users have, once in a process. What this machine
 * cannot do is skipped visibly; nothing is left out silently.
 */
#include "state-test.h"

#include "cc.h"
#include "link.h"

#include <glib/gstdio.h>
#include <string.h>

static gboolean soak;

void
state_init(int *argc, char ***argv)
{
    if (*argc > 1 && strcmp((*argv)[1], "--soak") == 0) {
        soak = TRUE;
        (*argv)[1] = (*argv)[0];
        (*argv)++;
        (*argc)--;
    }
    g_test_init(argc, argv, NULL);
}

guint
state_times(guint usual, guint soaking)
{
    return soak ? soaking : usual;
}

/* ---- kernels ------------------------------------------------------------------------------- */

NubRegistry *
state_registry(const char *backends, const char *store_dir)
{
    g_autofree char *store =
        store_dir ? g_strdup_printf("store: { module: nub-store-lmdb, options: { path: %s/store, "
                                    "map-size: 1GiB } }\n",
                                    store_dir)
                  : g_strdup("");
    g_autofree char *yaml =
        g_strdup_printf("version: 1\nplugin-path: [ %s/modules ]\n%sbackends: [ %s ]\n",
                        NUB_BUILD_DIR, store, backends);
    g_autoptr(GError) error = NULL;
    NubRegistry *registry = nub_registry_new_from_data(yaml, NULL, &error);

    g_assert_no_error(error);
    return registry;
}

NubKernel *
state_open(const char *backend)
{
    g_autofree char *entry =
        g_strdup_printf("{ name: %s, module: nub-%s, required: false }", backend, backend);
    g_autoptr(NubRegistry) registry = state_registry(entry, NULL);
    g_autoptr(GError) error = NULL;
    NubKernel *kernel = nub_registry_open_private(registry, backend, NUB_GAS_PIPELINE, 0, &error);

    if (kernel)
        return kernel;
    /* there is but one reason not to open: the machine */
    g_assert_cmpstr(backend, !=, "local");
    if (strcmp(backend, "kvm") == 0 && g_strcmp0(g_getenv("NUB_REQUIRE_KVM"), "1") == 0)
        g_error("NUB_REQUIRE_KVM is set and kvm does not open: %s", error->message);
    g_test_skip(error->message);
    return NULL;
}

/* ---- programs ------------------------------------------------------------------------------ */

static StateProgram *
build(const char *name)
{
    g_autofree char *path = g_strdup_printf("%s/examples/%s.c", NUB_SOURCE_DIR, name);
    const char *const inputs[] = { path, NULL };
    NubCcOptions options = { .inputs = inputs };
    g_autoptr(GPtrArray) messages = g_ptr_array_new_with_free_func(g_free);
    g_auto(NubLinkOutput) output = { 0 };
    g_autoptr(GError) error = NULL;
    g_autoptr(GBytes) elf = nub_cc_build(&options, &error);
    gsize size;

    g_assert_no_error(error);
    const guint8 *bytes = g_bytes_get_data(elf, &size);
    g_assert_true(nub_link_elf(bytes, size, NULL, &output, messages));
    StateProgram *program = g_new0(StateProgram, 1);
    program->bundle = nub_bundle_new_from_bytes(output.bundle, &error);
    g_assert_no_error(error);
    program->endpoints = g_steal_pointer(&output.endpoints);
    return program;
}

const StateProgram *
state_program(const char *name)
{
    static GHashTable *programs;
    g_autofree char *clang = g_find_program_in_path("clang-19");
    g_autofree char *lld = g_find_program_in_path("ld.lld-19");

    if (!clang || !lld) {
        g_test_skip("clang-19 and lld-19 are not installed");
        return NULL;
    }
    if (!programs)
        programs = g_hash_table_new(g_str_hash, g_str_equal);
    StateProgram *program = g_hash_table_lookup(programs, name);
    if (!program) {
        program = build(name);
        g_hash_table_insert(programs, (gpointer)g_intern_string(name), program);
    }
    return program;
}

guint32
state_endpoint(const StateProgram *program, const char *name)
{
    for (guint32 i = 0; program->endpoints[i]; i++) {
        if (strcmp(program->endpoints[i], name) == 0)
            return i;
    }
    g_error("no endpoint %s", name);
}

NubHash
state_publish(NubKernel *kernel, const StateProgram *program)
{
    g_autoptr(GError) error = NULL;
    NubHash instance;

    nub_kernel_put_bundle(kernel, program->bundle, &instance, &error);
    g_assert_no_error(error);
    return instance;
}

NubHash
state_publish_code(NubKernel *kernel, const guint8 *code, gsize size, const guint8 *bitmask,
                   guint64 start, guint64 bytes)
{
    const guint64 regs[NUB_N_REGS] = { NUB_HALT_ADDRESS };
    g_autoptr(NubImageBuilder) builder = nub_image_builder_new(code, size, bitmask, (size + 7) / 8);
    g_autoptr(GError) error = NULL;
    NubHash hash;

    nub_image_builder_add_endpoint(builder, 0, regs);
    nub_image_builder_add_mapping(builder, start, bytes, NULL, 0);
    g_autoptr(NubCap) image = nub_image_builder_build(builder, &error);
    g_assert_no_error(error);
    nub_kernel_put_cap(kernel, image, &hash, &error);
    g_assert_no_error(error);
    g_autoptr(NubCap) instance = nub_cap_new_instance(&hash);
    nub_kernel_put_cap(kernel, instance, &hash, &error);
    g_assert_no_error(error);
    return hash;
}

/* ---- processes and files ------------------------------------------------------------------- */

GSubprocess *
state_child(const char *word, const char *other)
{
    g_autoptr(GError) error = NULL;
    GSubprocess *child = g_subprocess_new(G_SUBPROCESS_FLAGS_STDOUT_PIPE, &error, "/proc/self/exe",
                                          "--child", word, other, NULL);

    g_assert_no_error(error);
    return child;
}

void
state_remove_folder(const char *folder)
{
    g_autoptr(GDir) dir = g_dir_open(folder, 0, NULL);
    const char *name;

    while ((name = g_dir_read_name(dir))) {
        g_autofree char *path = g_build_filename(folder, name, NULL);
        if (g_file_test(path, G_FILE_TEST_IS_DIR))
            state_remove_folder(path);
        else
            g_assert_cmpint(g_unlink(path), ==, 0);
    }
    g_assert_cmpint(g_rmdir(folder), ==, 0);
}
