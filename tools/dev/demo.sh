#!/bin/sh
# demo.sh TREE - what nub does, shown on real programs: compile, publish, run, compare, check.
set -eu
tree=$1
nub="$tree/bin/nub"
out="$tree/demo"
mkdir -p "$out"

show() {
    printf '\n$ nub'
    printf ' %s' "$@"
    printf '\n'
    "$nub" "$@"
}

printf '\n== backends of this machine\n'
show backends

printf '\n== a C program becomes a bundle of capabilities\n'
show cc examples/hello.c -o "$out/hello.nub"
show inspect "$out/hello.nub"

printf '\n== it runs, metered, and talks through the host calls it is given\n'
show run "$out/hello.nub" reader

printf '\n== keccak-256, on every backend that opens: results and gas must be equal\n'
show cc examples/keccak.c -o "$out/keccak.nub"
show run --backend all "$out/keccak.nub"

printf '\n== the specification, checked on the local backend\n'
"$nub" conform --backend local | tail -n 1

if [ -f tools/dev/demo-ledger.sh ]; then
    sh tools/dev/demo-ledger.sh "$tree"
fi

printf '\n== what to type next\n'
cat <<NEXT
    export PATH="$(cd "$tree/bin" && pwd):\$PATH"
    nub help                                      # all commands; nub COMMAND --help
    nub run $out/keccak.nub --json
    nub inspect $out/keccak.nub
README.md says how to install it and how to embed it.
NEXT
