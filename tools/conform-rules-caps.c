/* conform-rules-caps.c - rules of docs/plugin-abi.md about capabilities
 *
 * Who owns the bytes that cross the boundary, how long they stay, and what is not read.
 */
#include "conform-abi.h"

#include "cap.h"

#include <errno.h>
#include <string.h>
#include <sys/mman.h>

static int32_t
put_bytes(struct nub_abi_fixture *fixture, const guint8 *bytes, gsize size, struct nub_hash *hash)
{
    struct nub_slice wire = { bytes, size };

    return fixture->module.ops.put_cap(fixture->backend, wire, hash, NULL);
}

/* A Type: the smallest capability there is. */
static void
type_wire(guint8 wire[NUB_TYPE_WIRE_SIZE], guint8 fill)
{
    struct nub_hash image_chain;

    memset(&image_chain, fill, sizeof image_chain);
    nub_type_encode(wire, &image_chain);
}

static enum nub_verdict
put_twice_same_hash(struct nub_abi_fixture *fixture)
{
    guint8 wire[NUB_TYPE_WIRE_SIZE];
    struct nub_hash first, second;

    type_wire(wire, 1);
    enum nub_verdict verdict = nub_abi_check_status(
        fixture, "put_cap", put_bytes(fixture, wire, sizeof wire, &first), NUB_OK);
    if (verdict == NUB_PASSED)
        verdict = nub_abi_check_status(fixture, "put_cap again",
                                       put_bytes(fixture, wire, sizeof wire, &second), NUB_OK);
    if (verdict == NUB_PASSED && nub_hash_compare(&first, &second) != 0)
        return nub_abi_fail(fixture, "two puts of the same bytes give two hashes");
    return verdict;
}

static enum nub_verdict
hash_is_the_root(struct nub_abi_fixture *fixture)
{
    g_autoptr(GBytes) image = nub_abi_image(NUB_ABI_ADD);
    g_autoptr(NubCap) cap = nub_cap_new_from_wire(image, NULL);
    struct nub_hash hash, expected;
    gsize size;
    const guint8 *data = g_bytes_get_data(image, &size);

    nub_cap_get_hash(cap, &expected);
    enum nub_verdict verdict =
        nub_abi_check_status(fixture, "put_cap", put_bytes(fixture, data, size, &hash), NUB_OK);
    if (verdict == NUB_PASSED && nub_hash_compare(&hash, &expected) != 0)
        return nub_abi_fail(fixture, "the hash is not the SSZ hash tree root");
    return verdict;
}

/* The caller's bytes change as soon as put_cap has returned. */
static enum nub_verdict
put_borrows(struct nub_abi_fixture *fixture)
{
    g_autoptr(GBytes) image = nub_abi_image(NUB_ABI_ADD);
    gsize size;
    const guint8 *data = g_bytes_get_data(image, &size);
    g_autofree guint8 *mine = g_memdup2(data, size);
    struct nub_hash hash;
    struct nub_result result = { 0 };

    enum nub_verdict verdict =
        nub_abi_check_status(fixture, "put_cap", put_bytes(fixture, mine, size, &hash), NUB_OK);
    memset(mine, 0xff, size);
    if (verdict != NUB_PASSED)
        return verdict;
    g_autoptr(NubCap) instance = nub_cap_new_instance(&hash);
    data = g_bytes_get_data(nub_cap_get_wire(instance), &size);
    verdict = nub_abi_check_status(fixture, "put_cap of the instance",
                                   put_bytes(fixture, data, size, &hash), NUB_OK);
    if (verdict != NUB_PASSED)
        return verdict;
    struct nub_invoke_args args = nub_abi_add_args(&hash);
    verdict = nub_abi_check_status(
        fixture, "invoke_cached",
        fixture->module.ops.invoke_cached(fixture->backend, &args, &result, NULL), NUB_OK);
    if (verdict == NUB_PASSED && result.return_value != 42)
        return nub_abi_fail(fixture, "the program changed with the caller's bytes");
    return verdict;
}

static enum nub_verdict
empty_wire_is_refused(struct nub_abi_fixture *fixture)
{
    struct nub_hash hash;

    return nub_abi_check_status(fixture, "put_cap of no bytes", put_bytes(fixture, NULL, 0, &hash),
                                NUB_ERR_BAD_ENCODING);
}

/* A page that nobody may read: touching it kills the worker, which is how this is noticed. */
static enum nub_verdict
present_is_not_read(struct nub_abi_fixture *fixture)
{
    guint8 wire[NUB_TYPE_WIRE_SIZE];
    struct nub_hash hash;
    void *page = mmap(NULL, NUB_PAGE_SIZE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

    if (page == MAP_FAILED)
        return nub_conform_say(NUB_SKIPPED, fixture->message, "mmap: %s", g_strerror(errno));
    type_wire(wire, 2);
    enum nub_verdict verdict = nub_abi_check_status(
        fixture, "put_cap", put_bytes(fixture, wire, sizeof wire, &hash), NUB_OK);
    if (verdict == NUB_PASSED) {
        struct nub_slice unreadable = { page, sizeof wire };
        verdict = nub_abi_check_status(
            fixture, "put_cap_with_hash of what is there",
            fixture->module.ops.put_cap_with_hash(fixture->backend, &hash, unreadable, NULL),
            NUB_OK);
    }
    munmap(page, NUB_PAGE_SIZE);
    return verdict;
}

static enum nub_verdict
bytes_stay_until_release(struct nub_abi_fixture *fixture)
{
    guint8 wire[NUB_TYPE_WIRE_SIZE], other[NUB_TYPE_WIRE_SIZE];
    struct nub_hash hash;
    struct nub_bytes bytes = { 0 };

    type_wire(wire, 3);
    type_wire(other, 4);
    enum nub_verdict verdict = nub_abi_check_status(
        fixture, "put_cap", put_bytes(fixture, wire, sizeof wire, &hash), NUB_OK);
    if (verdict == NUB_PASSED)
        verdict = nub_abi_check_status(
            fixture, "get_cap", fixture->module.ops.get_cap(fixture->backend, &hash, &bytes, NULL),
            NUB_OK);
    if (verdict != NUB_PASSED)
        return verdict;
    if (fixture->module.ops.drop_cap)
        fixture->module.ops.drop_cap(fixture->backend, &hash, NULL);
    put_bytes(fixture, other, sizeof other, &hash);
    bool same = bytes.size == sizeof wire && memcmp(bytes.data, wire, sizeof wire) == 0;
    if (bytes.release)
        bytes.release(&bytes);
    return same ? NUB_PASSED
                : nub_abi_fail(fixture, "the bytes of get_cap are others once the cap is dropped");
}

/* ---- get_changes --------------------------------------------------------------------------- */

#define CHANGES_START (16u * NUB_PAGE_SIZE)

/* What get_changes has told. */
struct told {
    guint8 header[NUB_INSTANCE_BARE_SIZE];
    guint n_headers;
    bool is_header_first, is_ascending;
    guint n_pages;
    guint32 addresses[8];
    gint fills[8]; /* the byte that the page consists of; -1: gone; -2: mixed */
};

static void
tell_header(void *ctx, struct nub_slice wire)
{
    struct told *told = ctx;

    told->is_header_first = told->n_pages == 0 && wire.size == sizeof told->header;
    if (told->is_header_first)
        memcpy(told->header, wire.data, sizeof told->header);
    told->n_headers++;
}

static void
tell_page(void *ctx, uint32_t address, const uint8_t *bytes)
{
    struct told *told = ctx;
    gint fill = bytes ? bytes[0] : -1;

    for (guint i = 0; bytes && i < NUB_PAGE_SIZE; i++)
        if (bytes[i] != fill)
            fill = -2;
    if (told->n_pages >= G_N_ELEMENTS(told->addresses) ||
        (told->n_pages && address <= told->addresses[told->n_pages - 1])) {
        told->is_ascending = false;
        return;
    }
    told->addresses[told->n_pages] = address;
    told->fills[told->n_pages++] = fill;
}

/* Puts an Instance of nothing with pages that are full of one byte each; 0: no page there. */
static enum nub_verdict
put_pages(struct nub_abi_fixture *fixture, const char *fills, guint64 mem_size,
          struct nub_hash *hash)
{
    struct nub_hash none = { { 0 } };
    g_autoptr(NubInstanceBuilder) builder = nub_instance_builder_new(&none);
    g_autoptr(NubCap) cap = NULL;

    nub_instance_builder_set_mem_size(builder, mem_size);
    for (guint i = 0; fills[i];) {
        g_autoptr(GByteArray) bytes = g_byte_array_new();
        guint first = i;
        for (; fills[i] && fills[i] != '0'; i++) {
            g_byte_array_set_size(bytes, bytes->len + NUB_PAGE_SIZE);
            memset(bytes->data + bytes->len - NUB_PAGE_SIZE, fills[i], NUB_PAGE_SIZE);
        }
        g_autoptr(GBytes) content = g_bytes_new(bytes->data, bytes->len);
        if (bytes->len)
            nub_instance_builder_add_overlay(builder, CHANGES_START + first * NUB_PAGE_SIZE,
                                             content);
        i += fills[i] == '0';
    }
    cap = nub_instance_builder_build(builder, NULL);
    gsize size;
    const guint8 *data = g_bytes_get_data(nub_cap_get_wire(cap), &size);
    return nub_abi_check_status(fixture, "put_cap of an instance",
                                put_bytes(fixture, data, size, hash), NUB_OK);
}

static int32_t
ask_changes(struct nub_abi_fixture *fixture, const struct nub_hash *base,
            const struct nub_hash *hash, struct told *told)
{
    const struct nub_changes changes = {
        .struct_size = sizeof changes, .ctx = told, .header = tell_header, .page = tell_page
    };

    *told = (struct told){ .is_ascending = true };
    return fixture->module.ops.get_changes(fixture->backend, base, hash, &changes, NULL);
}

/* From `before` to `after`: the header once, and exactly the pages that differ. */
static enum nub_verdict
changes_are(struct nub_abi_fixture *fixture, const char *before, const char *after)
{
    struct nub_hash base, hash;
    struct told told;
    struct nub_cap header;
    guint n = 0;
    enum nub_verdict verdict = put_pages(fixture, before, 1 << 20, &base);

    if (verdict == NUB_PASSED)
        verdict = put_pages(fixture, after, 2 << 20, &hash);
    if (verdict == NUB_PASSED)
        verdict = nub_abi_check_status(fixture, "get_changes",
                                       ask_changes(fixture, &base, &hash, &told), NUB_OK);
    if (verdict != NUB_PASSED)
        return verdict;
    if (told.n_headers != 1 || !told.is_header_first ||
        nub_cap_decode(&header, (struct nub_slice){ told.header, sizeof told.header }, NULL) ||
        header.kind != NUB_CAP_INSTANCE || header.u.instance.mem_size != 2 << 20)
        return nub_abi_fail(fixture, "get_changes does not begin with the header, once");
    if (!told.is_ascending)
        return nub_abi_fail(fixture, "get_changes tells pages out of order, or too many");
    for (guint i = 0; before[i]; i++) {
        gint expected = after[i] == '0' ? -1 : after[i];
        if (before[i] == after[i])
            continue;
        if (n >= told.n_pages || told.addresses[n] != CHANGES_START + i * NUB_PAGE_SIZE ||
            told.fills[n++] != expected)
            return nub_abi_fail(fixture, "get_changes from %s to %s tells page %u wrongly or not",
                                before, after, i);
    }
    return n == told.n_pages ? NUB_PASSED
                             : nub_abi_fail(fixture, "get_changes tells pages that are the same");
}

static enum nub_verdict
changes_make_the_instance(struct nub_abi_fixture *fixture)
{
    static const struct {
        const char *before, *after;
    } rows[] = {
        { "aaaaaa", "aabaaa" }, { "aaaaaa", "aa0aaa" }, { "a00a0a", "aaaaaa" },
        { "000000", "0ab000" }, { "ab0000", "000000" }, { "abcdef", "abcdef" },
        { "0bcd00", "abcde0" },
    };
    guint8 wire[NUB_TYPE_WIRE_SIZE];
    struct nub_hash absent = { { 9 } }, type, instance;
    struct told told;
    enum nub_verdict verdict = NUB_PASSED;

    for (guint i = 0; i < G_N_ELEMENTS(rows) && verdict == NUB_PASSED; i++)
        verdict = changes_are(fixture, rows[i].before, rows[i].after);
    type_wire(wire, 5);
    if (verdict == NUB_PASSED)
        verdict = nub_abi_check_status(fixture, "put_cap",
                                       put_bytes(fixture, wire, sizeof wire, &type), NUB_OK);
    if (verdict == NUB_PASSED)
        verdict = put_pages(fixture, "ab", 0, &instance);
    if (verdict == NUB_PASSED)
        verdict = nub_abi_check_status(fixture, "get_changes from what is absent",
                                       ask_changes(fixture, &absent, &instance, &told),
                                       NUB_ERR_NOT_FOUND);
    if (verdict == NUB_PASSED)
        verdict = nub_abi_check_status(fixture, "get_changes to a Type",
                                       ask_changes(fixture, &instance, &type, &told),
                                       NUB_ERR_NOT_AN_INSTANCE);
    return verdict;
}

const struct nub_abi_rule nub_abi_rules_caps[] = {
    { "NP-30 the same bytes give the same hash", NULL, true, put_twice_same_hash },
    { "NP-31 the hash is the SSZ hash tree root", NULL, true, hash_is_the_root },
    { "NP-32 slices are borrowed for the call only", NULL, true, put_borrows },
    { "NP-33 no bytes are a bad encoding", NULL, true, empty_wire_is_refused },
    { "NP-34 what is present is not read again", "put_cap_with_hash", true, present_is_not_read },
    { "NP-35 bytes given away stay until their release", "get_cap", true,
      bytes_stay_until_release },
    { "NP-36 changes make the instance of its base", "get_changes", true,
      changes_make_the_instance },
    { NULL, NULL, false, NULL },
};
