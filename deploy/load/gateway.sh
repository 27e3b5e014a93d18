#!/bin/sh
# What a request costs in the gateway: user instructions (callgrind) and system calls (strace), the marginal cost between two run lengths, beside nginx
# and haproxy with one worker each in front of the same backend. Then memory, idle and with 2,000 idle connections. Debian 12; needs nginx-light, haproxy,
# nghttp2-client, valgrind, strace. Rate limits are off, for one address asks; everything else is on.
#   deploy/load/gateway.sh [FOLDER OF RELEASE BINARIES]
set -eu
cd "$(dirname "$0")/../.."
built=${1:-${CARGO_TARGET_DIR:-target}/release}
[ -x "$built/api-gateway" ] || { echo "no $built/api-gateway: cargo build --release -p api-gateway -p monolith" >&2; exit 1; }
for tool in nginx haproxy h2load valgrind strace curl; do
    command -v $tool >/dev/null || { echo "$tool is missing: apt-get install nginx-light haproxy nghttp2-client valgrind strace curl" >&2; exit 1; }
done
work=$(mktemp -d) && chmod 755 "$work"
pids=
trap 'for pid in $pids; do kill "$pid" 2>/dev/null || true; done; sleep 1; rm -rf "$work"' EXIT
short=${SHORT:-2000} long=${LONG:-12000}
backend=19801 gateway=19802 nginx=19803 haproxy=19804 shop=19805

until_up() { for _ in $(seq 300); do curl -s -o /dev/null "$1" && return; sleep 0.1; done; echo "nobody at $1" >&2; exit 1; }

# A token and the keys that verify it, from a real shop.
LISTEN_ADDR=127.0.0.1:$shop ADMIN_LISTEN_ADDR=127.0.0.1:$((shop + 100)) DATA_DIR="$work/data" DRAIN_DELAY=0s RUST_LOG=error "$built/stoa" serve >/dev/null 2>&1 &
pid=$!
until_up "http://127.0.0.1:$shop/health/ready"
mkdir -p "$work/www/.well-known" "$work/www/api/users"
curl -s "http://127.0.0.1:$shop/.well-known/jwks.json" >"$work/www/.well-known/jwks.json"
token=$(curl -s "http://127.0.0.1:$shop/api/auth/register" -H 'content-type: application/json' \
    -d '{"email":"a@shop.example","password":"a password for a","name":"A"}' | sed -E 's/.*"access_token":"([^"]+)".*/\1/')
curl -s "http://127.0.0.1:$shop/api/users/me" -H "authorization: Bearer $token" >"$work/www/api/users/me"
kill $pid; wait $pid 2>/dev/null || true

common="user root; worker_processes 1; daemon off; error_log stderr crit; pid $work/PID;
events { worker_connections 4096; }
http { access_log off; keepalive_requests 100000000; client_body_temp_path $work/t1; proxy_temp_path $work/t2; fastcgi_temp_path $work/t3; uwsgi_temp_path $work/t4; scgi_temp_path $work/t5;"
printf '%s server { listen 127.0.0.1:%s; root %s/www; default_type application/json; } }' "$(echo "$common" | sed s/PID/p1/)" $backend "$work" >"$work/backend.conf"
printf '%s upstream b { server 127.0.0.1:%s; keepalive 64; } server { listen 127.0.0.1:%s; location / { proxy_pass http://b; proxy_http_version 1.1; proxy_set_header Connection ""; } } }' \
    "$(echo "$common" | sed s/PID/p2/)" $backend $nginx >"$work/nginx.conf"
cat >"$work/haproxy.cfg" <<CFG
global
    nbthread 1
    maxconn 4096
defaults
    mode http
    timeout connect 5s
    timeout client 60s
    timeout server 60s
    http-reuse always
frontend f
    bind 127.0.0.1:$haproxy
    default_backend b
backend b
    server s 127.0.0.1:$backend
CFG
nginx -c "$work/backend.conf" 2>/dev/null & pids="$pids $!"
until_up "http://127.0.0.1:$backend/api/users/me"

serve_gateway() {
    LISTEN_ADDR=127.0.0.1:$gateway ADMIN_LISTEN_ADDR=127.0.0.1:$((gateway + 100)) RATE_LIMITS=off DRAIN_DELAY=0s RUST_LOG=warn TOKIO_WORKER_THREADS=1 \
        AUTH_SERVICE_URL=http://127.0.0.1:$backend USER_SERVICE_URL=http://127.0.0.1:$backend PRODUCT_SERVICE_URL=http://127.0.0.1:$backend \
        ORDER_SERVICE_URL=http://127.0.0.1:$backend exec "$@" "$built/api-gateway" serve
}
start() { # WHO WRAPPER..
    who=$1; shift
    case $who in
    gateway) serve_gateway "$@" >"$work/out" 2>&1 & ;;
    nginx) exec "$@" nginx -c "$work/nginx.conf" >"$work/out" 2>&1 & ;;
    haproxy) exec "$@" haproxy -db -f "$work/haproxy.cfg" >"$work/out" 2>&1 & ;;
    esac
    pid=$!
}
url() { case $1 in gateway) echo "http://127.0.0.1:$gateway";; nginx) echo "http://127.0.0.1:$nginx";; haproxy) echo "http://127.0.0.1:$haproxy";; esac; }
ask() { # WHO PATH COUNT
    until_up "$(url "$1")$2"
    sleep 3
    h2load --h1 -c 8 -n "$3" ${bearer:+-H "authorization: Bearer $token"} "$(url "$1")$2" >"$work/load" 2>&1
    grep -q "$3 succeeded" "$work/load" || { cat "$work/load" "$work/out" >&2; exit 1; }
}
stop() { kill -TERM $pid; wait $pid 2>/dev/null || true; }
# The sum over all processes of the last run.
instructions() {
    start "$1" valgrind --tool=callgrind --callgrind-out-file="$work/cg.%p" --trace-children=yes; ask "$1" "$2" "$3"; stop
    sleep 1
    cat "$work"/cg.* | awk '/^totals:/ {sum += $2} END {printf "%d\n", sum}'
    rm -f "$work"/cg.*
}
calls() {
    rm -f "$work"/strace*
    start "$1" strace -f -qq -c -o "$work/strace"; ask "$1" "$2" "$3"
    # strace ends when what it looks at has ended; told to end itself it would let go of it.
    kill -TERM $(pgrep -P $pid); wait $pid 2>/dev/null || true
    awk '/ total$/ {sum += $4} END {print sum}' "$work/strace"
}
marginal() { # WHAT WHO PATH
    a=$($1 "$2" "$3" "$short"); b=$($1 "$2" "$3" "$long")
    awk -v a="$a" -v b="$b" -v n=$((long - short)) 'BEGIN {printf "%.1f", (b - a) / n}'
}
row() { printf '%-38s %14s %10s\n' "$@"; }
row "a proxied request" "instructions" "calls"
for who in ${WHO:-nginx haproxy}; do
    bearer= ; row "$who" "$(marginal instructions $who /.well-known/jwks.json)" "$(marginal calls $who /.well-known/jwks.json)"
done
bearer= ; row "gateway, bare route" "$(marginal instructions gateway /.well-known/jwks.json)" "$(marginal calls gateway /.well-known/jwks.json)"
bearer=yes; row "gateway, every layer, cached token" "$(marginal instructions gateway /api/users/me)" "$(marginal calls gateway /api/users/me)"

bearer=
start gateway
until_up "$(url gateway)/health/ready"
sleep 2
resident() { awk '/VmRSS/ {printf "%.1f", $2 / 1024}' "/proc/$pid/status"; }
idle=$(resident)
python3 - "$gateway" <<'PY' &
import socket, sys, time
held = []
for n in range(2000):
    s = socket.create_connection(("127.0.0.1", int(sys.argv[1])))
    s.sendall(b"GET /health HTTP/1.1\r\nhost: shop\r\n\r\n")
    s.recv(65536)
    held.append(s)
print(len(held), flush=True)
time.sleep(4)
PY
holder=$!
sleep 3
printf 'gateway: memory idle %s MB, with 2,000 idle connections %s MB\n' "$idle" "$(resident)"
wait $holder || true
stop
