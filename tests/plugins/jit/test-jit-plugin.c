/* test-jit-plugin.c - what nub-jit promises beyond running programs rightly
 *
 * That programs do the same as on local is for `nub conform` and tests/differential. Here: nothing
 * is writable and executable, faults that are not ours reach the host's handler, the gs base comes
 * back, stores of compiled code are found again, threads and interrupts.
 */
#include "cap.h"
#include "program.h"
#include <dlfcn.h>
#include <glib.h>
#include <nub/plugin.h>
#include <setjmp.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <stdbool.h>
#include <sys/auxv.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#ifndef HWCAP2_FSGSBASE
#define HWCAP2_FSGSBASE (1u << 1)
#endif

static const struct nub_backend_ops *ops;
static struct sigaction host_action;
static sigjmp_buf host_jump;
static volatile sig_atomic_t host_faults;

static void
ignore_log(void *ctx, uint32_t level, const char *message)
{
    (void)ctx;
    (void)level;
    (void)message;
}

static void *
open_backend_with(const struct nub_option *options, uint32_t n_options)
{
    static const struct nub_host host = { .struct_size = sizeof host, .log = ignore_log };
    struct nub_create_args args = { .struct_size = sizeof args,
                                    .gas_model = NUB_GAS_PIPELINE,
                                    .mem_cycles = 25,
                                    .options = options,
                                    .n_options = n_options,
                                    .host = &host,
                                    .name = "jit" };
    struct nub_failure failure = { .struct_size = sizeof failure };
    void *backend = NULL;

    ops->create(&args, &backend, &failure);
    g_assert_cmpstr(failure.message, ==, "");
    return backend;
}

static void *
open_backend(void)
{
    return open_backend_with(NULL, 0);
}

/* ---- programs ------------------------------------------------------------------------------ */

struct text {
    uint8_t code[256], mask[32];
    uint32_t size;
};

static void
add(struct text *text, struct nub_insn insn)
{
    uint8_t bytes[NUB_MAX_INSN_SIZE];

    insn.pc = text->size;
    uint32_t n = nub_insn_encode(bytes, &insn, 0);
    g_assert_cmpuint(n, >, 0);
    memcpy(text->code + text->size, bytes, n);
    text->mask[text->size / 8] |= (uint8_t)(1u << text->size % 8);
    text->size += n;
}

static struct nub_hash
put(void *backend, uint8_t *wire, uint64_t size)
{
    struct nub_failure failure = { .struct_size = sizeof failure };
    struct nub_hash hash;

    ops->put_cap(backend, (struct nub_slice){ wire, size }, &hash, &failure);
    g_assert_cmpstr(failure.message, ==, "");
    g_free(wire);
    return hash;
}

/* an instance with 64 KiB of zeroed memory, whose one endpoint starts at 0 and returns to the halt
 * address */
static struct nub_hash
put_program(void *backend, const struct text *text)
{
    struct nub_endpoint endpoint = { .initial_regs = { NUB_HALT_ADDRESS } };
    struct nub_image_spec image = { .code = { text->code, text->size },
                                    .bitmask = { text->mask, (text->size + 7) / 8 },
                                    .endpoints = &endpoint,
                                    .n_endpoints = 1 };
    struct nub_instance_spec instance = { .mem_size = 0x10000 };
    uint64_t size = nub_image_wire_size(&image);
    uint8_t *wire = g_malloc(size);

    nub_image_encode(wire, &image);
    instance.image = put(backend, wire, size);
    size = nub_instance_wire_size(&instance);
    wire = g_malloc(size);
    nub_instance_encode(wire, &instance);
    return put(backend, wire, size);
}

/* a0 = [0x1000]; [0x1000] = a0 + 1: memory that is not clean shows */
static void
count_in_memory(struct text *text)
{
    add(text, (struct nub_insn){ .opcode = NUB_OP_LOAD_U64, .a = 7, .x = 0x1000 });
    add(text, (struct nub_insn){ .opcode = NUB_OP_ADD_IMM_64, .a = 8, .b = 7, .x = 1 });
    add(text, (struct nub_insn){ .opcode = NUB_OP_STORE_U64, .a = 8, .x = 0x1000 });
    add(text, (struct nub_insn){ .opcode = NUB_OP_JUMP_IND, .a = 0 });
}

static struct nub_result
invoke(void *backend, const struct nub_hash *instance)
{
    struct nub_invoke_args args = { .struct_size = sizeof args,
                                    .instance = *instance,
                                    .gas = 100000 };
    struct nub_failure failure = { .struct_size = sizeof failure };
    struct nub_result result;

    ops->invoke_cached(backend, &args, &result, &failure);
    g_assert_cmpstr(failure.message, ==, "");
    return result;
}

/* ---- memory -------------------------------------------------------------------------------- */

static void
test_stores_do_not_outlive_a_call(void)
{
    void *backend = open_backend();
    struct text text = { .size = 0 };
    count_in_memory(&text);
    struct nub_hash instance = put_program(backend, &text);

    for (int i = 0; i < 50; i++) {
        struct nub_result result = invoke(backend, &instance);
        g_assert_cmpuint(result.exit_reason, ==, NUB_EXIT_HALT);
        g_assert_cmpuint(result.return_value, ==, 0);
    }
    ops->destroy(backend);
}

/* commits `n` times from an instance and says whether the counter in memory kept up */
static bool
counts_up(void *backend, struct nub_hash *instance, uint64_t from, uint64_t n)
{
    for (uint64_t expected = from; expected < from + n; expected++) {
        struct nub_call call = { .struct_size = sizeof call,
                                 .flags = NUB_CALL_COMMIT,
                                 .instance = *instance,
                                 .gas = 100000 };
        struct nub_outcome outcome = { .struct_size = sizeof outcome };
        if (ops->invoke(backend, &call, &outcome, NULL) != NUB_OK ||
            outcome.result.return_value != expected)
            return false;
        *instance = outcome.successor;
    }
    return true;
}

static void
test_stores_are_committed(void)
{
    void *backend = open_backend();
    struct text text = { .size = 0 };
    count_in_memory(&text);
    struct nub_hash instance = put_program(backend, &text);

    g_assert_true(counts_up(backend, &instance, 0, 20));
    ops->destroy(backend);
}

static void
test_a_child_finds_its_own_stores(void)
{
    void *backend = open_backend();
    struct text text = { .size = 0 };
    int status;
    count_in_memory(&text);
    struct nub_hash instance = put_program(backend, &text);

    g_assert_true(counts_up(backend, &instance, 0, 5));
    pid_t child = fork();
    if (child == 0)
        _exit(counts_up(backend, &instance, 5, 20) ? 0 : 1);
    g_assert_cmpint(waitpid(child, &status, 0), ==, child);
    g_assert_cmpint(status, ==, 0);
    g_assert_true(counts_up(backend, &instance, 5, 20));
    ops->destroy(backend);
}

static void
assert_no_page_is_writable_and_executable(void)
{
    g_autofree char *maps = NULL;
    g_autoptr(GError) error = NULL;

    g_assert_true(g_file_get_contents("/proc/self/maps", &maps, NULL, &error));
    for (char *line = strtok(maps, "\n"); line; line = strtok(NULL, "\n")) {
        const char *access = strchr(line, ' ') + 1;
        if (access[1] == 'w' && access[2] == 'x')
            g_error("writable and executable: %s", line);
    }
}

static void
test_nothing_is_writable_and_executable(void)
{
    void *backend = open_backend();
    struct text text = { .size = 0 };
    struct nub_session_args args = { .struct_size = sizeof args, .gas = 1000 };
    struct nub_result result;
    void *session;

    count_in_memory(&text);
    args.instance = put_program(backend, &text);
    g_assert_cmpint(ops->session_open(backend, &args, &session, NULL), ==, NUB_OK);
    g_assert_cmpint(ops->session_run(session, &result, NULL), ==, NUB_OK);
    assert_no_page_is_writable_and_executable();
    /* the middle of a block, for which there is code of its own */
    g_assert_cmpint(ops->session_set_pc(session, 4, NULL), ==, NUB_OK);
    g_assert_cmpint(ops->session_run(session, &result, NULL), ==, NUB_OK);
    g_assert_cmpuint(result.exit_reason, ==, NUB_EXIT_HALT);
    assert_no_page_is_writable_and_executable();
    ops->session_close(session);
    ops->destroy(backend);
}

/* ---- the process --------------------------------------------------------------------------- */

static void
on_host_fault(int number)
{
    (void)number;
    host_faults++;
    siglongjmp(host_jump, 1);
}

static void
test_other_faults_reach_the_host(void)
{
    void *backend = open_backend();
    struct text text = { .size = 0 };
    count_in_memory(&text);
    struct nub_hash instance = put_program(backend, &text);
    void *forbidden = mmap(NULL, 4096, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

    g_assert_cmpuint(invoke(backend, &instance).exit_reason, ==, NUB_EXIT_HALT);
    host_faults = 0;
    if (sigsetjmp(host_jump, 1) == 0)
        *(volatile char *)forbidden = 1;
    g_assert_cmpint(host_faults, ==, 1);
    g_assert_cmpuint(invoke(backend, &instance).exit_reason, ==, NUB_EXIT_HALT);
    munmap(forbidden, 4096);
    ops->destroy(backend);
}

static uint64_t
gs_base(void)
{
    uint64_t base;

    __asm__ volatile("rdgsbase %0" : "=r"(base));
    return base;
}

static void
test_the_gs_base_comes_back(void)
{
    if (!(getauxval(AT_HWCAP2) & HWCAP2_FSGSBASE)) {
        g_test_skip("the kernel does not allow rdgsbase");
        return;
    }
    void *backend = open_backend();
    struct text text = { .size = 0 };
    count_in_memory(&text);
    struct nub_hash instance = put_program(backend, &text);
    uint64_t before = gs_base();

    invoke(backend, &instance);
    g_assert_cmphex(gs_base(), ==, before);
    ops->destroy(backend);
}

/* ---- code ---------------------------------------------------------------------------------- */

static void
find_code_bytes(void *ctx, const char *name, uint64_t value)
{
    if (strcmp(name, "nub_code_bytes") == 0)
        *(uint64_t *)ctx = value;
}

static uint64_t
code_bytes(void *backend)
{
    uint64_t bytes = UINT64_MAX;

    g_assert_cmpint(ops->stats(backend, find_code_bytes, &bytes, NULL), ==, NUB_OK);
    return bytes;
}

static void
test_evict_forgets_code(void)
{
    void *backend = open_backend();
    struct text text = { .size = 0 };
    count_in_memory(&text);
    struct nub_hash instance = put_program(backend, &text);

    g_assert_cmpuint(code_bytes(backend), ==, 0);
    for (int i = 0; i < 3; i++) {
        g_assert_cmpuint(invoke(backend, &instance).exit_reason, ==, NUB_EXIT_HALT);
        g_assert_cmpuint(code_bytes(backend), >, 0);
        g_assert_cmpint(ops->evict(backend, NULL), ==, NUB_OK);
        g_assert_cmpuint(code_bytes(backend), ==, 0);
    }
    ops->destroy(backend);
}

/* the most memory that this process has had in use, in bytes */
static uint64_t
most_resident(void)
{
    struct rusage usage;

    g_assert_cmpint(getrusage(RUSAGE_SELF, &usage), ==, 0);
    return (uint64_t)usage.ru_maxrss * 1024;
}

/* 4 MiB of the program that needs most for each of its bytes, which ends in Trap */
static struct nub_hash
put_fallthroughs(void *backend)
{
    const uint32_t size = 4u << 20;
    struct nub_endpoint endpoint = { .initial_regs = { NUB_HALT_ADDRESS } };
    g_autofree uint8_t *code = g_malloc(size), *mask = g_malloc(size / 8);
    struct nub_image_spec image = { .code = { code, size },
                                    .bitmask = { mask, size / 8 },
                                    .endpoints = &endpoint,
                                    .n_endpoints = 1 };
    struct nub_instance_spec instance = { .mem_size = 0 };

    memset(code, NUB_OP_FALLTHROUGH, size);
    memset(mask, 0xff, size / 8);
    uint64_t wire_size = nub_image_wire_size(&image);
    uint8_t *wire = g_malloc(wire_size);
    nub_image_encode(wire, &image);
    instance.image = put(backend, wire, wire_size);
    wire_size = nub_instance_wire_size(&instance);
    wire = g_malloc(wire_size);
    nub_instance_encode(wire, &instance);
    return put(backend, wire, wire_size);
}

/* what one program can take is bounded by the code cache; beyond it is the interpreter's, with the
 * same result */
static void
test_the_code_cache_bounds_one_program(void)
{
    const struct nub_option caches[] = { { "code-cache", "67108864" },
                                         { "code-cache", "536870912" } };
    struct nub_result results[2];

    for (size_t i = 0; i < G_N_ELEMENTS(caches); i++) {
        void *backend = open_backend_with(&caches[i], 1);
        struct nub_hash instance = put_fallthroughs(backend);
        uint64_t before = most_resident();
        results[i] = invoke(backend, &instance);
        g_assert_cmpuint(results[i].exit_reason, ==, NUB_EXIT_OUT_OF_GAS);
        if (i == 0) {
            g_assert_cmpuint(code_bytes(backend), ==, 0);
            g_assert_cmpuint(most_resident() - before, <, 64u << 20);
        } else {
            g_assert_cmpuint(code_bytes(backend), >, 64u << 20);
        }
        ops->destroy(backend);
    }
    g_assert_cmpmem(&results[0], sizeof results[0], &results[1], sizeof results[1]);
}

static gpointer
interrupt_soon(gpointer session)
{
    g_usleep(20000);
    ops->session_interrupt(session);
    return NULL;
}

static void
test_an_endless_loop_can_be_interrupted(void)
{
    void *backend = open_backend();
    struct text text = { .size = 0 };
    struct nub_session_args args = { .struct_size = sizeof args, .gas = NUB_GAS_MAX };
    struct nub_result result;
    void *session;

    add(&text, (struct nub_insn){ .opcode = NUB_OP_JUMP });
    args.instance = put_program(backend, &text);
    g_assert_cmpint(ops->session_open(backend, &args, &session, NULL), ==, NUB_OK);
    g_autoptr(GThread) thread = g_thread_new("interrupt", interrupt_soon, session);
    g_assert_cmpint(ops->session_run(session, &result, NULL), ==, NUB_ERR_CANCELLED);
    g_thread_join(g_steal_pointer(&thread));
    ops->session_close(session);
    ops->destroy(backend);
}

struct worker {
    void *backend;
    struct nub_hash instance;
};

static gpointer
invoke_often(gpointer data)
{
    struct worker *worker = data;

    for (int i = 0; i < 300; i++) {
        struct nub_result result = invoke(worker->backend, &worker->instance);
        g_assert_cmpuint(result.exit_reason, ==, NUB_EXIT_HALT);
        g_assert_cmpuint(result.return_value, ==, 0);
        if (i % 50 == 49)
            ops->evict(worker->backend, NULL);
    }
    return NULL;
}

static void
test_threads_share_a_backend(void)
{
    struct worker worker = { .backend = open_backend() };
    struct text text = { .size = 0 };
    GThread *threads[4];

    count_in_memory(&text);
    worker.instance = put_program(worker.backend, &text);
    for (size_t i = 0; i < G_N_ELEMENTS(threads); i++)
        threads[i] = g_thread_new("invoke", invoke_often, &worker);
    for (size_t i = 0; i < G_N_ELEMENTS(threads); i++)
        g_thread_join(threads[i]);
    ops->destroy(worker.backend);
}

static void
test_it_says_what_it_is(void)
{
    g_autofree char *path = g_strdup_printf("%s/modules/nub-jit.so", NUB_BUILD_DIR);
    void *handle = dlopen(path, RTLD_NOW | RTLD_LOCAL);
    nub_plugin_entry_fn entry = (nub_plugin_entry_fn)(uintptr_t)dlsym(handle, NUB_PLUGIN_ENTRY);

    g_assert_nonnull(strstr(entry()->summary, "NOT A SANDBOX"));
}

int
main(int argc, char **argv)
{
    g_autofree char *path = g_strdup_printf("%s/modules/nub-jit.so", NUB_BUILD_DIR);
    void *handle;

    g_test_init(&argc, &argv, NULL);
    /* the host's own handler, there before the module's */
    host_action.sa_handler = on_host_fault;
    sigaction(SIGSEGV, &host_action, NULL);
    handle = dlopen(path, RTLD_NOW | RTLD_LOCAL);
    if (!handle)
        g_error("%s", dlerror());
    ops = ((nub_plugin_entry_fn)(uintptr_t)dlsym(handle, NUB_PLUGIN_ENTRY))()->ops;

    g_test_add_func("/plugins/jit/says-that-it-is-no-sandbox", test_it_says_what_it_is);
    g_test_add_func("/plugins/jit/stores-do-not-outlive-a-call", test_stores_do_not_outlive_a_call);
    g_test_add_func("/plugins/jit/stores-are-committed", test_stores_are_committed);
    g_test_add_func("/plugins/jit/a-child-finds-its-own-stores", test_a_child_finds_its_own_stores);
    g_test_add_func("/plugins/jit/nothing-is-writable-and-executable",
                    test_nothing_is_writable_and_executable);
    g_test_add_func("/plugins/jit/other-faults-reach-the-host", test_other_faults_reach_the_host);
    g_test_add_func("/plugins/jit/the-gs-base-comes-back", test_the_gs_base_comes_back);
    g_test_add_func("/plugins/jit/evict-forgets-code", test_evict_forgets_code);
    g_test_add_func("/plugins/jit/the-code-cache-bounds-one-program",
                    test_the_code_cache_bounds_one_program);
    g_test_add_func("/plugins/jit/an-endless-loop-can-be-interrupted",
                    test_an_endless_loop_can_be_interrupted);
    g_test_add_func("/plugins/jit/threads-share-a-backend", test_threads_share_a_backend);
    return g_test_run();
}
