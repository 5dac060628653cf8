#!/bin/sh
# fuzz.sh TREE SECONDS - runs every fuzz target of a clang tree; new inputs stay in TREE/fuzz-corpus.
set -eu
tree=$1
seconds=$2
found=0
for target in "$tree"/tests/fuzz/fuzz-*; do
    [ -x "$target" ] && [ -f "$target" ] || continue
    found=$((found + 1))
    name=$(basename "$target")
    corpus="$tree/fuzz-corpus/$name"
    mkdir -p "$corpus"
    seeds="tests/fuzz/corpus/$name"
    [ -d "$seeds" ] || seeds=
    printf '\n== %s for %s s\n' "$name" "$seconds"
    # shellcheck disable=SC2086 # may be empty
    "$target" -max_total_time="$seconds" -print_final_stats=1 -artifact_prefix="$corpus-" "$corpus" $seeds 2>&1 |
        grep -E 'ERROR|SUMMARY|stat::number_of_executed_units|stat::new_units_added|DONE' || true
    if ls "$corpus"-crash-* "$corpus"-leak-* "$corpus"-timeout-* >/dev/null 2>&1; then
        echo "fuzz: $name found something, see $corpus-*" >&2
        exit 1
    fi
done
[ "$found" -gt 0 ] || {
    echo "fuzz: no target in $tree (NUB_FUZZ needs clang)" >&2
    exit 3
}
