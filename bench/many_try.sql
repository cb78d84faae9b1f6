--: title try_create_many: a batch of 100,000 new rows, none of which fails
--: rows 100000
--: rounds 7

--: setup
DROP TABLE IF EXISTS batch;
CREATE TABLE batch AS
SELECT jsonb_agg(jsonb_build_object('name', 'product ' || to_char(i, 'FM0000000'), 'price', i % 1000)
				 ORDER BY hashint4(i)) AS rows
FROM generate_series(1000001, 1100000) AS i;
VACUUM ANALYZE batch;

--: after
DELETE FROM product WHERE name > 'product 1000000';
VACUUM (INDEX_CLEANUP ON) product;

--: contender INSERT ... SELECT
--: answer 100000
INSERT INTO product (name, price)
SELECT r.name, r.price FROM batch, jsonb_to_recordset(rows) AS r(name text, price numeric(10,2))

--: contender try_create_many
--: answer 100000
SELECT count(t.record)
FROM batch, try_create_many(NULL::product, rows) AS t

--: target try_create_many <= 1.30 INSERT ... SELECT
