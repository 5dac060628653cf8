/* link-cmd.h - what `nub link` and `nub cc` share */
#ifndef NUB_TOOLS_LINK_CMD_H
#define NUB_TOOLS_LINK_CMD_H

#include "cli.h"
#include "link.h"

/**
 * Links `elf`, called `name` in messages, and writes OUT.nub and OUT.nubdbg. Prints every problem, and with --json or `stats`
 * what came out. Returns enum nub_cli_exit.
 */
int nub_link_command(const char *name, GBytes *elf, const NubLinkOptions *options, const char *output, bool stats);

#endif
