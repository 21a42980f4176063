#!/usr/bin/env bash
# haul beside other people's tools, on one tree: interleaved rounds, median and minimum. Peers that are not installed
# are left out. Usage: peers.sh HAUL [DIRECTORY]; ROUNDS=5 by default, WORKERS=all by default.
set -euo pipefail

haul=$1
directory=${2:-/usr/include}
rounds=${ROUNDS:-5}
workers=${WORKERS:-$(nproc)}
[ -d "$directory" ] || { echo "$directory is no directory; name one: make bench DIR=..." >&2; exit 1; }
scratch=$(mktemp -d "${TMPDIR:-/tmp}/haul-bench.XXXXXX")
trap 'rm -rf "$scratch"' EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

# Regular files only, none compressed already, so that every tool has the same work.
mkdir "$scratch/tree"
(cd "$directory" && find . -xdev -type f ! -iname '*.gz' ! -iname '*.tgz' ! -iname '*.z' -print0) |
  tar -C "$directory" --null --files-from=- -cf - 2>/dev/null | tar -C "$scratch/tree" -xf - || true
tar -C "$scratch/tree" -cf "$scratch/large.tar" .
gzip -6 -c "$scratch/large.tar" >"$scratch/packed.gz"
echo "$(uname -sr), $(nproc) processors ($(grep -m1 'model name' /proc/cpuinfo | cut -d: -f2 | xargs)), $(df --output=fstype "$scratch" | tail -1)"
echo "$(find "$scratch/tree" -type f | wc -l) files, $(du -sh --apparent-size "$scratch/tree" | cut -f1); one file: $(stat -c %s "$scratch/large.tar") bytes; $rounds rounds, $workers workers"

# A contest: its title, how each round is prepared, and the contestants as "name|program it needs|command".
contest() {
  local title=$1 prepare=$2
  shift 2
  local contestants=() entry name program command
  for entry in "$@"; do
    IFS='|' read -r name program command <<<"$entry"
    if command -v "$program" >/dev/null; then contestants+=("$entry"); else echo "not installed: $program" >&2; fi
  done
  printf '\n%-44s %9s %9s\n' "$title" 'median s' 'minimum s'
  : >"$scratch/times"
  # Each round runs everybody, beginning with another one, so that a busy moment of the machine hits all alike.
  for ((round = 0; round <= rounds; round++)); do
    for ((turn = 0; turn < ${#contestants[@]}; turn++)); do
      entry=${contestants[$(((turn + round) % ${#contestants[@]}))]}
      name=${entry%%|*}
      command=${entry#*|*|}
      (cd "$scratch" && rm -rf out && eval "$prepare" && sync -f .)
      local start=$EPOCHREALTIME
      (cd "$scratch" && eval "$command")
      local end=$EPOCHREALTIME
      # Round 0 warms the caches up.
      [ "$round" = 0 ] || awk -v n="$name" -v s="$start" -v e="$end" 'BEGIN { printf "%s\t%.4f\n", n, e - s }' >>"$scratch/times"
    done
  done
  for entry in "${contestants[@]}"; do
    name=${entry%%|*}
    awk -F'\t' -v n="$name" '$1 == n { print $2 }' "$scratch/times" | sort -n |
      awk -v n="$name" '{ t[NR] = $1 } END { m = NR % 2 ? t[(NR + 1) / 2] : (t[NR / 2] + t[NR / 2 + 1]) / 2; printf "%-44s %9.3f %9.3f\n", n, m, t[1] }'
  done
}

contest 'compress the tree, keeping sources' 'cp -a tree out' \
  "haul gzip -rk|$haul|'$haul' gzip -rk --workers $workers out" \
  "find, xargs -P$workers -n64 gzip -k|gzip|find out -type f -print0 | xargs -0 -P$workers -n64 gzip -k" \
  "pigz -rk -p$workers|pigz|pigz -rkq -p$workers out"

for level in 1 6 9; do
  contest "compress one file at level $level" ':' \
    "haul gzip -$level|$haul|'$haul' gzip -$level -c --workers $workers large.tar >out" \
    "pigz -$level|pigz|pigz -$level -c -p$workers large.tar >out" \
    "gzip -$level|gzip|gzip -$level -c large.tar >out"
done

contest 'decompress one file' ':' \
  "haul gunzip|$haul|'$haul' gunzip -c --workers $workers packed.gz >out" \
  "pigz -d|pigz|pigz -dc -p$workers packed.gz >out" \
  "gzip -d|gzip|gzip -dc packed.gz >out"

contest 'copy the tree' ':' \
  "haul copy|$haul|'$haul' copy --workers $workers tree out" \
  'cp -a|cp|cp -a tree out' \
  'rsync -a|rsync|rsync -a tree/ out'

contest 'copy one file' ':' \
  "haul copy (one file)|$haul|'$haul' copy --workers $workers large.tar out" \
  'cp -a (one file)|cp|cp -a large.tar out'
