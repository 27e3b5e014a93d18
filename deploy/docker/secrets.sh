#!/usr/bin/env bash
# Makes the secrets of the local cluster: each once, each where only its owner mounts it. "show admin_password" prints one of auth's.
set -euo pipefail
umask 077
root=/secrets
owner=65532

if [ "${1:-}" = show ]; then
    name=${2:?"usage: show admin_password"}
    [ "$name" = "$(basename "$name")" ] && cat "$root/auth/$name" && echo
    exit
fi

random() { head -c 32 /dev/urandom | od -An -tx1 | tr -d ' \n'; }

# keep PLACE/NAME MODE OWNER: what stands on standard input, unless it is there already.
keep() {
    local file=$root/$1
    if [ -s "$file" ]; then cat >/dev/null; return; fi
    cat >"$file.new"
    chown "$3" "$file.new"
    chmod "$2" "$file.new"
    mv "$file.new" "$file"
}

# The superuser; initdb and the script beside it read it as the server's own user.
random | keep postgres/password 0444 0
password=$(cat "$root/postgres/password")
printf 'postgres://stoa:%s@postgres:5432/stoa' "$password" | keep migrations/database_url 0400 "$owner"
for service in auth user product order; do
    random | keep "postgres/${service}_password" 0444 0
    login=$(cat "$root/postgres/${service}_password")
    printf 'postgres://%s_login:%s@postgres:5432/stoa' "$service" "$login" | keep "$service/database_url" 0400 "$owner"
done

random | keep nats/password 0400 0
password=$(cat "$root/nats/password")
# The server's image runs as root without any capability.
printf 'port: 4222\njetstream { store_dir: /data, max_file: 4G }\nauthorization { user: stoa, password: "%s" }\n' "$password" |
    keep nats/nats.conf 0400 0
for service in gateway auth user product order; do
    printf 'nats://stoa:%s@nats:4222' "$password" | keep "$service/nats_url" 0400 "$owner"
done

random | keep order/service_client_secret 0400 "$owner"
hash=$(printf %s "$(cat "$root/order/service_client_secret")" | sha256sum | cut -d' ' -f1)
printf '[{"id": "order-service", "secret_sha256": "%s", "audiences": ["product"]}]\n' "$hash" |
    keep auth/service_clients.json 0400 "$owner"
random | keep auth/key_encryption_key 0400 "$owner"
random | keep auth/admin_password 0400 "$owner"
chown "$owner" "$root"/{migrations,gateway,auth,user,product,order}
chmod 0700 "$root"/{migrations,nats,gateway,auth,user,product,order}
chmod 0755 "$root/postgres"
echo "secrets are there"
