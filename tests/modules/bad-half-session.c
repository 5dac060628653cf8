/* Sessions can be opened and never run. */
#include "good.h"

static int32_t
open_session(void *backend, const struct nub_session_args *args, void **session,
             struct nub_failure *failure)
{
    (void)backend;
    (void)args;
    (void)session;
    (void)failure;
    return NUB_ERR_NOT_SUPPORTED;
}

static const struct nub_backend_ops ops = { GOOD_OPS, .session_open = open_session };
static const struct nub_plugin plugin = { GOOD_PLUGIN };
NUB_PLUGIN_DEFINE(bad_half_session, plugin)
