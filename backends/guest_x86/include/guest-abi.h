/* guest-abi.h - the contract between the guest kernel and whoever hosts it
 *
 * The only file that backends/kvm and backends/guest_x86 share: where things lie in guest memory,
 * how a request is posted and answered, what a request carries. Numbers and layouts only, no
 * logic. docs/guest.md draws the map. guest-abi-check.h repeats every offset and fails the build when
 * one moves; a change here raises NUB_GUEST_ABI_VERSION, and a host refuses an image whose
 * version note says anything else.
 *
 * Everything in guest memory is the guest's to write at any time. The host copies a field once,
 * checks the copy, and uses the copy.
 */
#ifndef NUB_GUEST_ABI_H
#define NUB_GUEST_ABI_H

/** Raised by every change of this file that changes a layout or a meaning. */
#define NUB_GUEST_ABI_VERSION 2
/** The note of the image: owner "nub", this type, then struct nub_guest_note. */
#define NUB_GUEST_NOTE_TYPE 0x6e75

/* ---- guest-physical memory --------------------------------------------------------------- */

#define NUB_GUEST_BASE 0x8000000000 /* guest-virtual: base + guest-physical, not executable */
#define NUB_GUEST_EXEC 0xc000000000 /* the same from NUB_GUEST_HEAP on: executable, not writable */

#define NUB_GUEST_BOOT      0x1000   /* struct nub_guest_boot, read-only to the guest */
#define NUB_GUEST_TABLES    0x10000  /* page tables of the kernel half, out of the guest's reach */
#define NUB_GUEST_TEXT      0x200000 /* the image: code and constants */
#define NUB_GUEST_DATA      0x400000 /* the image: variables */
#define NUB_GUEST_LANES     0x600000 /* one block a lane */
#define NUB_GUEST_PT_POOL   0xa00000 /* page tables of the windows, written by the guest */
#define NUB_GUEST_HEAP      0x1200000
#define NUB_GUEST_MIN_BYTES 0x2000000 /* 32 MiB */
#define NUB_GUEST_MAX_BYTES 0x800000000

#define NUB_GUEST_MAX_LANES 16
#define NUB_GUEST_LANE_SIZE 0x40000

/* Within the block of a lane. */
#define NUB_LANE_GDT         0x0     /* descriptors, and the task state at +0x100; CPL0 only */
#define NUB_LANE_IDT         0x1000  /* CPL0 only */
#define NUB_LANE_STACK0      0x2000  /* the CPU pushes fault frames here; CPL0 only */
#define NUB_LANE_STACK0_VIEW 0x3000  /* the same page, readable by the guest */
#define NUB_LANE_FRAMES      0x4000  /* prebuilt iret frames, 40 bytes a vector; CPL0 only */
#define NUB_LANE_STUBS       0x5000  /* fault stubs, 32 bytes a vector; CPL0 only */
#define NUB_LANE_MAILBOX     0x6000  /* struct nub_mailbox */
#define NUB_LANE_CONTEXT     0x8000  /* the guest's own; the base of gs */
#define NUB_LANE_FAULT_STACK 0xc000  /* grows down from +0x10000 */
#define NUB_LANE_STACK       0x10000 /* grows down from +0x20000 */
#define NUB_LANE_BULK        0x20000 /* bytes that do not fit a packet */
#define NUB_LANE_BULK_SIZE   0x20000

/** Vectors that have a stub and a frame. */
#define NUB_GUEST_VECTORS 32

/*
 * Entries of the windows' page tables, which the host reads to find a stopped program's pages: four levels,
 * pages of 4 KiB only, every table in the pool, every page in the heap.
 */
#define NUB_GUEST_PAGE_PRESENT 0x1ull
#define NUB_GUEST_PAGE_USER    0x4ull   /* mapped: the page is what the program sees there */
#define NUB_GUEST_PAGE_OWN     0x200ull /* ... and is the window's own: the host may write it */
#define NUB_GUEST_PAGE_ADDRESS 0x000ffffffffff000ull

/** Ports. The guest may use them from CPL3. */
#define NUB_PORT_IDLE     0x10 /* nothing to do: leave until there is a request */
#define NUB_PORT_PANIC    0x11 /* the guest gives up; the mailbox says why */
#define NUB_PORT_DOORBELL 0x20 /* + lane: the reply is there (an ioeventfd) */

#ifndef __ASSEMBLER__
#include <nub/types.h>

/** The note's content: what a host must know to start the image. */
struct nub_guest_note {
    uint32_t abi_version;
    uint32_t reserved;
    uint64_t faults; /* entry n at faults + 16 n, for vectors 0 ... NUB_GUEST_VECTORS - 1 */
};

/** What the guest must know to run; written by the host before the first instruction. */
struct nub_guest_boot {
    uint32_t abi_version;
    uint32_t n_lanes;
    uint64_t memory_size; /* bytes of guest-physical memory */
    uint64_t root;         /* guest-physical address of the page-table root that lanes start on */
    uint64_t kernel_entry; /* entry 1 of every root: the kernel half */
    uint32_t gas_model;    /* enum nub_gas_model: what NUB_GAS_DEFAULT means here */
    uint32_t mem_cycles;
    uint64_t seed[2];      /* random, for the directory's table */
};

/* ---- the mailbox ------------------------------------------------------------------------- */

enum nub_guest_state {
    NUB_GUEST_AWAKE = 0,
    NUB_GUEST_IDLE = 1, /* has left or is about to: wants KVM_RUN */
    NUB_GUEST_DEAD = 2  /* panicked */
};

#define NUB_PACKET_SIZE 1024

/**
 * One per lane. Each word that one side spins on has a cache line of its own. A request: the host fills in
 * `request`, `request_size` and `packet`, then stores `posted` + 1. The guest answers in `status`,
 * `reply_size`, `packet` (and `failure`), then stores `answered` = `posted`. Both start at 0.
 */
struct nub_mailbox {
    uint64_t posted; /* host */
    uint64_t pad0[7];
    uint64_t answered; /* guest */
    uint64_t pad1[7];
    uint32_t state; /* guest: enum nub_guest_state */
    uint32_t pad2;
    uint64_t heartbeat; /* guest: grows while a request is worked on, every few milliseconds */
    uint32_t pad3[12];
    uint32_t notify; /* host: 1 = ring the doorbell after answering */
    uint32_t pad4[15];
    uint64_t spin; /* host: how long to wait for the next request before going idle, in TSC ticks */
    uint32_t stop; /* host: 1 = the run in flight shall end as NUB_RUN_STOPPED */
    uint32_t pad5[13];
    uint32_t request; /* host: enum nub_guest_request */
    uint32_t request_size;
    int32_t status; /* guest: enum nub_status */
    uint32_t reply_size;
    uint64_t pad6[6];
    uint8_t packet[NUB_PACKET_SIZE];
    struct nub_failure failure; /* guest: filled in when status is not NUB_OK */
    uint64_t panic[8];          /* guest: vector, cr2, rip, rsp, error code, source line */
};

/* ---- requests ---------------------------------------------------------------------------- */

enum nub_guest_request {
    NUB_REQUEST_BOOT_INFO = 1,
    NUB_REQUEST_HEAP_STATS = 2,
    NUB_REQUEST_INVOKE_CACHED = 3,
    NUB_REQUEST_CAP_ROOM = 4, /* room for a wire form that is to be put */
    NUB_REQUEST_PUT_CAP = 5,  /* puts what was written there */
    NUB_REQUEST_DROP_CAP = 6,
    NUB_REQUEST_CONTAINS = 7,
    NUB_REQUEST_EVICT = 8, /* forgets all compiled code */
    NUB_REQUEST_STATS = 9,
    NUB_REQUEST_SHED = 10, /* forgets every capability, program and window that is not in use */
    NUB_REQUEST_SESSION_OPEN = 16,
    NUB_REQUEST_SESSION_RUN = 17,
    NUB_REQUEST_SESSION_OWN = 21, /* gives the session a page of its own at each of a range */
    NUB_REQUEST_SESSION_MAP = 22,
    NUB_REQUEST_SESSION_PAGES = 23, /* the pages that a commit must look at */
    NUB_REQUEST_SESSION_CLOSE = 24,
    NUB_REQUEST_SESSION_DERIVE = 25, /* the session's successor becomes a capability */
    NUB_REQUEST_SMOKE = 42
};

/** SMOKE: answers `value` + 1 and the privilege level that the guest runs at. */
struct nub_packet_smoke {
    uint64_t value;
    uint64_t cpl;
};

/** BOOT_INFO: the reply. */
struct nub_packet_boot_info {
    uint32_t abi_version;
    uint32_t lane;
    uint64_t memory_size;
    uint64_t heap_size;
    uint64_t trap_cost; /* TSC ticks of one `int3`, the shortest way into CPL0 and back */
};

/** HEAP_STATS: the reply. */
struct nub_packet_heap_stats {
    uint64_t allocated_bytes;
    uint64_t allocations;
    uint64_t fragments;
    uint64_t available;
};

/** INVOKE_CACHED. The reply is a struct nub_result. */
struct nub_packet_invoke {
    struct nub_hash instance;
    uint32_t endpoint;
    uint32_t pad;
    uint64_t args[4];
    uint64_t gas;
};

/** CAP_ROOM: the reply is the guest-physical address of `size` bytes, in `address`. One at a time. */
struct nub_packet_room {
    uint64_t size;
    uint64_t lead; /* the byte at this offset wants to begin a page */
    uint64_t address;
};

/**
 * PUT_CAP (the wire form was written to the room given last; the host vouches for the hash),
 * DROP_CAP, CONTAINS (reply in `present`).
 */
struct nub_packet_cap {
    struct nub_hash hash;
    uint32_t present;
    uint32_t pad;
};

/** SESSION_OPEN: all errors of caps.md 4.1 in their order. */
struct nub_packet_open {
    struct nub_hash instance;
    uint32_t endpoint;
    uint32_t resume; /* 1: a paused instance is wanted, else an idle one */
    uint32_t gas_model;
    uint32_t mem_cycles;
    uint64_t session; /* the reply, and where it begins: */
    uint64_t regs[NUB_N_REGS]; /* without arguments */
    uint32_t pc;
    uint32_t input_zone; /* 1: has a page in the zone of the input */
    uint64_t root; /* guest-physical address of the session's page-table root; the same until it is closed */
};

/** How a run ended, when no nub_exit_reason says it. */
#define NUB_RUN_STOPPED   0x100u
#define NUB_RUN_NO_MEMORY 0x101u /* in the middle of a block: it cannot go on */

/** A page that the host has written before the session had one of its own there. */
struct nub_guest_laid {
    uint32_t address;
    uint8_t bytes[4096];
};
#define NUB_GUEST_MAX_LAID (NUB_LANE_BULK_SIZE / sizeof(struct nub_guest_laid))

/** SESSION_RUN: the machine state beside memory is the host's. The reply has what holds after the exit. */
struct nub_packet_state {
    uint64_t session;
    uint32_t pc;
    uint32_t n_laid; /* pages (struct nub_guest_laid) in the bulk area, laid before the run */
    uint64_t gas;
    uint64_t regs[NUB_N_REGS];
    struct nub_result result; /* the reply */
};

/** SESSION_OWN, MAP, CLOSE: ranges are whole pages; OWN's are mapped, MAP's are not. */
struct nub_packet_memory {
    uint64_t session;
    uint64_t address;
    uint64_t size;
    uint32_t access;  /* MAP: enum nub_access */
    uint32_t written; /* CLOSE: 1: the host has written to pages since the last RUN or DERIVE */
};

/** SESSION_PAGES: fills the bulk area with struct nub_guest_page, in no order, from the `first`-th on. */
struct nub_packet_pages {
    uint64_t session;
    uint64_t first;
    uint64_t count; /* the reply: how many this time, fewer than fit means that was all */
};

/** A page of the session's own, which may differ from what the instance gives. */
struct nub_guest_page {
    uint32_t address;
    uint32_t writable; /* by the program */
    uint64_t content;  /* guest-physical address of its 4096 bytes */
};

#define NUB_DERIVE_GONE 16

/**
 * SESSION_DERIVE: puts the Instance that the session has become, named by the host, which has looked at the
 * pages; the session is then one of that Instance. The bulk area lists, ascending, as struct nub_guest_change
 * what is not as in the Instance that it was of.
 */
struct nub_packet_derive {
    uint64_t session;
    struct nub_hash successor;
    uint32_t n_changes;
    uint32_t close; /* 1: if it succeeds this is a CLOSE, too */
    uint32_t phase; /* 0: the rest is 0 */
    uint32_t pc;
    uint64_t gas;
    uint64_t regs[NUB_N_REGS];
    uint32_t n_gone;
    uint32_t pad;
    struct nub_hash gone[NUB_DERIVE_GONE]; /* DROP_CAP of each, whatever becomes of the rest */
};

/** A page that becomes an overlay with what the session has there, or is none any more. */
struct nub_guest_change {
    uint32_t address;
    uint32_t dropped;
};
#define NUB_DERIVE_CHANGES (NUB_LANE_BULK_SIZE / sizeof(struct nub_guest_change))

/** STATS: the reply. */
struct nub_packet_stats {
    uint64_t caps;
    uint64_t cap_bytes;
    uint64_t runs;
    uint64_t compiled;
    uint64_t code_bytes;
    uint64_t faults;   /* pages filled in on first touch */
    uint64_t switches; /* of the page-table root */
    uint64_t windows;
};

#endif
#endif
