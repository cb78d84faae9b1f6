--: title A creation through a client
--: clients 1 8 32
--: calls 20
--: transactions 200 60 40
--: durable 30 20 12
--: rounds 30

-- New keys come from a sequence, 20 at a time.
--: setup
DROP SEQUENCE IF EXISTS new_key CASCADE;
CREATE SEQUENCE new_key CACHE 20;
CREATE OR REPLACE FUNCTION new_key() RETURNS text LANGUAGE sql VOLATILE
RETURN 'zz product ' || to_char(nextval('new_key'), 'FM000000000');

-- every round begins with the same table
--: after round
DELETE FROM product WHERE name > 'zz';
VACUUM (INDEX_CLEANUP ON) product;

--: variables
SELECT k.*, jsonb_build_object('name', k1)::text AS j1,
	   jsonb_build_object('name', k2)::text AS j2,
	   jsonb_build_object('name', k3)::text AS j3,
	   jsonb_build_object('name', k4)::text AS j4,
	   jsonb_build_object('name', k5)::text AS j5,
	   jsonb_build_object('name', k6)::text AS j6,
	   jsonb_build_object('name', k7)::text AS j7,
	   jsonb_build_object('name', k8)::text AS j8,
	   jsonb_build_object('name', k9)::text AS j9,
	   jsonb_build_object('name', k10)::text AS j10,
	   jsonb_build_object('name', k11)::text AS j11,
	   jsonb_build_object('name', k12)::text AS j12,
	   jsonb_build_object('name', k13)::text AS j13,
	   jsonb_build_object('name', k14)::text AS j14,
	   jsonb_build_object('name', k15)::text AS j15,
	   jsonb_build_object('name', k16)::text AS j16,
	   jsonb_build_object('name', k17)::text AS j17,
	   jsonb_build_object('name', k18)::text AS j18,
	   jsonb_build_object('name', k19)::text AS j19,
	   jsonb_build_object('name', k20)::text AS j20
FROM (SELECT new_key() AS k1, new_key() AS k2, new_key() AS k3, new_key() AS k4, new_key() AS k5, new_key() AS k6, new_key() AS k7, new_key() AS k8, new_key() AS k9, new_key() AS k10, new_key() AS k11, new_key() AS k12, new_key() AS k13, new_key() AS k14, new_key() AS k15, new_key() AS k16, new_key() AS k17, new_key() AS k18, new_key() AS k19, new_key() AS k20 OFFSET 0) AS k \gset

--: contender plain INSERT
INSERT INTO product (name, price) VALUES (:k#, 5) RETURNING *;

--: contender get_or_create
SELECT (g.record).*, g.was_created FROM get_or_create(NULL::product, :j#, '{"price": 5}') AS g;

--: contender plpgsql loop
--: every 6
SELECT (g.record).*, g.was_created FROM product_get_or_create(:k#, 5) AS g;

--: contender plpgsql with EXCEPTION
--: every 6
SELECT (g.record).*, g.was_created FROM product_get_or_create_exception(:k#, 5) AS g;

-- the INSERT brings the row; there is nothing to select
--: contender DO NOTHING, then SELECT
--: every 6
INSERT INTO product (name, price) VALUES (:k#, 5) ON CONFLICT (name) DO NOTHING RETURNING *;

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

-- outside of a transaction, where BEGIN and COMMIT take the savepoint's place
--: contender ORM way
--: every 6
SELECT * FROM product WHERE name = :k#;
BEGIN;
INSERT INTO product (name, price) VALUES (:k#, 5) RETURNING *;
COMMIT;

--: contender ORM way in a transaction
--: every 6
BEGIN;
SELECT * FROM product WHERE name = :k#;
SAVEPOINT s;
INSERT INTO product (name, price) VALUES (:k#, 5) RETURNING *;
RELEASE SAVEPOINT s;
COMMIT;

--: target get_or_create >= 0.95 plain INSERT
