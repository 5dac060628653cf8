#!/bin/sh
# conform.sh NUB CONFIG - nub conform on the kvm backend; 77 (skipped) where there is no /dev/kvm, unless
# NUB_REQUIRE_KVM is set.
set -eu
if [ ! -r /dev/kvm ] || [ ! -w /dev/kvm ]; then
    echo "no /dev/kvm here, or no permission for it"
    [ "${NUB_REQUIRE_KVM:-}" = 1 ] && exit 1
    exit 77
fi
exec "$1" conform --backend kvm --strict --config "$2"
