/* inspect.c - `nub inspect`: what is in a capability or a bundle, for people
 *
 * Reads the decoded views of core/model, since it shows every field; code is shown by its size
 * only (`nub disasm` shows it). Never changes or runs anything.
 */
#include "capfile.h"
#include "cli.h"

#include "bytes.h"
#include "cap.h"
#include "isa.h"

#include <stdio.h>

/* Lists in the text are cut after so many entries unless --all is given. */
#define MAX_LINES 16u

static gboolean all;

static struct nub_cap
view_of(NubCap *cap)
{
    struct nub_slice wire;
    struct nub_cap view;
    gsize size;

    wire.data = g_bytes_get_data(nub_cap_get_wire(cap), &size);
    wire.size = size;
    /* A NubCap is valid. */
    nub_cap_decode(&view, wire, NULL);
    return view;
}

static guint32
n_shown(guint32 n)
{
    return all ? n : MIN(n, MAX_LINES);
}

static void
print_rest(guint32 n, const char *what)
{
    if (n_shown(n) < n)
        printf("      ... %u more %s (--all shows them)\n", n - n_shown(n), what);
}

static void
print_hash_line(const char *name, const struct nub_hash *hash)
{
    g_autofree char *hex = nub_hash_to_string(hash);

    printf("      %s %s\n", name, nub_hash_is_zero(hash) ? "none" : hex);
}

static void
print_slots(const char *name, const struct nub_slots *slots)
{
    for (guint32 i = 0; i < n_shown(slots->n); i++) {
        struct nub_hash hash;
        guint32 slot = nub_slots_at(slots, i, &hash);
        g_autofree char *hex = nub_hash_to_string(&hash);
        printf("      %s %u: %s\n", name, slot, hex);
    }
    print_rest(slots->n, "slots");
}

static void
print_regs(const guint64 regs[NUB_N_REGS])
{
    bool any = false;

    for (guint i = 0; i < NUB_N_REGS; i++)
        if (regs[i]) {
            printf("%s%s=0x%" G_GINT64_MODIFIER "x", any ? ", " : "", nub_reg_names[i], regs[i]);
            any = true;
        }
    if (!any)
        fputs("all zero", stdout);
}

/* ---- Image --------------------------------------------------------------------------------- */

/* read-only, read-write, or zeroed: what caps.md 2.2 makes of a mapping's source. */
static const char *
mapping_access(const struct nub_image *image, const struct nub_mapping *mapping)
{
    struct nub_hash hash;

    if (mapping->n_source == 0)
        return "zeroed";
    if (nub_slots_find(&image->pinned, mapping->source[0], &hash))
        return "read-only";
    return nub_slots_find(&image->initial, mapping->source[0], &hash) ? "read-write" : "zeroed";
}

static void
print_mapping(const struct nub_image *image, guint32 i)
{
    struct nub_mapping mapping;

    nub_image_mapping(image, i, &mapping);
    printf("      mapping 0x%08" G_GINT64_MODIFIER "x..0x%08" G_GINT64_MODIFIER "x %s",
           mapping.start, mapping.start + mapping.size, mapping_access(image, &mapping));
    for (guint32 j = 0; j < mapping.n_source; j++)
        printf("%s%u", j ? "/" : " from slot ", mapping.source[j]);
    putchar('\n');
}

static void
print_image(const struct nub_image *image)
{
    printf(", isa %u, %" G_GUINT64_FORMAT " bytes of code, %u jump-table entries\n", image->isa,
           image->code.size, image->n_jump);
    for (guint32 i = 0; i < image->n_endpoints; i++) {
        struct nub_endpoint endpoint;
        nub_image_endpoint(image, i, &endpoint);
        printf("      endpoint %u: pc %" G_GUINT64_FORMAT ", registers ", i, endpoint.entry_pc);
        print_regs(endpoint.initial_regs);
        putchar('\n');
    }
    for (guint32 i = 0; i < n_shown(image->n_mappings); i++)
        print_mapping(image, i);
    print_rest(image->n_mappings, "mappings");
    print_slots("pinned", &image->pinned);
    print_slots("initial", &image->initial);
}

/* ---- Instance ------------------------------------------------------------------------------ */

static void
print_instance(const struct nub_instance *instance)
{
    printf(", %s\n", instance->phase ? "paused" : "idle");
    print_hash_line("image", instance->image);
    if (!nub_hash_is_zero(instance->root_cnode))
        print_hash_line("root_cnode", instance->root_cnode);
    if (!nub_hash_is_zero(instance->image_chain))
        print_hash_line("image_chain", instance->image_chain);
    if (instance->mem_size)
        printf("      mem_size 0x%" G_GINT64_MODIFIER "x\n", instance->mem_size);
    fputs("      registers ", stdout);
    print_regs(instance->regs);
    putchar('\n');
    if (instance->phase)
        printf("      pc %" G_GUINT64_FORMAT ", gas left %" G_GUINT64_FORMAT "\n", instance->pc,
               instance->gas_remaining);
    for (guint32 i = 0; i < n_shown(instance->n_overlays); i++) {
        struct nub_overlay overlay;
        nub_instance_overlay(instance, i, &overlay);
        printf("      overlay 0x%08x..0x%08" G_GINT64_MODIFIER "x\n", overlay.start,
               overlay.start + overlay.bytes.size);
    }
    print_rest(instance->n_overlays, "overlays");
}

static void
print_cap(const struct nub_cap *cap, const char *hex)
{
    printf("%-8s %s, %" G_GUINT64_FORMAT " bytes", nub_cap_kind_name(cap->kind), hex,
           cap->wire.size);
    switch (cap->kind) {
    case NUB_CAP_INSTANCE:
        print_instance(&cap->u.instance);
        break;
    case NUB_CAP_IMAGE:
        print_image(&cap->u.image);
        break;
    case NUB_CAP_DATA:
        printf(", %" G_GUINT64_FORMAT " %s\n", cap->u.data.size / NUB_PAGE_SIZE,
               cap->u.data.size == NUB_PAGE_SIZE ? "page" : "pages");
        break;
    case NUB_CAP_CNODE:
        printf(", %u of %u slots\n", cap->u.cnode.entries.n, 1u << cap->u.cnode.size_log);
        print_slots("slot", &cap->u.cnode.entries);
        break;
    case NUB_CAP_TYPE:
        putchar('\n');
        print_hash_line("image_chain", cap->u.type);
        break;
    }
}

static void
print_text(const char *file, const NubCapFile *capfile)
{
    if (capfile->is_bundle)
        printf("%s: bundle, %u %s, %" G_GSIZE_FORMAT " bytes; the last is the root\n", file,
               capfile->caps->len, capfile->caps->len == 1 ? "capability" : "capabilities",
               capfile->size);
    for (guint i = 0; i < capfile->caps->len; i++) {
        struct nub_cap view = view_of(capfile->caps->pdata[i]);
        struct nub_hash hash;
        nub_cap_get_hash(capfile->caps->pdata[i], &hash);
        g_autofree char *hex = nub_hash_to_string(&hash);
        if (capfile->is_bundle)
            printf("%3u  ", i);
        print_cap(&view, hex);
    }
}

/* ---- JSON ---------------------------------------------------------------------------------- */

static void
begin_array(JsonBuilder *builder, const char *name)
{
    json_builder_set_member_name(builder, name);
    json_builder_begin_array(builder);
}

static void
add_regs(JsonBuilder *builder, const char *name, const guint64 regs[NUB_N_REGS])
{
    begin_array(builder, name);
    for (guint i = 0; i < NUB_N_REGS; i++) {
        char text[24];
        g_snprintf(text, sizeof text, "%" G_GUINT64_FORMAT, regs[i]);
        json_builder_add_string_value(builder, text);
    }
    json_builder_end_array(builder);
}

static void
add_slots(JsonBuilder *builder, const char *name, const struct nub_slots *slots)
{
    begin_array(builder, name);
    for (guint32 i = 0; i < slots->n; i++) {
        struct nub_hash hash;
        guint32 slot = nub_slots_at(slots, i, &hash);
        json_builder_begin_object(builder);
        nub_cli_json_u32(builder, "slot", slot);
        nub_cli_json_hash(builder, "cap", &hash);
        json_builder_end_object(builder);
    }
    json_builder_end_array(builder);
}

static void
add_endpoints(JsonBuilder *builder, const struct nub_image *image)
{
    begin_array(builder, "endpoints");
    for (guint32 i = 0; i < image->n_endpoints; i++) {
        struct nub_endpoint endpoint;
        nub_image_endpoint(image, i, &endpoint);
        json_builder_begin_object(builder);
        nub_cli_json_u64(builder, "entry_pc", endpoint.entry_pc);
        nub_cli_json_u64(builder, "stack_top", endpoint.stack_top);
        nub_cli_json_u32(builder, "arg_cnode_slot", endpoint.arg_cnode_slot);
        nub_cli_json_u32(builder, "arg_cnode_size", endpoint.arg_cnode_size);
        add_regs(builder, "initial_regs", endpoint.initial_regs);
        json_builder_end_object(builder);
    }
    json_builder_end_array(builder);
}

static void
add_mappings(JsonBuilder *builder, const struct nub_image *image)
{
    begin_array(builder, "mappings");
    for (guint32 i = 0; i < image->n_mappings; i++) {
        struct nub_mapping mapping;
        nub_image_mapping(image, i, &mapping);
        json_builder_begin_object(builder);
        nub_cli_json_u64(builder, "start", mapping.start);
        nub_cli_json_u64(builder, "size", mapping.size);
        begin_array(builder, "source");
        for (guint32 j = 0; j < mapping.n_source; j++)
            json_builder_add_int_value(builder, mapping.source[j]);
        json_builder_end_array(builder);
        json_builder_end_object(builder);
    }
    json_builder_end_array(builder);
}

static void
add_image(JsonBuilder *builder, const struct nub_image *image)
{
    nub_cli_json_u32(builder, "isa", image->isa);
    nub_cli_json_u64(builder, "code_size", image->code.size);
    nub_cli_json_u32(builder, "n_jump_table", image->n_jump);
    add_endpoints(builder, image);
    add_mappings(builder, image);
    add_slots(builder, "pinned", &image->pinned);
    add_slots(builder, "initial", &image->initial);
    json_builder_set_member_name(builder, "yield_marker_slot");
    if (image->has_yield_marker)
        json_builder_add_int_value(builder, image->yield_marker_slot);
    else
        json_builder_add_null_value(builder);
}

static void
add_instance(JsonBuilder *builder, const struct nub_instance *instance)
{
    nub_cli_json_hash(builder, "image_chain", instance->image_chain);
    nub_cli_json_hash(builder, "image", instance->image);
    nub_cli_json_hash(builder, "root_cnode", instance->root_cnode);
    nub_cli_json_u64(builder, "mem_size", instance->mem_size);
    add_regs(builder, "regs", instance->regs);
    nub_cli_json_u64(builder, "pc", instance->pc);
    nub_cli_json_u64(builder, "gas_remaining", instance->gas_remaining);
    nub_cli_json_string(builder, "phase", instance->phase ? "paused" : "idle");
    begin_array(builder, "overlays");
    for (guint32 i = 0; i < instance->n_overlays; i++) {
        struct nub_overlay overlay;
        nub_instance_overlay(instance, i, &overlay);
        json_builder_begin_object(builder);
        nub_cli_json_u32(builder, "start", overlay.start);
        nub_cli_json_u64(builder, "size", overlay.bytes.size);
        json_builder_end_object(builder);
    }
    json_builder_end_array(builder);
}

static void
add_cap(JsonBuilder *builder, NubCap *cap)
{
    struct nub_cap view = view_of(cap);
    struct nub_hash hash;

    nub_cap_get_hash(cap, &hash);
    json_builder_begin_object(builder);
    nub_cli_json_string(builder, "kind", nub_cap_kind_name(view.kind));
    nub_cli_json_hash(builder, "hash", &hash);
    nub_cli_json_u64(builder, "size", view.wire.size);
    if (view.kind == NUB_CAP_INSTANCE) {
        add_instance(builder, &view.u.instance);
    } else if (view.kind == NUB_CAP_IMAGE) {
        add_image(builder, &view.u.image);
    } else if (view.kind == NUB_CAP_DATA) {
        nub_cli_json_u64(builder, "content_size", view.u.data.size);
    } else if (view.kind == NUB_CAP_CNODE) {
        nub_cli_json_u32(builder, "size_log", view.u.cnode.size_log);
        add_slots(builder, "entries", &view.u.cnode.entries);
    } else {
        nub_cli_json_hash(builder, "image_chain", view.u.type);
    }
    json_builder_end_object(builder);
}

static void
print_json(const char *file, const NubCapFile *capfile)
{
    g_autoptr(JsonBuilder) builder = json_builder_new();

    json_builder_begin_object(builder);
    nub_cli_json_string(builder, "file", file);
    nub_cli_json_string(builder, "type", capfile->is_bundle ? "bundle" : "capability");
    nub_cli_json_u64(builder, "size", capfile->size);
    begin_array(builder, "caps");
    for (guint i = 0; i < capfile->caps->len; i++)
        add_cap(builder, capfile->caps->pdata[i]);
    json_builder_end_array(builder);
    json_builder_end_object(builder);
    nub_cli_json_print(builder);
}

static int
run(char **args)
{
    g_autoptr(NubCapFile) capfile = nub_cap_file_load(args[0]);

    if (!capfile)
        return NUB_CLI_HOST;
    (nub_cli_values.json ? print_json : print_text)(args[0], capfile);
    return NUB_CLI_OK;
}

static const GOptionEntry options[] = { { "all", 'a', 0, G_OPTION_ARG_NONE, &all,
                                          "Do not cut long lists (JSON never does)", NULL },
                                        { NULL } };

const struct nub_cli_command nub_command_inspect = {
    .name = "inspect",
    .arguments = "FILE",
    .summary = "Show what is in a capability or a bundle",
    .description = "Everything but the bytes: 'nub disasm' shows code.",
    .shared = NUB_CLI_JSON,
    .options = options,
    .min_args = 1,
    .max_args = 1,
    .run = run,
};
