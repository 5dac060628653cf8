/* faulty.c - the local backend with one fault, to prove that `nub conform` and `nub bisect` notice
 *
 * Each module built from this file is nub-local with one function replaced; NUB_FAULT names the
 * fault. Nothing else may be wrong with it: what they report must be that fault.
 */
#include <nub/plugin.h>

#include <dlfcn.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static struct nub_backend_ops local, ops;
static struct nub_plugin plugin;

/* ---- wrong results ------------------------------------------------------------------------- */

static int32_t
run_with_less_gas(void *session, struct nub_result *result, struct nub_failure *failure)
{
    int32_t status = local.session_run(session, result, failure);

    if (status == NUB_OK && result->gas_remaining)
        result->gas_remaining--;
    return status;
}

static int32_t
call_with_less_gas(void *backend, const struct nub_invoke_args *args, struct nub_result *result,
                   struct nub_failure *failure)
{
    int32_t status = local.invoke_cached(backend, args, result, failure);

    if (status == NUB_OK && result->gas_remaining)
        result->gas_remaining--;
    return status;
}

static int32_t
regs_with_one_wrong(void *session, uint64_t regs[NUB_N_REGS], struct nub_failure *failure)
{
    int32_t status = local.session_get_regs(session, regs, failure);

    regs[12] ^= UINT64_C(1) << 63;
    return status;
}

static int32_t
read_with_one_wrong(void *session, uint64_t address, void *data, uint64_t size,
                    struct nub_failure *failure)
{
    int32_t status = local.session_read(session, address, data, size, failure);

    if (status == NUB_OK && size)
        *(uint8_t *)data ^= 1;
    return status;
}

static int32_t
put_with_wrong_hash(void *backend, struct nub_slice wire, struct nub_hash *hash,
                    struct nub_failure *failure)
{
    int32_t status = local.put_cap(backend, wire, hash, failure);

    if (status == NUB_OK)
        hash->bytes[31] ^= 1;
    return status;
}

static int32_t
call_without_naming(void *backend, const struct nub_invoke_args *args, struct nub_result *result,
                    struct nub_failure *failure)
{
    int32_t status = local.invoke_cached(backend, args, result, failure);

    if (status != NUB_OK && failure)
        memset(&failure->hash, 0, sizeof failure->hash);
    return status;
}

static int32_t
refcount_plus_one(void *backend, const struct nub_hash *hash, uint64_t *count,
                  struct nub_failure *failure)
{
    int32_t status = local.refcount(backend, hash, count, failure);

    ++*count;
    return status;
}

/*
 * A program that is another one where it holds the constant 0x11111111111111NN: the byte `offset`
 * behind the constant's first is `by`. The directory has it under the name of the right one
 * (`verify: never`), so this is a backend that takes one instruction for another.
 */
static const struct {
    const char *fault;
    uint8_t marker, offset, by;
} parts[] = {
    { "part-register", 0x01, 0, 0x09 }, /* the constant itself */
    { "part-memory", 0x02, 12, 9 },     /* what the store behind it stores */
    { "part-gas", 0x03, 8, 0x86 },      /* or_imm for mul_imm_64: the same result, another price */
    { "part-pc", 0x04, 8, 0x52 },       /* branch_ne_imm for branch_eq_imm */
    { "part-exit", 0x05, 8, 0xff },     /* no instruction for trap */
};

static void
change_part(uint8_t *wire, uint64_t size)
{
    uint8_t constant[8] = { 0, 0x11, 0x11, 0x11, 0x11, 0x11, 0x11, 0x11 };
    size_t i = 0;

    while (strcmp(parts[i].fault, NUB_FAULT) != 0)
        i++;
    constant[0] = parts[i].marker;
    for (uint64_t at = 0; at + sizeof constant + parts[i].offset <= size; at++) {
        if (memcmp(wire + at, constant, sizeof constant) != 0)
            continue;
        wire[at + parts[i].offset] = parts[i].by;
        return;
    }
}

static int32_t
put_another_part(void *backend, struct nub_slice wire, struct nub_hash *hash,
                 struct nub_failure *failure)
{
    int32_t status = local.put_cap(backend, wire, hash, failure);
    uint8_t *copy = status == NUB_OK ? malloc(wire.size) : NULL;

    if (!copy)
        return status;
    memcpy(copy, wire.data, wire.size);
    change_part(copy, wire.size);
    status = local.drop_cap(backend, hash, failure);
    if (status == NUB_OK)
        status =
            local.put_cap_with_hash(backend, hash, (struct nub_slice){ copy, wire.size }, failure);
    free(copy);
    return status;
}

/* ---- bad manners --------------------------------------------------------------------------- */

static int32_t
call_and_crash(void *backend, const struct nub_invoke_args *args, struct nub_result *result,
               struct nub_failure *failure)
{
    (void)backend;
    (void)args;
    (void)result;
    (void)failure;
    abort();
}

static int32_t
call_and_exit(void *backend, const struct nub_invoke_args *args, struct nub_result *result,
              struct nub_failure *failure)
{
    (void)backend;
    (void)args;
    (void)result;
    (void)failure;
    _exit(0);
}

static int32_t
call_for_ever(void *backend, const struct nub_invoke_args *args, struct nub_result *result,
              struct nub_failure *failure)
{
    (void)backend;
    (void)args;
    (void)result;
    (void)failure;
    while (1)
        pause();
    return NUB_OK;
}

static int32_t
call_and_print(void *backend, const struct nub_invoke_args *args, struct nub_result *result,
               struct nub_failure *failure)
{
    puts("calling");
    return local.invoke_cached(backend, args, result, failure);
}

static int32_t
call_past_the_failure(void *backend, const struct nub_invoke_args *args, struct nub_result *result,
                      struct nub_failure *failure)
{
    struct nub_failure whole = { .struct_size = sizeof whole };
    int32_t status = local.invoke_cached(backend, args, result, &whole);

    if (failure) {
        whole.struct_size = failure->struct_size;
        *failure = whole;
    }
    return status;
}

static int32_t
put_reading_always(void *backend, const struct nub_hash *hash, struct nub_slice wire,
                   struct nub_failure *failure)
{
    static volatile uint8_t last;

    if (wire.size)
        last = wire.data[wire.size - 1];
    (void)last;
    return local.put_cap_with_hash(backend, hash, wire, failure);
}

static int32_t
changes_with_one_more(void *backend, const struct nub_hash *base, const struct nub_hash *hash,
                      const struct nub_changes *changes, struct nub_failure *failure)
{
    int32_t status = local.get_changes(backend, base, hash, changes, failure);

    if (status != NUB_OK)
        return status;
    changes->page(changes->ctx, 0, NULL); /* never was there */
    return NUB_OK;
}

static void
mandatory_alone(void)
{
    size_t mandatory = offsetof(struct nub_backend_ops, put_cap_with_hash);

    memset((char *)&ops + mandatory, 0, sizeof ops - mandatory);
}

/* Room for Data and nothing else: no backend without room, so nothing may be skipped for it. */
static int32_t
put_data_alone(void *backend, struct nub_slice wire, struct nub_hash *hash,
               struct nub_failure *failure)
{
    const uint8_t data = 2; /* the first byte of a Data's wire form */

    return wire.size > 0 && wire.data[0] == data ? local.put_cap(backend, wire, hash, failure)
                                                 : NUB_ERR_NO_SPACE;
}

/* ---- one of them --------------------------------------------------------------------------- */

#define OP(member) offsetof(struct nub_backend_ops, member)

/* Any function of the table; every one is of the same size. */
typedef void (*any_fn)(void);

static const struct {
    const char *name;
    size_t member; /* what is replaced; 0: everything that is not mandatory goes */
    any_fn by;
} faults[] = {
    { "gas", OP(session_run), (any_fn)run_with_less_gas },
    { "call-gas", OP(invoke_cached), (any_fn)call_with_less_gas },
    { "register", OP(session_get_regs), (any_fn)regs_with_one_wrong },
    { "memory", OP(session_read), (any_fn)read_with_one_wrong },
    { "hash", OP(put_cap), (any_fn)put_with_wrong_hash },
    { "room", OP(put_cap), (any_fn)put_data_alone },
    { "naming", OP(invoke_cached), (any_fn)call_without_naming },
    { "refcount", OP(refcount), (any_fn)refcount_plus_one },
    { "crash", OP(invoke_cached), (any_fn)call_and_crash },
    { "exit", OP(invoke_cached), (any_fn)call_and_exit },
    { "hang", OP(invoke_cached), (any_fn)call_for_ever },
    { "print", OP(invoke_cached), (any_fn)call_and_print },
    { "failure", OP(invoke_cached), (any_fn)call_past_the_failure },
    { "reading", OP(put_cap_with_hash), (any_fn)put_reading_always },
    { "changes", OP(get_changes), (any_fn)changes_with_one_more },
    { "part-register", OP(put_cap), (any_fn)put_another_part },
    { "part-memory", OP(put_cap), (any_fn)put_another_part },
    { "part-gas", OP(put_cap), (any_fn)put_another_part },
    { "part-pc", OP(put_cap), (any_fn)put_another_part },
    { "part-exit", OP(put_cap), (any_fn)put_another_part },
    { "few", 0, NULL },
};

static void
break_one(const char *fault)
{
    size_t i = 0;

    while (strcmp(faults[i].name, fault) != 0)
        i++;
    if (faults[i].member)
        memcpy((char *)&ops + faults[i].member, &faults[i].by, sizeof faults[i].by);
    else
        mandatory_alone();
}

NUB_PLUGIN_EXPORT const struct nub_plugin *nub_plugin_entry(void);
NUB_PLUGIN_EXPORT const struct nub_plugin *
nub_plugin_entry(void)
{
    void *module, *symbol;
    nub_plugin_entry_fn entry;

    if (plugin.abi_version)
        return &plugin;
    module = dlopen(NUB_LOCAL_MODULE, RTLD_NOW | RTLD_LOCAL);
    symbol = module ? dlsym(module, NUB_PLUGIN_ENTRY) : NULL;
    if (!symbol)
        return NULL;
    memcpy(&entry, &symbol, sizeof entry);
    plugin = *entry();
    local = *plugin.ops;
    ops = local;
    if (strcmp(NUB_FAULT, "none") != 0)
        break_one(NUB_FAULT);
    plugin.ops = &ops;
    return &plugin;
}
