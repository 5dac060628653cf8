#!/bin/sh
# test-fetch.sh SOURCE_DIRECTORY TEST_PROGRAM... - what happens when third-party sources cannot be fetched
#
# An archive that refuses connections, one that hands out broken files and one that mends them, all on this
# machine. The build goes on and says what is left out; TEST_PROGRAMs are skipped with the reason.
set -eu
source=$1
shift
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
fetch="$source/sdk/third-party/fetch.sh"
step=start

fail() {
    echo "$step: $*" >&2
    cat "$work/log" >&2
    exit 1
}

# the log of the last command says this
says() {
    grep -q -- "$1" "$work/log" || fail "nothing says '$1'"
}

step="nobody listens"
mkdir -p "$work/etc"
echo 'deb http://127.0.0.1:9/debian stable main' >"$work/etc/sources.list"
export NUB_APT_ETC="$work/etc"
sh "$fetch" "$work/out" zlib newlib lua5.4 >"$work/log" 2>&1 || fail "fetch.sh fails"
for package in zlib newlib lua5.4; do
    says "$package is not to be had.*127.0.0.1"
    [ ! -e "$work/out/$package" ] || fail "$package is there"
done
cmake -S "$source/sdk/third-party" -B "$work/out/guest" -G Ninja --toolchain "$source/sdk/nub-guest.cmake" \
    "-DNUB_SOURCES=$work/out" >"$work/log" 2>&1 || fail "cmake fails"
says "left out: the C library.*no sources of newlib.*127.0.0.1"
says "left out: lua.elf: no sources of lua5.4.*127.0.0.1"
cmake --build "$work/out/guest" >"$work/log" 2>&1 || fail "the build fails"
for program; do
    step="nobody listens, $program"
    status=0
    NUB_TEST_THIRD_PARTY="$work/out" "$program" >"$work/log" 2>&1 || status=$?
    [ "$status" -eq 77 ] || fail "exit status $status instead of 77"
    says "^ok .* # SKIP .*no sources of .*127.0.0.1"
    ! grep '^not ok\|^ok' "$work/log" | grep -v SKIP || fail "something was not skipped"
done

# an archive with one small package
step="an archive of files"
archive=$work/archive
mkdir -p "$archive/tiny-1"
echo 'int tiny;' >"$archive/tiny-1/tiny.c"
tar -C "$archive" -cJf "$archive/tiny_1.orig.tar.xz" tiny-1
tar -C "$archive" -cJf "$archive/tiny_1-1.debian.tar.xz" tiny-1
entries() {
    for name; do
        echo " $($sum "$archive/$name" | cut -d' ' -f1) $(wc -c <"$archive/$name") $name"
    done
}
{
    printf 'Format: 3.0 (quilt)\nSource: tiny\nVersion: 1-1\nChecksums-Sha256:\n'
    sum=sha256sum entries tiny_1.orig.tar.xz tiny_1-1.debian.tar.xz
    printf 'Files:\n'
    sum=md5sum entries tiny_1.orig.tar.xz tiny_1-1.debian.tar.xz
} >"$archive/tiny_1-1.dsc"
{
    printf 'Package: tiny\nBinary: tiny\nVersion: 1-1\nFormat: 3.0 (quilt)\nDirectory: .\nChecksums-Sha256:\n'
    sum=sha256sum entries tiny_1-1.dsc tiny_1.orig.tar.xz tiny_1-1.debian.tar.xz
    printf 'Files:\n'
    sum=md5sum entries tiny_1-1.dsc tiny_1.orig.tar.xz tiny_1-1.debian.tar.xz
} >"$archive/Sources"
echo "deb [trusted=yes] copy:$archive ./" >"$work/etc/sources.list"
cp "$archive/tiny_1.orig.tar.xz" "$work/good"

for fault in truncated changed missing; do
    step="the archive's file is $fault"
    case $fault in
    truncated) head -c 100 "$work/good" >"$archive/tiny_1.orig.tar.xz" ;;
    changed)
        cp "$work/good" "$archive/tiny_1.orig.tar.xz"
        printf X | dd of="$archive/tiny_1.orig.tar.xz" bs=1 seek=60 conv=notrunc status=none
        ;;
    missing) rm "$archive/tiny_1.orig.tar.xz" ;;
    esac
    sh "$fetch" "$work/out" tiny >"$work/log" 2>&1 || fail "fetch.sh fails"
    says "tiny is not to be had"
    [ ! -e "$work/out/tiny" ] || fail "tiny is there"
    [ -s "$work/out/tiny.missing" ] || fail "the reason is not there"
done

step="the archive is whole again"
cp "$work/good" "$archive/tiny_1.orig.tar.xz"
sh "$fetch" "$work/out" tiny >"$work/log" 2>&1 || fail "fetch.sh fails"
cmp -s "$archive/tiny-1/tiny.c" "$work/out/tiny/tiny.c" || fail "tiny is not there"
[ ! -e "$work/out/tiny.missing" ] || fail "tiny.missing is still there"

step="what was fetched stays when the archive is gone"
rm -r "$archive"
sh "$fetch" "$work/out" tiny >"$work/log" 2>&1 || fail "fetch.sh fails"
[ -e "$work/out/tiny/tiny.c" ] || fail "tiny is gone"
[ ! -s "$work/log" ] || fail "there is something to say"
