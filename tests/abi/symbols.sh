#!/bin/sh
# Compares three lists that must be one: what libnub exports, core/nub.map, and what the headers declare.
# symbols.sh LIBRARY MAP INCLUDE_DIR
set -eu
library=$1 map=$2 include=$3
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

nm -D --defined-only "$library" | awk '$2 == "T" || $2 == "D" || $2 == "B" || $2 == "R" { print $3 }' |
    sed 's/@.*//' | sort -u >"$work/library"
sed -n 's/^    \(nub_[a-z0-9_]*\);$/\1/p' "$map" | sort -u >"$work/map"
{
    # The line after the availability macro has the prototype, or declares a type.
    sed -n '/^NUB_AVAILABLE_IN_/{n;s/.*[ *]\(nub_[a-z0-9_]*\)(.*/\1/p;}' "$include"/*.h | grep -v '^G_'
    sed -n 's/^G_DECLARE_FINAL_TYPE([A-Za-z]*, \(nub_[a-z_]*\),.*/\1_get_type/p' "$include"/*.h
} | sort -u >"$work/headers"

[ -s "$work/library" ] && [ -s "$work/map" ] && [ -s "$work/headers" ]
diff -u --label core/nub.map --label libnub "$work/map" "$work/library"
diff -u --label core/nub.map --label headers "$work/map" "$work/headers"
echo "$(wc -l <"$work/map") symbols"
