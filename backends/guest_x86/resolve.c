/* resolve.c - from the name of an instance to what a run needs
 *
 * Judges the errors of caps.md 4.1 in their order, once: what was found good hangs on the
 * instance's entry and holds as long as that, because neither it nor what it mentions can change.
 */
#include "guest.h"
#include "bytes.h"
#include "failure.h"

static const struct nub_cap *
lookup(void *ctx, const struct nub_hash *hash)
{
    struct nub_dir_entry *entry = nub_dir_find(ctx, hash);

    return entry ? &entry->cap : NULL;
}

static enum nub_status
judge_instance(const struct nub_dir_entry *entry, const struct guest_target *target,
               struct nub_failure *failure)
{
    const struct nub_hash *hash = target->instance;

    if (!entry)
        return nub_fail_hash(failure, NUB_ERR_NOT_PUBLISHED, hash, "instance %h: not published",
                             hash);
    if (entry->cap.kind != NUB_CAP_INSTANCE)
        return nub_fail_hash(failure, NUB_ERR_NOT_AN_INSTANCE, hash, "cap %h: %s, no Instance",
                             hash, nub_cap_kind_name(entry->cap.kind));
    if (!target->resume && entry->cap.u.instance.phase == 1)
        return nub_fail_hash(failure, NUB_ERR_PAUSED, hash, "instance %h: paused", hash);
    if (target->resume && entry->cap.u.instance.phase == 0)
        return nub_fail_hash(failure, NUB_ERR_NOT_PAUSED, hash, "instance %h: idle, not paused",
                             hash);
    return NUB_OK;
}

static enum nub_status
find_image(struct nub_dir_entry **found, const struct nub_instance *instance,
           struct nub_failure *failure)
{
    const struct nub_hash *hash = instance->image;
    struct nub_dir_entry *entry = nub_hash_is_zero(hash) ? NULL : nub_dir_find(guest.dir, hash);

    if (!entry)
        return nub_fail_hash(failure, NUB_ERR_IMAGE_MISSING, hash, "image %h: missing", hash);
    if (entry->cap.kind != NUB_CAP_IMAGE)
        return nub_fail_hash(failure, NUB_ERR_NOT_AN_IMAGE, hash, "cap %h: %s, no Image", hash,
                             nub_cap_kind_name(entry->cap.kind));
    if (entry->cap.u.image.isa != NUB_ISA_BYTE_PVM)
        return nub_fail_hash(failure, NUB_ERR_UNSUPPORTED_ISA, hash,
                             "image %h: instruction set %u is not supported", hash,
                             entry->cap.u.image.isa);
    *found = entry;
    return NUB_OK;
}

static void
fill_endpoints(struct guest_instance *instance)
{
    const struct nub_image *image = &instance->image->cap.u.image;
    const struct nub_instance *state = &instance->entry->cap.u.instance;
    const struct nub_program program = { .code = image->code.data,
                                         .code_size = (uint32_t)image->code.size,
                                         .mask = image->bitmask.data };

    for (uint32_t i = 0; i < instance->n_endpoints; i++) {
        struct guest_endpoint *e = &instance->endpoints[i];
        struct nub_endpoint endpoint;

        nub_image_endpoint(image, i, &endpoint);
        for (unsigned r = 0; r < NUB_N_REGS; r++)
            e->regs[r] = state->regs[r] ? state->regs[r] : endpoint.initial_regs[r];
        e->valid = nub_program_is_block_start(&program, endpoint.entry_pc);
        e->pc = e->valid ? (uint32_t)endpoint.entry_pc : 0;
    }
}

static struct guest_instance *
instance_new(struct nub_dir_entry *entry, struct nub_dir_entry *image)
{
    struct guest_instance *instance = nub_alloc(&guest.alloc, sizeof *instance);
    uint32_t n = image->cap.u.image.n_endpoints;

    if (!instance)
        return NULL;
    *instance = (struct guest_instance){
        .kind = GUEST_USER_INSTANCE, .entry = entry, .image = image, .n_endpoints = n
    };
    instance->lineage = ++guest.lineages;
    if (n > 0) {
        instance->endpoints = nub_alloc(&guest.alloc, n * sizeof *instance->endpoints);
        if (!instance->endpoints) {
            nub_free(&guest.alloc, instance, sizeof *instance);
            return NULL;
        }
        fill_endpoints(instance);
    }
    entry->user = instance;
    return instance;
}

void
guest_instance_free(struct guest_instance *instance)
{
    for (uint32_t i = 0; i < NUB_GUEST_MAX_LANES; i++) {
        if (instance->windows[i])
            guest_window_free(instance->windows[i]);
    }
    nub_memplan_clear(&instance->plan, &guest.alloc);
    nub_free(&guest.alloc, instance->endpoints,
             instance->n_endpoints * sizeof *instance->endpoints);
    nub_free(&guest.alloc, instance, sizeof *instance);
}

static enum nub_status
judge_endpoint(const struct guest_instance *instance, uint32_t endpoint,
               struct nub_failure *failure)
{
    const struct nub_hash *image = &instance->image->hash;

    if (endpoint >= instance->n_endpoints)
        return nub_fail_hash(failure, NUB_ERR_ENDPOINT_RANGE, image,
                             "image %h: no endpoint %u, it has %u", image, endpoint,
                             instance->n_endpoints);
    if (!instance->endpoints[endpoint].valid)
        return nub_fail_hash(failure, NUB_ERR_PROGRAM_INVALID, image,
                             "image %h: the entry pc of endpoint %u is no block start", image,
                             endpoint);
    return NUB_OK;
}

static enum nub_status
build_plan(struct guest_instance *instance, struct nub_failure *failure)
{
    enum nub_status status = nub_memplan_build(
        &instance->plan, &guest.alloc, &instance->image->cap.u.image,
        &instance->entry->cap.u.instance, &instance->entry->hash, true, lookup, guest.dir, failure);

    instance->has_plan = status == NUB_OK;
    return status;
}

struct guest_instance *
guest_instance_derive(struct nub_dir_entry *entry, const struct guest_instance *base)
{
    struct guest_instance *instance = entry->user;

    if (!instance) {
        instance = instance_new(entry, base->image);
        if (!instance)
            return NULL;
        instance->lineage = base->lineage;
    }
    return instance->has_plan || build_plan(instance, NULL) == NUB_OK ? instance : NULL;
}

enum nub_status
guest_resolve(struct guest_instance **resolved, const struct guest_target *target,
              struct nub_failure *failure)
{
    struct nub_dir_entry *entry = nub_dir_find(guest.dir, target->instance), *image = NULL;
    struct guest_instance *instance;
    enum nub_status status = judge_instance(entry, target, failure);

    if (status)
        return status;
    instance = entry->user;
    if (!instance) {
        status = find_image(&image, &entry->cap.u.instance, failure);
        if (status)
            return status;
        instance = instance_new(entry, image);
        if (!instance)
            return nub_fail(failure, NUB_ERR_NO_MEMORY, "guest memory is full");
    }
    status = target->resume ? NUB_OK : judge_endpoint(instance, target->endpoint, failure);
    if (!status && !instance->has_plan)
        status = build_plan(instance, failure);
    *resolved = instance;
    return status;
}
