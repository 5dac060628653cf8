/* reproducer.c - writes down what is needed to see a difference again
 *
 * The bundle holds the instance and everything that it mentions, referents first, taken from the
 * reference backend. It is written under another name first and then renamed.
 */
#include "differential.h"
#include "bundle.h"
#include "bytes.h"
#include "cap.h"
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MAX_CAPS (1u << 16)

/* Capabilities in the order in which they are met, the instance first. */
struct closure {
    const struct nub_backend_ref *from;
    struct member {
        struct nub_hash hash;
        struct nub_bytes wire;
        bool written;
    } * members;
    uint32_t n, capacity;
};

static struct member *
closure_find(const struct closure *closure, const struct nub_hash *hash)
{
    for (uint32_t i = 0; i < closure->n; i++)
        if (nub_hash_equal(&closure->members[i].hash, hash))
            return &closure->members[i];
    return NULL;
}

static bool
closure_grow(struct closure *closure)
{
    if (closure->n < closure->capacity)
        return true;
    uint32_t capacity = closure->capacity ? 2 * closure->capacity : 16;
    struct member *members = realloc(closure->members, capacity * sizeof *members);
    if (!members)
        return false;
    closure->members = members;
    closure->capacity = capacity;
    return true;
}

/* Adds one capability; what cannot be had is left out: a bundle in part is better than none. */
static bool
closure_add(void *ctx, const struct nub_hash *hash)
{
    struct closure *closure = ctx;

    if (closure_find(closure, hash) || closure->n == MAX_CAPS)
        return true;
    if (!closure_grow(closure))
        return false;
    struct nub_bytes bytes = { 0 };
    if (closure->from->ops->get_cap(closure->from->backend, hash, &bytes, NULL) == NUB_OK)
        closure->members[closure->n++] = (struct member){ *hash, bytes, false };
    return true;
}

static void
closure_clear(struct closure *closure)
{
    for (uint32_t i = 0; i < closure->n; i++)
        if (closure->members[i].wire.release)
            closure->members[i].wire.release(&closure->members[i].wire);
    free(closure->members);
}

static struct nub_slice
wire_of(const struct member *member)
{
    return (struct nub_slice){ member->wire.data, member->wire.size };
}

static bool
closure_collect(struct closure *closure, const struct nub_hash *instance)
{
    if (!closure_add(closure, instance))
        return false;
    for (uint32_t i = 0; i < closure->n; i++) {
        struct nub_cap cap;
        if (nub_cap_decode(&cap, wire_of(&closure->members[i]), NULL) == NUB_OK &&
            !nub_cap_each_reference(&cap, closure_add, closure))
            return false;
    }
    return closure->n > 0;
}

static bool
is_written(void *ctx, const struct nub_hash *hash)
{
    const struct member *member = closure_find(ctx, hash);

    return !member || member->written;
}

/* Fills in `caps` so that each comes after all that it mentions: rounds, until none is left or,
 * when a backend gave bytes that do not belong to their hash, no more can be placed. Returns how
 * many. */
static uint32_t
closure_order(struct closure *closure, struct nub_slice *caps)
{
    uint32_t n = 0, before;

    do {
        before = n;
        for (uint32_t i = closure->n; i-- > 0;) {
            struct member *member = &closure->members[i];
            struct nub_cap cap;
            if (member->written)
                continue;
            if (nub_cap_decode(&cap, wire_of(member), NULL) == NUB_OK &&
                !nub_cap_each_reference(&cap, is_written, closure))
                continue;
            member->written = true;
            caps[n++] = wire_of(member);
        }
    } while (n > before);
    return n;
}

static bool
write_file(const char *path, const void *data, size_t size)
{
    char partial[4096];

    snprintf(partial, sizeof partial, "%s.part", path);
    FILE *file = fopen(partial, "wb");
    if (!file)
        return false;
    bool ok = fwrite(data, 1, size, file) == size;
    ok = fclose(file) == 0 && ok;
    return ok && rename(partial, path) == 0;
}

static bool
write_bundle(struct closure *closure, const char *path)
{
    struct nub_slice *caps = calloc(closure->n, sizeof *caps);

    if (!caps)
        return false;
    uint32_t n = closure_order(closure, caps);
    uint64_t size = nub_bundle_size(caps, n);
    uint8_t *file = malloc(size);
    bool ok = file != NULL;
    if (ok) {
        nub_bundle_encode(file, caps, n);
        ok = write_file(path, file, size);
    }
    free(file);
    free(caps);
    return ok;
}

void
reproducer_write(struct differential *self, const struct nub_hash *instance, const char *call,
                 const struct nub_failure *difference)
{
    struct closure closure = { .from = &self->backends[0] };
    char name[17], path[4096], text[1024], message[256];

    if (!self->folder)
        return;
    for (int i = 0; i < 8; i++)
        snprintf(name + 2 * i, 3, "%02x", instance->bytes[i]);
    snprintf(path, sizeof path, "%s/difference-%s.nub", self->folder, name);
    bool ok = self->backends[0].ops->get_cap && closure_collect(&closure, instance) &&
              write_bundle(&closure, path);
    closure_clear(&closure);
    int error = errno;
    if (ok) {
        int n = snprintf(text, sizeof text, "%s\n%s\nbundle: difference-%s.nub\n",
                         difference->message, call, name);
        snprintf(path, sizeof path, "%s/difference-%s.txt", self->folder, name);
        ok = write_file(path, text, (size_t)n);
        error = errno;
    }
    if (ok)
        snprintf(message, sizeof message, "reproducer written: %.200s", path);
    else
        snprintf(message, sizeof message, "no reproducer: %.150s: %s", path, strerror(error));
    self->host->log(self->host->ctx, ok ? NUB_LOG_INFO : NUB_LOG_WARNING, message);
}
