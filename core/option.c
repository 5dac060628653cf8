/* option.c - the options that a module declares, and the values a configuration gives them
 *
 * A module publishes a table, so a configuration can be checked, a near miss suggested and help
 * printed without starting a backend. Values reach the module in one form each: digits for sizes
 * and durations whatever unit was written. A bad value is an error, never a default.
 */
#include "option-private.h"

#include <string.h>

typedef struct {
    const char *suffix;
    guint64 factor;
} NubUnit;

static const NubUnit size_units[] = {
    { "", 1 },
    { "KiB", G_GUINT64_CONSTANT(1) << 10 },
    { "MiB", G_GUINT64_CONSTANT(1) << 20 },
    { "GiB", G_GUINT64_CONSTANT(1) << 30 },
};

static const NubUnit duration_units[] = {
    { "ns", 1 },
    { "us", 1000 },
    { "ms", 1000 * 1000 },
    { "s", 1000 * 1000 * 1000 },
};

static const NubUnit no_units[] = { { "", 1 } };

/* Digits and one of the units; no sign, no space, no overflow. */
static char *
normalise_number(const char *text, const NubUnit *units, gsize n_units)
{
    guint64 number = 0, product;
    const char *end = text;

    if (!g_ascii_isdigit(*text))
        return NULL;
    for (; g_ascii_isdigit(*end); end++) {
        if (!g_uint64_checked_mul(&number, number, 10) ||
            !g_uint64_checked_add(&number, number, (guint64)(*end - '0')))
            return NULL;
    }
    for (gsize i = 0; i < n_units; i++) {
        if (strcmp(end, units[i].suffix) == 0 &&
            g_uint64_checked_mul(&product, number, units[i].factor))
            return g_strdup_printf("%" G_GUINT64_FORMAT, product);
    }
    return NULL;
}

static gboolean
is_choice(const char *choices, const char *text)
{
    g_auto(GStrv) words = g_strsplit(choices, "|", -1);

    return *text && g_strv_contains((const char *const *)words, text);
}

char *
nub_option_normalise(const struct nub_option_desc *option, const char *text)
{
    switch (option->type) {
    case NUB_OPTION_STRING:
        return g_strdup(text);
    case NUB_OPTION_BOOL:
        return g_str_equal(text, "true") || g_str_equal(text, "false") ? g_strdup(text) : NULL;
    case NUB_OPTION_UINT:
        return normalise_number(text, no_units, G_N_ELEMENTS(no_units));
    case NUB_OPTION_SIZE:
        return normalise_number(text, size_units, G_N_ELEMENTS(size_units));
    case NUB_OPTION_DURATION:
        return normalise_number(text, duration_units, G_N_ELEMENTS(duration_units));
    case NUB_OPTION_CHOICE:
        return is_choice(option->choices, text) ? g_strdup(text) : NULL;
    default:
        return NULL;
    }
}

char *
nub_option_describe_type(const struct nub_option_desc *option)
{
    switch (option->type) {
    case NUB_OPTION_BOOL:
        return g_strdup("true or false");
    case NUB_OPTION_UINT:
        return g_strdup("a number");
    case NUB_OPTION_SIZE:
        return g_strdup("a size such as 64MiB");
    case NUB_OPTION_DURATION:
        return g_strdup("a duration such as 300us");
    case NUB_OPTION_CHOICE: {
        g_auto(GStrv) words = g_strsplit(option->choices, "|", -1);
        g_autofree char *joined = g_strjoinv(", ", words);
        return g_strdup_printf("one of %s", joined);
    }
    default:
        return g_strdup("a string");
    }
}

const struct nub_option_desc *
nub_options_find(const struct nub_option_desc *options, gsize n_options, const char *name)
{
    for (gsize i = 0; i < n_options; i++)
        if (strcmp(options[i].name, name) == 0)
            return &options[i];
    return NULL;
}

static gboolean
is_option_name(const char *name)
{
    if (!name || !g_ascii_islower(*name))
        return FALSE;
    for (; *name; name++)
        if (!g_ascii_islower(*name) && !g_ascii_isdigit(*name) && *name != '-')
            return FALSE;
    return TRUE;
}

static char *
check_option(const struct nub_option_desc *option)
{
    g_autofree char *value = NULL;

    if (option->type > NUB_OPTION_CHOICE)
        return g_strdup_printf("option '%s': unknown type %u", option->name, option->type);
    if (option->type == NUB_OPTION_CHOICE && (!option->choices || !*option->choices))
        return g_strdup_printf("option '%s': a choice of nothing", option->name);
    if (!option->summary || !*option->summary)
        return g_strdup_printf("option '%s': no summary", option->name);
    if (!option->default_value)
        return NULL;
    value = nub_option_normalise(option, option->default_value);
    if (!value)
        return g_strdup_printf("option '%s': its default '%s' is no value of its type",
                               option->name, option->default_value);
    return NULL;
}

char *
nub_options_check_table(const struct nub_option_desc *options, gsize n_options)
{
    if (n_options && !options)
        return g_strdup("declares options, but has no table of them");
    for (gsize i = 0; i < n_options; i++) {
        char *reason;
        if (!is_option_name(options[i].name))
            return g_strdup_printf(
                "option %" G_GSIZE_FORMAT " has no name of the form [a-z][a-z0-9-]*", i);
        if (nub_options_find(options, i, options[i].name))
            return g_strdup_printf("option '%s' is declared twice", options[i].name);
        reason = check_option(&options[i]);
        if (reason)
            return reason;
    }
    return NULL;
}
