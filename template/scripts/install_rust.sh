#!/bin/sh
set -eu # installs Rust into the containers that build the wheels for Linux, which have none
rustup=1.29.0
rust=1.99.1
if command -v cargo; then exit; fi
target=$(uname -m)-unknown-linux-$(if ls /lib/ld-musl-* >/dev/null 2>&1; then echo musl; else echo gnu; fi)
cd "$(mktemp -d)"
curl -fsSL --retry 3 --output rustup-init "${RUSTUP_UPDATE_ROOT:-https://static.rust-lang.org/rustup}/archive/$rustup/$target/rustup-init"
sed -n "s/$target/rustup-init/p" <<END | sha256sum -c - # The checksums are those of https://static.rust-lang.org/rustup/archive/VERSION/TARGET/rustup-init.sha256
4acc9acc76d5079515b46346a485974457b5a79893cfb01112423c89aeb5aa10  x86_64-unknown-linux-gnu
9732d6c5e2a098d3521fca8145d826ae0aaa067ef2385ead08e6feac88fa5792  aarch64-unknown-linux-gnu
9cd3fda5fd293890e36ab271af6a786ee22084b5f6c2b83fd8323cec6f0992c1  x86_64-unknown-linux-musl
88761caacddb92cd79b0b1f939f3990ba1997d701a38b3e8dd6746a562f2a759  aarch64-unknown-linux-musl
END
chmod +x rustup-init && ./rustup-init -y --no-modify-path --profile minimal --default-toolchain "$rust"
