/* capfile.h - a file with one capability or a bundle of them, whichever it is */
#ifndef NUB_TOOLS_CAPFILE_H
#define NUB_TOOLS_CAPFILE_H

#include <nub/nub.h>
#include <stdbool.h>

typedef struct {
    bool is_bundle;
    GPtrArray *caps; /* NubCap, at least one; the last is the root */
    gsize size;      /* of the file */
} NubCapFile;

/** NULL with a message on stderr that names the file, the capability and the field. */
NubCapFile *nub_cap_file_load(const char *file);
void nub_cap_file_free(NubCapFile *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(NubCapFile, nub_cap_file_free)

#endif
