#!/usr/bin/env bash
# build.sh [FOLDER]: compiles the binaries of all images, static, and puts them into the folder (deploy/docker/bin).
set -euo pipefail
cd "$(dirname "$0")/../.."
out=${1:-deploy/docker/bin}
target=$(rustc -vV | sed -n 's/^host: //p')
packages="monolith api-gateway auth-service user-service product-service order-service"

# With --target, what runs while compiling is not made static, which it cannot be.
export RUSTFLAGS="-C target-feature=+crt-static"
# shellcheck disable=SC2086
cargo build --locked --profile dist --target "$target" --bins $(printf -- '-p %s ' $packages)

mkdir -p "$out"
for binary in stoa api-gateway auth-service user-service product-service order-service; do
    install -m 0755 "${CARGO_TARGET_DIR:-target}/$target/dist/$binary" "$out/$binary"
done
install -m 0644 /etc/ssl/certs/ca-certificates.crt "$out/ca-certificates.crt"
ls -l "$out"
