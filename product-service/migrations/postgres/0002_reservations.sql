-- Goods held and sold, by order. Rows are never deleted: a row is the answer to its order for ever.

CREATE TABLE reservations (
    order_id UUID NOT NULL PRIMARY KEY,
    state TEXT COLLATE "C" NOT NULL CONSTRAINT reservations_state CHECK (state IN (
        'held', 'sold', 'released', 'expired', 'rejected', 'returned')),
    -- Of the lines that were asked for; a tombstone has none and matches all.
    request_hash BYTEA,
    -- Why it was refused, as JSON.
    detail TEXT,
    -- Until when it is held.
    expires_at BIGINT,
    CONSTRAINT reservations_held CHECK ((expires_at IS NOT NULL) = (state = 'held'))
);

CREATE INDEX reservations_due ON reservations (expires_at) WHERE expires_at IS NOT NULL;

-- With what was told of the goods when they were first held.
CREATE TABLE reservation_lines (
    order_id UUID NOT NULL,
    product_id UUID NOT NULL,
    location TEXT COLLATE "C" NOT NULL DEFAULT 'main',
    quantity BIGINT NOT NULL CONSTRAINT reservation_lines_quantity CHECK (quantity > 0),
    counted BOOLEAN NOT NULL,
    sku TEXT NOT NULL,
    name TEXT NOT NULL,
    unit_price BIGINT NOT NULL,
    currency TEXT NOT NULL,
    PRIMARY KEY (order_id, product_id, location)
);
