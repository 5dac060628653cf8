/* plugin.c - the entry of the module nub-local; everything is in local.c */
#include <nub/plugin.h>

extern const struct nub_plugin nub_local_plugin;

NUB_PLUGIN_DEFINE(local, nub_local_plugin)
