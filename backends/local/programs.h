/* programs.h - programs by (image, gas model, mem_cycles), and what is pre-decoded of them
 *
 * A program hangs on the directory entry of its image and lives as long. What is pre-decoded of it
 * is made block by block as a run gets there, and can be forgotten whenever no run uses it.
 */
#ifndef NUB_LOCAL_PROGRAMS_H
#define NUB_LOCAL_PROGRAMS_H

#include "directory.h"
#include "predecode.h"
#include "program.h"

/** First in what hangs on a directory entry. */
enum nub_user_kind { NUB_USER_IMAGE, NUB_USER_RESOLVED };

struct nub_code {
    struct nub_program program; /* views of the image's bytes */
    uint32_t gas_model, mem_cycles;
    uint32_t users;          /* (nub_local.lock) */
    bool touches_memory;     /* a run did; relaxed atomic */
    void *native;            /* the runner's (runner.h); atomic */
    struct nub_code *next;   /* of the same image */
    struct nub_code *newer, *older; /* (nub_local.lock) all programs by last use */
    struct nub_blocks blocks[NUB_N_ENGINES];
};

struct nub_image_user {
    enum nub_user_kind kind;
    struct nub_dir_entry *entry;
    struct nub_code *codes;
};

/** All programs of a backend. */
struct nub_codes {
    struct nub_code *newest, *oldest;
    uint64_t limit; /* bytes of pre-decoded code that are kept */
    uint64_t bytes; /* relaxed atomic */
    uint64_t hits, misses; /* runs that found decoded code, and that did not */
};

struct nub_local;

/** The program of an image, as views of its bytes. */
void nub_image_program(struct nub_program *program, const struct nub_image *image);

/** The caller holds nub_local.lock for all of these. NULL: no memory. */
struct nub_image_user *nub_image_of(struct nub_local *local, struct nub_dir_entry *entry);
struct nub_code *nub_code_hold(struct nub_local *local, struct nub_image_user *image, uint32_t gas_model, uint32_t mem_cycles);
void nub_code_release(struct nub_local *local, struct nub_code *code);
void nub_image_free(struct nub_local *local, struct nub_image_user *image);
/** Forgets pre-decoded code that no run uses: all of it, or until the limit is kept. */
void nub_codes_evict(struct nub_local *local, bool all);

#endif
