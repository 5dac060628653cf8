/* programs.c - which programs exist, and how much pre-decoded code is kept
 *
 * A program belongs to the directory entry of its image. All of them stand in one list by last use;
 * when together they keep more than the limit, the ones that were not used for longest and are not
 * running lose what was pre-decoded of them. Everything here happens under nub_local.lock.
 */
#include "local-private.h"
#include "runner.h"
#include <string.h>

void
nub_image_program(struct nub_program *program, const struct nub_image *image)
{
    *program = (struct nub_program){ .code = image->code.data,
                                     .code_size = (uint32_t)image->code.size,
                                     .mask = image->bitmask.data,
                                     .jump_table = image->jump_table,
                                     .n_jump = image->n_jump,
                                     .jump_width = 4 };
}

struct nub_image_user *
nub_image_of(struct nub_local *local, struct nub_dir_entry *entry)
{
    if (!entry->user) {
        struct nub_image_user *image = nub_alloc(&local->alloc, sizeof *image);
        if (!image)
            return NULL;
        *image = (struct nub_image_user){ .kind = NUB_USER_IMAGE, .entry = entry };
        entry->user = image;
    }
    return entry->user;
}

/* ---- the list by last use -------------------------------------------------------------------- */

static void
unlink_code(struct nub_codes *codes, struct nub_code *code)
{
    if (code->newer)
        code->newer->older = code->older;
    else
        codes->newest = code->older;
    if (code->older)
        code->older->newer = code->newer;
    else
        codes->oldest = code->newer;
    code->newer = code->older = NULL;
}

static void
link_newest(struct nub_codes *codes, struct nub_code *code)
{
    code->older = codes->newest;
    code->newer = NULL;
    if (codes->newest)
        codes->newest->newer = code;
    else
        codes->oldest = code;
    codes->newest = code;
}

static void
forget_code(struct nub_local *local, struct nub_code *code)
{
    nub_blocks_clear(local, code);
    if (code->native)
        local->options.runner->forget(local, code);
}

void
nub_codes_evict(struct nub_local *local, bool all)
{
    struct nub_codes *codes = &local->codes;

    for (struct nub_code *code = codes->oldest; code; code = code->newer) {
        if (!all && __atomic_load_n(&codes->bytes, __ATOMIC_RELAXED) <= codes->limit)
            return;
        uint64_t bytes =
            code->blocks[NUB_ENGINE_CHECKED].bytes + code->blocks[NUB_ENGINE_GUARD].bytes;
        if (code->users == 0 && (bytes > 0 || code->native))
            forget_code(local, code);
    }
}

/* ---- programs -------------------------------------------------------------------------------- */

static struct nub_code *
code_new(struct nub_local *local, struct nub_image_user *image, uint32_t gas_model,
         uint32_t mem_cycles)
{
    struct nub_code *code = nub_alloc(&local->alloc, sizeof *code);

    if (!code)
        return NULL;
    memset(code, 0, sizeof *code);
    nub_image_program(&code->program, &image->entry->cap.u.image);
    code->gas_model = gas_model;
    code->mem_cycles = mem_cycles;
    nub_blocks_init(&code->blocks[NUB_ENGINE_CHECKED], &nub_engine_checked);
    nub_blocks_init(&code->blocks[NUB_ENGINE_GUARD], &nub_engine_guard);
    code->next = image->codes;
    image->codes = code;
    link_newest(&local->codes, code);
    return code;
}

/* Only runs decode, so that without users nobody writes what is looked at. */
static bool
is_decoded(const struct nub_code *code)
{
    return code->users || code->native || code->blocks[NUB_ENGINE_CHECKED].bytes ||
           code->blocks[NUB_ENGINE_GUARD].bytes;
}

struct nub_code *
nub_code_hold(struct nub_local *local, struct nub_image_user *image, uint32_t gas_model,
              uint32_t mem_cycles)
{
    struct nub_code *code = image->codes;

    while (code && (code->gas_model != gas_model || code->mem_cycles != mem_cycles))
        code = code->next;
    if (!code)
        code = code_new(local, image, gas_model, mem_cycles);
    if (!code)
        return NULL;
    *(is_decoded(code) ? &local->codes.hits : &local->codes.misses) += 1;
    code->users++;
    if (local->codes.newest != code) {
        unlink_code(&local->codes, code);
        link_newest(&local->codes, code);
    }
    return code;
}

void
nub_code_release(struct nub_local *local, struct nub_code *code)
{
    code->users--;
    if (__atomic_load_n(&local->codes.bytes, __ATOMIC_RELAXED) > local->codes.limit)
        nub_codes_evict(local, false);
}

void
nub_image_free(struct nub_local *local, struct nub_image_user *image)
{
    while (image->codes) {
        struct nub_code *code = image->codes;
        image->codes = code->next;
        unlink_code(&local->codes, code);
        forget_code(local, code);
        for (unsigned kind = 0; kind < NUB_N_ENGINES; kind++)
            pthread_mutex_destroy(&code->blocks[kind].lock);
        nub_free(&local->alloc, code, sizeof *code);
    }
    nub_free(&local->alloc, image, sizeof *image);
}
