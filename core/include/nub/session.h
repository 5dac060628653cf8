/* nub/session.h - sessions: a live machine that the host drives
 *
 * A session has private memory that nobody else sees until it commits. One thread at a time uses
 * it; nub_session_interrupt() and the cancelling of a #GCancellable may come from any other.
 * Every function but nub_session_interrupt() and nub_session_close() fails with
 * %NUB_ERROR_INVALID_ARGUMENT on a closed session, and with %NUB_ERROR_NOT_SUPPORTED, naming the
 * function, when the backend has no sessions.
 */
#ifndef NUB_SESSION_H
#define NUB_SESSION_H

#include <gio/gio.h>
#include <nub/error.h>

G_BEGIN_DECLS

#define NUB_TYPE_SESSION (nub_session_get_type())

/**
 * NubSession:
 *
 * A machine that stands still between runs. Made by nub_kernel_open_session().
 *
 * Since: 0.1
 */
NUB_AVAILABLE_IN_0_1
G_DECLARE_FINAL_TYPE(NubSession, nub_session, NUB, SESSION, GObject)

/**
 * NubMapAccess:
 * @NUB_MAP_READ_ONLY: the program may read
 * @NUB_MAP_READ_WRITE: the program may read and write
 *
 * What a program may do with pages that nub_session_map() gives it.
 *
 * Since: 0.1
 */
typedef enum {
    NUB_MAP_READ_ONLY = 0,
    NUB_MAP_READ_WRITE = 1
} NubMapAccess;

/**
 * nub_session_run:
 * @self: a session
 * @cancellable: (nullable): ends the run
 * @result: (out caller-allocates): how the run ended
 * @error: in %NUB_ERROR, or %G_IO_ERROR_CANCELLED: then the session can only be closed
 *
 * Runs on from the session's registers, pc and gas to the next exit.
 *
 * Returns: %TRUE with @result filled in, or %FALSE with @error set.
 * Since: 0.1
 */
NUB_AVAILABLE_IN_0_1
gboolean nub_session_run(NubSession *self, GCancellable *cancellable, NubResult *result, GError **error);

/**
 * nub_session_run_async:
 * @self: a session, which nothing else may use until @callback was called
 * @cancellable: (nullable): ends the run
 * @callback: (scope async): called in the thread-default main context of the caller
 * @user_data: for @callback
 *
 * Runs a session in a thread of its own.
 *
 * Since: 0.1
 */
NUB_AVAILABLE_IN_0_1
void nub_session_run_async(NubSession *self, GCancellable *cancellable, GAsyncReadyCallback callback, gpointer user_data);

/**
 * nub_session_run_finish:
 * @self: a session
 * @async_result: what @callback got
 * @result: (out caller-allocates): how the run ended
 * @error: as nub_session_run()
 *
 * Says how nub_session_run_async() went.
 *
 * Returns: %TRUE with @result filled in, or %FALSE with @error set.
 * Since: 0.1
 */
NUB_AVAILABLE_IN_0_1
gboolean nub_session_run_finish(NubSession *self, GAsyncResult *async_result, NubResult *result, GError **error);

/**
 * nub_session_get_regs: (skip)
 * @self: a session
 * @regs: (out caller-allocates) (array fixed-size=13): the registers
 * @error: in %NUB_ERROR
 *
 * Reads all registers.
 *
 * Returns: %TRUE, or %FALSE with @error set.
 * Since: 0.1
 */
NUB_AVAILABLE_IN_0_1
gboolean nub_session_get_regs(NubSession *self, guint64 *regs, GError **error);

/**
 * nub_session_dup_regs: (rename-to nub_session_get_regs)
 * @self: a session
 * @error: in %NUB_ERROR
 *
 * As nub_session_get_regs(), for language bindings.
 *
 * Returns: (array fixed-size=13) (transfer full): the registers, to be freed with g_free(); %NULL with
 *   @error set.
 * Since: 0.1
 */
NUB_AVAILABLE_IN_0_1
guint64 *nub_session_dup_regs(NubSession *self, GError **error);

/**
 * nub_session_set_regs:
 * @self: a session
 * @regs: (array fixed-size=13): the registers
 * @error: in %NUB_ERROR
 *
 * Writes all registers.
 *
 * Returns: %TRUE, or %FALSE with @error set.
 * Since: 0.1
 */
NUB_AVAILABLE_IN_0_1
gboolean nub_session_set_regs(NubSession *self, const guint64 *regs, GError **error);

/**
 * nub_session_get_reg:
 * @self: a session
 * @reg: 0 to 12
 * @value: (out): the register
 * @error: in %NUB_ERROR
 *
 * Reads one register.
 *
 * Returns: %TRUE, or %FALSE with @error set.
 * Since: 0.1
 */
NUB_AVAILABLE_IN_0_1
gboolean nub_session_get_reg(NubSession *self, guint reg, guint64 *value, GError **error);

/**
 * nub_session_set_reg:
 * @self: a session
 * @reg: 0 to 12
 * @value: for the register
 * @error: in %NUB_ERROR
 *
 * Writes one register.
 *
 * Returns: %TRUE, or %FALSE with @error set.
 * Since: 0.1
 */
NUB_AVAILABLE_IN_0_1
gboolean nub_session_set_reg(NubSession *self, guint reg, guint64 value, GError **error);

/**
 * nub_session_get_pc:
 * @self: a session
 * @pc: (out): where the next run begins
 * @error: in %NUB_ERROR
 *
 * Reads where the next run begins.
 *
 * Returns: %TRUE, or %FALSE with @error set.
 * Since: 0.1
 */
NUB_AVAILABLE_IN_0_1
gboolean nub_session_get_pc(NubSession *self, guint32 *pc, GError **error);

/**
 * nub_session_set_pc:
 * @self: a session
 * @pc: where the next run begins; any number
 * @error: in %NUB_ERROR
 *
 * Moves where the next run begins.
 *
 * Returns: %TRUE, or %FALSE with @error set.
 * Since: 0.1
 */
NUB_AVAILABLE_IN_0_1
gboolean nub_session_set_pc(NubSession *self, guint32 pc, GError **error);

/**
 * nub_session_get_gas:
 * @self: a session
 * @gas: (out): what is left
 * @error: in %NUB_ERROR
 *
 * Reads the gas.
 *
 * Returns: %TRUE, or %FALSE with @error set.
 * Since: 0.1
 */
NUB_AVAILABLE_IN_0_1
gboolean nub_session_get_gas(NubSession *self, guint64 *gas, GError **error);

/**
 * nub_session_set_gas:
 * @self: a session
 * @gas: for the next run; more than 2^63 - 1 is cut to that
 * @error: in %NUB_ERROR
 *
 * Gives gas for the next run.
 *
 * Returns: %TRUE, or %FALSE with @error set.
 * Since: 0.1
 */
NUB_AVAILABLE_IN_0_1
gboolean nub_session_set_gas(NubSession *self, guint64 gas, GError **error);

/**
 * nub_session_read:
 * @self: a session
 * @address: in the program's memory
 * @size: bytes
 * @error: %NUB_ERROR_NOT_MAPPED, which names the page; %NUB_ERROR_INVALID_ARGUMENT beyond 2^32
 *
 * Copies bytes out of any mapped pages: all of them or none.
 *
 * Returns: (transfer full): the bytes, or %NULL with @error set.
 * Since: 0.1
 */
NUB_AVAILABLE_IN_0_1
GBytes *nub_session_read(NubSession *self, guint64 address, gsize size, GError **error);

/**
 * nub_session_write:
 * @self: a session
 * @address: in the program's memory
 * @data: (array length=size): the bytes
 * @size: how many
 * @error: as nub_session_read()
 *
 * Copies bytes into any mapped pages, read-only ones too: all of them or none. What is written to
 * a read-only page of the image is not state and is not kept by a commit.
 *
 * Returns: %TRUE, or %FALSE with @error set.
 * Since: 0.1
 */
NUB_AVAILABLE_IN_0_1
gboolean nub_session_write(NubSession *self, guint64 address, const guint8 *data, gsize size, GError **error);

/**
 * nub_session_map:
 * @self: a session
 * @address: a multiple of the page size
 * @size: bytes, a multiple of the page size above 0
 * @access: what the program may do there
 * @error: %NUB_ERROR_ALREADY_MAPPED, which names the page, or %NUB_ERROR_INVALID_ARGUMENT
 *
 * Gives the program zeroed pages: all of them or none.
 *
 * Returns: %TRUE, or %FALSE with @error set.
 * Since: 0.1
 */
NUB_AVAILABLE_IN_0_1
gboolean nub_session_map(NubSession *self, guint64 address, guint64 size, NubMapAccess access, GError **error);

/**
 * nub_session_commit:
 * @self: a session that has run
 * @advance: whether the head moves to the successor
 * @successor: (out caller-allocates): the Instance that was put: idle after Halt, paused after
 *   HostCall, Ecall, OutOfGas and PageFault; zero after Panic and Trap
 * @error: in %NUB_ERROR
 *
 * Puts the machine as it stands after its last exit. The session goes on unchanged.
 *
 * Returns: %TRUE, or %FALSE with @error set.
 * Since: 0.1
 */
NUB_AVAILABLE_IN_0_1
gboolean nub_session_commit(NubSession *self, gboolean advance, NubHash *successor, GError **error);

/**
 * nub_session_interrupt:
 * @self: a session
 *
 * The run that is going on, or the next, ends with %G_IO_ERROR_CANCELLED; then the session can
 * only be closed. Thread safety: any thread. Does nothing on a closed session, or when the backend
 * cannot be interrupted.
 *
 * Since: 0.1
 */
NUB_AVAILABLE_IN_0_1
void nub_session_interrupt(NubSession *self);

/**
 * nub_session_close:
 * @self: a session
 *
 * Gives back what the session holds in the backend. Happens by itself with the last reference.
 *
 * Since: 0.1
 */
NUB_AVAILABLE_IN_0_1
void nub_session_close(NubSession *self);

G_END_DECLS

#endif
