/* config-private.h - a configuration after it was read: complete, checked, immutable */
#ifndef NUB_CONFIG_PRIVATE_H
#define NUB_CONFIG_PRIVATE_H

#include "config-yaml-private.h"

#include <nub/config.h>

/** An option for a module, as written; the module's table judges it later. */
typedef struct {
    char *name;
    char *value;
    NubPlace name_place;
    NubPlace value_place;
} NubConfigOption;

typedef struct {
    char *name;
    char *module;
    gint64 priority;
    gboolean automatic;
    gboolean enabled;
    gboolean required;
    gboolean log_calls;
    char *head;
    GPtrArray *options; /* (element-type NubConfigOption) (nullable) */
    NubPlace place;
    char *base_dir; /* what a relative module path is relative to */
} NubBackendConfig;

typedef struct {
    char *module;
    GPtrArray *options; /* (element-type NubConfigOption) (nullable) */
    NubPlace place;
    char *base_dir;
} NubStoreConfig;

/** What the environment says; only nub_registry_new_default() asks it. */
typedef struct {
    GStrv plugin_path; /* absolute directories */
    char *select;      /* globs, separated by commas; NULL: not set */
    char *disable;
} NubEnvironment;

typedef struct _NubConfig NubConfig;
struct _NubConfig {
    char *source;         /* for people: a path, or "built-in configuration" */
    GStringChunk *files;  /* the names that places point to */
    gboolean built_in;
    gint64 version;
    char *default_backend;
    NubPlace default_place; /* line 0: not given */
    GPtrArray *plugin_path; /* (element-type filename), absolute */
    gint64 gas_model;       /* enum nub_gas_model */
    gint64 mem_cycles;
    NubStoreConfig *store; /* NULL: none */
    GPtrArray *backends;   /* (element-type NubBackendConfig), in the order of the files */
    NubEnvironment env;
};

/** Reads exactly this file. */
NubConfig *nub_config_new_from_file(const char *path, GError **error);
/** `base_dir` NULL: the current directory. */
NubConfig *nub_config_new_from_data(const char *yaml, const char *base_dir, GError **error);
/** Finds the file, adds drop-ins and the environment (nub_registry_new_default()). */
NubConfig *nub_config_new_default(GError **error);

NubConfig *nub_config_ref(NubConfig *self);
void nub_config_unref(NubConfig *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(NubConfig, nub_config_unref)

/* ---- between config.c and config-files.c -------------------------------------------------- */

/** An empty configuration to read into. */
NubConfig *nub_config_new(const char *source);
/** Reads the main file into it. */
gboolean nub_config_read_main(NubConfig *self, const char *file, const char *text, gsize size, const char *base_dir, GError **error);
/** Reads a drop-in, which may only add backends. */
gboolean nub_config_read_drop_in(NubConfig *self, const char *file, const char *text, gsize size, const char *base_dir, GError **error);
/** What can be judged only when everything was read: names that must exist. */
gboolean nub_config_check(NubConfig *self, GError **error);

/* ---- for the registry --------------------------------------------------------------------- */

/** "pipeline", "polkavm", "instruction". */
const char *nub_config_gas_name(gint64 gas_model);
/** The configuration as YAML that can be read again, with every default. */
char *nub_config_to_text(const NubConfig *self);
/**
 * The file of a module: absolute. NUB_LOAD_ERROR_NOT_FOUND lists where it was looked for.
 */
char *nub_config_find_module(const NubConfig *self, const char *module, const char *base_dir, GError **error);
/** NULL, or what in the environment turns the backend off. To be freed. */
char *nub_config_turned_off(const NubConfig *self, const char *name);

#endif
