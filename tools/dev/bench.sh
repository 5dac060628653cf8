#!/bin/sh
# bench.sh TREE [NAME] - runs the benchmarks of a tree, all or those whose name contains NAME.
set -eu
tree=$1
only=${2:-}
for program in "$tree"/bench/bench-*; do
    [ -x "$program" ] && [ -f "$program" ] || continue
    case "$(basename "$program")" in
    *"$only"*) ;;
    *) continue ;;
    esac
    printf '\n== %s\n' "$(basename "$program")"
    "$program" || echo "(ended with $?)"
done
