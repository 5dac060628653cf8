/* conform-caps-private.h - what reading a scenario shares between its fields and its steps */
#ifndef NUB_TOOLS_CONFORM_CAPS_PRIVATE_H
#define NUB_TOOLS_CONFORM_CAPS_PRIVATE_H

#include "conform-vectors.h"

struct nub_caps_context {
    struct nub_json_reader reader;
    GHashTable *labels; /* label -> index into vector->caps, plus one */
    NubCapsVector *vector;
};

/** A field of a step: how it is read, where to, and the bool that says it was there. */
struct nub_caps_field {
    const char *key;
    void (*read)(struct nub_caps_context *context, const struct nub_json *object, const struct nub_caps_field *field, struct nub_caps_step *step);
    gsize member;
    gsize was_there; /* 0: none */
};

/** Steps name their fields by these, as bits. */
enum nub_caps_field_id {
    CAP, /* before HASH: see read_label() */
    CAPS,
    WIRE,
    DATA,
    FIELD,
    HASH,
    INSTANCE,
    ROOT,
    VALUE_HASH,
    VALUE_DECIMAL,
    VALUE_BOOL,
    MISSING,
    ENDPOINT,
    ARGS,
    GAS,
    REGS,
    INPUT,
    INPUT_FILL,
    MAX_OUTPUT,
    COMMIT,
    COMMIT_SESSION,
    ADVANCE,
    EXPECTED_HEAD,
    EXPECT,
    EXPECT_CALL,
    EXPECT_RUN,
    RUNS,
    REG,
    PC,
    ADDRESS,
    LENGTH,
    ACCESS,
    PAGE,
    N_FIELDS
};

extern const struct nub_caps_field nub_caps_fields[N_FIELDS];

/** Reads a field that is there, or must be. */
void nub_caps_read_field(struct nub_caps_context *context, const struct nub_json *object, const struct nub_caps_field *field, struct nub_caps_step *step);
void nub_caps_get_hash(struct nub_caps_context *context, const struct nub_json *object, const char *key, struct nub_hash *hash);
/** The steps of an array, added to `steps`. */
void nub_caps_read_steps(struct nub_caps_context *context, const struct nub_json *array, bool in_session, GArray *steps);

#endif
