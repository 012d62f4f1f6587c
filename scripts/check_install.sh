#!/usr/bin/env bash
# Installs the gcc preset's build into a scratch folder, and builds and runs a user's project on it
# with find_package.
set -euo pipefail
cd "$(dirname "$0")/.."

scratch=build/package
rm -rf "$scratch"
scripts/build.sh gcc
cmake --install build/gcc --prefix "$scratch/prefix" >/dev/null
cmake -G Ninja -S tests/package -B "$scratch/user" -DCMAKE_CXX_COMPILER=g++-12 \
    -DCMAKE_PREFIX_PATH="$PWD/$scratch/prefix" >/dev/null
cmake --build "$scratch/user" >/dev/null
"$scratch/user/user"
