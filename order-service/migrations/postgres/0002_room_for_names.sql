-- A line is written when its order is placed and once more when it is confirmed, with its name and price: room for that on the same
-- page saves an entry in the index.
ALTER TABLE order_lines SET (fillfactor = 50);
