/* kvm.c - the kvm backend: programs compiled and run inside of a micro-VM
 *
 * Options, creation and the table of functions; everything else is in the files that kvm-private.h
 * lists. Knows nothing of the host but <nub/plugin.h>. Read docs/guest.md. */
#include "kvm-private.h"
#include "system.h"
#include <dlfcn.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define IMAGE_NAME "nub-guest-x86.elf"
#define MIB        ((uint64_t)1 << 20)

static const struct nub_option_desc option_table[] = {
    { .name = "guest-memory",
      .type = NUB_OPTION_SIZE,
      .default_value = "256MiB",
      .summary =
          "memory of the guest: what programs in use need at once, not all that is published" },
    { .name = "lanes",
      .type = NUB_OPTION_UINT,
      .default_value = "1",
      .summary = "vCPUs: how many calls run in parallel; 1 to 16" },
    { .name = "wait",
      .type = NUB_OPTION_CHOICE,
      .default_value = "adaptive",
      .choices = "adaptive|sync|poll",
      .summary = "sync: the caller runs the vCPU; poll: a thread does and keeps it awake; "
                 "adaptive: poll under a burst" },
    { .name = "spin",
      .type = NUB_OPTION_DURATION,
      .default_value = "300us",
      .summary = "how long an idle lane polls for the next call before it sleeps" },
    { .name = "watchdog",
      .type = NUB_OPTION_DURATION,
      .default_value = "10s",
      .summary = "a guest that shows no sign of life for so long is stopped and restarted" },
    { .name = "verify",
      .type = NUB_OPTION_CHOICE,
      .default_value = "always",
      .choices = "always|never",
      .summary = "never: put_cap_with_hash trusts the caller's hash" },
    { .name = "max-bytes",
      .type = NUB_OPTION_SIZE,
      .default_value = "0",
      .summary = "bytes that the directory may keep; 0: no limit" },
    { .name = "guest-image",
      .type = NUB_OPTION_STRING,
      .summary = "the guest kernel; default: " IMAGE_NAME " beside this module" },
    { .name = "device",
      .type = NUB_OPTION_STRING,
      .default_value = "/dev/kvm",
      .summary = "KVM's device" },
};

static const char *
option(const struct nub_create_args *args, const char *name, const char *fallback)
{
    for (uint32_t i = 0; i < args->n_options; i++) {
        if (strcmp(args->options[i].name, name) == 0)
            return args->options[i].value;
    }
    return fallback;
}

static uint64_t
option_number(const struct nub_create_args *args, const char *name, uint64_t fallback)
{
    const char *value = option(args, name, NULL);

    return value ? strtoull(value, NULL, 10) : fallback;
}

/* ---- fork -------------------------------------------------------------------------------- */

static uint64_t
    forks; /* how many forks lie between this process and the one that loaded the module */

static void
on_fork(void)
{
    forks++;
}

static void
watch_forks(void)
{
    pthread_atfork(NULL, NULL, on_fork);
}

enum nub_status
nub_kvm_judge_process(const struct nub_kvm *kvm, struct nub_failure *failure)
{
    if (kvm->forks == forks)
        return NUB_OK;
    return nub_fail(failure, NUB_ERR_SYSTEM,
                    "this backend was opened before a fork; open it in the child");
}

/* ---- failures ---------------------------------------------------------------------------- */

enum nub_status
nub_kvm_no_memory(struct nub_failure *failure)
{
    return nub_fail(failure, NUB_ERR_NO_MEMORY, "kvm: out of memory");
}

enum nub_status
nub_kvm_corrupt(struct nub_kvm *kvm, const char *what, struct nub_failure *failure)
{
    nub_guest_break(&kvm->guest, NUB_ERR_GUEST_CORRUPT, what);
    return nub_fail(failure, NUB_ERR_GUEST_CORRUPT, "the guest is not to be trusted: %s", what);
}

/* ---- create and destroy ------------------------------------------------------------------ */

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

/* Where the image is: given, or beside the file that this code was loaded from. */
static enum nub_status
find_image(char path[PATH_MAX], const struct nub_create_args *args, struct nub_failure *failure)
{
    const char *given = option(args, "guest-image", NULL);
    const char *slash;
    Dl_info info;

    if (given) {
        snprintf(path, PATH_MAX, "%s", given);
        return NUB_OK;
    }
    if (!dladdr(&nub_kvm_plugin, &info) || !(slash = strrchr(info.dli_fname, '/')))
        return nub_fail(failure, NUB_ERR_UNAVAILABLE,
                        "the place of this module is unknown: set guest-image");
    snprintf(path, PATH_MAX, "%.*s/%s", (int)(slash - info.dli_fname), info.dli_fname, IMAGE_NAME);
    return NUB_OK;
}

static enum nub_status
judge_options(const struct nub_guest_options *options, struct nub_failure *failure)
{
    const struct nub_vm_spec *spec = &options->spec;

    if (spec->memory_size < NUB_GUEST_MIN_BYTES)
        return nub_fail(failure, NUB_ERR_INVALID_ARGUMENT, "guest-memory: %U MiB, at least %u",
                        spec->memory_size / MIB, (uint32_t)(NUB_GUEST_MIN_BYTES / MIB));
    if (spec->memory_size > NUB_GUEST_MAX_BYTES)
        return nub_fail(failure, NUB_ERR_INVALID_ARGUMENT, "guest-memory: %U MiB, at most %u",
                        spec->memory_size / MIB, (uint32_t)(NUB_GUEST_MAX_BYTES / MIB));
    if (spec->n_lanes < 1 || spec->n_lanes > NUB_GUEST_MAX_LANES)
        return nub_fail(failure, NUB_ERR_INVALID_ARGUMENT, "lanes: %u, must be 1 to %u",
                        spec->n_lanes, (uint32_t)NUB_GUEST_MAX_LANES);
    return NUB_OK;
}

static enum nub_wait
wait_of(const char *name)
{
    if (strcmp(name, "sync") == 0)
        return NUB_WAIT_SYNC;
    return strcmp(name, "poll") == 0 ? NUB_WAIT_POLL : NUB_WAIT_ADAPTIVE;
}

static enum nub_status
open_guest(struct nub_kvm *kvm, const struct nub_create_args *args, struct nub_failure *failure)
{
    uint64_t lanes = option_number(args, "lanes", 1);
    struct nub_guest_options options = {
        .wait = wait_of(option(args, "wait", "adaptive")),
        .spin_ns = option_number(args, "spin", 300000),
        .watchdog_ns = option_number(args, "watchdog", 10000000000u),
        .spec = { .memory_size = option_number(args, "guest-memory", 256 * MIB),
                  .n_lanes = lanes > UINT32_MAX ? UINT32_MAX : (uint32_t)lanes,
                  .gas_model = args->gas_model,
                  .mem_cycles = args->mem_cycles }
    };
    char path[PATH_MAX];
    enum nub_status status = judge_options(&options, failure);

    if (!status)
        status = nub_kvm_open(&kvm->kvm_fd, option(args, "device", "/dev/kvm"), failure);
    if (!status)
        status = nub_kvm_check(kvm->kvm_fd, nub_kvm_extension, failure);
    if (!status)
        status = find_image(path, args, failure);
    if (!status)
        status = nub_image_read(&kvm->image, path, failure);
    if (status)
        return status;
    options.spec.memory_size &= ~(2 * MIB - 1);
    options.spec.kvm_fd = kvm->kvm_fd;
    options.spec.image = &kvm->image;
    return nub_guest_start(&kvm->guest, &options, failure);
}

static void
release(struct nub_kvm *kvm)
{
    nub_book_close(kvm);
    nub_image_clear(&kvm->image);
    if (kvm->kvm_fd >= 0)
        close(kvm->kvm_fd);
    pthread_mutex_destroy(&kvm->book_lock);
    pthread_mutex_destroy(&kvm->residence_lock);
    free(kvm);
}

static int32_t
create(const struct nub_create_args *args, void **backend, struct nub_failure *failure)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    struct nub_kvm *kvm = calloc(1, sizeof *kvm);
    enum nub_status status;

    if (!kvm)
        return nub_kvm_no_memory(failure);
    pthread_once(&once, watch_forks);
    kvm->kvm_fd = -1;
    kvm->host = args->host;
    kvm->forks = forks;
    kvm->epoch = 1;
    kvm->alloc = (struct nub_alloc){ .realloc = system_realloc };
    kvm->trust_hashes = strcmp(option(args, "verify", "always"), "never") == 0;
    pthread_mutex_init(&kvm->book_lock, NULL);
    pthread_mutex_init(&kvm->residence_lock, NULL);
    status = nub_book_open(kvm, option_number(args, "max-bytes", 0), kvm->trust_hashes, failure);
    if (!status)
        status = open_guest(kvm, args, failure);
    if (status) {
        release(kvm);
        return status;
    }
    *backend = kvm;
    return NUB_OK;
}

static void
destroy(void *backend)
{
    struct nub_kvm *kvm = backend;

    if (nub_kvm_judge_process(kvm, NULL) == NUB_OK)
        nub_guest_stop(&kvm->guest);
    else
        nub_guest_abandon(&kvm->guest);
    release(kvm);
}

/* ---- figures ----------------------------------------------------------------------------- */

static int32_t
heap_stats(void *backend, struct nub_heap_stats *stats, struct nub_failure *failure)
{
    struct nub_kvm *kvm = backend;
    struct nub_packet_heap_stats packet;
    const struct nub_lane_call call = { .request = NUB_REQUEST_HEAP_STATS,
                                        .reply = &packet,
                                        .reply_size = sizeof packet,
                                        .limit_ns = kvm->guest.watchdog_ns };
    enum nub_status status = nub_kvm_judge_process(kvm, failure);

    if (!status)
        status = nub_residence_settle(kvm, failure);
    if (!status)
        status = nub_kvm_request(kvm, &call, failure);
    if (status)
        return status;
    stats->allocated_bytes = packet.allocated_bytes;
    stats->allocations = packet.allocations;
    stats->fragments = packet.fragments;
    stats->available = packet.available;
    return NUB_OK;
}

static int32_t
evict(void *backend, struct nub_failure *failure)
{
    struct nub_kvm *kvm = backend;
    const struct nub_lane_call call = { .request = NUB_REQUEST_EVICT,
                                        .limit_ns = nub_kvm_work_limit(kvm) };
    enum nub_status status = nub_kvm_judge_process(kvm, failure);

    return status ? status : nub_kvm_request(kvm, &call, failure);
}

static int32_t
stats(void *backend, void (*each)(void *ctx, const char *name, uint64_t value), void *ctx,
      struct nub_failure *failure)
{
    struct nub_kvm *kvm = backend;
    struct nub_packet_stats packet;
    const struct nub_lane_call call = { .request = NUB_REQUEST_STATS,
                                        .reply = &packet,
                                        .reply_size = sizeof packet,
                                        .limit_ns = kvm->guest.watchdog_ns };
    enum nub_status status = nub_kvm_judge_process(kvm, failure);
    struct nub_dir_stats dir;
    uint64_t requests = 0;

    if (!status)
        status = nub_kvm_request(kvm, &call, failure);
    if (status)
        return status;
    pthread_mutex_lock(&kvm->book_lock);
    dir = nub_dir_stats(kvm->book);
    pthread_mutex_unlock(&kvm->book_lock);
    each(ctx, "nub_caps", dir.caps);
    each(ctx, "nub_caps_bytes", dir.bytes);
    each(ctx, "nub_calls_total", __atomic_load_n(&kvm->calls, __ATOMIC_RELAXED));
    each(ctx, "nub_sessions_total", __atomic_load_n(&kvm->sessions, __ATOMIC_RELAXED));
    each(ctx, "nub_commits_total", __atomic_load_n(&kvm->commits, __ATOMIC_RELAXED));
    for (uint32_t i = 0; i < kvm->guest.n_lanes; i++)
        requests += __atomic_load_n(&kvm->guest.lanes[i].requests, __ATOMIC_RELAXED);
    each(ctx, "nub_guest_requests_total", requests);
    each(ctx, "nub_guest_restarts_total", kvm->guest.restarts);
    each(ctx, "nub_guest_sheds_total", __atomic_load_n(&kvm->sheds, __ATOMIC_RELAXED));
    each(ctx, "nub_guest_derived_total", __atomic_load_n(&kvm->derived, __ATOMIC_RELAXED));
    each(ctx, "nub_guest_uploads_total", __atomic_load_n(&kvm->uploads, __ATOMIC_RELAXED));
    each(ctx, "nub_guest_uploaded_bytes_total",
         __atomic_load_n(&kvm->uploaded_bytes, __ATOMIC_RELAXED));
    each(ctx, "nub_guest_caps", packet.caps);
    each(ctx, "nub_guest_caps_bytes", packet.cap_bytes);
    each(ctx, "nub_guest_runs_total", packet.runs);
    each(ctx, "nub_guest_compiled_total", packet.compiled);
    each(ctx, "nub_guest_code_bytes", packet.code_bytes);
    each(ctx, "nub_guest_faults_total", packet.faults);
    each(ctx, "nub_guest_switches_total", packet.switches);
    each(ctx, "nub_guest_windows", packet.windows);
    return NUB_OK;
}

static const struct nub_backend_ops ops = {
    .struct_size = sizeof ops,
    .create = create,
    .destroy = destroy,
    .put_cap = nub_kvm_put_cap,
    .invoke_cached = nub_kvm_invoke_cached,
    .state_root = nub_kvm_state_root,
    .put_cap_with_hash = nub_kvm_put_cap_with_hash,
    .contains = nub_kvm_contains,
    .get_cap = nub_kvm_get_cap,
    .drop_cap = nub_kvm_drop_cap,
    .refcount = nub_kvm_refcount,
    .invoke = nub_kvm_invoke,
    .resume = nub_kvm_resume,
    .set_state_root = nub_kvm_set_state_root,
    .session_open = nub_kvm_session_open,
    .session_run = nub_kvm_session_run,
    .session_get_regs = nub_kvm_session_get_regs,
    .session_set_regs = nub_kvm_session_set_regs,
    .session_get_pc = nub_kvm_session_get_pc,
    .session_set_pc = nub_kvm_session_set_pc,
    .session_get_gas = nub_kvm_session_get_gas,
    .session_set_gas = nub_kvm_session_set_gas,
    .session_read = nub_kvm_session_read,
    .session_write = nub_kvm_session_write,
    .session_map = nub_kvm_session_map,
    .session_commit = nub_kvm_session_commit,
    .session_close = nub_kvm_session_close,
    .session_interrupt = nub_kvm_session_interrupt,
    .heap_stats = heap_stats,
    .stats = stats,
    .evict = evict,
    .get_changes = nub_kvm_get_changes,
};

const struct nub_plugin nub_kvm_plugin = {
    .abi_version = NUB_ABI_VERSION,
    .struct_size = sizeof(struct nub_plugin),
    .name = "kvm",
    .version = NUB_VERSION,
    .summary = "Programs compiled to native code inside of a micro-VM: fast, and never in the "
               "caller's process",
    .options = option_table,
    .n_options = sizeof option_table / sizeof option_table[0],
    .ops = &ops,
};
