#!/usr/bin/env bash
# Checks the format of all C++ files that git knows or would add; with --fix, formats them.
set -euo pipefail
cd "$(dirname "$0")/.."

mapfile -t listed < <(git ls-files --cached --others --exclude-standard -- '*.hpp' '*.cpp')
files=()
for file in "${listed[@]}"; do
    [[ ! -f $file ]] || files+=("$file")
done
if [[ ${1:-} == --fix ]]; then
    clang-format-19 -i "${files[@]}"
    echo "format: ${#files[@]} files formatted"
elif clang-format-19 --dry-run -Werror "${files[@]}"; then
    echo "format: ${#files[@]} files in order"
else
    echo "format: run \`make format\`" >&2
    exit 1
fi
