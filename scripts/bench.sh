#!/usr/bin/env bash
# Runs the benchmarks of the release build, one after the other: scripts/bench.sh [<pattern>]. What
# follows `--` goes to each.
set -euo pipefail
cd "$(dirname "$0")/.."

pattern=${1:-}
shift || true
[[ ${1:-} == -- ]] && shift
programs=()
for program in build/release/bench/*_bench; do
    [[ -x $program && $(basename "$program") =~ $pattern ]] && programs+=("$program")
done
if ((${#programs[@]} == 0)); then
    echo "bench: no benchmark in build/release/bench matches '$pattern'" >&2
    exit 1
fi
number=0
for program in "${programs[@]}"; do
    number=$((number + 1))
    echo "== [$number/${#programs[@]}] $(basename "$program")"
    "$program" "$@"
done
