/* debug.h - the side file OUT.nubdbg of a bundle OUT.nub: names and lines, by program counter
 *
 * `nub link` and `nub cc` write it; nothing needs it. A text of lines, in this order:
 *
 *   nub-debug 1
 *   instance HASH             the bundle that it belongs to
 *   endpoint INDEX NAME       one for each
 *   function PC NAME          from this pc up to the next one's; "?" where there is none
 *   file INDEX NAME           before the first line that mentions it
 *   line PC FILE LINE         from this pc up to the next one's
 *
 * A file that is damaged or belongs to another bundle is no side file: it is left alone.
 */
#ifndef NUB_TOOLS_DEBUG_H
#define NUB_TOOLS_DEBUG_H

#include <nub/nub.h>
#include <stdbool.h>

typedef struct nub_debug NubDebug;

/** Where a program counter is. Strings belong to the NubDebug; NULL: not known. */
typedef struct {
    const char *function;
    const char *file;
    guint32 line;
} NubDebugPlace;

/** Parses the text of a side file; NULL if it is damaged. */
NubDebug *nub_debug_parse(const char *text, gsize size);
/** The side file beside BUNDLE.nub, if it is there and belongs to the bundle whose root is `root`; else NULL. */
NubDebug *nub_debug_load(const char *bundle, const NubHash *root);
void nub_debug_free(NubDebug *debug);
/** The name of the side file of a bundle: k.nub has k.nubdbg. Free with g_free(). */
char *nub_debug_file_name(const char *bundle);
const NubHash *nub_debug_get_instance(const NubDebug *debug);
/** The endpoint with this name; false if there is none. */
bool nub_debug_find_endpoint(const NubDebug *debug, const char *name, guint32 *index);
/** The names of all endpoints, "add, mul"; free with g_free(). */
char *nub_debug_list_endpoints(const NubDebug *debug);
/** False where nothing is known. */
bool nub_debug_find_place(const NubDebug *debug, guint32 pc, NubDebugPlace *place);
/** The `index`th function, in the order of pcs: "?" is none, and each goes up to the next; false beyond the last. */
bool nub_debug_get_function(const NubDebug *debug, guint index, guint32 *pc, const char **name);
/** The `index`th line, in the order of pcs; `file` may be NULL and `line` 0; false beyond the last. */
bool nub_debug_get_line(const NubDebug *debug, guint index, guint32 *pc, const char **file, guint32 *line);
/** "permute (keccak.c:12)"; free with g_free(). */
char *nub_debug_describe(const NubDebugPlace *place);
/**
 * A disassembly with comments: at each label whose name is L and a program counter, where that is, when it is
 * another place than before. The text assembles to the same bytes. Free with g_free().
 */
char *nub_debug_annotate(const NubDebug *debug, const char *text);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(NubDebug, nub_debug_free)

#endif
