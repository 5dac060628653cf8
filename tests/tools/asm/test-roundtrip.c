/* test-roundtrip.c - the text of the disassembler assembles to the same bytes
 *
 * For programs of every sort, random bundles, and every capability of the recorded scenarios.
 */
#include "asm.h"
#include "bundle.h"
#include "cap.h"
#include "pvm-test.h"
#include <json-glib/json-glib.h>

/* ---- programs ------------------------------------------------------------------------------ */

static void
check_program(const guint8 *blob, gsize size)
{
    g_auto(NubAsmOutput) output = { 0 };
    g_autoptr(GError) error = NULL;
    g_autofree char *text = nub_disasm_program(blob, size, &error);

    g_assert_no_error(error);
    nub_asm_assemble("again", text, strlen(text), &output, &error);
    if (error)
        g_test_message("%s", text);
    g_assert_no_error(error);
    g_assert_cmpmem(g_bytes_get_data(output.program, NULL), g_bytes_get_size(output.program), blob,
                    size);
}

static void
check_as_blob(const struct nub_program *program, guint32 width)
{
    g_autoptr(GByteArray) blob = g_byte_array_new();

    g_byte_array_set_size(blob, (guint)nub_program_blob_size_as(program, width));
    nub_program_write_blob_as(program, width, blob->data);
    check_program(blob->data, blob->len);
}

static void
test_random_code(void)
{
    g_autoptr(GRand) rand = g_rand_new_with_seed(8);

    for (guint round = 0; round < 1500; round++) {
        g_auto(PvmTestProgram) test = { 0 };
        pvm_test_program_random_code(&test, rand, (guint32)g_rand_int_range(rand, 0, 400));
        check_as_blob(&test.program, 4);
    }
}

static void
test_random_bytes(void)
{
    g_autoptr(GRand) rand = g_rand_new_with_seed(9);

    for (guint round = 0; round < 1500; round++) {
        g_auto(PvmTestProgram) test = { 0 };
        guint32 size = (guint32)g_rand_int_range(rand, 0, 300);
        pvm_test_program_random_bytes(&test, rand, size, 1u << round % 9);
        check_as_blob(&test.program, 2 + round % 3);
    }
}

/* branches of every width to every distance: where the smallest layout is another one */
static void
test_random_branches(void)
{
    g_autoptr(GRand) rand = g_rand_new_with_seed(10);

    for (guint round = 0; round < 300; round++) {
        g_autoptr(GString) hex = g_string_new(NULL);
        guint n = (guint)g_rand_int_range(rand, 2, 150);
        guint width = round % 4 + 1;
        for (guint i = 0; i < n; i++) {
            gint32 offset = g_rand_int_range(rand, -(gint32)n, (gint32)n) * (gint32)(1 + width);
            g_string_append(hex, "28");
            for (guint byte = 0; byte < width; byte++)
                g_string_append_printf(hex, " %02X", (guint)(offset >> (8 * byte)) & 0xFF);
            g_string_append(hex, " / ");
        }
        g_auto(PvmTestProgram) test = { 0 };
        pvm_test_program_from_text(&test, hex->str);
        check_as_blob(&test.program, 1);
    }
}

/* two jumps over each other whose long offsets need each other; short ones would do as well */
static void
test_other_layout(void)
{
    g_autoptr(GString) hex = g_string_new("28 82 00 / ");
    g_auto(PvmTestProgram) test = { 0 };

    for (guint i = 0; i < 124; i++)
        g_string_append(hex, "01 / ");
    g_string_append(hex, "28 81 FF / 01 / 01");
    pvm_test_program_from_text(&test, hex->str);
    check_as_blob(&test.program, 1);
}

static void
test_vectors(void)
{
    const char *folder = NUB_SOURCE_DIR "/tests/vectors/programs";
    g_autoptr(GDir) dir = g_dir_open(folder, 0, NULL);
    const char *name;
    guint n = 0;

    while ((name = g_dir_read_name(dir))) {
        g_autofree char *path = g_build_filename(folder, name, NULL);
        g_autoptr(JsonParser) parser = json_parser_new();
        g_autoptr(GByteArray) blob = g_byte_array_new();
        if (!g_str_has_suffix(name, ".json"))
            continue;
        g_assert_true(json_parser_load_from_file(parser, path, NULL));
        JsonObject *object = json_node_get_object(json_parser_get_root(parser));
        JsonArray *bytes = json_object_get_array_member(object, "program");
        for (guint i = 0; i < json_array_get_length(bytes); i++) {
            guint8 byte = (guint8)json_array_get_int_element(bytes, i);
            g_byte_array_append(blob, &byte, 1);
        }
        check_program(blob->data, blob->len);
        n++;
    }
    g_assert_cmpuint(n, ==, 180);
}

/* ---- bundles ------------------------------------------------------------------------------- */

static void
check_bundle(const GPtrArray *wires)
{
    g_autofree struct nub_slice *slices = g_new0(struct nub_slice, wires->len);
    g_auto(NubAsmOutput) output = { 0 };
    g_autoptr(GError) error = NULL;

    for (guint i = 0; i < wires->len; i++) {
        const GByteArray *wire = g_ptr_array_index(wires, i);
        slices[i] = (struct nub_slice){ wire->data, wire->len };
    }
    gsize size = nub_bundle_size(slices, wires->len);
    g_autofree guint8 *file = g_malloc(size);
    nub_bundle_encode(file, slices, wires->len);

    g_autofree char *text = nub_disasm_any(file, size, &error);
    g_assert_no_error(error);
    nub_asm_assemble("again", text, strlen(text), &output, &error);
    if (error)
        g_test_message("%s", text);
    g_assert_no_error(error);
    g_assert_cmpmem(g_bytes_get_data(output.bundle, NULL), g_bytes_get_size(output.bundle), file,
                    size);
}

static void
add_wire(GPtrArray *wires, const GByteArray *wire)
{
    GByteArray *copy = g_byte_array_new();

    g_byte_array_append(copy, wire->data, wire->len);
    g_ptr_array_add(wires, copy);
}

static void
test_scenarios(void)
{
    const char *folder = NUB_SOURCE_DIR "/tests/vectors/caps";
    g_autoptr(GDir) dir = g_dir_open(folder, 0, NULL);
    const char *name;
    guint n = 0;

    while ((name = g_dir_read_name(dir))) {
        g_autofree char *path = g_build_filename(folder, name, NULL);
        g_autoptr(GPtrArray) wires =
            g_ptr_array_new_with_free_func((GDestroyNotify)g_byte_array_unref);
        g_autoptr(JsonParser) parser = json_parser_new();
        if (!g_str_has_suffix(name, ".json"))
            continue;
        g_test_message("%s", name);
        g_assert_true(json_parser_load_from_file(parser, path, NULL));
        JsonObject *object = json_node_get_object(json_parser_get_root(parser));
        JsonArray *caps = json_object_get_array_member(object, "caps");
        for (guint i = 0; i < json_array_get_length(caps); i++) {
            JsonObject *cap = json_array_get_object_element(caps, i);
            g_autoptr(GPtrArray) alone =
                g_ptr_array_new_with_free_func((GDestroyNotify)g_byte_array_unref);
            g_autoptr(GByteArray) wire = pvm_test_bytes(json_object_get_string_member(cap, "wire"));
            add_wire(wires, wire);
            add_wire(alone, wire);
            check_bundle(alone);
            n++;
        }
        if (wires->len > 0)
            check_bundle(wires);
    }
    g_assert_cmpuint(n, >, 500);
}

static struct nub_hash
random_hash(GRand *rand, const GPtrArray *wires)
{
    struct nub_hash hash;

    if (wires->len > 0 && g_rand_boolean(rand)) {
        const GByteArray *wire =
            g_ptr_array_index(wires, g_rand_int_range(rand, 0, (gint32)wires->len));
        struct nub_cap cap;
        g_assert_cmpint(nub_cap_decode(&cap, (struct nub_slice){ wire->data, wire->len }, NULL), ==,
                        NUB_OK);
        nub_cap_hash(&hash, &cap);
        return hash;
    }
    for (guint i = 0; i < sizeof hash.bytes; i++)
        hash.bytes[i] = (guint8)(1 + g_rand_int(rand) % 255);
    return hash;
}

static GByteArray *
sized(guint64 size)
{
    GByteArray *wire = g_byte_array_new();

    g_byte_array_set_size(wire, (guint)size);
    return wire;
}

static void
random_pages(GRand *rand, guint8 *bytes, gsize size)
{
    memset(bytes, 0, size);
    for (gint32 n = g_rand_int_range(rand, 0, 200); n > 0; n--)
        bytes[g_rand_int(rand) % size] = (guint8)g_rand_int(rand);
}

static GByteArray *
random_data(GRand *rand)
{
    static guint8 content[3 * NUB_PAGE_SIZE];
    gsize size = (gsize)g_rand_int_range(rand, 0, 4) * NUB_PAGE_SIZE;
    GByteArray *wire = sized(nub_data_wire_size(size));

    if (size > 0)
        random_pages(rand, content, size);
    nub_data_encode(wire->data, (struct nub_slice){ content, size });
    return wire;
}

static guint
random_slots(GRand *rand, const GPtrArray *wires, struct nub_slot_entry entries[8], guint32 step)
{
    guint n = (guint)g_rand_int_range(rand, 0, 8);
    guint32 slot = 0;

    for (guint i = 0; i < n; i++) {
        slot += (guint32)g_rand_int_range(rand, i == 0 ? 0 : 1, (gint32)step);
        entries[i] = (struct nub_slot_entry){ slot, random_hash(rand, wires) };
    }
    return n;
}

static GByteArray *
random_cnode(GRand *rand, const GPtrArray *wires)
{
    struct nub_slot_entry entries[8];
    guint n = random_slots(rand, wires, entries, 8000);
    GByteArray *wire = sized(nub_cnode_wire_size(n));

    nub_cnode_encode(wire->data, 16, entries, n);
    return wire;
}

static GByteArray *
random_image(GRand *rand, const GPtrArray *wires)
{
    g_auto(PvmTestProgram) test = { 0 };
    struct nub_slot_entry pinned[8], initial[8];
    struct nub_endpoint endpoints[4] = { { 0 } };
    struct nub_mapping mappings[6] = { { 0 } };
    guint32 table[20];
    guint64 at = 0;

    pvm_test_program_random_code(&test, rand, (guint32)g_rand_int_range(rand, 0, 200));
    for (guint i = 0; i < test.program.n_jump; i++)
        table[i] = nub_program_jump_entry(&test.program, i);
    guint n_endpoints = (guint)g_rand_int_range(rand, 0, 5);
    for (guint i = 0; i < n_endpoints; i++) {
        endpoints[i].entry_pc = g_rand_boolean(rand) ? 0 : g_rand_int(rand) % 200;
        endpoints[i].stack_top = g_rand_int(rand);
        endpoints[i].arg_cnode_slot = g_rand_int(rand) % 3;
        endpoints[i].arg_cnode_size = (guint8)g_rand_int(rand);
        endpoints[i].initial_regs[g_rand_int_range(rand, 0, 13)] = -(guint64)g_rand_int(rand);
    }
    guint n_mappings = (guint)g_rand_int_range(rand, 0, 7);
    for (guint i = 0; i < n_mappings; i++) {
        mappings[i].start = at + NUB_PAGE_SIZE * (guint64)g_rand_int_range(rand, 0, 9);
        mappings[i].size = NUB_PAGE_SIZE * (guint64)g_rand_int_range(rand, 1, 9);
        at = mappings[i].start + mappings[i].size;
        mappings[i].n_source = (guint32)g_rand_int_range(rand, 0, 9);
        for (guint k = 0; k < mappings[i].n_source; k++)
            mappings[i].source[k] = g_rand_int(rand);
    }
    const struct nub_image_spec spec = {
        .isa = g_rand_int_range(rand, 0, 8) == 0 ? g_rand_int(rand) : 0,
        .code = { test.code->data, test.code->len },
        .bitmask = { test.mask->data, test.mask->len },
        .jump_table = table,
        .n_jump = test.program.n_jump,
        .endpoints = endpoints,
        .n_endpoints = n_endpoints,
        .mappings = mappings,
        .n_mappings = n_mappings,
        .pinned = pinned,
        .n_pinned = random_slots(rand, wires, pinned, 500000000),
        .initial = initial,
        .n_initial = random_slots(rand, wires, initial, 3),
        .has_yield_marker = g_rand_boolean(rand),
        .yield_marker_slot = g_rand_int(rand) % 5,
    };
    struct nub_image_spec with_marker = spec;
    if (!spec.has_yield_marker)
        with_marker.yield_marker_slot = 0;
    GByteArray *wire = sized(nub_image_wire_size(&with_marker));
    nub_image_encode(wire->data, &with_marker);
    return wire;
}

static GByteArray *
random_instance(GRand *rand, const GPtrArray *wires)
{
    static guint8 pages[4][2 * NUB_PAGE_SIZE];
    struct nub_overlay overlays[4];
    struct nub_instance_spec spec = { .image = random_hash(rand, wires), .overlays = overlays };
    guint64 at = 0;

    if (g_rand_boolean(rand))
        spec.image_chain = random_hash(rand, wires);
    if (g_rand_boolean(rand))
        spec.root_cnode = random_hash(rand, wires);
    if (g_rand_int_range(rand, 0, 5) == 0)
        memset(&spec.image, 0, sizeof spec.image);
    spec.mem_size = NUB_PAGE_SIZE * (guint64)g_rand_int_range(rand, 0, 100);
    spec.n_overlays = (guint32)g_rand_int_range(rand, 0, 5);
    for (guint i = 0; i < spec.n_overlays; i++) {
        at += NUB_PAGE_SIZE * (guint64)g_rand_int_range(rand, 1, 9);
        gsize size = NUB_PAGE_SIZE * (gsize)g_rand_int_range(rand, 1, 3);
        random_pages(rand, pages[i], size);
        overlays[i] = (struct nub_overlay){ (guint32)at, { pages[i], size } };
        at += size;
    }
    spec.regs[g_rand_int_range(rand, 0, 13)] = g_rand_int(rand);
    if (g_rand_boolean(rand)) {
        spec.phase = 1;
        spec.pc = g_rand_int(rand);
        spec.gas_remaining = g_rand_boolean(rand) ? G_MAXINT64 : g_rand_int(rand);
    }
    GByteArray *wire = sized(nub_instance_wire_size(&spec));
    nub_instance_encode(wire->data, &spec);
    return wire;
}

static GByteArray *
random_cap(GRand *rand, const GPtrArray *wires)
{
    struct nub_hash hash = random_hash(rand, wires);
    GByteArray *wire;

    switch (g_rand_int_range(rand, 0, 5)) {
    case NUB_CAP_INSTANCE:
        return random_instance(rand, wires);
    case NUB_CAP_IMAGE:
        return random_image(rand, wires);
    case NUB_CAP_DATA:
        return random_data(rand);
    case NUB_CAP_CNODE:
        return random_cnode(rand, wires);
    default:
        wire = sized(NUB_TYPE_WIRE_SIZE);
        nub_type_encode(wire->data, &hash);
        return wire;
    }
}

/* in any order, with repetitions: a file that no directory would take still has its text */
static void
test_random_bundles(void)
{
    g_autoptr(GRand) rand = g_rand_new_with_seed(11);

    for (guint round = 0; round < 300; round++) {
        g_autoptr(GPtrArray) wires =
            g_ptr_array_new_with_free_func((GDestroyNotify)g_byte_array_unref);
        for (gint32 n = g_rand_int_range(rand, 1, 10); n > 0; n--) {
            g_ptr_array_add(wires, random_cap(rand, wires));
            if (g_rand_int_range(rand, 0, 8) == 0)
                add_wire(wires, g_ptr_array_index(wires, g_rand_int(rand) % wires->len));
        }
        if (round % 4 == 0) {
            gpointer first = wires->pdata[0];
            wires->pdata[0] = wires->pdata[wires->len - 1];
            wires->pdata[wires->len - 1] = first;
        }
        check_bundle(wires);
    }
}

static void
test_bytes_that_are_nothing(void)
{
    static const struct {
        char *(*disasm)(const guint8 *bytes, gsize size, GError **error);
        const char *hex, *message;
    } cases[] = {
        { nub_disasm_any, "80", "neither a bundle nor a capability nor a program blob" },
        { nub_disasm_any, "4E 55 42 43 41 50 53 31", NULL },
        { nub_disasm_program, "00 01", "program blob: the size of the code is missing" },
        { nub_disasm_cap, "05", NULL },
        { nub_disasm_bundle, "00", NULL },
    };

    for (guint i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autoptr(GByteArray) bytes = pvm_test_bytes(cases[i].hex);
        g_autoptr(GError) error = NULL;
        g_assert_null(cases[i].disasm(bytes->data, bytes->len, &error));
        g_assert_error(error, NUB_ASM_ERROR, NUB_ASM_ERROR_BYTES);
        if (cases[i].message)
            g_assert_cmpstr(error->message, ==, cases[i].message);
    }
}

static void
test_text(void)
{
    g_auto(PvmTestProgram) test = { 0 };
    g_autoptr(GByteArray) blob = g_byte_array_new();

    pvm_test_program_from_text(&test, "33 07 05 / 01 / 95 77 FF / 52 17 00 FD / FF 01 / 14 07 / "
                                      "28 80 / 00 01 02 03 04 05 06 07 08 09 0A 0B 0C 0D 0E 0F 10 "
                                      "11 12 13 14 15 16 17 18 19 1A");
    test.program.jump_table = (const guint8[]){ 4, 0, 0, 0, 9, 0, 0, 0 };
    test.program.n_jump = 2;
    g_byte_array_set_size(blob, (guint)nub_program_blob_size(&test.program));
    nub_program_write_blob(&test.program, blob->data);
    g_autofree char *text = nub_disasm_program(blob->data, blob->len, NULL);
    g_assert_cmpstr(
        text, ==,
        ".no_instance\n"
        ".image\n"
        "    .jump_table L4, 9\n"
        "    load_imm a0, 5\n"
        "    fallthrough\n"
        "L4:\n"
        "    add_imm_64 a0, a0, -1\n"
        "    branch_ne_imm a0, 0:1, L4\n"
        "    .insn 0xff, 0x01 ; unknown 255\n"
        "    .insn 0x14, 0x07 ; load_imm_64 a0, 0x504030201008028, reads bytes beyond its own\n"
        "    jump -113\n"
        "    .insn 0x00, 0x01, 0x02, 0x03, 0x04, 0x05, 0x06, 0x07, 0x08, 0x09, 0x0a, 0x0b, 0x0c, "
        "0x0d, 0x0e, 0x0f, 0x10, 0x11, 0x12, 0x13, 0x14, 0x15, 0x16, 0x17, 0x18 ; trap\n"
        "    .u8 0x19, 0x1a\n");
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/tools/disasm/text/shows-what-is-there", test_text);
    g_test_add_func("/tools/disasm/roundtrip/random-code", test_random_code);
    g_test_add_func("/tools/disasm/roundtrip/random-bytes", test_random_bytes);
    g_test_add_func("/tools/disasm/roundtrip/random-branches", test_random_branches);
    g_test_add_func("/tools/disasm/roundtrip/a-layout-that-is-not-the-smallest", test_other_layout);
    g_test_add_func("/tools/disasm/roundtrip/recorded-programs", test_vectors);
    g_test_add_func("/tools/disasm/roundtrip/recorded-capabilities", test_scenarios);
    g_test_add_func("/tools/disasm/roundtrip/random-bundles", test_random_bundles);
    g_test_add_func("/tools/disasm/refuses/bytes-that-are-nothing", test_bytes_that_are_nothing);
    return g_test_run();
}
