#!/bin/sh
# conform.sh NUB CONFIG - nub conform on the kvm backend; 77 (skipped) where there is no /dev/kvm, unless
# NUB_REQUIRE_KVM is set.
set -eu
if ! { [ -c /dev/kvm ] && (exec 3<>/dev/kvm) 2>/dev/null; }; then
    echo "no /dev/kvm here, or no permission for it"
    [ "${NUB_REQUIRE_KVM:-}" = 1 ] && exit 1
    exit 77
fi
exec "$1" conform --backend kvm --strict --config "$2"
