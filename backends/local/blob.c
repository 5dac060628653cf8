/* blob.c - where the bytes of large capabilities lie
 *
 * One file without a name for the process, mapped once in a large reservation; extents of whole
 * pages are handed out first fit and punched out of the file when they are freed, so that memory
 * goes back to the system at once. Everything here is under one lock: blobs come and go with
 * capabilities, not with calls.
 */
#include "blob.h"
#include "alloc.h"
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define PAGE ((size_t)NUB_PAGE_SIZE)
/* Below this a blob is ordinary memory: copying it is cheaper than mapping it. */
#define LARGE      ((size_t)64 << 10)
#define ARENA_SIZE ((size_t)1 << 38)

struct extent {
    size_t start, size; /* bytes, whole pages */
};

static struct {
    pthread_mutex_t lock;
    bool tried;
    int fd;
    uint8_t *base; /* NULL: there is no arena, all blobs are ordinary memory */
    size_t end;    /* of what was ever handed out */
    struct extent *free;
    size_t n_free, capacity;
} arena = { .lock = PTHREAD_MUTEX_INITIALIZER, .fd = -1 };

static size_t
whole_pages(size_t size)
{
    return (size + PAGE - 1) / PAGE * PAGE;
}

static bool
in_arena(const uint8_t *at)
{
    return arena.base && at >= arena.base && at < arena.base + ARENA_SIZE;
}

static void
open_arena_inlock(void)
{
    arena.tried = true;
    arena.fd = memfd_create("nub-caps", MFD_CLOEXEC);
    if (arena.fd < 0)
        return;
    void *base = MAP_FAILED;
    if (ftruncate(arena.fd, (off_t)ARENA_SIZE) == 0)
        base =
            mmap(NULL, ARENA_SIZE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_NORESERVE, arena.fd, 0);
    if (base == MAP_FAILED) {
        close(arena.fd);
        arena.fd = -1;
        return;
    }
    madvise(base, ARENA_SIZE, MADV_DONTDUMP);
    arena.base = base;
}

/* First fit; at the end when nothing fits. SIZE_MAX: full. */
static size_t
take_inlock(size_t size)
{
    for (size_t i = 0; i < arena.n_free; i++) {
        struct extent *extent = &arena.free[i];
        if (extent->size < size)
            continue;
        size_t start = extent->start;
        extent->start += size;
        extent->size -= size;
        if (extent->size == 0) {
            memmove(extent, extent + 1, (arena.n_free - i - 1) * sizeof *extent);
            arena.n_free--;
        }
        return start;
    }
    if (size > ARENA_SIZE - arena.end)
        return SIZE_MAX;
    size_t start = arena.end;
    arena.end += size;
    return start;
}

/* The free list stays sorted and joined. An extent that cannot be listed is lost to the arena,
 * not to the system: its pages are punched out. */
static void
give_inlock(size_t start, size_t size)
{
    size_t i = 0;

    while (i < arena.n_free && arena.free[i].start < start)
        i++;
    if (i > 0 && arena.free[i - 1].start + arena.free[i - 1].size == start) {
        arena.free[i - 1].size += size;
        if (i < arena.n_free && start + size == arena.free[i].start) {
            arena.free[i - 1].size += arena.free[i].size;
            memmove(&arena.free[i], &arena.free[i + 1],
                    (arena.n_free - i - 1) * sizeof *arena.free);
            arena.n_free--;
        }
        return;
    }
    if (i < arena.n_free && start + size == arena.free[i].start) {
        arena.free[i].start = start;
        arena.free[i].size += size;
        return;
    }
    if (arena.n_free == arena.capacity) {
        size_t capacity = arena.capacity ? arena.capacity * 2 : 64;
        struct extent *bigger = realloc(arena.free, capacity * sizeof *bigger);
        if (!bigger)
            return;
        arena.free = bigger;
        arena.capacity = capacity;
    }
    memmove(&arena.free[i + 1], &arena.free[i], (arena.n_free - i) * sizeof *arena.free);
    arena.free[i] = (struct extent){ .start = start, .size = size };
    arena.n_free++;
}

/* where the page that holds a blob's beginning begins, before the blob */
static size_t
slack_of(size_t lead)
{
    return (PAGE - lead % PAGE) % PAGE;
}

uint8_t *
nub_blob_new(void *ctx, size_t size, size_t lead)
{
    (void)ctx;
    if (size < LARGE || lead > size)
        return malloc(size ? size : 1);
    size_t slack = slack_of(lead), start = SIZE_MAX;
    pthread_mutex_lock(&arena.lock);
    if (!arena.tried)
        open_arena_inlock();
    if (arena.base)
        start = take_inlock(whole_pages(slack + size));
    uint8_t *blob = start == SIZE_MAX ? NULL : arena.base + start + slack;
    pthread_mutex_unlock(&arena.lock);
    return blob ? blob : malloc(size);
}

void
nub_blob_free(void *ctx, uint8_t *blob, size_t size, size_t lead)
{
    (void)ctx;
    if (!in_arena(blob)) {
        free(blob);
        return;
    }
    size_t slack = slack_of(lead);
    size_t start = (size_t)(blob - arena.base) - slack, whole = whole_pages(slack + size);
    madvise(arena.base + start, whole, MADV_REMOVE);
    pthread_mutex_lock(&arena.lock);
    give_inlock(start, whole);
    pthread_mutex_unlock(&arena.lock);
}

bool
nub_blob_map(uint8_t *to, struct nub_slice content, int protection)
{
    if (!in_arena(content.data) || (uintptr_t)content.data % PAGE != 0)
        return false;
    void *at = mmap(to, content.size, protection, MAP_PRIVATE | MAP_FIXED | MAP_NORESERVE, arena.fd,
                    content.data - arena.base);
    return at != MAP_FAILED;
}
