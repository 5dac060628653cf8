/* conform-caps-fields.c - the fields of a scenario's steps, from JSON to a struct
 *
 * One table: the key of each field, how it is read and where to. Which step has which field is in
 * conform-caps-read.c. The format: tests/vectors/caps/README.md.
 */
#include "conform-caps-private.h"

#include "failure.h"

#include <nub/plugin.h>
#include <string.h>

#define MEMBER(type, step, field) ((type *)(void *)((char *)(step) + (field)->member))

/* Longest stretch of memory or input that a vector may ask for. */
#define MAX_STRETCH (1u << 26)

void
nub_caps_get_hash(struct nub_caps_context *context, const struct nub_json *object, const char *key,
                  struct nub_hash *hash)
{
    nub_json_get_hex_exact(&context->reader, object, key, hash->bytes, sizeof hash->bytes);
}

static gint32
status_of(struct nub_caps_context *context, const struct nub_json *object, const char *key)
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
read_error(struct nub_caps_context *context, const struct nub_json *object,
           struct nub_caps_expect *expect)
{
    static const char *const keys[] = { "error", "hash", NULL };

    nub_json_check_keys(&context->reader, object, keys);
    expect->status = status_of(context, object, "error");
    if (expect->status == NUB_OK)
        nub_json_fail(&context->reader, object, "\"error\": ok is no error");
    expect->names_hash = nub_json_find(object, "hash") != NULL;
    if (expect->names_hash)
        nub_caps_get_hash(context, object, "hash", &expect->hash);
}

static void
read_successor(struct nub_caps_context *context, const struct nub_json *object,
               struct nub_caps_expect *expect)
{
    expect->has_successor = nub_json_find(object, "successor") != NULL;
    if (!expect->has_successor)
        return;
    nub_caps_get_hash(context, object, "successor", &expect->successor);
    if (nub_json_find(object, "successor-wire"))
        expect->successor_wire = nub_json_get_hex(&context->reader, object, "successor-wire");
}

static void
read_output(struct nub_caps_context *context, const struct nub_json *object,
            struct nub_caps_expect *expect)
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
read_result(struct nub_caps_context *context, const struct nub_json *object,
            struct nub_result *result)
{
    struct nub_json_reader *reader = &context->reader;

    result->exit_reason = (guint32)nub_json_get_uint(reader, object, "exit-reason", NUB_EXIT_TRAP);
    result->exit_arg = (guint32)nub_json_get_uint(reader, object, "exit-arg", G_MAXUINT32);
    result->return_value = nub_json_get_decimal(reader, object, "return-value");
    result->gas_remaining = nub_json_get_decimal(reader, object, "gas-remaining");
}

static void
read_expect_call(struct nub_caps_context *context, const struct nub_json *object,
                 const struct nub_caps_field *field, struct nub_caps_step *step)
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
read_expect_run(struct nub_caps_context *context, const struct nub_json *object,
                const struct nub_caps_field *field, struct nub_caps_step *step)
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
read_expect_status(struct nub_caps_context *context, const struct nub_json *object,
                   const struct nub_caps_field *field, struct nub_caps_step *step)
{
    step->status = status_of(context, object, field->key);
}

static void
read_session_commit(struct nub_caps_context *context, const struct nub_json *object,
                    const struct nub_caps_field *field, struct nub_caps_step *step)
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
find_cap(struct nub_caps_context *context, const struct nub_json *at, const char *label)
{
    guint index = GPOINTER_TO_UINT(g_hash_table_lookup(context->labels, label));

    if (index == 0) {
        nub_json_fail(&context->reader, at, "no cap has the label \"%s\"", label);
        return NULL;
    }
    return &g_array_index(context->vector->caps, struct nub_caps_cap, index - 1);
}

static void
read_label(struct nub_caps_context *context, const struct nub_json *object,
           const struct nub_caps_field *field, struct nub_caps_step *step)
{
    const char *label = nub_json_get_string(&context->reader, object, field->key);
    const struct nub_caps_cap *cap = label ? find_cap(context, object, label) : NULL;

    if (!cap)
        return;
    step->wire = g_bytes_ref(cap->wire);
    step->hash = cap->hash; /* a field "hash" of the step itself is read after this one */
}

static void
read_labels(struct nub_caps_context *context, const struct nub_json *object,
            const struct nub_caps_field *field, struct nub_caps_step *step)
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
read_wire(struct nub_caps_context *context, const struct nub_json *object,
          const struct nub_caps_field *field, struct nub_caps_step *step)
{
    if (step->wire)
        nub_json_fail(&context->reader, object, "\"cap\" and \"wire\" exclude each other");
    else
        step->wire = nub_json_get_hex(&context->reader, object, field->key);
}

/* For people: read and not kept. */
static void
read_and_forget(struct nub_caps_context *context, const struct nub_json *object,
                const struct nub_caps_field *field, struct nub_caps_step *step)
{
    (void)step;
    nub_json_get_string(&context->reader, object, field->key);
}

static void
read_hash(struct nub_caps_context *context, const struct nub_json *object,
          const struct nub_caps_field *field, struct nub_caps_step *step)
{
    nub_caps_get_hash(context, object, field->key, MEMBER(struct nub_hash, step, field));
}

static void
read_decimal(struct nub_caps_context *context, const struct nub_json *object,
             const struct nub_caps_field *field, struct nub_caps_step *step)
{
    *MEMBER(guint64, step, field) = nub_json_get_decimal(&context->reader, object, field->key);
}

static void
read_args(struct nub_caps_context *context, const struct nub_json *object,
          const struct nub_caps_field *field, struct nub_caps_step *step)
{
    nub_json_get_decimals(&context->reader, object, field->key, step->args, 4);
}

static void
read_regs(struct nub_caps_context *context, const struct nub_json *object,
          const struct nub_caps_field *field, struct nub_caps_step *step)
{
    nub_json_get_decimals(&context->reader, object, field->key, step->regs, NUB_N_REGS);
}

static void
read_bool(struct nub_caps_context *context, const struct nub_json *object,
          const struct nub_caps_field *field, struct nub_caps_step *step)
{
    *MEMBER(bool, step, field) = nub_json_get_bool(&context->reader, object, field->key);
}

static void
read_u32(struct nub_caps_context *context, const struct nub_json *object,
         const struct nub_caps_field *field, struct nub_caps_step *step)
{
    *MEMBER(guint32, step, field) =
        (guint32)nub_json_get_uint(&context->reader, object, field->key, G_MAXUINT32);
}

static void
read_u64(struct nub_caps_context *context, const struct nub_json *object,
         const struct nub_caps_field *field, struct nub_caps_step *step)
{
    *MEMBER(guint64, step, field) =
        nub_json_get_uint(&context->reader, object, field->key, G_MAXUINT64);
}

static void
read_length(struct nub_caps_context *context, const struct nub_json *object,
            const struct nub_caps_field *field, struct nub_caps_step *step)
{
    step->length = nub_json_get_uint(&context->reader, object, field->key, MAX_STRETCH);
}

static void
read_reg(struct nub_caps_context *context, const struct nub_json *object,
         const struct nub_caps_field *field, struct nub_caps_step *step)
{
    step->reg = (guint32)nub_json_get_uint(&context->reader, object, field->key, NUB_N_REGS - 1);
}

static void
read_access(struct nub_caps_context *context, const struct nub_json *object,
            const struct nub_caps_field *field, struct nub_caps_step *step)
{
    const char *access = nub_json_get_string(&context->reader, object, field->key);

    if (access && strcmp(access, "ro") != 0 && strcmp(access, "rw") != 0)
        nub_json_fail(&context->reader, object, "\"access\": neither \"ro\" nor \"rw\"");
    step->access = g_strcmp0(access, "rw") == 0 ? NUB_ACCESS_READ_WRITE : NUB_ACCESS_READ_ONLY;
}

static void
read_input(struct nub_caps_context *context, const struct nub_json *object,
           const struct nub_caps_field *field, struct nub_caps_step *step)
{
    if (step->input)
        nub_json_fail(&context->reader, object, "\"input\" and \"input-fill\" exclude each other");
    else
        step->input = nub_json_get_hex(&context->reader, object, field->key);
}

static void
read_input_fill(struct nub_caps_context *context, const struct nub_json *object,
                const struct nub_caps_field *field, struct nub_caps_step *step)
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
read_runs(struct nub_caps_context *context, const struct nub_json *object,
          const struct nub_caps_field *field, struct nub_caps_step *step)
{
    const struct nub_json *runs =
        nub_json_get(&context->reader, object, field->key, NUB_JSON_ARRAY);

    if (runs)
        nub_caps_read_steps(context, runs, true, step->runs);
}

#define AT(member) offsetof(struct nub_caps_step, member)

const struct nub_caps_field nub_caps_fields[N_FIELDS] = {
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

void
nub_caps_read_field(struct nub_caps_context *context, const struct nub_json *object,
                    const struct nub_caps_field *field, struct nub_caps_step *step)
{
    field->read(context, object, field, step);
    if (field->was_there)
        *(bool *)((char *)step + field->was_there) = true;
}
