#!/bin/sh
# fetch.sh DIRECTORY PACKAGE... - Debian source packages, unpacked into DIRECTORY/PACKAGE
#
# Third-party code is not in this tree. The sources come from where the machine's packages come from: the
# configured entries with "deb" turned into "deb-src", in an apt directory of its own under DIRECTORY, so
# that nothing of the system changes. apt checks signatures as always. What cannot be fetched is said and skipped.
set -eu
directory=$1
shift
mkdir -p "$directory/apt/lists/partial" "$directory/apt/parts" "$directory/apt/cache/archives/partial"
directory=$(cd "$directory" && pwd)
apt=$directory/apt

rm -f "$apt/parts"/* "$apt/sources.list"
for file in /etc/apt/sources.list.d/*.sources; do
    [ -f "$file" ] && sed 's/^Types:.*/Types: deb-src/' "$file" >"$apt/parts/$(basename "$file")"
done
: >"$apt/sources.list"
for file in /etc/apt/sources.list /etc/apt/sources.list.d/*.list; do
    [ -f "$file" ] && sed -n 's/^deb /deb-src /p' "$file" >>"$apt/sources.list"
done

get() {
    apt-get -q -o Dir::State::lists="$apt/lists" -o Dir::Etc::sourceparts="$apt/parts" \
        -o Dir::Etc::sourcelist="$apt/sources.list" -o Dir::Cache="$apt/cache" \
        -o Dir::Cache::pkgcache= -o Dir::Cache::srcpkgcache= -o APT::Sandbox::User=root "$@"
}

get update >/dev/null || {
    echo "fetch: the package lists cannot be fetched: no third-party sources" >&2
    exit 0
}
for package; do
    [ -d "$directory/$package" ] && continue
    rm -rf "$directory/new"
    mkdir "$directory/new"
    if (cd "$directory/new" && get --download-only source "$package" >/dev/null 2>&1); then
        mkdir "$directory/new/tree"
        for archive in "$directory/new"/*.orig.tar.*; do
            case "$archive" in
            *.asc) ;;
            *) tar -xf "$archive" -C "$directory/new/tree" --strip-components=1 ;;
            esac
        done
        mv "$directory/new/tree" "$directory/$package"
        echo "fetch: $package"
    else
        echo "fetch: $package is not to be had: what needs it is skipped" >&2
    fi
    rm -rf "$directory/new"
done
