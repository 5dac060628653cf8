/* nub/types.h - the values that every part of nub shares
 *
 * Plain C99, needs only <stdint.h>. Shared by embedders (<nub/nub.h>), by plugin authors
 * (<nub/plugin.h>) and by the freestanding code in core/model and core/pvm. No struct here
 * ever changes size or meaning within one NUB_ABI_VERSION. (Comments here begin with one star:
 * g-ir-scanner takes two for its own.)
 */
#ifndef NUB_TYPES_H
#define NUB_TYPES_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/**
 * NUB_N_REGS:
 *
 * Registers of the machine, phi0 ... phi12 (pvm.md 1.1).
 */
#define NUB_N_REGS 13
/**
 * NUB_PAGE_SIZE:
 *
 * Bytes of a page; memory and Data are whole pages (pvm.md 1.4).
 */
#define NUB_PAGE_SIZE 4096
/**
 * NUB_GAS_MAX:
 *
 * The highest gas a run can be given; more is cut to it (pvm.md 1.3).
 */
#define NUB_GAS_MAX INT64_MAX
/**
 * NUB_HALT_ADDRESS:
 *
 * A dynamic jump here ends the run with Halt (pvm.md 3.4).
 */
#define NUB_HALT_ADDRESS 0xFFFF0000u

/*
 * The name of a capability: its SSZ hash tree root (caps.md 1). 32 zero bytes mean "no cap".
 */
struct nub_hash {
    uint8_t bytes[32];
};

/* Why a run ended; `exit_reason` of struct nub_result (pvm.md 1.5). 5 is reserved. */
enum nub_exit_reason {
    NUB_EXIT_HALT = 0,       /* a dynamic jump to NUB_HALT_ADDRESS */
    NUB_EXIT_PANIC = 1,      /* no such instruction, or a control transfer that is not allowed */
    NUB_EXIT_OUT_OF_GAS = 2, /* a charge did not succeed; nothing was taken for it */
    NUB_EXIT_PAGE_FAULT = 3, /* exit_arg: address of the page, a multiple of 4096 */
    NUB_EXIT_HOST_CALL = 4,  /* exit_arg: the number given to `ecalli` */
    NUB_EXIT_ECALL = 6,      /* `ecall` */
    NUB_EXIT_TRAP = 7        /* `trap`, or the end of the code */
};

/* What every run ends with: 24 bytes, the same on every backend (caps.md 4.1). */
struct nub_result {
    uint32_t exit_reason;   /* enum nub_exit_reason */
    uint32_t exit_arg;      /* 0 unless the reason gives it a meaning */
    uint64_t return_value;  /* phi7 */
    uint64_t gas_remaining; /* 0 ... NUB_GAS_MAX */
};

/* How gas is charged (pvm.md 7). Where a model is an option, NUB_GAS_DEFAULT means "the kernel's". */
enum nub_gas_model {
    NUB_GAS_DEFAULT = 0,
    NUB_GAS_PIPELINE = 1,   /* a cost per basic block, one pass */
    NUB_GAS_POLKAVM = 2,    /* a cost per basic block, simulated cycle by cycle */
    NUB_GAS_INSTRUCTION = 3 /* 1 per instruction */
};

#ifndef __GI_SCANNER__ /* bindings have NubError */
/* Outcome of a call on the host side. Running out of gas is a result, not a status. */
enum nub_status {
    NUB_OK = 0,
#define NUB_STATUS(name, number, text) NUB_ERR_##name = number,
#include <nub/status.def>
    NUB_STATUS_FORCE_INT32 = 0x7fffffff
};
#endif

#ifndef __GI_SCANNER__ /* bindings have GError */
/*
 * What went wrong, owned by the caller and filled in by the callee.
 *
 * The caller sets `struct_size` and zeroes the rest; a callee writes no further than
 * `struct_size`. NULL may be passed wherever one is taken: only the status is returned then.
 */
struct nub_failure {
    uint32_t struct_size;
    int32_t code;         /* enum nub_status; equal to what the function returned */
    struct nub_hash hash; /* the capability that the error names (caps.md), else zero */
    uint64_t address;     /* the page of NOT_MAPPED and ALREADY_MAPPED, the byte of BAD_ENCODING */
    char message[208];    /* one line, names the thing first, no full stop, NUL-terminated */
};
#endif

#ifdef __cplusplus
}
#endif
#endif
