/* kvm-fixture.h - a kvm backend opened through its table of functions, and programs for it */
#ifndef NUB_KVM_FIXTURE_H
#define NUB_KVM_FIXTURE_H

#include "kvm-private.h"
#include "kvm-test.h"
#include "mem.h"

/** An opened backend. `kvm` looks inside. */
struct fixture {
    const struct nub_backend_ops *ops;
    void *backend;
    struct nub_kvm *kvm;
    struct nub_failure failure; /* of the last call */
};

/** The build tree's image, a watchdog of 2 s, then `options` (n of them). */
enum nub_status fixture_try_open(struct fixture *f, const struct nub_option *options, uint32_t n);
void fixture_open(struct fixture *f, const struct nub_option *options, uint32_t n);
void fixture_close(struct fixture *f);

/** A program: code, and a mask bit where an instruction starts. */
struct program {
    uint8_t code[32], mask[4];
    uint32_t size;
};

/** Warnings that backends have logged. */
extern unsigned fixture_warnings;

extern const struct program program_empty;   /* jump_ind phi0 */
extern const struct program program_endless; /* jump to itself */
/** phi7 = ++*(u64 *)0x10000; then jump_ind phi0. Wants memory there. */
extern const struct program program_count;
/** Stores 1 to each page of [phi7, phi8), then jump_ind phi0. */
extern const struct program program_touch;
/** phi7 = *(u64 *)phi7 += phi8; then jump_ind phi0. */
extern const struct program program_add;

struct nub_hash fixture_put(struct fixture *f, const uint8_t *wire, uint64_t size);
/** An image of the program with one endpoint at pc 0 (phi0 = the halt address), and an instance of it. */
struct nub_hash fixture_put_program(struct fixture *f, const struct program *program, uint64_t mem_size);
/** The same with content at [0, size), given read-write by a Data of its own. */
struct nub_hash fixture_put_data_program(struct fixture *f, const struct program *program, const uint8_t *content, uint64_t size);
/** An instance of program_add with one overlay of so many pages, all of whose bytes are 3. */
struct nub_hash fixture_put_large(struct fixture *f, uint64_t n_pages);
#define FIXTURE_LARGE_START 0x100000u
#define FIXTURE_LARGE_WORD  0x0303030303030303u
/** One of the backend's statistics. */
uint64_t fixture_counter(struct fixture *f, const char *name);
enum nub_status fixture_invoke(struct fixture *f, const struct nub_hash *instance, const uint64_t args[4], uint64_t gas, struct nub_result *result);

#endif
