-- Orders are kept for ever: the row of a key is the answer to it, whenever it is asked again.
CREATE TABLE orders (
    number INTEGER PRIMARY KEY AUTOINCREMENT,
    id BLOB NOT NULL CONSTRAINT orders_id UNIQUE,
    user_id BLOB NOT NULL,
    idempotency_key TEXT NOT NULL,
    request_hash BLOB NOT NULL,
    status TEXT NOT NULL CONSTRAINT orders_status CHECK (status IN (
        'pending', 'cancelling', 'confirmed', 'paid', 'fulfilled', 'refunding', 'refunded', 'rejected', 'cancelled')),
    reason TEXT,
    detail TEXT,
    cancel_requested INTEGER NOT NULL DEFAULT 0,
    provider TEXT NOT NULL,
    payment_id TEXT,
    total INTEGER CONSTRAINT orders_total CHECK (total >= 0),
    currency TEXT,
    captured INTEGER NOT NULL DEFAULT 0 CONSTRAINT orders_captured CHECK (captured >= 0 AND captured <= coalesce(total, 0)),
    refunded INTEGER NOT NULL DEFAULT 0 CONSTRAINT orders_refunded CHECK (refunded >= 0 AND refunded <= captured),
    version INTEGER NOT NULL,
    attempts INTEGER NOT NULL DEFAULT 0,
    -- When a worker may take it up; null at rest.
    next_attempt_at INTEGER,
    deadline_at INTEGER NOT NULL,
    last_error TEXT,
    traceparent TEXT,
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL,
    confirmed_at INTEGER,
    CONSTRAINT orders_key UNIQUE (user_id, idempotency_key)
) STRICT;
CREATE INDEX orders_open ON orders (next_attempt_at) WHERE next_attempt_at IS NOT NULL;
-- Ids rise with time, so this is the history of a user, newest first.
CREATE INDEX orders_history ON orders (user_id, id DESC, status);

CREATE TABLE order_lines (
    order_id BLOB NOT NULL,
    product_id BLOB NOT NULL,
    quantity INTEGER NOT NULL CONSTRAINT order_lines_quantity CHECK (quantity > 0),
    sku TEXT,
    name TEXT,
    unit_price INTEGER,
    PRIMARY KEY (order_id, product_id)
) STRICT, WITHOUT ROWID;

-- Reconciling counts the events of an order.
CREATE INDEX outbox_subject ON outbox (subject);
