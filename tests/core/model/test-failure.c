/* test-failure.c - status names and texts, and messages in a struct of the caller's */
#include "failure.h"
#include "model-test.h"
#include <string.h>

static void
test_names(void)
{
    static const struct {
        gint32 status;
        const char *name;
    } rows[] = {
        { NUB_OK, "OK" },
        { NUB_ERR_BAD_ENCODING, "BAD_ENCODING" },
        { NUB_ERR_NO_SPACE, "NO_SPACE" },
        { NUB_ERR_SYSTEM, "SYSTEM" },
    };

    for (guint i = 0; i < G_N_ELEMENTS(rows); i++) {
        g_assert_cmpstr(nub_status_name(rows[i].status), ==, rows[i].name);
        g_assert_cmpint(nub_status_from_name(rows[i].name), ==, rows[i].status);
        g_assert_cmpuint(strlen(nub_status_text(rows[i].status)), >, 5);
    }
    g_assert_cmpstr(nub_status_name(-1), ==, "UNKNOWN");
    g_assert_cmpstr(nub_status_name(9999), ==, "UNKNOWN");
    g_assert_cmpstr(nub_status_text(9999), ==, "unknown status");
    g_assert_cmpint(nub_status_from_name("BAD_ENCODINGS"), ==, -1);
    g_assert_cmpint(nub_status_from_name("BAD_ENCODIN"), ==, -1);
    g_assert_cmpint(nub_status_from_name(""), ==, -1);
    g_assert_cmpint(nub_status_from_name(NULL), ==, -1);
}

static void
test_numbers_are_unique(void)
{
    static const gint32 numbers[] = {
#define NUB_STATUS(name, number, text) number,
#include <nub/status.def>
    };

    for (guint i = 0; i < G_N_ELEMENTS(numbers); i++) {
        g_assert_cmpint(numbers[i], >, 0);
        g_assert_cmpint(nub_status_from_name(nub_status_name(numbers[i])), ==, numbers[i]);
    }
}

static void
test_host_side(void)
{
    static const gint32 host[] = { NUB_ERR_NO_SPACE,    NUB_ERR_NO_MEMORY, NUB_ERR_TIMED_OUT,
                                   NUB_ERR_CANCELLED,   NUB_ERR_SYSTEM,    NUB_ERR_GUEST_CORRUPT,
                                   NUB_ERR_UNAVAILABLE, NUB_ERR_GUEST_LOST };
    guint n = 0;

    for (gsize i = 0; i < G_N_ELEMENTS(host); i++)
        g_assert_true(nub_status_is_host_side(host[i]));
    for (gint32 status = -1; status < 100; status++)
        n += nub_status_is_host_side(status);
    g_assert_cmpuint(n, ==, G_N_ELEMENTS(host));
}

#define SIXTEEN "00112233445566778899aabbccddeeff"

static void
test_formats(void)
{
    struct nub_failure failure = NUB_TEST_FAILURE;
    struct nub_hash hash = nub_test_unhex_hash(SIXTEEN SIXTEEN);

#define CHECK(want, ...)                                                                           \
    g_assert_cmpint(nub_fail(&failure, NUB_ERR_NO_MEMORY, __VA_ARGS__), ==, NUB_ERR_NO_MEMORY);    \
    g_assert_cmpstr(failure.message, ==, want)

    CHECK("", "%s", "");
    CHECK("plain", "plain");
    CHECK("100 %", "100 %%");
    CHECK("a b (null)", "%s %s %s", "a", "b", (const char *)NULL);
    CHECK("0 4294967295", "%u %u", 0u, G_MAXUINT32);
    CHECK("0 -1 -2147483648 2147483647", "%d %d %d %d", 0, -1, G_MININT32, G_MAXINT32);
    CHECK("0 18446744073709551615", "%U %U", G_GUINT64_CONSTANT(0), G_MAXUINT64);
    CHECK("0x0 0x1000 0xffffffff", "%x %x %x", 0u, 0x1000u, G_MAXUINT32);
    CHECK("0x0 0x123456789abcdef0", "%X %X", G_GUINT64_CONSTANT(0),
          G_GUINT64_CONSTANT(0x123456789abcdef0));
    CHECK("cap " SIXTEEN SIXTEEN ": gone", "cap %h: gone", &hash);
    CHECK("cut", "cut%");
#undef CHECK
}

static void
test_members(void)
{
    struct nub_failure failure = NUB_TEST_FAILURE;
    struct nub_hash hash = nub_test_unhex_hash(SIXTEEN SIXTEEN), zero = { { 0 } };

    g_assert_cmpint(nub_fail_hash(&failure, NUB_ERR_NOT_FOUND, &hash, "x"), ==, NUB_ERR_NOT_FOUND);
    g_assert_cmpint(failure.code, ==, NUB_ERR_NOT_FOUND);
    nub_test_assert_hash(&failure.hash, &hash);
    g_assert_cmpuint(failure.address, ==, 0);
    /* the hash may be the failure's own */
    nub_fail_hash(&failure, NUB_ERR_NOT_FOUND, &failure.hash, "%h", &hash);
    nub_test_assert_hash(&failure.hash, &hash);

    g_assert_cmpint(nub_fail_at(&failure, NUB_ERR_NOT_MAPPED, 0xfffff000, "y"), ==,
                    NUB_ERR_NOT_MAPPED);
    g_assert_cmpuint(failure.address, ==, 0xfffff000);
    nub_test_assert_hash(&failure.hash, &zero);
    nub_fail(&failure, NUB_ERR_SYSTEM, "z");
    g_assert_cmpuint(failure.address, ==, 0);

    g_assert_cmpint(nub_fail(NULL, NUB_ERR_SYSTEM, "%s", "x"), ==, NUB_ERR_SYSTEM);
    g_assert_cmpint(nub_fail_hash(NULL, NUB_ERR_SYSTEM, &hash, "x"), ==, NUB_ERR_SYSTEM);
    g_assert_cmpint(nub_fail_at(NULL, NUB_ERR_SYSTEM, 1, "x"), ==, NUB_ERR_SYSTEM);
}

/* A caller with another version of the struct: nothing is written beyond what it has. */
static void
test_struct_size(void)
{
    for (guint size = 0; size <= sizeof(struct nub_failure) + 64; size++) {
        guint8 bytes[sizeof(struct nub_failure) + 64];
        struct nub_failure *failure = (struct nub_failure *)bytes;
        struct nub_hash hash = nub_test_unhex_hash(SIXTEEN SIXTEEN);
        guint room = 0;

        memset(bytes, 0x77, sizeof bytes);
        failure->struct_size = size;
        nub_fail_hash(failure, NUB_ERR_NOT_FOUND, &hash,
                      "a long message that fills %h and %h and %h and %h", &hash, &hash, &hash,
                      &hash);
        for (guint at = MAX(size, 4); at < sizeof bytes; at++)
            g_assert_cmpint(bytes[at], ==, 0x77);
        if (size > G_STRUCT_OFFSET(struct nub_failure, message)) {
            room =
                MIN(size - G_STRUCT_OFFSET(struct nub_failure, message), sizeof failure->message);
            g_assert_cmpuint(strlen(failure->message), ==, room - 1);
        }
    }
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/model/failure/names-and-numbers-are-one-to-one", test_names);
    g_test_add_func("/model/failure/each-status-is-found-by-its-name", test_numbers_are_unique);
    g_test_add_func("/model/failure/some-depend-on-the-machine", test_host_side);
    g_test_add_func("/model/failure/formats", test_formats);
    g_test_add_func("/model/failure/names-a-hash-or-an-address", test_members);
    g_test_add_func("/model/failure/never-writes-beyond-struct-size", test_struct_size);
    return g_test_run();
}
