/* link-test.h - compile, link and run guest programs from tests */
#ifndef NUB_TESTS_LINK_TEST_H
#define NUB_TESTS_LINK_TEST_H

#include <nub/nub.h>
#include "cc.h"
#include "link.h"

/** A program that is ready to be called. */
typedef struct {
    NubKernel *kernel; /* of this build tree */
    NubHash instance;
    char **endpoints;
    NubLinkStats stats;
} LinkProgram;

/** Whether clang-19 and ld.lld-19 are there; if not, the running test is skipped, visibly. */
gboolean link_test_has_tools(void);
/** Compiles `source` (called `name`, its suffix says what it is) with `flags` (blank-separated) to an ELF file; fails the test if that fails. */
GBytes *link_test_compile(const char *name, const char *source, const char *flags);
/** The same as a native shared object; the path of it. The caller removes it. */
char *link_test_compile_native(const char *source, const char *flags);
/** Links; the test fails with the messages if that fails. */
void link_test_link(GBytes *elf, NubLinkOutput *output);
/** Links `elf` and publishes the program on a kernel of its own: the interpreter. */
LinkProgram *link_test_load(GBytes *elf);
/** The same on another backend; NULL if it does not open here. */
LinkProgram *link_test_load_on(GBytes *elf, const char *backend);
/** The number of the endpoint with this name. */
guint32 link_test_endpoint(const LinkProgram *program, const char *name);
/** Calls an endpoint; the test fails unless the run halts. */
guint64 link_test_call(const LinkProgram *program, guint32 endpoint, guint64 a0, guint64 a1, guint64 a2, guint64 a3);
void link_test_free(LinkProgram *program);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(LinkProgram, link_test_free)

#endif
