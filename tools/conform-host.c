/* conform-host.c - what a module under test is created with: its options, and a host
 *
 * Both are those of the configuration, so that a module that wraps others is judged as it will be
 * used. The host opens the other backends as libnub does, but over the plain ABI; there is no
 * store, and what is logged is dropped.
 */
#include "conform-abi.h"

#include "failure.h"

#include <dlfcn.h>
#include <string.h>

/* A backend that the module under test opened, or one that such a backend opened in turn. */
struct wrapped {
    struct nub_abi_module module;
    struct nub_abi_opener opener;
    struct nub_host host;
    GArray *options;
    GPtrArray *inner; /* (element-type wrapped): they go after it */
    void *backend;
};

/* Last opened, first closed. */
static void
close_all(gpointer data)
{
    GPtrArray *all = data;

    while (all->len)
        g_ptr_array_remove_index(all, all->len - 1);
    g_ptr_array_unref(all);
}

static void
wrapped_free(gpointer data)
{
    struct wrapped *self = data;

    if (self->backend)
        self->module.ops.destroy(self->backend);
    close_all(self->inner);
    g_array_unref(self->options);
    g_free(self);
}

/* ---- modules ------------------------------------------------------------------------------- */

bool
nub_abi_load(const char *path, struct nub_abi_module *module)
{
    void *file = dlopen(path, RTLD_NOW | RTLD_LOCAL);
    void *symbol = file ? dlsym(file, NUB_PLUGIN_ENTRY) : NULL;

    if (!symbol)
        return false;
    /* ISO C has no cast from void * to a function pointer. */
    memcpy(&module->entry, &symbol, sizeof symbol);
    module->plugin = module->entry();
    memcpy(&module->ops, module->plugin->ops,
           MIN((gsize)module->plugin->ops->struct_size, sizeof module->ops));
    return true;
}

/* What the configuration knows about a backend, NULL if it has none of the name. */
static NubBackendInfo *
find_info(const struct nub_conform_target *target, const char *name)
{
    g_autoptr(GPtrArray) infos = nub_registry_list_backends(target->registry);

    for (guint i = 0; i < infos->len; i++)
        if (strcmp(nub_backend_info_get_name(infos->pdata[i]), name) == 0)
            return nub_backend_info_ref(infos->pdata[i]);
    return NULL;
}

static void
option_clear(gpointer data)
{
    g_free((char *)((struct nub_option *)data)->value);
}

static GArray *
options_in_effect(NubBackendInfo *info, const struct nub_plugin *plugin)
{
    GArray *options = g_array_new(FALSE, FALSE, sizeof(struct nub_option));

    g_array_set_clear_func(options, option_clear);
    for (guint64 i = 0; i < plugin->n_options; i++) {
        const struct nub_option_desc *desc = &plugin->options[i];
        const char *text = nub_backend_info_get_option(info, desc->name);
        struct nub_option option = { .name = desc->name,
                                     .value = text ? nub_abi_option_value(desc, text) : NULL };
        if (option.value)
            g_array_append_val(options, option);
    }
    return options;
}

/* ---- the host ------------------------------------------------------------------------------ */

static void
host_log(void *ctx, uint32_t level, const char *message)
{
    (void)ctx;
    (void)level;
    (void)message;
}

static int32_t
host_fetch_cap(void *ctx, const struct nub_hash *hash, struct nub_bytes *wire,
               struct nub_failure *failure)
{
    (void)ctx;
    (void)wire;
    return nub_fail_hash(failure, NUB_ERR_NOT_FOUND, hash, "there is no store");
}

static int32_t host_open_backend(void *ctx, const char *name, struct nub_backend_ref *out,
                                 struct nub_failure *failure);

static struct nub_host
host_of(struct nub_abi_opener *opener)
{
    return (struct nub_host){ .struct_size = sizeof(struct nub_host),
                              .ctx = opener,
                              .log = host_log,
                              .open_backend = host_open_backend,
                              .fetch_cap = host_fetch_cap };
}

static struct nub_create_args
args_of(const GArray *options, const struct nub_host *host, const char *name)
{
    return (struct nub_create_args){ .struct_size = sizeof(struct nub_create_args),
                                     .gas_model = NUB_GAS_PIPELINE,
                                     .mem_cycles = 25,
                                     .n_options = options->len,
                                     .options = (const struct nub_option *)(gpointer)options->data,
                                     .host = host,
                                     .name = name };
}

static int32_t
create(const struct nub_abi_module *module, const struct nub_create_args *args,
       struct nub_abi_opener *opener, GPtrArray *inner, void **backend, struct nub_failure *failure)
{
    int32_t status;

    *backend = NULL;
    opener->opened = inner;
    status = module->ops.create(args, backend, failure);
    opener->opened = NULL;
    return status;
}

/* The registry has opened the same configuration before, so that there is no circle in it. */
static int32_t
host_open_backend(void *ctx, const char *name, struct nub_backend_ref *out,
                  struct nub_failure *failure)
{
    struct nub_abi_opener *opener = ctx;
    struct nub_abi_module module = { 0 };

    if (!opener->opened)
        return nub_fail(failure, NUB_ERR_INVALID_ARGUMENT, "open_backend: only during create");
    g_autoptr(NubBackendInfo) info = find_info(opener->target, name);
    const char *path = info ? nub_backend_info_get_path(info) : NULL;
    if (!path || !nub_abi_load(path, &module))
        return nub_fail(failure, NUB_ERR_NOT_FOUND, "%s: no such backend is loaded", name);

    struct wrapped *self = g_new0(struct wrapped, 1);
    self->module = module;
    self->opener.target = opener->target;
    self->host = host_of(&self->opener);
    self->options = options_in_effect(info, module.plugin);
    self->inner = g_ptr_array_new_with_free_func(wrapped_free);
    struct nub_create_args args = args_of(self->options, &self->host, name);
    int32_t status =
        create(&self->module, &args, &self->opener, self->inner, &self->backend, failure);
    if (status != NUB_OK) {
        self->backend = NULL; /* there is nothing to destroy */
        wrapped_free(self);
        return status;
    }
    g_ptr_array_add(opener->opened, self);
    *out = (struct nub_backend_ref){ &self->module.ops, self->backend };
    return NUB_OK;
}

/* ---- for the rules ------------------------------------------------------------------------- */

bool
nub_abi_fixture_init(struct nub_abi_fixture *fixture, const struct nub_conform_target *target)
{
    g_autoptr(NubBackendInfo) info = find_info(target, target->backend);

    if (!info || !nub_abi_load(target->module, &fixture->module))
        return false;
    fixture->target = target;
    fixture->opener.target = target;
    fixture->host = host_of(&fixture->opener);
    fixture->options = options_in_effect(info, fixture->module.plugin);
    fixture->opened = g_hash_table_new_full(NULL, NULL, NULL, close_all);
    return true;
}

void
nub_abi_fixture_clear(struct nub_abi_fixture *fixture)
{
    g_clear_pointer(&fixture->opened, g_hash_table_unref);
    g_clear_pointer(&fixture->options, g_array_unref);
}

struct nub_create_args
nub_abi_create_args(struct nub_abi_fixture *fixture)
{
    return args_of(fixture->options, &fixture->host, "conform");
}

int32_t
nub_abi_create(struct nub_abi_fixture *fixture, const struct nub_create_args *args, void **backend,
               struct nub_failure *failure)
{
    GPtrArray *inner = g_ptr_array_new_with_free_func(wrapped_free);
    int32_t status = create(&fixture->module, args, &fixture->opener, inner, backend, failure);

    if (status == NUB_OK)
        g_hash_table_insert(fixture->opened, *backend, inner);
    else
        close_all(inner);
    return status;
}

void
nub_abi_destroy(struct nub_abi_fixture *fixture, void *backend)
{
    fixture->module.ops.destroy(backend);
    g_hash_table_remove(fixture->opened, backend);
}
