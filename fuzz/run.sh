#!/usr/bin/env bash
# Runs every fuzz target for SECONDS each, from the corpus that is kept here; what it finds on the way is not kept.
# Usage: run.sh [SECONDS]
set -euo pipefail
cd "$(dirname "$0")"

seconds=${1:-60}
command -v cargo-fuzz >/dev/null || { echo "not installed, so fuzzing is left out: cargo install cargo-fuzz" >&2; exit 0; }
# The coverage that libFuzzer needs is not a stable option of rustc.
export RUSTC_BOOTSTRAP=1
found=$(mktemp -d "${TMPDIR:-/tmp}/haul-fuzz.XXXXXX")
trap 'rm -rf "$found"' EXIT
trap 'exit 130' INT
trap 'exit 143' TERM
for target in $(cargo fuzz list); do
  mkdir "$found/$target"
  cargo fuzz run --sanitizer none "$target" "$found/$target" "corpus/$target" -- \
    -max_total_time="$seconds" -max_len=20000 -print_final_stats=1
done
