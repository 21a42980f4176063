#!/usr/bin/env bash
# The main job on real files: makes a private copy of a real directory, compresses it in parallel, checks every .gz
# with the system's gzip, brings everything back and compares; then sweeps buffer sizes over one large real file.
# Usage: first_run.sh HAUL [DIRECTORY]
set -euo pipefail

haul=$1
directory=${2:-}
scratch=$(mktemp -d "${TMPDIR:-/tmp}/haul-run.XXXXXX")
trap 'rm -rf "$scratch"' EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

say() { printf '\n== %s\n' "$*"; }
# Runs a command and says how long it took.
timed() {
  local start=$EPOCHREALTIME
  "$@"
  awk -v start="$start" -v end="$EPOCHREALTIME" 'BEGIN { printf "   %.2f s\n", end - start }'
}

# The first of these with a few thousand files; a machine that builds Rust has one of them.
if [ -z "$directory" ]; then
  for candidate in /usr/include /usr/share/doc "${CARGO_HOME:-$HOME/.cargo}/registry/src" \
    "$(rustc --print sysroot 2>/dev/null)/share/doc" /usr/lib/python3 /usr/share; do
    [ -d "$candidate" ] || continue
    # find dies of a broken pipe when head has seen enough.
    count=$(find "$candidate" -xdev -type f 2>/dev/null | head -n 2000 | wc -l) || true
    if [ "$count" -ge 2000 ]; then directory=$candidate; break; fi
  done
fi
[ -n "$directory" ] || { echo "no directory with enough files; name one: $0 HAUL DIRECTORY" >&2; exit 1; }

say "haul copy: a private copy of $directory"
timed "$haul" copy "$directory" "$scratch/original"
# Links and what is compressed already stay as they are; they would only blur the comparison.
find "$scratch/original" ! -type d ! -type f -delete
find "$scratch/original" -type f \( -iname '*.gz' -o -iname '*.tgz' -o -iname '*.taz' -o -iname '*.z' -o -name '*-gz' \
  -o -name '*-z' -o -name '*_z' -o -links +1 -o -perm /6000 \) -delete
files=$(find "$scratch/original" -type f | wc -l)
echo "   $files files, $(du -sh --apparent-size "$scratch/original" | cut -f1)"
timed "$haul" copy "$scratch/original" "$scratch/work"
diff -r "$scratch/original" "$scratch/work"
echo "   diff -r: the same"

say "haul gzip -r: every file, with all workers"
timed "$haul" gzip -r "$scratch/work"
left=$(find "$scratch/work" -type f ! -name '*.gz' | wc -l)
[ "$left" = 0 ] || { echo "$left files were not compressed" >&2; exit 1; }
echo "   $(find "$scratch/work" -type f | wc -l) files, $(du -sh --apparent-size "$scratch/work" | cut -f1)"

say "gzip -t: the system's gzip checks every one of them"
timed find "$scratch/work" -name '*.gz' -exec gzip -t {} +
echo "   all pass"

say "haul gunzip -r: and back"
timed "$haul" gunzip -r "$scratch/work"
diff -r "$scratch/original" "$scratch/work"
echo "   diff -r: the same, byte for byte"

say "haul sweep: which buffer is right for a copy here, and why"
# Everybody before head dies of a broken pipe when it has its 64 MiB.
find "$scratch/original" -type f -print0 | sort -z | xargs -0 cat 2>/dev/null | head -c 64M >"$scratch/large" || true
[ -s "$scratch/large" ] || { echo "no file to sweep over" >&2; exit 1; }
"$haul" sweep copy "$scratch/large" --to "$scratch" --budget 20s

say "haul sweep: the same for gzip"
head -c 8M "$scratch/large" >"$scratch/smaller"
"$haul" sweep gzip "$scratch/smaller" --to "$scratch" --buffers 4K,64K,128K,1M --rounds 6
