/* failure.h - status texts and the filling-in of struct nub_failure, without libc
 *
 * A message names the thing first and has no full stop: "Image.mappings[3]: start 0x1001 is not
 * a multiple of 4096".
 */
#ifndef NUB_MODEL_FAILURE_H
#define NUB_MODEL_FAILURE_H

#include <nub/types.h>
#include <stdarg.h>
#include <stdbool.h>

/** "BAD_ENCODING"; "OK" for 0; "UNKNOWN" for a number that is not in status.def. */
const char *nub_status_name(int32_t status);
/** The sentence of status.def. */
const char *nub_status_text(int32_t status);
/** The status with this name ("BAD_ENCODING"), or -1. */
int32_t nub_status_from_name(const char *name);
/** Whether it depends on the machine - a deadline, a full disk, a lost guest - and not on the program alone. */
bool nub_status_is_host_side(int32_t status);

/**
 * Fills in `failure` (which may be NULL) and returns `status`, so that a function can end with
 * `return nub_fail(failure, NUB_ERR_X, "...")`. Formats: %s, %u (uint32_t), %d (int32_t),
 * %U (uint64_t), %x (uint32_t, "0x1000"), %X (uint64_t, "0x1000"), %h (const struct nub_hash *,
 * 64 hex digits), %%. A message that is too long is cut at the end. `hash` and `address` become zero.
 */
enum nub_status nub_fail(struct nub_failure *failure, enum nub_status status, const char *format, ...);
enum nub_status nub_failv(struct nub_failure *failure, enum nub_status status, const char *format, va_list args);
/** The same, and the error names a capability. */
enum nub_status nub_fail_hash(struct nub_failure *failure, enum nub_status status, const struct nub_hash *hash, const char *format, ...);
/** The same, and the error names an address (or a byte offset of an encoding). */
enum nub_status nub_fail_at(struct nub_failure *failure, enum nub_status status, uint64_t address, const char *format, ...);

/** Passes `from` on to the caller's `to` (may be NULL), no further than `to->struct_size`; returns its code. */
enum nub_status nub_failure_copy(struct nub_failure *to, const struct nub_failure *from);

#endif
