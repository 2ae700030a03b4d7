#!/usr/bin/env bash
# Prints the address that apt takes Debian's packages from, also while apt has no lists of packages yet.
set -euo pipefail
addresses=$(apt-get --print-uris update)
mirror=$(sed -n "/security/!s|^'\(.*\)/dists/.*|\1|p" <<<"$addresses" | head -n 1)
if [ -z "$mirror" ]; then
  echo "mirror.sh: apt has no source of Debian's packages; add one to /etc/apt/sources.list" >&2
  exit 1
fi
echo "$mirror"
