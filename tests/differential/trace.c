/* trace.c - a case through the functions of a module
 *
 * Knows only <nub/plugin.h> and the encoders of core/model. What the host does between runs must
 * depend on the case and on what the program was seen to do, so that equal engines get equal hosts.
 */
#include "trace.h"
#include "bytes.h"
#include "cap.h"
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- capabilities -------------------------------------------------------------------------- */

static int32_t
put_wire(const struct nub_trace_engine *engine, uint8_t *wire, uint64_t size, struct nub_hash *hash)
{
    int32_t status =
        engine->ops->put_cap(engine->backend, (struct nub_slice){ wire, size }, hash, NULL);

    free(wire);
    return status;
}

static int32_t
put_image(const struct nub_trace_engine *engine, const struct nub_case *c, struct nub_hash *hash)
{
    struct nub_endpoint endpoint = { .entry_pc = 0 };
    uint32_t targets[NUB_CASE_MAX_JUMP];
    struct nub_image_spec spec = { .code = { c->code, c->code_size },
                                   .bitmask = { c->mask, (c->code_size + 7) / 8 },
                                   .jump_table = targets,
                                   .n_jump = c->n_jump,
                                   .endpoints = &endpoint,
                                   .n_endpoints = 1 };

    for (uint32_t i = 0; i < c->n_jump; i++)
        targets[i] = nub_le32(c->jump_table + 4 * i);
    uint64_t size = nub_image_wire_size(&spec);
    uint8_t *wire = malloc(size);
    nub_image_encode(wire, &spec);
    return put_wire(engine, wire, size, hash);
}

static int32_t
put_instance(const struct nub_trace_engine *engine, const struct nub_case *c,
             const struct nub_hash *image, struct nub_hash *hash)
{
    struct nub_instance_spec spec = {
        .image = *image, .pc = c->pc, .gas_remaining = c->gas, .phase = 1
    };

    memcpy(spec.regs, c->regs, sizeof spec.regs);
    uint64_t size = nub_instance_wire_size(&spec);
    uint8_t *wire = malloc(size);
    nub_instance_encode(wire, &spec);
    return put_wire(engine, wire, size, hash);
}

/* ---- the host ------------------------------------------------------------------------------ */

struct host {
    const struct nub_backend_ops *ops;
    void *session;
    const struct nub_case *c;
    struct nub_random random;
    uint32_t pages[NUB_CASE_MAX_PAGES + NUB_TRACE_MAX_RUNS]; /* mapped */
    uint32_t n_pages;
};

static int32_t
map_page(struct host *host, uint32_t address, uint8_t access)
{
    host->pages[host->n_pages++] = address;
    return host->ops->session_map(host->session, address, NUB_PAGE_SIZE, access, NULL);
}

static int32_t
map_pages(struct host *host)
{
    int32_t status = NUB_OK;

    for (uint32_t i = 0; i < host->c->n_pages && status == NUB_OK; i++) {
        const struct nub_case_page *page = &host->c->pages[i];
        uint8_t bytes[NUB_PAGE_SIZE];
        for (uint32_t k = 0; k < NUB_PAGE_SIZE; k++)
            bytes[k] = nub_case_page_byte(page, k);
        status = map_page(host, page->address, page->access);
        if (status == NUB_OK && page->fill != 0)
            status =
                host->ops->session_write(host->session, page->address, bytes, sizeof bytes, NULL);
    }
    return status;
}

static int32_t
checksum_memory(struct host *host, uint64_t *checksum)
{
    uint64_t sum = 0xCBF29CE484222325u, words[NUB_PAGE_SIZE / 8];
    int32_t status = NUB_OK;

    for (uint32_t i = 0; i < host->n_pages && status == NUB_OK; i++) {
        status = host->ops->session_read(host->session, host->pages[i], words, sizeof words, NULL);
        for (uint32_t k = 0; k < NUB_PAGE_SIZE / 8; k++)
            sum = (sum ^ words[k]) * 0x100000001B3u + (sum >> 47);
    }
    *checksum = sum;
    return status;
}

static int32_t
observe(struct host *host, struct nub_trace_run *run)
{
    int32_t status = host->ops->session_get_regs(host->session, run->regs, NULL);

    if (status == NUB_OK)
        status = host->ops->session_get_pc(host->session, &run->pc, NULL);
    if (status == NUB_OK)
        status = host->ops->session_get_gas(host->session, &run->gas, NULL);
    if (status == NUB_OK)
        status = checksum_memory(host, &run->memory);
    return status;
}

static bool
is_mapped(const struct host *host, uint32_t address)
{
    for (uint32_t i = 0; i < host->n_pages; i++)
        if (host->pages[i] == address)
            return true;
    return false;
}

/* what lets the program go on, or sends it elsewhere */
static int32_t
react(struct host *host, struct nub_trace_run *run)
{
    struct nub_random *r = &host->random;

    switch (run->result.exit_reason) {
    case NUB_EXIT_OUT_OF_GAS:
        return host->ops->session_set_gas(host->session, run->gas + nub_random_below(r, 100), NULL);
    case NUB_EXIT_HOST_CALL:
    case NUB_EXIT_ECALL:
        run->regs[7] = nub_random_next(r);
        return host->ops->session_set_regs(host->session, run->regs, NULL);
    case NUB_EXIT_PAGE_FAULT:
        if (!is_mapped(host, run->result.exit_arg))
            return map_page(host, run->result.exit_arg,
                            nub_random_one_in(r, 4) ? NUB_ACCESS_READ_ONLY : NUB_ACCESS_READ_WRITE);
        break;
    default:
        break;
    }
    return host->ops->session_set_pc(host->session, nub_random_below(r, host->c->code_size + 2),
                                     NULL);
}

static int32_t
run_session(struct host *host, struct nub_trace *trace)
{
    int32_t status = map_pages(host);

    while (status == NUB_OK && trace->n_runs < host->c->max_runs &&
           trace->n_runs < NUB_TRACE_MAX_RUNS) {
        struct nub_trace_run *run = &trace->runs[trace->n_runs];
        status = host->ops->session_run(host->session, &run->result, NULL);
        if (status == NUB_OK)
            status = observe(host, run);
        if (status == NUB_OK) {
            struct nub_trace_run after = *run;
            trace->n_runs++;
            status = react(host, &after);
        }
    }
    return status;
}

void
nub_trace_case(const struct nub_trace_engine *engine, const struct nub_case *c,
               struct nub_trace *trace)
{
    const struct nub_backend_ops *ops = engine->ops;
    struct nub_session_args args = { .struct_size = sizeof args,
                                     .gas_model = c->gas_model,
                                     .mem_cycles = c->mem_cycles,
                                     .gas = c->gas };
    struct host host = { .ops = ops, .c = c };
    struct nub_hash image;

    memset(trace, 0, sizeof *trace);
    nub_random_seed(&host.random, c->seed ^ 0x5EED);
    trace->status = put_image(engine, c, &image);
    if (trace->status != NUB_OK)
        return;
    trace->status = put_instance(engine, c, &image, &args.instance);
    if (trace->status == NUB_OK)
        trace->status = ops->session_open(engine->backend, &args, &host.session, NULL);
    if (trace->status == NUB_OK) {
        trace->status = run_session(&host, trace);
        ops->session_close(host.session);
    }
    ops->drop_cap(engine->backend, &args.instance, NULL);
    ops->drop_cap(engine->backend, &image, NULL);
}

/* ---- comparing ----------------------------------------------------------------------------- */

int
nub_trace_difference(const struct nub_trace *a, const struct nub_trace *b)
{
    for (uint32_t i = 0; i < a->n_runs && i < b->n_runs; i++)
        if (memcmp(&a->runs[i], &b->runs[i], sizeof a->runs[i]) != 0)
            return (int)i;
    if (a->n_runs == b->n_runs && a->status == b->status)
        return -1;
    return (int)(a->n_runs < b->n_runs ? a->n_runs : b->n_runs);
}

static void
print_run(const struct nub_trace_engine *engine, const struct nub_trace *trace, int i,
          void (*line)(void *ctx, const char *text), void *ctx)
{
    const struct nub_trace_run *run = &trace->runs[i];
    char text[200];

    if (i >= (int)trace->n_runs)
        snprintf(text, sizeof text, "; %s: status %d", engine->name, trace->status);
    else
        snprintf(text, sizeof text,
                 "; %s: reason %u, arg 0x%x, pc %u, gas %" PRIu64 ", memory %016" PRIx64,
                 engine->name, run->result.exit_reason, run->result.exit_arg, run->pc, run->gas,
                 run->memory);
    line(ctx, text);
}

void
nub_trace_print(const struct nub_trace_engine engines[2], const struct nub_trace traces[2], int run,
                void (*line)(void *ctx, const char *text), void *ctx)
{
    char text[200];

    snprintf(text, sizeof text, "; run %d differs", run);
    line(ctx, text);
    for (int i = 0; i < 2; i++)
        print_run(&engines[i], &traces[i], run, line, ctx);
    if (run >= (int)traces[0].n_runs || run >= (int)traces[1].n_runs)
        return;
    for (uint32_t i = 0; i < NUB_N_REGS; i++) {
        uint64_t a = traces[0].runs[run].regs[i], b = traces[1].runs[run].regs[i];
        if (a == b)
            continue;
        snprintf(text, sizeof text, "; %s: 0x%" PRIx64 " and 0x%" PRIx64, nub_reg_names[i], a, b);
        line(ctx, text);
    }
}
