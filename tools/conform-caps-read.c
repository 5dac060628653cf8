/* conform-caps-read.c - a capability scenario, from JSON to a struct
 *
 * One table: the steps, with the fields each wants and may have (conform-caps-fields.c). Everything
 * is judged before anything is run. The format: tests/vectors/caps/README.md.
 */
#include "conform-caps-private.h"

#include <nub/plugin.h>
#include <string.h>

#define F(name) (G_GUINT64_CONSTANT(1) << (name))

/* ---- steps --------------------------------------------------------------------------------- */

static const struct step_kind {
    const char *key;
    bool in_session;    /* only there */
    guint64 wants, may; /* bits of enum nub_caps_field_id */
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
check_step_keys(struct nub_caps_context *context, const struct nub_json *object,
                const struct step_kind *kind)
{
    const char *keys[N_FIELDS + 1];
    guint n = 0;

    for (guint i = 0; i < N_FIELDS; i++)
        if ((kind->wants | kind->may) & F(i))
            keys[n++] = nub_caps_fields[i].key;
    keys[n] = NULL;
    nub_json_check_keys(&context->reader, object, keys);
}

/* What the tables cannot say: fields that go together. */
static void
check_step(struct nub_caps_context *context, const struct nub_json *object,
           const struct nub_caps_step *step)
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
read_step(struct nub_caps_context *context, const struct nub_json *value, bool in_session,
          GArray *steps)
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
            (step_kinds[kind].may & F(i) && nub_json_find(object, nub_caps_fields[i].key)))
            nub_caps_read_field(context, object, &nub_caps_fields[i], &step);
    if (!reader->error)
        check_step(context, object, &step);
    g_array_append_val(steps, step);
}

void
nub_caps_read_steps(struct nub_caps_context *context, const struct nub_json *array, bool in_session,
                    GArray *steps)
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
read_cap(struct nub_caps_context *context, const struct nub_json *object)
{
    static const char *const keys[] = { "label", "wire", "hash", NULL };
    struct nub_json_reader *reader = &context->reader;
    struct nub_caps_cap cap = { 0 };

    if (!nub_json_check_keys(reader, object, keys))
        return;
    const char *label = nub_json_get_string(reader, object, "label");
    nub_caps_get_hash(context, object, "hash", &cap.hash);
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
read_file(struct nub_caps_context *context, const struct nub_json *root)
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
        nub_caps_read_steps(context, steps, false, vector->steps);
}

NubCapsVector *
nub_caps_vector_read(const NubJsonDoc *doc, GError **error)
{
    g_autoptr(NubCapsVector) vector = g_new0(NubCapsVector, 1);
    g_autoptr(GHashTable) labels = g_hash_table_new(g_str_hash, g_str_equal);
    struct nub_caps_context context = { .reader.doc = doc, .labels = labels, .vector = vector };

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
