/* nub/version.h - the version of libnub, and what an embedder allows itself to use
 *
 * Define NUB_VERSION_MAX_ALLOWED to, say, NUB_VERSION_0_1 before including <nub/nub.h>, and the
 * compiler warns about every function that is newer than that.
 */
#ifndef NUB_VERSION_H
#define NUB_VERSION_H

#include <glib.h>

G_BEGIN_DECLS

/**
 * NUB_MAJOR_VERSION:
 *
 * The first number of the headers' version. nub_version_string() is that of the library in use.
 */
#define NUB_MAJOR_VERSION 0
/**
 * NUB_MINOR_VERSION:
 *
 * The second number of the headers' version.
 */
#define NUB_MINOR_VERSION 1
/**
 * NUB_MICRO_VERSION:
 *
 * The third number of the headers' version.
 */
#define NUB_MICRO_VERSION 0

/**
 * NUB_ENCODE_VERSION:
 * @major: major version
 * @minor: minor version
 *
 * A number that grows with the version, for #if.
 */
#define NUB_ENCODE_VERSION(major, minor) ((major) << 16 | (minor) << 8)
#define NUB_VERSION_0_1                  (NUB_ENCODE_VERSION(0, 1))
#define NUB_VERSION_CURRENT              (NUB_ENCODE_VERSION(NUB_MAJOR_VERSION, NUB_MINOR_VERSION))

/**
 * NUB_CHECK_VERSION:
 * @major: major version
 * @minor: minor version
 * @micro: micro version
 *
 * Evaluates to %TRUE when the headers are of this version or a later one.
 */
#define NUB_CHECK_VERSION(major, minor, micro) (NUB_MAJOR_VERSION > (major) || (NUB_MAJOR_VERSION == (major) && NUB_MINOR_VERSION > (minor)) || (NUB_MAJOR_VERSION == (major) && NUB_MINOR_VERSION == (minor) && NUB_MICRO_VERSION >= (micro)))

#ifndef NUB_VERSION_MAX_ALLOWED
#define NUB_VERSION_MAX_ALLOWED NUB_VERSION_CURRENT
#endif

/* Only what is declared with one of these is exported; all else is hidden (core/nub.map). */
#define NUB_EXTERN __attribute__((visibility("default"))) extern

#if NUB_VERSION_MAX_ALLOWED < NUB_VERSION_0_1
#define NUB_AVAILABLE_IN_0_1 NUB_EXTERN G_UNAVAILABLE(0, 1)
#else
#define NUB_AVAILABLE_IN_0_1 NUB_EXTERN
#endif

/**
 * nub_version_string:
 *
 * The version of the library that is running, which may be newer than the headers that the
 * caller was compiled with.
 *
 * Thread safety: any thread.
 *
 * Returns: (transfer none): for example "0.1.0".
 * Since: 0.1
 */
NUB_AVAILABLE_IN_0_1
const char *nub_version_string(void);

G_END_DECLS

#endif
