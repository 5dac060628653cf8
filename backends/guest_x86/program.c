/* program.c - compiled programs, kept by image and gas setting
 *
 * Code is written through one view of guest memory and run through another, so nothing is ever
 * writable and executable at the same address. What is compiled stays until its image goes,
 * memory is short, or the host wants it forgotten. */
#include "guest.h"
#include "failure.h"
#include "bytes.h"

static struct guest_image *images; /* (lock) all that have code */

static void
program_of(struct nub_program *program, const struct nub_image *image)
{
    *program = (struct nub_program){ .code = image->code.data,
                                     .code_size = (uint32_t)image->code.size,
                                     .mask = image->bitmask.data,
                                     .jump_table = image->jump_table,
                                     .n_jump = image->n_jump,
                                     .jump_width = 4 };
}

static void
code_free(struct guest_code *code)
{
    if (code->bytes) {
        guest.stats.code_bytes -= code->jit.code_size;
        heap_pages_free(&guest.heap, code->bytes, code->n_pages);
    }
    nub_free(&guest.alloc, code->tables, code->tables_size);
    nub_free(&guest.alloc, code, sizeof *code);
}

static enum nub_status
compile(struct guest_code *code, const struct nub_image *image, struct nub_failure *failure)
{
    const struct nub_jit_params params = { .gas_model = code->model,
                                           .mem_cycles = code->mem_cycles,
                                           .addressing = NUB_JIT_LOW,
                                           .features = guest.jit_features };
    struct nub_jit_sizes sizes;
    struct nub_program program;
    enum nub_status status;
    uint64_t n_pages;
    void *work;

    program_of(&program, image);
    status = nub_jit_measure(&sizes, &program, &params, failure);
    if (status)
        return status;
    code->n_pages = (sizes.code + HEAP_PAGE - 1) / HEAP_PAGE;
    code->tables_size = sizes.tables;
    code->bytes = heap_pages(&guest.heap, code->n_pages);
    code->tables = nub_alloc(&guest.alloc, sizes.tables);
    work = nub_alloc(&guest.alloc, sizes.work);
    if (!code->bytes || !code->tables || !work)
        status = nub_fail(failure, NUB_ERR_NO_MEMORY,
                          "guest memory is full: compiling %u bytes of code can take %U",
                          program.code_size, sizes.code + sizes.tables + sizes.work);
    else
        status = nub_jit_compile(&code->jit, &program, &params, &sizes, code->bytes, code->tables,
                                 work, failure);
    nub_free(&guest.alloc, work, sizes.work);
    if (status)
        return status;
    n_pages = (code->jit.code_size + HEAP_PAGE - 1) / HEAP_PAGE;
    heap_pages_trim(&guest.heap, code->bytes, code->n_pages, n_pages);
    code->n_pages = n_pages;
    code->address = NUB_GUEST_EXEC + guest_physical(code->bytes);
    nub_jit_place(&code->jit, code->address);
    guest.stats.compiled++;
    guest.stats.code_bytes += code->jit.code_size;
    return NUB_OK;
}

static struct guest_image *
image_of(struct nub_dir_entry *entry)
{
    struct guest_image *image = entry->user;

    if (image)
        return image;
    image = nub_alloc(&guest.alloc, sizeof *image);
    if (!image)
        return NULL;
    *image = (struct guest_image){
        .kind = GUEST_USER_IMAGE, .entry = entry, .next = images, .link = &images
    };
    if (images)
        images->link = &image->next;
    images = image;
    entry->user = image;
    return image;
}

static enum nub_status
no_memory(struct nub_failure *failure)
{
    return nub_fail(failure, NUB_ERR_NO_MEMORY, "guest memory is full");
}

enum nub_status
guest_code_hold(struct guest_code **held, struct nub_dir_entry *entry, uint32_t model,
                uint32_t mem_cycles, struct nub_failure *failure)
{
    struct guest_image *image = image_of(entry);
    struct guest_code *code;
    enum nub_status status;

    if (!image)
        return no_memory(failure);
    for (code = image->codes; code; code = code->next) {
        if (code->model == model && code->mem_cycles == mem_cycles && !code->forgotten)
            break;
    }
    if (!code) {
        code = nub_alloc(&guest.alloc, sizeof *code);
        if (!code)
            return no_memory(failure);
        *code = (struct guest_code){ .model = model, .mem_cycles = mem_cycles };
        status = compile(code, &entry->cap.u.image, failure);
        if (status) {
            code->jit.code_size = 0;
            code_free(code);
            return status;
        }
        code->next = image->codes;
        image->codes = code;
    }
    code->users++;
    *held = code;
    return NUB_OK;
}

void
guest_code_release(struct guest_code *code)
{
    if (--code->users == 0 && code->forgotten)
        code_free(code);
}

/* Takes all code off an image; what is in use goes later. */
static void
forget(struct guest_image *image)
{
    struct guest_code *code;

    while ((code = image->codes)) {
        image->codes = code->next;
        code->forgotten = true;
        if (code->users == 0)
            code_free(code);
    }
}

void
guest_image_free(struct guest_image *image)
{
    forget(image);
    *image->link = image->next;
    if (image->next)
        image->next->link = image->link;
    nub_free(&guest.alloc, image, sizeof *image);
}

void
guest_code_evict(void)
{
    for (struct guest_image *image = images; image; image = image->next)
        forget(image);
}
