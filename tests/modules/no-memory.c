/* A backend whose machines cannot be reached: every access of a host call fails for want of memory.
 * A call is one host call, whose number is the endpoint and whose arguments are the call's. */
#include "good.h"

static int32_t
no_memory_read(void *machine, uint64_t address, void *data, uint64_t size,
               struct nub_failure *failure)
{
    (void)machine, (void)address, (void)data, (void)size, (void)failure;
    return NUB_ERR_NO_MEMORY;
}

static int32_t
no_memory_write(void *machine, uint64_t address, const void *data, uint64_t size,
                struct nub_failure *failure)
{
    (void)machine, (void)address, (void)data, (void)size, (void)failure;
    return NUB_ERR_NO_MEMORY;
}

static int32_t
no_memory_invoke(void *backend, const struct nub_call *call, struct nub_outcome *outcome,
                 struct nub_failure *failure)
{
    uint64_t regs[NUB_N_REGS] = { 0 };
    struct nub_host_call host = { .struct_size = sizeof host,
                                  .number = call->endpoint,
                                  .regs = regs,
                                  .gas = call->gas,
                                  .read = no_memory_read,
                                  .write = no_memory_write };

    (void)backend, (void)failure;
    for (uint32_t i = 0; i < 4; i++)
        regs[7 + i] = call->args[i];
    for (uint32_t i = 0; i < call->hosts->n_entries; i++) {
        const struct nub_host_entry *entry = &call->hosts->entries[i];
        if (entry->number == call->endpoint && entry->call(entry->ctx, &host) != NUB_HOST_CONTINUE)
            return NUB_ERR_HOST_CALL_FAILED;
    }
    outcome->result = (struct nub_result){ .exit_reason = NUB_EXIT_HALT, .return_value = regs[7] };
    return NUB_OK;
}

static const struct nub_backend_ops ops = { GOOD_OPS, .invoke = no_memory_invoke };
static const struct nub_plugin plugin = { GOOD_PLUGIN };
NUB_PLUGIN_DEFINE(no_memory, plugin)
