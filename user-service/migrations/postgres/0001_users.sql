CREATE TABLE users (
    id              UUID   NOT NULL PRIMARY KEY,
    email           TEXT   NOT NULL,
    name            TEXT   NOT NULL,
    roles           TEXT   NOT NULL,
    account_version BIGINT NOT NULL,
    -- What q= looks in: " word word", normalised in Rust.
    name_words      TEXT   COLLATE "C" NOT NULL,
    email_words     TEXT   COLLATE "C" NOT NULL,
    -- Rises with every change of the row.
    version         BIGINT NOT NULL,
    created_at      BIGINT NOT NULL,
    updated_at      BIGINT NOT NULL
);

CREATE INDEX users_by_creation ON users (created_at DESC, id DESC);
