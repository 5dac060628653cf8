#!/bin/sh
# Installs nub into a fresh prefix and uses it as a stranger would: an embedder and a module, each
# built with CMake and with pkg-config, and run.
# run.sh CMAKE BUILD_DIR SOURCE_DIR CC MULTIARCH_LIBDIR
set -eu
cmake=$1 build=$2 source=$3 cc=$4 libdir=$5
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
prefix=$work/prefix

say() { echo "package: $*"; }
expect() { # expect WANT COMMAND...
    want=$1
    shift
    got=$("$@") || { say "failed: $*"; exit 1; }
    [ "$got" = "$want" ] || { say "$*: expected '$want', got '$got'"; exit 1; }
    say "$want"
}

"$cmake" --install "$build" --prefix "$prefix" >"$work/install.log" 2>&1 || { cat "$work/install.log"; exit 1; }
for file in "$libdir/libnub.so" "$libdir/nub/1/nub-local.so" "$libdir/pkgconfig/nub.pc" \
    "$libdir/cmake/Nub/NubConfig.cmake" include/nub/nub.h include/nub/plugin.h include/nub/status.def; do
    [ -e "$prefix/$file" ] || { say "$file is not installed"; exit 1; }
done

# Nothing installed may know the build tree.
if grep -rIl "$build" "$prefix" | grep .; then
    say "these files name the build tree"
    exit 1
fi

# The tree is moved: nothing may depend on where it was put first.
mv "$prefix" "$work/moved"
prefix=$work/moved
export PKG_CONFIG_PATH="$prefix/$libdir/pkgconfig" LD_LIBRARY_PATH="$prefix/$libdir${LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH}"
unset NUB_CONFIG NUB_PLUGIN_PATH NUB_BACKENDS_SELECT NUB_BACKENDS_DISABLE
export XDG_CONFIG_HOME="$work/no-config" NUB_BACKENDS_DISABLE=kvm

# With CMake.
for project in embedder plugin; do
    "$cmake" -S "$source/tests/package/$project" -B "$work/$project" -DCMAKE_PREFIX_PATH="$prefix" \
        -DCMAKE_C_COMPILER="$cc" -DCMAKE_C_FLAGS="${NUB_TEST_CFLAGS:-}" >"$work/cmake.log" 2>&1 &&
        "$cmake" --build "$work/$project" >>"$work/cmake.log" 2>&1 || { cat "$work/cmake.log"; exit 1; }
done
expect "local: halt 42" "$work/embedder/embedder"

# With pkg-config.
$cc ${NUB_TEST_CFLAGS:-} -o "$work/embedder-pc" "$source/tests/package/embedder/embedder.c" $(pkg-config --cflags --libs nub)
$cc ${NUB_TEST_CFLAGS:-} -shared -fPIC -fvisibility=hidden -o "$work/nub-twice-pc.so" \
    "$source/tests/package/plugin/nub-twice.c" $(pkg-config --cflags-only-I nub)
expect "local: halt 42" "$work/embedder-pc"

# The module, by path, by plugin-path, and installed where bare names are found.
cp "$work/plugin/nub-twice.so" "$(pkg-config --variable=moduledir nub)/"
mkdir "$work/path"
cp "$work/plugin/nub-twice.so" "$work/path/nub-elsewhere.so"
cat >"$work/nub.yaml" <<YAML
version: 1
default: installed
plugin-path: [ path ]
backends:
  - { name: local, module: nub-local }
  - { name: by-path, module: ./nub-twice-pc.so }
  - { name: by-plugin-path, module: nub-elsewhere }
  - { name: installed, module: nub-twice }
YAML
expect "installed: halt 84" "$work/embedder/embedder" "$work/nub.yaml"
expect "by-path: halt 84" "$work/embedder-pc" "$work/nub.yaml" by-path
expect "by-plugin-path: halt 84" "$work/embedder-pc" "$work/nub.yaml" by-plugin-path

# The command, where it was installed.
if [ -x "$prefix/bin/nub" ]; then
    unset LD_LIBRARY_PATH # it finds its library itself
    "$prefix/bin/nub" backends --config "$work/nub.yaml" >"$work/backends.txt" || { cat "$work/backends.txt"; exit 1; }
    grep -q by-plugin-path "$work/backends.txt" || { cat "$work/backends.txt"; exit 1; }
    say "the command lists the module"
    "$cmake" -S "$source/tests/package/conform" -B "$work/conform" -DCMAKE_PREFIX_PATH="$prefix" \
        -DNULL_SOURCE="$source/plugins/null" -DCMAKE_C_COMPILER="$cc" >"$work/conform.log" 2>&1 &&
        "$cmake" --build "$work/conform" >>"$work/conform.log" 2>&1 &&
        "${cmake%cmake}ctest" --test-dir "$work/conform" --output-on-failure >>"$work/conform.log" 2>&1 ||
        { cat "$work/conform.log"; exit 1; }
    say "the template conforms"

    # docs/writing-a-backend.md, line by line, with what was installed.
    examples=$prefix/share/doc/nub/examples
    quietly() { "$@" >"$work/quiet.log" 2>&1 || { cat "$work/quiet.log"; exit 1; }; }
    cd "$work"
    cp -r "$examples/null" first && cd first
    mv null.c first.c && sed -i 's/null/first/g' first.c CMakeLists.txt
    quietly "$cmake" -S . -B build -DCMAKE_PREFIX_PATH="$prefix" -DCMAKE_C_COMPILER="$cc" -DCMAKE_C_FLAGS="${NUB_TEST_CFLAGS:-}"
    quietly "$cmake" --build build
    expect "13 passed, 0 failed, 23 skipped" sh -c "'$prefix/bin/nub' conform --module build/nub-first.so --only 'NP-*' | tail -n 1"
    cp -r "$examples/first-backend" "$work/mine" && cd "$work/mine"
    quietly "$cmake" -S . -B build -DCMAKE_PREFIX_PATH="$prefix" -DCMAKE_C_COMPILER="$cc" -DCMAKE_C_FLAGS="${NUB_TEST_CFLAGS:-}"
    quietly "$cmake" --build build
    quietly "${cmake%cmake}ctest" --test-dir build --output-on-failure
    quietly "$prefix/bin/nub" asm "$examples/gcd.s" -o gcd.nub
    expect "value    4 (0x4)" sh -c "'$prefix/bin/nub' run --config first.yaml gcd.nub --arg 12 --arg 8 2>/dev/null | grep value"
    say "the pages' backend conforms and runs"

    # A recorded run, again on another backend.
    cat >record.yaml <<YAML
version: 1
default: recorded
backends:
  - { name: local, module: nub-local }
  - { name: checked, module: nub-local, options: { memory: checked } }
  - { name: recorded, module: nub-record, options: { backend: local, file: ./calls.nubrec } }
YAML
    quietly "$prefix/bin/nub" run --config record.yaml gcd.nub --arg 12 --arg 8
    quietly "$prefix/bin/nub" replay --config record.yaml calls.nubrec --backend checked
    say "a recorded run happens again"
fi
