/* tape.c - host calls of one run, recorded once and played back to others; see tape.h
 *
 * Knows nothing of backends or files: the machine is what <nub/plugin.h> shows to a callback.
 */
#include "tape.h"
#include "failure.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* One read or write of a callback. */
struct transfer {
    uint32_t is_write;
    uint32_t status; /* enum nub_status */
    uint64_t address, size;
    uint8_t *data; /* what was read or written; NULL after a failure and for no bytes */
};

/* One host call. */
struct event {
    uint32_t number, verdict;
    uint64_t regs_before[NUB_N_REGS], regs_after[NUB_N_REGS];
    uint64_t gas_before, gas_after, finish_value;
    struct transfer *transfers;
    size_t n_transfers;
};

struct tape {
    struct nub_host_table table;
    struct nub_host_entry *entries; /* point here */
    struct slot {
        struct tape *tape;
        struct nub_host_entry real;
    } * slots;
    struct event *events;
    size_t n_events, at;
    size_t limit, kept; /* bytes; 0: no limit */
    bool playing, full;
    char difference[128];       /* empty: none */
    struct nub_host_call *live; /* the reference's call while a callback runs */
};

/* Appends one zeroed element to an array that doubles when it is full; NULL when there is no
 * memory. */
static void *
append(void **array, size_t *n, size_t size)
{
    char *elements = *array;

    if ((*n & (*n - 1)) == 0) {
        elements = realloc(elements, (*n ? 2 * *n : 1) * size);
        if (!elements)
            return NULL;
        *array = elements;
    }
    memset(elements + *n * size, 0, size);
    return elements + (*n)++ * size;
}

static void
forget_events(struct tape *tape)
{
    for (size_t i = 0; i < tape->n_events; i++) {
        for (size_t k = 0; k < tape->events[i].n_transfers; k++)
            free(tape->events[i].transfers[k].data);
        free(tape->events[i].transfers);
    }
    free(tape->events);
    tape->events = NULL;
    tape->n_events = 0;
}

/* ---- recording ----------------------------------------------------------------------------- */

static int32_t
record_transfer(struct tape *tape, bool is_write, uint64_t address, void *data, uint64_t size,
                struct nub_failure *failure)
{
    struct event *event = &tape->events[tape->n_events - 1];
    struct nub_host_call *live = tape->live;
    struct transfer *transfer =
        append((void **)&event->transfers, &event->n_transfers, sizeof *transfer);

    if (!transfer)
        return nub_fail(failure, NUB_ERR_NO_MEMORY, "tape: out of memory");
    transfer->is_write = is_write;
    transfer->address = address;
    transfer->size = size;
    int32_t status = is_write ? live->write(live->machine, address, data, size, failure)
                              : live->read(live->machine, address, data, size, failure);
    if (status == NUB_OK && size) {
        transfer->data = malloc(size);
        if (transfer->data)
            memcpy(transfer->data, data, size);
        else
            status = nub_fail(failure, NUB_ERR_NO_MEMORY, "tape: out of memory");
    }
    transfer->status = (uint32_t)status;
    tape->kept += sizeof *transfer + (transfer->data ? size : 0);
    return status;
}

static int32_t
record_read(void *machine, uint64_t address, void *data, uint64_t size, struct nub_failure *failure)
{
    return record_transfer(machine, false, address, data, size, failure);
}

static int32_t
record_write(void *machine, uint64_t address, const void *data, uint64_t size,
             struct nub_failure *failure)
{
    return record_transfer(machine, true, address, (void *)data, size, failure);
}

static uint32_t
record(struct tape *tape, const struct nub_host_entry *real, struct nub_host_call *call)
{
    struct nub_host_call seen = *call;

    if (tape->limit && tape->kept > tape->limit) {
        tape->full = true;
        forget_events(tape);
    }
    if (tape->full)
        return real->call(real->ctx, call);
    struct event *event = append((void **)&tape->events, &tape->n_events, sizeof *event);
    if (!event)
        return NUB_HOST_FAIL;
    tape->kept += sizeof *event;
    event->number = call->number;
    event->gas_before = call->gas;
    memcpy(event->regs_before, call->regs, sizeof event->regs_before);
    tape->live = call;
    seen.machine = tape;
    seen.read = record_read;
    seen.write = record_write;
    uint32_t verdict = real->call(real->ctx, &seen);
    tape->live = NULL;
    call->gas = seen.gas;
    call->finish_value = seen.finish_value;
    event->verdict = verdict;
    event->gas_after = seen.gas;
    event->finish_value = seen.finish_value;
    memcpy(event->regs_after, call->regs, sizeof event->regs_after);
    return verdict;
}

/* ---- playing ------------------------------------------------------------------------------- */

static uint32_t
mismatch(struct tape *tape, const char *what)
{
    if (!tape->difference[0])
        snprintf(tape->difference, sizeof tape->difference, "host call no. %zu: %s", tape->at,
                 what);
    return NUB_HOST_FAIL;
}

/* Repeats one transfer on this backend's machine; false when it does not do what it did. */
static bool
replay_transfer(const struct transfer *transfer, struct nub_host_call *call)
{
    uint8_t *data = calloc(1, transfer->size ? transfer->size : 1);
    int32_t status;

    if (!data)
        return false;
    if (transfer->is_write) {
        /* A write that failed gets zeros again, in case it does not fail here. */
        if (transfer->data)
            memcpy(data, transfer->data, transfer->size);
        status = call->write(call->machine, transfer->address, data, transfer->size, NULL);
    } else {
        status = call->read(call->machine, transfer->address, data, transfer->size, NULL);
    }
    bool same = status == (int32_t)transfer->status;
    if (same && transfer->data)
        same = memcmp(data, transfer->data, transfer->size) == 0;
    free(data);
    return same;
}

static uint32_t
play(struct tape *tape, struct nub_host_call *call)
{
    if (tape->at == tape->n_events)
        return mismatch(tape, "the reference made no such call");
    const struct event *event = &tape->events[tape->at++];
    if (event->number != call->number)
        return mismatch(tape, "another number");
    if (event->gas_before != call->gas)
        return mismatch(tape, "another gas");
    if (memcmp(event->regs_before, call->regs, sizeof event->regs_before) != 0)
        return mismatch(tape, "other registers");
    for (size_t i = 0; i < event->n_transfers; i++)
        if (!replay_transfer(&event->transfers[i], call))
            return mismatch(tape, "other memory");
    memcpy(call->regs, event->regs_after, sizeof event->regs_after);
    call->gas = event->gas_after;
    call->finish_value = event->finish_value;
    return event->verdict;
}

static uint32_t
on_host_call(void *ctx, struct nub_host_call *call)
{
    struct slot *slot = ctx;

    return slot->tape->playing ? play(slot->tape, call) : record(slot->tape, &slot->real, call);
}

/* ---- the tape ------------------------------------------------------------------------------ */

void
tape_free(struct tape *tape)
{
    if (!tape)
        return;
    forget_events(tape);
    free(tape->slots);
    free(tape->entries);
    free(tape);
}

struct tape *
tape_new(const struct nub_host_table *hosts)
{
    struct tape *tape = calloc(1, sizeof *tape);
    uint32_t n = hosts ? hosts->n_entries : 0;

    if (!tape)
        return NULL;
    tape->entries = calloc(n ? n : 1, sizeof *tape->entries);
    tape->slots = calloc(n ? n : 1, sizeof *tape->slots);
    if (!tape->entries || !tape->slots) {
        tape_free(tape);
        return NULL;
    }
    for (uint32_t i = 0; i < n; i++) {
        tape->slots[i] = (struct slot){ tape, hosts->entries[i] };
        tape->entries[i] = hosts->entries[i];
        tape->entries[i].call = on_host_call;
        tape->entries[i].ctx = &tape->slots[i];
    }
    tape->table.struct_size = sizeof tape->table;
    tape->table.n_entries = n;
    tape->table.entries = tape->entries;
    return tape;
}

const struct nub_host_table *
tape_table(struct tape *tape)
{
    return &tape->table;
}

void
tape_limit(struct tape *tape, size_t bytes)
{
    tape->limit = bytes;
}

bool
tape_is_full(const struct tape *tape)
{
    return tape->full;
}

void
tape_rewind(struct tape *tape)
{
    tape->playing = true;
    tape->at = 0;
    tape->difference[0] = 0;
}

const char *
tape_difference(const struct tape *tape)
{
    if (tape->difference[0])
        return tape->difference;
    return tape->at < tape->n_events ? "the reference made more host calls" : NULL;
}

/* ---- to bytes and back ----------------------------------------------------------------------- */

static void
code_transfer(struct nub_codec *codec, struct transfer *transfer)
{
    nub_codec_u32(codec, &transfer->is_write);
    nub_codec_u32(codec, &transfer->status);
    nub_codec_u64(codec, &transfer->address);
    nub_codec_u64(codec, &transfer->size);
    uint64_t stored = transfer->data ? transfer->size : 0;
    nub_codec_blob(codec, &transfer->data, &stored);
    if (stored != (transfer->status == NUB_OK ? transfer->size : 0))
        codec->failed = true;
}

static void
code_event(struct nub_codec *codec, struct event *event)
{
    nub_codec_u32(codec, &event->number);
    nub_codec_u32(codec, &event->verdict);
    nub_codec_u64s(codec, event->regs_before, NUB_N_REGS);
    nub_codec_u64s(codec, event->regs_after, NUB_N_REGS);
    nub_codec_u64(codec, &event->gas_before);
    nub_codec_u64(codec, &event->gas_after);
    nub_codec_u64(codec, &event->finish_value);
    nub_codec_list(codec, (void **)&event->transfers, &event->n_transfers, sizeof *event->transfers,
                   24);
    for (size_t i = 0; i < event->n_transfers; i++)
        code_transfer(codec, &event->transfers[i]);
}

/* Numbers and prices are enough to play; the callbacks themselves are not needed. */
static void
code_entries(struct nub_codec *codec, struct nub_host_table *hosts)
{
    struct nub_host_entry *entries = (struct nub_host_entry *)hosts->entries;
    size_t n = hosts->n_entries;

    nub_codec_list(codec, (void **)&entries, &n, sizeof *entries, 12);
    for (size_t i = 0; i < n; i++) {
        nub_codec_u32(codec, &entries[i].number);
        nub_codec_u64(codec, &entries[i].price);
        if (i > 0 && entries[i].number <= entries[i - 1].number)
            codec->failed = true; /* sorted and unique: the backend relies on it */
    }
    hosts->entries = entries;
    hosts->n_entries = (uint32_t)n;
}

void
tape_code(struct nub_codec *codec, struct tape **tape)
{
    struct nub_host_table hosts = { .struct_size = sizeof hosts };

    if (!codec->reading)
        hosts = (*tape)->table;
    code_entries(codec, &hosts);
    if (codec->reading) {
        *tape = tape_new(&hosts);
        free((void *)hosts.entries);
        if (!*tape) {
            codec->failed = true;
            return;
        }
        (*tape)->playing = true;
    }
    nub_codec_list(codec, (void **)&(*tape)->events, &(*tape)->n_events, sizeof *(*tape)->events,
                   8 + 8 * (2 * NUB_N_REGS + 3) + 8);
    for (size_t i = 0; i < (*tape)->n_events; i++)
        code_event(codec, &(*tape)->events[i]);
}
