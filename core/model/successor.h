/* successor.h - the Instance that a run leaves behind (caps.md 4.2, 4.3)
 *
 * The backend says what it ran, which pages may have changed, and what image and mem_size give at
 * a page; this room decides which pages are overlays and makes the entry. How an Instance is
 * kept - its wire form, or pages shared with the one it came from - is not visible here.
 *
 *     nub_successor_prepare(&entry, dir, &successor, failure);    no lock; `base` pinned
 *     nub_dir_put_successor(dir, entry, failure);                 lock
 */
#ifndef NUB_MODEL_SUCCESSOR_H
#define NUB_MODEL_SUCCESSOR_H

#include "directory.h"

/** A page of the memory after a run. */
struct nub_run_page {
    uint32_t address;
    const uint8_t *bytes; /* NUB_PAGE_SIZE; NULL: zeros */
};

/** What image and mem_size give at a page. */
enum nub_given { NUB_GIVEN_NOTHING, NUB_GIVEN_READ_ONLY, NUB_GIVEN_READ_WRITE };
/** Sets `*bytes` to the page's bytes (NULL: zeros) unless it answers NOTHING. */
typedef enum nub_given (*nub_given_fn)(void *ctx, uint32_t address, const uint8_t **bytes);

struct nub_successor {
    const struct nub_dir_entry *base; /* the Instance that was run */
    /**
     * Ascending, each once: at least every page that may differ from the base's (written by the
     * program or, where it may write too, by the host), and every page that the host mapped
     * read-write. Pages that image makes read-only are passed over.
     */
    const struct nub_run_page *written;
    uint32_t n_written;
    nub_given_fn given;
    void *given_ctx;
    uint8_t phase; /* 0: the rest is not looked at and becomes 0 */
    uint64_t regs[NUB_N_REGS];
    uint32_t pc;
    uint64_t gas_remaining;
    /**
     * If not NULL, and the directory shares pages: told of each page that is not as in base, ascending;
     * `dropped`: it has no overlay any more. What nub_successor_copy() makes the same successor of.
     */
    void (*changed)(void *ctx, uint32_t address, bool dropped);
    void *changed_ctx;
};

/** NO_MEMORY; NO_SPACE when the wire form would not be shorter than 2^32 bytes. */
enum nub_status nub_successor_prepare(struct nub_dir_entry **prepared, const struct nub_dir *dir, const struct nub_successor *successor, struct nub_failure *failure);

/** A page of a successor that is not as in its base; NULL: it has no overlay any more. */
struct nub_page_change {
    uint32_t address;
    const uint8_t *bytes;
};

/** A successor that somebody else has named, in a replica (nub_dir_prepare_replica()). */
struct nub_successor_copy {
    const struct nub_dir_entry *base;
    struct nub_hash hash;
    const struct nub_page_change *changes; /* ascending, each page once */
    uint32_t n_changes;
    uint8_t phase;
    uint64_t regs[NUB_N_REGS];
    uint32_t pc;
    uint64_t gas_remaining;
};

/** An entry for it that shares with base all that did not change. NULL: no memory. */
struct nub_dir_entry *nub_successor_copy(const struct nub_dir *dir, const struct nub_successor_copy *copy);

#endif
