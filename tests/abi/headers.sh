#!/bin/sh
# Compiles each public header on its own: headers.sh MODE CC CXX INCLUDE_DIR
# plugin.h and types.h without GLib, the others with it. Warnings are errors.
set -eu
mode=$1 cc=$2 cxx=$3 include=$4
glib=$(pkg-config --cflags gio-2.0 | sed 's/-I/-isystem /g')

case $mode in
    c++*) compiler=$cxx language=c++ ;;
    *) compiler=$cc language=c ;;
esac

for header in "$include"/nub/*.h; do
    name=$(basename "$header")
    case $name in
        plugin.h | types.h) flags= ;;
        *) flags=$glib ;;
    esac
    # Twice: the guard holds.
    printf '#include <nub/%s>\n#include <nub/%s>\n' "$name" "$name" |
        "$compiler" -x $language -std="$mode" -Wall -Wextra -Wpedantic -Werror -fsyntax-only -I"$include" $flags - ||
        { echo "$name does not compile as $mode" >&2; exit 1; }
done

# A program that pins a later version than it may use is told so.
if [ $language = c ]; then
    if printf '#define NUB_VERSION_MAX_ALLOWED 0\n#include <nub/nub.h>\nint f(void);\nint f(void) { return *nub_version_string(); }\n' |
        "$compiler" -x c -std="$mode" -Werror -fsyntax-only -I"$include" $glib - 2>/dev/null; then
        echo "NUB_VERSION_MAX_ALLOWED is not obeyed" >&2
        exit 1
    fi
fi
