#!/bin/sh
# demo-ledger.sh TREE - a ledger with a state root for each block, on every backend of this machine.
#
# 10,000 transfers in 20 blocks; each block is a process of its own that finds the state in a store, by
# the hash of the head, and commits the next. First each backend alone, then all of them in turns.
set -eu
tree=$1
nub="$tree/bin/nub"
out="$tree/demo/ledger"
blocks=20
per_block=500

rm -rf "$out"
mkdir -p "$out"

printf '\n== a ledger: 4096 accounts, %s blocks of %s transfers, a state root for each block\n' "$blocks" "$per_block"
"$nub" cc examples/ledger.c -o "$out/ledger.nub"
awk -v blocks="$blocks" -v per_block="$per_block" -v out="$out" 'BEGIN {
    state = 1
    for (b = 1; b <= blocks; b++)
        for (t = 0; t < per_block; t++) {
            for (i = 0; i < 3; i++) word[i] = state = (state * 69069 + 12345) % 4294967296
            printf "%d %d %d\n", word[0] / 1048576, word[1] / 1048576, word[2] % 3000 >(out "/block-" b)
        }
}'
head -n 2 "$out/block-1" | sed 's/^/block 1: /'

# The head after each block goes to FILE.
chain() { # CONFIG FILE BACKEND...
    config=$1 roots=$2
    shift 2
    first=$("$nub" store put --config "$config" "$out/ledger.nub" | cut -d ' ' -f 1)
    "$nub" invoke --config "$config" --backend "$1" "$first" --endpoint 2 --arg 1000 --commit --advance >"$out/answer"
    b=1
    while [ "$b" -le "$blocks" ]; do
        backend=$1
        shift
        set -- "$@" "$backend"
        head=$("$nub" head --config "$config" --backend "$backend" | cut -d ' ' -f 1)
        "$nub" invoke --config "$config" --backend "$backend" "$head" --endpoint 0 --input "$out/block-$b" \
            --commit --advance --expected-head "$head" >"$out/answer"
        "$nub" head --config "$config" --backend "$backend" | cut -d ' ' -f 1 >>"$roots"
        b=$((b + 1))
    done
}

configure() { # NAME: a store of its own, one head for all backends
    {
        printf 'version: 1\nstore: { module: nub-store-lmdb, options: { path: "%s" } }\nbackends:\n' "$out/store-$1"
        for backend in $opens; do
            printf '  - { name: %s, module: nub-%s, head: ledger }\n' "$backend" "$backend"
        done
    } >"$out/$1.yaml"
}

# The backends that open here. The others are named, with their reason.
opens=
for backend in local jit kvm; do
    printf 'version: 1\nbackends: [ { name: %s, module: nub-%s } ]\n' "$backend" "$backend" >"$out/try.yaml"
    if "$nub" head --config "$out/try.yaml" --backend "$backend" >/dev/null 2>"$out/reason"; then
        opens="$opens $backend"
    else
        printf 'left out: '
        cat "$out/reason"
        [ "$backend" != kvm ] || [ "${NUB_REQUIRE_KVM:-}" != 1 ] || exit 1
    fi
done

for name in $opens in-turns; do
    configure "$name"
    case "$name" in
    in-turns) backends=$opens ;;
    *) backends=$name ;;
    esac
    # shellcheck disable=SC2086 # a list of words
    chain "$out/$name.yaml" "$out/roots-$name" $backends
    printf '%-9s root after block %s: %s\n' "$name" "$blocks" "$(tail -n 1 "$out/roots-$name")"
    cmp "$out/roots-$name" "$out/roots-local" || {
        echo "demo-ledger: $name has other roots than local" >&2
        exit 1
    }
done

head=$(tail -n 1 "$out/roots-local")
total=$("$nub" invoke --config "$out/local.yaml" --backend local "$head" --endpoint 3 | sed -n 's/^value *//p')
printf 'all %s roots are equal; the total is still %s; ' "$blocks" "${total% *}"
"$nub" store verify --config "$out/in-turns.yaml"
