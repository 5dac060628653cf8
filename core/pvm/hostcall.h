/* hostcall.h - one host call of a run, answered from a table (caps.md 4.6)
 *
 * Shared by every backend that keeps its machines in this process: finds the callback, takes the
 * price, asks, and turns the answer into how the run goes on or ends. Runs nothing itself.
 */
#ifndef NUB_PVM_HOSTCALL_H
#define NUB_PVM_HOSTCALL_H

#include "program.h"

/** A machine that stopped at an ecalli: where its parts are, and how a callback reaches its memory. */
struct nub_host_stop {
    uint64_t *regs;
    uint64_t *gas;
    uint32_t *pc;     /* behind the ecalli */
    uint32_t *reason; /* HostCall; what the run ends with, if it ends */
    uint32_t *arg;    /* the number; the argument of that end */
    const struct nub_program *program;
    void *machine; /* for read and write */
    int32_t (*read)(void *machine, uint64_t address, void *data, uint64_t size, struct nub_failure *failure);
    int32_t (*write)(void *machine, uint64_t address, const void *data, uint64_t size, struct nub_failure *failure);
};

enum nub_host_answer {
    NUB_HOST_ANSWER_GO_ON, /* run on from where it is */
    NUB_HOST_ANSWER_END,   /* the run ends as reason and arg now say */
    NUB_HOST_ANSWER_FAILED /* the call fails: HOST_CALL_FAILED */
};

/** Answers one host call. `*finished` becomes true when a callback ended the run (no output then). */
enum nub_host_answer nub_host_ask(const struct nub_host_table *hosts, const struct nub_host_stop *stop, bool *finished);

#endif
