/* plugin.c - the entry of the module nub-kvm; everything is in kvm.c */
#include <nub/plugin.h>

extern const struct nub_plugin nub_kvm_plugin;

NUB_PLUGIN_DEFINE(kvm, nub_kvm_plugin)
