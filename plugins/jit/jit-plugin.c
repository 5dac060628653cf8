/* jit-plugin.c - the module nub-jit: the local backend with compiled code instead of interpreters
 *
 * Native code in the caller's process: not a sandbox. For tests, profiling and trusted programs;
 * the kvm backend runs the same code where it can do no harm. Read README.md, runner.h.
 */
#include "jit-plugin.h"
#include <string.h>

/* before those that every module on the local backend's library has */
static const struct nub_option_desc own_options[] = {
    { .name = "cpu",
      .type = NUB_OPTION_CHOICE,
      .default_value = "native",
      .choices = "native|baseline",
      .summary = "native: BMI and LZCNT where the CPU has them; baseline: never" },
};
#define N_OWN_OPTIONS (sizeof own_options / sizeof own_options[0])
#define MAX_OPTIONS   16

static bool
wants_baseline(const struct nub_create_args *args)
{
    for (uint32_t i = 0; i < args->n_options; i++)
        if (strcmp(args->options[i].name, "cpu") == 0)
            return strcmp(args->options[i].value, "baseline") == 0;
    return false;
}

static int32_t
create(const struct nub_create_args *args, void **backend, struct nub_failure *failure)
{
    const struct nub_jit_runner *runner =
        wants_baseline(args) ? &nub_jit_runner_baseline : &nub_jit_runner;
    enum nub_status status = nub_jit_window_init(failure);

    if (status == NUB_OK)
        status = nub_local_create(args, &runner->runner, backend, failure);
    if (status != NUB_OK)
        return (int32_t)status;
    status = nub_jit_fault_install(failure); /* after that of the windows */
    if (status != NUB_OK)
        nub_local_ops.destroy(*backend);
    return (int32_t)status;
}

static struct nub_backend_ops ops;
static struct nub_option_desc options[MAX_OPTIONS];
static struct nub_plugin plugin = {
    .abi_version = NUB_ABI_VERSION,
    .struct_size = sizeof(struct nub_plugin),
    .name = "jit",
    .version = NUB_VERSION,
    .summary =
        "NOT A SANDBOX: native code in the caller's process, for tests, profiling and trusted "
        "programs only",
    .options = options,
    .ops = &ops,
};

NUB_PLUGIN_EXPORT const struct nub_plugin *nub_plugin_entry(void);

const struct nub_plugin *
nub_plugin_entry(void)
{
    ops = nub_local_ops;
    ops.create = create;
    memcpy(options, own_options, sizeof own_options);
    memcpy(options + N_OWN_OPTIONS, nub_local_shared_options,
           nub_local_n_shared_options * sizeof options[0]);
    plugin.n_options = N_OWN_OPTIONS + nub_local_n_shared_options;
    return &plugin;
}
