/* link-private.h - what the parts of the linker tell each other
 *
 * In the order of work: link-elf.c reads the file; link-flow.c finds what code can run and cuts it
 * into blocks; link-lower.c makes byte-PVM of each block; link-code.c turns blocks into bytes;
 * link-layout.c builds memory and capabilities. link.c runs them and owns struct link.
 */
#ifndef NUB_TOOLS_LINK_PRIVATE_H
#define NUB_TOOLS_LINK_PRIVATE_H

#include "link.h"
#include "link-rv.h"
#include "program.h"

/* ---- the ELF file: link-elf.c ---------------------------------------------------------------- */

/** Section flags that matter here. */
enum { LINK_WRITE = 1, LINK_ALLOC = 2, LINK_EXEC = 4, LINK_TLS = 0x400 };
enum { LINK_NO_SECTION = 0xffff };

struct link_section {
    const char *name;
    uint32_t type;
    uint64_t flags, addr, size;
    const uint8_t *bytes; /* `size` of them; NULL: zeroes (NOBITS) */
    uint32_t link, info;
    uint64_t entry_size;
};

struct link_symbol {
    const char *name;
    uint64_t value, size;
    uint8_t bind, type, visibility;
    uint32_t section; /* LINK_NO_SECTION: absolute, undefined or common */
    bool undefined;
};

/** A relocation of an allocated section; `target` is symbol plus addend. */
struct link_reloc {
    uint64_t address;
    uint32_t type;
    uint32_t symbol;
    uint64_t target;
};

struct link_elf {
    GArray *sections; /* struct link_section */
    GArray *symbols;  /* struct link_symbol */
    GArray *relocs;   /* struct link_reloc, sorted by address; only those with an effect */
    bool has_relocs;  /* a relocation section is there at all */
};

/** ELF constants, in the specification's names. */
enum { STT_NOTYPE = 0, STT_OBJECT = 1, STT_FUNC = 2, STB_GLOBAL = 1, STB_WEAK = 2, STV_DEFAULT = 0 };
enum {
    R_RISCV_NONE = 0, R_RISCV_32 = 1, R_RISCV_64 = 2, R_RISCV_BRANCH = 16, R_RISCV_JAL = 17, R_RISCV_CALL = 18, R_RISCV_CALL_PLT = 19,
    R_RISCV_PCREL_HI20 = 23, R_RISCV_PCREL_LO12_I = 24, R_RISCV_PCREL_LO12_S = 25,
    R_RISCV_HI20 = 26, R_RISCV_LO12_I = 27, R_RISCV_LO12_S = 28,
    R_RISCV_ADD8 = 33, R_RISCV_ADD16 = 34, R_RISCV_ADD32 = 35, R_RISCV_ADD64 = 36, R_RISCV_SUB8 = 37, R_RISCV_SUB16 = 38, R_RISCV_SUB32 = 39, R_RISCV_SUB64 = 40,
    R_RISCV_ALIGN = 43, R_RISCV_RVC_BRANCH = 44, R_RISCV_RVC_JUMP = 45, R_RISCV_RVC_LUI = 46, R_RISCV_RELAX = 51,
    R_RISCV_SUB6 = 52, R_RISCV_SET6 = 53, R_RISCV_SET8 = 54, R_RISCV_SET16 = 55, R_RISCV_SET32 = 56, R_RISCV_32_PCREL = 57,
    R_RISCV_SET_ULEB128 = 60, R_RISCV_SUB_ULEB128 = 61
};

/* ---- code: link-flow.c ----------------------------------------------------------------------- */

#define LINK_NONE UINT32_MAX

/** What is known of each 2-byte slot of executable sections. */
enum {
    LINK_HALF_INSN = 1,   /* a reachable instruction starts here */
    LINK_HALF_BODY = 2,   /* inside one */
    LINK_HALF_LEADER = 4, /* a block starts here */
    LINK_HALF_TAKEN = 8,  /* has a jump-table entry: its address is known to the program */
    LINK_HALF_ENTRY = 16  /* an endpoint starts here */
};

struct link_half {
    uint8_t flags;
    uint32_t insn;  /* index into insns, or LINK_NONE */
    uint32_t reloc; /* index into relocs: the one with an effect on the instruction, or LINK_NONE */
    uint32_t jump;  /* jump-table entry of a TAKEN one */
};

struct link_text {
    const struct link_section *section;
    struct link_half *halves; /* size / 2 */
    bool cold;                /* .text.unlikely and its kin */
};

/** How an address constant enters an instruction: with code addresses replaced by jump-table ones. */
enum link_part { LINK_PART_NUMBER, LINK_PART_CODE_HI, LINK_PART_CODE_LO };

struct link_insn {
    uint64_t address;
    struct rv_insn rv;
    uint8_t part;       /* enum link_part */
    uint64_t code;      /* the code address of CODE_HI and CODE_LO */
    uint64_t target;    /* of branches and jal */
    bool returns;       /* a call with a place to come back to */
};

/** Registers that hold a constant, and which. */
struct link_constants {
    uint16_t known; /* bits of machine registers */
    uint64_t k[NUB_N_REGS];
};

struct link_block {
    uint32_t first, n; /* instructions */
    uint32_t taken;    /* block of a branch's or jump's target, or LINK_NONE */
    uint32_t next;     /* block that follows in sequence, or LINK_NONE */
    uint16_t live_in, live_out; /* bits of machine registers */
    uint16_t needed, written;   /* by what the end of the block goes to and nobody sees: callers, callees */
    bool labelled;     /* something jumps here */
    bool cold;         /* leads to a trap whatever happens */
    bool seen;         /* by link-constants.c */
    struct link_constants constants; /* on entry */
    uint32_t ir, n_ir; /* what it became: range of struct link_op */
    uint32_t pc;       /* where its code starts */
};

/* ---- the lowered form ------------------------------------------------------------------------ */

/** One byte-PVM instruction before layout. `block` is the target where the class has one. */
struct link_op {
    uint8_t opcode;
    uint8_t a, b, d;
    uint64_t x, y;
    uint32_t block;
    uint32_t insn; /* index of the RISC-V instruction that it comes from */
    uint32_t pc;   /* in the final code */
};

/** A run of pages of memory. */
struct link_region {
    uint64_t start, end; /* page multiples */
    bool writable;
    GByteArray *content; /* from start; may be shorter than the region */
};

struct link {
    const NubLinkOptions *options;
    GPtrArray *messages;
    guint n_errors;
    struct link_elf elf;
    GArray *regions; /* struct link_region, sorted */
    GArray *functions; /* uint32_t: symbols that are functions, by address */
    GArray *texts;   /* struct link_text, sorted by address */
    GArray *insns;   /* struct link_insn, by address */
    GArray *blocks;  /* struct link_block, by address */
    GArray *ops;     /* struct link_op */
    GArray *jumps;   /* uint64_t: RISC-V address of each jump-table entry */
    GArray *entries; /* uint32_t: symbol of each endpoint */
    GArray *entry_addresses; /* uint64_t: where it is entered */
    GByteArray *code, *mask;
    struct link_lines *lines; /* made when first asked for */
    uint64_t stack_top;
};

/* ---- link.c ---------------------------------------------------------------------------------- */

/** Adds a problem that has no place in the code. */
void link_error(struct link *link, const char *format, ...) G_GNUC_PRINTF(2, 3);
/** Adds a problem with what is at `address`: function, source line and address come first. */
void link_error_at(struct link *link, uint64_t address, const char *format, ...) G_GNUC_PRINTF(3, 4);

/* ---- link-elf.c ------------------------------------------------------------------------------ */

/** Checks the whole file once. Errors go to `link`; false when there is one. */
bool link_elf_read(struct link *link, const uint8_t *file, size_t size);
void link_elf_clear(struct link_elf *elf);
/** The defined symbol with this name, or NULL. */
const struct link_symbol *link_elf_symbol(const struct link_elf *elf, const char *name);
/** The bytes of a section by name (debugging sections too), or an empty slice. */
struct nub_slice link_elf_bytes(const struct link_elf *elf, const char *name);

/* ---- link-flow.c, link-entries.c, link-blocks.c -------------------------------------------------- */

/** Finds texts, functions, endpoints and every instruction that can run. */
bool link_flow_trace(struct link *link);
/** Chooses the endpoints: entries and entry_addresses. */
bool link_flow_entries(struct link *link);
/** Cuts instructions into blocks; liveness; cold blocks; the jump table. */
bool link_flow_blocks(struct link *link);
/** The half-slot of an address in executable sections, or NULL. */
struct link_half *link_flow_half(const struct link *link, uint64_t address);
/** The function symbol that `address` is in, or NULL. */
const struct link_symbol *link_flow_function(const struct link *link, uint64_t address);
/** What a program sees as the address of this TAKEN instruction. */
uint64_t link_flow_code_address(const struct link *link, uint64_t address);
/** Machine register (0..12) of x1, x2, x5..x15. */
uint8_t link_reg(uint8_t x);

/* ---- link-select.c ----------------------------------------------------------------------------- */

/** Joins czero.eqz, czero.nez and or into RV_SELECT where nothing else needs the parts. */
void link_select_join(struct link *link, struct link_block *block);

/* ---- link-memory.c ----------------------------------------------------------------------------- */

/** Gathers the allocated sections into regions; errors for overlaps, TLS, the null zone. */
bool link_memory_gather(struct link *link);
/** Heap and stack behind them; code addresses in data become jump-table addresses. */
bool link_memory_finish(struct link *link);
/** Reads `size` (1..8) bytes that can never change; false if they can. */
bool link_memory_constant(const struct link *link, uint32_t address, unsigned size, uint64_t *value);

/* ---- link-constants.c -------------------------------------------------------------------------- */

/** Fills in the constants of every block. */
void link_constants_find(struct link *link);

/* ---- link-lower.c, link-ops.c, link-code.c, link-layout.c --------------------------------------- */

bool link_lower(struct link *link);
/** Machine registers that an operation reads, and the one it writes (or -1). */
uint16_t link_op_reads(const struct link_op *op);
int link_op_writes(const struct link_op *op);
/** Drops what is computed in vain, joins constants with jumps, threads jumps. */
void link_ops_improve(struct link *link);
/** Code, mask and the pc of each block and operation. */
bool link_code_emit(struct link *link);
/** Capabilities and the bundle. */
bool link_layout(struct link *link, NubLinkOutput *output);

/* ---- link-debug.c ------------------------------------------------------------------------------ */

/** The side file: endpoints, functions and lines of the finished code. */
GBytes *link_debug_write(struct link *link, const NubLinkOutput *output);

/* ---- link-dwarf.c ------------------------------------------------------------------------------ */

struct link_line {
    uint64_t address;
    uint32_t file; /* index into files */
    uint32_t line; /* 0: the end of a sequence */
};

struct link_lines {
    GPtrArray *files; /* names */
    GArray *rows;     /* struct link_line, sorted by address */
};

/** The line table of .debug_line, versions 2 to 5; what is damaged is left out. Never NULL. */
struct link_lines *link_lines_read(const struct link_elf *elf);
void link_lines_free(struct link_lines *lines);
/** The row that covers `address`, or NULL. */
const struct link_line *link_lines_find(const struct link_lines *lines, uint64_t address);

#endif
