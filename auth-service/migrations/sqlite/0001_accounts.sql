CREATE TABLE accounts (
    id            BLOB    NOT NULL PRIMARY KEY CHECK (length(id) = 16),
    email         TEXT    NOT NULL,
    -- The address in NFC and lower case, made in Rust.
    email_key     TEXT    NOT NULL,
    -- As given at registration; users own what it became.
    name          TEXT    NOT NULL,
    password_hash TEXT    NOT NULL,
    -- A sorted JSON array of names.
    roles         TEXT    NOT NULL,
    -- Rises with every change of email or roles.
    version       INTEGER NOT NULL,
    -- Since when users have to be told; null once they acknowledged this version.
    profile_due   INTEGER,
    created_at    INTEGER NOT NULL,
    updated_at    INTEGER NOT NULL
) STRICT;

CREATE UNIQUE INDEX accounts_email ON accounts (email_key);
CREATE INDEX accounts_profile_due ON accounts (profile_due) WHERE profile_due IS NOT NULL;
CREATE INDEX accounts_with_roles ON accounts (roles) WHERE roles <> '["customer"]';

CREATE TABLE sessions (
    id            BLOB    NOT NULL PRIMARY KEY CHECK (length(id) = 16),
    account_id    BLOB    NOT NULL REFERENCES accounts (id) ON DELETE CASCADE,
    -- SHA-256 of the newest refresh token, and of the one before it.
    token_hash    BLOB    NOT NULL CHECK (length(token_hash) = 32),
    previous_hash BLOB,
    rotated_at    INTEGER,
    -- A fingerprint of the network it was last used from; null once that is not to be trusted.
    address       BLOB,
    created_at    INTEGER NOT NULL,
    last_used_at  INTEGER NOT NULL,
    expires_at    INTEGER NOT NULL,
    ended_at      INTEGER
) STRICT;

CREATE INDEX sessions_of_account ON sessions (account_id, last_used_at);
CREATE INDEX sessions_by_expiry ON sessions (expires_at);

CREATE TABLE sealed_keys (
    purpose    TEXT    NOT NULL,
    generation INTEGER NOT NULL,
    sealed     BLOB    NOT NULL,
    created_at INTEGER NOT NULL,
    PRIMARY KEY (purpose, generation)
) STRICT;
