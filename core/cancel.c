/* cancel.c - a GCancellable as the word that <nub/plugin.h> gives a backend to look at */
#include "kernel-private.h"

static void
on_cancelled(GCancellable *cancellable, gpointer data)
{
    NubCancel *self = data;

    (void)cancellable;
    __atomic_store_n(&self->word, 1, __ATOMIC_RELEASE);
}

gboolean
nub_cancel_begin(NubCancel *self, GCancellable *cancellable, GError **error)
{
    *self = (NubCancel){ .cancellable = cancellable };
    if (!cancellable)
        return TRUE;
    if (g_cancellable_set_error_if_cancelled(cancellable, error))
        return FALSE;
    self->handler = g_cancellable_connect(cancellable, G_CALLBACK(on_cancelled), self, NULL);
    return TRUE;
}

void
nub_cancel_end(NubCancel *self)
{
    if (self->handler)
        g_cancellable_disconnect(self->cancellable, self->handler);
}
