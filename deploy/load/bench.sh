#!/bin/sh
# Builds our shop and the load generator, measures, prints the table of figures.
#   PEER=<folder>      also that peer, by its run.sh, in turn with ours
#   REPEATS=3  RUN_SECONDS=4   how often and how long;  QUICK=1  only what the table of figures needs
#   ONLY=sqlite,five-http   only these (sqlite, postgres, five-http, five-grpc, peer, peer-services)
#   TEST_NATS_SERVER=<program>  also as five processes (make bench sets it; .ci/setup installs it)
#   MILLION=1          also page 10,000 against page 1 at a million products (half an hour)
#   PLACE=/var/tmp/stoa-bench  databases and logs;  POSTGRES=/usr/lib/postgresql/15/bin
# What it starts, the generator ends by itself, also on Ctrl-C.
set -eu
cd "$(dirname "$0")/../.."
cargo build --release -p load -p monolith -p api-gateway -p auth-service -p user-service -p product-service -p order-service
built=${CARGO_TARGET_DIR:-target}/release
exec "$built/load" bench --stoa "$built/stoa" \
  ${TEST_NATS_SERVER:+--nats-server "$TEST_NATS_SERVER"} ${PEER:+--peer "$PEER"} ${REPEATS:+--repeats "$REPEATS"} ${RUN_SECONDS:+--seconds "$RUN_SECONDS"} ${QUICK:+--quick} ${ONLY:+--only "$ONLY"} \
  ${MILLION:+--million 1000000} ${PLACE:+--place "$PLACE"} ${POSTGRES:+--postgres "$POSTGRES"}
