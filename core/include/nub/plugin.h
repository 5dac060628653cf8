/* nub/plugin.h - the contract between nub and a backend module
 *
 * This header and <nub/types.h> are all that a backend needs: plain C99, no library to link.
 * A module is a shared object that exports one symbol, nub_plugin_entry(). The numbered rules
 * (NP-01 ...) are in docs/plugin-abi.md; `nub conform` checks them on any module.
 *
 * Versions.   `abi_version` and `struct_size` are the first eight bytes of what the entry
 *             returns, forever. NUB_ABI_VERSION changes only when an existing member changes
 *             its meaning; structs grow only at their tail, and every struct that crosses the
 *             boundary begins with its size as the side that filled it in knows it. A reader
 *             takes members beyond that size as zero (absent).
 * Errors.     A function that can fail returns an enum nub_status as int32_t, NUB_OK being 0,
 *             and fills in the caller-owned struct nub_failure, which may be NULL. A call that
 *             fails has changed nothing. No function ends the process or prints.
 * Ownership.  Slices and argument structs are borrowed for the duration of the call. Bytes that
 *             a function gives away come as struct nub_bytes with their own release function.
 * Threads.    Functions of a backend may be called from several threads at once. A session is
 *             used by one thread at a time; only session_interrupt may come from another.
 *             create and destroy are not called concurrently with anything on that backend.
 * Lifetime.   Modules are never unloaded.
 */
#ifndef NUB_PLUGIN_H
#define NUB_PLUGIN_H

#include <nub/types.h>

#ifdef __cplusplus
extern "C" {
#endif

#define NUB_ABI_VERSION 1u
#define NUB_PLUGIN_ENTRY "nub_plugin_entry"

#define NUB_PLUGIN_EXPORT __attribute__((visibility("default")))

/** Bytes borrowed for the duration of a call. `data` may be NULL when `size` is 0. */
struct nub_slice {
    const uint8_t *data;
    uint64_t size;
};

/**
 * Bytes given to the caller, who calls `release(&bytes)` exactly once unless `release` is NULL
 * (then there is nothing to release). Nothing else may be done with them afterwards.
 */
struct nub_bytes {
    const uint8_t *data;
    uint64_t size;
    void (*release)(struct nub_bytes *self);
    void *ctx; /* the giver's */
};

/* ---- what the host offers to a backend ------------------------------------------------- */

struct nub_backend_ops;

/** Levels of nub_host.log. */
enum nub_log_level { NUB_LOG_ERROR = 0, NUB_LOG_WARNING = 1, NUB_LOG_INFO = 2, NUB_LOG_DEBUG = 3 };

/** A backend as another backend sees it: call `ops->f(backend, ...)`; members may be NULL. */
struct nub_backend_ref {
    const struct nub_backend_ops *ops; /* complete: members the module lacks are NULL */
    void *backend;
};

/** Services of the host. Valid from create until destroy returns. */
struct nub_host {
    uint32_t struct_size;
    uint32_t reserved; /* zero */
    void *ctx;         /* pass it as the first argument */

    /** Writes one line to the host's log. Any thread. */
    void (*log)(void *ctx, uint32_t level, const char *message);

    /**
     * Opens another configured backend by name, for plugins that wrap others. It stays open until
     * the wrapping backend is destroyed. Fails with NOT_FOUND for an unknown name and
     * INVALID_ARGUMENT for a circle. Only during create.
     */
    int32_t (*open_backend)(void *ctx, const char *name, struct nub_backend_ref *out, struct nub_failure *failure);

    /**
     * Asks the store for a capability that the backend does not hold. NOT_FOUND is the normal
     * answer. The bytes are not verified: a backend checks them against the hash. Any thread;
     * never call it while holding a lock that put_cap needs. May be NULL: there is no store.
     */
    int32_t (*fetch_cap)(void *ctx, const struct nub_hash *hash, struct nub_bytes *wire, struct nub_failure *failure);
};

/* ---- options ---------------------------------------------------------------------------- */

enum nub_option_type {
    NUB_OPTION_STRING = 0,
    NUB_OPTION_BOOL = 1,    /* "true" | "false" */
    NUB_OPTION_UINT = 2,    /* decimal */
    NUB_OPTION_SIZE = 3,    /* decimal, optionally followed by KiB, MiB or GiB */
    NUB_OPTION_DURATION = 4,/* decimal followed by ns, us, ms or s */
    NUB_OPTION_CHOICE = 5   /* one of `choices` */
};

/** An option that a module accepts. The host checks a configuration against this table. */
struct nub_option_desc {
    const char *name;          /* [a-z][a-z0-9-]* */
    uint32_t type;             /* enum nub_option_type */
    uint32_t reserved;         /* zero */
    const char *default_value; /* as it would be written in YAML; NULL: none */
    const char *choices;       /* NUB_OPTION_CHOICE: the values, separated by '|' */
    const char *summary;       /* one sentence */
};

/**
 * The value of one option, already checked and normalised by the host: BOOL as "true"/"false",
 * UINT, SIZE (bytes) and DURATION (nanoseconds) as plain decimal digits.
 */
struct nub_option {
    const char *name;
    const char *value;
};

/* ---- argument structs ------------------------------------------------------------------- */

/** For create. */
struct nub_create_args {
    uint32_t struct_size;
    uint32_t gas_model;  /* enum nub_gas_model, never NUB_GAS_DEFAULT */
    uint32_t mem_cycles; /* 1..127 (pvm.md 7) */
    uint32_t n_options;
    const struct nub_option *options; /* every declared option that has a value or a default */
    const struct nub_host *host;
    const char *name; /* the backend's name in the configuration, for messages */
};

/** For invoke_cached: the pure call (caps.md 4.1). */
struct nub_invoke_args {
    uint32_t struct_size;
    uint32_t endpoint;
    struct nub_hash instance;
    uint64_t args[4]; /* laid into phi7..phi10 */
    uint64_t gas;     /* cut to NUB_GAS_MAX */
};

/** Bits of nub_call.flags. */
enum nub_call_flags {
    NUB_CALL_INPUT = 1u << 0,         /* `input` is given, perhaps empty (caps.md 4.2) */
    NUB_CALL_OUTPUT = 1u << 1,        /* output is wanted, at most `max_output` bytes */
    NUB_CALL_COMMIT = 1u << 2,        /* put the successor */
    NUB_CALL_ADVANCE = 1u << 3,       /* move the head to the successor; needs COMMIT */
    NUB_CALL_EXPECTED_HEAD = 1u << 4, /* the head must be `expected_head` (perhaps zero) */
    NUB_CALL_REGS = 1u << 5           /* resume: start with `regs` instead of the stored ones */
};

/** What a host callback answers (caps.md 4.6). */
enum nub_host_verdict {
    NUB_HOST_CONTINUE = 0, /* go on after the ecalli */
    NUB_HOST_FINISH = 1,   /* end as Halt with phi7 = `finish_value` */
    NUB_HOST_FAIL = 2,     /* the call fails with HOST_CALL_FAILED */
    NUB_HOST_PAUSE = 3,    /* exit HostCall */
    NUB_HOST_OUT_OF_GAS = 4 /* its own price does not fit: as if `price` had not fitted. The callback has changed nothing */
};

/** A host call in flight, seen by a callback. Valid only during the callback. */
struct nub_host_call {
    uint32_t struct_size;
    uint32_t number;       /* of the ecalli */
    uint64_t *regs;        /* the 13 registers, may be changed */
    uint64_t gas;          /* what is left; may be lowered */
    uint64_t finish_value; /* for NUB_HOST_FINISH */
    void *machine;         /* pass it to read and write */
    /** Copies bytes from / to the program's memory; NOT_MAPPED with the page, all or nothing. */
    int32_t (*read)(void *machine, uint64_t address, void *data, uint64_t size, struct nub_failure *failure);
    int32_t (*write)(void *machine, uint64_t address, const void *data, uint64_t size, struct nub_failure *failure);
};

/** One number of a host table. */
struct nub_host_entry {
    uint32_t number;
    uint32_t reserved; /* zero */
    uint64_t price;    /* gas taken before the callback */
    uint32_t (*call)(void *ctx, struct nub_host_call *call); /* enum nub_host_verdict */
    void *ctx;
};

/** Callbacks by number, sorted by number, unique. A number that is missing exits HostCall. */
struct nub_host_table {
    uint32_t struct_size;
    uint32_t n_entries;
    const struct nub_host_entry *entries;
};

/** For invoke and resume: the full call (caps.md 4.2, 4.3). */
struct nub_call {
    uint32_t struct_size;
    uint32_t flags;      /* enum nub_call_flags */
    uint32_t endpoint;   /* invoke only */
    uint32_t gas_model;  /* enum nub_gas_model; NUB_GAS_DEFAULT: the backend's */
    uint32_t mem_cycles; /* 0: the backend's */
    uint32_t reserved;   /* zero */
    struct nub_hash instance;
    uint64_t args[4]; /* invoke only */
    uint64_t gas;
    uint64_t regs[NUB_N_REGS]; /* resume with NUB_CALL_REGS */
    struct nub_slice input;
    uint64_t max_output;
    struct nub_hash expected_head;
    uint64_t deadline_ns;                /* CLOCK_MONOTONIC; 0: none */
    const uint32_t *cancel;              /* NULL, or becomes nonzero (any thread) when the call shall end */
    const struct nub_host_table *hosts;  /* NULL: none */
};

/** nub_outcome.output_flag. */
enum nub_output_flag { NUB_OUTPUT_NONE = 0, NUB_OUTPUT_UNREADABLE = 1, NUB_OUTPUT_TOO_LONG = 2 };

/** What invoke and resume answer. The caller sets struct_size and zeroes the rest. */
struct nub_outcome {
    uint32_t struct_size;
    uint32_t output_flag; /* enum nub_output_flag; NONE also when there is an output */
    struct nub_result result;
    struct nub_hash successor; /* zero: nothing was stored */
    struct nub_bytes output;   /* given to the caller */
};

/** For session_open (caps.md 4.5). A paused instance is opened at its stored state. */
struct nub_session_args {
    uint32_t struct_size;
    uint32_t endpoint;   /* idle instances */
    uint32_t gas_model;  /* NUB_GAS_DEFAULT: the backend's */
    uint32_t mem_cycles; /* 0: the backend's */
    struct nub_hash instance;
    uint64_t args[4]; /* idle instances */
    uint64_t gas;
};

enum nub_access { NUB_ACCESS_READ_ONLY = 0, NUB_ACCESS_READ_WRITE = 1 };

/** For get_changes: who is told. The functions return soon and call nothing of the backend. */
struct nub_changes {
    uint32_t struct_size;
    uint32_t reserved; /* zero */
    void *ctx;         /* pass it as the first argument */
    /** Once, first: the wire form that the Instance would have without overlays. */
    void (*header)(void *ctx, struct nub_slice wire);
    /**
     * Ascending, each page once: the NUB_PAGE_SIZE bytes of a page of an overlay that the base has not, or has with
     * other bytes; NULL for a page of the base's overlays that the Instance has not.
     */
    void (*page)(void *ctx, uint32_t address, const uint8_t *bytes);
};

/** heap_stats: the heap of a guest. */
struct nub_heap_stats {
    uint32_t struct_size;
    uint32_t reserved; /* zero */
    uint64_t allocated_bytes;
    uint64_t allocations; /* live */
    uint64_t fragments;   /* free pieces */
    uint64_t available;   /* bytes */
};

/* ---- the functions ---------------------------------------------------------------------- */

/** A mandatory function. Sets `*backend`, passed to every other function. */
typedef int32_t (*nub_create_fn)(const struct nub_create_args *args, void **backend, struct nub_failure *failure);
/** Releases everything. No session is open and no call is running. */
typedef void (*nub_destroy_fn)(void *backend);
/** caps.md 3: BAD_ENCODING, NOT_FOUND (names the referent), NO_SPACE. */
typedef int32_t (*nub_put_cap_fn)(void *backend, struct nub_slice wire, struct nub_hash *hash, struct nub_failure *failure);
/** Runs to an exit; the call is pure (caps.md 4.1). */
typedef int32_t (*nub_invoke_cached_fn)(void *backend, const struct nub_invoke_args *args, struct nub_result *result, struct nub_failure *failure);
/** The head, zero for none (caps.md 4.4). */
typedef int32_t (*nub_state_root_fn)(void *backend, struct nub_hash *root, struct nub_failure *failure);

/** When `hash` is present, `wire` is not read: puts + 1. Else as put_cap, or HASH_MISMATCH. */
typedef int32_t (*nub_put_cap_with_hash_fn)(void *backend, const struct nub_hash *hash, struct nub_slice wire, struct nub_failure *failure);
/** `*present` becomes 0 or 1. */
typedef int32_t (*nub_contains_fn)(void *backend, const struct nub_hash *hash, uint32_t *present, struct nub_failure *failure);
/** The wire form, given to the caller. NOT_FOUND. */
typedef int32_t (*nub_get_cap_fn)(void *backend, const struct nub_hash *hash, struct nub_bytes *wire, struct nub_failure *failure);
/** puts - 1. NOT_FOUND, NOT_HELD. */
typedef int32_t (*nub_drop_cap_fn)(void *backend, const struct nub_hash *hash, struct nub_failure *failure);
/** puts + references, 0 for an absent cap. */
typedef int32_t (*nub_refcount_fn)(void *backend, const struct nub_hash *hash, uint64_t *count, struct nub_failure *failure);
/** The full call (caps.md 4.2). */
typedef int32_t (*nub_invoke_fn)(void *backend, const struct nub_call *call, struct nub_outcome *outcome, struct nub_failure *failure);
/** The same from a paused instance (caps.md 4.3). */
typedef int32_t (*nub_resume_fn)(void *backend, const struct nub_call *call, struct nub_outcome *outcome, struct nub_failure *failure);
/** A present Instance, or zero for none (caps.md 4.4). */
typedef int32_t (*nub_set_state_root_fn)(void *backend, const struct nub_hash *root, struct nub_failure *failure);

/** Sets `*session`, passed to the session functions; close it before destroy. */
typedef int32_t (*nub_session_open_fn)(void *backend, const struct nub_session_args *args, void **session, struct nub_failure *failure);
/** Runs on from the session's registers, pc and gas to the next exit. */
typedef int32_t (*nub_session_run_fn)(void *session, struct nub_result *result, struct nub_failure *failure);
typedef int32_t (*nub_session_get_regs_fn)(void *session, uint64_t regs[NUB_N_REGS], struct nub_failure *failure);
typedef int32_t (*nub_session_set_regs_fn)(void *session, const uint64_t regs[NUB_N_REGS], struct nub_failure *failure);
typedef int32_t (*nub_session_get_pc_fn)(void *session, uint32_t *pc, struct nub_failure *failure);
typedef int32_t (*nub_session_set_pc_fn)(void *session, uint32_t pc, struct nub_failure *failure);
typedef int32_t (*nub_session_get_gas_fn)(void *session, uint64_t *gas, struct nub_failure *failure);
/** Cut to NUB_GAS_MAX. */
typedef int32_t (*nub_session_set_gas_fn)(void *session, uint64_t gas, struct nub_failure *failure);
/** All or nothing; NOT_MAPPED with the page; beyond 2^32 is INVALID_ARGUMENT. */
typedef int32_t (*nub_session_read_fn)(void *session, uint64_t address, void *data, uint64_t size, struct nub_failure *failure);
typedef int32_t (*nub_session_write_fn)(void *session, uint64_t address, const void *data, uint64_t size, struct nub_failure *failure);
/** Zeroed pages; ALREADY_MAPPED with the page, INVALID_ARGUMENT. `access` is enum nub_access. */
typedef int32_t (*nub_session_map_fn)(void *session, uint64_t address, uint64_t size, uint32_t access, struct nub_failure *failure);
/** caps.md 4.5: puts the successor of the last exit; `advance` 0 or 1. */
typedef int32_t (*nub_session_commit_fn)(void *session, uint32_t advance, struct nub_hash *successor, struct nub_failure *failure);
typedef void (*nub_session_close_fn)(void *session);
/** From any thread: the running or next run ends with CANCELLED; then only close is allowed. */
typedef void (*nub_session_interrupt_fn)(void *session);

typedef int32_t (*nub_heap_stats_fn)(void *backend, struct nub_heap_stats *stats, struct nub_failure *failure);
/** Calls `each` once per counter: `name` is an OpenMetrics name such as "nub_calls_total". */
typedef int32_t (*nub_stats_fn)(void *backend, void (*each)(void *ctx, const char *name, uint64_t value), void *ctx, struct nub_failure *failure);
/** Forgets all compiled or pre-decoded code (for cold benchmarks). Programs in use stay. */
typedef int32_t (*nub_evict_fn)(void *backend, struct nub_failure *failure);

/**
 * What makes the Instance `hash` of the Instance `base`, so that storing a successor costs what its run touched. Both
 * are present: NOT_FOUND names the one that is not, NOT_AN_INSTANCE the one that is another kind.
 */
typedef int32_t (*nub_get_changes_fn)(void *backend, const struct nub_hash *base, const struct nub_hash *hash, const struct nub_changes *changes, struct nub_failure *failure);

/** What a backend can do. Append only. Members marked optional may be NULL: NOT_SUPPORTED. */
struct nub_backend_ops {
    uint32_t struct_size; /* sizeof as the module's compiler saw it */
    uint32_t features;    /* none defined: 0 */
    nub_create_fn create;               /* mandatory */
    nub_destroy_fn destroy;             /* mandatory */
    nub_put_cap_fn put_cap;             /* mandatory */
    nub_invoke_cached_fn invoke_cached; /* mandatory */
    nub_state_root_fn state_root;       /* mandatory */
    nub_put_cap_with_hash_fn put_cap_with_hash; /* optional from here on */
    nub_contains_fn contains;
    nub_get_cap_fn get_cap;
    nub_drop_cap_fn drop_cap;
    nub_refcount_fn refcount;
    nub_invoke_fn invoke;
    nub_resume_fn resume;
    nub_set_state_root_fn set_state_root;
    nub_session_open_fn session_open; /* with it: run, get/set regs, pc, gas, read, write, map, close */
    nub_session_run_fn session_run;
    nub_session_get_regs_fn session_get_regs;
    nub_session_set_regs_fn session_set_regs;
    nub_session_get_pc_fn session_get_pc;
    nub_session_set_pc_fn session_set_pc;
    nub_session_get_gas_fn session_get_gas;
    nub_session_set_gas_fn session_set_gas;
    nub_session_read_fn session_read;
    nub_session_write_fn session_write;
    nub_session_map_fn session_map;
    nub_session_commit_fn session_commit; /* optional on its own */
    nub_session_close_fn session_close;
    nub_session_interrupt_fn session_interrupt; /* optional on its own */
    nub_heap_stats_fn heap_stats;
    nub_stats_fn stats;
    nub_evict_fn evict;
    nub_get_changes_fn get_changes;
};

/* ---- stores ------------------------------------------------------------------------------ */

/** For nub_store_ops.create. */
struct nub_store_args {
    uint32_t struct_size;
    uint32_t n_options;
    const struct nub_option *options;
    const struct nub_host *host; /* log only */
};

/** A record to be written: the caller vouches that `hash` is its name. */
struct nub_store_cap {
    struct nub_hash hash;
    struct nub_slice wire;
};

/** A name to be set: UTF-8, 1..255 bytes; a zero hash removes it. */
struct nub_store_name {
    const char *name;
    struct nub_hash hash;
};

/** One transaction: all of it becomes durable, or none. */
struct nub_store_batch {
    uint32_t struct_size;
    uint32_t n_caps;
    const struct nub_store_cap *caps; /* those that are stored already are not written again */
    uint32_t n_names;
    uint32_t n_removed;
    const struct nub_store_name *names;
    const struct nub_hash *removed; /* capabilities to forget; absent ones are no error */
    uint32_t n_parts; /* from here on zero for a module without get_part */
    uint32_t n_removed_parts;
    const struct nub_store_cap *parts; /* as caps, in the other table */
    const struct nub_hash *removed_parts;
};

/**
 * What a store module does: it keeps records by hash and hashes by name, on disk or elsewhere. It
 * judges nothing: what is in a record (a capability, as its wire form or as core lays it down), what
 * refers to what, and whether a record fits its hash, is its callers' business. Functions up to
 * each_name are mandatory. All may be called from several threads at once.
 *
 * A module that has get_part and each_part keeps a second table beside that of capabilities, of the
 * same shape: parts, which several capabilities share (docs/store.md). Without them every capability
 * is stored whole.
 */
struct nub_store_ops {
    uint32_t struct_size;
    uint32_t features; /* none defined: 0 */
    int32_t (*create)(const struct nub_store_args *args, void **store, struct nub_failure *failure);
    void (*destroy)(void *store);
    /** The record of a capability, given to the caller. NOT_FOUND. */
    int32_t (*get)(void *store, const struct nub_hash *hash, struct nub_bytes *wire, struct nub_failure *failure);
    int32_t (*contains)(void *store, const struct nub_hash *hash, uint32_t *present, struct nub_failure *failure);
    /** When it returns NUB_OK the batch is on disk and survives a crash of the machine. */
    int32_t (*write)(void *store, const struct nub_store_batch *batch, struct nub_failure *failure);
    /** Zero when there is no such name. */
    int32_t (*get_name)(void *store, const char *name, struct nub_hash *hash, struct nub_failure *failure);
    /** One consistent view each, in ascending order; ends early when `each` returns 0. `each` must not call the store. */
    int32_t (*each_cap)(void *store, uint32_t (*each)(void *ctx, const struct nub_hash *hash, uint64_t size), void *ctx, struct nub_failure *failure);
    int32_t (*each_name)(void *store, uint32_t (*each)(void *ctx, const char *name, const struct nub_hash *hash), void *ctx, struct nub_failure *failure);
    /** get and each_cap for parts. Optional, both or neither. */
    int32_t (*get_part)(void *store, const struct nub_hash *hash, struct nub_bytes *record, struct nub_failure *failure);
    int32_t (*each_part)(void *store, uint32_t (*each)(void *ctx, const struct nub_hash *hash, uint64_t size), void *ctx, struct nub_failure *failure);
};

/** What the entry returns; constant for the life of the process. */
struct nub_plugin {
    uint32_t abi_version; /* NUB_ABI_VERSION */
    uint32_t struct_size; /* sizeof(struct nub_plugin) as the module's compiler saw it */
    const char *name;     /* of the module, e.g. "local" */
    const char *version;
    const char *summary;  /* one sentence for `nub backends` */
    const struct nub_option_desc *options;
    uint64_t n_options;
    const struct nub_backend_ops *ops;     /* NULL: the module is no backend */
    const struct nub_store_ops *store_ops; /* NULL: the module is no store */
};

/** The one exported symbol of a module. Called before anything else; every call answers the same. */
typedef const struct nub_plugin *(*nub_plugin_entry_fn)(void);

#ifdef __cplusplus
#define NUB_PLUGIN_EXTERN_C extern "C"
#else
#define NUB_PLUGIN_EXTERN_C
#endif

/**
 * Defines the entry of a module: NUB_PLUGIN_DEFINE(local, my_plugin). When NUB_PLUGIN_STATIC is
 * set the symbol is nub_plugin_entry_local instead, so that tests can link several modules.
 */
#ifdef NUB_PLUGIN_STATIC
#define NUB_PLUGIN_DEFINE(id, plugin)                                            \
    NUB_PLUGIN_EXTERN_C const struct nub_plugin *nub_plugin_entry_##id(void);    \
    NUB_PLUGIN_EXTERN_C const struct nub_plugin *nub_plugin_entry_##id(void)     \
    {                                                                            \
        return &(plugin);                                                        \
    }
#else
#define NUB_PLUGIN_DEFINE(id, plugin)                                                          \
    NUB_PLUGIN_EXTERN_C NUB_PLUGIN_EXPORT const struct nub_plugin *nub_plugin_entry(void);     \
    NUB_PLUGIN_EXTERN_C NUB_PLUGIN_EXPORT const struct nub_plugin *nub_plugin_entry(void)      \
    {                                                                                          \
        return &(plugin);                                                                      \
    }
#endif

#ifdef __cplusplus
}
#endif
#endif
