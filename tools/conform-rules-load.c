/* conform-rules-load.c - rules of docs/plugin-abi.md about what a module says of itself, about
 * creating backends and about failures
 *
 * Rules that the loader enforces (NP-01 to NP-04) are not here: a module that breaks one cannot
 * be named as a backend.
 */
#include "conform-abi.h"

#include "failure.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* ---- what a module says of itself ---------------------------------------------------------- */

static enum nub_verdict
entry_is_constant(struct nub_abi_fixture *fixture)
{
    return fixture->module.entry() == fixture->module.plugin
               ? NUB_PASSED
               : nub_abi_fail(fixture, "two calls of %s answer two structs", NUB_PLUGIN_ENTRY);
}

static bool
is_name(const char *text)
{
    return text && g_ascii_islower(*text) &&
           strspn(text, "abcdefghijklmnopqrstuvwxyz0123456789-") == strlen(text);
}

static bool
is_line(const char *text)
{
    return text && *text && !strpbrk(text, "\r\n") && g_utf8_validate(text, -1, NULL);
}

static enum nub_verdict
strings_are_lines(struct nub_abi_fixture *fixture)
{
    const struct nub_plugin *plugin = fixture->module.plugin;

    if (!is_name(plugin->name))
        return nub_abi_fail(fixture, "the name is not [a-z][a-z0-9-]*");
    if (!is_line(plugin->version))
        return nub_abi_fail(fixture, "the version is not one line of text");
    if (!is_line(plugin->summary))
        return nub_abi_fail(fixture, "the summary is not one line of text");
    return NUB_PASSED;
}

static enum nub_verdict
option_is_sound(struct nub_abi_fixture *fixture, const struct nub_option_desc *option)
{
    if (!is_name(option->name))
        return nub_abi_fail(fixture, "an option's name is not [a-z][a-z0-9-]*");
    if (option->type > NUB_OPTION_CHOICE || option->reserved != 0)
        return nub_abi_fail(fixture, "option '%s': unknown type or nonzero reserved field",
                            option->name);
    if ((option->type == NUB_OPTION_CHOICE) != (option->choices != NULL))
        return nub_abi_fail(fixture, "option '%s': choices go with the type CHOICE", option->name);
    if (!is_line(option->summary))
        return nub_abi_fail(fixture, "option '%s': the summary is not one line of text",
                            option->name);
    if (!option->default_value)
        return NUB_PASSED;
    g_autofree char *value = nub_abi_option_value(option, option->default_value);
    if (!value)
        return nub_abi_fail(fixture, "option '%s': the default '%s' is not of its type",
                            option->name, option->default_value);
    return NUB_PASSED;
}

static enum nub_verdict
options_are_sound(struct nub_abi_fixture *fixture)
{
    const struct nub_plugin *plugin = fixture->module.plugin;
    g_autoptr(GHashTable) names = g_hash_table_new(g_str_hash, g_str_equal);
    enum nub_verdict verdict = NUB_PASSED;

    for (guint64 i = 0; i < plugin->n_options && verdict == NUB_PASSED; i++) {
        verdict = option_is_sound(fixture, &plugin->options[i]);
        if (verdict == NUB_PASSED && !g_hash_table_add(names, (gpointer)plugin->options[i].name))
            verdict = nub_abi_fail(fixture, "option '%s' is there twice", plugin->options[i].name);
    }
    return verdict;
}

static enum nub_verdict
session_is_whole(struct nub_abi_fixture *fixture)
{
    const struct nub_backend_ops *ops = &fixture->module.ops;
    const struct {
        const char *name;
        bool is_there;
    } parts[] = {
        { "session_run", ops->session_run },
        { "session_get_regs", ops->session_get_regs },
        { "session_set_regs", ops->session_set_regs },
        { "session_get_pc", ops->session_get_pc },
        { "session_set_pc", ops->session_set_pc },
        { "session_get_gas", ops->session_get_gas },
        { "session_set_gas", ops->session_set_gas },
        { "session_read", ops->session_read },
        { "session_write", ops->session_write },
        { "session_map", ops->session_map },
        { "session_close", ops->session_close },
    };

    for (guint i = 0; i < G_N_ELEMENTS(parts); i++)
        if (parts[i].is_there != (ops->session_open != NULL))
            return nub_abi_fail(fixture, "%s without %s",
                                ops->session_open ? "session_open" : parts[i].name,
                                ops->session_open ? parts[i].name : "session_open");
    return NUB_PASSED;
}

static enum nub_verdict
features_are_zero(struct nub_abi_fixture *fixture)
{
    return fixture->module.ops.features == 0
               ? NUB_PASSED
               : nub_abi_fail(fixture, "features is 0x%x, and no bit is defined",
                              fixture->module.ops.features);
}

/* ---- creating and destroying --------------------------------------------------------------- */

static enum nub_verdict
create_succeeds(struct nub_abi_fixture *fixture)
{
    return fixture->backend ? NUB_PASSED
                            : nub_abi_fail(fixture, "create answers OK and sets no backend");
}

static enum nub_verdict
create_with(struct nub_abi_fixture *fixture, const char *what, const struct nub_create_args *args)
{
    struct nub_failure failure = { .struct_size = sizeof failure };
    void *backend;
    int32_t status = nub_abi_create(fixture, args, &backend, &failure);

    if (status != NUB_OK)
        return nub_abi_fail(fixture, "%s: create answers %s: %.200s", what, nub_status_name(status),
                            failure.message);
    nub_abi_destroy(fixture, backend);
    return NUB_PASSED;
}

/* A newer host's structs are longer, an older host's may be shorter: by one service here. */
static enum nub_verdict
create_heeds_sizes(struct nub_abi_fixture *fixture)
{
    struct {
        struct nub_create_args args;
        uint8_t tail[64];
    } longer = { .args = nub_abi_create_args(fixture) };
    struct {
        struct nub_host host;
        uint8_t tail[64];
    } longer_host = { .host = fixture->host };
    struct nub_host shorter_host = fixture->host;
    enum nub_verdict verdict;

    memset(longer.tail, 0xff, sizeof longer.tail);
    memset(longer_host.tail, 0xff, sizeof longer_host.tail);
    longer.args.struct_size = sizeof longer;
    longer_host.host.struct_size = sizeof longer_host;
    longer.args.host = &longer_host.host;
    verdict = create_with(fixture, "longer structs", &longer.args);
    shorter_host.struct_size = offsetof(struct nub_host, fetch_cap);
    memset((char *)&shorter_host + shorter_host.struct_size, 0xff,
           sizeof shorter_host - shorter_host.struct_size);
    longer.args.host = &shorter_host;
    return verdict == NUB_PASSED ? create_with(fixture, "a host without fetch_cap", &longer.args)
                                 : verdict;
}

static enum nub_verdict
backends_are_independent(struct nub_abi_fixture *fixture)
{
    struct nub_create_args create_args = nub_abi_create_args(fixture);
    void *other;
    struct nub_hash instance;
    struct nub_result result;
    enum nub_verdict verdict;

    if (nub_abi_create(fixture, &create_args, &other, NULL) != NUB_OK)
        return nub_abi_fail(fixture, "a second backend cannot be created beside the first");
    verdict = nub_abi_publish(fixture, fixture->backend, NUB_ABI_ADD, &instance);
    if (verdict == NUB_PASSED) {
        struct nub_invoke_args args = nub_abi_add_args(&instance);
        verdict = nub_abi_check_status(
            fixture, "invoke_cached of what only another backend has",
            fixture->module.ops.invoke_cached(other, &args, &result, NULL), NUB_ERR_NOT_PUBLISHED);
    }
    nub_abi_destroy(fixture, other);
    return verdict;
}

static guint
count_files(void)
{
    g_autoptr(GDir) dir = g_dir_open("/proc/self/fd", 0, NULL);
    guint n = 0;

    while (dir && g_dir_read_name(dir))
        n++;
    return n;
}

/* The first backend may leave what the module keeps for the process; the others nothing. */
static enum nub_verdict
destroy_gives_back(struct nub_abi_fixture *fixture)
{
    guint before = count_files();
    enum nub_verdict verdict = NUB_PASSED;

    for (guint i = 0; i < 4 && verdict == NUB_PASSED; i++) {
        struct nub_create_args args = nub_abi_create_args(fixture);
        verdict = create_with(fixture, "again", &args);
    }
    if (verdict == NUB_PASSED && count_files() != before)
        return nub_abi_fail(fixture, "%u open files before, %u after four backends", before,
                            count_files());
    return verdict;
}

static enum nub_verdict
first_root_is_zero(struct nub_abi_fixture *fixture)
{
    struct nub_hash root;

    memset(&root, 0xff, sizeof root);
    enum nub_verdict verdict =
        nub_abi_check_status(fixture, "state_root",
                             fixture->module.ops.state_root(fixture->backend, &root, NULL), NUB_OK);
    if (verdict == NUB_PASSED && !nub_hash_is_none(&root))
        return nub_abi_fail(fixture, "the state root of a new backend is not zero");
    return verdict;
}

/* ---- failures ------------------------------------------------------------------------------ */

static const uint8_t bad_wire[] = { 9 };

static int32_t
fail_put(struct nub_abi_fixture *fixture, struct nub_failure *failure)
{
    struct nub_slice wire = { bad_wire, sizeof bad_wire };
    struct nub_hash hash;

    return fixture->module.ops.put_cap(fixture->backend, wire, &hash, failure);
}

static int32_t
fail_invoke(struct nub_abi_fixture *fixture, struct nub_failure *failure)
{
    struct nub_hash nobody = { { 1 } };
    struct nub_invoke_args args = nub_abi_add_args(&nobody);
    struct nub_result result;

    return fixture->module.ops.invoke_cached(fixture->backend, &args, &result, failure);
}

static int32_t
fail_get(struct nub_abi_fixture *fixture, struct nub_failure *failure)
{
    struct nub_hash nobody = { { 1 } };
    struct nub_bytes bytes = { 0 };

    return fixture->module.ops.get_cap
               ? fixture->module.ops.get_cap(fixture->backend, &nobody, &bytes, failure)
               : NUB_ERR_NOT_FOUND;
}

static int32_t
fail_drop(struct nub_abi_fixture *fixture, struct nub_failure *failure)
{
    struct nub_hash nobody = { { 1 } };

    return fixture->module.ops.drop_cap
               ? fixture->module.ops.drop_cap(fixture->backend, &nobody, failure)
               : NUB_ERR_NOT_FOUND;
}

static int32_t
fail_open(struct nub_abi_fixture *fixture, struct nub_failure *failure)
{
    struct nub_session_args args = { .struct_size = sizeof args, .instance = { { 1 } }, .gas = 1 };
    void *session = NULL;

    return fixture->module.ops.session_open
               ? fixture->module.ops.session_open(fixture->backend, &args, &session, failure)
               : NUB_ERR_NOT_PUBLISHED;
}

/* Calls that fail, with what they answer. What the module lacks answers as if it had it. */
static const struct {
    const char *function;
    int32_t (*call)(struct nub_abi_fixture *fixture, struct nub_failure *failure);
    int32_t status;
} failing[] = {
    { "put_cap", fail_put, NUB_ERR_BAD_ENCODING },
    { "invoke_cached", fail_invoke, NUB_ERR_NOT_PUBLISHED },
    { "get_cap", fail_get, NUB_ERR_NOT_FOUND },
    { "drop_cap", fail_drop, NUB_ERR_NOT_FOUND },
    { "session_open", fail_open, NUB_ERR_NOT_PUBLISHED },
};

static enum nub_verdict
failure_may_be_null(struct nub_abi_fixture *fixture)
{
    enum nub_verdict verdict = NUB_PASSED;

    for (guint i = 0; i < G_N_ELEMENTS(failing) && verdict == NUB_PASSED; i++)
        verdict = nub_abi_check_status(fixture, failing[i].function, failing[i].call(fixture, NULL),
                                       failing[i].status);
    return verdict;
}

static bool
lacks(const struct nub_abi_fixture *fixture, const char *function)
{
    const struct nub_backend_ops *ops = &fixture->module.ops;

    return (strcmp(function, "get_cap") == 0 && !ops->get_cap) ||
           (strcmp(function, "drop_cap") == 0 && !ops->drop_cap) ||
           (strcmp(function, "session_open") == 0 && !ops->session_open);
}

static enum nub_verdict
failure_is_filled_in(struct nub_abi_fixture *fixture)
{
    for (guint i = 0; i < G_N_ELEMENTS(failing); i++) {
        struct nub_failure failure = { .struct_size = sizeof failure };
        if (lacks(fixture, failing[i].function))
            continue;
        int32_t status = failing[i].call(fixture, &failure);
        if (failure.code != status)
            return nub_abi_fail(fixture, "%s answers %s and writes the code %s",
                                failing[i].function, nub_status_name(status),
                                nub_status_name(failure.code));
        if (!memchr(failure.message, '\0', sizeof failure.message) || !is_line(failure.message))
            return nub_abi_fail(fixture, "%s: the message is not one line of text",
                                failing[i].function);
    }
    return NUB_PASSED;
}

static enum nub_verdict
failure_size_is_kept(struct nub_abi_fixture *fixture)
{
    for (guint i = 0; i < G_N_ELEMENTS(failing); i++) {
        struct nub_failure failure;
        memset(&failure, 0xa5, sizeof failure);
        failure.struct_size = offsetof(struct nub_failure, hash);
        failing[i].call(fixture, &failure);
        const uint8_t *tail = (const uint8_t *)&failure + offsetof(struct nub_failure, hash);
        for (gsize j = 0; j < sizeof failure - offsetof(struct nub_failure, hash); j++)
            if (tail[j] != 0xa5)
                return nub_abi_fail(fixture, "%s writes beyond the failure's struct_size",
                                    failing[i].function);
    }
    return NUB_PASSED;
}

/* ---- manners ------------------------------------------------------------------------------- */

/* Both streams into a file while the module works; then it must be empty. */
static enum nub_verdict
prints_nothing(struct nub_abi_fixture *fixture)
{
    g_autofree char *name = NULL;
    int file = g_file_open_tmp(NULL, &name, NULL);
    int out, err;
    struct nub_hash instance;
    struct nub_result result;

    if (file < 0)
        return nub_conform_say(NUB_SKIPPED, fixture->message, "no temporary file");
    unlink(name);
    fflush(NULL);
    out = dup(STDOUT_FILENO);
    err = dup(STDERR_FILENO);
    dup2(file, STDOUT_FILENO);
    dup2(file, STDERR_FILENO);
    enum nub_verdict verdict = nub_abi_publish(fixture, fixture->backend, NUB_ABI_ADD, &instance);
    struct nub_invoke_args args = nub_abi_add_args(&instance);
    fixture->module.ops.invoke_cached(fixture->backend, &args, &result, NULL);
    failure_may_be_null(fixture);
    fflush(NULL);
    dup2(out, STDOUT_FILENO);
    dup2(err, STDERR_FILENO);
    off_t size = lseek(file, 0, SEEK_END);
    close(out);
    close(err);
    close(file);
    if (verdict == NUB_PASSED && size != 0)
        return nub_abi_fail(fixture, "it printed %d bytes; the log is for that", (int)size);
    return verdict;
}

const struct nub_abi_rule nub_abi_rules_loading[] = {
    { "NP-05 the entry always answers the same struct", NULL, false, entry_is_constant },
    { "NP-06 name, version and summary are lines of text", NULL, false, strings_are_lines },
    { "NP-07 declared options are well-formed", NULL, false, options_are_sound },
    { "NP-08 the session functions come together", NULL, false, session_is_whole },
    { "NP-09 undefined feature bits are zero", NULL, false, features_are_zero },
    { "NP-10 create with the options in effect sets a backend", NULL, true, create_succeeds },
    { "NP-11 longer and shorter structs are accepted", NULL, true, create_heeds_sizes },
    { "NP-12 backends of one module are independent", NULL, true, backends_are_independent },
    { "NP-13 destroy gives everything back", NULL, true, destroy_gives_back },
    { "NP-14 the state root of a new backend is zero", NULL, true, first_root_is_zero },
    { "NP-20 every function takes NULL for the failure", NULL, true, failure_may_be_null },
    { "NP-21 a failure carries the code and one line of text", NULL, true, failure_is_filled_in },
    { "NP-22 nothing is written beyond a failure's struct_size", NULL, true, failure_size_is_kept },
    { "NP-23 nothing is printed", NULL, true, prints_nothing },
    { NULL, NULL, false, NULL },
};
