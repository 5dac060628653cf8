/* hosts.h - host tables: calls of the program that C functions answer (caps.md 4.6) */
#ifndef NUB_LOCAL_HOSTS_H
#define NUB_LOCAL_HOSTS_H

#include "interp.h"
#include <nub/plugin.h>

/** nub_run, answering host calls from `hosts` (may be NULL). `*finished`: a callback ended the run as Halt. */
enum nub_status nub_run_with_hosts(struct nub_machine *machine, const struct nub_host_table *hosts, const struct nub_give_up *give_up, bool *finished, struct nub_failure *failure);

#endif
