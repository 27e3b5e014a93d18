#!/usr/bin/env bash
# Run once, when the database is made: a login for each service. What it may do comes with the role of its schema, which
# `migrate --provision` makes.
set -euo pipefail
for service in auth user product order; do
    psql -q -v ON_ERROR_STOP=1 -U "$POSTGRES_USER" -d "$POSTGRES_DB" \
        -v login="${service}_login" -v password="$(cat "/run/secrets/${service}_password")" <<'SQL'
CREATE ROLE :"login" LOGIN PASSWORD :'password';
SQL
done
