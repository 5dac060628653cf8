/* run-where.c - names and lines for `nub run`, from the side file of the bundle
 *
 * A result has no program counter, so a run that stopped is repeated in a session: the machine is
 * deterministic. What the host answered is kept on a tape while the program runs and played to the
 * repetition, which therefore writes nothing and reads nothing.
 */
#include "run-where.h"

#include "hosted.h"
#include "stepper.h"

int
nub_run_where_endpoint(const char *file)
{
    char **endpoint = &nub_cli_call_values.endpoint;
    guint32 index;
    NubHash root;

    if (!*endpoint || g_ascii_isdigit(**endpoint))
        return NUB_CLI_OK;
    g_autoptr(NubBundle) bundle = nub_cli_bundle(file);
    if (!bundle)
        return NUB_CLI_HOST;
    nub_cap_get_hash(nub_bundle_get_root(bundle), &root);
    g_autoptr(NubDebug) debug = nub_debug_load(file, &root);
    if (!debug) {
        g_autofree char *side_file = nub_debug_file_name(file);
        return nub_cli_usage("--endpoint: '%s' is no number, and no side file %s of this bundle "
                             "has names",
                             *endpoint, side_file);
    }
    if (!nub_debug_find_endpoint(debug, *endpoint, &index)) {
        g_autofree char *names = nub_debug_list_endpoints(debug);
        return nub_cli_usage("--endpoint: %s has no '%s'; there are %s", file, *endpoint, names);
    }
    g_free(*endpoint);
    *endpoint = g_strdup_printf("%u", index);
    return NUB_CLI_OK;
}

/* The pc at which the same call stops again; false, with why, if it does not. */
static bool
repeat(NubKernel *kernel, const NubHash *root, const NubCliRequest *request, struct tape *tape,
       const NubResult *result, guint32 *pc, GError **error)
{
    g_auto(NubProgram) program = { 0 };
    g_auto(NubHosted) run = { .program = &program.program, .gas = request->gas };

    if (tape) {
        tape_rewind(tape);
        run.hosts = tape_table(tape);
    }
    if (!nub_program_find(&program, kernel, root, error) ||
        !(run.session = nub_kernel_open_session(kernel, root, request->endpoint, request->args,
                                                request->gas, error)) ||
        !nub_hosted_lay_input(run.session, request->input, error) ||
        !nub_hosted_run(&run, NUB_GAS_MAX, error))
        return false;
    *pc = run.pc;
    if (!run.failed && run.result.exit_reason == result->exit_reason &&
        run.result.exit_arg == result->exit_arg &&
        run.result.gas_remaining == result->gas_remaining)
        return true;
    g_set_error(error, NUB_ERROR, NUB_ERROR_SYSTEM, "a second run ended otherwise");
    return false;
}

char *
nub_run_where(const NubDebug *debug, NubKernel *kernel, const NubCliRequest *request,
              struct tape *tape, const NubResult *result)
{
    g_autoptr(GError) error = NULL;
    NubDebugPlace place;
    guint32 pc;

    if (!debug || result->exit_reason == NUB_EXIT_HALT)
        return NULL;
    if (tape && tape_is_full(tape))
        return g_strdup("not known: too many host calls to run it again");
    if (!repeat(kernel, nub_debug_get_instance(debug), request, tape, result, &pc, &error))
        return g_strdup_printf("not known: %s", error->message);
    /* those two stop behind their instruction, which may be another line */
    if (result->exit_reason == NUB_EXIT_HOST_CALL || result->exit_reason == NUB_EXIT_ECALL)
        pc--;
    return nub_debug_find_place(debug, pc, &place) ? nub_debug_describe(&place) : NULL;
}
