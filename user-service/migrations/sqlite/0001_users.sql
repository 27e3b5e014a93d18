CREATE TABLE users (
    id              BLOB    NOT NULL PRIMARY KEY CHECK (length(id) = 16),
    email           TEXT    NOT NULL,
    name            TEXT    NOT NULL,
    roles           TEXT    NOT NULL,
    account_version INTEGER NOT NULL,
    -- What q= looks in: " word word", normalised in Rust.
    name_words      TEXT    NOT NULL,
    email_words     TEXT    NOT NULL,
    -- Rises with every change of the row.
    version         INTEGER NOT NULL,
    created_at      INTEGER NOT NULL,
    updated_at      INTEGER NOT NULL
) STRICT;

CREATE INDEX users_by_creation ON users (created_at DESC, id DESC);
