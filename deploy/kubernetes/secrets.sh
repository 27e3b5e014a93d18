#!/usr/bin/env bash
# secrets.sh [NAMESPACE]: prints the Secrets of a shop to be tried, with fresh values, as YAML. They are other ones at each call, and
# database and broker keep those they were made with: call it once. Names and keys are those that any shop needs (README.md).
set -euo pipefail
namespace=${1:-stoa}

random() { head -c 32 /dev/urandom | od -An -tx1 | tr -d ' \n'; }

# secret NAME KEY=VALUE..
secret() {
    printf -- '---\napiVersion: v1\nkind: Secret\nmetadata:\n  name: %s\n  namespace: %s\nstringData:\n' "$1" "$namespace"
    shift
    for pair in "$@"; do printf "  %s: '%s'\n" "${pair%%=*}" "${pair#*=}"; done
}

superuser=$(random)
broker=$(random)
client=$(random)
hash=$(printf %s "$client" | sha256sum | cut -d' ' -f1)
nats="nats_url=nats://stoa:$broker@nats:4222"
key="key_encryption_key=$(random)"
admin="admin_password=$(random)"
passwords=()
declare -A database
for login in auth user product order stoa; do
    password=$(random)
    passwords+=("${login}_password=$password")
    database[$login]="database_url=postgres://${login}_login:$password@postgres:5432/stoa"
done

secret postgres "password=$superuser" "${passwords[@]}"
secret nats "nats.conf=port: 4222, http: 8222, jetstream: { store_dir: /data, max_file: 4G }, authorization: { user: stoa, password: \"$broker\" }"
secret migrations "database_url=postgres://stoa:$superuser@postgres:5432/stoa"
secret api-gateway "$nats"
secret auth-service "${database[auth]}" "$nats" "$key" "$admin" \
    "service_clients.json=[{\"id\": \"order-service\", \"secret_sha256\": \"$hash\", \"audiences\": [\"product\"]}]"
secret user-service "${database[user]}" "$nats"
secret product-service "${database[product]}" "$nats"
secret order-service "${database[order]}" "$nats" "service_client_secret=$client"
secret monolith "${database[stoa]}" "$nats" "$key" "$admin"
