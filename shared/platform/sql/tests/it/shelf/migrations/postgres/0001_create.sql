CREATE TABLE shelf (
    id UUID PRIMARY KEY,
    label TEXT COLLATE "C" NOT NULL CONSTRAINT shelf_label UNIQUE,
    on_hand BIGINT NOT NULL CONSTRAINT shelf_on_hand CHECK (on_hand >= 0)
);
