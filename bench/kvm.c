/* bench/kvm.c - what hosting a guest costs (design.md 10): empty invoke in each way of waiting
 * against a bare exit, open to first result, put_cap_with_hash of what is present
 *
 * Everything is measured in one run. A bare exit is a VM of its own whose code is nothing but an
 * `out`. */
#include "bench.h"
#include "lane.h"
#include "system.h"
#include <errno.h>
#include <fcntl.h>
#include <linux/kvm.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

/* jump_ind phi0: the empty program. */
static const uint8_t empty_code[] = { 0x32, 0x00 };
static const uint8_t empty_mask[] = { 0x01 };

struct call {
    struct bench_backend *opened;
    struct nub_hash instance;
    uint8_t wire[5 + 4096];
};

static void
invoke(void *ctx)
{
    const struct call *call = ctx;
    const uint64_t args[4] = { 1, 2, 3, 4 };
    struct nub_result result = bench_invoke(call->opened, &call->instance, args, 1000);

    if (result.exit_reason != NUB_EXIT_HALT)
        abort();
}

static void
put_present(void *ctx)
{
    struct call *call = ctx;
    struct nub_failure failure = { .struct_size = sizeof failure };

    bench_check(call->opened->ops.put_cap_with_hash(call->opened->backend, &call->instance,
                                                    (struct nub_slice){ NULL, 0 }, &failure),
                &failure, "put_cap_with_hash");
}

/* ---- a bare exit ------------------------------------------------------------------------- */

/* Patches the image's entry to `out %al, $0x10; jmp .-2`: IDLE exits and nothing else. */
static void
exits_only(uint8_t *text, uint64_t entry)
{
    static const uint8_t loop[] = { 0xe6, NUB_PORT_IDLE, 0xeb, 0xfc };

    memcpy(text + (entry - NUB_GUEST_BASE), loop, sizeof loop);
}

struct bare {
    struct nub_vm vm;
};

static void
run_bare(void *ctx)
{
    struct bare *bare = ctx;
    char why[128];

    if (nub_vcpu_run(&bare->vm.vcpus[0], 0, why) != NUB_VCPU_IDLE)
        abort();
}

/* The bare exit and the call that takes one, in turns: both see the same machine. */
static void
time_exits(const struct bench_args *args, const char *image_path, double *bare_ns, double *sync_ns)
{
    const struct nub_option option = { "wait", "sync" };
    struct nub_failure failure = { .struct_size = sizeof failure };
    struct nub_guest_image image;
    struct nub_vm_spec spec = {
        .image = &image, .memory_size = 32u << 20, .n_lanes = 1, .gas_model = 1, .mem_cycles = 25
    };
    struct bench_backend opened;
    struct call call = { .opened = &opened };
    struct bare bare;
    double bare_rounds[21], sync_rounds[21];

    bench_check(nub_kvm_open(&spec.kvm_fd, "/dev/kvm", &failure), &failure, "/dev/kvm");
    bench_check(nub_image_read(&image, image_path, &failure), &failure, "image");
    bench_check(nub_vm_open(&bare.vm, &spec, &failure), &failure, "VM");
    exits_only(bare.vm.memory, image.entry);
    bench_open(&opened, args, &option, 1);
    call.instance = bench_put_code(&opened, (struct nub_slice){ empty_code, sizeof empty_code },
                                   (struct nub_slice){ empty_mask, sizeof empty_mask }, 0);
    invoke(&call);
    for (unsigned i = 0; i < 21; i++) {
        bare_rounds[i] = bench_time(run_bare, &bare, 50, 3);
        sync_rounds[i] = bench_time(invoke, &call, 50, 3);
    }
    *bare_ns = bench_median(bare_rounds, 21);
    *sync_ns = bench_median(sync_rounds, 21);
    bench_close(&opened);
    nub_vm_close(&bare.vm);
    nub_image_clear(&image);
    close(spec.kvm_fd);
}

/* ---- the rows ---------------------------------------------------------------------------- */

static double
time_invoke(const struct bench_args *args, const char *wait, uint32_t calls)
{
    const struct nub_option option = { "wait", wait };
    struct bench_backend opened;
    struct call call = { .opened = &opened };
    double ns;

    bench_open(&opened, args, &option, 1);
    call.instance = bench_put_code(&opened, (struct nub_slice){ empty_code, sizeof empty_code },
                                   (struct nub_slice){ empty_mask, sizeof empty_mask }, 0);
    invoke(&call);
    ns = bench_time(invoke, &call, calls, 21);
    bench_close(&opened);
    return ns;
}

static double
time_put_present(const struct bench_args *args)
{
    struct bench_backend opened;
    struct call call = { .opened = &opened };
    double ns;

    bench_open(&opened, args, NULL, 0);
    call.instance = bench_put_code(&opened, (struct nub_slice){ empty_code, sizeof empty_code },
                                   (struct nub_slice){ empty_mask, sizeof empty_mask }, 0);
    ns = bench_time(put_present, &call, 10000, 21);
    bench_close(&opened);
    return ns;
}

static double
time_open_to_result(const struct bench_args *args)
{
    double ns[21];

    for (unsigned i = 0; i < 21; i++) {
        struct bench_backend opened;
        struct call call = { .opened = &opened };
        uint64_t begin = bench_now_ns();

        bench_open(&opened, args, NULL, 0);
        call.instance = bench_put_code(&opened, (struct nub_slice){ empty_code, sizeof empty_code },
                                       (struct nub_slice){ empty_mask, sizeof empty_mask }, 0);
        invoke(&call);
        ns[i] = (double)(bench_now_ns() - begin);
        bench_close(&opened);
    }
    return bench_median(ns, 21);
}

int
main(int argc, char **argv)
{
    struct bench_args args;
    char image[4096];
    double exit_ns, sync_ns, poll_ns, adaptive_ns;
    const char *slash;

    bench_parse(&args, argc, argv, "nub-kvm.so");
    if (access("/dev/kvm", R_OK | W_OK) != 0) {
        printf("kvm: skipped, /dev/kvm: %s\n", strerror(errno));
        return 0;
    }
    slash = strrchr(args.module, '/');
    if (slash)
        snprintf(image, sizeof image, "%.*s/nub-guest-x86.elf", (int)(slash - args.module),
                 args.module);
    else
        snprintf(image, sizeof image, "%s", NUB_GUEST_IMAGE);

    time_exits(&args, image, &exit_ns, &sync_ns);
    poll_ns = time_invoke(&args, "poll", 20000);
    adaptive_ns = time_invoke(&args, "adaptive", 20000);
    printf("bare exit round trip              %10.0f ns\n", exit_ns);
    printf("empty invoke, wait: poll          %10.0f ns   (goal 1000, floor 1500)\n", poll_ns);
    printf("empty invoke, wait: adaptive      %10.0f ns   (in a burst)\n", adaptive_ns);
    printf(
        "empty invoke, wait: sync          %10.0f ns   %.2f x a bare exit (goal 1.2, floor 1.5)\n",
        sync_ns, sync_ns / exit_ns);
    printf("put_cap_with_hash, present        %10.0f ns   (goal 150, floor 300; no exit)\n",
           time_put_present(&args));
    printf("open to first result, 256 MiB     %10.2f ms   (goal 3, floor 5)\n",
           time_open_to_result(&args) / 1e6);
    return 0;
}
