--: title update_or_create_many: a batch of 100,000 rows, all of them there, a tenth of them changed
--: rows 100000
--: rounds 7
--: wal

--: setup
DROP TABLE IF EXISTS batch;
CREATE TABLE batch AS
SELECT jsonb_agg(jsonb_build_object('name', 'product ' || to_char(i, 'FM0000000'), 'price', CASE WHEN i % 10 = 0 THEN i % 1000 + 1 ELSE i % 1000 END)
				 ORDER BY hashint4(i)) AS rows
FROM generate_series(800001, 900000) AS i;
VACUUM ANALYZE batch;

--: after
UPDATE product SET price = id % 1000 WHERE id BETWEEN 800001 AND 900000 AND price <> id % 1000;
VACUUM (INDEX_CLEANUP ON) product;

--: contender ON CONFLICT DO UPDATE
--: answer 100000
WITH input AS MATERIALIZED (
	SELECT r.*
	FROM batch, ROWS FROM (jsonb_to_recordset(rows) AS (name text, price numeric(10,2)))
		 WITH ORDINALITY AS r(name, price, o)),
ins AS (
	INSERT INTO product AS p (name, price)
	SELECT name, price FROM input
	ON CONFLICT (name) DO UPDATE SET price = excluded.price
	RETURNING p AS record)
SELECT count(record) FROM ins

-- leaves the unchanged rows alone, but locks them and does not return them
--: contender ON CONFLICT DO UPDATE WHERE different
--: answer 10000
WITH input AS MATERIALIZED (
	SELECT r.*
	FROM batch, ROWS FROM (jsonb_to_recordset(rows) AS (name text, price numeric(10,2)))
		 WITH ORDINALITY AS r(name, price, o)),
ins AS (
	INSERT INTO product AS p (name, price)
	SELECT name, price FROM input
	ON CONFLICT (name) DO UPDATE SET price = excluded.price
	WHERE p.price IS DISTINCT FROM excluded.price
	RETURNING p AS record)
SELECT count(record) FROM ins

--: contender update_or_create_many
--: answer 100000
SELECT count(g.record)
FROM batch, update_or_create_many(NULL::product, rows, '{name}') AS g

--: target update_or_create_many <= 0.50 ON CONFLICT DO UPDATE
