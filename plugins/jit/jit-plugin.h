/* jit-plugin.h - what the files of nub-jit share */
#ifndef NUB_JIT_PLUGIN_H
#define NUB_JIT_PLUGIN_H

#include "jit.h"
#include "local-private.h"
#include "runner.h"

/** A compiled program; hangs on nub_code.native. */
struct nub_jit_native {
    struct nub_jit_code code;
    uint8_t *text; /* executable; NULL: the program is too large, it is interpreted */
    uint64_t text_size;
    void *tables;
    uint64_t tables_size;
};

/** One run, as the fault handler sees it. */
struct nub_jit_run {
    const struct nub_jit_native *native;
    struct nub_jit_tail *tail; /* NULL: none was needed */
    uint8_t *tail_text;
    uint64_t fault_at; /* address of the access that faulted last */
    struct nub_jit_run *outer; /* of the same thread: a host call may call in again */
};

/* ---- jit-exec.c: memory that is either writable or executable, never both ------------------------ */

/** NULL: the system refused. Writable. */
uint8_t *nub_jit_exec_new(uint64_t size);
/** Gives back what is beyond `used` and makes the rest executable; false: the system refused. */
bool nub_jit_exec_finish(uint8_t *text, uint64_t size, uint64_t used, uint64_t *kept);
/** Writable again. */
bool nub_jit_exec_reopen(uint8_t *text, uint64_t size);
void nub_jit_exec_free(uint8_t *text, uint64_t size);

/* ---- jit-fault.c --------------------------------------------------------------------------------- */

/** Installs the handler, once for the process. */
enum nub_status nub_jit_fault_install(struct nub_failure *failure);
/** Faults of this thread in the code of `run` are its own until nub_jit_fault_leave(). */
void nub_jit_fault_enter(struct nub_jit_run *run);
void nub_jit_fault_leave(struct nub_jit_run *run);

/* ---- jit-window.c -------------------------------------------------------------------------------- */

/** How the gs base is set on this machine; once for the process. SYSTEM. */
enum nub_status nub_jit_window_init(struct nub_failure *failure);
/** Makes `base` the gs base of this thread; what it was before. */
uint64_t nub_jit_window_select(uint64_t base);
/** Marks in window->written what the program has stored since the window was filled. */
void nub_jit_window_mark(struct nub_memory *memory);

/* ---- jit-runner.c -------------------------------------------------------------------------------- */

/** A runner, and what its code may use of the CPU. */
struct nub_jit_runner {
    struct nub_runner runner;
    bool baseline; /* x86-64 with POPCNT and no more */
};
extern const struct nub_jit_runner nub_jit_runner, nub_jit_runner_baseline;

#endif
