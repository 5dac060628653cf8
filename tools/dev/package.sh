#!/bin/sh
# package.sh - builds the Debian packages from the committed tree, checks them with lintian, installs them
# into a fresh root made by debootstrap, and uses them there. They stay in build/packages. Needs root, and
# the packages debhelper, dpkg-dev, lintian and debootstrap.
set -eu
work=$(mktemp -d)
root=$work/root
trap 'umount "$root/proc" "$root/dev" 2>/dev/null || true; rm -rf "$work"' EXIT
say() { printf '\n== %s\n' "$*"; }

[ "$(id -u)" -eq 0 ] || { echo "package: needs root, for debootstrap" >&2; exit 3; }
for tool in dpkg-buildpackage lintian debootstrap dh; do
    command -v "$tool" >/dev/null || { echo "package: $tool is missing: apt-get install debhelper dpkg-dev lintian debootstrap" >&2; exit 3; }
done

say "building the packages"
git clone -q . "$work/nub"
(cd "$work/nub" && dpkg-buildpackage -us -uc -b >"$work/build.log" 2>&1) || { tail -30 "$work/build.log"; exit 1; }
mkdir -p build/packages
rm -f build/packages/*.deb
cp "$work"/*.deb build/packages
ls build/packages | sed 's,^,  ,'

say "lintian"
lintian --fail-on error "$work"/*.changes

say "a fresh root"
suite=$(. /etc/os-release && echo "$VERSION_CODENAME")
mirror=$(cat /etc/apt/sources.list /etc/apt/sources.list.d/* 2>/dev/null |
    sed -n 's/^URIs: *//p; s/^deb \(\[[^]]*\] \)\{0,1\}\([^ ]*\) .*/\2/p' | head -n 1)
debootstrap --variant=minbase "$suite" "$root" "$mirror" >"$work/debootstrap.log" 2>&1 || { tail -5 "$work/debootstrap.log"; exit 1; }
mkdir "$root/debs"
cp "$work"/*.deb "$root/debs"
rm -f "$root"/debs/*dbgsym*
mount --bind /proc "$root/proc"
mount --bind /dev "$root/dev"

say "installing and using them"
chroot "$root" apt-get update -qq
chroot "$root" sh -c 'DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends /debs/*.deb gcc libc6-dev pkg-config python3-gi >/dev/null 2>&1'
cp docs/examples/embed.c docs/examples/embed.py "$root/root"
chroot "$root" sh -eu -c '
    cd /root
    nub --version
    nub backends
    nub conform --backend local | tail -n 1
    gcc -o embed embed.c $(pkg-config --cflags --libs nub)
    ./embed
    python3 embed.py'
say "the packages install and work"
