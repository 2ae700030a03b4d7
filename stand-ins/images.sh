#!/usr/bin/env bash
# Makes container images in place of those that projects take from registries: a base for their container, and one
# in which cibuildwheel builds Linux wheels. For root on Debian, with Rust, pyenv's Python 3.11 to 3.13, and
# Python 3.14 and 3.15 from `debian.sh` on PATH.
#
#   stand-ins/images.sh make    make the images, in about a minute; does nothing when they are there
#   stand-ins/images.sh base    make the first of them only, which needs no Python
#   stand-ins/images.sh env     print the settings that have them used: eval "$(stand-ins/images.sh env)"
#
# All settings are those of cibuildwheel, Podman and the generated projects. The wheels are for a newer glibc than
# those from real manylinux images.
set -euo pipefail
cd "$(dirname "$0")"
export CONTAINERS_CONF=$PWD/containers.conf
certificates=/etc/ssl/certs/ca-certificates.crt
toolchain=$(rustc --print sysroot)

# Whatever an image is made from gives it another name.
name() { echo "localhost/copier-pyo3-$1:$(cat images.sh - <<<"$*" | sha256sum | cut -c 1-12)"; }
base=$(name base)

find_pythons() {
  local version
  pythons=()
  for version in 3.11 3.12 3.13; do
    pythons+=("$(find "$(pyenv root)/versions" -path "*/$version.*/bin/python$version" | sort --version-sort | tail -n 1)")
  done
  for version in 3.14 3.15; do
    pythons+=("$(type -P python$version)") || { echo "python$version is not on PATH: see debian.sh" >&2 && exit 1; }
  done
  mapfile -t mounts < <(printf -- '--volume=%s\n' "$toolchain" "${pythons[@]%/bin/*}" | sort -u | sed 's/=\(.*\)/=\1:\1:ro/')
  manylinux=$(name manylinux "${mounts[@]}")
}

# The Debian of the image that projects are based on, whose Rust is the oldest that they allow.
make_base() {
  podman image exists "$base" && return
  # A mirror may lag behind, and an image that a crash spoils is made again.
  # shellcheck disable=SC2016 # the hook gets the folder
  mmdebstrap --quiet --variant=minbase --include=ca-certificates,python3.13-venv \
    --aptopt='Acquire::Check-Valid-Until "false"' --dpkgopt=force-unsafe-io \
    --customize-hook='ln -s /usr/bin/python3.13 "$1/usr/local/bin/python3"' \
    --customize-hook="upload $certificates $certificates" trixie - "$(./mirror.sh)" |
    podman import --quiet --change="ENV PIP_CERT=$certificates" --change="ENV SSL_CERT_FILE=$certificates" \
      --change="ENV CARGO_HTTP_CAINFO=$certificates" - "$base"
}

# What cibuildwheel counts on: /opt/python/TAG/bin/python with pip, build and virtualenv, cp39-cp39 for its own use,
# auditwheel and uv on PATH. Rust and the Pythons are not in it, but mounted where they are on this machine.
make_manylinux() {
  podman image exists "$manylinux" && return
  podman build --quiet --layers=false --tag="$manylinux" "${mounts[@]}" --file=- . <<CONTAINERFILE
FROM $base
ENV DEBIAN_FRONTEND=noninteractive PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_ROOT_USER_ACTION=ignore
RUN apt-get -qq update && apt-get -qq install --yes --no-install-recommends \\
        gcc libbz2-1.0 libc6-dev libffi8 liblzma5 libncursesw6 libreadline8t64 libsqlite3-0 libssl3t64 patchelf \\
        zlib1g \\
    && apt-get clean && rm -rf /var/lib/apt/lists/*
RUN python3 -m venv /opt/tools && /opt/tools/bin/pip install --quiet --no-cache-dir auditwheel uv \\
    && ln -s /opt/tools/bin/auditwheel /opt/tools/bin/uv /opt/tools/bin/uvx /usr/local/bin/ \\
    && ln -s $toolchain/bin/cargo $toolchain/bin/rustc $toolchain/bin/rustdoc /usr/local/bin/
RUN set -e; for python in ${pythons[*]}; do \\
        tag=\$(\$python -c 'import sys; print("cp%d%d" % sys.version_info[:2])'); \\
        uv venv --quiet --seed --python=\$python /opt/python/\$tag-\$tag; \\
        uv pip install --quiet --python=/opt/python/\$tag-\$tag build virtualenv; \\
    done \\
    && ln -s cp311-cp311 /opt/python/cp39-cp39
CONTAINERFILE
}

case ${1-} in
make | base)
  if ! type mmdebstrap podman runc >/dev/null 2>&1; then
    apt-get -qq update
    DEBIAN_FRONTEND=noninteractive apt-get -qq install --yes mmdebstrap netavark podman runc >/dev/null
  fi
  make_base >/dev/null
  if [ "$1" = make ]; then find_pythons && make_manylinux >/dev/null; fi
  ;;
env)
  find_pythons
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
  sed -n '2,11s/^# \{0,1\}//p' images.sh
  exit 2
  ;;
esac
