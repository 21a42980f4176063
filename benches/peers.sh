#!/usr/bin/env bash
# haul beside other people's tools: interleaved rounds; median, minimum, and how many times haul's time each takes, as
# the median over the rounds. Peers that are not installed are left out.
#
# Usage: peers.sh HAUL [DIRECTORY]
#   FILE=...     the one large file; default: a tar of the directory
#   JOBS="..."   of gzip tree gunzip copy; default: all
#   HUGE=...     bytes of the file that copy takes besides; default: 2000000000
#   TMPDIR=...   where it works, and so on which file system
#   ROUNDS=9     measured rounds, after one that warms up
#   WORKERS=...  default: all processors
#   CODEC=...    the program that times the codecs alone (cargo bench builds it), for the part of gzip
set -euo pipefail

haul=$1
directory=${2:-/usr/include}
rounds=${ROUNDS:-9}
workers=${WORKERS:-$(nproc)}
jobs=${JOBS:-gzip tree gunzip copy}
[ -d "$directory" ] || { echo "$directory is no directory; name one: make bench-peers DIR=..." >&2; exit 1; }
codec=${CODEC:-$(find "$(dirname "$haul")/deps" -maxdepth 1 -name 'codec-*' -type f -perm -u+x -printf '%T@ %p\n' 2>/dev/null | sort -n | tail -1 | cut -d' ' -f2- || true)}
scratch=$(mktemp -d "${TMPDIR:-/tmp}/haul-bench.XXXXXX")
trap 'rm -rf "$scratch"' EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

# Regular files only, none compressed already, so that every tool has the same work.
mkdir "$scratch/tree"
(cd "$directory" && find . -xdev -type f ! -iname '*.gz' ! -iname '*.tgz' ! -iname '*.z' -print0) |
  tar -C "$directory" --null --files-from=- -cf - 2>/dev/null | tar -C "$scratch/tree" -xf - || true
if [ -n "${FILE:-}" ]; then cp -- "$FILE" "$scratch/large"; else tar -C "$scratch/tree" -cf "$scratch/large" .; fi
echo "$("$haul" --version | paste -sd' '), $(uname -sr), $workers workers on $(nproc) processors ($(grep -m1 'model name' /proc/cpuinfo | cut -d: -f2 | xargs)), $(df --output=fstype "$scratch" | tail -1)"
echo "tree: $(find "$scratch/tree" -type f | wc -l) files, $(du -sb "$scratch/tree" | cut -f1) bytes; one file: $(stat -c %s "$scratch/large") bytes; $rounds rounds"

# Takes away what the last turn made. On ext4 a tree is only moved aside until the contest ends: whoever comes next would
# search its way past the inodes that were deleted in the last half minute, one by one, and be twenty times slower.
put_away() {
  if [ -d out ] && [ "$(stat -f -c %T .)" = ext2/ext3 ]; then
    mkdir -p aside && mv out "aside/$(ls aside | wc -l)"
  else
    rm -rf out
  fi
}

# One turn: prints seconds, bytes of what it made, and its peak memory in KiB, as far as they can be had.
turn() {
  local prepare=$1 command=$2 start end peak='' seconds
  cd "$scratch"
  put_away && eval "$prepare" && sync -f .
  if [[ $command == seconds:* ]]; then
    # It times itself, and says for one thread what all the workers would do in their part of the time.
    eval "${command#seconds:}" | awk -v w="$workers" '{ printf "%.4f", $1 / w }'
    return
  fi
  start=$EPOCHREALTIME
  if [ -x /usr/bin/time ]; then
    /usr/bin/time -o peak -f %M bash -c "$command"
    peak=$(tail -1 peak)
  else
    bash -c "$command"
  fi
  end=$EPOCHREALTIME
  seconds=$(awk -v s="$start" -v e="$end" 'BEGIN { printf "%.4f", e - s }')
  local bytes
  if [ -d out ]; then
    bytes=$(find out -name '*.gz' -printf '%s\n' | awk '{ sum += $1 } END { print sum + 0 }')
  else
    bytes=$(stat -c %s out 2>/dev/null || true)
  fi
  printf '%s\t%s\t%s' "$seconds" "$bytes" "$peak"
}

# A contest: its title, how each round is prepared, and the contestants, haul first, as "name|program|command".
contest() {
  local title=$1 prepare=$2
  shift 2
  local contestants=() entry name program command
  for entry in "$@"; do
    IFS='|' read -r name program command <<<"$entry"
    if [ -n "$program" ] && command -v "$program" >/dev/null; then contestants+=("$entry"); else echo "not installed: $name" >&2; fi
  done
  : >"$scratch/times"
  # Each round runs everybody, beginning with another one, so that a busy moment of the machine hits all alike.
  for ((round = 0; round <= rounds; round++)); do
    for ((place = 0; place < ${#contestants[@]}; place++)); do
      entry=${contestants[$(((place + round) % ${#contestants[@]}))]}
      IFS='|' read -r name program command <<<"$entry"
      local figures
      figures=$(turn "$prepare" "$command")
      # Round 0 warms the caches up.
      [ "$round" = 0 ] || printf '%s\t%s\t%s\n' "$name" "$round" "$figures" >>"$scratch/times"
    done
  done
  if [ -d "$scratch/aside" ]; then rm -rf "$scratch/aside" && sleep 40; fi
  printf '\n| %s | median s | minimum s | × haul | bytes | peak KiB |\n|---|--:|--:|--:|--:|--:|\n' "$title"
  for entry in "${contestants[@]}"; do
    awk -F'\t' -v name="${entry%%|*}" -v haul="${contestants[0]%%|*}" '
      function median(values, count,    i, j, kept) {
        for (i = 2; i <= count; i++) {
          kept = values[i]
          for (j = i - 1; j > 0 && values[j] > kept; j--) values[j + 1] = values[j]
          values[j + 1] = kept
        }
        return count % 2 ? values[(count + 1) / 2] : (values[count / 2] + values[count / 2 + 1]) / 2
      }
      $1 == haul { ours[$2] = $3 }
      $1 == name { seconds[++n] = $3; round[n] = $2; bytes = $4; if ($5 > peak) peak = $5 }
      END {
        for (i = 1; i <= n; i++) ratio[i] = seconds[i] / ours[round[i]]
        middle = median(seconds, n)
        printf "| %s | %.3f | %.3f | %.2f | %s | %s |\n", name, middle, seconds[1], median(ratio, n), bytes, peak
      }' "$scratch/times"
  done
}

has() { [[ " $jobs " == *" $1 "* ]]; }

# What gzip does alone takes too long to be run ten times; it is pigz's time, twice.
against_level() {
  local level=$1 codec_name=$2
  shift 2
  contest "one file, level $level${codec_name:+, $codec_name}" ':' \
    "haul gzip -$level|$haul|'$haul' gzip -$level -c -p$workers ${codec_name:+--codec $codec_name} large >out" \
    "the codec alone, one thread ÷ $workers|$codec|seconds:'$codec' --seconds $level ${codec_name:-auto} large" \
    "pigz -$level|pigz|pigz -$level -c -p$workers large >out" \
    "crabz -l$level|crabz|crabz -l$level -p$workers large >out 2>/dev/null" \
    "$@"
}

if has gzip; then
  if "$haul" --version | grep -q isal; then
    against_level 1 isal "igzip -1|igzip|igzip -1 -c large >out"
  fi
  against_level 1 libdeflate "bgzip -l1|bgzip|bgzip -l1 -@$workers -c large >out"
  against_level 6 '' "bgzip -l6|bgzip|bgzip -l6 -@$workers -c large >out"
  against_level 9 ''
fi

if has tree; then
  contest 'the tree, level 6, sources kept' 'cp -a tree out' \
    "haul gzip -rk|$haul|'$haul' gzip -rk -p$workers out" \
    "find, xargs -P$workers -n64 gzip -k|gzip|find out -type f -print0 | xargs -0 -P$workers -n64 gzip -k" \
    "find, xargs -P$workers -n64 libdeflate-gzip -k|libdeflate-gzip|find out -type f -print0 | xargs -0 -P$workers -n64 libdeflate-gzip -k" \
    "pigz -rk|pigz|pigz -rkq -p$workers out"
fi

if has gunzip; then
  gzip -6 -c "$scratch/large" >"$scratch/plain.gz"
  "$haul" gzip -6 -c "$scratch/large" >"$scratch/own.gz"
  contest "decompress one file of gzip -6" ':' \
    "haul gunzip|$haul|'$haul' gunzip -c -p$workers plain.gz >out" \
    "igzip -d|igzip|igzip -dc plain.gz >out" \
    "pigz -d|pigz|pigz -dc -p$workers plain.gz >out" \
    "rapidgzip -P$workers|rapidgzip|rapidgzip -dcf -P$workers plain.gz >out" \
    "gzip -d|gzip|gzip -dc plain.gz >out"
  contest "decompress haul's own, beside others with gzip's" ':' \
    "haul gunzip|$haul|'$haul' gunzip -c -p$workers own.gz >out" \
    "igzip -d|igzip|igzip -dc plain.gz >out" \
    "pigz -d|pigz|pigz -dc -p$workers plain.gz >out"
  if command -v bgzip >/dev/null; then
    bgzip -@"$workers" -c "$scratch/large" >"$scratch/bgzf.gz"
    contest "decompress BGZF" ':' \
      "haul gunzip|$haul|'$haul' gunzip -c -p$workers bgzf.gz >out" \
      "bgzip -d -@$workers|bgzip|bgzip -d -@$workers -c bgzf.gz >out"
  fi
  contest "test one file of gzip -6" ':' \
    "haul gunzip -t|$haul|'$haul' gunzip -t -p$workers plain.gz" \
    "igzip -t|igzip|igzip -t plain.gz" \
    "pigz -t|pigz|pigz -t -p$workers plain.gz"
  cp -a "$scratch/tree" "$scratch/packed"
  "$haul" gzip -rq "$scratch/packed"
  contest 'decompress the tree' 'cp -a packed out' \
    "haul gunzip -r|$haul|'$haul' gunzip -r -p$workers out" \
    "find, xargs -P$workers -n64 gunzip|gunzip|find out -type f -print0 | xargs -0 -P$workers -n64 gunzip" \
    "pigz -dr|pigz|pigz -drq -p$workers out"
  rm -rf "$scratch/packed"
fi

# How many system calls a command makes, as strace counts them.
calls() {
  (cd "$scratch" && rm -rf out && strace -f -qq -c -o counts bash -c "exec $1" 2>/dev/null && awk '$NF == "total" { print $4 }' counts)
}

if has copy; then
  tree_copiers=(
    "haul copy|$haul|'$haul' copy --workers $workers tree out"
    'cp -a|cp|cp -a tree out'
    'xcp -r (keeps no times of directories)|xcp|xcp -r tree out 2>/dev/null'
    'cpz (keeps no times, owners, attributes, holes, links)|cpz|cpz tree out'
    'rsync -a|rsync|rsync -a tree/ out'
  )
  contest 'copy the tree' ':' "${tree_copiers[@]}"
  if command -v strace >/dev/null; then
    ours=$(calls "'$haul' copy --workers $workers tree out") theirs=$(calls 'cp -a tree out')
    echo "system calls (strace -c): haul copy $ours, cp -a $theirs"
  fi
  mkdir "$scratch/many"
  (cd "$scratch/many" && seq -f 'file-%06.0f' 100000 | xargs touch)
  contest 'copy 100,000 empty files of one directory' ':' "${tree_copiers[@]//tree/many}"
  rm -rf "$scratch/many"
  for file in large huge; do
    if [ "$file" = huge ]; then
      # Not a sparse one: the large file again and again.
      while cat "$scratch/large"; do :; done 2>/dev/null | head -c "${HUGE:-2000000000}" >"$scratch/huge" || true
    fi
    contest "copy one file of $(stat -c %s "$scratch/$file") bytes" ':' \
      "haul copy|$haul|'$haul' copy --workers $workers $file out" \
      "cp -a|cp|cp -a $file out" \
      "xcp|xcp|xcp $file out 2>/dev/null"
  done
fi
