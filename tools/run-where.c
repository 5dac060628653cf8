/* run-where.c - names and lines for `nub run`, from the side file of the bundle
 *
 * A result has no program counter, so a run that stopped is repeated in a session: the machine is
 * deterministic. Where host calls were answered the repetition stops at the first of them, and
 * nothing is said.
 */
#include "run-where.h"

#include "debug.h"

#include <stdio.h>
#include <string.h>

void
nub_run_where_endpoint(const char *file)
{
    char **endpoint = &nub_cli_call_values.endpoint;
    guint32 index;
    NubHash root;

    if (!*endpoint || g_ascii_isdigit(**endpoint))
        return;
    g_autoptr(NubBundle) bundle = nub_bundle_load(file, NULL);
    if (!bundle)
        return;
    nub_cap_get_hash(nub_bundle_get_root(bundle), &root);
    g_autoptr(NubDebug) debug = nub_debug_load(file, &root);
    if (!debug || !nub_debug_find_endpoint(debug, *endpoint, &index))
        return;
    g_free(*endpoint);
    *endpoint = g_strdup_printf("%u", index);
}

/* the pc at which the same call stops again; false if it does not */
static bool
repeat(NubKernel *kernel, const NubHash *root, const NubCliRequest *request,
       const NubResult *result, guint32 *pc)
{
    g_autoptr(NubSession) session =
        nub_kernel_open_session(kernel, root, request->endpoint, request->args, request->gas, NULL);
    NubResult again;

    return session && nub_session_run(session, NULL, &again, NULL) &&
           again.exit_reason == result->exit_reason && again.exit_arg == result->exit_arg &&
           again.gas_remaining == result->gas_remaining && nub_session_get_pc(session, pc, NULL);
}

void
nub_run_where_print(NubKernel *kernel, const char *file, const NubHash *root,
                    const NubCliRequest *request, const NubResult *result)
{
    NubDebugPlace place;
    guint32 pc;

    if (result->exit_reason == NUB_EXIT_HALT || request->resume || request->input)
        return;
    g_autoptr(NubDebug) debug = nub_debug_load(file, root);
    if (!debug || !repeat(kernel, root, request, result, &pc) ||
        !nub_debug_find_place(debug, pc, &place))
        return;
    g_autofree char *text = nub_debug_describe(&place);
    printf("where    %s\n", text);
}
