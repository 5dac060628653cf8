/* loader-private.h - modules: shared objects that speak <nub/plugin.h> */
#ifndef NUB_LOADER_PRIVATE_H
#define NUB_LOADER_PRIVATE_H

#include <glib.h>
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
    struct nub_backend_ops ops; /* complete: what the module lacks is NULL */
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

#endif
