#!/bin/sh
# Every module exports its entry and nothing else: modules.sh FILE...
set -eu
[ $# -gt 0 ]
for module in "$@"; do
    symbols=$(nm -D --defined-only "$module" | awk '{ print $3 }' | sed 's/@.*//')
    [ "$symbols" = nub_plugin_entry ] || {
        echo "$module exports:" $symbols >&2
        exit 1
    }
done
echo "$# modules"
