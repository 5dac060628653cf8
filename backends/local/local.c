/* local.c - the local backend: an interpreter in the caller's process
 *
 * Options, creation and the table of functions; everything else is in the files that
 * local-private.h lists. Knows nothing of the host but <nub/plugin.h>. Read design.md 6.
 */
#include "blob.h"
#include "fault.h"
#include "local-private.h"
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

/* What a run costs that is not worth a window, in gas: some ten microseconds. */
#define SHORT_RUN ((uint64_t)1 << 15)

/* the first ones are about the interpreters */
#define N_OWN_OPTIONS 2
static const struct nub_option_desc option_table[] = {
    { .name = "memory",
      .type = NUB_OPTION_CHOICE,
      .default_value = NUB_HAVE_GUARD ? "guard" : "checked",
      .choices = "guard|checked",
      .summary =
          "guard: 4 GiB windows and a fault handler; checked: neither, every access tested" },
    { .name = "interpreter",
      .type = NUB_OPTION_CHOICE,
      .default_value = "threaded",
      .choices = "threaded|switch",
      .summary = "threaded: fast, pre-decoded; switch: one instruction at a time, the reference" },
    { .name = "verify",
      .type = NUB_OPTION_CHOICE,
      .default_value = "always",
      .choices = "always|never",
      .summary = "never: put_cap_with_hash trusts the caller's hash" },
    { .name = "max-bytes",
      .type = NUB_OPTION_SIZE,
      .default_value = "0",
      .summary = "bytes that the directory may keep; 0: no limit" },
    { .name = "code-cache",
      .type = NUB_OPTION_SIZE,
      .default_value = "256MiB",
      .summary = "bytes of pre-decoded programs that are kept between calls" },
    { .name = "windows",
      .type = NUB_OPTION_UINT,
      .default_value = "16",
      .summary = "how many 4 GiB windows are kept for later calls (memory: guard)" },
};

static const char *
option_value(const struct nub_create_args *args, const char *name)
{
    for (uint32_t i = 0; i < args->n_options; i++) {
        if (strcmp(args->options[i].name, name) == 0)
            return args->options[i].value;
    }
    return NULL;
}

static bool
option_is(const struct nub_create_args *args, const char *name, const char *value)
{
    const char *given = option_value(args, name);

    return given && strcmp(given, value) == 0;
}

static uint64_t
option_number(const struct nub_create_args *args, const char *name, uint64_t fallback)
{
    const char *given = option_value(args, name);

    return given ? strtoull(given, NULL, 10) : fallback;
}

static void *
system_realloc(void *ctx, void *block, size_t old_size, size_t new_size)
{
    (void)ctx;
    (void)old_size;
    if (new_size == 0) {
        free(block);
        return NULL;
    }
    return realloc(block, new_size);
}

enum nub_status
nub_local_no_memory(struct nub_failure *failure)
{
    return nub_fail(failure, NUB_ERR_NO_MEMORY, "local: out of memory");
}

enum nub_status
nub_local_new(struct nub_local **made, const struct nub_alloc *alloc,
              const struct nub_local_options *options, const struct nub_host *host,
              struct nub_failure *failure)
{
    struct nub_local *local = nub_alloc(alloc, sizeof *local);

    if (!local)
        return nub_local_no_memory(failure);
    memset(local, 0, sizeof *local);
    local->alloc = *alloc;
    local->options = *options;
    local->host = host;
    local->codes.limit = options->code_cache;
    enum nub_status status =
        nub_windows_init(&local->windows, options->guard, options->windows, failure);
    if (status != NUB_OK) {
        nub_free(alloc, local, sizeof *local);
        return status;
    }
    struct nub_dir_options dir = { .max_bytes = options->max_bytes,
                                   .trust_hashes = options->trust_hashes,
                                   .share_pages = true,
                                   .user_free = nub_user_free,
                                   .user_ctx = local };
    if (getrandom(dir.seed, sizeof dir.seed, 0) != (ssize_t)sizeof dir.seed)
        dir.seed[0] ^= (uintptr_t)local; /* collisions are easier to find, nothing else */
    local->dir = nub_dir_new(&local->alloc, &dir);
    if (!local->dir) {
        nub_windows_clear(local);
        nub_free(alloc, local, sizeof *local);
        return nub_local_no_memory(failure);
    }
    pthread_mutex_init(&local->lock, NULL);
    *made = local;
    return NUB_OK;
}

void
nub_local_free(struct nub_local *local)
{
    struct nub_alloc alloc = local->alloc;

    nub_dir_free(local->dir);
    nub_windows_clear(local);
    pthread_mutex_destroy(&local->lock);
    nub_free(&alloc, local, sizeof *local);
}

const struct nub_option_desc *const nub_local_shared_options = option_table + N_OWN_OPTIONS;
const uint64_t nub_local_n_shared_options =
    sizeof option_table / sizeof option_table[0] - N_OWN_OPTIONS;

enum nub_status
nub_local_create(const struct nub_create_args *args, const struct nub_runner *runner,
                 void **backend, struct nub_failure *failure)
{
    struct nub_alloc alloc = { .realloc = system_realloc,
                               .blob_new = nub_blob_new,
                               .blob_free = nub_blob_free };
    struct nub_local_options options = {
        .gas_model = args->gas_model,
        .mem_cycles = args->mem_cycles,
        .guard = !option_is(args, "memory", "checked"),
        .threaded = !option_is(args, "interpreter", "switch"),
        .trust_hashes = option_is(args, "verify", "never"),
        .max_bytes = option_number(args, "max-bytes", 0),
        .code_cache = option_number(args, "code-cache", 256u << 20),
        .windows = (uint32_t)option_number(args, "windows", 16),
        .short_run = SHORT_RUN,
        .runner = runner,
    };
    struct nub_local *local;

    enum nub_status status = nub_local_new(&local, &alloc, &options, args->host, failure);
    if (status == NUB_OK)
        *backend = local;
    return status;
}

static int32_t
create(const struct nub_create_args *args, void **backend, struct nub_failure *failure)
{
    return (int32_t)nub_local_create(args, NULL, backend, failure);
}

static void
destroy(void *backend)
{
    nub_local_free(backend);
}

static int32_t
evict(void *backend, struct nub_failure *failure)
{
    struct nub_local *local = backend;

    (void)failure;
    pthread_mutex_lock(&local->lock);
    nub_codes_evict(local, true);
    pthread_mutex_unlock(&local->lock);
    return NUB_OK;
}

static int32_t
stats(void *backend, void (*each)(void *ctx, const char *name, uint64_t value), void *ctx,
      struct nub_failure *failure)
{
    struct nub_local *local = backend;

    (void)failure;
    pthread_mutex_lock(&local->lock);
    struct nub_dir_stats dir = nub_dir_stats(local->dir);
    uint64_t hits = local->codes.hits, misses = local->codes.misses;
    pthread_mutex_unlock(&local->lock);
    pthread_mutex_lock(&local->windows.lock);
    uint32_t windows = local->windows.n;
    pthread_mutex_unlock(&local->windows.lock);
    each(ctx, "nub_caps", dir.caps);
    each(ctx, "nub_caps_bytes", dir.bytes);
    each(ctx, "nub_code_bytes", __atomic_load_n(&local->codes.bytes, __ATOMIC_RELAXED));
    each(ctx, "nub_code_hits_total", hits);
    each(ctx, "nub_code_misses_total", misses);
    each(ctx, "nub_windows", windows);
    each(ctx, "nub_sessions_total", __atomic_load_n(&local->stats.sessions, __ATOMIC_RELAXED));
    each(ctx, "nub_commits_total", __atomic_load_n(&local->stats.commits, __ATOMIC_RELAXED));
    return NUB_OK;
}

const struct nub_backend_ops nub_local_ops = {
    .struct_size = sizeof nub_local_ops,
    .create = create,
    .destroy = destroy,
    .put_cap = nub_local_put_cap,
    .invoke_cached = nub_local_invoke_cached,
    .state_root = nub_local_state_root,
    .put_cap_with_hash = nub_local_put_cap_with_hash,
    .contains = nub_local_contains,
    .get_cap = nub_local_get_cap,
    .drop_cap = nub_local_drop_cap,
    .refcount = nub_local_refcount,
    .invoke = nub_local_invoke,
    .resume = nub_local_resume,
    .set_state_root = nub_local_set_state_root,
    .session_open = nub_local_session_open,
    .session_run = nub_local_session_run,
    .session_get_regs = nub_local_session_get_regs,
    .session_set_regs = nub_local_session_set_regs,
    .session_get_pc = nub_local_session_get_pc,
    .session_set_pc = nub_local_session_set_pc,
    .session_get_gas = nub_local_session_get_gas,
    .session_set_gas = nub_local_session_set_gas,
    .session_read = nub_local_session_read,
    .session_write = nub_local_session_write,
    .session_map = nub_local_session_map,
    .session_commit = nub_local_session_commit,
    .session_close = nub_local_session_close,
    .session_interrupt = nub_local_session_interrupt,
    .stats = stats,
    .evict = evict,
    .get_changes = nub_local_get_changes,
};

const struct nub_plugin nub_local_plugin = {
    .abi_version = NUB_ABI_VERSION,
    .struct_size = sizeof(struct nub_plugin),
    .name = "local",
    .version = NUB_VERSION,
    .summary = "An interpreter in the caller's process: portable, no privileges, the reference",
    .options = option_table,
    .n_options = sizeof option_table / sizeof option_table[0],
    .ops = &nub_local_ops,
};
