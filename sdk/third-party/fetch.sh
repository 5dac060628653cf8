#!/bin/sh
# fetch.sh DIRECTORY PACKAGE... - Debian source packages, unpacked into DIRECTORY/PACKAGE
#
# Third-party code is not in this tree. The sources come from where the machine's packages come from: the
# configured entries with "deb" turned into "deb-src", in an apt directory of its own under DIRECTORY, so
# that nothing of the system changes. apt checks signatures and sums as always. NUB_APT_ETC names another
# directory than /etc/apt, APT_CONFIG is apt's own.
#
# A package is there whole or not at all. What cannot be had is said, and why, and in DIRECTORY/PACKAGE.missing
# for the tests that are skipped for it.
set -eu
directory=$1
shift
etc=${NUB_APT_ETC:-/etc/apt}
mkdir -p "$directory/apt/lists/partial" "$directory/apt/parts" "$directory/apt/cache/archives/partial"
directory=$(cd "$directory" && pwd)
apt=$directory/apt
log=$apt/log

rm -f "$apt/parts"/* "$apt/sources.list"
for file in "$etc"/sources.list.d/*.sources; do
    [ -f "$file" ] && sed 's/^Types:.*/Types: deb-src/' "$file" >"$apt/parts/$(basename "$file")"
done
: >"$apt/sources.list"
for file in "$etc"/sources.list "$etc"/sources.list.d/*.list; do
    [ -f "$file" ] && sed -n 's/^deb /deb-src /p' "$file" >>"$apt/sources.list"
done

get() {
    LC_ALL=C apt-get -q -o Dir::State::lists="$apt/lists" -o Dir::Etc::sourceparts="$apt/parts" \
        -o Dir::Etc::sourcelist="$apt/sources.list" -o Dir::Cache="$apt/cache" \
        -o Dir::Cache::pkgcache= -o Dir::Cache::srcpkgcache= -o APT::Sandbox::User=root "$@"
}

# the first thing that apt complained of
complaint() {
    sed -n 's/^[EW]: *//p' "$log" | head -n 1
}

# into $new/tree; upstream's archives only, Debian's changes are not applied
unpack() {
    mkdir "$new/tree" || return 1
    for archive in "$new"/*.orig.tar.*; do
        case "$archive" in
        *.asc) ;;
        *) tar -xf "$archive" -C "$new/tree" --strip-components=1 >>"$log" 2>&1 || return 1 ;;
        esac
    done
}

missing() {
    echo "fetch: $1 is not to be had, what needs it is left out: $2" >&2
    echo "$2" >"$directory/$1.missing"
}

lists=
new=$directory/new
for package; do
    if [ -d "$directory/$package" ]; then
        rm -f "$directory/$package.missing"
        continue
    fi
    if [ -z "$lists" ]; then
        get -o APT::Update::Error-Mode=any update >"$log" 2>&1 && lists=ok || lists=$(complaint)
    fi
    rm -rf "$new"
    mkdir "$new"
    if ! (cd "$new" && get --download-only source "$package") >"$log" 2>&1; then
        reason=$(complaint)
        [ "$lists" = ok ] || reason="$reason (the package lists: $lists)"
        missing "$package" "$reason"
    elif ! unpack; then
        missing "$package" "its archive cannot be unpacked: $(tail -n 1 "$log")"
    else
        mv "$new/tree" "$directory/$package"
        rm -f "$directory/$package.missing"
        echo "fetch: $package"
    fi
    rm -rf "$new"
done
