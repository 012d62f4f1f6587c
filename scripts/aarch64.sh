#!/usr/bin/env bash
# Checks the stack switch for AArch64 on another machine: cross-compiles tests/stack/switch_probe.cpp and
# runs it under qemu's user-mode emulation. Skips, and says so, where the tools are missing.
set -euo pipefail
cd "$(dirname "$0")/.."

compiler=aarch64-linux-gnu-g++-12
emulator=qemu-aarch64-static
for tool in "$compiler" "$emulator"; do
    if ! command -v "$tool" >/dev/null; then
        echo "aarch64: skipped, $tool is not installed (Debian: g++-12-aarch64-linux-gnu, qemu-user-static)"
        exit 0
    fi
done

echo "aarch64: the stack switch, compiled by $compiler and run by $emulator"
tests/stack/switch_probe.sh "$compiler" "$emulator"
echo "aarch64: all checks held"
