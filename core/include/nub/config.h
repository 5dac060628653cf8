/* nub/config.h - what a configuration file may say, for tools that explain or check one
 *
 * Reading a configuration is making a #NubRegistry; see <nub/registry.h> and docs/config.md.
 */
#ifndef NUB_CONFIG_H
#define NUB_CONFIG_H

#include <nub/error.h>

G_BEGIN_DECLS

/**
 * NubConfigKey:
 * @name: the key, with the keys around it: "backends[].name"; for an option of a module its name
 * @type: what its value is, for people: "boolean", "pipeline | polkavm | instruction"
 * @default_value: (nullable): what holds when it is absent; %NULL: nothing, or it must be there
 * @summary: one sentence
 *
 * A key of the configuration, or an option that a module declares. Owned by the library (keys) or
 * by the #NubBackendInfo that it came from (options).
 *
 * Since: 0.1
 */
typedef struct _NubConfigKey NubConfigKey;
struct _NubConfigKey {
    const char *name;
    const char *type;
    const char *default_value;
    const char *summary;
};

/**
 * nub_config_list_keys:
 * @n_keys: (out): how many there are
 *
 * Every key that a configuration may have, in the order of a well-written file. The parser
 * works from the same table.
 *
 * Thread safety: any thread.
 *
 * Returns: (array length=n_keys) (transfer none): the keys, for the life of
 *   the process.
 * Since: 0.1
 */
NUB_AVAILABLE_IN_0_1
const NubConfigKey *nub_config_list_keys(gsize *n_keys);

G_END_DECLS

#endif
