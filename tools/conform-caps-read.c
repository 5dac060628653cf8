/* conform-caps-read.c - a capability scenario, from JSON to a struct
 *
 * Two tables: the fields that steps have, and the steps with the fields each wants and may have.
 * Everything is judged before anything is run. The format: tests/vectors/caps/README.md.
 */
#include "conform-vectors.h"

#include "failure.h"

#include <nub/plugin.h>
#include <string.h>

struct context {
    struct nub_json_reader reader;
    GHashTable *labels; /* label -> index into vector->caps, plus one */
    NubCapsVector *vector;
};

/* A field of a step: how it is read, where to, and the bool that says it was there. */
struct field {
    const char *key;
    void (*read)(struct context *context, const struct nub_json *object, const struct field *field,
                 struct nub_caps_step *step);
    gsize member;
    gsize was_there; /* 0: none */
};

#define MEMBER(type, step, field) ((type *)(void *)((char *)(step) + (field)->member))

/* Longest stretch of memory or input that a vector may ask for. */
#define MAX_STRETCH (1u << 26)

static void read_steps(struct context *context, const struct nub_json *array, bool in_session,
                       GArray *steps);

static void
get_hash(struct context *context, const struct nub_json *object, const char *key,
         struct nub_hash *hash)
{
    nub_json_get_hex_exact(&context->reader, object, key, hash->bytes, sizeof hash->bytes);
}

static gint32
status_of(struct context *context, const struct nub_json *object, const char *key)
{
    const char *name = nub_json_get_string(&context->reader, object, key);

    if (!name || strcmp(name, "ok") == 0)
        return NUB_OK;
    gint32 status = nub_status_from_name(name);
    if (status <= 0)
        nub_json_fail(&context->reader, nub_json_find(object, key),
                      "\"%s\": unknown error name \"%s\"", key, name);
    return status;
}

/* ---- what calls answer --------------------------------------------------------------------- */

static void
read_error(struct context *context, const struct nub_json *object, struct nub_caps_expect *expect)
{
    static const char *const keys[] = { "error", "hash", NULL };

    nub_json_check_keys(&context->reader, object, keys);
    expect->status = status_of(context, object, "error");
    if (expect->status == NUB_OK)
        nub_json_fail(&context->reader, object, "\"error\": ok is no error");
    expect->names_hash = nub_json_find(object, "hash") != NULL;
    if (expect->names_hash)
        get_hash(context, object, "hash", &expect->hash);
}

static void
read_successor(struct context *context, const struct nub_json *object,
               struct nub_caps_expect *expect)
{
    expect->has_successor = nub_json_find(object, "successor") != NULL;
    if (!expect->has_successor)
        return;
    get_hash(context, object, "successor", &expect->successor);
    if (nub_json_find(object, "successor-wire"))
        expect->successor_wire = nub_json_get_hex(&context->reader, object, "successor-wire");
}

static void
read_output(struct context *context, const struct nub_json *object, struct nub_caps_expect *expect)
{
    static const char *const flags[] = { [NUB_OUTPUT_NONE] = "none",
                                         [NUB_OUTPUT_UNREADABLE] = "unreadable",
                                         [NUB_OUTPUT_TOO_LONG] = "too_long" };

    if (!nub_json_find(object, "output"))
        return;
    expect->output = nub_json_get_hex(&context->reader, object, "output");
    const char *flag = nub_json_get_string(&context->reader, object, "output-flag");
    while (flag && expect->output_flag < G_N_ELEMENTS(flags) &&
           strcmp(flags[expect->output_flag], flag) != 0)
        expect->output_flag++;
    if (expect->output_flag == G_N_ELEMENTS(flags))
        nub_json_fail(&context->reader, nub_json_find(object, "output-flag"),
                      "unknown output flag \"%s\"", flag);
}

static void
read_result(struct context *context, const struct nub_json *object, struct nub_result *result)
{
    struct nub_json_reader *reader = &context->reader;

    result->exit_reason = (guint32)nub_json_get_uint(reader, object, "exit-reason", NUB_EXIT_TRAP);
    result->exit_arg = (guint32)nub_json_get_uint(reader, object, "exit-arg", G_MAXUINT32);
    result->return_value = nub_json_get_decimal(reader, object, "return-value");
    result->gas_remaining = nub_json_get_decimal(reader, object, "gas-remaining");
}

static void
read_expect_call(struct context *context, const struct nub_json *object, const struct field *field,
                 struct nub_caps_step *step)
{
    static const char *const keys[] = { "exit-reason",   "exit-arg",       "return-value",
                                        "gas-remaining", "output",         "output-flag",
                                        "successor",     "successor-wire", NULL };
    const struct nub_json *expect =
        nub_json_get(&context->reader, object, field->key, NUB_JSON_OBJECT);

    if (!expect)
        return;
    if (nub_json_find(expect, "error")) {
        read_error(context, expect, &step->expect);
        return;
    }
    nub_json_check_keys(&context->reader, expect, keys);
    read_result(context, expect, &step->expect.result);
    read_output(context, expect, &step->expect);
    read_successor(context, expect, &step->expect);
}

static void
read_expect_run(struct context *context, const struct nub_json *object, const struct field *field,
                struct nub_caps_step *step)
{
    static const char *const keys[] = { "exit-reason", "exit-arg", "return-value", "gas-remaining",
                                        NULL };
    const struct nub_json *expect =
        nub_json_get(&context->reader, object, field->key, NUB_JSON_OBJECT);

    if (!expect)
        return;
    nub_json_check_keys(&context->reader, expect, keys);
    read_result(context, expect, &step->expect.result);
}

static void
read_expect_status(struct context *context, const struct nub_json *object,
                   const struct field *field, struct nub_caps_step *step)
{
    step->status = status_of(context, object, field->key);
}

static void
read_session_commit(struct context *context, const struct nub_json *object,
                    const struct field *field, struct nub_caps_step *step)
{
    static const char *const keys[] = { "successor", "successor-wire", NULL };
    const struct nub_json *commit =
        nub_json_get(&context->reader, object, field->key, NUB_JSON_OBJECT);

    if (!commit)
        return;
    step->commit = true;
    if (nub_json_find(commit, "error")) {
        read_error(context, commit, &step->expect);
        return;
    }
    nub_json_check_keys(&context->reader, commit, keys);
    read_successor(context, commit, &step->expect);
    if (!step->expect.has_successor)
        nub_json_fail(&context->reader, commit, "\"commit\": the successor is missing");
}

/* ---- fields -------------------------------------------------------------------------------- */

static struct nub_caps_cap *
find_cap(struct context *context, const struct nub_json *at, const char *label)
{
    guint index = GPOINTER_TO_UINT(g_hash_table_lookup(context->labels, label));

    if (index == 0) {
        nub_json_fail(&context->reader, at, "no cap has the label \"%s\"", label);
        return NULL;
    }
    return &g_array_index(context->vector->caps, struct nub_caps_cap, index - 1);
}

static void
read_label(struct context *context, const struct nub_json *object, const struct field *field,
           struct nub_caps_step *step)
{
    const char *label = nub_json_get_string(&context->reader, object, field->key);
    const struct nub_caps_cap *cap = label ? find_cap(context, object, label) : NULL;

    if (!cap)
        return;
    step->wire = g_bytes_ref(cap->wire);
    step->hash = cap->hash; /* a field "hash" of the step itself is read after this one */
}

static void
read_labels(struct context *context, const struct nub_json *object, const struct field *field,
            struct nub_caps_step *step)
{
    const struct nub_json *array =
        nub_json_get(&context->reader, object, field->key, NUB_JSON_ARRAY);

    step->caps = g_ptr_array_new();
    for (const struct nub_json *value = array ? array->u.first : NULL; value; value = value->next) {
        const struct nub_caps_cap *cap = NULL;
        if (value->type != NUB_JSON_STRING)
            nub_json_fail(&context->reader, value, "\"caps\": expected labels");
        else
            cap = find_cap(context, value, value->u.string);
        if (!cap)
            return;
        g_ptr_array_add(step->caps, cap->wire);
    }
}

static void
read_wire(struct context *context, const struct nub_json *object, const struct field *field,
          struct nub_caps_step *step)
{
    if (step->wire)
        nub_json_fail(&context->reader, object, "\"cap\" and \"wire\" exclude each other");
    else
        step->wire = nub_json_get_hex(&context->reader, object, field->key);
}

/* For people: read and not kept. */
static void
read_and_forget(struct context *context, const struct nub_json *object, const struct field *field,
                struct nub_caps_step *step)
{
    (void)step;
    nub_json_get_string(&context->reader, object, field->key);
}

static void
read_hash(struct context *context, const struct nub_json *object, const struct field *field,
          struct nub_caps_step *step)
{
    get_hash(context, object, field->key, MEMBER(struct nub_hash, step, field));
}

static void
read_decimal(struct context *context, const struct nub_json *object, const struct field *field,
             struct nub_caps_step *step)
{
    *MEMBER(guint64, step, field) = nub_json_get_decimal(&context->reader, object, field->key);
}

static void
read_args(struct context *context, const struct nub_json *object, const struct field *field,
          struct nub_caps_step *step)
{
    nub_json_get_decimals(&context->reader, object, field->key, step->args, 4);
}

static void
read_regs(struct context *context, const struct nub_json *object, const struct field *field,
          struct nub_caps_step *step)
{
    nub_json_get_decimals(&context->reader, object, field->key, step->regs, NUB_N_REGS);
}

static void
read_bool(struct context *context, const struct nub_json *object, const struct field *field,
          struct nub_caps_step *step)
{
    *MEMBER(bool, step, field) = nub_json_get_bool(&context->reader, object, field->key);
}

static void
read_u32(struct context *context, const struct nub_json *object, const struct field *field,
         struct nub_caps_step *step)
{
    *MEMBER(guint32, step, field) =
        (guint32)nub_json_get_uint(&context->reader, object, field->key, G_MAXUINT32);
}

static void
read_u64(struct context *context, const struct nub_json *object, const struct field *field,
         struct nub_caps_step *step)
{
    *MEMBER(guint64, step, field) =
        nub_json_get_uint(&context->reader, object, field->key, G_MAXUINT64);
}

static void
read_length(struct context *context, const struct nub_json *object, const struct field *field,
            struct nub_caps_step *step)
{
    step->length = nub_json_get_uint(&context->reader, object, field->key, MAX_STRETCH);
}

static void
read_reg(struct context *context, const struct nub_json *object, const struct field *field,
         struct nub_caps_step *step)
{
    step->reg = (guint32)nub_json_get_uint(&context->reader, object, field->key, NUB_N_REGS - 1);
}

static void
read_access(struct context *context, const struct nub_json *object, const struct field *field,
            struct nub_caps_step *step)
{
    const char *access = nub_json_get_string(&context->reader, object, field->key);

    if (access && strcmp(access, "ro") != 0 && strcmp(access, "rw") != 0)
        nub_json_fail(&context->reader, object, "\"access\": neither \"ro\" nor \"rw\"");
    step->access = g_strcmp0(access, "rw") == 0 ? NUB_ACCESS_READ_WRITE : NUB_ACCESS_READ_ONLY;
}

static void
read_input(struct context *context, const struct nub_json *object, const struct field *field,
           struct nub_caps_step *step)
{
    if (step->input)
        nub_json_fail(&context->reader, object, "\"input\" and \"input-fill\" exclude each other");
    else
        step->input = nub_json_get_hex(&context->reader, object, field->key);
}

static void
read_input_fill(struct context *context, const struct nub_json *object, const struct field *field,
                struct nub_caps_step *step)
{
    static const char *const keys[] = { "length", "byte", NULL };
    struct nub_json_reader *reader = &context->reader;
    const struct nub_json *fill = nub_json_get(reader, object, field->key, NUB_JSON_OBJECT);

    if (!fill)
        return;
    nub_json_check_keys(reader, fill, keys);
    guint64 length = nub_json_get_decimal(reader, fill, "length");
    guint8 byte = (guint8)nub_json_get_uint(reader, fill, "byte", 255);
    if (length > MAX_STRETCH)
        nub_json_fail(reader, fill, "\"input-fill\": the length is above 2^26");
    if (reader->error)
        return;
    guint8 *input = g_malloc(length);
    memset(input, byte, length);
    step->input = g_bytes_new_take(input, length);
}

static void
read_runs(struct context *context, const struct nub_json *object, const struct field *field,
          struct nub_caps_step *step)
{
    const struct nub_json *runs =
        nub_json_get(&context->reader, object, field->key, NUB_JSON_ARRAY);

    if (runs)
        read_steps(context, runs, true, step->runs);
}

enum field_id {
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

#define AT(member) offsetof(struct nub_caps_step, member)

static const struct field fields[N_FIELDS] = {
    [CAP] = { "cap", read_label },
    [CAPS] = { "caps", read_labels },
    [WIRE] = { "wire", read_wire },
    [DATA] = { "data", read_wire },
    [FIELD] = { "field", read_and_forget },
    [HASH] = { "hash", read_hash, AT(hash) },
    [INSTANCE] = { "instance", read_hash, AT(hash) },
    [ROOT] = { "root", read_hash, AT(hash), AT(has_root) },
    [VALUE_HASH] = { "value", read_hash, AT(hash) },
    [VALUE_DECIMAL] = { "value", read_decimal, AT(value) },
    [VALUE_BOOL] = { "value", read_bool, AT(present) },
    [MISSING] = { "missing", read_hash, AT(missing), AT(has_missing) },
    [ENDPOINT] = { "endpoint", read_u32, AT(endpoint) },
    [ARGS] = { "args", read_args },
    [GAS] = { "gas", read_decimal, AT(gas) },
    [REGS] = { "regs", read_regs, 0, AT(has_regs) },
    [INPUT] = { "input", read_input },
    [INPUT_FILL] = { "input-fill", read_input_fill },
    [MAX_OUTPUT] = { "max-output", read_decimal, AT(max_output), AT(wants_output) },
    [COMMIT] = { "commit", read_bool, AT(commit) },
    [COMMIT_SESSION] = { "commit", read_session_commit },
    [ADVANCE] = { "advance", read_bool, AT(advance) },
    [EXPECTED_HEAD] = { "expected-head", read_hash, AT(expected_head), AT(has_expected_head) },
    [EXPECT] = { "expect", read_expect_status },
    [EXPECT_CALL] = { "expect", read_expect_call },
    [EXPECT_RUN] = { "expect", read_expect_run },
    [RUNS] = { "runs", read_runs },
    [REG] = { "reg", read_reg },
    [PC] = { "pc", read_u32, AT(pc) },
    [ADDRESS] = { "address", read_u64, AT(address) },
    [LENGTH] = { "length", read_length },
    [ACCESS] = { "access", read_access },
    [PAGE] = { "page", read_u64, AT(page), AT(has_page) },
};

#define F(name) (G_GUINT64_CONSTANT(1) << (name))

/* ---- steps --------------------------------------------------------------------------------- */

static const struct step_kind {
    const char *key;
    bool in_session;    /* only there */
    guint64 wants, may; /* bits of enum field_id */
} step_kinds[NUB_CAPS_N_KINDS] = {
    [NUB_CAPS_PUT] = { "put", false, F(CAP) | F(EXPECT), F(MISSING) },
    [NUB_CAPS_PUT_WIRE] = { "put-wire", false, F(WIRE) | F(EXPECT), F(FIELD) },
    [NUB_CAPS_PUT_WITH_HASH] = { "put-with-hash", false, F(HASH) | F(EXPECT),
                                 F(CAP) | F(WIRE) | F(MISSING) },
    [NUB_CAPS_DROP] = { "drop", false, F(HASH) | F(EXPECT), 0 },
    [NUB_CAPS_REFCOUNT] = { "refcount", false, F(HASH) | F(VALUE_DECIMAL), 0 },
    [NUB_CAPS_CONTAINS] = { "contains", false, F(HASH) | F(VALUE_BOOL), 0 },
    [NUB_CAPS_GET] = { "get", false, F(HASH) | F(EXPECT), F(WIRE) },
    [NUB_CAPS_BUNDLE] = { "bundle", false, F(CAPS) | F(WIRE) | F(ROOT), 0 },
    [NUB_CAPS_LOAD_BUNDLE] = { "load-bundle", false, F(WIRE) | F(EXPECT), F(ROOT) | F(MISSING) },
    [NUB_CAPS_SET_STATE_ROOT] = { "set-state-root", false, F(HASH) | F(EXPECT), 0 },
    [NUB_CAPS_STATE_ROOT] = { "state-root", false, F(VALUE_HASH), 0 },
    [NUB_CAPS_INVOKE] = { "invoke", false,
                          F(INSTANCE) | F(ENDPOINT) | F(ARGS) | F(GAS) | F(COMMIT) | F(ADVANCE) |
                              F(EXPECT_CALL),
                          F(INPUT) | F(INPUT_FILL) | F(MAX_OUTPUT) | F(EXPECTED_HEAD) },
    [NUB_CAPS_RESUME] = { "resume", false,
                          F(INSTANCE) | F(GAS) | F(COMMIT) | F(ADVANCE) | F(EXPECT_CALL),
                          F(REGS) | F(MAX_OUTPUT) | F(EXPECTED_HEAD) },
    [NUB_CAPS_SESSION] = { "session", false, F(INSTANCE) | F(ENDPOINT) | F(ARGS) | F(GAS) | F(RUNS),
                           F(COMMIT_SESSION) },
    [NUB_CAPS_RUN] = { "run", true, F(EXPECT_RUN), 0 },
    [NUB_CAPS_STATE] = { "state", true, F(REGS) | F(PC) | F(GAS), 0 },
    [NUB_CAPS_READ] = { "read", true, F(ADDRESS) | F(LENGTH) | F(EXPECT), F(DATA) | F(PAGE) },
    [NUB_CAPS_WRITE] = { "write", true, F(ADDRESS) | F(DATA) | F(EXPECT), F(PAGE) },
    [NUB_CAPS_MAP] = { "map", true, F(ADDRESS) | F(LENGTH) | F(ACCESS) | F(EXPECT), F(PAGE) },
    [NUB_CAPS_SET_REG] = { "set-reg", true, F(REG) | F(VALUE_DECIMAL), 0 },
    [NUB_CAPS_SET_PC] = { "set-pc", true, F(PC), 0 },
};

const char *
nub_caps_step_name(enum nub_caps_step_kind kind)
{
    return step_kinds[kind].key;
}

static void
step_clear(gpointer data)
{
    struct nub_caps_step *step = data;

    g_clear_pointer(&step->wire, g_bytes_unref);
    g_clear_pointer(&step->input, g_bytes_unref);
    g_clear_pointer(&step->expect.output, g_bytes_unref);
    g_clear_pointer(&step->expect.successor_wire, g_bytes_unref);
    g_clear_pointer(&step->caps, g_ptr_array_unref);
    g_clear_pointer(&step->runs, g_array_unref);
}

static GArray *
new_steps(void)
{
    GArray *steps = g_array_new(FALSE, TRUE, sizeof(struct nub_caps_step));

    g_array_set_clear_func(steps, step_clear);
    return steps;
}

static void
check_step_keys(struct context *context, const struct nub_json *object,
                const struct step_kind *kind)
{
    const char *keys[N_FIELDS + 1];
    guint n = 0;

    for (guint i = 0; i < N_FIELDS; i++)
        if ((kind->wants | kind->may) & F(i))
            keys[n++] = fields[i].key;
    keys[n] = NULL;
    nub_json_check_keys(&context->reader, object, keys);
}

/* What the tables cannot say: fields that go together. */
static void
check_step(struct context *context, const struct nub_json *object, const struct nub_caps_step *step)
{
    struct nub_json_reader *reader = &context->reader;
    bool is_result = step->expect.status == NUB_OK;

    switch (step->kind) {
    case NUB_CAPS_PUT_WITH_HASH:
        if (!step->wire)
            nub_json_fail(reader, object, "neither \"cap\" nor \"wire\" is there");
        break;
    case NUB_CAPS_GET:
        if (!step->wire == (step->status == NUB_OK))
            nub_json_fail(reader, object, "\"wire\" goes with \"ok\"");
        break;
    case NUB_CAPS_READ:
        if (!step->wire == (step->status == NUB_OK))
            nub_json_fail(reader, object, "\"data\" goes with \"ok\"");
        break;
    case NUB_CAPS_INVOKE:
    case NUB_CAPS_RESUME:
        if (step->expect.has_successor != (is_result && step->commit))
            nub_json_fail(reader, object, "\"successor\" goes with \"commit\"");
        if (!step->expect.output == (is_result && step->wants_output))
            nub_json_fail(reader, object, "\"output\" goes with \"max-output\"");
        break;
    default:
        break;
    }
}

static void
read_field(struct context *context, const struct nub_json *object, const struct field *field,
           struct nub_caps_step *step)
{
    field->read(context, object, field, step);
    if (field->was_there)
        *(bool *)((char *)step + field->was_there) = true;
}

static void
read_step(struct context *context, const struct nub_json *value, bool in_session, GArray *steps)
{
    struct nub_json_reader *reader = &context->reader;
    struct nub_caps_step step = { 0 };
    guint kind = 0;

    if (value->type != NUB_JSON_OBJECT || value->n != 1) {
        nub_json_fail(reader, value, "a step is an object with one key");
        return;
    }
    const struct nub_json *object = value->u.first;
    while (kind < NUB_CAPS_N_KINDS && strcmp(step_kinds[kind].key, object->key) != 0)
        kind++;
    if (kind == NUB_CAPS_N_KINDS || (step_kinds[kind].in_session && !in_session) ||
        (kind == NUB_CAPS_SESSION && in_session)) {
        nub_json_fail(reader, object, "unknown step \"%s\"%s", object->key,
                      in_session ? " in a session" : "");
        return;
    }
    step.kind = kind;
    step.runs = kind == NUB_CAPS_SESSION ? new_steps() : NULL;
    check_step_keys(context, object, &step_kinds[kind]);
    for (guint i = 0; i < N_FIELDS; i++)
        if (step_kinds[kind].wants & F(i) ||
            (step_kinds[kind].may & F(i) && nub_json_find(object, fields[i].key)))
            read_field(context, object, &fields[i], &step);
    if (!reader->error)
        check_step(context, object, &step);
    g_array_append_val(steps, step);
}

static void
read_steps(struct context *context, const struct nub_json *array, bool in_session, GArray *steps)
{
    for (const struct nub_json *value = array->u.first; value && !context->reader.error;
         value = value->next)
        read_step(context, value, in_session, steps);
}

/* ---- the file ------------------------------------------------------------------------------ */

static void
cap_clear(gpointer data)
{
    struct nub_caps_cap *cap = data;

    g_free(cap->label);
    g_bytes_unref(cap->wire);
}

static void
read_cap(struct context *context, const struct nub_json *object)
{
    static const char *const keys[] = { "label", "wire", "hash", NULL };
    struct nub_json_reader *reader = &context->reader;
    struct nub_caps_cap cap = { 0 };

    if (!nub_json_check_keys(reader, object, keys))
        return;
    const char *label = nub_json_get_string(reader, object, "label");
    get_hash(context, object, "hash", &cap.hash);
    cap.wire = nub_json_get_hex(reader, object, "wire");
    if (!cap.wire)
        return;
    cap.label = g_strdup(label);
    g_array_append_val(context->vector->caps, cap);
    if (!g_hash_table_insert(context->labels, cap.label,
                             GUINT_TO_POINTER(context->vector->caps->len)))
        nub_json_fail(reader, object, "the label \"%s\" is there twice", cap.label);
}

bool
nub_caps_vector_recognise(const NubJsonDoc *doc)
{
    return nub_json_find(doc->root, "caps") != NULL;
}

static void
read_file(struct context *context, const struct nub_json *root)
{
    static const char *const keys[] = { "name", "about", "gas-model", "mem-cycles",
                                        "caps", "steps", NULL };
    struct nub_json_reader *reader = &context->reader;
    NubCapsVector *vector = context->vector;

    nub_json_check_keys(reader, root, keys);
    vector->name = g_strdup(nub_json_get_string(reader, root, "name"));
    vector->about = g_strdup(nub_json_get_string(reader, root, "about"));
    nub_vector_read_gas(reader, root, &vector->gas_model, &vector->mem_cycles);
    const struct nub_json *caps = nub_json_get(reader, root, "caps", NUB_JSON_ARRAY);
    for (const struct nub_json *cap = caps ? caps->u.first : NULL; cap; cap = cap->next)
        read_cap(context, cap);
    const struct nub_json *steps = nub_json_get(reader, root, "steps", NUB_JSON_ARRAY);
    if (steps)
        read_steps(context, steps, false, vector->steps);
}

NubCapsVector *
nub_caps_vector_read(const NubJsonDoc *doc, GError **error)
{
    g_autoptr(NubCapsVector) vector = g_new0(NubCapsVector, 1);
    g_autoptr(GHashTable) labels = g_hash_table_new(g_str_hash, g_str_equal);
    struct context context = { .reader.doc = doc, .labels = labels, .vector = vector };

    vector->caps = g_array_new(FALSE, TRUE, sizeof(struct nub_caps_cap));
    g_array_set_clear_func(vector->caps, cap_clear);
    vector->steps = new_steps();
    read_file(&context, doc->root);
    if (context.reader.error) {
        g_propagate_error(error, context.reader.error);
        return NULL;
    }
    return g_steal_pointer(&vector);
}

void
nub_caps_vector_free(NubCapsVector *vector)
{
    g_free(vector->name);
    g_free(vector->about);
    g_array_unref(vector->caps);
    g_array_unref(vector->steps);
    g_free(vector);
}
