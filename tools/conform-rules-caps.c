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

const struct nub_abi_rule nub_abi_rules_caps[] = {
    { "NP-30 the same bytes give the same hash", NULL, true, put_twice_same_hash },
    { "NP-31 the hash is the SSZ hash tree root", NULL, true, hash_is_the_root },
    { "NP-32 slices are borrowed for the call only", NULL, true, put_borrows },
    { "NP-33 no bytes are a bad encoding", NULL, true, empty_wire_is_refused },
    { "NP-34 what is present is not read again", "put_cap_with_hash", true, present_is_not_read },
    { "NP-35 bytes given away stay until their release", "get_cap", true,
      bytes_stay_until_release },
    { NULL, NULL, false, NULL },
};
