/* kept.c - making the entries of the directory, and freeing them
 *
 * An entry owns its bytes: a copy of the wire form, or of an Instance the fixed part with pages
 * that it shares. Touches no directory but its allocator and options, so that none of this needs
 * the directory's lock.
 */
#include "bytes.h"
#include "cap-wire.h"
#include "directory-private.h"

size_t
nub_dir_lead(const struct nub_cap *cap)
{
    const struct nub_instance *instance = &cap->u.instance;
    struct nub_overlay first;

    if (cap->kind == NUB_CAP_DATA)
        return (size_t)(cap->wire.size - cap->u.data.size);
    if (cap->kind != NUB_CAP_INSTANCE || instance->n_overlays == 0)
        return 0;
    if (instance->paged)
        return (size_t)(cap->wire.size - nub_paged_wire_size(instance->paged)) +
               instance->n_overlays * NUB_WIRE_OFFSET_SIZE + NUB_WIRE_OVERLAY_FIXED;
    nub_instance_overlay(instance, 0, &first);
    return (size_t)(first.bytes.data - cap->wire.data);
}

static void
free_blob(const struct nub_alloc *alloc, struct nub_kept *kept)
{
    if (kept->blob && alloc->blob_new)
        alloc->blob_free(alloc->ctx, kept->blob, kept->blob_size, kept->lead);
    else
        nub_free(alloc, kept->blob, kept->blob_size);
}

uint64_t
nub_kept_free(const struct nub_dir *dir, struct nub_kept *kept)
{
    uint64_t gone;

    /* first what hangs on the entry: it may point into its bytes */
    if (kept->entry.user && dir->options.user_free)
        dir->options.user_free(dir->options.user_ctx, kept->entry.user);
    gone = nub_paged_free(dir->alloc, kept->paged);
    free_blob(dir->alloc, kept);
    nub_free(dir->alloc, kept, sizeof *kept);
    return gone;
}

uint64_t
nub_kept_charge(const struct nub_kept *kept)
{
    return kept->charge + (kept->paged ? kept->paged->shared_bytes : 0);
}

struct nub_dir_entry *
nub_dir_prepare_blob(const struct nub_dir *dir, uint64_t size, size_t lead, uint8_t **blob)
{
    const struct nub_alloc *alloc = dir->alloc;
    struct nub_kept *kept = nub_alloc(alloc, sizeof *kept);

    if (!kept)
        return NULL;
    memset(kept, 0, sizeof *kept);
    kept->blob_size = (size_t)size;
    kept->lead = lead;
    kept->blob = alloc->blob_new ? alloc->blob_new(alloc->ctx, kept->blob_size, lead)
                                 : nub_alloc(alloc, kept->blob_size);
    if (!kept->blob) {
        nub_free(alloc, kept, sizeof *kept);
        return NULL;
    }
    kept->charge = NUB_DIR_CAP_OVERHEAD + size;
    *blob = kept->blob;
    return &kept->entry;
}

enum nub_status
nub_dir_prepare_finish(struct nub_dir_entry *prepared, const struct nub_hash *hash,
                       struct nub_failure *failure)
{
    struct nub_kept *kept = nub_kept_of(prepared);
    struct nub_slice wire = { kept->blob, kept->blob_size };
    enum nub_status status = nub_cap_decode(&prepared->cap, wire, failure);

    if (status)
        return status;
    if (hash)
        prepared->hash = *hash;
    else
        nub_cap_hash(&prepared->hash, &prepared->cap);
    return NUB_OK;
}

struct nub_dir_entry *
nub_dir_prepare_paged(const struct nub_dir *dir, const struct nub_instance_spec *spec,
                      struct nub_paged *paged, const struct nub_hash *hash)
{
    const struct nub_hash none = { { 0 } };
    struct nub_instance_spec bare = *spec;
    struct nub_dir_entry *prepared;
    uint8_t *blob;

    bare.n_overlays = 0;
    prepared = nub_dir_prepare_blob(dir, nub_instance_wire_size(&bare), 0, &blob);
    if (!prepared) {
        nub_paged_free(dir->alloc, paged);
        return NULL;
    }
    nub_kept_of(prepared)->paged = paged;
    nub_kept_of(prepared)->charge += nub_paged_own_bytes(paged);
    nub_instance_encode(blob, &bare);
    if (nub_dir_prepare_finish(prepared, hash ? hash : &none, NULL)) {
        nub_dir_discard(dir, prepared);
        return NULL;
    }
    prepared->cap.u.instance.paged = paged;
    prepared->cap.u.instance.n_overlays = paged->n_runs;
    prepared->cap.wire.data = NULL;
    prepared->cap.wire.size += nub_paged_wire_size(paged);
    if (!hash)
        nub_cap_hash(&prepared->hash, &prepared->cap);
    return prepared;
}

struct nub_dir_entry *
nub_dir_prepare_replica(const struct nub_dir *dir, struct nub_dir_entry *prepared)
{
    struct nub_kept *kept = nub_kept_of(prepared);
    const struct nub_instance *instance = &prepared->cap.u.instance;
    struct nub_dir_entry *replica;
    struct nub_instance_spec spec;
    struct nub_paged *paged;

    if (prepared->cap.kind != NUB_CAP_INSTANCE || instance->n_overlays == 0)
        return prepared;
    nub_instance_spec(&spec, instance);
    paged = nub_paged_adopt(dir->alloc, instance, kept->blob, kept->blob_size, kept->lead);
    if (paged)
        kept->blob = NULL; /* it is the pages' now */
    replica = paged ? nub_dir_prepare_paged(dir, &spec, paged, &prepared->hash) : NULL;
    nub_dir_discard(dir, prepared);
    return replica;
}

static struct nub_dir_entry *
share_pages(const struct nub_dir *dir, const struct nub_instance *instance,
            const struct nub_hash *hash)
{
    struct nub_paged *paged = nub_paged_from_wire(dir->alloc, instance);
    struct nub_instance_spec spec;

    if (!paged)
        return NULL;
    nub_instance_spec(&spec, instance);
    return nub_dir_prepare_paged(dir, &spec, paged, hash);
}

struct nub_dir_entry *
nub_dir_prepare(const struct nub_dir *dir, const struct nub_cap *cap, const struct nub_hash *hash)
{
    struct nub_dir_entry *prepared;
    uint8_t *blob;

    if (dir->options.share_pages && cap->kind == NUB_CAP_INSTANCE && cap->u.instance.n_overlays > 0)
        return share_pages(dir, &cap->u.instance, hash);
    prepared = nub_dir_prepare_blob(dir, cap->wire.size, nub_dir_lead(cap), &blob);
    if (!prepared)
        return NULL;
    memcpy(blob, cap->wire.data, cap->wire.size);
    /* decoded once already: cannot fail unless the bytes changed under our hands */
    if (nub_dir_prepare_finish(prepared, hash, NULL)) {
        nub_dir_discard(dir, prepared);
        return NULL;
    }
    return prepared;
}

void
nub_dir_discard(const struct nub_dir *dir, struct nub_dir_entry *prepared)
{
    nub_kept_free(dir, nub_kept_of(prepared));
}
