--: title A hit through a client
--: clients 1 8 32
--: calls 20
--: transactions 400 150 100
--: rounds 30

-- A client has 20 keys at hand, as text and as a driver sends JSON; it fetches
-- others after 200 calls.
--: setup
DROP TABLE IF EXISTS keys;
DO $$
BEGIN
	EXECUTE (
		SELECT format('CREATE TABLE keys AS SELECT n, %s FROM generate_series(0, 999) AS n',
					  string_agg(format($q$'product ' || to_char(500000 + n * 20 + %1$s, 'FM0000000') AS k%1$s,
			jsonb_build_object('name', 'product ' || to_char(500000 + n * 20 + %1$s, 'FM0000000'))::text AS j%1$s$q$, i), ', '))
		FROM generate_series(1, 20) AS i);
END $$;
ALTER TABLE keys ADD PRIMARY KEY (n);
VACUUM ANALYZE keys;

-- what DO UPDATE leaves
--: after round
VACUUM product;

--: variables
\set turn :turn + 1
\if :turn % 10 = 0
\set n random(0, 999)
SELECT * FROM keys WHERE n = :n \gset
\endif

-- this is also what the ORM way does on a hit
--: contender prepared SELECT
SELECT * FROM product WHERE name = :k#;

-- the least that a statement can do which gets JSON and says who created the row
--: contender SELECT, key from JSON
SELECT p.*, false AS was_created FROM product AS p WHERE name = :j#::jsonb ->> 'name';

--: contender get_or_create
SELECT (g.record).*, g.was_created FROM get_or_create(NULL::product, :j#) AS g;

--: contender plpgsql loop
--: every 6
SELECT (g.record).*, g.was_created FROM product_get_or_create(:k#) AS g;

--: contender plpgsql with EXCEPTION
--: every 6
SELECT (g.record).*, g.was_created FROM product_get_or_create_exception(:k#) AS g;

-- nothing comes back from the INSERT, so the client asks again
--: contender DO NOTHING, then SELECT
--: every 6
INSERT INTO product (name, price) VALUES (:k#, 5) ON CONFLICT (name) DO NOTHING RETURNING *;
SELECT * FROM product WHERE name = :k#;

--: contender CTE with UNION ALL
--: every 6
WITH new AS (
	INSERT INTO product (name, price) VALUES (:k#, 5)
	ON CONFLICT (name) DO NOTHING
	RETURNING *)
SELECT *, true AS was_created FROM new
UNION ALL
SELECT *, false FROM product WHERE name = :k#
LIMIT 1;

--: contender DO UPDATE as no-op
--: every 6
INSERT INTO product AS p (name, price) VALUES (:k#, 5)
ON CONFLICT (name) DO UPDATE SET name = excluded.name
RETURNING *, xmax = 0 AS was_created;

--: contender DO SELECT
--: since 190000
--: every 6
INSERT INTO product AS p (name, price) VALUES (:k#, 5)
ON CONFLICT (name) DO SELECT
RETURNING *;

--: target get_or_create >= 0.92 prepared SELECT
