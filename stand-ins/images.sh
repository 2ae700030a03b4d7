#!/usr/bin/env bash
# Makes container images in place of those that projects take from registries: a base for their container, and one
# in which cibuildwheel builds Linux wheels. For root on Debian, with pyenv's Python 3.11 to 3.13 and Rust.
#
#   stand-ins/images.sh make    make the images, in about 2 minutes; does nothing when they are there
#   stand-ins/images.sh env     print the settings that have them used: eval "$(stand-ins/images.sh env)"
#
# All settings are those of cibuildwheel, Podman and the generated projects. The wheels are for a newer glibc than
# those from real manylinux images.
set -euo pipefail
cd "$(dirname "$0")"
export CONTAINERS_CONF=$PWD/containers.conf
certificates=/etc/ssl/certs/ca-certificates.crt
toolchain=$(rustc --print sysroot)
prefixes=()
for version in 3.11 3.12 3.13; do
  prefixes+=("$(find "$(pyenv root)/versions" -maxdepth 1 -name "$version.*" | sort --version-sort | tail -n 1)")
done
mounts=()
for folder in "$toolchain" "${prefixes[@]}"; do mounts+=("--volume=$folder:$folder:ro"); done
# Whatever the images are made from gives them another name.
tag=$(cat images.sh - <<<"$toolchain ${prefixes[*]}" | sha256sum | cut -c 1-12)
base=localhost/copier-pyo3-base:$tag
newer=localhost/copier-pyo3-newer:$tag
manylinux=localhost/copier-pyo3-manylinux:$tag

# Debian with a Python, as image $1: suite $2, Python $3.
make_debian() {
  podman image exists "$1" && return
  local root mirror
  root=$(mktemp --directory)
  mirror=$(./mirror.sh)
  debootstrap --variant=minbase --include="ca-certificates,python$3-venv" \
    "$2" "$root" "$mirror" /usr/share/debootstrap/scripts/sid >&2
  ln -s "/usr/bin/python$3" "$root/usr/local/bin/python3"
  cp "$certificates" "$root$certificates"
  echo 'Acquire::Check-Valid-Until "false"; // a mirror may lag behind' \
    >"$root/etc/apt/apt.conf.d/90-stand-in"
  echo force-unsafe-io >"$root/etc/dpkg/dpkg.cfg.d/stand-in" # faster, and an image that a crash spoils is made again
  rm -rf "$root"/var/cache/apt/archives/*.deb
  tar --create --directory="$root" --one-file-system . | podman import --quiet \
    --change="ENV PIP_CERT=$certificates" --change="ENV SSL_CERT_FILE=$certificates" \
    --change="ENV CARGO_HTTP_CAINFO=$certificates" - "$1"
  rm -rf "$root"
}

# What cibuildwheel counts on: /opt/python/TAG/bin/python with pip, build and virtualenv, cp39-cp39 for its own use,
# auditwheel and uv on PATH. Rust and the Pythons of pyenv are not in it, but mounted where they are on this machine.
make_manylinux() {
  podman image exists "$manylinux" && return
  make_debian "$newer" forky 3.14
  podman build --quiet --layers=false --tag="$manylinux" "${mounts[@]}" --file=- . <<CONTAINERFILE
FROM $newer
ENV DEBIAN_FRONTEND=noninteractive PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_ROOT_USER_ACTION=ignore
RUN apt-get -qq update && apt-get -qq install --yes --no-install-recommends \\
        curl file gcc git libbz2-1.0 libc6-dev libffi8 liblzma5 libncursesw6 libreadline8t64 libsqlite3-0 \\
        libssl3t64 patchelf python3.14-dev python3.15-venv zlib1g
RUN python3 -m venv /opt/tools && /opt/tools/bin/pip install --quiet auditwheel uv \\
    && ln -s /opt/tools/bin/auditwheel /opt/tools/bin/uv /opt/tools/bin/uvx /usr/local/bin/ \\
    && ln -s $toolchain/bin/cargo $toolchain/bin/rustc $toolchain/bin/rustdoc /usr/local/bin/
RUN set -e; for python in $(printf '%s/bin/python3 ' "${prefixes[@]}") python3.14 python3.15; do \\
        tag=\$(\$python -c 'import sys; print("cp%d%d" % sys.version_info[:2])'); \\
        uv venv --quiet --seed --python=\$python /opt/python/\$tag-\$tag; \\
        uv pip install --quiet --python=/opt/python/\$tag-\$tag build virtualenv; \\
    done \\
    && ln -s cp311-cp311 /opt/python/cp39-cp39
CONTAINERFILE
}

case ${1-} in
make)
  if ! type podman runc debootstrap >/dev/null 2>&1; then
    apt-get -qq update
    DEBIAN_FRONTEND=noninteractive apt-get -qq install --yes podman runc debootstrap >/dev/null
  fi
  # The Debian of the image that projects are based on, whose Rust is the oldest that they allow.
  make_debian "$base" trixie 3.13 >/dev/null
  make_manylinux >/dev/null
  ;;
env)
  # The pip front end would download virtualenv, and cibuildwheel's pins may be newer than what a mirror has.
  printf 'export %s=%q\n' \
    CIBW_ARCHS x86_64 \
    CIBW_BUILD_FRONTEND 'build[uv]' \
    CIBW_CONTAINER_ENGINE "podman; create_args: ${mounts[*]}" \
    CIBW_DEPENDENCY_VERSIONS latest \
    CIBW_MANYLINUX_X86_64_IMAGE "$manylinux" \
    CIBW_SKIP '*musllinux* cp3??t-*' \
    CONTAINERS_CONF "$CONTAINERS_CONF" \
    CONTAINER_ARGS "--build-arg=BASE=$base"
  ;;
*)
  sed -n '2,9s/^# \{0,1\}//p' images.sh
  exit 2
  ;;
esac
