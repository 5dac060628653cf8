/* guest.h - what the files of the guest kernel share
 *
 *   main.c      the mailbox loop            fault.c     what a fault in a program means
 *   caps.c      the replica of capabilities resolve.c   from a hash to what a run needs
 *   program.c   compiled programs           window.c    the memory that a program sees
 *   run.c       one run to its exit         keep.c      which windows a lane keeps
 *   session.c   live machines               heap.c      memory
 *   mem.c, start.S
 *
 * One image, several lanes: each lane is a vCPU with its own stack, mailbox, fault frame and windows.
 * Whatever lanes share (heap, directory, programs) is touched only under the kernel lock, which
 * every request holds and a running program does not. See docs/guest.md.
 */
#ifndef NUB_GUEST_H
#define NUB_GUEST_H

#include "context.h"
#include "directory.h"
#include "guest-abi.h"
#include "heap.h"
#include "jit.h"
#include "memplan.h"

struct guest_window;
struct guest_machine;

/** Where a fault found a lane, and what the lane is doing. At the lane's gs base. */
struct guest_context {
    uint64_t self;
    uint64_t vector;
    uint64_t rip, rflags, rsp;
    uint64_t rax, rbx, rcx, rdx, rsi, rdi, rbp, r8, r9, r10, r11, r12, r13, r14, r15;

    uint32_t lane;
    uint32_t error_code;           /* of the last fault */
    struct guest_machine *machine; /* the one that runs; NULL: none, a fault is the kernel's own */
    uint64_t root;                 /* page-table root in use */
    struct guest_window *windows;  /* (lock) kept for instances, the latest used first */
    uint32_t n_windows;
    struct guest_window *dirty;    /* to be cleaned before the next request */
    struct guest_window *orphans;  /* (lock) to be freed by this lane, which may have them as root */
    uint8_t *tail_code;            /* room for the code of one nub_jit_tail */
};

_Static_assert(offsetof(struct guest_context, vector) == CONTEXT_VECTOR, "context.h");
_Static_assert(offsetof(struct guest_context, rip) == CONTEXT_RIP, "context.h");
_Static_assert(offsetof(struct guest_context, rflags) == CONTEXT_RFLAGS, "context.h");
_Static_assert(offsetof(struct guest_context, rsp) == CONTEXT_RSP, "context.h");
_Static_assert(offsetof(struct guest_context, rax) == CONTEXT_RAX, "context.h");
_Static_assert(offsetof(struct guest_context, rdi) == CONTEXT_RDI, "context.h");
_Static_assert(offsetof(struct guest_context, r8) == CONTEXT_R8, "context.h");
_Static_assert(offsetof(struct guest_context, r15) == CONTEXT_R15, "context.h");
_Static_assert(sizeof(struct guest_context) <= NUB_LANE_FAULT_STACK - NUB_LANE_CONTEXT, "context");

/** What all lanes share. */
struct guest_kernel {
    struct heap heap;
    struct nub_alloc alloc;
    struct nub_dir *dir;
    struct nub_dir_entry *room; /* given out by CAP_ROOM, not put yet */
    uint8_t *room_bytes;
    uint64_t zero_page; /* guest-physical address of a page of zeros */
    uint32_t jit_features;
    uint64_t lineages;  /* how many there have been */
    struct nub_packet_stats stats;
};

extern struct guest_kernel guest;

/** A guest-physical address as the guest uses it. */
static inline void *
guest_at(uint64_t physical)
{
    return (void *)(NUB_GUEST_BASE + physical);
}

static inline uint64_t
guest_physical(const void *p)
{
    return (uint64_t)p - NUB_GUEST_BASE;
}

static inline const struct nub_guest_boot *
guest_boot(void)
{
    return guest_at(NUB_GUEST_BOOT);
}

static inline uint8_t *
guest_lane(uint32_t lane)
{
    return guest_at(NUB_GUEST_LANES + (uint64_t)lane * NUB_GUEST_LANE_SIZE);
}

static inline struct guest_context *
guest_context(uint32_t lane)
{
    return (struct guest_context *)(guest_lane(lane) + NUB_LANE_CONTEXT);
}

/** The lane that this code runs on. */
static inline struct guest_context *
guest_current(void)
{
    struct guest_context *self;
    __asm__ volatile("mov %%gs:0, %0" : "=r"(self));
    return self;
}

static inline struct nub_mailbox *
guest_mailbox(uint32_t lane)
{
    return (struct nub_mailbox *)(guest_lane(lane) + NUB_LANE_MAILBOX);
}

static inline uint64_t
guest_ticks(void)
{
    return __builtin_ia32_rdtsc();
}

static inline void
guest_out(uint16_t port, uint8_t byte)
{
    __asm__ volatile("outb %0, %1" : : "a"(byte), "d"(port) : "memory");
}

/* ---- start.S ------------------------------------------------------------------------------- */

void nub_guest_set_root(uint64_t root);

/* ---- main.c -------------------------------------------------------------------------------- */

_Noreturn void nub_guest_main(uint32_t lane);
/** Ends the guest: the host reads `panic` of the mailbox and starts another. */
_Noreturn void guest_panic(struct guest_context *context, uint32_t line);
void guest_lock(void);
void guest_unlock(void);
/** Tells the host that this lane is alive, in the middle of long work. */
void guest_beat(struct guest_context *context);

/** Answers a request under the lock: reads and overwrites the packet, returns enum nub_status. */
typedef int32_t (*guest_request_fn)(struct guest_context *context, struct nub_mailbox *mailbox);

/* ---- fault.c, called by start.S ------------------------------------------------------------ */

void nub_guest_fault(struct guest_context *context);

/* ---- caps.c -------------------------------------------------------------------------------- */

/** nub_dir_options.user_free: everything that hangs on a capability begins with its kind. */
enum guest_user { GUEST_USER_IMAGE, GUEST_USER_INSTANCE };

/** False: no memory. */
bool guest_caps_init(void);
int32_t guest_answer_room(struct guest_context *context, struct nub_mailbox *mailbox);
int32_t guest_answer_put(struct guest_context *context, struct nub_mailbox *mailbox);
int32_t guest_answer_drop(struct guest_context *context, struct nub_mailbox *mailbox);
int32_t guest_answer_contains(struct guest_context *context, struct nub_mailbox *mailbox);
int32_t guest_answer_shed(struct guest_context *context, struct nub_mailbox *mailbox);

/* ---- program.c ----------------------------------------------------------------------------- */

/** The compiled form of a program under one gas setting. */
struct guest_code {
    struct guest_code *next;
    uint32_t model, mem_cycles;
    uint32_t users;   /* runs and sessions */
    bool forgotten;   /* evicted while in use: goes with its last user */
    uint64_t n_pages; /* of code */
    uint64_t tables_size;
    uint8_t *bytes;   /* as it is written */
    void *tables;
    uint64_t address; /* where it runs */
    struct nub_jit_code jit;
};

/** Hangs on an Image. */
struct guest_image {
    enum guest_user kind;
    struct nub_dir_entry *entry;
    struct guest_image *next, **link; /* all images that have code */
    struct guest_code *codes;
};

/** The code of an image, compiled if need be; guest_code_release() when done. */
enum nub_status guest_code_hold(struct guest_code **code, struct nub_dir_entry *image, uint32_t model, uint32_t mem_cycles, struct nub_failure *failure);
void guest_code_release(struct guest_code *code);
void guest_image_free(struct guest_image *image);
/** Forgets all code; what is in use goes when its last user does. */
void guest_code_evict(void);

/* ---- window.c ------------------------------------------------------------------------------ */

/** A range that the host mapped in a session. */
struct guest_range {
    uint64_t start, size;
    uint32_t access; /* enum nub_access */
    bool released;   /* by the session before: mapped the same way again, or taken away before a run */
};

/**
 * A program's 4 GiB: a page-table root whose first entry is the window and whose second is the
 * kernel half that all roots share. Pages are mapped when they are first touched.
 */
struct guest_window {
    struct guest_window *next, *prev; /* context->windows */
    struct guest_instance *owner;     /* of a kept window; NULL: a session's */
    uint32_t lane;
    bool in_use;
    bool as_planned;                  /* what can be written holds what the plan gives */
    bool stale;                       /* the CPU may know pages that are no longer so */
    uint64_t root;
    const struct nub_memplan *plan;
    uint32_t *own;                    /* pages that are the window's own: copies, or zeroed */
    uint32_t n_own, own_capacity;
    uint32_t n_before;                /* how many there were when its session began */
    uint32_t widest;                  /* most that one session has added */
    struct guest_range *ranges;       /* mapped by the host, sorted */
    uint32_t n_ranges, ranges_capacity, n_released;
    uint32_t ahead, next_fault;       /* how many pages to fill in at once, and where that ended */
    uint64_t last_fault;
    uint32_t same_fault;              /* how often the last address faulted in a row */
};

/** What a page of a window is. */
struct guest_view {
    bool mapped;
    bool writable;
    const uint8_t *bytes; /* NULL: zeros */
};

struct guest_window *guest_window_new(struct guest_context *context, const struct nub_memplan *plan);
/** Of this lane, and kept for nobody. */
void guest_window_destroy(struct guest_context *context, struct guest_window *window);
/** Makes it what the CPU sees. */
void guest_window_enter(struct guest_context *context, struct guest_window *window);
/** Puts every page of its own back to what the plan gives, what the host mapped to zeros. */
void guest_window_clean(struct guest_window *window);
/** The session goes on under the plan of what it has become, whose memory the window holds. */
void guest_window_follow(struct guest_window *window, const struct nub_memplan *successor);
/** Makes a clean window one of another plan, which has the same read-only pages. */
void guest_window_refit(struct guest_window *window, const struct nub_memplan *plan);
/** A program's access did not go through: true when it will now, false when it is not allowed. */
enum guest_touch { GUEST_TOUCH_AGAIN, GUEST_TOUCH_DENIED, GUEST_TOUCH_NO_MEMORY };
enum guest_touch guest_window_touch(struct guest_context *context, struct guest_window *window, uint64_t address, bool store);
void guest_window_view(const struct guest_window *window, uint32_t page_address, struct guest_view *view);
/** The window's own bytes of a mapped page, made if need be; NULL: no memory. */
uint8_t *guest_window_own(struct guest_window *window, uint32_t page_address);
/** The range is free and whole pages. False: no memory. */
bool guest_window_map(struct guest_window *window, uint64_t start, uint64_t size, uint32_t access);
/** What the host mapped is no longer there, but may be mapped again. */
void guest_window_release(struct guest_window *window);
/** Guest-physical address and access of an own page, by its place in `own`. */
uint64_t guest_window_own_at(const struct guest_window *window, uint32_t i, bool *writable);

/* ---- keep.c -------------------------------------------------------------------------------- */

/** The window that this lane keeps for calls of an instance; NULL: no memory. */
struct guest_window *guest_window_of(struct guest_context *context, struct guest_instance *instance);
/** The window of a session: the one that is kept for the instance, if there is one to take. */
struct guest_window *guest_window_take(struct guest_context *context, struct guest_instance *instance);
/** Gives a taken window back: kept again, and cleaned after the reply, or freed. */
void guest_window_return(struct guest_context *context, struct guest_window *window, struct guest_instance *instance);
/** Any lane's; frees at once, or leaves it to the lane it belongs to. */
void guest_window_free(struct guest_window *window);
void guest_window_free_orphans(struct guest_context *context);
/** Frees the kept window that this lane has not used for longest. False: there is none. */
bool guest_window_reclaim(struct guest_context *context);

/* ---- resolve.c ----------------------------------------------------------------------------- */

struct guest_endpoint {
    uint64_t regs[NUB_N_REGS]; /* the endpoint's, then the instance's nonzero ones */
    uint32_t pc;
    bool valid; /* pc is a block start */
};

/** Hangs on an Instance: what its runs share. */
struct guest_instance {
    enum guest_user kind;
    struct nub_dir_entry *entry, *image;
    struct nub_memplan plan;
    bool has_plan;
    uint64_t lineage; /* shared with what it was derived from: differs from it in some pages at most */
    uint32_t n_endpoints;
    struct guest_endpoint *endpoints;
    struct guest_window *windows[NUB_GUEST_MAX_LANES];
};

struct guest_target {
    const struct nub_hash *instance;
    uint32_t endpoint;
    bool resume;
};

/** All errors of caps.md 4.1 in their order. */
enum nub_status guest_resolve(struct guest_instance **instance, const struct guest_target *target, struct nub_failure *failure);
/** What the runs of an Instance need that was derived from another, plan included; NULL: no memory. */
struct guest_instance *guest_instance_derive(struct nub_dir_entry *entry, const struct guest_instance *base);
void guest_instance_free(struct guest_instance *instance);

/* ---- run.c --------------------------------------------------------------------------------- */

/** A machine in flight. */
struct guest_machine {
    struct nub_jit_state state;
    struct guest_code *code;
    struct guest_window *window;
    struct nub_jit_tail *tail; /* while its code runs */
    enum nub_status failed;    /* a fault could not be mended */
};

/** Runs to an exit, unlocked; `stopped`: the host asked for an end. NO_MEMORY. */
enum nub_status guest_run(struct guest_context *context, struct guest_machine *machine, bool *stopped, struct nub_failure *failure);
int32_t guest_answer_invoke(struct guest_context *context, struct nub_mailbox *mailbox);

/* ---- session.c ----------------------------------------------------------------------------- */

int32_t guest_answer_open(struct guest_context *context, struct nub_mailbox *mailbox);
int32_t guest_answer_run(struct guest_context *context, struct nub_mailbox *mailbox);
int32_t guest_answer_own(struct guest_context *context, struct nub_mailbox *mailbox);
int32_t guest_answer_map(struct guest_context *context, struct nub_mailbox *mailbox);
int32_t guest_answer_pages(struct guest_context *context, struct nub_mailbox *mailbox);
int32_t guest_answer_close(struct guest_context *context, struct nub_mailbox *mailbox);
int32_t guest_answer_derive(struct guest_context *context, struct nub_mailbox *mailbox);

#endif
