/* nub/error.h - what can go wrong on the host side
 *
 * Three domains: NUB_CONFIG_ERROR (what a configuration file says), NUB_LOAD_ERROR (what a module
 * is) and NUB_ERROR (what a call did). Cancelled is %G_IO_ERROR_CANCELLED and a missed deadline
 * %G_IO_ERROR_TIMED_OUT. A program that runs out of gas, traps or faults is a #NubResult and
 * never an error. A call that fails has changed nothing.
 */
#ifndef NUB_ERROR_H
#define NUB_ERROR_H

#include <nub/value.h>

G_BEGIN_DECLS

/* What a call did. The values are those of `enum nub_status`, one for one: the list with a sentence
 * for each is <nub/status.def>, and docs/errors.md. `TIMED_OUT` and `CANCELLED` arrive as errors of
 * #GIOError instead. (The block for the scanner is made from the list: core/introspection.cmake.) */
typedef enum {
#define NUB_STATUS(name, number, text) NUB_ERROR_##name = number,
#include <nub/status.def>
} NubError;

/**
 * NubConfigError:
 * @NUB_CONFIG_ERROR_READ: the file cannot be read
 * @NUB_CONFIG_ERROR_SYNTAX: it is not YAML, or YAML that a configuration does not use: aliases,
 *   tags, several documents, nesting beyond reason
 * @NUB_CONFIG_ERROR_UNKNOWN_KEY: a key that does not exist
 * @NUB_CONFIG_ERROR_DUPLICATE: a key or a backend's name is given twice
 * @NUB_CONFIG_ERROR_TYPE: a value has the wrong type: a list where a string belongs
 * @NUB_CONFIG_ERROR_VALUE: a value of the right type is not allowed
 * @NUB_CONFIG_ERROR_MISSING: something that must be there is not
 * @NUB_CONFIG_ERROR_OPTION: an option that the backend's module does not declare, or a bad value
 *   for one
 * @NUB_CONFIG_ERROR_NO_BACKEND: no backend of this name is configured, or it is disabled
 *
 * What a configuration says. Messages begin with `file:line:column: `.
 *
 * Since: 0.1
 */
typedef enum {
    NUB_CONFIG_ERROR_READ,
    NUB_CONFIG_ERROR_SYNTAX,
    NUB_CONFIG_ERROR_UNKNOWN_KEY,
    NUB_CONFIG_ERROR_DUPLICATE,
    NUB_CONFIG_ERROR_TYPE,
    NUB_CONFIG_ERROR_VALUE,
    NUB_CONFIG_ERROR_MISSING,
    NUB_CONFIG_ERROR_OPTION,
    NUB_CONFIG_ERROR_NO_BACKEND
} NubConfigError;

/**
 * NubLoadError:
 * @NUB_LOAD_ERROR_NOT_FOUND: no such file on the search path
 * @NUB_LOAD_ERROR_OPEN: the dynamic linker refuses it
 * @NUB_LOAD_ERROR_NO_ENTRY: it does not export the entry of a module, or that answers nothing
 * @NUB_LOAD_ERROR_VERSION: it speaks another version of the plugin ABI
 * @NUB_LOAD_ERROR_TOO_SHORT: one of its structs ends before the members that every version has
 * @NUB_LOAD_ERROR_INCOMPLETE: a mandatory function or string is missing
 * @NUB_LOAD_ERROR_INVALID: what it declares about itself contradicts the ABI
 *
 * What a module is.
 *
 * Since: 0.1
 */
typedef enum {
    NUB_LOAD_ERROR_NOT_FOUND,
    NUB_LOAD_ERROR_OPEN,
    NUB_LOAD_ERROR_NO_ENTRY,
    NUB_LOAD_ERROR_VERSION,
    NUB_LOAD_ERROR_TOO_SHORT,
    NUB_LOAD_ERROR_INCOMPLETE,
    NUB_LOAD_ERROR_INVALID
} NubLoadError;

#define NUB_ERROR (nub_error_quark())
#define NUB_CONFIG_ERROR (nub_config_error_quark())
#define NUB_LOAD_ERROR (nub_load_error_quark())

/**
 * nub_error_quark:
 *
 * The domain of what a call did.
 *
 * Returns: %NUB_ERROR.
 * Since: 0.1
 */
NUB_AVAILABLE_IN_0_1
GQuark nub_error_quark(void);

/**
 * nub_config_error_quark:
 *
 * The domain of what a configuration says.
 *
 * Returns: %NUB_CONFIG_ERROR.
 * Since: 0.1
 */
NUB_AVAILABLE_IN_0_1
GQuark nub_config_error_quark(void);

/**
 * nub_load_error_quark:
 *
 * The domain of what a module is.
 *
 * Returns: %NUB_LOAD_ERROR.
 * Since: 0.1
 */
NUB_AVAILABLE_IN_0_1
GQuark nub_load_error_quark(void);

/**
 * nub_error_get_hash:
 * @error: an error of any domain
 * @hash: (out caller-allocates): the capability that the error names
 *
 * Many errors of %NUB_ERROR name a capability: the referent that is missing, the cap that is no
 * Instance.
 *
 * Returns: %TRUE when @error names one; else %FALSE, and @hash is zero.
 * Since: 0.1
 */
NUB_AVAILABLE_IN_0_1
gboolean nub_error_get_hash(const GError *error, NubHash *hash);

/**
 * nub_error_get_address:
 * @error: an error of any domain
 * @address: (out): the address that the error names
 *
 * %NUB_ERROR_NOT_MAPPED and %NUB_ERROR_ALREADY_MAPPED name the address of a page,
 * %NUB_ERROR_BAD_ENCODING the offset of a byte.
 *
 * Returns: %TRUE when @error names one; else %FALSE, and @address is 0.
 * Since: 0.1
 */
NUB_AVAILABLE_IN_0_1
gboolean nub_error_get_address(const GError *error, guint64 *address);

/**
 * nub_error_to_string: (skip)
 * @code: a #NubError
 *
 * Names an error for people.
 *
 * Returns: (transfer none): the name in <nub/status.def>, such as "BAD_ENCODING", or "UNKNOWN".
 * Since: 0.1
 */
NUB_AVAILABLE_IN_0_1
const char *nub_error_to_string(NubError code);

G_END_DECLS

#endif
