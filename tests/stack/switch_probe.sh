#!/usr/bin/env bash
# Compiles tests/stack/switch_probe.cpp with a compiler at several levels of optimisation and runs it:
#   switch_probe.sh <compiler> [<emulator>]
# With an emulator the program is linked statically. Prints what was checked; the first failure ends it.
set -euo pipefail
root=$(cd "$(dirname "$0")/../.." && pwd)

compiler=$1
emulator=${2:-}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

common=(-std=c++23 -Wall -Wextra -Wshadow -Werror "-I$root/include")
[[ -z $emulator ]] || common+=(-static)
sources=("$root/tests/stack/switch_probe.cpp" "$root/src/stack/switch.cpp")
levels=("-O0" "-O2" "-O3 -fomit-frame-pointer" "-O2 -fno-omit-frame-pointer -fPIE")

for level in "${levels[@]}"; do
    read -ra flags <<<"$level"
    "$compiler" "${common[@]}" "${flags[@]}" "${sources[@]}" -o "$work/probe"
    if ! timeout 60 ${emulator:+"$emulator"} "$work/probe" >"$work/log" 2>&1; then
        cat "$work/log"
        echo "switch_probe: $compiler $level: failed"
        exit 1
    fi
    [[ $level != "${levels[0]}" ]] || grep '^ok' "$work/log"
    echo "switch_probe: $compiler $level: $(tail -n 1 "$work/log")"
done
