#!/usr/bin/env bash
# Tries the local cluster for real: brings it up, places an order, tells it the acceptance stories, replaces, kills, cuts off and scales under
# load, takes it down and brings it up again with nothing lost. A project of its own ("stoa-try"), its volumes removed at the end. Needs Docker,
# docker-compose, nft, root and the images (deploy/docker/local/images.sh makes them without a registry). STOA_SCHEME=grpc tries it over gRPC.
set -euo pipefail
cd "$(dirname "$0")/../.."
export COMPOSE_PROJECT_NAME=stoa-try RATE_LIMITS=off STOA_PORT=${STOA_PORT:-8180-8181}
compose="docker-compose"
command -v docker-compose >/dev/null || compose="docker compose"
first=${STOA_PORT%-*} second=${STOA_PORT#*-}
services="auth-service user-service product-service order-service api-gateway"
held=$(mktemp)
built=${CARGO_TARGET_DIR:-target}/debug
trap '$compose down -v --remove-orphans >/dev/null 2>&1; rm -f "$held" "$held.before"' EXIT

say() { printf '\n== %s\n' "$*"; }
doors() { printf -- '--door http://127.0.0.1:%s --door http://127.0.0.1:%s' "$first" "$second"; }
containers() { $compose ps -q "$1"; }

healthy() {
    for _ in $(seq 150); do
        [ "$(docker inspect -f '{{.State.Health.Status}}' "$1" 2>/dev/null)" = healthy ] && return
        sleep 0.2
    done
    echo "a container did not become healthy: $(docker inspect -f '{{.Name}}' "$1")" >&2
    docker logs --tail 20 "$1" >&2
    return 1
}

# under_load SECONDS COMMAND..: the command, while requests come; it must not take longer.
under_load() {
    local seconds=$1
    shift
    # Ahead of the shop, where that is allowed: a generator that has to wait for a core measures itself.
    # shellcheck disable=SC2046
    nice -n -10 "$built/load" hold $(doors) --admin-email admin@shop.example --admin-password "$password" --seconds "$seconds" \
        ${orders:+--orders "$orders"} >"$held" 2>&1 &
    local load=$!
    sleep 5
    "$@"
    if wait "$load"; then cat "$held"; else cat "$held"; return 1; fi
}

replace_each() {
    for service in $services; do
        for container in $(containers "$service"); do
            docker restart -t 40 "$container" >/dev/null
            healthy "$container"
        done
    done
}

kill_one_of_each() {
    for service in $services; do
        container=$(containers "$service" | sed -n 1p)
        docker kill -s KILL "$container" >/dev/null
        sleep 3
        docker start "$container" >/dev/null
        healthy "$container"
    done
}

in_net_of() { # CONTAINER COMMAND..
    local pid
    pid=$(docker inspect -f '{{.State.Pid}}' "$1")
    shift
    nsenter -t "$pid" -n "$@"
}

# One container hears and says nothing any more for a minute, as when a machine is gone: no reset, no refusal.
cut_one_off() {
    local container since
    container=$(containers product-service | sed -n 1p)
    since=$(date +%s.%N)
    in_net_of "$container" nft 'add table inet cut; add chain inet cut in { type filter hook input priority 0; }; add rule inet cut in iif != "lo" drop'
    sleep 60
    in_net_of "$container" nft delete table inet cut
    for gateway in $(containers api-gateway); do
        at=$(docker logs --timestamps --since "${since%.*}" "$gateway" 2>&1 | grep 'endpoint is out' | sed -n '1s/ .*//p')
        if [ -n "$at" ]; then
            echo "put out by a gateway after $(echo "$(date -d "$at" +%s.%N) - $since" | bc) s"
        else
            echo "a gateway never put it out"
        fi
    done
}

# How many requests each product-service has answered, one a line.
served() {
    for container in $(containers product-service); do
        in_net_of "$container" curl -s http://127.0.0.1:9000/metrics |
            awk -v c="$container" '/^http_requests_total/ {sum += $NF} END {print c, sum + 0}'
    done | sort
}

add_one() {
    local before
    before=$(containers product-service | sort)
    scale 3 2
    new=$(containers product-service | sort | comm -13 <(echo "$before") -)
    healthy "$new"
    sleep 10
    served >"$held.before"
    sleep 10
    served | join "$held.before" - | awk -v new="$new" '{asked = $3 - $2; all += asked; n++; if ($1 == new) mine = asked}
        END {printf "of %d requests in the second ten seconds the new one of %d was asked %d: %.0f %% of its share\n", all, n, mine, 100 * mine * n / all}'
}

scale() {
    $compose up -d --no-build --no-recreate --scale api-gateway=2 --scale auth-service=2 --scale user-service=2 \
        --scale product-service="$1" --scale order-service="$2" >/dev/null 2>&1
}

scale_up_and_down() { scale 4 4; sleep 10; scale 2 2; }

cargo build -q -p load -p acceptance

say "up"
started=$(date +%s.%N)
scale 2 2
for port in "$first" "$second"; do
    until curl -sf "http://127.0.0.1:$port/health/ready" >/dev/null; do sleep 0.1; done
done
password=$($compose run --rm --no-deps secrets show admin_password 2>/dev/null | tr -d '\r\n')
echo "ready after $(echo "$(date +%s.%N) - $started" | bc) s"
api() { curl -sf -H 'content-type: application/json' "http://127.0.0.1:$first/api/$1" "${@:2}"; }
member() { sed -E "s/.*\"$1\":\"([^\"]+)\".*/\1/"; }
token() { api auth/login -d "{\"email\":\"admin@shop.example\",\"password\":\"$password\"}" | member access_token; }
admin=$(token)
product=$(api products -H "authorization: Bearer $admin" -d '{"sku":"first","name":"The first","price":{"amount":100,"currency":"USD"},"stock":1}' | member id)
api orders -H "authorization: Bearer $admin" -H 'idempotency-key: first' -d "{\"items\":[{\"product_id\":\"$product\",\"quantity\":1}]}" | grep -q '"status":"confirmed"'
echo "first order after $(echo "$(date +%s.%N) - $started" | bc) s"

say "from the start of a process to ready, database migrated"
for service in $services; do
    case $service in api-gateway) port=8080 ;; auth*) port=8081 ;; user*) port=8082 ;; product*) port=8083 ;; order*) port=8084 ;; esac
    container=$(containers "$service" | sed -n 1p)
    docker stop -t 40 "$container" >/dev/null
    docker start "$container" >/dev/null
    until in_net_of "$container" curl -sf -o /dev/null "http://127.0.0.1:$port/health/ready"; do :; done
    ready=$(date +%s.%N)
    begun=$(docker inspect -f '{{.State.StartedAt}}' "$container")
    echo "$service $(echo "($ready - $(date -d "$begun" +%s.%N)) * 1000 / 1" | bc) ms"
    healthy "$container"
done

say "the acceptance stories"
"$built/acceptance" --base-url "http://127.0.0.1:$first" --admin-email admin@shop.example --admin-password "$password"

say "each container is replaced, two of each service, under 200 requests a second"
under_load 120 replace_each

say "one container of each service is killed under load"
under_load 60 kill_one_of_each

say "a third product-service is added under load"
under_load 45 add_one

say "one of three product-services is cut off under reads"
orders=0 under_load 75 cut_one_off
scale 2 2

say "products and orders are scaled to four and back under load"
under_load 75 scale_up_and_down

say "down and up again"
orders() { api "orders?count=true&limit=1" -H "authorization: Bearer $1" | sed -E 's/.*"total":([0-9]+).*/\1/'; }
before=$(orders "$(token)")
$compose down >/dev/null 2>&1
scale 2 2
until curl -sf "http://127.0.0.1:$first/health/ready" >/dev/null; do sleep 0.1; done
after=$(orders "$(token)")
echo "$before orders before, $after after"
[ "$before" = "$after" ]

say "sizes and memory"
docker images --format '{{.Repository}} {{.Size}}' | grep '^stoa/' || true
docker stats --no-stream --format '{{.Name}} {{.MemUsage}}' | grep "^$COMPOSE_PROJECT_NAME" || true
say "it holds"
