/* debug-cmd.c - `nub debug`: a program under gdb
 *
 * Opens a session of the root of a bundle, writes a symbol file (debug-elf.h), and speaks with one
 * gdb (debug-gdb.h) on a Unix socket of this user or on a port of this machine: never on a network.
 */
#include "cli-call.h"
#include "debug-elf.h"
#include "debug-machine.h"
#include "hosted.h"
#include "run-where.h"
#include "stepper.h"

#include <arpa/inet.h>
#include <errno.h>
#include <glib/gstdio.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

static char *listen_at, *symbols_file;

/* ---- the socket ---------------------------------------------------------------------------- */

struct listener {
    int fd;
    char *path;   /* of a Unix socket; NULL: a port */
    char *remote; /* what gdb is told */
};

static bool
listen_failed(const char *where)
{
    nub_cli_fail("%s: %s", where, g_strerror(errno));
    return false;
}

static bool
listen_on_port(struct listener *listener, const char *text)
{
    struct sockaddr_in address = { .sin_family = AF_INET,
                                   .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    socklen_t size = sizeof address;
    guint32 port;
    int yes = 1;

    if (!nub_cli_parse_u32("--listen", text, &port))
        return false;
    if (port > G_MAXUINT16) {
        nub_cli_usage("--listen: %u is no port", port);
        return false;
    }
    address.sin_port = htons((guint16)port);
    listener->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (listener->fd < 0 ||
        setsockopt(listener->fd, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes) != 0 ||
        bind(listener->fd, (struct sockaddr *)&address, sizeof address) != 0 ||
        listen(listener->fd, 1) != 0 ||
        getsockname(listener->fd, (struct sockaddr *)&address, &size) != 0)
        return listen_failed(text);
    listener->remote = g_strdup_printf("127.0.0.1:%u", ntohs(address.sin_port));
    return true;
}

/* a socket that nobody listens on any more is in the way */
static void
remove_stale(const struct sockaddr_un *address)
{
    GStatBuf info;
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

    if (g_lstat(address->sun_path, &info) == 0 && S_ISSOCK(info.st_mode) &&
        connect(fd, (const struct sockaddr *)address, sizeof *address) != 0 &&
        errno == ECONNREFUSED)
        g_unlink(address->sun_path);
    if (fd >= 0)
        close(fd);
}

static bool
listen_on_path(struct listener *listener, const char *path)
{
    struct sockaddr_un address = { .sun_family = AF_UNIX };

    if (g_strlcpy(address.sun_path, path, sizeof address.sun_path) >= sizeof address.sun_path) {
        errno = ENAMETOOLONG;
        return listen_failed(path);
    }
    remove_stale(&address);
    listener->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    mode_t mask = umask(0077);
    bool bound =
        listener->fd >= 0 && bind(listener->fd, (struct sockaddr *)&address, sizeof address) == 0;
    umask(mask);
    if (bound)
        listener->path = g_strdup(path);
    if (!bound || listen(listener->fd, 1) != 0)
        return listen_failed(path);
    listener->remote = g_canonicalize_filename(path, NULL);
    return true;
}

static void
listener_clear(struct listener *listener)
{
    if (listener->fd >= 0)
        close(listener->fd);
    if (listener->path)
        g_unlink(listener->path);
    g_free(listener->path);
    g_free(listener->remote);
}

/* ---- the channel --------------------------------------------------------------------------- */

struct connection {
    int fd;
    guint8 bytes[4096];
    gsize at, size;
};

static int
connection_get(void *user, bool wait)
{
    struct connection *connection = user;

    if (connection->at == connection->size) {
        ssize_t got;
        do
            got = recv(connection->fd, connection->bytes, sizeof connection->bytes,
                       wait ? 0 : MSG_DONTWAIT);
        while (got < 0 && errno == EINTR);
        if (got < 0 && !wait && (errno == EAGAIN || errno == EWOULDBLOCK))
            return NUB_GDB_NOTHING;
        if (got <= 0)
            return NUB_GDB_GONE;
        connection->at = 0;
        connection->size = (gsize)got;
    }
    return connection->bytes[connection->at++];
}

static bool
connection_put(void *user, const char *data, gsize size)
{
    struct connection *connection = user;

    while (size > 0) {
        ssize_t sent = send(connection->fd, data, size, MSG_NOSIGNAL);
        if (sent < 0 && errno == EINTR)
            continue;
        if (sent <= 0)
            return false;
        data += sent;
        size -= (gsize)sent;
    }
    return true;
}

/* ---- the command --------------------------------------------------------------------------- */

/* "gdb-multiarch FILE.elf -ex ..."; the symbol file is written where there are names */
static bool
announce(const char *file, const NubHash *root, const struct nub_program *program,
         const struct listener *listener)
{
    g_autoptr(NubDebug) debug = nub_debug_load(file, root);
    g_autofree char *elf_name =
        symbols_file ? g_strdup(symbols_file) : g_strconcat(file, ".elf", NULL);
    g_autofree char *target = g_strdup_printf("target remote %s", listener->remote);
    g_autofree char *quoted_target = g_shell_quote(target), *quoted_name = g_shell_quote(elf_name);

    if (debug) {
        g_autoptr(GByteArray) elf = nub_debug_elf(debug, program, file);
        if (!nub_cli_write(elf_name, elf->data, elf->len))
            return false;
    } else
        printf("(no names: %s has no side file)\n", file);
    printf("gdb-multiarch %s%s-ex 'set osabi none' -ex 'set architecture riscv:rv64' -ex %s\n",
           debug ? quoted_name : "", debug ? " " : "", quoted_target);
    fflush(stdout);
    return true;
}

static int
serve(NubDebugMachine *machine, struct listener *listener)
{
    struct connection connection = { .fd = -1 };
    int yes = 1;

    do
        connection.fd = accept(listener->fd, NULL, NULL);
    while (connection.fd < 0 && errno == EINTR);
    if (connection.fd < 0)
        return nub_cli_fail("%s: %s", listener->remote, g_strerror(errno));
    if (!listener->path)
        setsockopt(connection.fd, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
    const NubGdbChannel channel = { &connection, connection_get, connection_put };
    nub_gdb_serve(&channel, &nub_debug_machine, machine);
    close(connection.fd);
    return NUB_CLI_OK;
}

static int
debug_on(NubKernel *kernel, NubBundle *bundle, const char *file, const NubCliRequest *request)
{
    GError *error = NULL;
    NubHash root;
    g_auto(NubProgram) program = { 0 };
    NubDebugMachine machine = { 0 };

    if (!nub_kernel_put_bundle(kernel, bundle, &root, &error) ||
        !nub_program_find(&program, kernel, &root, &error)) {
        g_prefix_error(&error, "%s: ", file);
        return nub_cli_fail_error(error);
    }
    machine.program = program.program;
    g_autoptr(NubSession) session =
        nub_kernel_open_session(kernel, &root, request->endpoint, request->args, 1, &error);
    if (!session || !nub_hosted_lay_input(session, request->input, &error))
        return nub_cli_fail_error(error);
    g_autoptr(GHashTable) breakpoints = g_hash_table_new(NULL, NULL);
    machine.session = session;
    machine.breakpoints = breakpoints;
    g_autofree char *beside = g_strconcat(file, ".gdb", NULL);
    const char *where = listen_at ? listen_at : beside;
    struct listener listener = { .fd = -1 };
    int status = NUB_CLI_HOST;
    bool is_port = *where && strspn(where, "0123456789") == strlen(where);
    if ((is_port ? listen_on_port : listen_on_path)(&listener, where) &&
        announce(file, &root, &machine.program, &listener))
        status = serve(&machine, &listener);
    listener_clear(&listener);
    return status;
}

static int
run(char **args)
{
    const char *backend = nub_cli_call_values.backend;
    g_auto(NubCliRequest) request = { 0 };
    GError *error = NULL;

    int status = nub_run_where_endpoint(args[0]);
    if (status == NUB_CLI_OK)
        status = nub_cli_request_read(&request);
    if (status != NUB_CLI_OK)
        return status;
    g_autoptr(NubBundle) bundle = nub_cli_bundle(args[0]);
    g_autoptr(NubRegistry) registry = bundle ? nub_cli_registry() : NULL;
    if (!registry)
        return NUB_CLI_HOST;
    g_autoptr(NubKernel) kernel = nub_registry_open_private(registry, backend ? backend : "local",
                                                            NUB_GAS_INSTRUCTION, 0, &error);
    if (!kernel)
        return nub_cli_fail_error(error);
    return debug_on(kernel, bundle, args[0], &request);
}

static const GOptionEntry options[] = {
    { "backend", 'b', 0, G_OPTION_ARG_STRING, &nub_cli_call_values.backend,
      "The backend (default: local)", "NAME" },
    { "listen", 'l', 0, G_OPTION_ARG_FILENAME, &listen_at,
      "A socket, or a port of 127.0.0.1, 0 for any (default: FILE.nub.gdb)", "SOCKET|PORT" },
    { "endpoint", 'e', 0, G_OPTION_ARG_STRING, &nub_cli_call_values.endpoint,
      "The endpoint (default: 0)", "N" },
    { "arg", 'a', 0, G_OPTION_ARG_STRING_ARRAY, &nub_cli_call_values.args,
      "An argument: decimal, negative or 0x; at most four", "V" },
    { "input", 'i', 0, G_OPTION_ARG_FILENAME, &nub_cli_call_values.input,
      "Bytes that the program finds at the address in register 7", "FILE" },
    { "symbols", 0, 0, G_OPTION_ARG_FILENAME, &symbols_file,
      "Where to write the symbol file (default: FILE.nub.elf)", "FILE" },
    { NULL }
};

const struct nub_cli_command nub_command_debug = {
    .name = "debug",
    .arguments = "FILE.nub",
    .summary = "Run a program under gdb",
    .description =
        "Waits for one gdb and prints the command that starts it. Names and lines come from\n"
        "FILE.nubdbg, which 'nub cc' writes; they are made into a symbol file for gdb.",
    .shared = NUB_CLI_CONFIG,
    .options = options,
    .min_args = 1,
    .max_args = 1,
    .run = run,
};
