/* cc.h - C sources to an ELF file that nub_link_elf() takes
 *
 * Runs clang and ld.lld of LLVM 19 with the flags that the linker wants, and the guest runtime of sdk/.
 */
#ifndef NUB_TOOLS_CC_H
#define NUB_TOOLS_CC_H

#include <glib.h>

G_BEGIN_DECLS

#define NUB_CC_ERROR (nub_cc_error_quark())
GQuark nub_cc_error_quark(void);

/** What NUB_CC_ERROR says. */
typedef enum {
    NUB_CC_ERROR_MISSING, /* clang-19, ld.lld-19, the SDK or the C library is not there */
    NUB_CC_ERROR_FAILED,  /* one of them failed; it has said why on stderr */
} NubCcError;

/** What is to be compiled. Lists are NULL-terminated or NULL. */
typedef struct {
    const char *const *inputs;  /* C and assembly sources, objects, archives */
    const char *const *flags;   /* for the compiler: -O2, -DX, -Idir, -Wall ... */
    const char *const *exports; /* functions to keep though nothing calls them */
    gboolean libc;              /* with the C library: hosted C instead of freestanding */
} NubCcOptions;

/** The flags that make clang compile for this machine, NULL-terminated; what the CMake toolchain file repeats. */
extern const char *const nub_cc_target_flags[];
/** The flags that ld.lld gets, likewise. */
extern const char *const nub_cc_link_flags[];

/** The ELF file's bytes, or NULL with @error. */
GBytes *nub_cc_build(const NubCcOptions *options, GError **error);

G_END_DECLS

#endif
