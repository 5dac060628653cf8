/* option-private.h - the options that a module declares, and the values a configuration gives them */
#ifndef NUB_OPTION_PRIVATE_H
#define NUB_OPTION_PRIVATE_H

#include <glib.h>
#include <nub/plugin.h>

/** NULL, or why a module's table of options is no good (to be freed). */
char *nub_options_check_table(const struct nub_option_desc *options, gsize n_options);

/** The option with this name, or NULL. */
const struct nub_option_desc *nub_options_find(const struct nub_option_desc *options, gsize n_options, const char *name);

/**
 * The value as plugin.h says a module gets it: sizes in bytes, durations in nanoseconds. NULL: the
 * text is no value of this option. To be freed.
 */
char *nub_option_normalise(const struct nub_option_desc *option, const char *text);

/** What a value of this option looks like, for people: "a size such as 64MiB". To be freed. */
char *nub_option_describe_type(const struct nub_option_desc *option);

#endif
