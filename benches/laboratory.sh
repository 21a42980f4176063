#!/usr/bin/env bash
# The sweep put to the test: the five ready-made tables on real data, the same sweep twice and compared, one with every
# system call slowed and compared, and dd timed by hyperfine beside the sweep's own figures.
#
# Usage: laboratory.sh HAUL RESULTS [FILE] [DIRECTORY]
#   RESULTS      an existing directory for the reports
#   FILE         default: 256 MiB made up; DIRECTORY, for a second ladder, default: /usr/include
#   SLOWED=...   a haul built with --features faults, for the sweep that is slowed
#   BUDGET=90s   time of each sweep
#   TMPDIR=...   where it works, and so on which file system
set -euo pipefail

haul=$(realpath "$1")
slowed=${SLOWED:+$(realpath "$SLOWED")}
results=$(realpath "$2")
directory=$(realpath "${4:-/usr/include}")
budget=${BUDGET:-90s}
scratch=$(mktemp -d "${TMPDIR:-/tmp}/haul-bench.XXXXXX")
trap 'rm -rf "$scratch"' EXIT
trap 'exit 130' INT
trap 'exit 143' TERM
cd "$scratch"
if [ -n "${3:-}" ]; then cp -- "$3" file; else head -c 256M /dev/urandom >file; fi

say() { printf '\n== %s\n' "$*" >&2; }

# One sweep, as a table, a page and with every sample.
sweep() {
  local name=$1
  shift
  say "$name"
  "$haul" sweep "$@" -o "$results/$name.txt" -o "$results/$name.json" -o "$results/$name.html"
  cat "$results/$name.txt"
}

for table in buffers pool; do sweep $table --table $table file --budget "$budget"; done
sweep workers --table workers file --budget "$budget"
sweep models --table models file --budget "$budget"
sweep ladder --table ladder --budget "$budget"
sweep ladder-small --table ladder "$directory" --no-sync --to . --rank wall --budget "$budget"

say "the same sweep twice, and compared"
same=(copy file --engine read_write --workers 1 --buffers 4K,64K,1M --no-sync --rounds 25)
sweep once "${same[@]}"
sweep again "${same[@]}" --seed 2
"$haul" compare "$results/once.json" "$results/again.json" | tee "$results/same.txt"

if [ -n "$slowed" ]; then
  say "every call 10 % slower, and compared"
  "$slowed" sweep "${same[@]}" -o "$results/plain.json"
  HAUL_FAULTS=slow:10 "$slowed" sweep "${same[@]}" -o "$results/slowed.json"
  "$haul" compare "$results/plain.json" "$results/slowed.json" | tee "$results/slowed.txt"
fi

if command -v hyperfine >/dev/null; then
  say "dd, timed by hyperfine, beside the sweep"
  hyperfine --style none --warmup 1 --runs 15 --prepare 'rm -f out; sync -f .' --export-json dd.json \
    -L size 4K,64K,1M 'dd if=file of=out bs={size} status=none' >/dev/null
  rm -f out
  "$haul" sweep copy file --engine read_write --scheduler serial --buffers 4K,64K,1M --no-sync --rounds 15 \
    --format csv -o sweep.csv
  {
    echo "size dd_ms haul_ms"
    for size in 4096:4K 65536:64K 1048576:1M; do
      theirs=$(grep -A30 "bs=${size#*:} " dd.json | grep -m1 '"median"' | tr -dc '0-9.')
      ours=$(awk -F, -v size="${size%:*}" 'NR == 1 { for (i = 1; i <= NF; i++) at[$i] = i } $at["buffer_bytes"] == size { print $at["wall_ns"] / 1e6 }' sweep.csv)
      awk -v size="${size#*:}" -v theirs="$theirs" -v ours="$ours" 'BEGIN { printf "%s %.1f %.1f\n", size, theirs * 1000, ours }'
    done
  } | column -t | tee "$results/dd.txt"
fi
