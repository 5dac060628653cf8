/* asm-disasm.c - bundles, capabilities and program blobs as text
 *
 * Every capability becomes a section; it is named by the hash of an earlier one where it can be,
 * so that the assembler keeps the order of the bundle. Only what has been decoded is printed:
 * bytes that are no capability are an error.
 */
#include "asm-private.h"

#include "bundle.h"
#include "bytes.h"

#include <string.h>

#define BYTES_PER_LINE 32u

/* the text of a bundle in the making */
struct writer {
    GString *text;
    GHashTable *names; /* struct nub_hash -> name, of capabilities already written */
    guint n_of_kind[NUB_CAP_TYPE + 1];
    gboolean has_image, has_instance;
};

static guint
hash_of_hash(gconstpointer key)
{
    return nub_le32(key);
}

static gboolean
hashes_equal(gconstpointer a, gconstpointer b)
{
    return nub_hash_equal(a, b);
}

static void
put_hash(struct writer *writer, const struct nub_hash *hash)
{
    const char *name = g_hash_table_lookup(writer->names, hash);

    if (name) {
        g_string_append(writer->text, name);
        return;
    }
    g_string_append(writer->text, "0x");
    for (guint i = 0; i < sizeof hash->bytes; i++)
        g_string_append_printf(writer->text, "%02x", hash->bytes[i]);
}

/* ---- data ---------------------------------------------------------------------------------- */

static gsize
leading_zeros(const guint8 *bytes, gsize size)
{
    gsize n = 0;

    while (n < size && bytes[n] == 0)
        n++;
    return n;
}

static void
put_row(GString *text, const guint8 *bytes, gsize size)
{
    g_string_append(text, "    .hex \"");
    for (gsize i = 0; i < size; i++)
        g_string_append_printf(text, "%02x", bytes[i]);
    g_string_append(text, "\" ; ");
    for (gsize i = 0; i < size; i++)
        g_string_append_c(text, g_ascii_isprint((char)bytes[i]) ? (char)bytes[i] : '.');
    g_string_append_c(text, '\n');
}

/* whole pages; the zeros that end the last page are the assembler's to add */
static void
put_bytes(struct writer *writer, struct nub_slice bytes)
{
    gsize at = 0;

    while (at < bytes.size) {
        gsize zeros = leading_zeros(bytes.data + at, bytes.size - at);
        if (zeros >= BYTES_PER_LINE || at + zeros == bytes.size) {
            gsize left = bytes.size - at - zeros;
            /* at the end only what is beyond the page being filled */
            gsize filled = (at + NUB_PAGE_SIZE - 1) / NUB_PAGE_SIZE * NUB_PAGE_SIZE - at;
            if (left > 0 || zeros > filled)
                g_string_append_printf(writer->text, "    .zero %" G_GSIZE_FORMAT "\n", zeros);
            at += zeros;
            continue;
        }
        gsize row = MIN(BYTES_PER_LINE, bytes.size - at), end = row;
        while (bytes.data[at + end - 1] == 0)
            end--;
        gsize gap = leading_zeros(bytes.data + at + end, bytes.size - at - end);
        if (gap >= BYTES_PER_LINE || at + end + gap == bytes.size)
            row = end;
        put_row(writer->text, bytes.data + at, row);
        at += row;
    }
}

/* ---- images -------------------------------------------------------------------------------- */

static void
put_slots(struct writer *writer, const char *directive, const struct nub_slots *slots)
{
    for (guint32 i = 0; i < slots->n; i++) {
        struct nub_hash hash;
        guint32 slot = nub_slots_at(slots, i, &hash);
        g_string_append_printf(writer->text, "    %s %u, ", directive, slot);
        put_hash(writer, &hash);
        g_string_append_c(writer->text, '\n');
    }
}

static void
put_mapping(GString *text, const struct nub_mapping *mapping)
{
    g_string_append_printf(text, "    .map 0x%" G_GINT64_MODIFIER "x, 0x%" G_GINT64_MODIFIER "x",
                           mapping->start, mapping->size);
    for (guint32 i = 0; i < mapping->n_source; i++)
        g_string_append_printf(text, "%s%u", i == 0 ? ", path " : "/", mapping->source[i]);
    g_string_append_c(text, '\n');
}

static void
put_registers(GString *text, const guint64 regs[NUB_N_REGS], const char *before)
{
    for (guint i = 0; i < NUB_N_REGS; i++)
        if (regs[i] != 0) {
            g_string_append_printf(text, "%s%s=0x%" G_GINT64_MODIFIER "x", before, nub_reg_names[i],
                                   regs[i]);
            before = ", ";
        }
}

static void
put_endpoint(GString *text, gpointer ctx, guint i, const char *target)
{
    struct nub_endpoint endpoint;

    nub_image_endpoint(ctx, i, &endpoint);
    g_string_append_printf(text, "    .endpoint %s", target);
    put_registers(text, endpoint.initial_regs, ", ");
    if (endpoint.stack_top != 0)
        g_string_append_printf(text, ", stack_top=0x%" G_GINT64_MODIFIER "x", endpoint.stack_top);
    if (endpoint.arg_cnode_slot != 0)
        g_string_append_printf(text, ", arg_cnode_slot=%u", endpoint.arg_cnode_slot);
    if (endpoint.arg_cnode_size != 0)
        g_string_append_printf(text, ", arg_cnode_size=%u", endpoint.arg_cnode_size);
    g_string_append_c(text, '\n');
}

static void
put_image(struct writer *writer, const struct nub_image *image)
{
    const struct nub_program program = { .code = image->code.data,
                                         .code_size = (guint32)image->code.size,
                                         .mask = image->bitmask.data,
                                         .jump_table = image->jump_table,
                                         .n_jump = image->n_jump,
                                         .jump_width = 4 };
    g_autofree guint64 *entries = g_new0(guint64, image->n_endpoints + 1);

    if (image->isa != NUB_ISA_BYTE_PVM)
        g_string_append_printf(writer->text, "    .isa %u\n", image->isa);
    if (image->has_yield_marker)
        g_string_append_printf(writer->text, "    .yield_marker %u\n", image->yield_marker_slot);
    put_slots(writer, ".pinned", &image->pinned);
    put_slots(writer, ".initial", &image->initial);
    for (guint32 i = 0; i < image->n_mappings; i++) {
        struct nub_mapping mapping;
        nub_image_mapping(image, i, &mapping);
        put_mapping(writer->text, &mapping);
    }
    for (guint32 i = 0; i < image->n_endpoints; i++) {
        struct nub_endpoint endpoint;
        nub_image_endpoint(image, i, &endpoint);
        entries[i] = endpoint.entry_pc;
    }
    asm_list_program(writer->text, &program, entries, image->n_endpoints, put_endpoint,
                     (gpointer)image);
}

/* ---- the other kinds ----------------------------------------------------------------------- */

static void
put_instance(struct writer *writer, const struct nub_instance *instance)
{
    if (!nub_hash_is_zero(instance->image_chain)) {
        g_string_append(writer->text, "    .image_chain ");
        put_hash(writer, instance->image_chain);
        g_string_append_c(writer->text, '\n');
    }
    if (!nub_hash_is_zero(instance->root_cnode)) {
        g_string_append(writer->text, "    .root_cnode ");
        put_hash(writer, instance->root_cnode);
        g_string_append_c(writer->text, '\n');
    }
    if (instance->mem_size != 0)
        g_string_append_printf(writer->text, "    .mem_size 0x%" G_GINT64_MODIFIER "x\n",
                               instance->mem_size);
    gsize length = writer->text->len;
    put_registers(writer->text, instance->regs, "    .regs ");
    if (writer->text->len > length)
        g_string_append_c(writer->text, '\n');
    if (instance->phase == 1)
        g_string_append_printf(writer->text,
                               "    .paused pc=%" G_GUINT64_FORMAT ", gas=%" G_GUINT64_FORMAT "\n",
                               instance->pc, instance->gas_remaining);
    for (guint32 i = 0; i < instance->n_overlays; i++) {
        struct nub_overlay overlay;
        nub_instance_overlay(instance, i, &overlay);
        g_string_append_printf(writer->text, "    .overlay 0x%x\n", overlay.start);
        put_bytes(writer, overlay.bytes);
    }
}

static void
put_cap(struct writer *writer, const struct nub_cap *cap)
{
    g_autofree char *kind = g_ascii_strdown(nub_cap_kind_name(cap->kind), -1);
    char *name = g_strdup_printf("%s%u", kind, writer->n_of_kind[cap->kind]++);
    struct nub_hash *hash = g_new0(struct nub_hash, 1);

    g_string_append_printf(writer->text, "%s.%s %s", writer->text->len > 0 ? "\n" : "", kind, name);
    switch (cap->kind) {
    case NUB_CAP_INSTANCE:
        g_string_append(writer->text, ", ");
        put_hash(writer, cap->u.instance.image);
        g_string_append_c(writer->text, '\n');
        put_instance(writer, &cap->u.instance);
        break;
    case NUB_CAP_IMAGE:
        g_string_append_c(writer->text, '\n');
        put_image(writer, &cap->u.image);
        break;
    case NUB_CAP_DATA:
        g_string_append_c(writer->text, '\n');
        put_bytes(writer, cap->u.data);
        break;
    case NUB_CAP_CNODE:
        g_string_append_printf(writer->text, ", %u\n", cap->u.cnode.size_log);
        put_slots(writer, ".slot", &cap->u.cnode.entries);
        break;
    case NUB_CAP_TYPE:
        g_string_append(writer->text, ", ");
        put_hash(writer, cap->u.type);
        g_string_append_c(writer->text, '\n');
        break;
    }
    nub_cap_hash(hash, cap);
    g_hash_table_replace(writer->names, hash, name);
}

/* ---- the public face ----------------------------------------------------------------------- */

static gboolean
fail_bytes(GError **error, const char *what, const struct nub_failure *failure)
{
    g_set_error(error, NUB_ASM_ERROR, NUB_ASM_ERROR_BYTES, "%s%s", what, failure->message);
    return FALSE;
}

static gboolean
decode_all(const struct nub_slice *wires, guint n, struct nub_cap *caps, GError **error)
{
    for (guint i = 0; i < n; i++) {
        struct nub_failure failure = { .struct_size = sizeof failure };
        g_autofree char *what = g_strdup_printf("capability %u: ", i);
        if (nub_cap_decode(&caps[i], wires[i], &failure))
            return fail_bytes(error, n == 1 ? "" : what, &failure);
    }
    return TRUE;
}

static char *
list_caps(const struct nub_slice *wires, guint n, GError **error)
{
    g_autofree struct nub_cap *caps = g_new0(struct nub_cap, n);
    struct writer writer = { .text = NULL };

    if (!decode_all(wires, n, caps, error))
        return NULL;
    writer.text = g_string_new(NULL);
    writer.names = g_hash_table_new_full(hash_of_hash, hashes_equal, g_free, g_free);
    for (guint i = 0; i < n; i++) {
        writer.has_image |= caps[i].kind == NUB_CAP_IMAGE;
        writer.has_instance |= caps[i].kind == NUB_CAP_INSTANCE;
    }
    if (writer.has_image && !writer.has_instance)
        g_string_append(writer.text, ".no_instance\n");
    for (guint i = 0; i < n; i++)
        put_cap(&writer, &caps[i]);
    g_hash_table_unref(writer.names);
    return g_string_free(writer.text, FALSE);
}

char *
nub_disasm_bundle(const guint8 *file, gsize size, GError **error)
{
    struct nub_failure failure = { .struct_size = sizeof failure };
    struct nub_bundle bundle;

    if (nub_bundle_decode(&bundle, (struct nub_slice){ file, size }, &failure)) {
        fail_bytes(error, "", &failure);
        return NULL;
    }
    g_autofree struct nub_slice *wires = g_new0(struct nub_slice, bundle.n_caps);
    for (guint32 i = 0; i < bundle.n_caps; i++)
        wires[i] = nub_bundle_cap(&bundle, i);
    return list_caps(wires, bundle.n_caps, error);
}

char *
nub_disasm_cap(const guint8 *wire, gsize size, GError **error)
{
    const struct nub_slice slice = { wire, size };

    return list_caps(&slice, 1, error);
}

char *
nub_disasm_program(const guint8 *blob, gsize size, GError **error)
{
    struct nub_failure failure = { .struct_size = sizeof failure };
    struct nub_program program;

    if (nub_program_parse_blob(&program, (struct nub_slice){ blob, size }, &failure)) {
        fail_bytes(error, "", &failure);
        return NULL;
    }
    GString *text = g_string_new(".no_instance\n.image\n");
    if (nub_program_blob_size(&program) != size || (program.n_jump == 0 && program.jump_width != 1))
        g_string_append_printf(text, "    .entry_size %u\n", program.jump_width);
    asm_list_program(text, &program, NULL, 0, NULL, NULL);
    return g_string_free(text, FALSE);
}

char *
nub_disasm_any(const guint8 *bytes, gsize size, GError **error)
{
    static const char magic[] = { 'N', 'U', 'B', 'C', 'A', 'P', 'S', '1' };
    char *text = NULL;

    if (size >= sizeof magic && memcmp(bytes, magic, sizeof magic) == 0)
        return nub_disasm_bundle(bytes, size, error);
    text = nub_disasm_cap(bytes, size, NULL);
    if (!text)
        text = nub_disasm_program(bytes, size, NULL);
    if (!text)
        g_set_error(error, NUB_ASM_ERROR, NUB_ASM_ERROR_BYTES,
                    "neither a bundle nor a capability nor a program blob");
    return text;
}
