#!/usr/bin/env bash
# Installs the named Debian packages that are missing, if it can; else says in one line what will be skipped.
set -euo pipefail

missing=()
for package in "$@"; do
  # Most packages are named like their program.
  case $package in
  tabix) program=bgzip ;;
  libtool) program=libtoolize ;;
  attr) program=getfattr ;;
  acl) program=getfacl ;;
  libcap2-bin) program=setcap ;;
  e2fsprogs) program=mkfs.ext4 ;;
  fuse3) program=fusermount3 ;;
  # A module of the distribution's Python.
  python3-fusepy) [ -e /usr/lib/python3/dist-packages/fusepy.py ] && program=true || program=$package ;;
  *) program=$package ;;
  esac
  command -v "$program" >/dev/null || missing+=("$package")
done
[ ${#missing[@]} -gt 0 ] || exit 0

if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
  echo "installing ${missing[*]} with apt-get"
  if { apt-get install -y -qq "${missing[@]}" || { apt-get update -qq && apt-get install -y -qq "${missing[@]}"; }; } >/dev/null 2>&1; then
    exit 0
  fi
fi
echo "not installed, so what needs them is left out: ${missing[*]} (apt-get install ${missing[*]})" >&2
