/* difference.h - what makes one Instance of another: the answer to get_changes of the plugin ABI */
#ifndef NUB_MODEL_DIFFERENCE_H
#define NUB_MODEL_DIFFERENCE_H

#include "directory.h"

/**
 * Tells `changes` what `hash` has and `base` has not. Costs what differs and the number of pieces when one came
 * from the other with shared pages (directory.h), else a comparison of every page. Touches no
 * directory: both entries are pinned. NOT_AN_INSTANCE names the entry that is none.
 */
enum nub_status nub_dir_entry_changes(const struct nub_dir_entry *base, const struct nub_dir_entry *entry, const struct nub_changes *changes, struct nub_failure *failure);

#endif
