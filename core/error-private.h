/* error-private.h - how a status of the plugin ABI becomes a GError; shared by core/ alone */
#ifndef NUB_ERROR_PRIVATE_H
#define NUB_ERROR_PRIVATE_H

#include <nub/error.h>

#define NUB_FAILURE_INIT { .struct_size = sizeof(struct nub_failure) }

/* The same for who is called so often that clearing the text would be felt. */
static inline void
nub_failure_begin(struct nub_failure *failure)
{
    failure->struct_size = sizeof *failure;
    failure->code = 0;
    failure->hash = (struct nub_hash){ { 0 } };
    failure->address = 0;
    failure->message[0] = '\0';
}

/**
 * Sets `error` from what a backend answered, prefixed with backend and function (both may be NULL).
 * `failure` may be empty: the text of the status is used then.
 */
void nub_error_set_failure(GError **error, const char *backend, const char *function, int32_t status, const struct nub_failure *failure);

/** What a function of the plugin ABI answers for an error. */
enum nub_status nub_error_to_status(const GError *error);

/** Sets an error of NUB_ERROR that names a capability. */
void nub_error_set_hash(GError **error, NubError code, const NubHash *hash, const char *format, ...) G_GNUC_PRINTF(4, 5);

#endif
