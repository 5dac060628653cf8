/* memory.h - the address space of one run or one session (pvm.md 1.4, 6)
 *
 * What is mapped is given by the instance's memory plan and by pages that the host added. What has
 * been written is private to the address space. It exists in two forms:
 *
 *   pages    a page table in software (pages.c). Costs nothing until touched and no address space;
 *            every access is checked. `memory: checked` never uses another form.
 *   window   a 4 GiB reservation in which pages lie where the program sees them (window.c), taken
 *            from a pool when the program first touches memory. A session that is not running can
 *            lose its window: its private pages then move back to the page table.
 */
#ifndef NUB_LOCAL_MEMORY_H
#define NUB_LOCAL_MEMORY_H

#include "judge.h"
#include "memplan.h"
#include <stdbool.h>

#define NUB_PAGE_SHIFT 12
#define NUB_MEMORY_END ((uint64_t)1 << 32)
#define NUB_N_PAGES (1u << 20)

/* access states of a page, ordered so that >= means "allows at least" */
enum nub_page_access { NUB_PAGE_NONE = 0, NUB_PAGE_RO = 1, NUB_PAGE_RW = 2 };

/** A page in the table. `rd` NULL: nothing is known yet, or no access. `wr` NULL: not private yet, or read-only. */
struct nub_page_entry {
    const uint8_t *rd;
    uint8_t *wr;
};

#define NUB_TABLE_SHIFT 9
#define NUB_TABLE_PAGES (1u << NUB_TABLE_SHIFT)
#define NUB_N_TABLES (NUB_N_PAGES / NUB_TABLE_PAGES)

/** A page that belongs to the address space alone. */
struct nub_own_page {
    uint8_t *bytes;
    uint32_t page;
};

/** Two levels; a table that nothing was entered into is the shared empty one. */
struct nub_pages {
    struct nub_page_entry *tables[NUB_N_TABLES];
    struct nub_own_page *own; /* in order of first write */
    uint32_t n_own, own_capacity;
};

/** Pages mapped by the host: the input, and session_map. */
struct nub_host_range {
    uint32_t page, n_pages;
    uint8_t access;  /* enum nub_page_access */
    bool input;
};

/** Called with a page and its bytes; false ends the walk. */
typedef bool (*nub_page_fn)(void *ctx, uint32_t page, const uint8_t *bytes);

struct nub_local;
struct nub_window;

struct nub_memory {
    struct nub_local *local;
    const struct nub_memplan *plan;
    struct nub_host_range *host; /* sorted, no overlap */
    uint32_t n_host, host_capacity;
    bool guard;                /* a window may be taken */
    bool eager;                /* ... at the first access; else when a run gets long */
    struct nub_pages *pages;   /* NULL until needed */
    struct nub_window *window; /* NULL: pages; (nub_windows.lock) unless the memory is entered */
};

/* ---- memory.c ------------------------------------------------------------------------------ */

/** Allocates nothing and cannot fail. */
void nub_memory_init(struct nub_memory *memory, struct nub_local *local, const struct nub_memplan *plan);
void nub_memory_clear(struct nub_memory *memory);

enum nub_page_access nub_memory_access(const struct nub_memory *memory, uint32_t page);
/** The argument of the PageFault that an access ends with (pvm.md 6.2), which must not be allowed. */
uint32_t nub_memory_fault(const struct nub_memory *memory, uint32_t ea, unsigned size, bool store);
/** Whether an access is allowed. */
bool nub_memory_allows(const struct nub_memory *memory, uint32_t ea, unsigned size, bool store);
/** Whether every page of a range, which must lie below 2^32, allows `access`. */
bool nub_memory_range_allows(const struct nub_memory *memory, uint64_t address, uint64_t size, enum nub_page_access access, uint64_t *failing);

/** How an access of an interpreter went. */
enum nub_touch { NUB_TOUCH_OK, NUB_TOUCH_FAULT, NUB_TOUCH_NO_MEMORY };
/** Checked accesses; `*value` is zero-extended. */
enum nub_touch nub_memory_load(struct nub_memory *memory, uint32_t ea, unsigned size, uint64_t *value);
enum nub_touch nub_memory_store(struct nub_memory *memory, uint32_t ea, unsigned size, uint64_t value);

/** The host's accesses: all or nothing, any mapped page (caps.md 4.5). INVALID_ARGUMENT, NOT_MAPPED, NO_MEMORY. */
enum nub_status nub_memory_read(struct nub_memory *memory, uint64_t address, void *data, uint64_t size, struct nub_failure *failure);
enum nub_status nub_memory_write(struct nub_memory *memory, uint64_t address, const void *data, uint64_t size, struct nub_failure *failure);
/** Zeroed pages. INVALID_ARGUMENT, ALREADY_MAPPED, NO_MEMORY. */
enum nub_status nub_memory_map(struct nub_memory *memory, uint64_t address, uint64_t size, enum nub_page_access access, struct nub_failure *failure);
/** Lays the input of a call at its place; the zone is free. NO_MEMORY. */
enum nub_status nub_memory_map_input(struct nub_memory *memory, struct nub_slice input, struct nub_failure *failure);
/** Whether the host mapped a page that the program can only read. */
bool nub_memory_has_host_read_only(const struct nub_memory *memory);

/** Calls `each` for pages, in no order, until it returns false; returns false if it did. */
bool nub_memory_each_private(struct nub_memory *memory, nub_page_fn each, void *ctx);
/** Bytes of a mapped page, for reading. NULL: no memory. */
const uint8_t *nub_memory_page(struct nub_memory *memory, uint32_t page);
/** Bytes of a page that the host mapped; NULL: zeros. Makes nothing. */
const uint8_t *nub_memory_peek(const struct nub_memory *memory, uint32_t page);

/* ---- pages.c ------------------------------------------------------------------------------- */

extern struct nub_page_entry nub_empty_table[NUB_TABLE_PAGES];

static inline const struct nub_page_entry *
nub_pages_entry(const struct nub_pages *pages, uint32_t page)
{
    return &pages->tables[page >> NUB_TABLE_SHIFT][page & (NUB_TABLE_PAGES - 1)];
}

/** Makes sure that memory->pages exists. False: no memory. */
bool nub_pages_ready(struct nub_memory *memory);
void nub_pages_free(struct nub_memory *memory);
/** Bytes of a page that is mapped, for reading. NULL: no memory. */
const uint8_t *nub_pages_get(struct nub_memory *memory, uint32_t page);
/** Bytes of a page that is mapped, private from now on. NULL: no memory. */
uint8_t *nub_pages_own(struct nub_memory *memory, uint32_t page);
/** Forgets all private pages. */
void nub_pages_drop(struct nub_memory *memory);
/** The bytes that the plan gives at a page that it maps; NULL: zeros. */
const uint8_t *nub_plan_bytes(const struct nub_memplan *plan, uint32_t page);
extern const uint8_t nub_zero_page[NUB_PAGE_SIZE];

#endif
