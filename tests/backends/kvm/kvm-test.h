/* kvm-test.h - tests that need /dev/kvm: skip visibly without it, fail when NUB_REQUIRE_KVM is set */
#ifndef NUB_KVM_TEST_H
#define NUB_KVM_TEST_H

#include "lane.h"
#include "system.h"
#include <errno.h>
#include <fcntl.h>
#include <glib.h>
#include <string.h>
#include <unistd.h>

#define KVM_TEST_IMAGE NUB_BUILD_DIR "/modules/nub-guest-x86.elf"

#define assert_ok(status, failure) \
    g_assert_cmpstr((status) == NUB_OK ? "OK" : (failure).message, ==, "OK")

static gboolean kvm_test_skipped;

/** Whether the test can run here. When it cannot it has been marked as skipped, or has failed. */
static inline gboolean
kvm_test_ready(void)
{
    int fd = open("/dev/kvm", O_RDWR | O_CLOEXEC);

    if (fd >= 0) {
        close(fd);
        return TRUE;
    }
    if (g_strcmp0(g_getenv("NUB_REQUIRE_KVM"), "1") == 0)
        g_error("NUB_REQUIRE_KVM is set and /dev/kvm: %s", g_strerror(errno));
    kvm_test_skipped = TRUE;
    g_test_skip("no /dev/kvm here");
    return FALSE;
}

/** g_test_run(), and 77 (CTest shows it as skipped) when nothing failed but something was skipped. */
static inline int
kvm_test_run(void)
{
    int code = g_test_run();

    return code == 0 && kvm_test_skipped ? 77 : code;
}

/** A guest without anything around it. */
struct kvm_test {
    int kvm_fd;
    struct nub_guest_image image;
    struct nub_guest guest;
};

static inline void
kvm_test_start(struct kvm_test *t, enum nub_wait wait, uint32_t n_lanes)
{
    struct nub_failure failure = { .struct_size = sizeof failure };
    struct nub_guest_options options = { .wait = wait, .spin_ns = 300000, .watchdog_ns = 5000000000u };

    assert_ok(nub_kvm_open(&t->kvm_fd, "/dev/kvm", &failure), failure);
    assert_ok(nub_image_read(&t->image, KVM_TEST_IMAGE, &failure), failure);
    options.spec = (struct nub_vm_spec){ .kvm_fd = t->kvm_fd,
                                         .image = &t->image,
                                         .memory_size = 64u << 20,
                                         .n_lanes = n_lanes,
                                         .gas_model = NUB_GAS_PIPELINE,
                                         .mem_cycles = 25 };
    assert_ok(nub_guest_start(&t->guest, &options, &failure), failure);
}

static inline void
kvm_test_stop(struct kvm_test *t)
{
    nub_guest_stop(&t->guest);
    nub_image_clear(&t->image);
    close(t->kvm_fd);
}

#endif
