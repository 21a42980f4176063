#!/usr/bin/env bash
# haul disk beside fio: the same loads with the same parameters in interleaved rounds; medians of both, and the median of
# the ratios within the rounds. Then haul disk twice and compared; and once more on a disk that the kernel throttles, where
# there are control groups of version 1 and the rights to use them.
#
# Usage: disk.sh HAUL [RESULTS]
#   RESULTS      an existing directory for haul's reports; default: none are kept
#   ROUNDS=9     measured rounds
#   SIZE=1G      of the file
#   TMPDIR=...   where it works, and so on which disk
set -euo pipefail

haul=$(realpath "$1")
rounds=${ROUNDS:-9}
size=${SIZE:-1G}
for program in fio jq; do
  command -v $program >/dev/null || { echo "$program is missing; install it: apt-get install $program" >&2; exit 1; }
done
scratch=$(mktemp -d "${TMPDIR:-/tmp}/haul-bench.XXXXXX")
results=$(realpath "${2:-$scratch}")
group=/sys/fs/cgroup/blkio/haul-bench-$$
trap 'rm -rf "$scratch"; [ ! -d $group ] || rmdir $group' EXIT
trap 'exit 130' INT
trap 'exit 143' TERM
cd "$scratch"

say() { printf '\n== %s\n' "$*" >&2; }

# Loads: name, haul's load, its block and depth, fio's rw, its engine, and what else fio needs. Both warm up for a second at
# most, and run for one to two.
loads=(
  'read 4K|read|4K|1|read|psync|--direct=1'
  'read 128K|read|128K|1|read|psync|--direct=1'
  'read 1M|read|1M|1|read|psync|--direct=1'
  'write 4K|write|4K|1|write|psync|--direct=1'
  'write 128K|write|128K|1|write|psync|--direct=1'
  'write 1M|write|1M|1|write|psync|--direct=1'
  'random read 4K, depth 1|random-read|4K|1|randread|psync|--direct=1'
  'random read 4K, depth 16|random-read|4K|16|randread|io_uring|--direct=1'
  'write 4K and fdatasync|sync|4K|1|write|psync|--fdatasync=1'
)

# Operations a second, and the median latency in µs.
ours() {
  local load=$1 block=$2 depth=$3 place
  # What only reads does so on fio's own file.
  case $load in read | random-read) place=(--read-only file) ;; *) place=(--size "$size") ;; esac
  local way=(--access direct --depths "$depth")
  [ "$load" != sync ] || way=()
  "$haul" disk "${place[@]}" --loads "$load" --blocks "$block" "${way[@]}" --rounds 1 --budget 2500ms --seed "$RANDOM" --json |
    jq -r '.rows[0].samples[0] | [.metrics.operations * 1e9 / .wall_ns, (.read_latency // .write_latency).p50_ns / 1e3] | @tsv'
}

theirs() {
  local block=$1 depth=$2 rw=$3 engine=$4 more=$5
  fio --name=fio --filename=file --size="$size" --rw="$rw" --bs="$block" --iodepth="$depth" --ioengine="$engine" "$more" \
    --refill_buffers --time_based --ramp_time=1 --runtime=1500ms --randseed="$RANDOM" --output-format=json |
    jq -r '.jobs[0] | (if .read.total_ios > 0 then .read else .write end) as $io |
      [$io.iops, (($io.clat_ns.percentile["50.000000"] // 0) + (.sync.lat_ns.percentile["50.000000"] // 0)) / 1e3] | @tsv'
}

# What a round leaves behind, discards of the file that haul took away among it, is not the next one's.
rest() { sync -f . && sleep 0.5; }

say "haul disk beside fio"
fio --name=fio --filename=file --size="$size" --rw=write --bs=1M --direct=1 --refill_buffers --output-format=terse >/dev/null
for ((round = 0; round < rounds; round++)); do
  for load in "${loads[@]}"; do
    IFS='|' read -r name ours block depth rw engine more <<<"$load"
    rest
    # The first of a pair has no better a disk than the second: they take turns.
    if ((round % 2)); then
      mine=$(ours "$ours" "$block" "$depth"); rest
      other=$(theirs "$block" "$depth" "$rw" "$engine" "$more")
    else
      other=$(theirs "$block" "$depth" "$rw" "$engine" "$more"); rest
      mine=$(ours "$ours" "$block" "$depth")
    fi
    printf '%s\t%s\t%s\n' "$name" "$mine" "$other" >>times
  done
done
echo "$("$haul" --version | head -1), $(fio --version), $(uname -sr), $rounds rounds, file of $size on $(df --output=fstype . | tail -1)"
printf '\n| load | haul op/s | fio op/s | haul ÷ fio | least to most | haul p50 µs | fio p50 µs |\n|---|--:|--:|--:|--:|--:|--:|\n'
for load in "${loads[@]}"; do
  awk -F'\t' -v name="${load%%|*}" '
    function median(values, count,    i, j, kept) {
      for (i = 2; i <= count; i++) {
        kept = values[i]
        for (j = i - 1; j > 0 && values[j] > kept; j--) values[j + 1] = values[j]
        values[j + 1] = kept
      }
      return count % 2 ? values[(count + 1) / 2] : (values[count / 2] + values[count / 2 + 1]) / 2
    }
    $1 == name { n++; ours[n] = $2; theirs[n] = $4; ratio[n] = $2 / $4; ours50[n] = $3; theirs50[n] = $5 }
    END {
      middle = median(ratio, n)
      printf "| %s | %.0f | %.0f | %.3f | %.2f–%.2f | %.1f | %.1f |\n", name, median(ours, n), median(theirs, n), middle, ratio[1], ratio[n], median(ours50, n), median(theirs50, n)
    }' times
done
rm -f file

say "haul disk twice, and compared"
same=(--size "$size" --budget 30s --loads read,random-read,write,sync --access direct --blocks 4K,1M --depths 1,16)
for name in once again; do
  rest
  "$haul" disk . "${same[@]}" -o "$results/$name.json" -o "$results/$name.html" -o "$results/$name.txt"
done
"$haul" compare "$results/once.json" "$results/again.json" | tee "$results/same.txt"

if mkdir "$group" 2>/dev/null; then
  say "reads throttled to 100 MiB/s and 2000 a second by the kernel, and compared"
  device=$(stat -c '%Hd:%Ld' .)
  # Limits are a disk's, not a partition's.
  disk=$(readlink -f "/sys/dev/block/$device" 2>/dev/null || true)
  if [ -e "$disk/partition" ]; then device=$(cat "$disk/../dev"); fi
  echo "$device $((100 << 20))" >"$group/blkio.throttle.read_bps_device"
  echo "$device 2000" >"$group/blkio.throttle.read_iops_device"
  (echo "$BASHPID" >"$group/cgroup.procs" && exec "$haul" disk . "${same[@]}" -o "$results/throttled.json")
  "$haul" compare "$results/again.json" "$results/throttled.json" --fail-above 10% | tee "$results/throttled.txt" || true
fi
