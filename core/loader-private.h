/* loader-private.h - modules: shared objects that speak <nub/plugin.h> */
#ifndef NUB_LOADER_PRIVATE_H
#define NUB_LOADER_PRIVATE_H

#include "config-private.h"

#include <nub/plugin.h>

/**
 * A module that was loaded and checked. It lives as long as the process: modules are never unloaded.
 * Nobody changes it after it was made.
 */
typedef struct {
    const char *path; /* absolute */
    const char *name;
    const char *version;
    const char *summary;
    const struct nub_option_desc *options; /* the module's own table, checked */
    gsize n_options;
    gboolean is_backend;
    struct nub_backend_ops ops; /* complete: what the module lacks is NULL */
    gboolean is_store;
    struct nub_store_ops store_ops;
} NubModule;

/** One function of the table, for whoever must go through them by name. */
typedef struct {
    const char *name;
    gsize offset; /* in struct nub_backend_ops */
    enum { NUB_OP_MANDATORY, NUB_OP_OPTIONAL, NUB_OP_WITH_SESSION_OPEN } need;
} NubOp;

const NubOp *nub_ops_list(gsize *n_ops);
/** Whether the table has the function; false also for a name that does not exist. */
gboolean nub_ops_has(const struct nub_backend_ops *ops, const char *name);

/**
 * Loads the module at an absolute path, or finds the one that was loaded from there before. Errors
 * are of NUB_LOAD_ERROR and name the file. Thread-safe.
 */
const NubModule *nub_module_load(const char *path, GError **error);

/* ---- module-options.c --------------------------------------------------------------------- */

/**
 * The options that a configuration gives a module, judged by the module's table: every declared
 * option that has a value or a default goes into `options` (of struct nub_option), its text into
 * `values`. Errors name `who`: "backend 'kvm'".
 */
gboolean nub_module_resolve_options(const NubModule *self, const GPtrArray *given, const char *who, GArray *options, GPtrArray *values, GError **error);
/** The declared options, for people, into `keys` (of NubConfigKey); `texts` owns what they point to. */
void nub_module_list_options(const NubModule *self, GArray *keys, GPtrArray *texts);

#endif
