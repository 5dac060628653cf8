/* The entry answers nothing. */
#include <nub/plugin.h>
#include <stddef.h>

NUB_PLUGIN_EXPORT const struct nub_plugin *nub_plugin_entry(void);
NUB_PLUGIN_EXPORT const struct nub_plugin *
nub_plugin_entry(void)
{
    return NULL;
}
