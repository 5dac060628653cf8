/* resolve.c - from the name of an instance to everything that a run needs
 *
 * Judges the errors of caps.md 4.1 in their order, once: what has been found valid hangs on the
 * instance's directory entry and is not judged again, since nothing it rests on can change while
 * the entry lives. Failures are not remembered. Never runs anything.
 */
#include "local-private.h"
#include <string.h>

struct resolved_user {
    enum nub_user_kind kind;
    struct nub_resolved resolved;
};

static const struct nub_cap *
lookup(void *ctx, const struct nub_hash *hash)
{
    struct nub_dir_entry *entry = nub_dir_find(ctx, hash);

    return entry ? &entry->cap : NULL;
}

static void
resolved_free(struct nub_local *local, struct resolved_user *user)
{
    struct nub_resolved *resolved = &user->resolved;

    nub_windows_forget(local, &resolved->plan);
    nub_memplan_clear(&resolved->plan, &local->alloc);
    nub_memplan_clear(&resolved->without, &local->alloc);
    nub_free(&local->alloc, resolved->entries, resolved->n_entries * sizeof *resolved->entries);
    nub_free(&local->alloc, user, sizeof *user);
}

void
nub_user_free(void *local, void *user)
{
    if (*(enum nub_user_kind *)user == NUB_USER_IMAGE)
        nub_image_free(local, user);
    else
        resolved_free(local, user);
}

/* ---- the image ------------------------------------------------------------------------------- */

static enum nub_status
find_image(struct nub_local *local, const struct nub_instance *instance,
           struct nub_dir_entry **found, struct nub_failure *failure)
{
    struct nub_dir_entry *entry = NULL;

    if (!nub_hash_is_zero(instance->image))
        entry = nub_dir_find(local->dir, instance->image);
    if (!entry)
        return nub_fail_hash(failure, NUB_ERR_IMAGE_MISSING, instance->image, "image %h: missing",
                             instance->image);
    if (entry->cap.kind != NUB_CAP_IMAGE)
        return nub_fail_hash(failure, NUB_ERR_NOT_AN_IMAGE, instance->image, "cap %h: %s, no Image",
                             instance->image, nub_cap_kind_name(entry->cap.kind));
    if (entry->cap.u.image.isa != NUB_ISA_BYTE_PVM)
        return nub_fail_hash(failure, NUB_ERR_UNSUPPORTED_ISA, instance->image,
                             "image %h: instruction set %u is not supported", instance->image,
                             entry->cap.u.image.isa);
    *found = entry;
    return NUB_OK;
}

/* ---- endpoints ------------------------------------------------------------------------------- */

static void
fill_entry(struct nub_entry *entry, const struct nub_program *program,
           const struct nub_endpoint *endpoint, const struct nub_instance *instance)
{
    for (unsigned i = 0; i < NUB_N_REGS; i++)
        entry->regs[i] = instance->regs[i] ? instance->regs[i] : endpoint->initial_regs[i];
    entry->valid = nub_program_is_block_start(program, endpoint->entry_pc);
    entry->pc = entry->valid ? (uint32_t)endpoint->entry_pc : 0;
}

static bool
fill_entries(struct nub_local *local, struct nub_resolved *resolved, const struct nub_image *image,
             const struct nub_instance *instance)
{
    struct nub_program program;
    size_t size = image->n_endpoints * sizeof *resolved->entries;

    if (size == 0)
        return true;
    resolved->entries = nub_alloc(&local->alloc, size);
    if (!resolved->entries)
        return false;
    resolved->n_entries = image->n_endpoints;
    nub_image_program(&program, image);
    for (uint32_t i = 0; i < image->n_endpoints; i++) {
        struct nub_endpoint endpoint;
        nub_image_endpoint(image, i, &endpoint);
        fill_entry(&resolved->entries[i], &program, &endpoint, instance);
    }
    return true;
}

/* ---- the instance ---------------------------------------------------------------------------- */

static struct nub_resolved *
resolved_new(struct nub_local *local, struct nub_dir_entry *entry, struct nub_dir_entry *image)
{
    struct resolved_user *user = nub_alloc(&local->alloc, sizeof *user);

    if (!user)
        return NULL;
    memset(user, 0, sizeof *user);
    user->kind = NUB_USER_RESOLVED;
    user->resolved.image = nub_image_of(local, image);
    if (!user->resolved.image ||
        !fill_entries(local, &user->resolved, &image->cap.u.image, &entry->cap.u.instance)) {
        resolved_free(local, user);
        return NULL;
    }
    entry->user = user;
    return &user->resolved;
}

static enum nub_status
resolve(struct nub_local *local, struct nub_dir_entry *entry, struct nub_resolved **resolved,
        struct nub_failure *failure)
{
    struct nub_dir_entry *image = NULL;

    if (entry->user) {
        *resolved = &((struct resolved_user *)entry->user)->resolved;
        return NUB_OK;
    }
    enum nub_status status = find_image(local, &entry->cap.u.instance, &image, failure);
    if (status != NUB_OK)
        return status;
    *resolved = resolved_new(local, entry, image);
    return *resolved ? NUB_OK : nub_local_no_memory(failure);
}

static enum nub_status
judge_endpoint(const struct nub_resolved *resolved, uint32_t endpoint, struct nub_failure *failure)
{
    const struct nub_hash *image = &resolved->image->entry->hash;

    if (endpoint >= resolved->n_entries)
        return nub_fail_hash(failure, NUB_ERR_ENDPOINT_RANGE, image,
                             "image %h: no endpoint %u, it has %u", image, endpoint,
                             resolved->n_entries);
    if (!resolved->entries[endpoint].valid)
        return nub_fail_hash(failure, NUB_ERR_PROGRAM_INVALID, image,
                             "image %h: the entry pc of endpoint %u is no block start", image,
                             endpoint);
    return NUB_OK;
}

/* Both plans at once: later, what they are made from may be present no more. */
static enum nub_status
build_plans(struct nub_local *local, struct nub_dir_entry *entry, struct nub_resolved *resolved,
            struct nub_failure *failure)
{
    const struct nub_image *image = &resolved->image->entry->cap.u.image;
    const struct nub_instance *instance = &entry->cap.u.instance;
    enum nub_status status = nub_memplan_build(&resolved->plan, &local->alloc, image, instance,
                                               &entry->hash, true, lookup, local->dir, failure);

    if (status == NUB_OK && instance->n_overlays > 0) {
        status = nub_memplan_build(&resolved->without, &local->alloc, image, instance, &entry->hash,
                                   false, lookup, local->dir, failure);
        if (status != NUB_OK)
            nub_memplan_clear(&resolved->plan, &local->alloc);
    }
    resolved->memory_valid = status == NUB_OK;
    return status;
}

const struct nub_memplan *
nub_resolve_plan_inlock(struct nub_local *local, struct nub_dir_entry *entry)
{
    struct nub_resolved *resolved;

    if (resolve(local, entry, &resolved, NULL) != NUB_OK)
        return NULL;
    if (!resolved->memory_valid && build_plans(local, entry, resolved, NULL) != NUB_OK)
        return NULL;
    return &resolved->plan;
}

static enum nub_status
judge_instance(const struct nub_target *target, const struct nub_dir_entry *entry,
               struct nub_failure *failure)
{
    if (!entry)
        return nub_fail_hash(failure, NUB_ERR_NOT_PUBLISHED, &target->instance,
                             "instance %h: not published", &target->instance);
    if (entry->cap.kind != NUB_CAP_INSTANCE)
        return nub_fail_hash(failure, NUB_ERR_NOT_AN_INSTANCE, &target->instance,
                             "cap %h: %s, no Instance", &target->instance,
                             nub_cap_kind_name(entry->cap.kind));
    if (!target->resume && entry->cap.u.instance.phase == 1)
        return nub_fail_hash(failure, NUB_ERR_PAUSED, &target->instance, "instance %h: paused",
                             &target->instance);
    if (target->resume && entry->cap.u.instance.phase == 0)
        return nub_fail_hash(failure, NUB_ERR_NOT_PAUSED, &target->instance,
                             "instance %h: idle, not paused", &target->instance);
    return NUB_OK;
}

static enum nub_status
hold_inlock(struct nub_local *local, const struct nub_target *target, struct nub_held *held,
            struct nub_failure *failure)
{
    struct nub_dir_entry *entry = nub_dir_find(local->dir, &target->instance);
    struct nub_resolved *resolved = NULL;

    enum nub_status status = judge_instance(target, entry, failure);
    if (status == NUB_OK)
        status = resolve(local, entry, &resolved, failure);
    if (status == NUB_OK && !target->resume)
        status = judge_endpoint(resolved, target->endpoint, failure);
    if (status == NUB_OK && !resolved->memory_valid)
        status = build_plans(local, entry, resolved, failure);
    if (status != NUB_OK)
        return status;
    uint32_t model = target->gas_model ? target->gas_model : local->options.gas_model;
    uint32_t cycles = target->mem_cycles ? target->mem_cycles : local->options.mem_cycles;
    struct nub_code *code = nub_code_hold(local, resolved->image, model, cycles);
    if (!code)
        return nub_local_no_memory(failure);
    nub_dir_pin(local->dir, entry);
    resolved->n_calls += resolved->n_calls < NUB_CALLED_OFTEN;
    *held = (struct nub_held){ .entry = entry,
                               .resolved = resolved,
                               .code = code,
                               .often = resolved->n_calls == NUB_CALLED_OFTEN };
    return NUB_OK;
}

enum nub_status
nub_hold(struct nub_local *local, const struct nub_target *target, struct nub_held *held,
         struct nub_failure *failure)
{
    pthread_mutex_lock(&local->lock);
    enum nub_status status = hold_inlock(local, target, held, failure);
    pthread_mutex_unlock(&local->lock);
    return status;
}

void
nub_release(struct nub_local *local, struct nub_held *held)
{
    pthread_mutex_lock(&local->lock);
    nub_code_release(local, held->code);
    nub_dir_unpin(local->dir, held->entry);
    pthread_mutex_unlock(&local->lock);
}
