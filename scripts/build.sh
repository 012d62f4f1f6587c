#!/usr/bin/env bash
# Configures (once) and builds a preset: scripts/build.sh <preset> [<target>]. JOBS limits the
# parallel jobs.
set -euo pipefail
cd "$(dirname "$0")/.."

preset=$1
target=${2:-all}
jobs=${JOBS:-$(nproc)}

if [[ ! -f build/$preset/build.ninja ]]; then
    echo "== configuring build/$preset"
    cmake --preset "$preset" >"/tmp/sennit-configure.$$" 2>&1 || {
        cat "/tmp/sennit-configure.$$"
        rm -f "/tmp/sennit-configure.$$"
        exit 1
    }
    grep -E '^-- Sennit:|[Ww]arning' "/tmp/sennit-configure.$$" || true
    rm -f "/tmp/sennit-configure.$$"
fi
echo "== building $preset ($target, $jobs jobs)"
cmake --build --preset "$preset" --target "$target" -j "$jobs"
