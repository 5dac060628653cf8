/* asm-private.h - what the files of the assembler and the disassembler share
 *
 *   text --asm-lex.c--> tokens --asm-sections.c, asm-fields.c, asm-data.c--> capabilities
 *                              '-asm-insn.c--> struct asm_code
 *   capabilities --asm-link.c, asm-layout.c--> images with code --asm-emit.c--> bundle
 *   bundle --asm-disasm.c, asm-disasm-code.c--> text, by way of struct asm_code
 */
#ifndef NUB_TOOLS_ASM_PRIVATE_H
#define NUB_TOOLS_ASM_PRIVATE_H

#include "asm.h"
#include "cap.h"
#include "program.h"

/** Where in the text; columns count bytes from 1. */
struct asm_place {
    guint line, column;
};

/* ---- code: what asm-layout.c turns into bytes ----------------------------------------------- */

enum asm_item_kind {
    ASM_INSN,     /* an instruction by its mnemonic */
    ASM_RAW_INSN, /* .insn: bytes of which the first starts an instruction */
    ASM_RAW_BYTES /* .u8: bytes that start nothing */
};

#define ASM_NO_LABEL G_MAXUINT32

struct asm_item {
    guint8 kind;
    guint8 x_size, y_size; /* immediates take at least this many bytes */
    bool y_is_fixed;       /* `:n` was written; else layout may raise y_size of an offset */
    guint32 line, column;
    guint32 at, size;      /* layout's result */
    guint32 label;         /* the target, an index into labels; ASM_NO_LABEL: it is insn.target */
    guint32 bytes;         /* raw kinds: where in asm_code.bytes; `size` says how many */
    struct nub_insn insn;
};

struct asm_label {
    const char *name;
    guint32 item; /* it stands before this item; may be the number of items */
    bool is_defined;
    struct asm_place defined;
    struct asm_place used; /* the first place that needs a block start; line 0: none */
};

struct asm_code {
    GArray *items;  /* struct asm_item */
    GArray *labels; /* struct asm_label */
    GByteArray *bytes;
    guint32 size; /* layout's result, in bytes */
};

void asm_code_init(struct asm_code *code);
void asm_code_clear(struct asm_code *code);
/** Gives every item its place and every offset the fewest bytes that work; widths only grow. */
void asm_layout(struct asm_code *code);
/** Where a label stands, after layout. */
guint32 asm_label_at(const struct asm_code *code, guint32 label);
/**
 * Bytes and mask, after layout. On failure returns FALSE with `bad` the item whose offset is no
 * 32-bit value.
 */
gboolean asm_encode(const struct asm_code *code, GByteArray *bytes, GByteArray *mask, guint32 *bad);

static inline struct asm_item *
asm_item(const struct asm_code *code, guint32 i)
{
    return &g_array_index(code->items, struct asm_item, i);
}

static inline struct asm_label *
asm_label(const struct asm_code *code, guint32 i)
{
    return &g_array_index(code->labels, struct asm_label, i);
}

/* ---- tokens --------------------------------------------------------------------------------- */

enum asm_token_kind { ASM_END, ASM_NAME, ASM_NUMBER, ASM_HASH, ASM_STRING, ASM_PUNCT };

struct asm_token {
    enum asm_token_kind kind;
    guint column;
    const char *text; /* NAME: interned; STRING: the bytes, `length` of them */
    gsize length;
    guint64 number; /* NUMBER; PUNCT: the character */
    struct nub_hash hash;
};

/* ---- what a text says ----------------------------------------------------------------------- */

/** A number, plus the value of a symbol that is known only at the end. */
struct asm_value {
    guint64 number;
    const char *symbol;   /* NULL: none */
    bool is_code_address; /* @symbol: the jump table address of a label */
    struct asm_place place;
};

/** A capability by name or hash. */
struct asm_cap_ref {
    const char *name; /* NULL: `hash` */
    struct nub_hash hash;
    struct asm_place place;
};

/** Bytes with symbols in them. */
struct asm_blob {
    GByteArray *bytes;
    GArray *fixups; /* struct asm_fixup */
};

struct asm_fixup {
    guint32 at;      /* blob: offset; code: item */
    guint8 size;     /* blob: 1, 2, 4, 8 */
    char operand;    /* code: 'X' or 'Y' */
    bool is_address; /* code: any 32-bit number will do, it counts mod 2^32 */
    struct asm_value value;
};

/** A jump target where no instruction is: table entries and endpoints. */
struct asm_target {
    guint32 label; /* ASM_NO_LABEL: `number` */
    guint64 number;
    struct asm_place place;
};

struct asm_slot {
    guint32 slot;
    struct asm_cap_ref cap;
};

struct asm_endpoint {
    struct asm_target entry;
    struct nub_endpoint fields;
};

enum asm_source { ASM_SOURCE_PATH, ASM_SOURCE_PINNED, ASM_SOURCE_INITIAL };

struct asm_mapping {
    struct nub_mapping mapping;
    enum asm_source source;
    bool has_size;          /* else that of the Data */
    struct asm_cap_ref cap; /* ASM_SOURCE_PINNED, ASM_SOURCE_INITIAL */
    struct asm_place place;
};

#define ASM_SMALLEST_ENTRY G_MAXUINT32

struct asm_image {
    struct asm_code code;
    GHashTable *label_index; /* name -> index + 1 */
    GArray *fixups;          /* struct asm_fixup, of items */
    GArray *jump_table;      /* struct asm_target */
    GArray *address_uses;    /* guint32 labels of @label, in order of use */
    GHashTable *address_of;  /* label + 1 -> entry + 1, made by the linker */
    GArray *endpoints, *mappings;
    GArray *pinned, *initial; /* struct asm_slot */
    guint32 isa;
    guint32 blob_entry_size; /* of the program blob; or ASM_SMALLEST_ENTRY */
    bool has_yield_marker;
    guint32 yield_marker;
    GByteArray *code_bytes, *mask_bytes, *table_bytes; /* made by the linker */
};

struct asm_overlay {
    guint32 start;
    struct asm_blob blob;
    struct asm_place place;
};

struct asm_instance {
    struct asm_cap_ref image, root_cnode, image_chain;
    GArray *overlays;
    struct nub_instance_spec fields;
};

/** One capability of the bundle. */
struct asm_cap {
    enum nub_cap_kind kind;
    const char *name;
    struct asm_place place;
    struct asm_cap *image_cap; /* whose labels its data may name; NULL: the first image */
    union {
        struct asm_image image;
        struct asm_instance instance;
        struct asm_blob data;
        struct {
            guint8 size_log;
            GArray *slots;
        } cnode;
        struct asm_cap_ref type;
    } u;
    /* the linker's */
    guint8 state; /* 0 new, 1 being encoded, 2 encoded */
    GByteArray *wire;
    struct nub_hash hash;
};

/** A place in a Data: what a label in it names. */
struct asm_data_label {
    const struct asm_cap *data;
    guint32 offset;
    struct asm_place place;
};

/** The assembler at work. */
struct asm_state {
    const char *name;
    GError **error;
    GStringChunk *names;

    /* the line being read */
    guint line;
    GArray *tokens; /* struct asm_token */
    guint next;
    const char *directive;

    /* what was read so far */
    GPtrArray *caps;         /* struct asm_cap, in order of the text */
    GHashTable *cap_names;   /* name -> struct asm_cap */
    GHashTable *constants;   /* name -> guint64 */
    GHashTable *data_labels; /* name -> struct asm_data_label */
    struct asm_cap *image;   /* the last one begun */
    struct asm_cap *section; /* where statements go; NULL: an image begins with the first */
    struct asm_blob *blob;   /* where data directives go; NULL: nowhere */
    bool no_instance;
    guint64 n_zeros; /* that .zero and .align asked for */

    /* the output in the making */
    struct asm_cap *first_image;
    GPtrArray *order; /* capabilities as the bundle has them */
};

/* ---- asm-lex.c ------------------------------------------------------------------------------ */

/** The tokens of one line, an ASM_END last. */
gboolean asm_lex_line(struct asm_state *state, const char *line, gsize size);
/** Sets the error "NAME:LINE:COLUMN: ..."; FALSE. */
gboolean asm_fail(struct asm_state *state, struct asm_place place, const char *format, ...) G_GNUC_PRINTF(3, 4);
/** The same at the next token. */
gboolean asm_fail_here(struct asm_state *state, const char *format, ...) G_GNUC_PRINTF(2, 3);
/** " (did you mean 'x'?)" or "": the nearest of `n` words; `next(ctx, i)` gives them, NULL to leave one out. Free it. */
char *asm_suggest(const char *word, guint n, const char *(*next)(gconstpointer ctx, guint i), gconstpointer ctx);
char *asm_suggest_key(const char *word, GHashTable *table);

/* ---- asm-operand.c: reading tokens ---------------------------------------------------------- */

const struct asm_token *asm_peek(const struct asm_state *state);
const struct asm_token *asm_next(struct asm_state *state);
struct asm_place asm_here(const struct asm_state *state);
/** Takes the character if it is next. */
gboolean asm_accept(struct asm_state *state, char punct);
/** Takes the word if it is next. */
gboolean asm_accept_name(struct asm_state *state, const char *name);
gboolean asm_expect(struct asm_state *state, char punct);
gboolean asm_expect_end(struct asm_state *state);
gboolean asm_read_name(struct asm_state *state, const char *what, const char **name);
/** A sum of numbers, constants and at most one symbol. */
gboolean asm_read_value(struct asm_state *state, struct asm_value *value);
/** One that is known here and at most `max`. */
gboolean asm_read_number(struct asm_state *state, const char *what, guint64 max, guint64 *number);
gboolean asm_read_register(struct asm_state *state, guint8 *reg);
/** The register with this name, or -1. */
gint asm_register(const char *name);
gboolean asm_read_cap(struct asm_state *state, struct asm_cap_ref *ref);
gboolean asm_read_target(struct asm_state *state, struct asm_image *image, struct asm_target *target);

/* ---- asm-insn.c ----------------------------------------------------------------------------- */

gboolean asm_read_insn(struct asm_state *state, struct asm_image *image, const char *mnemonic, struct asm_place place);
/** The label with this name, made when it is new. */
guint32 asm_find_label(struct asm_image *image, const char *name);
/** Notes that @label is used: it needs a jump table entry and a block start. */
void asm_use_address(struct asm_image *image, const struct asm_value *value);
/** Whether `value` is allowed for an operand; the sign-extended form goes to `*extended`. */
gboolean asm_extend(guint64 value, gboolean is_address, guint64 *extended);

/* ---- asm-data.c: directives that put bytes into state->blob ---------------------------------- */

void asm_blob_init(struct asm_blob *blob);
gboolean asm_read_integers(struct asm_state *state);
gboolean asm_read_text(struct asm_state *state);
gboolean asm_read_hex(struct asm_state *state);
gboolean asm_read_zeros(struct asm_state *state);
gboolean asm_read_align(struct asm_state *state);

/* ---- asm-fields.c: directives that fill in state->section ------------------------------------ */

gboolean asm_read_endpoint(struct asm_state *state);
gboolean asm_read_map(struct asm_state *state);
gboolean asm_read_pinned(struct asm_state *state);
gboolean asm_read_initial(struct asm_state *state);
gboolean asm_read_jump_table(struct asm_state *state);
gboolean asm_read_entry_size(struct asm_state *state);
gboolean asm_read_isa(struct asm_state *state);
gboolean asm_read_yield_marker(struct asm_state *state);
gboolean asm_read_raw(struct asm_state *state);
gboolean asm_read_cnode_slot(struct asm_state *state);
gboolean asm_read_mem_size(struct asm_state *state);
gboolean asm_read_regs(struct asm_state *state);
gboolean asm_read_paused(struct asm_state *state);
gboolean asm_read_image_chain(struct asm_state *state);
gboolean asm_read_root_cnode(struct asm_state *state);
gboolean asm_begin_overlay(struct asm_state *state);

/* ---- asm-sections.c: capabilities and their directives --------------------------------------- */

struct asm_cap *asm_begin_cap(struct asm_state *state, enum nub_cap_kind kind, const char *name, struct asm_place place);
void asm_cap_free(gpointer cap);
/** The image that code goes to; begun when there is none. */
struct asm_image *asm_current_image(struct asm_state *state);
/** Reads the directive `name`, whose place is given, up to the end of its line. */
gboolean asm_read_directive(struct asm_state *state, const char *name, struct asm_place place);

/* ---- asm.c ---------------------------------------------------------------------------------- */

/** Refuses a name that stands for something else already. */
gboolean asm_check_new_name(struct asm_state *state, const char *name, struct asm_place place);

/* ---- asm-link.c: what a text left open ------------------------------------------------------- */

/** The capability that is named; NULL when there is none, or when the reference is a hash. */
struct asm_cap *asm_find_cap(const struct asm_state *state, const struct asm_cap_ref *ref);
gboolean asm_fail_unknown_cap(struct asm_state *state, const struct asm_cap_ref *ref);
/** The value of a number with a symbol; `image` is NULL when the text has none. */
gboolean asm_evaluate(struct asm_state *state, const struct asm_image *image, const struct asm_value *value, guint64 *number);
/** The code index of a target, after layout. */
guint64 asm_resolve_target(const struct asm_image *image, const struct asm_target *target);
/** Slots, symbols, layout: afterwards the image has its code, mask and jump table. */
gboolean asm_link_image(struct asm_state *state, struct asm_image *image);

/* ---- asm-emit.c ----------------------------------------------------------------------------- */

/** Links the images, adds an instance where one is missing, and makes the output. */
gboolean asm_emit(struct asm_state *state, NubAsmOutput *output);

/* ---- asm-disasm-code.c ---------------------------------------------------------------------- */

/** Writes the statement of entry `i`, whose target is given as text. */
typedef void (*asm_put_entry_fn)(GString *text, gpointer ctx, guint i, const char *target);

/**
 * A program as text: first `put_entry` for each of `entries` (code indices from elsewhere: endpoints),
 * then the jump table, then the code.
 */
void asm_list_program(GString *text, const struct nub_program *program, const guint64 *entries, guint n_entries, asm_put_entry_fn put_entry, gpointer ctx);

#endif
