CREATE TABLE shelf (
    id BLOB PRIMARY KEY,
    label TEXT NOT NULL UNIQUE,
    on_hand INTEGER NOT NULL CONSTRAINT shelf_on_hand CHECK (on_hand >= 0)
) STRICT;
