--: title get_or_create_many: a batch of 100,000 rows, all of them there, among 1,000,000
--: rows 100000
--: rounds 7

--: setup
DROP TABLE IF EXISTS batch;
CREATE TABLE batch AS
SELECT jsonb_agg(jsonb_build_object('name', 'product ' || to_char(i, 'FM0000000'), 'price', i % 1000)
				 ORDER BY hashint4(i)) AS rows
FROM generate_series(800001, 900000) AS i;
VACUUM ANALYZE batch;

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

-- no function that creates, but what a look for many rows costs
--: contender join
--: answer 100000
WITH input AS MATERIALIZED (
	SELECT r.*
	FROM batch, ROWS FROM (jsonb_to_recordset(rows) AS (name text, price numeric(10,2)))
		 WITH ORDINALITY AS r(name, price, o))
SELECT count(p) FROM input AS i LEFT JOIN product AS p ON p.name = i.name

--: contender get_or_create_many
--: answer 100000
SELECT count(g.record)
FROM batch, get_or_create_many(NULL::product, rows, '{name}') AS g

--: target get_or_create_many <= 1.00 INSERT and join back
