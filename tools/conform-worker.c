/* conform-worker.c - runs conformance cases in a worker process
 *
 * A module under test may crash, hang or end the process; that must fail one case and leave the
 * others to run. So a forked worker runs them one after the other and reports each through a
 * pipe; when it dies or is silent for too long, the case it was at has failed and the next worker
 * goes on behind it. Nothing of the backend lives in the parent process.
 */
#include "conform.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

/* Longest message that is passed on; the rest is cut. */
#define MAX_MESSAGE 4096u

struct report {
    guint32 verdict;
    guint32 length; /* of the message that follows */
};

static void
run_case(struct nub_conform_case *self, const struct nub_conform_target *target)
{
    self->verdict = self->run(self, target, &self->message);
}

/* ---- in the worker ------------------------------------------------------------------------- */

static bool
write_all(int fd, const void *data, gsize size)
{
    const char *p = data;

    while (size) {
        gssize n = write(fd, p, size);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return false;
        p += n;
        size -= (gsize)n;
    }
    return true;
}

static bool
send_report(int fd, const struct nub_conform_case *self)
{
    const char *message = self->message ? self->message : "";
    struct report report = { self->verdict, MIN((guint32)strlen(message), MAX_MESSAGE) };

    return write_all(fd, &report, sizeof report) && write_all(fd, message, report.length);
}

G_GNUC_NORETURN
static void
work(GArray *cases, guint first, const struct nub_conform_target *target, int fd)
{
    for (guint i = first; i < cases->len; i++) {
        struct nub_conform_case *self = &g_array_index(cases, struct nub_conform_case, i);
        run_case(self, target);
        if (!send_report(fd, self))
            _exit(1);
    }
    /* exit() and not _exit(): leak checkers report at the end of the process. */
    exit(0);
}

/* ---- in the parent ------------------------------------------------------------------------- */

struct worker {
    pid_t pid;
    int fd; /* where its reports come from */
};

static bool
start_worker(struct worker *worker, GArray *cases, guint first,
             const struct nub_conform_target *target)
{
    int fds[2];

    if (pipe(fds) != 0)
        return false;
    fflush(stdout);
    fflush(stderr);
    worker->pid = fork();
    if (worker->pid == 0) {
        close(fds[0]);
        work(cases, first, target, fds[1]);
    }
    close(fds[1]);
    worker->fd = fds[0];
    if (worker->pid < 0)
        close(fds[0]);
    return worker->pid > 0;
}

/* 1: read it all; 0: the worker is gone; -1: `deadline` passed. */
static int
read_all(int fd, void *data, gsize size, gint64 deadline)
{
    char *p = data;

    while (size) {
        struct pollfd ready = { .fd = fd, .events = POLLIN };
        gint64 left = (deadline - g_get_monotonic_time()) / 1000;
        if (left <= 0)
            return -1;
        int n_ready = poll(&ready, 1, (int)MIN(left, G_MAXINT));
        if (n_ready <= 0)
            continue;
        gssize n = read(fd, p, size);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return 0;
        p += n;
        size -= (gsize)n;
    }
    return 1;
}

static int
receive_report(int fd, struct nub_conform_case *self, guint timeout_seconds)
{
    gint64 deadline = g_get_monotonic_time() + (gint64)timeout_seconds * G_USEC_PER_SEC;
    struct report report;
    char message[MAX_MESSAGE + 1];
    int got = read_all(fd, &report, sizeof report, deadline);

    if (got == 1 && (report.length > MAX_MESSAGE || report.verdict > NUB_SKIPPED))
        got = 0; /* the module wrote to our pipe */
    if (got == 1)
        got = read_all(fd, message, report.length, deadline);
    if (got != 1)
        return got;
    message[report.length] = '\0';
    self->verdict = report.verdict;
    self->message = report.length ? g_strdup(message) : NULL;
    return 1;
}

/* How the worker ended, for people; NULL if it ended well. */
static char *
stop_worker(struct worker *worker, bool force)
{
    int status = 0;

    close(worker->fd);
    if (force)
        kill(worker->pid, SIGKILL);
    while (waitpid(worker->pid, &status, 0) < 0 && errno == EINTR)
        continue;
    if (WIFSIGNALED(status))
        return g_strdup_printf("the process was killed by signal %d (%s)", WTERMSIG(status),
                               g_strsignal(WTERMSIG(status)));
    if (WEXITSTATUS(status) != 0)
        return g_strdup_printf("the process ended with code %d", WEXITSTATUS(status));
    return force ? g_strdup("the process ended") : NULL;
}

/* The case that the worker was at when it was lost. */
static void
blame(struct nub_conform_case *self, struct worker *worker, int got, guint timeout_seconds)
{
    g_autofree char *how = stop_worker(worker, true);

    self->verdict = NUB_FAILED;
    self->message =
        got < 0 ? g_strdup_printf("no answer within %u s", timeout_seconds) : g_strdup(how);
}

static void
run_in_workers(GArray *cases, const struct nub_conform_target *target, guint timeout_seconds,
               void (*each)(const struct nub_conform_case *, guint, guint))
{
    struct worker worker = { 0 };
    struct nub_conform_case *self = NULL;

    for (guint i = 0; i < cases->len; i++) {
        self = &g_array_index(cases, struct nub_conform_case, i);
        if (worker.pid == 0 && !start_worker(&worker, cases, i, target)) {
            self->verdict = NUB_FAILED;
            self->message = g_strdup_printf("no worker process: %s", g_strerror(errno));
            worker.pid = 0;
        } else {
            int got = receive_report(worker.fd, self, timeout_seconds);
            if (got != 1) {
                blame(self, &worker, got, timeout_seconds);
                worker.pid = 0;
            }
        }
        each(self, i + 1, cases->len);
    }
    if (worker.pid == 0)
        return;
    /* All reported; what it still says (a leak, a crash at exit) counts against the last case. */
    g_autofree char *how = stop_worker(&worker, false);
    if (how) {
        self->verdict = NUB_FAILED;
        g_free(self->message);
        self->message = g_strdup_printf("after the last case %s", how);
    }
}

void
nub_conform_run(GArray *cases, const struct nub_conform_target *target, guint timeout_seconds,
                void (*each)(const struct nub_conform_case *, guint, guint))
{
    if (timeout_seconds) {
        run_in_workers(cases, target, timeout_seconds, each);
        return;
    }
    for (guint i = 0; i < cases->len; i++) {
        struct nub_conform_case *self = &g_array_index(cases, struct nub_conform_case, i);
        run_case(self, target);
        each(self, i + 1, cases->len);
    }
}
