/* boot.c - what a guest finds in its memory before its first instruction
 *
 * Descriptor tables, fault stubs and the page tables of the kernel half are data that the host
 * writes here and nobody changes afterwards: changes of live tables from outside would go
 * unseen (docs/guest.md). The stubs are all the code that ever runs at CPL0. */
#include "guest-abi-check.h"
#include "vm.h"
#include <string.h>
#include <sys/random.h>

/* Bits of a page-table entry. Accessed and dirty are preset: setting them later costs an exit. */
#define PRESENT    0x1ull
#define WRITABLE   0x2ull
#define USER       0x4ull
#define ACCESSED   0x20ull
#define DIRTY      0x40ull
#define LARGE      0x80ull
#define NO_EXECUTE (1ull << 63)

#define TABLE       (PRESENT | WRITABLE | USER | ACCESSED)
#define KERNEL_DATA (PRESENT | WRITABLE | ACCESSED | DIRTY | NO_EXECUTE)
#define KERNEL_CODE (PRESENT | ACCESSED)
#define USER_DATA   (KERNEL_DATA | USER)
#define USER_READ   (PRESENT | USER | ACCESSED | NO_EXECUTE)
#define USER_CODE   (PRESENT | USER | ACCESSED)

#define LARGE_PAGE 0x200000ull
#define ADDRESS    0x000ffffffffff000ull

#define CS_KERNEL 0x08
#define CS_USER   0x2b
#define SS_USER   0x23
#define TSS       0x30

struct tables {
    uint8_t *memory;
    uint64_t next; /* guest-physical address of the next free table */
    uint64_t root;
};

static void
put64(uint8_t *at, uint64_t value)
{
    memcpy(at, &value, sizeof value);
}

static uint64_t
get64(const uint8_t *at)
{
    uint64_t value;
    memcpy(&value, at, sizeof value);
    return value;
}

/* Maps one page, of 4 KiB (level 1) or 2 MiB (level 2). The table area has room for the largest VM.
 */
static void
map(struct tables *tables, uint64_t virtual, uint64_t physical, uint64_t flags, unsigned level)
{
    uint64_t table = tables->root;
    uint8_t *entry;

    for (unsigned l = 4;; l--) {
        entry = tables->memory + table + (virtual >> (12 + 9 * (l - 1)) & 511) * 8;
        if (l == level)
            break;
        if (!(get64(entry) & PRESENT)) {
            put64(entry, tables->next | TABLE);
            tables->next += 0x1000;
        }
        table = get64(entry) & ADDRESS;
    }
    put64(entry, physical | flags | (level == 2 ? LARGE : 0));
}

static void
map_lane(struct tables *tables, uint32_t lane)
{
    uint64_t base = NUB_GUEST_LANES + (uint64_t)lane * NUB_GUEST_LANE_SIZE;

    for (uint64_t at = 0; at < NUB_GUEST_LANE_SIZE; at += 0x1000) {
        uint64_t flags = USER_DATA, physical = base + at;
        if (at < NUB_LANE_MAILBOX)
            flags = KERNEL_DATA;
        if (at == NUB_LANE_STUBS)
            flags = KERNEL_CODE;
        if (at == NUB_LANE_STACK0_VIEW) {
            flags = USER_READ;
            physical = base + NUB_LANE_STACK0;
        }
        map(tables, NUB_GUEST_BASE + base + at, physical, flags, 1);
    }
}

static void
write_tables(struct nub_vm *vm, const struct nub_vm_spec *spec, struct nub_guest_boot *boot)
{
    struct tables tables = { vm->memory, NUB_GUEST_TABLES + 0x1000, NUB_GUEST_TABLES };

    map(&tables, NUB_GUEST_BASE + NUB_GUEST_BOOT, NUB_GUEST_BOOT, USER_READ, 1);
    map(&tables, NUB_GUEST_BASE + NUB_GUEST_TEXT, NUB_GUEST_TEXT, USER_CODE, 2);
    map(&tables, NUB_GUEST_BASE + NUB_GUEST_DATA, NUB_GUEST_DATA, USER_DATA, 2);
    for (uint32_t lane = 0; lane < spec->n_lanes; lane++)
        map_lane(&tables, lane);
    for (uint64_t at = NUB_GUEST_PT_POOL; at < NUB_GUEST_HEAP; at += 0x1000)
        map(&tables, NUB_GUEST_BASE + at, at, USER_DATA, 1);
    for (uint64_t at = NUB_GUEST_HEAP; at < vm->memory_size; at += LARGE_PAGE) {
        map(&tables, NUB_GUEST_BASE + at, at, USER_DATA, 2);
        map(&tables, NUB_GUEST_EXEC + at, at, USER_CODE, 2);
    }
    boot->root = tables.root;
    boot->kernel_entry = get64(vm->memory + tables.root + 8);
}

/* int3 is the guest's one gate into CPL0: it loads cr3 from rax. All others go to the guest's
 * fault entry, a page fault with its address in rax, which no program needs at that point. */
static void
write_stub(uint8_t *stub, unsigned vector, uint64_t frame)
{
    static const uint8_t load_cr3[] = { 0x0f, 0x22, 0xd8 };
    static const uint8_t read_cr2[] = { 0x0f, 0x20, 0xd0 };
    static const uint8_t load_rsp[] = { 0x48, 0xbc };
    static const uint8_t iretq[] = { 0x48, 0xcf };

    if (vector == 3) {
        memcpy(stub, load_cr3, sizeof load_cr3);
        memcpy(stub + 3, iretq, sizeof iretq);
        return;
    }
    if (vector == 14) {
        memcpy(stub, read_cr2, sizeof read_cr2);
        stub += sizeof read_cr2;
    }
    memcpy(stub, load_rsp, sizeof load_rsp);
    put64(stub + 2, frame);
    memcpy(stub + 10, iretq, sizeof iretq);
}

static void
write_gate(uint8_t *gate, uint64_t target, unsigned dpl)
{
    put64(gate, (target & 0xffff) | (uint64_t)CS_KERNEL << 16 | (uint64_t)(0x8e | dpl << 5) << 40 |
                    (target >> 16 & 0xffff) << 48);
    put64(gate + 8, target >> 32);
}

static void
write_lane(struct nub_vm *vm, const struct nub_vm_spec *spec, uint32_t lane)
{
    uint8_t *block = nub_vm_lane(vm, lane);
    uint64_t base = NUB_GUEST_BASE + NUB_GUEST_LANES + (uint64_t)lane * NUB_GUEST_LANE_SIZE;
    uint64_t tss = base + NUB_LANE_GDT + 0x100;
    uint8_t *gdt = block + NUB_LANE_GDT;

    put64(gdt + 0x08, 0x00af9b000000ffffull); /* CPL0 code */
    put64(gdt + 0x10, 0x00cf93000000ffffull); /* CPL0 data */
    put64(gdt + 0x20, 0x00cff3000000ffffull); /* CPL3 data */
    put64(gdt + 0x28, 0x00affb000000ffffull); /* CPL3 code */
    put64(gdt + TSS, 0x0000890000000067ull | (tss & 0xffffff) << 16 | (tss >> 24 & 0xff) << 56);
    put64(gdt + TSS + 8, tss >> 32);
    put64(gdt + 0x100 + 4, base + NUB_LANE_STACK0 + 0x1000); /* rsp0 */

    for (unsigned vector = 0; vector < NUB_GUEST_VECTORS; vector++) {
        uint64_t stub = NUB_LANE_STUBS + 32 * vector, frame = NUB_LANE_FRAMES + 40 * vector;

        write_stub(block + stub, vector, base + frame);
        write_gate(block + NUB_LANE_IDT + 16 * vector, base + stub, vector == 3 ? 3 : 0);
        put64(block + frame, spec->image->faults + 16 * vector);
        put64(block + frame + 8, CS_USER);
        put64(block + frame + 16, 0x3002);
        put64(block + frame + 24, base + NUB_LANE_STACK);
        put64(block + frame + 32, SS_USER);
    }
}

void
nub_boot_write(struct nub_vm *vm, const struct nub_vm_spec *spec)
{
    struct nub_guest_boot boot = { .abi_version = NUB_GUEST_ABI_VERSION,
                                   .n_lanes = spec->n_lanes,
                                   .memory_size = vm->memory_size,
                                   .gas_model = spec->gas_model,
                                   .mem_cycles = spec->mem_cycles };

    write_tables(vm, spec, &boot);
    for (uint32_t lane = 0; lane < spec->n_lanes; lane++)
        write_lane(vm, spec, lane);
    for (uint32_t i = 0; i < spec->image->n_segments; i++) {
        const struct nub_image_segment *segment = &spec->image->segments[i];
        if (segment->content.size > 0)
            memcpy(vm->memory + segment->physical, segment->content.data, segment->content.size);
    }
    if (getrandom(boot.seed, sizeof boot.seed, GRND_NONBLOCK) != sizeof boot.seed)
        boot.seed[0] = __builtin_ia32_rdtsc();
    memcpy(vm->memory + NUB_GUEST_BOOT, &boot, sizeof boot);
}
