CREATE TABLE accounts (
    id            UUID   NOT NULL PRIMARY KEY,
    email         TEXT   NOT NULL,
    -- The address in NFC and lower case, made in Rust.
    email_key     TEXT   COLLATE "C" NOT NULL,
    -- As given at registration; users own what it became.
    name          TEXT   NOT NULL,
    password_hash TEXT   NOT NULL,
    -- A sorted JSON array of names.
    roles         TEXT   COLLATE "C" NOT NULL,
    -- Rises with every change of email or roles.
    version       BIGINT NOT NULL,
    -- Since when users have to be told; null once they acknowledged this version.
    profile_due   BIGINT,
    created_at    BIGINT NOT NULL,
    updated_at    BIGINT NOT NULL
);

CREATE UNIQUE INDEX accounts_email ON accounts (email_key);
CREATE INDEX accounts_profile_due ON accounts (profile_due) WHERE profile_due IS NOT NULL;
CREATE INDEX accounts_with_roles ON accounts (roles) WHERE roles <> '["customer"]';

CREATE TABLE sessions (
    id            UUID   NOT NULL PRIMARY KEY,
    account_id    UUID   NOT NULL REFERENCES accounts (id) ON DELETE CASCADE,
    -- SHA-256 of the newest refresh token, and of the one before it.
    token_hash    BYTEA  NOT NULL CHECK (length(token_hash) = 32),
    previous_hash BYTEA,
    rotated_at    BIGINT,
    -- A fingerprint of the network it was last used from; null once that is not to be trusted.
    address       BYTEA,
    created_at    BIGINT NOT NULL,
    last_used_at  BIGINT NOT NULL,
    expires_at    BIGINT NOT NULL,
    ended_at      BIGINT
);

CREATE INDEX sessions_of_account ON sessions (account_id, last_used_at);
CREATE INDEX sessions_by_expiry ON sessions (expires_at);

CREATE TABLE sealed_keys (
    purpose    TEXT   COLLATE "C" NOT NULL,
    generation BIGINT NOT NULL,
    sealed     BYTEA  NOT NULL,
    created_at BIGINT NOT NULL,
    PRIMARY KEY (purpose, generation)
);
