--: title get_or_create_many: a batch of 100,000 rows, half of them there, among 1,000,000
--: rows 100000
--: rounds 7

--: setup
DROP TABLE IF EXISTS batch;
CREATE TABLE batch AS
SELECT jsonb_agg(jsonb_build_object('name', 'product ' || to_char(i, 'FM0000000'), 'price', i % 1000)
				 ORDER BY hashint4(i)) AS rows
FROM generate_series(950001, 1050000) AS i;
VACUUM ANALYZE batch;

-- every contender finds the same table
--: after
DELETE FROM product WHERE name > 'product 1000000';
VACUUM (INDEX_CLEANUP ON) product;

-- the same answer: rows in the order of the batch, equal keys folded, the flag
--: contender INSERT and join back
--: answer 100000
WITH input AS MATERIALIZED (
	SELECT r.*
	FROM batch, ROWS FROM (jsonb_to_recordset(rows) AS (name text, price numeric(10,2)))
		 WITH ORDINALITY AS r(name, price, o)),
ins AS (
	INSERT INTO product AS p (name, price)
	SELECT DISTINCT ON (name) name, price FROM input ORDER BY name, o
	ON CONFLICT (name) DO NOTHING
	RETURNING p AS record),
answer AS (
	SELECT i.o, coalesce(ins.record, p) AS record,
		   (ins.record).name IS NOT NULL AND row_number() OVER (PARTITION BY i.name ORDER BY i.o) = 1 AS was_created
	FROM input AS i
		 LEFT JOIN ins ON (ins.record).name = i.name
		 LEFT JOIN product AS p ON p.name = i.name
	ORDER BY i.o)
SELECT count(record) FROM answer

-- for batches that are known to have no key twice; deadlocks with another order
--: contender INSERT and join back, unsorted
--: answer 100000
WITH input AS MATERIALIZED (
	SELECT r.*
	FROM batch, ROWS FROM (jsonb_to_recordset(rows) AS (name text, price numeric(10,2)))
		 WITH ORDINALITY AS r(name, price, o)),
ins AS (
	INSERT INTO product AS p (name, price)
	SELECT name, price FROM input
	ON CONFLICT (name) DO NOTHING
	RETURNING p AS record),
answer AS (
	SELECT i.o, coalesce(ins.record, p) AS record, (ins.record).name IS NOT NULL AS was_created
	FROM input AS i
		 LEFT JOIN ins ON (ins.record).name = i.name
		 LEFT JOIN product AS p ON p.name = i.name
	ORDER BY i.o)
SELECT count(record) FROM answer

--: contender get_or_create_many
--: answer 100000
SELECT count(g.record)
FROM batch, get_or_create_many(NULL::product, rows, '{name}') AS g

--: target get_or_create_many <= 1.25 INSERT and join back
