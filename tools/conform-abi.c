/* conform-abi.c - runs the rules of docs/plugin-abi.md on a module
 *
 * The rules themselves are in conform-rules-load.c, -caps.c and -call.c; how backends are created
 * is in conform-host.c. A module that does nothing useful without options, and was given none, has
 * the rules about backends skipped, with its own reason.
 */
#include "conform-abi.h"

#include "failure.h"

#include <dlfcn.h>
#include <string.h>

enum nub_verdict
nub_abi_fail(struct nub_abi_fixture *fixture, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    g_autofree char *what = g_strdup_vprintf(format, args);
    va_end(args);
    return nub_conform_say(NUB_FAILED, fixture->message, "%s", what);
}

/* A backend may be as small as it likes; what needs a capability in it cannot be judged then. */
static enum nub_verdict
no_room(struct nub_abi_fixture *fixture)
{
    return nub_conform_say(NUB_SKIPPED, fixture->message, "the backend has no room (NO_SPACE)");
}

enum nub_verdict
nub_abi_check_status(struct nub_abi_fixture *fixture, const char *what, int32_t got,
                     int32_t expected)
{
    if (got == expected)
        return NUB_PASSED;
    if (got == NUB_ERR_NO_SPACE && expected == NUB_OK)
        return no_room(fixture);
    return nub_abi_fail(fixture, "%s answers %s, expected %s", what, nub_status_name(got),
                        nub_status_name(expected));
}

/* ---- options ------------------------------------------------------------------------------- */

static char *
scaled_value(const char *text, const char *const *units, const guint64 *factors)
{
    gsize digits = strspn(text, "0123456789");
    g_autofree char *number = g_strndup(text, digits);
    guint64 x;

    if (!digits || !g_ascii_string_to_unsigned(number, 10, 0, G_MAXUINT64, &x, NULL))
        return NULL;
    for (guint i = 0; units[i]; i++)
        if (strcmp(text + digits, units[i]) == 0 && x <= G_MAXUINT64 / factors[i])
            return g_strdup_printf("%" G_GUINT64_FORMAT, x * factors[i]);
    return NULL;
}

static bool
is_choice(const char *choices, const char *text)
{
    g_auto(GStrv) words = g_strsplit(choices, "|", -1);

    for (char **word = words; *word; word++)
        if (strcmp(g_strstrip(*word), text) == 0)
            return true;
    return false;
}

char *
nub_abi_option_value(const struct nub_option_desc *option, const char *text)
{
    static const char *const no_unit[] = { "", NULL };
    static const guint64 one[] = { 1 };
    static const char *const sizes[] = { "", "KiB", "MiB", "GiB", NULL };
    static const guint64 bytes[] = { 1, 1 << 10, 1 << 20, 1 << 30 };
    static const char *const times[] = { "ns", "us", "ms", "s", NULL };
    static const guint64 nanoseconds[] = { 1, 1000, 1000000, 1000000000 };

    switch (option->type) {
    case NUB_OPTION_STRING:
        return g_strdup(text);
    case NUB_OPTION_BOOL:
        return strcmp(text, "true") == 0 || strcmp(text, "false") == 0 ? g_strdup(text) : NULL;
    case NUB_OPTION_UINT:
        return scaled_value(text, no_unit, one);
    case NUB_OPTION_SIZE:
        return scaled_value(text, sizes, bytes);
    case NUB_OPTION_DURATION:
        return scaled_value(text, times, nanoseconds);
    case NUB_OPTION_CHOICE:
        return option->choices && is_choice(option->choices, text) ? g_strdup(text) : NULL;
    default:
        return NULL;
    }
}

/* ---- programs ------------------------------------------------------------------------------ */

GBytes *
nub_abi_image(enum nub_abi_program program)
{
    static const struct {
        guint8 code[8], size, mask;
    } programs[] = {
        [NUB_ABI_ADD] = { { 0xc8, 0x87, 0x07, 0x32, 0x00 }, 5, 0x09 }, /* add_64; jump_ind ra */
        [NUB_ABI_LOOP] = { { 0x28 }, 1, 0x01 },                        /* jump 0 */
        [NUB_ABI_CALL] = { { 0x0a, 0x07, 0x32, 0x00 }, 4, 0x05 },      /* ecalli 7; jump_ind ra */
    };
    g_autoptr(NubImageBuilder) builder = nub_image_builder_new(
        programs[program].code, programs[program].size, &programs[program].mask, 1);

    nub_image_builder_add_endpoint(builder, 0, NULL);
    g_autoptr(NubCap) image = nub_image_builder_build(builder, NULL);
    return g_bytes_ref(nub_cap_get_wire(image));
}

static enum nub_verdict
put_wire(struct nub_abi_fixture *fixture, void *backend, GBytes *wire, struct nub_hash *hash)
{
    struct nub_failure failure = { .struct_size = sizeof failure };
    struct nub_slice slice;
    gsize size;

    slice.data = g_bytes_get_data(wire, &size);
    slice.size = size;
    int32_t status = fixture->module.ops.put_cap(backend, slice, hash, &failure);
    if (status == NUB_OK)
        return NUB_PASSED;
    if (status == NUB_ERR_NO_SPACE)
        return no_room(fixture);
    return nub_abi_fail(fixture, "put_cap: %s: %.200s", nub_status_name(failure.code),
                        failure.message);
}

enum nub_verdict
nub_abi_publish(struct nub_abi_fixture *fixture, void *backend, enum nub_abi_program program,
                struct nub_hash *instance)
{
    g_autoptr(GBytes) image = nub_abi_image(program);
    struct nub_hash hash;
    enum nub_verdict verdict = put_wire(fixture, backend, image, &hash);

    if (verdict != NUB_PASSED)
        return verdict;
    g_autoptr(NubCap) cap = nub_cap_new_instance(&hash);
    return put_wire(fixture, backend, nub_cap_get_wire(cap), instance);
}

struct nub_invoke_args
nub_abi_add_args(const struct nub_hash *instance)
{
    return (struct nub_invoke_args){ .struct_size = sizeof(struct nub_invoke_args),
                                     .instance = *instance,
                                     .args = { 40, 2 },
                                     .gas = 1000 };
}

/* ---- a rule as a case ---------------------------------------------------------------------- */

static bool
has_function(const struct nub_backend_ops *ops, const char *function)
{
    /* What rules ask for; every other function is mandatory. */
    static const struct {
        const char *name;
        gsize offset;
    } optional[] = {
        { "put_cap_with_hash", offsetof(struct nub_backend_ops, put_cap_with_hash) },
        { "contains", offsetof(struct nub_backend_ops, contains) },
        { "get_cap", offsetof(struct nub_backend_ops, get_cap) },
        { "drop_cap", offsetof(struct nub_backend_ops, drop_cap) },
        { "invoke", offsetof(struct nub_backend_ops, invoke) },
        { "session_open", offsetof(struct nub_backend_ops, session_open) },
        { "session_commit", offsetof(struct nub_backend_ops, session_commit) },
        { "session_interrupt", offsetof(struct nub_backend_ops, session_interrupt) },
        { "heap_stats", offsetof(struct nub_backend_ops, heap_stats) },
        { "stats", offsetof(struct nub_backend_ops, stats) },
        { "evict", offsetof(struct nub_backend_ops, evict) },
        { "get_changes", offsetof(struct nub_backend_ops, get_changes) },
    };
    void (*pointer)(void) = NULL;

    for (guint i = 0; i < G_N_ELEMENTS(optional); i++)
        if (strcmp(optional[i].name, function) == 0)
            memcpy(&pointer, (const char *)ops + optional[i].offset, sizeof pointer);
    return pointer != NULL;
}

static enum nub_verdict
check_rule(struct nub_abi_fixture *fixture, const struct nub_abi_rule *rule)
{
    struct nub_failure failure = { .struct_size = sizeof failure };

    if (rule->function && !has_function(&fixture->module.ops, rule->function))
        return nub_conform_lacks(fixture->message, rule->function);
    if (!rule->wants_backend)
        return rule->check(fixture);
    struct nub_create_args args = nub_abi_create_args(fixture);
    if (nub_abi_create(fixture, &args, &fixture->backend, &failure) != NUB_OK)
        return nub_conform_say(NUB_SKIPPED, fixture->message,
                               "it cannot be created with these options: %.200s", failure.message);
    enum nub_verdict verdict = rule->check(fixture);
    nub_abi_destroy(fixture, fixture->backend);
    return verdict;
}

static enum nub_verdict
run_rule(const struct nub_conform_case *self, const struct nub_conform_target *target,
         char **message)
{
    struct nub_abi_fixture fixture = { .message = message };
    enum nub_verdict verdict;

    if (!nub_abi_fixture_init(&fixture, target))
        return nub_abi_fail(&fixture, "%s", dlerror());
    verdict = check_rule(&fixture, self->rule);
    nub_abi_fixture_clear(&fixture);
    return verdict;
}

void
nub_conform_add_rules(GArray *cases)
{
    const struct nub_abi_rule *const tables[] = { nub_abi_rules_loading, nub_abi_rules_caps,
                                                  nub_abi_rules_calling };

    for (guint i = 0; i < G_N_ELEMENTS(tables); i++)
        for (const struct nub_abi_rule *rule = tables[i]; rule->name; rule++) {
            struct nub_conform_case new_case = { .run = run_rule, .rule = rule };
            new_case.name = g_strdup(rule->name);
            g_array_append_val(cases, new_case);
        }
}
