#!/usr/bin/env bash
# Run once, when the database is made: a login for each server. What it may do comes with the role of its schema, which
# `migrate --provision` makes.
set -euo pipefail
for login in auth user product order stoa; do
    psql -q -v ON_ERROR_STOP=1 -U "$POSTGRES_USER" -d "$POSTGRES_DB" \
        -v login="${login}_login" -v password="$(cat "/run/secrets/postgres/${login}_password")" <<'SQL'
CREATE ROLE :"login" LOGIN PASSWORD :'password';
SQL
done
