-- Catalogue and shelf. Rows of products and stock are never deleted: orders, ledger and reservations speak of them.
-- Text that is compared or ordered has COLLATE "C": bytes, as SQLite does.

CREATE TABLE families (
    handle TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    name TEXT NOT NULL,
    description TEXT NOT NULL,
    images TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL
);

CREATE TABLE products (
    -- Rises with every product; what ties a row to its words in the search.
    seq BIGINT GENERATED ALWAYS AS IDENTITY UNIQUE,
    id UUID NOT NULL PRIMARY KEY,
    version BIGINT NOT NULL,
    published BOOLEAN NOT NULL,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL,
    deleted_at BIGINT,
    currency TEXT COLLATE "C" NOT NULL,
    price BIGINT NOT NULL CHECK (price >= 0),
    compare_at BIGINT CHECK (compare_at >= 0),
    sku TEXT COLLATE "C" NOT NULL,
    -- Made in Rust, so that both engines compare and order alike.
    sku_key TEXT COLLATE "C" NOT NULL,
    name_key TEXT COLLATE "C" NOT NULL,
    family TEXT COLLATE "C" REFERENCES families (handle),
    -- The options, whatever their order.
    options_key TEXT COLLATE "C",
    category TEXT COLLATE "C",
    name TEXT NOT NULL,
    vendor TEXT,
    barcode TEXT,
    weight_grams BIGINT,
    options TEXT NOT NULL,
    tags TEXT NOT NULL,
    images TEXT NOT NULL,
    description TEXT NOT NULL
);

CREATE UNIQUE INDEX products_sku ON products (sku) WHERE deleted_at IS NULL;
CREATE UNIQUE INDEX products_options ON products (family, options_key) WHERE deleted_at IS NULL AND family IS NOT NULL;
CREATE INDEX products_sku_key ON products (sku_key) WHERE deleted_at IS NULL;
CREATE INDEX products_updated ON products (updated_at, id);

-- One index a filter and sort: a page costs the same wherever it lies. Each serves both directions.
CREATE INDEX products_by_created ON products (published, created_at, id) WHERE deleted_at IS NULL;
CREATE INDEX products_by_price ON products (published, currency, price, id) WHERE deleted_at IS NULL;
CREATE INDEX products_by_name ON products (published, name_key, id) WHERE deleted_at IS NULL;
CREATE INDEX products_category_by_created ON products (category, published, created_at, id)
    WHERE deleted_at IS NULL AND category IS NOT NULL;
CREATE INDEX products_category_by_price ON products (category, published, currency, price, id)
    WHERE deleted_at IS NULL AND category IS NOT NULL;
CREATE INDEX products_category_by_name ON products (category, published, name_key, id)
    WHERE deleted_at IS NULL AND category IS NOT NULL;
CREATE INDEX products_family_by_created ON products (family, published, created_at, id)
    WHERE deleted_at IS NULL AND family IS NOT NULL;
CREATE INDEX products_family_by_price ON products (family, published, currency, price, id)
    WHERE deleted_at IS NULL AND family IS NOT NULL;
CREATE INDEX products_family_by_name ON products (family, published, name_key, id)
    WHERE deleted_at IS NULL AND family IS NOT NULL;

-- The tags of living products, with a copy of what lists are sorted by.
CREATE TABLE product_tags (
    product_id UUID NOT NULL REFERENCES products (id),
    tag TEXT COLLATE "C" NOT NULL,
    published BOOLEAN NOT NULL,
    created_at BIGINT NOT NULL,
    currency TEXT COLLATE "C" NOT NULL,
    price BIGINT NOT NULL,
    name_key TEXT COLLATE "C" NOT NULL,
    PRIMARY KEY (product_id, tag)
);

CREATE INDEX product_tags_by_created ON product_tags (tag, published, created_at, product_id);
CREATE INDEX product_tags_by_price ON product_tags (tag, published, currency, price, product_id);
CREATE INDEX product_tags_by_name ON product_tags (tag, published, name_key, product_id);

-- The words of living products, normalised in Rust: no parser, no dictionary.
CREATE TABLE search (
    seq BIGINT NOT NULL PRIMARY KEY REFERENCES products (seq),
    words TSVECTOR NOT NULL
);

CREATE INDEX search_words ON search USING gin (words);

CREATE TABLE stock (
    product_id UUID NOT NULL REFERENCES products (id),
    location TEXT COLLATE "C" NOT NULL DEFAULT 'main',
    counted BOOLEAN NOT NULL,
    on_hand BIGINT NOT NULL,
    reserved BIGINT NOT NULL,
    -- Rises with every change.
    seq BIGINT NOT NULL,
    PRIMARY KEY (product_id, location),
    CONSTRAINT stock_on_hand CHECK (on_hand >= 0),
    CONSTRAINT stock_reserved CHECK (reserved >= 0),
    CONSTRAINT stock_available CHECK (reserved <= on_hand)
) WITH (fillfactor = 50); -- room for the next version of a row on its page: sales change no indexed column

-- Why on_hand is what it is: the deltas of a product add up to it.
CREATE TABLE stock_ledger (
    product_id UUID NOT NULL,
    location TEXT COLLATE "C" NOT NULL DEFAULT 'main',
    delta BIGINT NOT NULL,
    kind TEXT COLLATE "C" NOT NULL,
    order_id UUID,
    reason TEXT,
    actor TEXT,
    request_id TEXT,
    at BIGINT NOT NULL,
    UNIQUE (order_id, product_id, location, kind)
);
