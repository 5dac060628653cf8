/* tape-hosts.c - the host table of a tape, for a NubCall
 *
 * The tape speaks <nub/plugin.h>, a call wants a NubHostTable: each entry of the one becomes one of
 * the other.
 */
#include "tape-hosts.h"

static NubHostVerdict
on_host_call(NubHostCall *call, gpointer data)
{
    const struct nub_host_entry *entry = data;

    return (NubHostVerdict)entry->call(entry->ctx, call);
}

NubHostTable *
nub_tape_hosts(struct tape *tape)
{
    const struct nub_host_table *table = tape_table(tape);
    NubHostTable *hosts = nub_host_table_new();

    for (guint32 i = 0; i < table->n_entries; i++)
        nub_host_table_add(hosts, table->entries[i].number, table->entries[i].price, on_host_call,
                           (gpointer)&table->entries[i], NULL);
    return hosts;
}
