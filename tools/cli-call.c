/* cli-call.c - a call from the command line: options, the call itself, what came of it */
#include "cli-call.h"

#include "gas.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

struct nub_cli_call_values nub_cli_call_values;

/* ---- options ------------------------------------------------------------------------------- */

static bool
read_gas(NubCliRequest *request)
{
    const struct nub_cli_call_values *values = &nub_cli_call_values;

    request->gas = G_GUINT64_CONSTANT(1000000000);
    if (values->gas && !nub_cli_parse_u64("--gas", values->gas, false, &request->gas))
        return false;
    request->gas = MIN(request->gas, (guint64)NUB_GAS_MAX);
    int model = values->gas_model ? nub_gas_model_from_name(values->gas_model) : NUB_GAS_DEFAULT;
    if (model < 0) {
        nub_cli_usage("--gas-model: '%s' is none of pipeline, polkavm, instruction",
                      values->gas_model);
        return false;
    }
    request->gas_model = (NubGasModel)model;
    if (!values->mem_cycles)
        return true;
    if (!nub_cli_parse_u32("--mem-cycles", values->mem_cycles, &request->mem_cycles))
        return false;
    if (request->mem_cycles < 1 || request->mem_cycles > NUB_MEM_CYCLES_MAX) {
        nub_cli_usage("--mem-cycles: '%s' is not in 1..127", values->mem_cycles);
        return false;
    }
    return true;
}

static bool
read_args(NubCliRequest *request)
{
    const struct nub_cli_call_values *values = &nub_cli_call_values;
    guint n = values->args ? g_strv_length(values->args) : 0;

    if (values->endpoint && !nub_cli_parse_u32("--endpoint", values->endpoint, &request->endpoint))
        return false;
    if (n > G_N_ELEMENTS(request->args)) {
        nub_cli_usage("--arg: a program takes at most four arguments, not %u", n);
        return false;
    }
    for (guint i = 0; i < n; i++)
        if (!nub_cli_parse_u64("--arg", values->args[i], true, &request->args[i]))
            return false;
    return true;
}

int
nub_cli_request_read(NubCliRequest *request)
{
    const char *host = nub_cli_call_values.host;

    if (!read_gas(request) || !read_args(request))
        return NUB_CLI_USAGE;
    if (host && strcmp(host, "standard") != 0 && strcmp(host, "none") != 0)
        return nub_cli_usage("--host: '%s' is none of standard, none", host);
    request->wants_host = g_strcmp0(host, "none") != 0;
    request->wants_output = nub_cli_call_values.output != NULL;
    if (nub_cli_call_values.input && !(request->input = nub_cli_read(nub_cli_call_values.input)))
        return NUB_CLI_HOST;
    return NUB_CLI_OK;
}

void
nub_cli_request_clear(NubCliRequest *request)
{
    g_clear_pointer(&request->input, g_bytes_unref);
    g_clear_pointer(&request->expected_head, g_free);
}

/* ---- the call ------------------------------------------------------------------------------ */

static guint64
now_ns(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (guint64)now.tv_sec * 1000000000u + (guint64)now.tv_nsec;
}

static bool
is_pure(const NubCliRequest *request, const NubHostTable *hosts)
{
    return !request->input && !request->wants_output && !request->commit && !request->advance &&
           !request->expected_head && !request->resume && !hosts;
}

static NubCall *
call_of(const NubCliRequest *request, const NubHash *instance, NubHostTable *hosts)
{
    NubCall *call = nub_call_new(instance);

    nub_call_set_endpoint(call, request->endpoint);
    nub_call_set_args(call, request->args);
    nub_call_set_gas(call, request->gas);
    nub_call_set_gas_model(call, request->gas_model, request->mem_cycles);
    nub_call_set_input(call, request->input);
    nub_call_set_want_output(call, request->wants_output, NUB_CALL_DEFAULT_MAX_OUTPUT);
    nub_call_set_commit(call, request->commit);
    nub_call_set_advance(call, request->advance);
    nub_call_set_expected_head(call, request->expected_head);
    nub_call_set_host_table(call, hosts);
    return call;
}

bool
nub_cli_call(NubKernel *kernel, const NubCliRequest *request, const NubHash *instance,
             NubHostTable *hosts, NubCliAnswer *answer, GError **error)
{
    guint64 start;

    answer->backend = nub_kernel_get_name(kernel);
    if (is_pure(request, hosts)) {
        start = now_ns();
        bool ok = nub_kernel_invoke_cached(kernel, instance, request->endpoint, request->args,
                                           request->gas, &answer->result, error);
        answer->time_ns = now_ns() - start;
        return ok;
    }
    g_autoptr(NubCall) call = call_of(request, instance, hosts);
    start = now_ns();
    g_autoptr(NubOutcome) outcome = request->resume ? nub_kernel_resume(kernel, call, NULL, error)
                                                    : nub_kernel_invoke(kernel, call, NULL, error);
    answer->time_ns = now_ns() - start;
    if (!outcome)
        return false;
    nub_outcome_get_result(outcome, &answer->result);
    answer->has_successor = nub_outcome_get_successor(outcome, &answer->successor);
    if (request->wants_output) {
        answer->output = g_bytes_ref(nub_outcome_get_output(outcome));
        answer->output_state = nub_outcome_get_output_state(outcome);
    }
    return true;
}

void
nub_cli_answer_clear(NubCliAnswer *answer)
{
    g_clear_pointer(&answer->output, g_bytes_unref);
    g_clear_pointer(&answer->where, g_free);
}

/* ---- telling ------------------------------------------------------------------------------- */

void
nub_cli_answer_print(const NubCliAnswer *answer, const NubCliRequest *request)
{
    const NubResult *result = &answer->result;

    printf("backend  %s\nexit     %s", answer->backend,
           nub_exit_reason_to_string(result->exit_reason));
    if (result->exit_reason == NUB_EXIT_PAGE_FAULT)
        printf(" at 0x%x", result->exit_arg);
    if (result->exit_reason == NUB_EXIT_HOST_CALL)
        printf(" %u", result->exit_arg);
    if (answer->where)
        printf("\nwhere    %s", answer->where);
    printf("\nvalue    %" G_GUINT64_FORMAT " (0x%" G_GINT64_MODIFIER "x)\n", result->return_value,
           result->return_value);
    printf("gas      %" G_GUINT64_FORMAT " used, %" G_GUINT64_FORMAT " left\n",
           request->gas - result->gas_remaining, result->gas_remaining);
    printf("time     %" G_GUINT64_FORMAT ".%" G_GUINT64_FORMAT " us\n", answer->time_ns / 1000,
           answer->time_ns % 1000 / 100);
    if (answer->output)
        printf("output   %" G_GSIZE_FORMAT " bytes%s\n", g_bytes_get_size(answer->output),
               answer->output_state == NUB_OUTPUT_STATE_UNREADABLE ? " (unreadable)"
               : answer->output_state == NUB_OUTPUT_STATE_TOO_LONG ? " (too long)"
                                                                   : "");
    if (request->commit) {
        g_autofree char *hex = nub_hash_to_string(&answer->successor);
        printf("next     %s\n", answer->has_successor ? hex : "none");
    }
}

void
nub_cli_answer_add(const NubCliAnswer *answer, const NubCliRequest *request, JsonBuilder *builder)
{
    static const char *const flags[] = { "none", "unreadable", "too_long" };
    const NubResult *result = &answer->result;

    json_builder_begin_object(builder);
    nub_cli_json_string(builder, "backend", answer->backend);
    nub_cli_json_string(builder, "exit_reason", nub_exit_reason_to_string(result->exit_reason));
    nub_cli_json_u32(builder, "exit_arg", result->exit_arg);
    if (answer->where)
        nub_cli_json_string(builder, "where", answer->where);
    nub_cli_json_u64(builder, "return_value", result->return_value);
    nub_cli_json_u64(builder, "gas_remaining", result->gas_remaining);
    nub_cli_json_u64(builder, "gas_used", request->gas - result->gas_remaining);
    nub_cli_json_u64(builder, "time_ns", answer->time_ns);
    nub_cli_json_hash(builder, "successor", answer->has_successor ? &answer->successor : NULL);
    if (answer->output) {
        nub_cli_json_u64(builder, "output_size", g_bytes_get_size(answer->output));
        nub_cli_json_string(builder, "output_flag", flags[answer->output_state]);
    }
    json_builder_end_object(builder);
}

bool
nub_cli_answer_write_output(const NubCliAnswer *answer)
{
    gsize size;

    if (!answer->output)
        return true;
    const void *data = g_bytes_get_data(answer->output, &size);
    return nub_cli_write(nub_cli_call_values.output, data ? data : "", size);
}
