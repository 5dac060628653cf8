/* hosted.c - a call made through a session: input laid, host calls answered from a table
 *
 * The rules of a host call are core/pvm/hostcall.h's, the same that the backends follow.
 */
#include "hosted.h"

#include "hostcall.h"
#include "judge.h"

#include <string.h>

/* ---- input ----------------------------------------------------------------------------------- */

/* Any page there, given by whatever, and the instance takes no input. */
static bool
zone_is_free(NubSession *session)
{
    guint64 end = (guint64)NUB_INPUT_ADDRESS + NUB_INPUT_MAX;

    for (guint64 page = NUB_INPUT_ADDRESS; page < end; page += NUB_PAGE_SIZE) {
        g_autoptr(GBytes) byte = nub_session_read(session, page, 1, NULL);
        if (byte)
            return false;
    }
    return true;
}

static bool
map_input(NubSession *session, const guint8 *input, gsize size, GError **error)
{
    guint64 pages = (size + NUB_PAGE_SIZE - 1) / NUB_PAGE_SIZE * NUB_PAGE_SIZE;

    return size == 0 ||
           (nub_session_map(session, NUB_INPUT_ADDRESS, pages, NUB_MAP_READ_ONLY, error) &&
            nub_session_write(session, NUB_INPUT_ADDRESS, input, size, error));
}

bool
nub_hosted_lay_input(NubSession *session, GBytes *input, GError **error)
{
    gsize size = 0;

    if (!input)
        return true;
    const guint8 *bytes = g_bytes_get_data(input, &size);
    if (size > NUB_INPUT_MAX) {
        g_set_error(error, NUB_ERROR, NUB_ERROR_INPUT_TOO_LONG,
                    "input: %" G_GSIZE_FORMAT " bytes, at most %u", size, NUB_INPUT_MAX);
        return false;
    }
    if (!zone_is_free(session)) {
        g_set_error(error, NUB_ERROR, NUB_ERROR_INPUT_REFUSED,
                    "the instance has pages in the input zone");
        return false;
    }
    return map_input(session, bytes, size, error) &&
           nub_session_set_reg(session, 7, NUB_INPUT_ADDRESS, error) &&
           nub_session_set_reg(session, 8, size, error);
}

/* ---- running --------------------------------------------------------------------------------- */

static int32_t
status_of(bool ok, GError *error)
{
    g_autoptr(GError) owned = error;

    return ok ? NUB_OK : owned->domain == NUB_ERROR ? owned->code : NUB_ERR_SYSTEM;
}

static int32_t
host_read(void *machine, uint64_t address, void *data, uint64_t size, struct nub_failure *failure)
{
    GError *error = NULL;
    g_autoptr(GBytes) bytes = nub_session_read(machine, address, size, &error);

    (void)failure;
    if (bytes && size)
        memcpy(data, g_bytes_get_data(bytes, NULL), size);
    return status_of(bytes != NULL, error);
}

static int32_t
host_write(void *machine, uint64_t address, const void *data, uint64_t size,
           struct nub_failure *failure)
{
    GError *error = NULL;
    bool ok = nub_session_write(machine, address, data, size, &error);

    (void)failure;
    return status_of(ok, error);
}

/* One run of the session; what it charged is taken from the call's gas. */
static bool
run_once(NubHosted *self, guint64 limit, GError **error)
{
    guint64 given = MIN(self->gas, limit - self->spent);

    if (!nub_session_set_gas(self->session, given, error) ||
        !nub_session_run(self->session, NULL, &self->result, error) ||
        !nub_session_get_regs(self->session, self->regs, error) ||
        !nub_session_get_pc(self->session, &self->pc, error))
        return false;
    self->at_limit = self->result.exit_reason == NUB_EXIT_OUT_OF_GAS && given < self->gas;
    self->gas -= given - self->result.gas_remaining;
    self->spent += given - self->result.gas_remaining;
    return true;
}

static enum nub_host_answer
answer(NubHosted *self)
{
    struct nub_host_call call = { .struct_size = sizeof call,
                                  .number = self->result.exit_arg,
                                  .regs = self->regs,
                                  .gas = self->gas,
                                  .machine = self->session,
                                  .read = host_read,
                                  .write = host_write };
    bool finished = false;
    const struct nub_host_end end = { &self->pc, &self->result.exit_reason, &self->result.exit_arg,
                                      &finished };
    enum nub_host_answer next = nub_host_ask(self->hosts, &call, &self->gas);

    nub_host_end(next, &call, self->program, &end);
    return next;
}

bool
nub_hosted_run(NubHosted *self, guint64 limit, GError **error)
{
    enum nub_host_answer next;

    do {
        if (!run_once(self, limit, error))
            return false;
        next = self->result.exit_reason == NUB_EXIT_HOST_CALL ? answer(self) : NUB_HOST_ANSWER_EXIT;
        if (next == NUB_HOST_ANSWER_GO_ON &&
            !nub_session_set_regs(self->session, self->regs, error))
            return false;
    } while (next == NUB_HOST_ANSWER_GO_ON);
    self->failed = next == NUB_HOST_ANSWER_FAILED;
    self->result.return_value = self->regs[7];
    self->result.gas_remaining = self->gas;
    return true;
}

void
nub_hosted_clear(NubHosted *self)
{
    g_clear_object(&self->session);
}
