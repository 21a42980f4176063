#!/usr/bin/env bash
# in_scratch.sh COMMAND...: runs it with TMPDIR in a directory of its own, which is gone afterwards.
#
# New directories in there lie apart on ext4 (chattr +T). Otherwise all share a block group, in which ext4 looks past every
# inode that was deleted a moment ago for one to use: tests that make and remove many small files take four times as long.
set -euo pipefail

scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
# Some tests run as another user.
chmod 1777 "$scratch"
chattr +T "$scratch" 2>/dev/null || true
TMPDIR=$scratch "$@"
