/* cc.c - runs clang and ld.lld in a directory of its own
 *
 * What the compiler prints goes to the caller's stderr unchanged, warnings included. Nothing is
 * left behind. The tools are found by name: clang-19 and ld.lld-19, or what NUB_CLANG and NUB_LLD
 * name.
 */
#include "cc.h"

#include <glib/gstdio.h>
#include <string.h>

G_DEFINE_QUARK(nub - cc - error - quark, nub_cc_error)

const char *const nub_cc_target_flags[] = {
    "--target=riscv64-unknown-elf",
    "-march=rv64emac_zba_zbb_zbs_zicond",
    "-mabi=lp64e",
    "-mcmodel=medlow",
    "-mno-relax",
    "-mno-strict-align", /* any address is as good as another here */
    "-fno-pic",
    "-fvisibility=hidden",
    "-ffunction-sections",
    "-fdata-sections",
    "-fno-asynchronous-unwind-tables",
    "-fno-stack-protector",
    "-gline-tables-only",
    "-mllvm", /* what clang unrolls for x86-64: what runs a program in the end */
    "-partial-unrolling-threshold=28",
    NULL,
};

const char *const nub_cc_link_flags[] = {
    "-static",
    "--emit-relocs",
    "--gc-sections",
    "--no-relax",
    "-z",
    "max-page-size=4096",
    "-z",
    "keep-text-section-prefix",
    NULL,
};

static const char *const runtime_sources[] = {
    "crt0.c", "heap.c", "mem.c", "int128.c", "soft-float.c", "soft-double.c", "soft-quad.c", NULL
};

/* what one build needs on its way */
struct build {
    const NubCcOptions *options;
    char *clang, *lld, *sdk;
    char *sysroot;   /* of the C library; NULL: a freestanding program */
    char *directory; /* temporary */
    GPtrArray *objects;
};

static char *
find_tool(const char *variable, const char *name, const char *package, GError **error)
{
    const char *chosen = g_getenv(variable);
    char *path = g_find_program_in_path(chosen ? chosen : name);

    if (!path)
        g_set_error(error, NUB_CC_ERROR, NUB_CC_ERROR_MISSING,
                    "%s is not installed (Debian package %s; %s can name another)",
                    chosen ? chosen : name, package, variable);
    return path;
}

/* where nub-guest.h is: NUB_SDK, the source tree this was built from, or where it was installed */
static char *
find_sdk(GError **error)
{
    const char *const places[] = { g_getenv("NUB_SDK"), NUB_SDK_SOURCE, NUB_SDK_INSTALLED };

    for (guint i = 0; i < G_N_ELEMENTS(places); i++) {
        g_autofree char *header =
            places[i] ? g_build_filename(places[i], "include", "nub-guest.h", NULL) : NULL;
        if (header && g_file_test(header, G_FILE_TEST_IS_REGULAR))
            return g_strdup(places[i]);
    }
    g_set_error(error, NUB_CC_ERROR, NUB_CC_ERROR_MISSING,
                "the SDK (nub-guest.h) is nowhere: set NUB_SDK to its directory");
    return NULL;
}

/* where the C library is: NUB_SYSROOT, this build tree, or where it was installed */
static gboolean
find_sysroot(struct build *b, GError **error)
{
    const char *const places[] = { g_getenv("NUB_SYSROOT"), NUB_SYSROOT_BUILT,
                                   NUB_SYSROOT_INSTALLED };

    if (!b->options->libc)
        return TRUE;
    for (guint i = 0; i < G_N_ELEMENTS(places); i++) {
        g_autofree char *archive =
            places[i] ? g_build_filename(places[i], "lib", "libc.a", NULL) : NULL;
        if (archive && g_file_test(archive, G_FILE_TEST_IS_REGULAR)) {
            b->sysroot = g_strdup(places[i]);
            return TRUE;
        }
    }
    g_set_error(error, NUB_CC_ERROR, NUB_CC_ERROR_MISSING,
                "the C library is nowhere: './dev libc' in nub's source tree builds it, and "
                "NUB_SYSROOT names a directory that has it");
    return FALSE;
}

static void
add_all(GPtrArray *argv, const char *const *words)
{
    for (; words && *words; words++)
        g_ptr_array_add(argv, g_strdup(*words));
}

static void
add_system_headers(GPtrArray *argv, const char *directory)
{
    g_ptr_array_add(argv, g_strdup("-isystem"));
    g_ptr_array_add(argv, g_build_filename(directory, "include", NULL));
}

/* runs it; its output goes where ours goes */
static gboolean
run(GPtrArray *argv, GError **error)
{
    int status;

    g_ptr_array_add(argv, NULL);
    if (!g_spawn_sync(NULL, (char **)argv->pdata, NULL, G_SPAWN_CHILD_INHERITS_STDIN, NULL, NULL,
                      NULL, NULL, &status, error))
        return FALSE;
    if (g_spawn_check_wait_status(status, NULL))
        return TRUE;
    g_set_error(error, NUB_CC_ERROR, NUB_CC_ERROR_FAILED, "%s failed", (char *)argv->pdata[0]);
    return FALSE;
}

/* sysroot: of the C library, when the source is written for it */
static gboolean
compile(struct build *b, const char *source, const char *sysroot, const char *const *flags,
        GError **error)
{
    g_autoptr(GPtrArray) argv = g_ptr_array_new_with_free_func(g_free);
    g_autofree char *name = g_strdup_printf("%u.o", b->objects->len);
    char *object = g_build_filename(b->directory, name, NULL);

    g_ptr_array_add(b->objects, object);
    g_ptr_array_add(argv, g_strdup(b->clang));
    g_ptr_array_add(argv, g_strdup("--start-no-unused-arguments")); /* assembly wants few of them */
    add_all(argv, nub_cc_target_flags);
    g_ptr_array_add(argv, g_strdup(sysroot ? "-fhosted" : "-ffreestanding"));
    g_ptr_array_add(argv, g_strdup("-nostdlibinc"));
    add_system_headers(argv, b->sdk);
    if (sysroot)
        add_system_headers(argv, sysroot);
    g_ptr_array_add(argv, g_strdup("-O2"));
    g_ptr_array_add(argv, g_strdup("--end-no-unused-arguments"));
    add_all(argv, flags);
    g_ptr_array_add(argv, g_strdup("-c"));
    g_ptr_array_add(argv, g_strdup(source));
    g_ptr_array_add(argv, g_strdup("-o"));
    g_ptr_array_add(argv, g_strdup(object));
    return run(argv, error);
}

static gboolean
is_source(const char *input)
{
    return g_str_has_suffix(input, ".c") || g_str_has_suffix(input, ".s") ||
           g_str_has_suffix(input, ".S");
}

static gboolean
compile_inputs(struct build *b, GError **error)
{
    for (const char *const *input = b->options->inputs; *input; input++) {
        if (!is_source(*input))
            g_ptr_array_add(b->objects, g_strdup(*input));
        else if (!compile(b, *input, b->sysroot, b->options->flags, error))
            return FALSE;
    }
    return TRUE;
}

/* the runtime's flags: what it defines must not become calls of itself */
static gboolean
compile_runtime(struct build *b, GError **error)
{
    static const char *const flags[] = { "-fno-builtin", NULL };

    for (const char *const *source = runtime_sources; *source; source++) {
        g_autofree char *path = g_build_filename(b->sdk, "rt", *source, NULL);
        if (!compile(b, path, NULL, flags, error))
            return FALSE;
    }
    return TRUE;
}

/* the C library comes before the runtime, whose crt0 it replaces; the runtime goes in as an archive
 * would: between --start-lib and --end-lib, taken where needed */
static GBytes *
link_objects(struct build *b, guint n_inputs, GError **error)
{
    g_autoptr(GPtrArray) argv = g_ptr_array_new_with_free_func(g_free);
    g_autofree char *elf = g_build_filename(b->directory, "program.elf", NULL);
    char *bytes;
    gsize size;

    g_ptr_array_add(argv, g_strdup(b->lld));
    add_all(argv, nub_cc_link_flags);
    for (const char *const *name = b->options->exports; name && *name; name++)
        g_ptr_array_add(argv, g_strconcat("--undefined=", *name, NULL));
    for (guint i = 0; i < b->objects->len; i++) {
        if (i == n_inputs) {
            if (b->sysroot)
                g_ptr_array_add(argv, g_build_filename(b->sysroot, "lib", "libc.a", NULL));
            g_ptr_array_add(argv, g_strdup("--start-lib"));
        }
        g_ptr_array_add(argv, g_strdup(b->objects->pdata[i]));
    }
    g_ptr_array_add(argv, g_strdup("--end-lib"));
    g_ptr_array_add(argv, g_strdup("-o"));
    g_ptr_array_add(argv, g_strdup(elf));
    if (!run(argv, error) || !g_file_get_contents(elf, &bytes, &size, error))
        return NULL;
    g_unlink(elf);
    return g_bytes_new_take(bytes, size);
}

static void
clean(struct build *b)
{
    for (guint i = 0; i < b->objects->len; i++)
        if (b->directory && g_str_has_prefix(b->objects->pdata[i], b->directory))
            g_unlink(b->objects->pdata[i]);
    if (b->directory)
        g_rmdir(b->directory);
    g_ptr_array_unref(b->objects);
    g_free(b->directory);
    g_free(b->clang);
    g_free(b->lld);
    g_free(b->sdk);
    g_free(b->sysroot);
}

GBytes *
nub_cc_build(const NubCcOptions *options, GError **error)
{
    struct build b = { .options = options, .objects = g_ptr_array_new_with_free_func(g_free) };
    GBytes *elf = NULL;

    if ((b.clang = find_tool("NUB_CLANG", "clang-19", "clang-19", error)) &&
        (b.lld = find_tool("NUB_LLD", "ld.lld-19", "lld-19", error)) && (b.sdk = find_sdk(error)) &&
        find_sysroot(&b, error) && (b.directory = g_dir_make_tmp("nub-cc-XXXXXX", error)) &&
        compile_inputs(&b, error)) {
        guint n_inputs = b.objects->len;
        if (compile_runtime(&b, error))
            elf = link_objects(&b, n_inputs, error);
    }
    clean(&b);
    return elf;
}
