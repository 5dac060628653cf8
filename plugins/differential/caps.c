/* caps.c - the directory's functions, on every backend
 *
 * They change what the backends hold, so they always go to all of them, whatever `sample` says.
 */
#include "differential.h"
#include "bytes.h"
#include <stddef.h>

static struct nub_hash
named(const struct nub_hash *hash)
{
    return hash ? *hash : (struct nub_hash){ { 0 } };
}

/* A put that a later backend had no room for is taken back from the earlier ones. */
static void
undo_put(struct differential *self, uint32_t n, const struct nub_hash *hash)
{
    for (uint32_t i = 0; i < n; i++)
        if (self->backends[i].ops->drop_cap)
            self->backends[i].ops->drop_cap(self->backends[i].backend, hash, NULL);
}

static int32_t
put(struct differential *self, const struct nub_hash *claimed, struct nub_slice wire,
    struct nub_hash *hash, struct nub_failure *failure)
{
    const char *what = claimed ? "put_cap_with_hash" : "put_cap";
    struct answer reference = answer_new();
    struct nub_hash first = named(claimed);

    for (uint32_t i = 0; i < self->n; i++) {
        const struct nub_backend_ref *b = &self->backends[i];
        struct answer answer = answer_new();
        struct nub_hash got = named(claimed);

        answer.status = claimed
                            ? b->ops->put_cap_with_hash(b->backend, claimed, wire, &answer.failure)
                            : b->ops->put_cap(b->backend, wire, &got, &answer.failure);
        if (i == 0) {
            reference = answer;
            first = got;
            continue;
        }
        int32_t status = judge(self, what, i, &reference, &answer, failure);
        if (status == NUB_OK && answer.status == NUB_OK && !nub_hash_equal(&first, &got))
            status = differ(self, what, i, failure, "the hashes differ");
        if (status != NUB_OK) {
            if (reference.status == NUB_OK)
                undo_put(self, answer.status == NUB_OK ? i + 1 : i, &first);
            return status;
        }
    }
    if (reference.status == NUB_OK && hash)
        *hash = first;
    return pass_on(&reference, failure);
}

int32_t
diff_put_cap(void *backend, struct nub_slice wire, struct nub_hash *hash,
             struct nub_failure *failure)
{
    return put(backend, NULL, wire, hash, failure);
}

int32_t
diff_put_cap_with_hash(void *backend, const struct nub_hash *hash, struct nub_slice wire,
                       struct nub_failure *failure)
{
    struct differential *self = backend;
    int32_t status = ALL_HAVE(self, put_cap_with_hash, failure);

    return status != NUB_OK ? status : put(self, hash, wire, NULL, failure);
}

int32_t
diff_contains(void *backend, const struct nub_hash *hash, uint32_t *present,
              struct nub_failure *failure)
{
    struct differential *self = backend;
    struct answer reference = answer_new();
    int32_t status = ALL_HAVE(self, contains, failure);

    for (uint32_t i = 0; status == NUB_OK && i < self->n; i++) {
        const struct nub_backend_ref *b = &self->backends[i];
        struct answer answer = answer_new();
        uint32_t got = 0;

        answer.status = b->ops->contains(b->backend, hash, &got, &answer.failure);
        if (i == 0) {
            reference = answer;
            *present = got;
            continue;
        }
        status = judge(self, "contains", i, &reference, &answer, failure);
        if (status == NUB_OK && answer.status == NUB_OK && got != *present)
            status = differ(self, "contains", i, failure, "%u against %u", *present, got);
    }
    return status != NUB_OK ? status : pass_on(&reference, failure);
}

/* ---- changes --------------------------------------------------------------------------------- */

/* What a backend tells, as one number (FNV-1a), and on to `to`, if that is given. */
struct told {
    uint64_t digest;
    const struct nub_changes *to;
};

static void
fold(struct told *told, const void *data, uint64_t size)
{
    const uint8_t *bytes = data;

    for (uint64_t i = 0; i < size; i++)
        told->digest = (told->digest ^ bytes[i]) * 0x100000001b3u;
}

static void
fold_header(void *ctx, struct nub_slice wire)
{
    struct told *told = ctx;

    fold(told, wire.data, wire.size);
    if (told->to)
        told->to->header(told->to->ctx, wire);
}

static void
fold_page(void *ctx, uint32_t address, const uint8_t *bytes)
{
    struct told *told = ctx;
    uint32_t where[2] = { address, bytes != NULL };

    fold(told, where, sizeof where);
    if (bytes)
        fold(told, bytes, NUB_PAGE_SIZE);
    if (told->to)
        told->to->page(told->to->ctx, address, bytes);
}

int32_t
diff_get_changes(void *backend, const struct nub_hash *base, const struct nub_hash *hash,
                 const struct nub_changes *changes, struct nub_failure *failure)
{
    struct differential *self = backend;
    struct answer reference = answer_new();
    uint64_t digest = 0;
    int32_t status = ALL_HAVE(self, get_changes, failure);

    for (uint32_t i = 0; status == NUB_OK && i < self->n; i++) {
        const struct nub_backend_ref *b = &self->backends[i];
        struct answer answer = answer_new();
        struct told told = { .digest = 0xcbf29ce484222325u, .to = i == 0 ? changes : NULL };
        const struct nub_changes listener = {
            .struct_size = sizeof listener, .ctx = &told, .header = fold_header, .page = fold_page
        };

        answer.status = b->ops->get_changes(b->backend, base, hash, &listener, &answer.failure);
        if (answer.status == NUB_ERR_NOT_SUPPORTED) /* a wrapper around one that lacks it */
            return pass_on(&answer, failure);
        if (i == 0) {
            reference = answer;
            digest = told.digest;
            continue;
        }
        status = judge(self, "get_changes", i, &reference, &answer, failure);
        if (status == NUB_OK && answer.status == NUB_OK && told.digest != digest)
            status = differ(self, "get_changes", i, failure, "the changes differ");
    }
    return status != NUB_OK ? status : pass_on(&reference, failure);
}

/* ---- the rest -------------------------------------------------------------------------------- */

int32_t
diff_get_cap(void *backend, const struct nub_hash *hash, struct nub_bytes *wire,
             struct nub_failure *failure)
{
    struct differential *self = backend;
    struct answer reference = answer_new();
    struct nub_bytes first = { 0 };
    int32_t status = ALL_HAVE(self, get_cap, failure);

    for (uint32_t i = 0; status == NUB_OK && i < self->n; i++) {
        const struct nub_backend_ref *b = &self->backends[i];
        struct answer answer = answer_new();
        struct nub_bytes got = { 0 };

        answer.status = b->ops->get_cap(b->backend, hash, &got, &answer.failure);
        if (i == 0) {
            reference = answer;
            first = got;
            continue;
        }
        status = judge(self, "get_cap", i, &reference, &answer, failure);
        if (status == NUB_OK && answer.status == NUB_OK &&
            (got.size != first.size || (got.size && memcmp(got.data, first.data, got.size) != 0)))
            status = differ(self, "get_cap", i, failure, "the wire forms differ");
        if (answer.status == NUB_OK && got.release)
            got.release(&got);
    }
    if (status == NUB_OK && reference.status == NUB_OK)
        *wire = first;
    else if (reference.status == NUB_OK && first.release)
        first.release(&first);
    return status != NUB_OK ? status : pass_on(&reference, failure);
}

int32_t
diff_drop_cap(void *backend, const struct nub_hash *hash, struct nub_failure *failure)
{
    struct differential *self = backend;
    struct answer reference = answer_new();
    int32_t status = ALL_HAVE(self, drop_cap, failure);

    for (uint32_t i = 0; status == NUB_OK && i < self->n; i++) {
        const struct nub_backend_ref *b = &self->backends[i];
        struct answer answer = answer_new();

        answer.status = b->ops->drop_cap(b->backend, hash, &answer.failure);
        if (i == 0)
            reference = answer;
        else
            status = judge(self, "drop_cap", i, &reference, &answer, failure);
    }
    return status != NUB_OK ? status : pass_on(&reference, failure);
}

int32_t
diff_refcount(void *backend, const struct nub_hash *hash, uint64_t *count,
              struct nub_failure *failure)
{
    struct differential *self = backend;
    struct answer reference = answer_new();
    int32_t status = ALL_HAVE(self, refcount, failure);

    for (uint32_t i = 0; status == NUB_OK && i < self->n; i++) {
        const struct nub_backend_ref *b = &self->backends[i];
        struct answer answer = answer_new();
        uint64_t got = 0;

        answer.status = b->ops->refcount(b->backend, hash, &got, &answer.failure);
        if (i == 0) {
            reference = answer;
            *count = got;
            continue;
        }
        status = judge(self, "refcount", i, &reference, &answer, failure);
        if (status == NUB_OK && answer.status == NUB_OK && got != *count)
            status = differ(self, "refcount", i, failure, "%llu against %llu",
                            (unsigned long long)*count, (unsigned long long)got);
    }
    return status != NUB_OK ? status : pass_on(&reference, failure);
}

int32_t
diff_state_root(void *backend, struct nub_hash *root, struct nub_failure *failure)
{
    struct differential *self = backend;
    struct answer reference = answer_new();
    int32_t status = NUB_OK;

    for (uint32_t i = 0; status == NUB_OK && i < self->n; i++) {
        const struct nub_backend_ref *b = &self->backends[i];
        struct answer answer = answer_new();
        struct nub_hash got = { { 0 } };

        answer.status = b->ops->state_root(b->backend, &got, &answer.failure);
        if (i == 0) {
            reference = answer;
            *root = got;
            continue;
        }
        status = judge(self, "state_root", i, &reference, &answer, failure);
        if (status == NUB_OK && answer.status == NUB_OK && !nub_hash_equal(root, &got))
            status = differ(self, "state_root", i, failure, "the roots differ");
    }
    return status != NUB_OK ? status : pass_on(&reference, failure);
}

int32_t
diff_set_state_root(void *backend, const struct nub_hash *root, struct nub_failure *failure)
{
    struct differential *self = backend;
    struct answer reference = answer_new();
    int32_t status = ALL_HAVE(self, set_state_root, failure);

    for (uint32_t i = 0; status == NUB_OK && i < self->n; i++) {
        const struct nub_backend_ref *b = &self->backends[i];
        struct answer answer = answer_new();

        answer.status = b->ops->set_state_root(b->backend, root, &answer.failure);
        if (i == 0)
            reference = answer;
        else
            status = judge(self, "set_state_root", i, &reference, &answer, failure);
    }
    return status != NUB_OK ? status : pass_on(&reference, failure);
}

/* Compiled code is nobody's state: each backend that can forget does, and the first failure is
 * told. */
int32_t
diff_evict(void *backend, struct nub_failure *failure)
{
    struct differential *self = backend;

    for (uint32_t i = 0; i < self->n; i++) {
        const struct nub_backend_ref *b = &self->backends[i];
        int32_t status = b->ops->evict ? b->ops->evict(b->backend, failure) : NUB_OK;
        if (status != NUB_OK)
            return status;
    }
    return NUB_OK;
}
