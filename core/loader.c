/* loader.c - from a file to a checked table of functions
 *
 * Order of trust: the entry point, then abi_version, then struct_size; nothing else of a module is
 * touched until these hold, and after a mismatch nothing is touched at all. Tables are copied into
 * zeroed ones of our size, so that older and newer modules look alike. A module is never unloaded:
 * it may own signal handlers, thread-exit hooks and code pages. The rules are numbered in
 * docs/plugin-abi.md.
 */
#define G_LOG_DOMAIN "nub-load"
#include "loader-private.h"

#include "option-private.h"
#include <dlfcn.h>
#include <nub/error.h>
#include <string.h>

/* What every version of a struct has: up to and including `member`. */
#define SIZE_UP_TO(type, member) (offsetof(type, member) + sizeof(((type *)NULL)->member))

#define OP(name, need)                                                                             \
    {                                                                                              \
#name, offsetof(struct nub_backend_ops, name), need                                        \
    }

static const NubOp ops_table[] = {
    OP(create, NUB_OP_MANDATORY),
    OP(destroy, NUB_OP_MANDATORY),
    OP(put_cap, NUB_OP_MANDATORY),
    OP(invoke_cached, NUB_OP_MANDATORY),
    OP(state_root, NUB_OP_MANDATORY),
    OP(put_cap_with_hash, NUB_OP_OPTIONAL),
    OP(contains, NUB_OP_OPTIONAL),
    OP(get_cap, NUB_OP_OPTIONAL),
    OP(drop_cap, NUB_OP_OPTIONAL),
    OP(refcount, NUB_OP_OPTIONAL),
    OP(invoke, NUB_OP_OPTIONAL),
    OP(resume, NUB_OP_OPTIONAL),
    OP(set_state_root, NUB_OP_OPTIONAL),
    OP(session_open, NUB_OP_OPTIONAL),
    OP(session_run, NUB_OP_WITH_SESSION_OPEN),
    OP(session_get_regs, NUB_OP_WITH_SESSION_OPEN),
    OP(session_set_regs, NUB_OP_WITH_SESSION_OPEN),
    OP(session_get_pc, NUB_OP_WITH_SESSION_OPEN),
    OP(session_set_pc, NUB_OP_WITH_SESSION_OPEN),
    OP(session_get_gas, NUB_OP_WITH_SESSION_OPEN),
    OP(session_set_gas, NUB_OP_WITH_SESSION_OPEN),
    OP(session_read, NUB_OP_WITH_SESSION_OPEN),
    OP(session_write, NUB_OP_WITH_SESSION_OPEN),
    OP(session_map, NUB_OP_WITH_SESSION_OPEN),
    OP(session_commit, NUB_OP_OPTIONAL),
    OP(session_close, NUB_OP_WITH_SESSION_OPEN),
    OP(session_interrupt, NUB_OP_OPTIONAL),
    OP(heap_stats, NUB_OP_OPTIONAL),
    OP(stats, NUB_OP_OPTIONAL),
    OP(evict, NUB_OP_OPTIONAL),
    OP(get_changes, NUB_OP_OPTIONAL),
};

const NubOp *
nub_ops_list(gsize *n_ops)
{
    *n_ops = G_N_ELEMENTS(ops_table);
    return ops_table;
}

static gboolean
op_present(const struct nub_backend_ops *ops, const NubOp *op)
{
    void (*function)(void);

    memcpy(&function, (const char *)ops + op->offset, sizeof function);
    return function != NULL;
}

gboolean
nub_ops_has(const struct nub_backend_ops *ops, const char *name)
{
    for (gsize i = 0; i < G_N_ELEMENTS(ops_table); i++)
        if (strcmp(ops_table[i].name, name) == 0)
            return op_present(ops, &ops_table[i]);
    return FALSE;
}

static gboolean
check_functions(const NubModule *module, GError **error)
{
    for (gsize i = 0; i < G_N_ELEMENTS(ops_table); i++) {
        const NubOp *op = &ops_table[i];
        if (op_present(&module->ops, op))
            continue;
        if (op->need == NUB_OP_MANDATORY) {
            g_set_error(error, NUB_LOAD_ERROR, NUB_LOAD_ERROR_INCOMPLETE,
                        "%s: missing mandatory function %s", module->path, op->name);
            return FALSE;
        }
        if (op->need == NUB_OP_WITH_SESSION_OPEN && module->ops.session_open) {
            g_set_error(error, NUB_LOAD_ERROR, NUB_LOAD_ERROR_INCOMPLETE,
                        "%s: missing function %s, which belongs to session_open", module->path,
                        op->name);
            return FALSE;
        }
    }
    return TRUE;
}

/* Asks the entry point and goes no further than the first eight bytes of the answer. */
static const struct nub_plugin *
find_plugin(const char *path, GError **error)
{
    nub_plugin_entry_fn entry;
    const struct nub_plugin *plugin;
    void *handle = dlopen(path, RTLD_NOW | RTLD_LOCAL);
    void *symbol;

    if (!handle) {
        g_set_error(error, NUB_LOAD_ERROR, NUB_LOAD_ERROR_OPEN, "%s: %s", path, dlerror());
        return NULL;
    }
    symbol = dlsym(handle, NUB_PLUGIN_ENTRY);
    if (!symbol) {
        g_set_error(error, NUB_LOAD_ERROR, NUB_LOAD_ERROR_NO_ENTRY,
                    "%s: does not export %s, so it is no module of nub", path, NUB_PLUGIN_ENTRY);
        return NULL;
    }
    memcpy(&entry, &symbol, sizeof entry);
    plugin = entry();
    if (!plugin) {
        g_set_error(error, NUB_LOAD_ERROR, NUB_LOAD_ERROR_NO_ENTRY, "%s: %s answers NULL", path,
                    NUB_PLUGIN_ENTRY);
        return NULL;
    }
    if (plugin->abi_version != NUB_ABI_VERSION) {
        g_set_error(error, NUB_LOAD_ERROR, NUB_LOAD_ERROR_VERSION,
                    "%s: speaks version %u of the plugin ABI, and this nub version %u", path,
                    plugin->abi_version, NUB_ABI_VERSION);
        return NULL;
    }
    if (plugin->struct_size < SIZE_UP_TO(struct nub_plugin, ops)) {
        g_set_error(error, NUB_LOAD_ERROR, NUB_LOAD_ERROR_TOO_SHORT,
                    "%s: struct nub_plugin has %u bytes, at least %u are needed", path,
                    plugin->struct_size, (guint)SIZE_UP_TO(struct nub_plugin, ops));
        return NULL;
    }
    return plugin;
}

static gboolean
copy_ops(NubModule *module, const struct nub_backend_ops *ops, GError **error)
{
    if (ops->struct_size < SIZE_UP_TO(struct nub_backend_ops, state_root)) {
        g_set_error(error, NUB_LOAD_ERROR, NUB_LOAD_ERROR_TOO_SHORT,
                    "%s: struct nub_backend_ops has %u bytes, at least %u are needed", module->path,
                    ops->struct_size, (guint)SIZE_UP_TO(struct nub_backend_ops, state_root));
        return FALSE;
    }
    memcpy(&module->ops, ops, MIN(ops->struct_size, sizeof module->ops));
    module->ops.struct_size = sizeof module->ops;
    module->is_backend = TRUE;
    return check_functions(module, error);
}

/* Every function of the first version is mandatory; those for parts come together or not at all. */
static gboolean
copy_store_ops(NubModule *module, const struct nub_store_ops *ops, GError **error)
{
    const struct nub_store_ops *own = &module->store_ops;

    if (ops->struct_size < SIZE_UP_TO(struct nub_store_ops, each_name)) {
        g_set_error(error, NUB_LOAD_ERROR, NUB_LOAD_ERROR_TOO_SHORT,
                    "%s: struct nub_store_ops has %u bytes, at least %u are needed", module->path,
                    ops->struct_size, (guint)SIZE_UP_TO(struct nub_store_ops, each_name));
        return FALSE;
    }
    memcpy(&module->store_ops, ops, MIN(ops->struct_size, sizeof module->store_ops));
    if (!own->create || !own->destroy || !own->get || !own->contains || !own->write ||
        !own->get_name || !own->each_cap || !own->each_name) {
        g_set_error(error, NUB_LOAD_ERROR, NUB_LOAD_ERROR_INCOMPLETE,
                    "%s: missing a function of the store, all of which are mandatory",
                    module->path);
        return FALSE;
    }
    if (!own->get_part != !own->each_part) {
        g_set_error(error, NUB_LOAD_ERROR, NUB_LOAD_ERROR_INCOMPLETE,
                    "%s: missing function %s, which belongs to %s", module->path,
                    own->get_part ? "each_part" : "get_part",
                    own->get_part ? "get_part" : "each_part");
        return FALSE;
    }
    module->is_store = TRUE;
    return TRUE;
}

/* A module is a backend, a store, or both. */
static gboolean
copy_tables(NubModule *module, const struct nub_plugin *plugin, GError **error)
{
    gboolean has_store_ops = plugin->struct_size >= SIZE_UP_TO(struct nub_plugin, store_ops);
    const struct nub_store_ops *store_ops = has_store_ops ? plugin->store_ops : NULL;

    if (!plugin->ops && !store_ops) {
        g_set_error(error, NUB_LOAD_ERROR, NUB_LOAD_ERROR_INCOMPLETE,
                    "%s: missing the table of functions", module->path);
        return FALSE;
    }
    if (plugin->ops && !copy_ops(module, plugin->ops, error))
        return FALSE;
    return !store_ops || copy_store_ops(module, store_ops, error);
}

static gboolean
check_plugin(NubModule *module, const struct nub_plugin *plugin, GError **error)
{
    g_autofree char *reason = NULL;

    if (!plugin->name || !plugin->version) {
        g_set_error(error, NUB_LOAD_ERROR, NUB_LOAD_ERROR_INCOMPLETE, "%s: missing its %s",
                    module->path, plugin->name ? "version" : "name");
        return FALSE;
    }
    module->name = plugin->name;
    module->version = plugin->version;
    module->summary = plugin->summary ? plugin->summary : "";
    if (!copy_tables(module, plugin, error))
        return FALSE;
    module->options = plugin->options;
    module->n_options = plugin->n_options;
    reason = nub_options_check_table(module->options, module->n_options);
    if (reason) {
        g_set_error(error, NUB_LOAD_ERROR, NUB_LOAD_ERROR_INVALID, "%s: %s", module->path, reason);
        return FALSE;
    }
    return TRUE;
}

static const NubModule *
load(const char *path, GError **error)
{
    const struct nub_plugin *plugin = find_plugin(path, error);
    g_autofree NubModule *module = NULL;
    g_autofree char *own_path = NULL;

    if (!plugin)
        return NULL;
    own_path = g_strdup(path);
    module = g_new0(NubModule, 1);
    module->path = own_path;
    if (!check_plugin(module, plugin, error))
        return NULL;
    g_debug("%s: loaded '%s' %s", path, module->name, module->version);
    g_steal_pointer(&own_path);
    return g_steal_pointer(&module);
}

const NubModule *
nub_module_load(const char *path, GError **error)
{
    static GMutex lock;
    static GHashTable
        *modules; /* (mutex lock) path -> NubModule, both for the life of the process */
    g_autoptr(GMutexLocker) locker G_GNUC_UNUSED = g_mutex_locker_new(&lock);
    const NubModule *module;

    g_return_val_if_fail(g_path_is_absolute(path), NULL);
    if (!modules)
        modules = g_hash_table_new(g_str_hash, g_str_equal);
    module = g_hash_table_lookup(modules, path);
    if (module)
        return module;
    module = load(path, error);
    if (module)
        g_hash_table_insert(modules, (char *)module->path, (NubModule *)module);
    return module;
}
