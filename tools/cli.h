/* cli.h - what the subcommands of `nub` share
 *
 * One table (commands.c) has every subcommand; its usage, --help, completion and manual page all
 * come from there. To add one: write NAME.c with a struct nub_cli_command, declare it below and
 * put it into the table.
 */
#ifndef NUB_TOOLS_CLI_H
#define NUB_TOOLS_CLI_H

#include <glib.h>
#include <json-glib/json-glib.h>
#include <stdbool.h>

#include <nub/nub.h>

/** What the process ends with. */
enum nub_cli_exit {
    NUB_CLI_OK = 0,     /* done; the program halted */
    NUB_CLI_FAILED = 1, /* the program ended otherwise, or a check failed */
    NUB_CLI_USAGE = 2,  /* the command line is wrong */
    NUB_CLI_HOST = 3    /* it could not be done: a file, the configuration, a backend */
};

/** Bits of nub_cli_command.shared: options that several commands have. */
enum nub_cli_shared {
    NUB_CLI_CONFIG = 1 << 0, /* --config FILE */
    NUB_CLI_JSON = 1 << 1    /* --json */
};

struct nub_cli_command {
    const char *name;        /* "run", or two words: "config show" */
    const char *arguments;   /* for the usage line; NULL: none */
    const char *summary;     /* one line, no full stop */
    const char *description; /* paragraphs; NULL: the summary says it all */
    guint shared;            /* bits of enum nub_cli_shared */
    const GOptionEntry *options; /* NULL: none of its own */
    guint min_args, max_args;    /* of `args` */
    bool raw;                    /* `args` is the command line as it is; the options are for the help */
    int (*run)(char **args); /* what is left of the command line; returns enum nub_cli_exit */
};

/** The shared options as given. */
struct nub_cli_values {
    char *config; /* NULL: the default configuration */
    gboolean json;
};
extern struct nub_cli_values nub_cli_values;

/** Every subcommand, sorted as `nub help` lists them; NULL at the end. */
extern const struct nub_cli_command *const nub_cli_commands[];
/** The command with this name, or NULL. */
const struct nub_cli_command *nub_cli_find(const char *name);
/** Prints the help of a command. Returns NUB_CLI_OK. */
int nub_cli_help(const struct nub_cli_command *command);
/** The entries of a command: its own and then the shared ones. Free with g_free(). */
GOptionEntry *nub_cli_entries(const struct nub_cli_command *command);
/** A parser for the command's options, and --help, which sets `*help`. */
GOptionContext *nub_cli_context(const struct nub_cli_command *command, gboolean *help);

/* ---- messages ------------------------------------------------------------------------------ */

/** "nub run: MESSAGE" on stderr. Returns NUB_CLI_HOST. */
int nub_cli_fail(const char *format, ...) G_GNUC_PRINTF(1, 2);
/** The same for a wrong command line, and where to find help. Returns NUB_CLI_USAGE. */
int nub_cli_usage(const char *format, ...) G_GNUC_PRINTF(1, 2);
/** nub_cli_fail() with the message of `error`, which is freed. */
int nub_cli_fail_error(GError *error);
/** The nearest of `candidates` to `word`, or NULL when none is near. */
const char *nub_cli_nearest(const char *word, const char *const *candidates);

/* ---- numbers, files ---------------------------------------------------------------- */

/**
 * A number of the command line: decimal or 0x, with `signed_ok` also negative (two's complement).
 * Nothing may be before or after it and it must fit 64 bits. `what` is what messages call it.
 */
bool nub_cli_parse_u64(const char *what, const char *text, bool signed_ok, guint64 *value);
bool nub_cli_parse_u32(const char *what, const char *text, guint32 *value);

/** Reads a file; NULL with a message on stderr. "-" is standard input. */
GBytes *nub_cli_read(const char *file);
/** Writes a file in one go (no half file is left); false with a message. "-" is standard output. */
bool nub_cli_write(const char *file, const void *data, gsize size);

/* ---- the library ---------------------------------------------------------------------------- */

/** The registry of --config or the default one; NULL with a message. */
NubRegistry *nub_cli_registry(void);
/**
 * A hash, or with a store (nullable) the name of one: the head of a backend, or one given by `nub store name`. An exit
 * code, with a message unless it is NUB_CLI_OK.
 */
int nub_cli_resolve(NubStore *store, const char *text, NubHash *hash);
/** Checks a bundle and its capabilities; NULL with a message that names the file. */
NubBundle *nub_cli_bundle(const char *file);

/** Writes the counters of the kernels as OpenMetrics text; an exit code, with a message if it is not 0. */
int nub_cli_write_stats(const char *file, const GPtrArray *kernels);

/* ---- output -------------------------------------------------------------------------------- */

void nub_cli_json_string(JsonBuilder *builder, const char *name, const char *value);
void nub_cli_json_u32(JsonBuilder *builder, const char *name, guint32 value);
/** A decimal string: JSON numbers are not exact there. */
void nub_cli_json_u64(JsonBuilder *builder, const char *name, guint64 value);
/** As hex; NULL gives null. */
void nub_cli_json_hash(JsonBuilder *builder, const char *name, const NubHash *hash);
void nub_cli_json_bool(JsonBuilder *builder, const char *name, bool value);
/** Prints what was built, and a line end. */
void nub_cli_json_print(JsonBuilder *builder);

/* ---- the commands, one file each ----------------------------------------------------------- */

extern const struct nub_cli_command nub_command_asm;
extern const struct nub_cli_command nub_command_backends;
extern const struct nub_cli_command nub_command_bisect;
extern const struct nub_cli_command nub_command_cc;
extern const struct nub_cli_command nub_command_completion;
extern const struct nub_cli_command nub_command_config_check;
extern const struct nub_cli_command nub_command_config_keys;
extern const struct nub_cli_command nub_command_config_show;
extern const struct nub_cli_command nub_command_conform;
extern const struct nub_cli_command nub_command_debug;
extern const struct nub_cli_command nub_command_disasm;
extern const struct nub_cli_command nub_command_hash;
extern const struct nub_cli_command nub_command_head;
extern const struct nub_cli_command nub_command_help;
extern const struct nub_cli_command nub_command_inspect;
extern const struct nub_cli_command nub_command_invoke;
extern const struct nub_cli_command nub_command_link;
extern const struct nub_cli_command nub_command_manual;
extern const struct nub_cli_command nub_command_pack;
extern const struct nub_cli_command nub_command_prof;
extern const struct nub_cli_command nub_command_replay;
extern const struct nub_cli_command nub_command_run;
extern const struct nub_cli_command nub_command_stats;
extern const struct nub_cli_command nub_command_store_export;
extern const struct nub_cli_command nub_command_store_gc;
extern const struct nub_cli_command nub_command_store_get;
extern const struct nub_cli_command nub_command_store_import;
extern const struct nub_cli_command nub_command_store_ls;
extern const struct nub_cli_command nub_command_store_name;
extern const struct nub_cli_command nub_command_store_put;
extern const struct nub_cli_command nub_command_store_verify;
extern const struct nub_cli_command nub_command_trace;

#endif
