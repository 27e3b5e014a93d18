-- Catalogue and shelf. Rows of products and stock are never deleted: orders, ledger and reservations speak of them.
-- Narrow columns stand first: SQLite reads a row from its front, and most reads need no description.

CREATE TABLE families (
    handle TEXT NOT NULL PRIMARY KEY,
    name TEXT NOT NULL,
    description TEXT NOT NULL,
    images TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL
) STRICT;

CREATE TABLE products (
    -- Rises with every product; what ties a row to its words in the search.
    seq INTEGER PRIMARY KEY,
    id BLOB NOT NULL UNIQUE,
    version INTEGER NOT NULL,
    published INTEGER NOT NULL,
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL,
    deleted_at INTEGER,
    currency TEXT NOT NULL,
    price INTEGER NOT NULL CHECK (price >= 0),
    compare_at INTEGER CHECK (compare_at >= 0),
    sku TEXT NOT NULL,
    -- Made in Rust, so that both engines compare and order alike.
    sku_key TEXT NOT NULL,
    name_key TEXT NOT NULL,
    family TEXT REFERENCES families (handle),
    -- The options, whatever their order.
    options_key TEXT,
    category TEXT,
    name TEXT NOT NULL,
    vendor TEXT,
    barcode TEXT,
    weight_grams INTEGER,
    options TEXT NOT NULL,
    tags TEXT NOT NULL,
    images TEXT NOT NULL,
    description TEXT NOT NULL
) STRICT;

-- The index that is made last is checked first: a twin in both is told of its sku, as on Postgres.
CREATE UNIQUE INDEX products_options ON products (family, options_key) WHERE deleted_at IS NULL AND family IS NOT NULL;
CREATE UNIQUE INDEX products_sku ON products (sku) WHERE deleted_at IS NULL;
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
    product_id BLOB NOT NULL REFERENCES products (id),
    tag TEXT NOT NULL,
    published INTEGER NOT NULL,
    created_at INTEGER NOT NULL,
    currency TEXT NOT NULL,
    price INTEGER NOT NULL,
    name_key TEXT NOT NULL,
    PRIMARY KEY (product_id, tag)
) STRICT, WITHOUT ROWID;

CREATE INDEX product_tags_by_created ON product_tags (tag, published, created_at, product_id);
CREATE INDEX product_tags_by_price ON product_tags (tag, published, currency, price, product_id);
CREATE INDEX product_tags_by_name ON product_tags (tag, published, name_key, product_id);

-- The words of living products, normalised in Rust: this tokenizer only splits them at spaces.
CREATE VIRTUAL TABLE search USING fts5 (words, content = '', contentless_delete = 1, detail = none, tokenize = 'ascii');

CREATE TABLE stock (
    product_id BLOB NOT NULL REFERENCES products (id),
    location TEXT NOT NULL DEFAULT 'main',
    counted INTEGER NOT NULL,
    on_hand INTEGER NOT NULL,
    reserved INTEGER NOT NULL,
    -- Rises with every change.
    seq INTEGER NOT NULL,
    PRIMARY KEY (product_id, location),
    CONSTRAINT stock_on_hand CHECK (on_hand >= 0),
    CONSTRAINT stock_reserved CHECK (reserved >= 0),
    CONSTRAINT stock_available CHECK (reserved <= on_hand)
) STRICT, WITHOUT ROWID;

-- Why on_hand is what it is: the deltas of a product add up to it.
CREATE TABLE stock_ledger (
    product_id BLOB NOT NULL,
    location TEXT NOT NULL DEFAULT 'main',
    delta INTEGER NOT NULL,
    kind TEXT NOT NULL,
    order_id BLOB,
    reason TEXT,
    actor TEXT,
    request_id TEXT,
    at INTEGER NOT NULL,
    UNIQUE (order_id, product_id, location, kind)
) STRICT;
