#!/usr/bin/env bash
# secrets.sh [NAMESPACE]: prints the Secrets of a development shop, with fresh values, as YAML: pipe it into kubectl apply -f -. Made anew
# at each call: call it once for a database. In production they come from where you keep secrets; the names and keys are these.
set -euo pipefail
namespace=${1:-stoa}

random() { head -c 32 /dev/urandom | od -An -tx1 | tr -d ' \n'; }

# secret NAME KEY=VALUE..
secret() {
    printf -- '---\napiVersion: v1\nkind: Secret\nmetadata:\n  name: %s\n  namespace: %s\nstringData:\n' "$1" "$namespace"
    shift
    for pair in "$@"; do printf "  %s: '%s'\n" "${pair%%=*}" "${pair#*=}"; done
}

superuser=$(random); broker=$(random); client=$(random)
nats_url="nats_url=nats://stoa:$broker@nats:4222"
passwords=(); declare -A url
for login in auth user product order stoa; do
    password=$(random)
    passwords+=("${login}_password=$password")
    url[$login]="database_url=postgres://${login}_login:$password@postgres:5432/stoa"
done
hash=$(printf %s "$client" | sha256sum | cut -d' ' -f1)
admin="admin_password=$(random)"
key="key_encryption_key=$(random)"

secret postgres "password=$superuser" "${passwords[@]}"
secret migrations "database_url=postgres://stoa:$superuser@postgres:5432/stoa"
secret nats "nats.conf=port: 4222, jetstream: { store_dir: /data, max_file: 4G }, authorization: { user: stoa, password: \"$broker\" }"
secret api-gateway "$nats_url"
secret auth-service "${url[auth]}" "$nats_url" "$key" "$admin" \
    "service_clients.json=[{\"id\": \"order-service\", \"secret_sha256\": \"$hash\", \"audiences\": [\"product\"]}]"
secret user-service "${url[user]}" "$nats_url"
secret product-service "${url[product]}" "$nats_url"
secret order-service "${url[order]}" "$nats_url" "service_client_secret=$client"
secret monolith "${url[stoa]}" "$nats_url" "$key" "$admin"
