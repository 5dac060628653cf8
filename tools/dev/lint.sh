#!/bin/sh
# lint.sh - what a machine can check about style; see CONTRIBUTING.md for the rest.
set -eu
status=0
complain() {
    printf '%s\n' "$*" >&2
    status=1
}

c_files=$(git ls-files '*.c')
all_files=$(git ls-files '*.c' '*.h' '*.S' '*.sh' '*.py' '*.cmake' '*.md' '*.def' dev '*CMakeLists.txt' '*.yaml' | grep -v '^tests/vectors/' || true)

# Sources are formatted; headers keep one prototype a line and are not.
for file in $c_files; do
    clang-format --dry-run --Werror "$file" >/dev/null 2>&1 || complain "$file: not formatted (clang-format -i $file)"
done

# Files stay walkable. A longer one says why with a line "lint: long file: REASON".
for file in $c_files $(git ls-files '*.h' '*.S'); do
    lines=$(wc -l <"$file")
    if [ "$lines" -gt 800 ] && ! grep -q 'lint: long file:' "$file"; then
        complain "$file: $lines lines (800 at most)"
    fi
done

# Functions fit a screen or two: 120 lines at most. A longer one says why: "lint: long function: REASON".
for file in $c_files; do
    awk -v file="$file" '
        /^\{/ { start = NR; why = 0 }
        /lint: long function:/ { why = 1 }
        /^\}/ { if (start && NR - start > 120 && !why) { printf "%s:%d: function of %d lines (120 at most)\n", file, start, NR - start; bad = 1 } start = 0 }
        END { exit bad }' "$file" >&2 || status=1
done

# Every source opens with a comment that says what the file is for.
for file in $c_files $(git ls-files '*.h'); do
    head -n 1 "$file" | grep -q '^/\*' || complain "$file: no opening comment"
done

# Layers: freestanding code includes no libc header, plugins no GLib, core neither pvm nor a backend.
for file in $(git ls-files 'core/model/*.[ch]' 'core/pvm/*.[ch]'); do
    grep -nE '^#include <' "$file" | grep -vE '<(nub/(types|plugin)\.h|nub/status\.def|std(int|def|bool|arg)\.h|cpuid\.h)>' |
        while IFS= read -r line; do echo "$file:$line: not freestanding"; done | grep . >&2 && status=1
done
for file in $(git ls-files 'backends/*.[ch]' 'plugins/*.[ch]'); do
    if grep -qE '^#include <(glib|gio|nub/nub)' "$file"; then
        complain "$file: backends are plain C, without GLib"
    fi
done
for file in $(git ls-files 'core/*.c'); do
    case "$file" in core/model/* | core/pvm/*) continue ;; esac
    if grep -qE '^#include "(isa|program|gas|memplan|disasm)\.h"' "$file"; then
        complain "$file: core does not include core/pvm"
    fi
done

# No goto in hosted code; no unfinished business; no machine paths.
for file in $c_files; do
    case "$file" in core/pvm/* | core/model/* | backends/guest_x86/*) continue ;; esac
    if grep -qE '^[[:space:]]+goto [a-z_]+;' "$file"; then
        complain "$file: goto (use g_autoptr or a cleanup attribute)"
    fi
done
for file in $all_files; do
    case "$file" in tools/dev/lint.sh) continue ;; esac
    if grep -nwE 'TODO|FIXME|XXX' "$file" >&2; then
        complain "$file: unfinished business"
    fi
    if grep -nE '(/work/|/home/|/root/)' "$file" >&2; then
        complain "$file: a path of one machine"
    fi
done

if command -v codespell >/dev/null; then
    # shellcheck disable=SC2086 # a list of words
    codespell -q 3 -L 'ro,fo,te,nd,ans,inout,hist,ot,rela,sie,mis,ue,crate,statics,ser,ba,gir' $all_files || status=1
fi
[ "$status" -eq 0 ] && echo "lint: clean"
exit "$status"
