--: title 95 of 100 calls are hits, 5 are creations
--: clients 8
--: calls 20
--: transactions 60
--: rounds 30

-- 19 keys that are there, and a new one.
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
DROP SEQUENCE IF EXISTS new_key CASCADE;
CREATE SEQUENCE new_key CACHE 20;
CREATE OR REPLACE FUNCTION new_key() RETURNS text LANGUAGE sql VOLATILE
RETURN 'zz product ' || to_char(nextval('new_key'), 'FM000000000');

--: after round
DELETE FROM product WHERE name > 'zz';
VACUUM (INDEX_CLEANUP ON) product;

--: variables
\set n random(0, 999)
SELECT keys.*, new.key AS new, jsonb_build_object('name', new.key)::text AS new_json
FROM keys, new_key() AS new(key) WHERE n = :n \gset

-- somebody who knows which are there: the limit
--: contender SELECT 95, INSERT 5
SELECT * FROM product WHERE name = :k1;
SELECT * FROM product WHERE name = :k2;
SELECT * FROM product WHERE name = :k3;
SELECT * FROM product WHERE name = :k4;
SELECT * FROM product WHERE name = :k5;
SELECT * FROM product WHERE name = :k6;
SELECT * FROM product WHERE name = :k7;
SELECT * FROM product WHERE name = :k8;
SELECT * FROM product WHERE name = :k9;
SELECT * FROM product WHERE name = :k10;
SELECT * FROM product WHERE name = :k11;
SELECT * FROM product WHERE name = :k12;
SELECT * FROM product WHERE name = :k13;
SELECT * FROM product WHERE name = :k14;
SELECT * FROM product WHERE name = :k15;
SELECT * FROM product WHERE name = :k16;
SELECT * FROM product WHERE name = :k17;
SELECT * FROM product WHERE name = :k18;
SELECT * FROM product WHERE name = :k19;
INSERT INTO product (name, price) VALUES (:new, 5) RETURNING *;

--: contender get_or_create
SELECT (g.record).*, g.was_created FROM get_or_create(NULL::product, :j1, '{"price": 5}') AS g;
SELECT (g.record).*, g.was_created FROM get_or_create(NULL::product, :j2, '{"price": 5}') AS g;
SELECT (g.record).*, g.was_created FROM get_or_create(NULL::product, :j3, '{"price": 5}') AS g;
SELECT (g.record).*, g.was_created FROM get_or_create(NULL::product, :j4, '{"price": 5}') AS g;
SELECT (g.record).*, g.was_created FROM get_or_create(NULL::product, :j5, '{"price": 5}') AS g;
SELECT (g.record).*, g.was_created FROM get_or_create(NULL::product, :j6, '{"price": 5}') AS g;
SELECT (g.record).*, g.was_created FROM get_or_create(NULL::product, :j7, '{"price": 5}') AS g;
SELECT (g.record).*, g.was_created FROM get_or_create(NULL::product, :j8, '{"price": 5}') AS g;
SELECT (g.record).*, g.was_created FROM get_or_create(NULL::product, :j9, '{"price": 5}') AS g;
SELECT (g.record).*, g.was_created FROM get_or_create(NULL::product, :j10, '{"price": 5}') AS g;
SELECT (g.record).*, g.was_created FROM get_or_create(NULL::product, :j11, '{"price": 5}') AS g;
SELECT (g.record).*, g.was_created FROM get_or_create(NULL::product, :j12, '{"price": 5}') AS g;
SELECT (g.record).*, g.was_created FROM get_or_create(NULL::product, :j13, '{"price": 5}') AS g;
SELECT (g.record).*, g.was_created FROM get_or_create(NULL::product, :j14, '{"price": 5}') AS g;
SELECT (g.record).*, g.was_created FROM get_or_create(NULL::product, :j15, '{"price": 5}') AS g;
SELECT (g.record).*, g.was_created FROM get_or_create(NULL::product, :j16, '{"price": 5}') AS g;
SELECT (g.record).*, g.was_created FROM get_or_create(NULL::product, :j17, '{"price": 5}') AS g;
SELECT (g.record).*, g.was_created FROM get_or_create(NULL::product, :j18, '{"price": 5}') AS g;
SELECT (g.record).*, g.was_created FROM get_or_create(NULL::product, :j19, '{"price": 5}') AS g;
SELECT (g.record).*, g.was_created FROM get_or_create(NULL::product, :new_json, '{"price": 5}') AS g;

--: contender plpgsql loop
SELECT (g.record).*, g.was_created FROM product_get_or_create(:k1, 5) AS g;
SELECT (g.record).*, g.was_created FROM product_get_or_create(:k2, 5) AS g;
SELECT (g.record).*, g.was_created FROM product_get_or_create(:k3, 5) AS g;
SELECT (g.record).*, g.was_created FROM product_get_or_create(:k4, 5) AS g;
SELECT (g.record).*, g.was_created FROM product_get_or_create(:k5, 5) AS g;
SELECT (g.record).*, g.was_created FROM product_get_or_create(:k6, 5) AS g;
SELECT (g.record).*, g.was_created FROM product_get_or_create(:k7, 5) AS g;
SELECT (g.record).*, g.was_created FROM product_get_or_create(:k8, 5) AS g;
SELECT (g.record).*, g.was_created FROM product_get_or_create(:k9, 5) AS g;
SELECT (g.record).*, g.was_created FROM product_get_or_create(:k10, 5) AS g;
SELECT (g.record).*, g.was_created FROM product_get_or_create(:k11, 5) AS g;
SELECT (g.record).*, g.was_created FROM product_get_or_create(:k12, 5) AS g;
SELECT (g.record).*, g.was_created FROM product_get_or_create(:k13, 5) AS g;
SELECT (g.record).*, g.was_created FROM product_get_or_create(:k14, 5) AS g;
SELECT (g.record).*, g.was_created FROM product_get_or_create(:k15, 5) AS g;
SELECT (g.record).*, g.was_created FROM product_get_or_create(:k16, 5) AS g;
SELECT (g.record).*, g.was_created FROM product_get_or_create(:k17, 5) AS g;
SELECT (g.record).*, g.was_created FROM product_get_or_create(:k18, 5) AS g;
SELECT (g.record).*, g.was_created FROM product_get_or_create(:k19, 5) AS g;
SELECT (g.record).*, g.was_created FROM product_get_or_create(:new, 5) AS g;

--: contender plpgsql with EXCEPTION
SELECT (g.record).*, g.was_created FROM product_get_or_create_exception(:k1, 5) AS g;
SELECT (g.record).*, g.was_created FROM product_get_or_create_exception(:k2, 5) AS g;
SELECT (g.record).*, g.was_created FROM product_get_or_create_exception(:k3, 5) AS g;
SELECT (g.record).*, g.was_created FROM product_get_or_create_exception(:k4, 5) AS g;
SELECT (g.record).*, g.was_created FROM product_get_or_create_exception(:k5, 5) AS g;
SELECT (g.record).*, g.was_created FROM product_get_or_create_exception(:k6, 5) AS g;
SELECT (g.record).*, g.was_created FROM product_get_or_create_exception(:k7, 5) AS g;
SELECT (g.record).*, g.was_created FROM product_get_or_create_exception(:k8, 5) AS g;
SELECT (g.record).*, g.was_created FROM product_get_or_create_exception(:k9, 5) AS g;
SELECT (g.record).*, g.was_created FROM product_get_or_create_exception(:k10, 5) AS g;
SELECT (g.record).*, g.was_created FROM product_get_or_create_exception(:k11, 5) AS g;
SELECT (g.record).*, g.was_created FROM product_get_or_create_exception(:k12, 5) AS g;
SELECT (g.record).*, g.was_created FROM product_get_or_create_exception(:k13, 5) AS g;
SELECT (g.record).*, g.was_created FROM product_get_or_create_exception(:k14, 5) AS g;
SELECT (g.record).*, g.was_created FROM product_get_or_create_exception(:k15, 5) AS g;
SELECT (g.record).*, g.was_created FROM product_get_or_create_exception(:k16, 5) AS g;
SELECT (g.record).*, g.was_created FROM product_get_or_create_exception(:k17, 5) AS g;
SELECT (g.record).*, g.was_created FROM product_get_or_create_exception(:k18, 5) AS g;
SELECT (g.record).*, g.was_created FROM product_get_or_create_exception(:k19, 5) AS g;
SELECT (g.record).*, g.was_created FROM product_get_or_create_exception(:new, 5) AS g;

--: contender DO NOTHING, then SELECT
INSERT INTO product (name, price) VALUES (:k1, 5) ON CONFLICT (name) DO NOTHING RETURNING *;
SELECT * FROM product WHERE name = :k1;
INSERT INTO product (name, price) VALUES (:k2, 5) ON CONFLICT (name) DO NOTHING RETURNING *;
SELECT * FROM product WHERE name = :k2;
INSERT INTO product (name, price) VALUES (:k3, 5) ON CONFLICT (name) DO NOTHING RETURNING *;
SELECT * FROM product WHERE name = :k3;
INSERT INTO product (name, price) VALUES (:k4, 5) ON CONFLICT (name) DO NOTHING RETURNING *;
SELECT * FROM product WHERE name = :k4;
INSERT INTO product (name, price) VALUES (:k5, 5) ON CONFLICT (name) DO NOTHING RETURNING *;
SELECT * FROM product WHERE name = :k5;
INSERT INTO product (name, price) VALUES (:k6, 5) ON CONFLICT (name) DO NOTHING RETURNING *;
SELECT * FROM product WHERE name = :k6;
INSERT INTO product (name, price) VALUES (:k7, 5) ON CONFLICT (name) DO NOTHING RETURNING *;
SELECT * FROM product WHERE name = :k7;
INSERT INTO product (name, price) VALUES (:k8, 5) ON CONFLICT (name) DO NOTHING RETURNING *;
SELECT * FROM product WHERE name = :k8;
INSERT INTO product (name, price) VALUES (:k9, 5) ON CONFLICT (name) DO NOTHING RETURNING *;
SELECT * FROM product WHERE name = :k9;
INSERT INTO product (name, price) VALUES (:k10, 5) ON CONFLICT (name) DO NOTHING RETURNING *;
SELECT * FROM product WHERE name = :k10;
INSERT INTO product (name, price) VALUES (:k11, 5) ON CONFLICT (name) DO NOTHING RETURNING *;
SELECT * FROM product WHERE name = :k11;
INSERT INTO product (name, price) VALUES (:k12, 5) ON CONFLICT (name) DO NOTHING RETURNING *;
SELECT * FROM product WHERE name = :k12;
INSERT INTO product (name, price) VALUES (:k13, 5) ON CONFLICT (name) DO NOTHING RETURNING *;
SELECT * FROM product WHERE name = :k13;
INSERT INTO product (name, price) VALUES (:k14, 5) ON CONFLICT (name) DO NOTHING RETURNING *;
SELECT * FROM product WHERE name = :k14;
INSERT INTO product (name, price) VALUES (:k15, 5) ON CONFLICT (name) DO NOTHING RETURNING *;
SELECT * FROM product WHERE name = :k15;
INSERT INTO product (name, price) VALUES (:k16, 5) ON CONFLICT (name) DO NOTHING RETURNING *;
SELECT * FROM product WHERE name = :k16;
INSERT INTO product (name, price) VALUES (:k17, 5) ON CONFLICT (name) DO NOTHING RETURNING *;
SELECT * FROM product WHERE name = :k17;
INSERT INTO product (name, price) VALUES (:k18, 5) ON CONFLICT (name) DO NOTHING RETURNING *;
SELECT * FROM product WHERE name = :k18;
INSERT INTO product (name, price) VALUES (:k19, 5) ON CONFLICT (name) DO NOTHING RETURNING *;
SELECT * FROM product WHERE name = :k19;
INSERT INTO product (name, price) VALUES (:new, 5) ON CONFLICT (name) DO NOTHING RETURNING *;

--: contender CTE with UNION ALL
WITH new AS (INSERT INTO product (name, price) VALUES (:k1, 5) ON CONFLICT (name) DO NOTHING RETURNING *) SELECT *, true AS was_created FROM new UNION ALL SELECT *, false FROM product WHERE name = :k1 LIMIT 1;
WITH new AS (INSERT INTO product (name, price) VALUES (:k2, 5) ON CONFLICT (name) DO NOTHING RETURNING *) SELECT *, true AS was_created FROM new UNION ALL SELECT *, false FROM product WHERE name = :k2 LIMIT 1;
WITH new AS (INSERT INTO product (name, price) VALUES (:k3, 5) ON CONFLICT (name) DO NOTHING RETURNING *) SELECT *, true AS was_created FROM new UNION ALL SELECT *, false FROM product WHERE name = :k3 LIMIT 1;
WITH new AS (INSERT INTO product (name, price) VALUES (:k4, 5) ON CONFLICT (name) DO NOTHING RETURNING *) SELECT *, true AS was_created FROM new UNION ALL SELECT *, false FROM product WHERE name = :k4 LIMIT 1;
WITH new AS (INSERT INTO product (name, price) VALUES (:k5, 5) ON CONFLICT (name) DO NOTHING RETURNING *) SELECT *, true AS was_created FROM new UNION ALL SELECT *, false FROM product WHERE name = :k5 LIMIT 1;
WITH new AS (INSERT INTO product (name, price) VALUES (:k6, 5) ON CONFLICT (name) DO NOTHING RETURNING *) SELECT *, true AS was_created FROM new UNION ALL SELECT *, false FROM product WHERE name = :k6 LIMIT 1;
WITH new AS (INSERT INTO product (name, price) VALUES (:k7, 5) ON CONFLICT (name) DO NOTHING RETURNING *) SELECT *, true AS was_created FROM new UNION ALL SELECT *, false FROM product WHERE name = :k7 LIMIT 1;
WITH new AS (INSERT INTO product (name, price) VALUES (:k8, 5) ON CONFLICT (name) DO NOTHING RETURNING *) SELECT *, true AS was_created FROM new UNION ALL SELECT *, false FROM product WHERE name = :k8 LIMIT 1;
WITH new AS (INSERT INTO product (name, price) VALUES (:k9, 5) ON CONFLICT (name) DO NOTHING RETURNING *) SELECT *, true AS was_created FROM new UNION ALL SELECT *, false FROM product WHERE name = :k9 LIMIT 1;
WITH new AS (INSERT INTO product (name, price) VALUES (:k10, 5) ON CONFLICT (name) DO NOTHING RETURNING *) SELECT *, true AS was_created FROM new UNION ALL SELECT *, false FROM product WHERE name = :k10 LIMIT 1;
WITH new AS (INSERT INTO product (name, price) VALUES (:k11, 5) ON CONFLICT (name) DO NOTHING RETURNING *) SELECT *, true AS was_created FROM new UNION ALL SELECT *, false FROM product WHERE name = :k11 LIMIT 1;
WITH new AS (INSERT INTO product (name, price) VALUES (:k12, 5) ON CONFLICT (name) DO NOTHING RETURNING *) SELECT *, true AS was_created FROM new UNION ALL SELECT *, false FROM product WHERE name = :k12 LIMIT 1;
WITH new AS (INSERT INTO product (name, price) VALUES (:k13, 5) ON CONFLICT (name) DO NOTHING RETURNING *) SELECT *, true AS was_created FROM new UNION ALL SELECT *, false FROM product WHERE name = :k13 LIMIT 1;
WITH new AS (INSERT INTO product (name, price) VALUES (:k14, 5) ON CONFLICT (name) DO NOTHING RETURNING *) SELECT *, true AS was_created FROM new UNION ALL SELECT *, false FROM product WHERE name = :k14 LIMIT 1;
WITH new AS (INSERT INTO product (name, price) VALUES (:k15, 5) ON CONFLICT (name) DO NOTHING RETURNING *) SELECT *, true AS was_created FROM new UNION ALL SELECT *, false FROM product WHERE name = :k15 LIMIT 1;
WITH new AS (INSERT INTO product (name, price) VALUES (:k16, 5) ON CONFLICT (name) DO NOTHING RETURNING *) SELECT *, true AS was_created FROM new UNION ALL SELECT *, false FROM product WHERE name = :k16 LIMIT 1;
WITH new AS (INSERT INTO product (name, price) VALUES (:k17, 5) ON CONFLICT (name) DO NOTHING RETURNING *) SELECT *, true AS was_created FROM new UNION ALL SELECT *, false FROM product WHERE name = :k17 LIMIT 1;
WITH new AS (INSERT INTO product (name, price) VALUES (:k18, 5) ON CONFLICT (name) DO NOTHING RETURNING *) SELECT *, true AS was_created FROM new UNION ALL SELECT *, false FROM product WHERE name = :k18 LIMIT 1;
WITH new AS (INSERT INTO product (name, price) VALUES (:k19, 5) ON CONFLICT (name) DO NOTHING RETURNING *) SELECT *, true AS was_created FROM new UNION ALL SELECT *, false FROM product WHERE name = :k19 LIMIT 1;
WITH new AS (INSERT INTO product (name, price) VALUES (:new, 5) ON CONFLICT (name) DO NOTHING RETURNING *) SELECT *, true AS was_created FROM new UNION ALL SELECT *, false FROM product WHERE name = :new LIMIT 1;

--: contender DO UPDATE as no-op
INSERT INTO product AS p (name, price) VALUES (:k1, 5) ON CONFLICT (name) DO UPDATE SET name = excluded.name RETURNING *, xmax = 0 AS was_created;
INSERT INTO product AS p (name, price) VALUES (:k2, 5) ON CONFLICT (name) DO UPDATE SET name = excluded.name RETURNING *, xmax = 0 AS was_created;
INSERT INTO product AS p (name, price) VALUES (:k3, 5) ON CONFLICT (name) DO UPDATE SET name = excluded.name RETURNING *, xmax = 0 AS was_created;
INSERT INTO product AS p (name, price) VALUES (:k4, 5) ON CONFLICT (name) DO UPDATE SET name = excluded.name RETURNING *, xmax = 0 AS was_created;
INSERT INTO product AS p (name, price) VALUES (:k5, 5) ON CONFLICT (name) DO UPDATE SET name = excluded.name RETURNING *, xmax = 0 AS was_created;
INSERT INTO product AS p (name, price) VALUES (:k6, 5) ON CONFLICT (name) DO UPDATE SET name = excluded.name RETURNING *, xmax = 0 AS was_created;
INSERT INTO product AS p (name, price) VALUES (:k7, 5) ON CONFLICT (name) DO UPDATE SET name = excluded.name RETURNING *, xmax = 0 AS was_created;
INSERT INTO product AS p (name, price) VALUES (:k8, 5) ON CONFLICT (name) DO UPDATE SET name = excluded.name RETURNING *, xmax = 0 AS was_created;
INSERT INTO product AS p (name, price) VALUES (:k9, 5) ON CONFLICT (name) DO UPDATE SET name = excluded.name RETURNING *, xmax = 0 AS was_created;
INSERT INTO product AS p (name, price) VALUES (:k10, 5) ON CONFLICT (name) DO UPDATE SET name = excluded.name RETURNING *, xmax = 0 AS was_created;
INSERT INTO product AS p (name, price) VALUES (:k11, 5) ON CONFLICT (name) DO UPDATE SET name = excluded.name RETURNING *, xmax = 0 AS was_created;
INSERT INTO product AS p (name, price) VALUES (:k12, 5) ON CONFLICT (name) DO UPDATE SET name = excluded.name RETURNING *, xmax = 0 AS was_created;
INSERT INTO product AS p (name, price) VALUES (:k13, 5) ON CONFLICT (name) DO UPDATE SET name = excluded.name RETURNING *, xmax = 0 AS was_created;
INSERT INTO product AS p (name, price) VALUES (:k14, 5) ON CONFLICT (name) DO UPDATE SET name = excluded.name RETURNING *, xmax = 0 AS was_created;
INSERT INTO product AS p (name, price) VALUES (:k15, 5) ON CONFLICT (name) DO UPDATE SET name = excluded.name RETURNING *, xmax = 0 AS was_created;
INSERT INTO product AS p (name, price) VALUES (:k16, 5) ON CONFLICT (name) DO UPDATE SET name = excluded.name RETURNING *, xmax = 0 AS was_created;
INSERT INTO product AS p (name, price) VALUES (:k17, 5) ON CONFLICT (name) DO UPDATE SET name = excluded.name RETURNING *, xmax = 0 AS was_created;
INSERT INTO product AS p (name, price) VALUES (:k18, 5) ON CONFLICT (name) DO UPDATE SET name = excluded.name RETURNING *, xmax = 0 AS was_created;
INSERT INTO product AS p (name, price) VALUES (:k19, 5) ON CONFLICT (name) DO UPDATE SET name = excluded.name RETURNING *, xmax = 0 AS was_created;
INSERT INTO product AS p (name, price) VALUES (:new, 5) ON CONFLICT (name) DO UPDATE SET name = excluded.name RETURNING *, xmax = 0 AS was_created;

--: contender DO SELECT
--: since 190000
INSERT INTO product AS p (name, price) VALUES (:k1, 5) ON CONFLICT (name) DO SELECT RETURNING *;
INSERT INTO product AS p (name, price) VALUES (:k2, 5) ON CONFLICT (name) DO SELECT RETURNING *;
INSERT INTO product AS p (name, price) VALUES (:k3, 5) ON CONFLICT (name) DO SELECT RETURNING *;
INSERT INTO product AS p (name, price) VALUES (:k4, 5) ON CONFLICT (name) DO SELECT RETURNING *;
INSERT INTO product AS p (name, price) VALUES (:k5, 5) ON CONFLICT (name) DO SELECT RETURNING *;
INSERT INTO product AS p (name, price) VALUES (:k6, 5) ON CONFLICT (name) DO SELECT RETURNING *;
INSERT INTO product AS p (name, price) VALUES (:k7, 5) ON CONFLICT (name) DO SELECT RETURNING *;
INSERT INTO product AS p (name, price) VALUES (:k8, 5) ON CONFLICT (name) DO SELECT RETURNING *;
INSERT INTO product AS p (name, price) VALUES (:k9, 5) ON CONFLICT (name) DO SELECT RETURNING *;
INSERT INTO product AS p (name, price) VALUES (:k10, 5) ON CONFLICT (name) DO SELECT RETURNING *;
INSERT INTO product AS p (name, price) VALUES (:k11, 5) ON CONFLICT (name) DO SELECT RETURNING *;
INSERT INTO product AS p (name, price) VALUES (:k12, 5) ON CONFLICT (name) DO SELECT RETURNING *;
INSERT INTO product AS p (name, price) VALUES (:k13, 5) ON CONFLICT (name) DO SELECT RETURNING *;
INSERT INTO product AS p (name, price) VALUES (:k14, 5) ON CONFLICT (name) DO SELECT RETURNING *;
INSERT INTO product AS p (name, price) VALUES (:k15, 5) ON CONFLICT (name) DO SELECT RETURNING *;
INSERT INTO product AS p (name, price) VALUES (:k16, 5) ON CONFLICT (name) DO SELECT RETURNING *;
INSERT INTO product AS p (name, price) VALUES (:k17, 5) ON CONFLICT (name) DO SELECT RETURNING *;
INSERT INTO product AS p (name, price) VALUES (:k18, 5) ON CONFLICT (name) DO SELECT RETURNING *;
INSERT INTO product AS p (name, price) VALUES (:k19, 5) ON CONFLICT (name) DO SELECT RETURNING *;
INSERT INTO product AS p (name, price) VALUES (:new, 5) ON CONFLICT (name) DO SELECT RETURNING *;

--: contender ORM way
SELECT * FROM product WHERE name = :k1;
SELECT * FROM product WHERE name = :k2;
SELECT * FROM product WHERE name = :k3;
SELECT * FROM product WHERE name = :k4;
SELECT * FROM product WHERE name = :k5;
SELECT * FROM product WHERE name = :k6;
SELECT * FROM product WHERE name = :k7;
SELECT * FROM product WHERE name = :k8;
SELECT * FROM product WHERE name = :k9;
SELECT * FROM product WHERE name = :k10;
SELECT * FROM product WHERE name = :k11;
SELECT * FROM product WHERE name = :k12;
SELECT * FROM product WHERE name = :k13;
SELECT * FROM product WHERE name = :k14;
SELECT * FROM product WHERE name = :k15;
SELECT * FROM product WHERE name = :k16;
SELECT * FROM product WHERE name = :k17;
SELECT * FROM product WHERE name = :k18;
SELECT * FROM product WHERE name = :k19;
SELECT * FROM product WHERE name = :new;
BEGIN;
INSERT INTO product (name, price) VALUES (:new, 5) RETURNING *;
COMMIT;

--: compare SELECT 95, INSERT 5
