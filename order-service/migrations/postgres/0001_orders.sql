-- Orders are kept for ever: the row of a key is the answer to it, whenever it is asked again.
CREATE TABLE orders (
    number BIGINT GENERATED ALWAYS AS IDENTITY,
    id UUID PRIMARY KEY,
    user_id UUID NOT NULL,
    idempotency_key TEXT COLLATE "C" NOT NULL,
    request_hash BYTEA NOT NULL,
    status TEXT COLLATE "C" NOT NULL CONSTRAINT orders_status CHECK (status IN (
        'pending', 'cancelling', 'confirmed', 'paid', 'fulfilled', 'refunding', 'refunded', 'rejected', 'cancelled')),
    reason TEXT,
    detail TEXT,
    cancel_requested BOOLEAN NOT NULL DEFAULT FALSE,
    provider TEXT NOT NULL,
    payment_id TEXT,
    total BIGINT CONSTRAINT orders_total CHECK (total >= 0),
    currency TEXT,
    captured BIGINT NOT NULL DEFAULT 0 CONSTRAINT orders_captured CHECK (captured >= 0 AND captured <= coalesce(total, 0)),
    refunded BIGINT NOT NULL DEFAULT 0 CONSTRAINT orders_refunded CHECK (refunded >= 0 AND refunded <= captured),
    version BIGINT NOT NULL,
    attempts BIGINT NOT NULL DEFAULT 0,
    -- When a worker may take it up; null at rest.
    next_attempt_at BIGINT,
    deadline_at BIGINT NOT NULL,
    last_error TEXT,
    traceparent TEXT,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL,
    confirmed_at BIGINT,
    CONSTRAINT orders_key UNIQUE (user_id, idempotency_key)
);
CREATE INDEX orders_open ON orders (next_attempt_at) WHERE next_attempt_at IS NOT NULL;
-- Ids rise with time, so this is the history of a user, newest first.
CREATE INDEX orders_history ON orders (user_id, id DESC, status);

CREATE TABLE order_lines (
    order_id UUID NOT NULL,
    product_id UUID NOT NULL,
    quantity BIGINT NOT NULL CONSTRAINT order_lines_quantity CHECK (quantity > 0),
    sku TEXT,
    name TEXT,
    unit_price BIGINT,
    PRIMARY KEY (order_id, product_id)
);

-- Reconciling counts the events of an order.
CREATE INDEX outbox_subject ON outbox (subject);
