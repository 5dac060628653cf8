/* conform-abi.h - a module as the rules see it: the plain ABI, without libnub between */
#ifndef NUB_TOOLS_CONFORM_ABI_H
#define NUB_TOOLS_CONFORM_ABI_H

#include "conform.h"

#include <nub/plugin.h>

struct nub_abi_module {
    const struct nub_plugin *plugin;
    nub_plugin_entry_fn entry;
    struct nub_backend_ops ops; /* complete: what the module lacks is NULL */
};

/** Whom a backend asks for others. */
struct nub_abi_opener {
    const struct nub_conform_target *target;
    GPtrArray *opened; /* during create: those that were opened; else NULL */
};

/** A loaded module and, for rules that want one, a fresh backend of it. */
struct nub_abi_fixture {
    const struct nub_conform_target *target;
    struct nub_abi_module module;
    struct nub_abi_opener opener;
    struct nub_host host;
    GArray *options;    /* of struct nub_option: those in effect */
    GHashTable *opened; /* backend of the module -> those that it opened */
    void *backend;
    char **message;
};

/** One rule of docs/plugin-abi.md. */
struct nub_abi_rule {
    const char *name;     /* "NP-30 put_cap of bytes that are there gives the same hash" */
    const char *function; /* optional function of the ABI that it needs; NULL: none */
    bool wants_backend;
    enum nub_verdict (*check)(struct nub_abi_fixture *fixture);
};

extern const struct nub_abi_rule nub_abi_rules_loading[], nub_abi_rules_caps[], nub_abi_rules_calling[];

/** Loads a module as libnub does; false with dlerror(). */
bool nub_abi_load(const char *path, struct nub_abi_module *module);
bool nub_abi_fixture_init(struct nub_abi_fixture *fixture, const struct nub_conform_target *target);
void nub_abi_fixture_clear(struct nub_abi_fixture *fixture);

/** Creates a backend with the options in effect; `args` may differ from nub_abi_create_args(). */
int32_t nub_abi_create(struct nub_abi_fixture *fixture, const struct nub_create_args *args, void **backend, struct nub_failure *failure);
struct nub_create_args nub_abi_create_args(struct nub_abi_fixture *fixture);
/** Destroys a backend and then those that it opened. */
void nub_abi_destroy(struct nub_abi_fixture *fixture, void *backend);
/** The value of a declared option as a backend receives it; NULL if the text is not of the type. */
char *nub_abi_option_value(const struct nub_option_desc *option, const char *text);

/** FAILED with the text. */
enum nub_verdict nub_abi_fail(struct nub_abi_fixture *fixture, const char *format, ...) G_GNUC_PRINTF(2, 3);
/** PASSED if `got` is `expected`; else FAILED, saying what answered what. */
enum nub_verdict nub_abi_check_status(struct nub_abi_fixture *fixture, const char *what, int32_t got, int32_t expected);

/** What the rules run. */
enum nub_abi_program {
    NUB_ABI_ADD,  /* register 7 += register 8, then Halt */
    NUB_ABI_LOOP, /* jumps to itself */
    NUB_ABI_CALL  /* ecalli 7, then Halt */
};
/** Puts Image and Instance of a program. FAILED with the reason. */
enum nub_verdict nub_abi_publish(struct nub_abi_fixture *fixture, void *backend, enum nub_abi_program program, struct nub_hash *instance);
/** The wire form of the program's Image. */
GBytes *nub_abi_image(enum nub_abi_program program);
/** invoke_cached of NUB_ABI_ADD with 40 and 2. */
struct nub_invoke_args nub_abi_add_args(const struct nub_hash *instance);

#endif
