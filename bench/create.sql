--: title A creation: 20,000 new keys, consecutive, into 1,000,000 rows
--: rows 20000

--: setup
DROP TABLE IF EXISTS fresh;
CREATE TABLE fresh AS
SELECT 'product ' || to_char(i, 'FM0000000') AS name, 5::numeric(10,2) AS price
FROM generate_series(1000001, 1020000) AS i;
VACUUM ANALYZE fresh;

-- every contender finds the same table
--: after
DELETE FROM product WHERE name IN (SELECT name FROM fresh);
VACUUM (INDEX_CLEANUP ON) product;

--: contender INSERT ... SELECT
--: answer 20000
INSERT INTO product (name, price)
SELECT name, price FROM fresh

--: contender DO NOTHING, no row on a hit
--: answer 20000
INSERT INTO product (name, price)
SELECT name, price FROM fresh
ON CONFLICT (name) DO NOTHING

--: contender plpgsql loop
--: answer 20000
SELECT count((g.record).price) FILTER (WHERE g.was_created)
FROM fresh AS f, LATERAL product_get_or_create(f.name, f.price) AS g

--: contender DO UPDATE as no-op
--: answer 20000
INSERT INTO product (name, price)
SELECT name, price FROM fresh
ON CONFLICT (name) DO UPDATE SET name = excluded.name RETURNING *

--: contender plpgsql with EXCEPTION
--: answer 20000
SELECT count((g.record).price) FILTER (WHERE g.was_created)
FROM fresh AS f, LATERAL product_get_or_create_exception(f.name, f.price) AS g

--: contender DO NOTHING, then SELECT
--: answer 20000
SELECT count((g.record).price) FILTER (WHERE g.was_created)
FROM fresh AS f, LATERAL product_insert_or_get(f.name, f.price) AS g

--: contender CTE with UNION ALL
--: answer 20000
SELECT count((g.record).price) FILTER (WHERE g.was_created)
FROM fresh AS f, LATERAL product_insert_union_get(f.name, f.price) AS g

--: contender get_or_create
--: answer 20000
SELECT count((g.record).price) FILTER (WHERE g.was_created)
FROM fresh AS f,
	 LATERAL get_or_create(NULL::product, jsonb_build_object('name', f.name),
						   jsonb_build_object('price', f.price)) AS g

--: target get_or_create <= 0.90 plpgsql loop
