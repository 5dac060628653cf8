/* kvm-private.h - the kvm backend as its own files see it
 *
 *   kvm.c        options, create, destroy, the table of functions
 *   book.c       the directory: what is published, in memory that no guest can reach
 *   residence.c  what of it the guest holds, and bringing it there
 *   call.c       invoke_cached, invoke, resume      hosts.c    host tables
 *   machine.c    a machine in the guest             session.c  live machines
 *   memory.c     its memory, as the host reads and writes it
 *   commit.c     the successor of a run
 *   lane.h: guest.c, mailbox.c, run.c               vm.h: vm.c, vcpu.c, boot.c, loader.c
 *
 * The host keeps the book (docs/decisions/0080-the-host-keeps-the-book.md): directory calls never wait for
 * a guest, and a guest that lies or dies takes nothing published with it.
 *
 * Locks, in the order in which they may be taken: residence, a lane's, the guest's memory_lock, book. A
 * lane's lock is held while its guest works; the last two never while anything waits. Nobody waits for one
 * certain lane under the residence lock: its run may last, and other lanes want to be brought things.
 */
#ifndef NUB_KVM_PRIVATE_H
#define NUB_KVM_PRIVATE_H

#include "cleanup.h"
#include "directory.h"
#include "lane.h"
#include "memplan.h"
#include <nub/plugin.h>

/** A capability that the guest has, or had: hangs on its entry in the book. */
struct nub_resident {
    struct nub_hash hash;
    uint64_t epoch; /* it is there if this is the present one */
    uint32_t lane;  /* that has memory laid out for it, if any has */
};

struct nub_kvm {
    const struct nub_host *host;
    struct nub_alloc alloc;
    bool trust_hashes; /* verify: never */
    uint64_t forks; /* nub_forks at create: another number means that this is a child */
    int kvm_fd;
    struct nub_guest_image image;
    struct nub_guest guest;
    uint32_t next_lane; /* atomic */

    pthread_mutex_t book_lock;
    struct nub_dir *book;                        /* (book_lock) */
    struct { struct nub_hash *hashes; size_t n, capacity; } gone; /* (book_lock) resident, but no longer in the book */

    pthread_mutex_t residence_lock;
    uint64_t epoch; /* atomic, written under (residence_lock): grows when the guest forgets */

    uint64_t calls, sessions, commits, derived, uploads, uploaded_bytes, sheds; /* atomic */
};

static inline void
nub_count(uint64_t *counter, uint64_t n)
{
    __atomic_add_fetch(counter, n, __ATOMIC_RELAXED);
}

/** After a fork the child has neither threads nor guest memory: SYSTEM, and nothing is touched. */
enum nub_status nub_kvm_judge_process(const struct nub_kvm *kvm, struct nub_failure *failure);
enum nub_status nub_kvm_no_memory(struct nub_failure *failure);
/** The guest did what no right guest does: it is broken from now on. GUEST_CORRUPT. */
enum nub_status nub_kvm_corrupt(struct nub_kvm *kvm, const char *what, struct nub_failure *failure);
/** What a request may take at most that is no run: a compilation, a copy, going through all of memory. */
uint64_t nub_kvm_work_limit(const struct nub_kvm *kvm);
/** What a run may take at most: as long as its gas lasts, however slow the program; 0: no limit. */
uint64_t nub_kvm_run_limit(const struct nub_kvm *kvm, uint64_t gas);
/** Whether a run that was given `gas` can have ended so. */
bool nub_kvm_is_result(const struct nub_result *result, uint64_t gas);

/* ---- book.c -------------------------------------------------------------------------------- */

enum nub_status nub_book_open(struct nub_kvm *kvm, uint64_t max_bytes, bool trust_hashes, struct nub_failure *failure);
void nub_book_close(struct nub_kvm *kvm);
/** The entry of a present capability, pinned, or NULL. */
struct nub_dir_entry *nub_book_pin(struct nub_kvm *kvm, const struct nub_hash *hash);
void nub_book_unpin(struct nub_kvm *kvm, struct nub_dir_entry *entry);
/** An entry that is present, or kept by a pin of what mentions it; NULL. Stable as long as that pin. */
struct nub_dir_entry *nub_book_find_kept(struct nub_kvm *kvm, const struct nub_hash *hash);
/** The same under (book_lock), as nub_memplan_build() wants it. */
const struct nub_cap *nub_book_lookup_inlock(void *kvm, const struct nub_hash *hash);
bool nub_book_contains(struct nub_kvm *kvm, const struct nub_hash *hash);
/** The lane that best runs a capability; false: it is not present. */
bool nub_book_lane(struct nub_kvm *kvm, const struct nub_hash *hash, uint32_t *lane);
enum nub_status nub_book_judge_head(struct nub_kvm *kvm, const struct nub_hash *expected, struct nub_failure *failure);

int32_t nub_kvm_put_cap(void *backend, struct nub_slice wire, struct nub_hash *hash, struct nub_failure *failure);
int32_t nub_kvm_put_cap_with_hash(void *backend, const struct nub_hash *hash, struct nub_slice wire, struct nub_failure *failure);
int32_t nub_kvm_contains(void *backend, const struct nub_hash *hash, uint32_t *present, struct nub_failure *failure);
int32_t nub_kvm_get_cap(void *backend, const struct nub_hash *hash, struct nub_bytes *wire, struct nub_failure *failure);
int32_t nub_kvm_get_changes(void *backend, const struct nub_hash *base, const struct nub_hash *hash, const struct nub_changes *changes, struct nub_failure *failure);
int32_t nub_kvm_drop_cap(void *backend, const struct nub_hash *hash, struct nub_failure *failure);
int32_t nub_kvm_refcount(void *backend, const struct nub_hash *hash, uint64_t *count, struct nub_failure *failure);
int32_t nub_kvm_state_root(void *backend, struct nub_hash *root, struct nub_failure *failure);
int32_t nub_kvm_set_state_root(void *backend, const struct nub_hash *root, struct nub_failure *failure);

struct nub_machine;

/* ---- residence.c --------------------------------------------------------------------------- */

/** A lane, locked, of a guest that is not broken (it is restarted if need be). `hint` chooses among free ones. */
enum nub_status nub_lane_take(struct nub_kvm *kvm, uint32_t hint, struct nub_lane **lane, struct nub_failure *failure);
void nub_lane_give(struct nub_lane *lane);
/** One request on a lane of one's own; runs on a lane that is taken for it. */
enum nub_status nub_kvm_request(struct nub_kvm *kvm, const struct nub_lane_call *call, struct nub_failure *failure);
/** Makes a capability and everything that it needs present in the guest. NOT_FOUND: not in the book. */
enum nub_status nub_residence_ensure(struct nub_kvm *kvm, const struct nub_hash *hash, struct nub_failure *failure);
/** Makes the guest forget what it does not use, to have memory for something else. */
enum nub_status nub_residence_shed(struct nub_kvm *kvm, struct nub_failure *failure);
/** Tells the guest what is gone from the book. */
enum nub_status nub_residence_settle(struct nub_kvm *kvm, struct nub_failure *failure);

/**
 * What to do about a call that the guest refused: bring the instance, or make room, and try again (true, at
 * most a few times), or leave it at that (false; `*status` and `failure` say why).
 */
struct nub_retry { unsigned brought, denied, shed; uint64_t epoch; };
bool nub_residence_retry(struct nub_kvm *kvm, const struct nub_hash *instance, struct nub_retry *retry, enum nub_status *status, struct nub_failure *failure);

/** What has become of a machine. */
struct nub_derivation {
    struct nub_dir_entry *successor; /* in the book, pinned: the pin is used up */
    const struct nub_guest_change *changes; /* what is not as in the machine's entry, ascending */
    uint32_t n_changes;
    bool last; /* nothing but closing the machine comes after */
};
/**
 * Has the guest make the successor of what it holds, so that it need not be brought; the machine goes on as
 * one of its successor then. If that fails nothing is lost: it is brought when it is called.
 */
void nub_residence_derive(struct nub_machine *machine, const struct nub_derivation *derivation);

/* ---- machine.c ----------------------------------------------------------------------------- */

/** A range that the host mapped. */
struct nub_mapped {
    uint64_t start, size;
    uint32_t access; /* enum nub_access */
};

/** A session of the guest, and the state of its machine beside memory. */
struct nub_machine {
    struct nub_kvm *kvm;
    struct nub_hash instance;    /* that was opened */
    struct nub_dir_entry *entry; /* of it, or of what the guest has made of it; pinned in the book */
    uint32_t lane;
    uint64_t generation; /* of the guest that it lives in */
    uint64_t session;    /* the guest's number */
    bool closed;         /* the guest has closed it already */
    uint64_t root;       /* of its page tables, as the guest says */
    bool has_run;
    bool torn;           /* guest memory ran out in the middle of a run */
    bool written;        /* by the host, where the pages are, since it followed */
    bool input_zone;     /* has pages where input would be laid */
    uint64_t regs[NUB_N_REGS];
    uint32_t pc;
    uint64_t gas;
    uint32_t reason, arg; /* of the last exit */
    struct nub_mapped *mapped;
    uint32_t n_mapped, mapped_capacity;
    struct nub_guest_laid *laid; /* pages that the host has written first; the next run lays them */
    uint32_t n_laid;             /* up to NUB_GUEST_MAX_LAID */
    struct nub_memplan plan;     /* what the instance gives, once somebody has asked */
    bool has_plan;
};

struct nub_machine_args {
    struct nub_hash instance;
    uint32_t endpoint;
    bool resume;
    uint32_t gas_model, mem_cycles; /* 0: the backend's */
};

/** What may end a run early. */
struct nub_give_up {
    const uint32_t *cancel; /* NULL: none */
    uint64_t deadline_ns;   /* 0: none */
};

/** The errors of caps.md 4.1; machine->gas is left for the caller to set. */
enum nub_status nub_machine_open(struct nub_machine *machine, struct nub_kvm *kvm, const struct nub_machine_args *args, struct nub_failure *failure);
void nub_machine_close(struct nub_machine *machine);
/** Frees what the host has of it. */
void nub_machine_forget(struct nub_machine *machine);
/** To the next exit. CANCELLED, TIMED_OUT, GUEST_LOST, GUEST_CORRUPT, NO_MEMORY. */
enum nub_status nub_machine_run(struct nub_machine *machine, const struct nub_give_up *give_up, struct nub_failure *failure);
void nub_machine_result(const struct nub_machine *machine, struct nub_result *result);
enum nub_status nub_machine_map(struct nub_machine *machine, uint64_t address, uint64_t size, uint32_t access, struct nub_failure *failure);
/** One request on the machine's lane, if its guest still lives. */
enum nub_status nub_machine_request(struct nub_machine *machine, const struct nub_lane_call *call, struct nub_failure *failure);
/** GUEST_LOST: its guest was restarted. */
enum nub_status nub_machine_lost(struct nub_failure *failure);

/** Goes on as a machine of the entry that it has become. */
void nub_machine_follow(struct nub_machine *machine, struct nub_dir_entry *successor);
/** SESSION_DERIVE with this list, up to NUB_DERIVE_CHANGES. The caller holds the machine's lane, and its guest lives. */
enum nub_status nub_machine_derive_inlock(struct nub_machine *machine, const struct nub_packet_derive *packet, const struct nub_guest_change *changes);

/** A page that the guest has a copy of, in host memory. */
struct nub_page_copy {
    uint32_t address;
    uint8_t bytes[NUB_PAGE_SIZE];
};
/** Copies of all pages of the machine's own, sorted, each once, in one block for free(). */
enum nub_status nub_machine_pages(struct nub_machine *machine, struct nub_page_copy **pages, uint32_t *n, struct nub_failure *failure);

/* ---- memory.c ------------------------------------------------------------------------------ */

/** The host's accesses: any mapped page, all or nothing (caps.md 4.5). INVALID_ARGUMENT, NOT_MAPPED, NO_MEMORY, GUEST_LOST. */
enum nub_status nub_machine_read(struct nub_machine *machine, uint64_t address, void *data, uint64_t size, struct nub_failure *failure);
enum nub_status nub_machine_write(struct nub_machine *machine, uint64_t address, const void *data, uint64_t size, struct nub_failure *failure);
/** Whether all of a range is mapped. */
enum nub_status nub_machine_judge_range(struct nub_machine *machine, uint64_t address, uint64_t size, struct nub_failure *failure);
/** Lays what is to be laid, for who asks the guest about its pages before the next run. */
enum nub_status nub_machine_settle(struct nub_machine *machine, struct nub_failure *failure);
/** What its instance gives, with or without what the instance itself has written. */
enum nub_status nub_machine_plan(struct nub_machine *machine, bool with_overlays, struct nub_memplan *plan, struct nub_failure *failure);
/** The range of the host's that has an address, or NULL. */
const struct nub_mapped *nub_machine_mapped_at(const struct nub_machine *machine, uint64_t address);

/* ---- hosts.c, commit.c, call.c, session.c ------------------------------------------------------- */

/** `*finished`: a callback ended the run. */
enum nub_status nub_run_with_hosts(struct nub_machine *machine, const struct nub_host_table *hosts, const struct nub_give_up *give_up, bool *finished, struct nub_failure *failure);

struct nub_commit {
    struct nub_machine *machine; /* after its exit */
    bool session;                /* OutOfGas and PageFault have a successor too */
    bool advance;
    const struct nub_hash *expected_head; /* NULL: any */
};
/** `*successor` is zero where the exit has none. NOT_SUPPORTED, CONFLICT, NO_SPACE, NO_MEMORY. */
enum nub_status nub_commit(const struct nub_commit *commit, struct nub_hash *successor, struct nub_failure *failure);

int32_t nub_kvm_invoke_cached(void *backend, const struct nub_invoke_args *args, struct nub_result *result, struct nub_failure *failure);
int32_t nub_kvm_invoke(void *backend, const struct nub_call *call, struct nub_outcome *outcome, struct nub_failure *failure);
int32_t nub_kvm_resume(void *backend, const struct nub_call *call, struct nub_outcome *outcome, struct nub_failure *failure);

int32_t nub_kvm_session_open(void *backend, const struct nub_session_args *args, void **session, struct nub_failure *failure);
int32_t nub_kvm_session_run(void *session, struct nub_result *result, struct nub_failure *failure);
int32_t nub_kvm_session_get_regs(void *session, uint64_t regs[NUB_N_REGS], struct nub_failure *failure);
int32_t nub_kvm_session_set_regs(void *session, const uint64_t regs[NUB_N_REGS], struct nub_failure *failure);
int32_t nub_kvm_session_get_pc(void *session, uint32_t *pc, struct nub_failure *failure);
int32_t nub_kvm_session_set_pc(void *session, uint32_t pc, struct nub_failure *failure);
int32_t nub_kvm_session_get_gas(void *session, uint64_t *gas, struct nub_failure *failure);
int32_t nub_kvm_session_set_gas(void *session, uint64_t gas, struct nub_failure *failure);
int32_t nub_kvm_session_read(void *session, uint64_t address, void *data, uint64_t size, struct nub_failure *failure);
int32_t nub_kvm_session_write(void *session, uint64_t address, const void *data, uint64_t size, struct nub_failure *failure);
int32_t nub_kvm_session_map(void *session, uint64_t address, uint64_t size, uint32_t access, struct nub_failure *failure);
int32_t nub_kvm_session_commit(void *session, uint32_t advance, struct nub_hash *successor, struct nub_failure *failure);
void nub_kvm_session_close(void *session);
void nub_kvm_session_interrupt(void *session);

extern const struct nub_plugin nub_kvm_plugin;

#endif
