/* config-yaml-private.h - YAML as a tree with positions; the rest of core never sees libyaml */
#ifndef NUB_CONFIG_YAML_PRIVATE_H
#define NUB_CONFIG_YAML_PRIVATE_H

#include <nub/error.h>

typedef enum { NUB_YAML_SCALAR, NUB_YAML_LIST, NUB_YAML_MAP } NubYamlKind;

/** Where something is written; lines and columns count from 1. */
typedef struct {
    const char *file; /* borrowed */
    guint line;
    guint column;
} NubPlace;

typedef struct _NubYaml NubYaml;
struct _NubYaml {
    NubYamlKind kind;
    NubPlace place;
    char *text;       /* SCALAR */
    gboolean quoted;  /* SCALAR: in quotes, or a block */
    GPtrArray *items; /* LIST: its items; MAP: keys and values in turn. (element-type NubYaml) */
};

/** Sets an error of NUB_CONFIG_ERROR that begins with the place. */
void nub_config_error_at(GError **error, NubConfigError code, const NubPlace *place, const char *format, ...) G_GNUC_PRINTF(4, 5);

/**
 * Parses one document. `file` is for messages and must outlive the tree. Duplicate keys, aliases,
 * tags, keys that are no scalars, further documents and nesting beyond reason are errors.
 */
NubYaml *nub_yaml_parse(const char *file, const char *text, gsize size, GError **error);
void nub_yaml_free(NubYaml *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(NubYaml, nub_yaml_free)

/** Text as a YAML scalar, in quotes where they are needed. To be freed. */
char *nub_yaml_quote(const char *text);

#endif
