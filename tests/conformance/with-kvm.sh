#!/bin/sh
# with-kvm.sh COMMAND... - runs the command where there is /dev/kvm; else skips visibly (code 77), or
# fails when NUB_REQUIRE_KVM=1 asks for it.
if ! { [ -c /dev/kvm ] && (exec 3<>/dev/kvm) 2>/dev/null; }; then
    echo "skipped: /dev/kvm cannot be opened"
    [ "${NUB_REQUIRE_KVM:-}" = 1 ] && exit 1
    exit 77
fi
exec "$@"
