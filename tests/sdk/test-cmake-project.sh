#!/bin/sh
# test-cmake-project.sh NUB SOURCE_DIRECTORY THIRD_PARTY_DIRECTORY - an existing CMake project, unmodified
#
# cJSON with its own CMakeLists.txt, for this machine and, with sdk/nub-guest.cmake, for nub: its test programs write the
# same on every backend that opens. 77 (skipped) where the target nub-third-party could not fetch it.
set -eu
nub=$1
source=$2
third_party=$3
for needed in newlib cjson; do
    if [ ! -d "$third_party/$needed" ]; then
        echo "no sources of $needed: $(cat "$third_party/$needed.missing" 2>/dev/null || echo build the target nub-third-party)"
        exit 77
    fi
done
if [ ! -f "$third_party/guest/sysroot/lib/libc.a" ]; then
    echo "no C library: build the target nub-third-party"
    exit 77
fi
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

project() {
    tree=$1
    shift
    { cmake -S "$third_party/cjson" -B "$work/$tree" -G Ninja -Wno-dev -Wno-deprecated -DBUILD_SHARED_LIBS=OFF \
        -DENABLE_CUSTOM_COMPILER_FLAGS=OFF "$@" && cmake --build "$work/$tree"; } >"$work/log" 2>&1 || {
        cat "$work/log"
        exit 1
    }
}
project native
project guest --toolchain "$source/sdk/nub-guest.cmake" "-DNUB_SYSROOT=$third_party/guest/sysroot"

backends=$("$nub" backends | awk '$2 == "open" { print $1 }')
programs=0
for native in "$work"/native/cJSON_test "$work"/native/tests/*; do
    name=${native#"$work/native/"}
    # parse_examples reads files, and there are none
    [ -f "$native" ] && [ -x "$native" ] && [ "$name" != tests/parse_examples ] || continue
    (cd "$work" && "$native") >"$work/want"
    # its headers make every function of the library an endpoint, which are too many
    "$nub" link "$work/guest/$name" --export main -o "$work/program.nub"
    for backend in $backends; do
        # what nub says of the run stands behind what the program wrote
        "$nub" run --backend "$backend" "$work/program.nub" >"$work/all"
        head -c "$(wc -c <"$work/want")" "$work/all" | cmp - "$work/want"
        tail -c +"$(($(wc -c <"$work/want") + 1))" "$work/all" | head -n 1 | grep -q "^backend  $backend$" || {
            echo "$name on $backend wrote more than the native program"
            exit 1
        }
    done
    programs=$((programs + 1))
done
echo "$programs programs on $(echo $backends)"
[ "$programs" -ge 15 ]
