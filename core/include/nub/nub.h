/* nub/nub.h - everything an embedder needs: include this one
 *
 *     registry = nub_registry_new_default(&error);
 *     kernel = nub_registry_open(registry, NULL, &error);
 *     nub_kernel_put_cap(kernel, cap, &hash, &error);
 *     nub_kernel_invoke_cached(kernel, &hash, 0, NULL, 1000000, &result, &error);
 *
 * Backends are written against <nub/plugin.h>, which needs none of this.
 */
#ifndef NUB_NUB_H
#define NUB_NUB_H

#include <nub/bundle.h>
#include <nub/call.h>
#include <nub/cap.h>
#include <nub/config.h>
#include <nub/error.h>
#include <nub/host.h>
#include <nub/kernel.h>
#include <nub/registry.h>
#include <nub/session.h>
#include <nub/store.h>
#include <nub/value.h>
#include <nub/version.h>

#endif
