/* jit-plugin.c - the module nub-jit: the local backend with compiled code instead of interpreters
 *
 * Native code in the caller's process: not a sandbox. For tests, profiling and trusted programs;
 * the kvm backend runs the same code where it can do no harm. Read README.md, runner.h.
 */
#include "jit-plugin.h"

static int32_t
create(const struct nub_create_args *args, void **backend, struct nub_failure *failure)
{
    enum nub_status status = nub_jit_window_init(failure);

    if (status == NUB_OK)
        status = nub_local_create(args, &nub_jit_runner, backend, failure);
    if (status != NUB_OK)
        return (int32_t)status;
    status = nub_jit_fault_install(failure); /* after that of the windows */
    if (status != NUB_OK)
        nub_local_ops.destroy(*backend);
    return (int32_t)status;
}

static struct nub_backend_ops ops;
static struct nub_plugin plugin = {
    .abi_version = NUB_ABI_VERSION,
    .struct_size = sizeof(struct nub_plugin),
    .name = "jit",
    .version = NUB_VERSION,
    .summary =
        "NOT A SANDBOX: native code in the caller's process, for tests, profiling and trusted "
        "programs only",
    .ops = &ops,
};

NUB_PLUGIN_EXPORT const struct nub_plugin *nub_plugin_entry(void);

const struct nub_plugin *
nub_plugin_entry(void)
{
    ops = nub_local_ops;
    ops.create = create;
    plugin.options = nub_local_shared_options;
    plugin.n_options = nub_local_n_shared_options;
    return &plugin;
}
