-- Goods held and sold, by order. Rows are never deleted: a row is the answer to its order for ever.

CREATE TABLE reservations (
    order_id BLOB NOT NULL PRIMARY KEY,
    state TEXT NOT NULL CONSTRAINT reservations_state CHECK (state IN (
        'held', 'sold', 'released', 'expired', 'rejected', 'returned')),
    -- Of the lines that were asked for; a tombstone has none and matches all.
    request_hash BLOB,
    -- Why it was refused, as JSON.
    detail TEXT,
    -- Until when it is held.
    expires_at INTEGER,
    CONSTRAINT reservations_held CHECK ((expires_at IS NOT NULL) = (state = 'held'))
) STRICT, WITHOUT ROWID;

CREATE INDEX reservations_due ON reservations (expires_at) WHERE expires_at IS NOT NULL;

-- With what was told of the goods when they were first held.
CREATE TABLE reservation_lines (
    order_id BLOB NOT NULL,
    product_id BLOB NOT NULL,
    location TEXT NOT NULL DEFAULT 'main',
    quantity INTEGER NOT NULL CONSTRAINT reservation_lines_quantity CHECK (quantity > 0),
    counted INTEGER NOT NULL,
    sku TEXT NOT NULL,
    name TEXT NOT NULL,
    unit_price INTEGER NOT NULL,
    currency TEXT NOT NULL,
    PRIMARY KEY (order_id, product_id, location)
) STRICT, WITHOUT ROWID;
