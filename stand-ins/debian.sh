#!/usr/bin/env bash
# Installs newer or older programs than a Debian machine has, in seconds: packages of another Debian unpacked into a
# folder of their own, the programs pointed at the loader and the libraries that came with them.
#
#   [SUITE=sid] stand-ins/debian.sh FOLDER PACKAGE... [-- PROGRAM...]
#
# such as `/opt/sid python3.15 llvm-22 -- python3.15 llvm-cov-22`; programs are in usr/bin of the folder, and named like
# the packages if nothing else is said. Does nothing when they run already.
set -euo pipefail
here=$(realpath "$(dirname "$0")")
folder=$(realpath -m "$1")
shift
packages=()
while [ $# -gt 0 ] && [ "$1" != -- ]; do packages+=("$1") && shift; done
programs=("${@:2}")
[ $# -gt 0 ] || programs=("${packages[@]}")
bin=$folder/usr/bin
for program in "${programs[@]}"; do "$bin/$program" --version >/dev/null 2>&1 || missing=$program; done
[ "${missing-}" ] || exit 0
type patchelf >/dev/null || { echo "patchelf is missing: apt install patchelf" >&2 && exit 1; }

scratch=$(mktemp --directory)
trap 'rm -rf "$scratch"' EXIT

# An apt of its own: the suite that has new programs must not reach the packages of this machine.
mkdir -p "$scratch"/{parts,state/lists/partial,cache/archives/partial,packages}
: >"$scratch/state/status"
mirror=$("$here/mirror.sh")
echo "deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] $mirror ${SUITE-sid} main" >"$scratch/sources.list"
cat >"$scratch/apt.conf" <<CONF
Dir::Etc::sourcelist "$scratch/sources.list";
Dir::Etc::sourceparts "-";
Dir::Etc::preferences "$scratch/none";
Dir::Etc::preferencesparts "$scratch/parts";
Dir::State "$scratch/state";
Dir::State::status "$scratch/state/status";
Dir::Cache "$scratch/cache";
APT::Sandbox::User "root";
APT::Install-Recommends "0";
Acquire::Languages "none";
CONF
export APT_CONFIG=$scratch/apt.conf
apt-get -qq update
cd "$scratch/packages"
# As nothing is installed there, apt lists the whole system; the packages and their libraries are enough.
apt-get --simulate install "${packages[@]}" | sed -n 's/^Inst \([^ ]*\).*/\1/p' |
  grep -E '^(lib|llvm|python|zlib|media-types|tzdata)' | sort -u - <(printf '%s\n' "${packages[@]}") |
  xargs apt-get -qq download
mkdir -p "$folder"
for file in *.deb; do dpkg --extract "$file" "$folder"; done

libraries=$(dirname "$(find "$folder/usr/lib" -name 'ld-linux*.so.*' -print -quit)")
loader=$(find "$libraries" -name 'ld-linux*.so.*' -print -quit)
# A library that names folders by itself would not look into those of the program.
find "$libraries" -name 'libLLVM*' -type f -exec patchelf --remove-rpath {} +
for program in "${programs[@]}"; do
  patchelf --force-rpath --set-rpath "$libraries" --set-interpreter "$loader" "$(realpath "$bin/$program")"
  "$bin/$program" --version >/dev/null
  case $program in python*) "$bin/$program" -c 'import ctypes, sqlite3, ssl' ;; esac
done
