/* conform-caps.c - runs a capability scenario on a backend
 *
 * A fresh kernel with the scenario's gas settings, then step by step: what each answers is
 * compared, errors by name and by the capability or page they name. A step that only looks
 * (refcount, contains, get) is left out when the backend lacks its function; any other ends the
 * scenario there. Either way the case counts as skipped unless something failed. So does one that
 * puts something into a backend which has no room at all (the template of
 * docs/writing-a-backend.md).
 */
#include "conform.h"

#include <nub/plugin.h>
#include <string.h>

struct scenario {
    const NubCapsVector *vector;
    NubKernel *kernel;
    NubSession *session;   /* of the step that runs */
    const char *left_out;  /* a function that the backend lacks, for steps that only look */
    guint n_steps, n_runs; /* begun; n_runs: in the session */
    char **message;
};

G_GNUC_PRINTF(2, 3)
static enum nub_verdict
fail(struct scenario *scenario, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    g_autofree char *what = g_strdup_vprintf(format, args);
    va_end(args);
    g_autofree char *run = scenario->n_runs ? g_strdup_printf(".%u", scenario->n_runs) : NULL;
    return nub_conform_say(NUB_FAILED, scenario->message, "step %u%s: %s", scenario->n_steps,
                           run ? run : "", what);
}

/* ---- errors -------------------------------------------------------------------------------- */

static const char *
status_name(gint32 status)
{
    return status == NUB_OK ? "ok" : nub_error_to_string((NubError)status);
}

static char *
error_name(const GError *error)
{
    if (!error)
        return g_strdup("ok");
    if (error->domain == NUB_ERROR)
        return g_strdup_printf("%s (%s)", nub_error_to_string(error->code), error->message);
    return g_strdup(error->message);
}

/* `error` is what a call answered (NULL: it succeeded); frees it. */
static enum nub_verdict
check_status(struct scenario *scenario, gint32 expected, GError *error)
{
    bool same = error ? g_error_matches(error, NUB_ERROR, expected) : expected == NUB_OK;
    enum nub_verdict verdict = NUB_PASSED;

    if (!same) {
        g_autofree char *got = error_name(error);
        verdict = fail(scenario, "%s, expected %s", got, status_name(expected));
    }
    g_clear_error(&error);
    return verdict;
}

/* The same, and the error must name this capability. */
static enum nub_verdict
check_status_naming(struct scenario *scenario, gint32 expected, const struct nub_hash *named,
                    GError *error)
{
    NubHash hash = { { 0 } };
    bool names = error && nub_error_get_hash(error, &hash);
    enum nub_verdict verdict = check_status(scenario, expected, error);

    if (verdict != NUB_PASSED || expected == NUB_OK || !named)
        return verdict;
    /* The zero hash is a name too: IMAGE_MISSING of an instance without image. */
    if ((!names && !nub_hash_is_none(named)) || nub_hash_compare(&hash, named) != 0) {
        g_autofree char *want = nub_hash_to_string(named);
        g_autofree char *got = nub_hash_to_string(&hash);
        return fail(scenario, "%s names %s, expected %s", status_name(expected),
                    names ? got : "no capability", want);
    }
    return NUB_PASSED;
}

/* What the errors of all steps but calls name: tests/vectors/caps/README.md, "Error names". */
static enum nub_verdict
check_step_status(struct scenario *scenario, const struct nub_caps_step *step, GError *error)
{
    const struct nub_hash *named = NULL;

    if (step->has_missing)
        named = &step->missing;
    else if (step->status == NUB_ERR_NOT_FOUND || step->status == NUB_ERR_NOT_HELD ||
             step->status == NUB_ERR_HASH_MISMATCH || step->status == NUB_ERR_NOT_AN_INSTANCE)
        named = &step->hash;
    return check_status_naming(scenario, step->status, named, error);
}

static enum nub_verdict
check_page(struct scenario *scenario, const struct nub_caps_step *step, GError *error)
{
    guint64 page = 0;
    bool names = error && nub_error_get_address(error, &page);
    enum nub_verdict verdict = check_status(scenario, step->status, error);

    if (verdict == NUB_PASSED && step->has_page && (!names || page != step->page))
        return fail(scenario,
                    "%s names page 0x%" G_GINT64_MODIFIER "x, expected 0x%" G_GINT64_MODIFIER "x",
                    status_name(step->status), page, step->page);
    return verdict;
}

/* ---- values -------------------------------------------------------------------------------- */

static enum nub_verdict
check_hash(struct scenario *scenario, const char *what, const NubHash *got, const NubHash *expected)
{
    if (nub_hash_compare(got, expected) == 0)
        return NUB_PASSED;
    g_autofree char *a = nub_hash_to_string(got);
    g_autofree char *b = nub_hash_to_string(expected);
    return fail(scenario, "%s is %s, expected %s", what, a, b);
}

static enum nub_verdict
check_bytes(struct scenario *scenario, const char *what, GBytes *got, GBytes *expected)
{
    if (g_bytes_equal(got, expected))
        return NUB_PASSED;
    return fail(scenario,
                "%s: other bytes than expected (%" G_GSIZE_FORMAT " against %" G_GSIZE_FORMAT ")",
                what, g_bytes_get_size(got), g_bytes_get_size(expected));
}

static enum nub_verdict
check_u64(struct scenario *scenario, const char *what, guint64 got, guint64 expected)
{
    if (got == expected)
        return NUB_PASSED;
    return fail(scenario, "%s is %" G_GUINT64_FORMAT ", expected %" G_GUINT64_FORMAT, what, got,
                expected);
}

static enum nub_verdict
check_result(struct scenario *scenario, const NubResult *got, const NubResult *expected)
{
    enum nub_verdict verdict;

    if (got->exit_reason != expected->exit_reason)
        return fail(scenario, "exit %s, expected %s", nub_exit_reason_to_string(got->exit_reason),
                    nub_exit_reason_to_string(expected->exit_reason));
    verdict = check_u64(scenario, "exit argument", got->exit_arg, expected->exit_arg);
    if (verdict == NUB_PASSED)
        verdict = check_u64(scenario, "return value", got->return_value, expected->return_value);
    if (verdict == NUB_PASSED)
        verdict = check_u64(scenario, "gas", got->gas_remaining, expected->gas_remaining);
    return verdict;
}

/* Looks at a stored capability; left out when the backend cannot give it back. */
static enum nub_verdict
check_wire_of(struct scenario *scenario, const char *what, const NubHash *hash, GBytes *expected)
{
    GError *error = NULL;

    if (!nub_kernel_supports(scenario->kernel, "get_cap")) {
        scenario->left_out = "get_cap";
        return NUB_PASSED;
    }
    g_autoptr(NubCap) cap = nub_kernel_get_cap(scenario->kernel, hash, &error);
    if (!cap)
        return check_status(scenario, NUB_OK, error);
    return check_bytes(scenario, what, nub_cap_get_wire(cap), expected);
}

static enum nub_verdict
check_successor(struct scenario *scenario, const struct nub_caps_expect *expect, const NubHash *got)
{
    enum nub_verdict verdict = check_hash(scenario, "successor", got, &expect->successor);

    if (verdict == NUB_PASSED && expect->successor_wire)
        verdict = check_wire_of(scenario, "successor's wire form", got, expect->successor_wire);
    return verdict;
}

/* ---- steps on the directory ---------------------------------------------------------------- */

static enum nub_verdict
do_put(struct scenario *scenario, const struct nub_caps_step *step)
{
    NubHash hash;
    GError *error = NULL;
    bool ok = nub_kernel_put_wire(scenario->kernel, step->wire, &hash, &error);
    enum nub_verdict verdict = check_step_status(scenario, step, error);

    /* put-wire has no label, so no hash to compare with; it never succeeds in the vectors. */
    if (verdict == NUB_PASSED && ok && step->kind == NUB_CAPS_PUT)
        verdict = check_hash(scenario, "hash", &hash, &step->hash);
    return verdict;
}

static enum nub_verdict
do_put_with_hash(struct scenario *scenario, const struct nub_caps_step *step)
{
    GError *error = NULL;

    nub_kernel_put_wire_with_hash(scenario->kernel, &step->hash, step->wire, &error);
    return check_step_status(scenario, step, error);
}

static enum nub_verdict
do_drop(struct scenario *scenario, const struct nub_caps_step *step)
{
    GError *error = NULL;

    nub_kernel_drop_cap(scenario->kernel, &step->hash, &error);
    return check_step_status(scenario, step, error);
}

static enum nub_verdict
do_refcount(struct scenario *scenario, const struct nub_caps_step *step)
{
    guint64 count = 0;
    GError *error = NULL;

    if (!nub_kernel_refcount(scenario->kernel, &step->hash, &count, &error))
        return check_status(scenario, NUB_OK, error);
    return check_u64(scenario, "refcount", count, step->value);
}

static enum nub_verdict
do_contains(struct scenario *scenario, const struct nub_caps_step *step)
{
    gboolean present = FALSE;
    GError *error = NULL;

    if (!nub_kernel_contains(scenario->kernel, &step->hash, &present, &error))
        return check_status(scenario, NUB_OK, error);
    return check_u64(scenario, "contains", present != FALSE, step->present);
}

static enum nub_verdict
do_get(struct scenario *scenario, const struct nub_caps_step *step)
{
    GError *error = NULL;
    g_autoptr(NubCap) cap = nub_kernel_get_cap(scenario->kernel, &step->hash, &error);
    enum nub_verdict verdict = check_step_status(scenario, step, error);

    if (verdict == NUB_PASSED && cap)
        verdict = check_bytes(scenario, "wire form", nub_cap_get_wire(cap), step->wire);
    return verdict;
}

/* Writing a bundle is libnub's work; the kernel is not asked. */
static enum nub_verdict
do_bundle(struct scenario *scenario, const struct nub_caps_step *step)
{
    g_autoptr(NubBundle) bundle = nub_bundle_new();
    GError *error = NULL;
    NubHash root = { { 0 } };

    for (guint i = 0; i < step->caps->len; i++) {
        g_autoptr(NubCap) cap = nub_cap_new_from_wire(step->caps->pdata[i], &error);
        if (!cap)
            return check_status(scenario, NUB_OK, error);
        nub_bundle_add(bundle, cap);
        nub_cap_get_hash(cap, &root);
    }
    g_autoptr(GBytes) bytes = nub_bundle_to_bytes(bundle, &error);
    if (!bytes)
        return check_status(scenario, NUB_OK, error);
    enum nub_verdict verdict = check_bytes(scenario, "bundle", bytes, step->wire);
    return verdict == NUB_PASSED ? check_hash(scenario, "root", &root, &step->hash) : verdict;
}

static enum nub_verdict
do_load_bundle(struct scenario *scenario, const struct nub_caps_step *step)
{
    GError *error = NULL;
    NubHash root = { { 0 } };
    g_autoptr(NubBundle) bundle = nub_bundle_new_from_bytes(step->wire, &error);
    bool ok = bundle && nub_kernel_put_bundle(scenario->kernel, bundle, &root, &error);

    /* without it core puts only what cannot fail half-way */
    if (g_error_matches(error, NUB_ERROR, NUB_ERROR_NOT_SUPPORTED) &&
        !nub_kernel_supports(scenario->kernel, "drop_cap")) {
        g_error_free(error);
        return nub_conform_lacks(scenario->message, "drop_cap");
    }
    enum nub_verdict verdict = check_step_status(scenario, step, error);

    if (verdict == NUB_PASSED && ok && step->has_root)
        verdict = check_hash(scenario, "root", &root, &step->hash);
    return verdict;
}

static enum nub_verdict
do_set_state_root(struct scenario *scenario, const struct nub_caps_step *step)
{
    GError *error = NULL;

    nub_kernel_set_state_root(scenario->kernel, &step->hash, &error);
    return check_step_status(scenario, step, error);
}

static enum nub_verdict
do_state_root(struct scenario *scenario, const struct nub_caps_step *step)
{
    NubHash root;
    GError *error = NULL;

    if (!nub_kernel_state_root(scenario->kernel, &root, &error))
        return check_status(scenario, NUB_OK, error);
    return check_hash(scenario, "state root", &root, &step->hash);
}

/* ---- calls --------------------------------------------------------------------------------- */

static NubCall *
call_of(const struct nub_caps_step *step)
{
    NubCall *call = nub_call_new(&step->hash);

    nub_call_set_endpoint(call, step->endpoint);
    nub_call_set_args(call, step->args);
    nub_call_set_gas(call, step->gas);
    nub_call_set_input(call, step->input);
    nub_call_set_want_output(call, step->wants_output, step->max_output);
    nub_call_set_commit(call, step->commit);
    nub_call_set_advance(call, step->advance);
    if (step->has_expected_head)
        nub_call_set_expected_head(call, &step->expected_head);
    if (step->has_regs)
        nub_call_set_regs(call, step->regs);
    return call;
}

static enum nub_verdict
check_call_error(struct scenario *scenario, const struct nub_caps_expect *expect, GError *error)
{
    return check_status_naming(scenario, expect->status, expect->names_hash ? &expect->hash : NULL,
                               error);
}

static enum nub_verdict
check_output(struct scenario *scenario, const struct nub_caps_expect *expect, NubOutcome *outcome)
{
    GBytes *output = nub_outcome_get_output(outcome);

    if (!output)
        return fail(scenario, "no output, though it was asked for");
    enum nub_verdict verdict = check_u64(
        scenario, "output flag", nub_outcome_get_output_state(outcome), expect->output_flag);
    return verdict == NUB_PASSED ? check_bytes(scenario, "output", output, expect->output)
                                 : verdict;
}

static enum nub_verdict
check_outcome(struct scenario *scenario, const struct nub_caps_expect *expect, NubOutcome *outcome)
{
    NubResult result;
    NubHash successor;
    enum nub_verdict verdict;

    nub_outcome_get_result(outcome, &result);
    nub_outcome_get_successor(outcome, &successor);
    verdict = check_result(scenario, &result, &expect->result);
    if (verdict == NUB_PASSED && expect->output)
        verdict = check_output(scenario, expect, outcome);
    if (verdict == NUB_PASSED && expect->has_successor)
        verdict = check_successor(scenario, expect, &successor);
    return verdict;
}

static enum nub_verdict
do_full_call(struct scenario *scenario, const struct nub_caps_step *step)
{
    g_autoptr(NubCall) call = call_of(step);
    GError *error = NULL;
    g_autoptr(NubOutcome) outcome = step->kind == NUB_CAPS_RESUME
                                        ? nub_kernel_resume(scenario->kernel, call, NULL, &error)
                                        : nub_kernel_invoke(scenario->kernel, call, NULL, &error);
    enum nub_verdict verdict = check_call_error(scenario, &step->expect, error);

    return verdict == NUB_PASSED && outcome ? check_outcome(scenario, &step->expect, outcome)
                                            : verdict;
}

static bool
is_plain(const struct nub_caps_step *step)
{
    return !step->input && !step->wants_output && !step->commit && !step->advance &&
           !step->has_expected_head;
}

static enum nub_verdict
do_plain_call(struct scenario *scenario, const struct nub_caps_step *step)
{
    NubResult result = { 0 };
    GError *error = NULL;
    bool ok = nub_kernel_invoke_cached(scenario->kernel, &step->hash, step->endpoint, step->args,
                                       step->gas, &result, &error);
    enum nub_verdict verdict = check_call_error(scenario, &step->expect, error);

    return verdict == NUB_PASSED && ok ? check_result(scenario, &result, &step->expect.result)
                                       : verdict;
}

/* A plain call is pure, so it is made in both ways where the backend has both. */
static enum nub_verdict
do_invoke(struct scenario *scenario, const struct nub_caps_step *step)
{
    enum nub_verdict verdict = NUB_PASSED;
    bool has_full = nub_kernel_supports(scenario->kernel, "invoke");

    if (is_plain(step))
        verdict = do_plain_call(scenario, step);
    else if (!has_full)
        return nub_conform_lacks(scenario->message, "invoke");
    return verdict == NUB_PASSED && has_full ? do_full_call(scenario, step) : verdict;
}

/* ---- sessions ------------------------------------------------------------------------------ */

static enum nub_verdict do_step(struct scenario *scenario, const struct nub_caps_step *step);

static enum nub_verdict
do_run(struct scenario *scenario, const struct nub_caps_step *step)
{
    NubResult result;
    GError *error = NULL;

    if (!nub_session_run(scenario->session, NULL, &result, &error))
        return check_status(scenario, NUB_OK, error);
    return check_result(scenario, &result, &step->expect.result);
}

static enum nub_verdict
do_state(struct scenario *scenario, const struct nub_caps_step *step)
{
    guint64 regs[NUB_N_REGS], gas;
    guint32 pc;
    GError *error = NULL;

    if (!nub_session_get_regs(scenario->session, regs, &error) ||
        !nub_session_get_pc(scenario->session, &pc, &error) ||
        !nub_session_get_gas(scenario->session, &gas, &error))
        return check_status(scenario, NUB_OK, error);
    for (guint i = 0; i < NUB_N_REGS; i++)
        if (regs[i] != step->regs[i])
            return fail(scenario,
                        "register %u is %" G_GUINT64_FORMAT ", expected %" G_GUINT64_FORMAT, i,
                        regs[i], step->regs[i]);
    enum nub_verdict verdict = check_u64(scenario, "pc", pc, step->pc);
    return verdict == NUB_PASSED ? check_u64(scenario, "gas", gas, step->gas) : verdict;
}

static enum nub_verdict
do_read(struct scenario *scenario, const struct nub_caps_step *step)
{
    GError *error = NULL;
    g_autoptr(GBytes) data =
        nub_session_read(scenario->session, step->address, step->length, &error);
    enum nub_verdict verdict = check_page(scenario, step, error);

    return verdict == NUB_PASSED && data ? check_bytes(scenario, "memory", data, step->wire)
                                         : verdict;
}

static enum nub_verdict
do_write(struct scenario *scenario, const struct nub_caps_step *step)
{
    gsize size;
    const guint8 *data = g_bytes_get_data(step->wire, &size);
    GError *error = NULL;

    nub_session_write(scenario->session, step->address, data, size, &error);
    return check_page(scenario, step, error);
}

static enum nub_verdict
do_map(struct scenario *scenario, const struct nub_caps_step *step)
{
    GError *error = NULL;

    nub_session_map(scenario->session, step->address, step->length,
                    step->access == NUB_ACCESS_READ_WRITE ? NUB_MAP_READ_WRITE : NUB_MAP_READ_ONLY,
                    &error);
    return check_page(scenario, step, error);
}

static enum nub_verdict
do_set_reg(struct scenario *scenario, const struct nub_caps_step *step)
{
    GError *error = NULL;

    nub_session_set_reg(scenario->session, step->reg, step->value, &error);
    return check_status(scenario, NUB_OK, error);
}

static enum nub_verdict
do_set_pc(struct scenario *scenario, const struct nub_caps_step *step)
{
    GError *error = NULL;

    nub_session_set_pc(scenario->session, step->pc, &error);
    return check_status(scenario, NUB_OK, error);
}

static enum nub_verdict
do_commit(struct scenario *scenario, const struct nub_caps_step *step)
{
    NubHash successor = { { 0 } };
    GError *error = NULL;

    if (!nub_kernel_supports(scenario->kernel, "session_commit"))
        return nub_conform_lacks(scenario->message, "session_commit");
    bool ok = nub_session_commit(scenario->session, FALSE, &successor, &error);
    enum nub_verdict verdict = check_call_error(scenario, &step->expect, error);
    return verdict == NUB_PASSED && ok ? check_successor(scenario, &step->expect, &successor)
                                       : verdict;
}

static enum nub_verdict
do_session(struct scenario *scenario, const struct nub_caps_step *step)
{
    enum nub_verdict verdict = NUB_PASSED;
    GError *error = NULL;

    scenario->session = nub_kernel_open_session(scenario->kernel, &step->hash, step->endpoint,
                                                step->args, step->gas, &error);
    if (!scenario->session)
        return check_status(scenario, NUB_OK, error);
    while (verdict == NUB_PASSED && scenario->n_runs < step->runs->len) {
        const struct nub_caps_step *run =
            &g_array_index(step->runs, struct nub_caps_step, scenario->n_runs);
        scenario->n_runs++;
        verdict = do_step(scenario, run);
    }
    if (verdict == NUB_PASSED && step->commit)
        verdict = do_commit(scenario, step);
    g_clear_object(&scenario->session);
    scenario->n_runs = 0;
    return verdict;
}

/* ---- all ----------------------------------------------------------------------------------- */

/* How a step is made, the function it needs, and whether it only looks. */
static const struct {
    enum nub_verdict (*make)(struct scenario *scenario, const struct nub_caps_step *step);
    const char *needs; /* NULL: what every backend has */
    bool only_looks;
} step_kinds[NUB_CAPS_N_KINDS] = {
    [NUB_CAPS_PUT] = { do_put, NULL, false },
    [NUB_CAPS_PUT_WIRE] = { do_put, NULL, false },
    [NUB_CAPS_PUT_WITH_HASH] = { do_put_with_hash, "put_cap_with_hash", false },
    [NUB_CAPS_DROP] = { do_drop, "drop_cap", false },
    [NUB_CAPS_REFCOUNT] = { do_refcount, "refcount", true },
    [NUB_CAPS_CONTAINS] = { do_contains, "contains", true },
    [NUB_CAPS_GET] = { do_get, "get_cap", true },
    [NUB_CAPS_BUNDLE] = { do_bundle, NULL, false },
    [NUB_CAPS_LOAD_BUNDLE] = { do_load_bundle, NULL, false },
    [NUB_CAPS_SET_STATE_ROOT] = { do_set_state_root, "set_state_root", false },
    [NUB_CAPS_STATE_ROOT] = { do_state_root, NULL, false },
    [NUB_CAPS_INVOKE] = { do_invoke, NULL, false },
    [NUB_CAPS_RESUME] = { do_full_call, "resume", false },
    [NUB_CAPS_SESSION] = { do_session, "session_open", false },
    [NUB_CAPS_RUN] = { do_run, NULL, false },
    [NUB_CAPS_STATE] = { do_state, NULL, false },
    [NUB_CAPS_READ] = { do_read, NULL, false },
    [NUB_CAPS_WRITE] = { do_write, NULL, false },
    [NUB_CAPS_MAP] = { do_map, NULL, false },
    [NUB_CAPS_SET_REG] = { do_set_reg, NULL, false },
    [NUB_CAPS_SET_PC] = { do_set_pc, NULL, false },
};

static enum nub_verdict
do_step(struct scenario *scenario, const struct nub_caps_step *step)
{
    const char *needs = step_kinds[step->kind].needs;

    if (needs && !nub_kernel_supports(scenario->kernel, needs)) {
        if (!step_kinds[step->kind].only_looks)
            return nub_conform_lacks(scenario->message, needs);
        scenario->left_out = needs;
        return NUB_PASSED;
    }
    return step_kinds[step->kind].make(scenario, step);
}

/* Whether a backend takes even the empty Data; asked after a failure only, since it may be put. */
static bool
has_room(NubKernel *kernel)
{
    g_autoptr(NubCap) empty = nub_cap_new_data(NULL, 0, NULL);
    g_autoptr(GError) error = NULL;
    NubHash hash;

    return !empty || nub_kernel_put_cap(kernel, empty, &hash, &error) ||
           !g_error_matches(error, NUB_ERROR, NUB_ERROR_NO_SPACE);
}

static bool
puts_something(enum nub_caps_step_kind kind)
{
    return kind == NUB_CAPS_PUT || kind == NUB_CAPS_PUT_WIRE || kind == NUB_CAPS_PUT_WITH_HASH ||
           kind == NUB_CAPS_LOAD_BUNDLE;
}

static enum nub_verdict
run_scenario(struct scenario *scenario, const struct nub_conform_target *target)
{
    const NubCapsVector *vector = scenario->vector;
    enum nub_verdict verdict = NUB_PASSED;
    GError *error = NULL;

    scenario->kernel = nub_registry_open_private(target->registry, target->backend,
                                                 vector->gas_model, vector->mem_cycles, &error);
    if (!scenario->kernel)
        return nub_conform_unexpected(scenario->message, "opening the backend", error);
    while (verdict == NUB_PASSED && scenario->n_steps < vector->steps->len) {
        const struct nub_caps_step *step =
            &g_array_index(vector->steps, struct nub_caps_step, scenario->n_steps);
        scenario->n_steps++;
        verdict = do_step(scenario, step);
        if (verdict == NUB_FAILED && puts_something(step->kind) && !has_room(scenario->kernel))
            return nub_conform_say(NUB_SKIPPED, scenario->message,
                                   "the backend has no room (NO_SPACE)");
        if (verdict == NUB_FAILED) {
            char *what =
                g_strdup_printf("%s: %s", nub_caps_step_name(step->kind), *scenario->message);
            g_free(*scenario->message);
            *scenario->message = what;
        }
    }
    if (verdict == NUB_PASSED && scenario->left_out)
        return nub_conform_lacks(scenario->message, scenario->left_out);
    return verdict;
}

enum nub_verdict
nub_conform_caps(const struct nub_conform_target *target, const NubCapsVector *vector,
                 char **message)
{
    struct scenario scenario = { .vector = vector, .message = message };
    enum nub_verdict verdict = run_scenario(&scenario, target);

    g_clear_object(&scenario.session);
    g_clear_object(&scenario.kernel);
    return verdict;
}
