--: title A hit: 20,000 hot keys, consecutive, of 1,000,000 rows
--: rows 20000

--: setup
DROP TABLE IF EXISTS hot;
CREATE TABLE hot AS
SELECT name, 5::numeric(10,2) AS price FROM product WHERE id BETWEEN 500001 AND 520000 ORDER BY id;
VACUUM ANALYZE hot;

-- what DO UPDATE leaves
--: after round
VACUUM product;

--: contender index join
--: plan Nested Loop.*Seq Scan on hot.*Index Scan using product_name_key
--: answer 20000
--: set enable_hashjoin = off
--: set enable_mergejoin = off
--: set enable_memoize = off
SELECT count(p.price)
FROM hot AS h JOIN product AS p ON p.name = h.name

-- for comparison: the row as one value, which is what get_or_create returns
--: contender index join, whole row
--: answer 20000
--: set enable_hashjoin = off
--: set enable_mergejoin = off
--: set enable_memoize = off
SELECT count((r.record).price)
FROM (SELECT p AS record FROM hot AS h JOIN product AS p ON p.name = h.name OFFSET 0) AS r

-- what is left when nothing is added: the search, a function in FROM, the
-- caller's JSON, its conversion
--: contender index join, key from JSON
--: plan Function Scan on jsonb_populate_record
--: answer 20000
--: set enable_hashjoin = off
--: set enable_mergejoin = off
--: set enable_memoize = off
SELECT count((r.record).price)
FROM (SELECT p AS record
	  FROM hot AS h,
		   LATERAL jsonb_populate_record(NULL::product, jsonb_build_object('name', h.name)) AS k
		   JOIN product AS p ON p.name = k.name
	  OFFSET 0) AS r

--: contender DO NOTHING, no row
--: answer 0
INSERT INTO product (name, price)
SELECT name, price FROM hot
ON CONFLICT (name) DO NOTHING

--: contender DO UPDATE as no-op
--: answer 20000
INSERT INTO product (name, price)
SELECT name, price FROM hot
ON CONFLICT (name) DO UPDATE SET name = excluded.name RETURNING *

--: contender DO SELECT
--: since 190000
--: answer 20000
INSERT INTO product (name, price)
SELECT name, price FROM hot
ON CONFLICT (name) DO SELECT RETURNING *

--: contender plpgsql loop
--: answer 20000
SELECT count((g.record).price) FILTER (WHERE NOT g.was_created)
FROM hot AS h, LATERAL product_get_or_create(h.name) AS g

--: contender plpgsql with EXCEPTION
--: answer 20000
SELECT count((g.record).price) FILTER (WHERE NOT g.was_created)
FROM hot AS h, LATERAL product_get_or_create_exception(h.name) AS g

--: contender DO NOTHING, then SELECT
--: answer 20000
SELECT count((g.record).price) FILTER (WHERE NOT g.was_created)
FROM hot AS h, LATERAL product_insert_or_get(h.name) AS g

--: contender CTE with UNION ALL
--: answer 20000
SELECT count((g.record).price) FILTER (WHERE NOT g.was_created)
FROM hot AS h, LATERAL product_insert_union_get(h.name) AS g

--: contender get_or_create
--: answer 20000
SELECT count((g.record).price) FILTER (WHERE NOT g.was_created)
FROM hot AS h,
	 LATERAL get_or_create(NULL::product, jsonb_build_object('name', h.name)) AS g

--: contender get_or_create with defaults
--: answer 20000
SELECT count((g.record).price) FILTER (WHERE NOT g.was_created)
FROM hot AS h,
	 LATERAL get_or_create(NULL::product, jsonb_build_object('name', h.name),
						   jsonb_build_object('price', h.price)) AS g

--: compare index join
--: target get_or_create <= 0.55 plpgsql loop
--: target get_or_create <= 1.00 DO SELECT
