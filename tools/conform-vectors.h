/* conform-vectors.h - the two kinds of vector files as structs
 *
 * A file is read and judged completely before anything is run: what these functions return is
 * well-formed. The formats: tests/vectors/programs/README.md and tests/vectors/caps/README.md.
 */
#ifndef NUB_TOOLS_CONFORM_VECTORS_H
#define NUB_TOOLS_CONFORM_VECTORS_H

#include "conform-json.h"

#include <nub/types.h>

/* ---- programs ------------------------------------------------------------------------------ */

enum nub_program_step_kind {
    NUB_PROGRAM_MAP,
    NUB_PROGRAM_WRITE,
    NUB_PROGRAM_SET_REG,
    NUB_PROGRAM_RUN,
    NUB_PROGRAM_ASSERT
};

/** A stretch of memory with its content. */
struct nub_memory_run {
    guint64 address;
    GBytes *contents;
};

struct nub_program_assert {
    guint32 exit_reason; /* enum nub_exit_reason */
    guint32 exit_arg;
    guint64 gas;
    guint32 pc;
    guint64 regs[NUB_N_REGS];
    GArray *memory; /* struct nub_memory_run */
};

struct nub_program_step {
    enum nub_program_step_kind kind;
    union {
        struct {
            guint64 address, length;
            bool is_writable;
        } map;
        struct nub_memory_run write;
        struct {
            guint reg;
            guint64 value;
        } set_reg;
        struct nub_program_assert assert;
    } u;
};

struct nub_block_cost {
    guint32 pc;
    guint64 cost;
};

typedef struct {
    char *name;
    guint32 gas_model; /* enum nub_gas_model */
    guint32 mem_cycles;
    guint32 initial_pc;
    guint64 initial_gas;
    GBytes *program; /* the blob */
    GArray *steps;   /* struct nub_program_step */
    GArray *costs;   /* struct nub_block_cost; empty with the model `instruction` */
} NubProgramVector;

/** True for a document with the fields of a program vector rather than those of a scenario. */
bool nub_program_vector_recognise(const NubJsonDoc *doc);
NubProgramVector *nub_program_vector_read(const NubJsonDoc *doc, GError **error);
void nub_program_vector_free(NubProgramVector *vector);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(NubProgramVector, nub_program_vector_free)

/* ---- capabilities -------------------------------------------------------------------------- */

enum nub_caps_step_kind {
    NUB_CAPS_PUT,
    NUB_CAPS_PUT_WIRE,
    NUB_CAPS_PUT_WITH_HASH,
    NUB_CAPS_DROP,
    NUB_CAPS_REFCOUNT,
    NUB_CAPS_CONTAINS,
    NUB_CAPS_GET,
    NUB_CAPS_BUNDLE,
    NUB_CAPS_LOAD_BUNDLE,
    NUB_CAPS_SET_STATE_ROOT,
    NUB_CAPS_STATE_ROOT,
    NUB_CAPS_INVOKE,
    NUB_CAPS_RESUME,
    NUB_CAPS_SESSION,
    /* within a session */
    NUB_CAPS_RUN,
    NUB_CAPS_STATE,
    NUB_CAPS_READ,
    NUB_CAPS_WRITE,
    NUB_CAPS_MAP,
    NUB_CAPS_SET_REG,
    NUB_CAPS_SET_PC,
    NUB_CAPS_N_KINDS
};

/** What a call is expected to answer: an error or a result. */
struct nub_caps_expect {
    gint32 status;          /* enum nub_status; NUB_OK: a result */
    bool names_hash;        /* of an error */
    struct nub_hash hash;   /* that the error names */
    struct nub_result result;
    GBytes *output;         /* NULL: none was asked for */
    guint32 output_flag;    /* enum nub_output_flag */
    bool has_successor;
    struct nub_hash successor;
    GBytes *successor_wire; /* NULL: not given */
};

/** Fields that a step lacks are zero. */
struct nub_caps_step {
    enum nub_caps_step_kind kind;
    gint32 status; /* `expect` of all but invoke and resume: enum nub_status */
    struct nub_hash hash; /* hash, instance, root, value of state-root; of `put` and `put-with-hash` by label: the cap's */
    bool has_root;   /* load-bundle: `hash` is given */
    bool has_missing;
    struct nub_hash missing;
    GBytes *wire;    /* of the cap or the bundle; what `get` gives; what session reads and writes */
    GPtrArray *caps; /* bundle: GBytes, not owned */
    guint64 value;   /* refcount; set-reg */
    bool present;    /* contains */
    guint32 endpoint;
    guint64 args[4];
    guint64 gas;
    bool has_regs;
    guint64 regs[NUB_N_REGS];
    GBytes *input; /* NULL: none */
    bool wants_output;
    guint64 max_output;
    bool commit, advance;
    bool has_expected_head;
    struct nub_hash expected_head;
    struct nub_caps_expect expect;
    GArray *runs; /* session: struct nub_caps_step */
    guint32 reg, pc;
    guint64 address, length;
    guint32 access; /* enum nub_access */
    bool has_page;
    guint64 page;
};

struct nub_caps_cap {
    char *label;
    GBytes *wire;
    struct nub_hash hash;
};

typedef struct {
    char *name, *about;
    guint32 gas_model;
    guint32 mem_cycles;
    GArray *caps;  /* struct nub_caps_cap */
    GArray *steps; /* struct nub_caps_step */
} NubCapsVector;

bool nub_caps_vector_recognise(const NubJsonDoc *doc);
NubCapsVector *nub_caps_vector_read(const NubJsonDoc *doc, GError **error);
void nub_caps_vector_free(NubCapsVector *vector);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(NubCapsVector, nub_caps_vector_free)

/** "put-with-hash", ... */
const char *nub_caps_step_name(enum nub_caps_step_kind kind);

/* ---- shared -------------------------------------------------------------------------------- */

/** The fields `gas-model` and `mem-cycles` (25 if absent). */
void nub_vector_read_gas(struct nub_json_reader *reader, const struct nub_json *object, guint32 *model, guint32 *mem_cycles);

#endif
