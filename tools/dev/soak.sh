#!/bin/sh
# soak.sh TREE - the long runs: every test program that knows --soak.
set -eu
tree=$1
ctest --test-dir "$tree" -C Soak -L soak --output-on-failure --timeout 7200
