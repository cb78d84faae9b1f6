-- A call in FROM that answers with one row has a scan of its own.  Its answers
-- are those of a function scan, which it leaves the rest to.
CREATE EXTENSION duplicate_guard;
CREATE TABLE product (id serial PRIMARY KEY, name text NOT NULL UNIQUE, price numeric(10,2) DEFAULT 1);
INSERT INTO product (name) VALUES ('a'), ('b'), ('c');
CREATE TABLE wanted (id integer, name text);
INSERT INTO wanted VALUES (1, 'a'), (2, 'd'), (3, 'a'), (4, 'd');
ANALYZE product, wanted;

--
-- Which calls it takes.
--
EXPLAIN (COSTS OFF, VERBOSE)
SELECT (g.record).*, g.was_created FROM get_or_create(NULL::product, '{"name": "a"}') AS g;
EXPLAIN (COSTS OFF)
SELECT (g.record).name, g.was_updated FROM update_or_create(NULL::product, '{"name": "a"}') AS g WHERE NOT was_created;
EXPLAIN (COSTS OFF)
SELECT g.was_created, (g.error).kind FROM try_create(NULL::product, '{"name": "a"}') AS g;
EXPLAIN (COSTS OFF, VERBOSE)
SELECT w.id, (g.record).name
FROM wanted AS w, LATERAL get_or_create(NULL::product, jsonb_build_object('name', w.name)) AS g;
-- The row as a whole, WITH ORDINALITY, ROWS FROM, and what may be rechecked.
EXPLAIN (COSTS OFF)
SELECT g FROM get_or_create(NULL::product, '{"name": "a"}') AS g;
EXPLAIN (COSTS OFF)
SELECT (record).id FROM get_or_create(NULL::product, '{"name": "a"}') AS g WHERE g IS NOT NULL;
EXPLAIN (COSTS OFF)
SELECT * FROM get_or_create(NULL::product, '{"name": "a"}') WITH ORDINALITY;
EXPLAIN (COSTS OFF)
SELECT * FROM ROWS FROM (get_or_create(NULL::product, '{"name": "a"}'), generate_series(1, 2)) AS g;
EXPLAIN (COSTS OFF)
SELECT (g.record).id FROM wanted AS w, get_or_create(NULL::product, '{"name": "a"}') AS g FOR UPDATE OF w;
EXPLAIN (COSTS OFF)
UPDATE wanted AS w SET id = (g.record).id FROM get_or_create(NULL::product, '{"name": "a"}') AS g;
-- Functions for many rows.
EXPLAIN (COSTS OFF)
SELECT * FROM get_or_create_many(NULL::product, '[]', '{name}');

--
-- The answers.
--
SELECT (g.record).*, g.was_created FROM get_or_create(NULL::product, '{"name": "a"}') AS g;
SELECT (g.record).name, g.was_created FROM get_or_create(NULL::product, '{"name": "a"}') AS g WHERE was_created;
SELECT to_jsonb(g) FROM get_or_create(NULL::product, '{"name": "a"}') AS g (what, new);
SELECT * FROM get_or_create(NULL::product, '{"name": "a"}') WITH ORDINALITY;
SELECT count(*) FROM get_or_create(NULL::product, '{"name": "a"}');
SELECT (g.error).kind, g.was_created, g.record FROM try_create(NULL::product, '{"name": "a"}') AS g;
-- Fields and columns, alone and within expressions, in every place.
SELECT (g.record).name, (g.record).price * 2 AS twice, was_created
FROM get_or_create(NULL::product, '{"name": "a"}') AS g WHERE (g.record).id > 0;
SELECT (g.record).name, (g.record).name, was_created FROM get_or_create(NULL::product, '{"name": "a"}') AS g WHERE (g.record).price = 1;
SELECT was_created, (g.record).price, g.record FROM get_or_create(NULL::product, '{"name": "a"}') AS g;
SELECT (g.record).name FROM get_or_create(NULL::product, '{"name": "a"}') AS g WHERE NOT was_created;
SELECT (g.record).name FROM get_or_create(NULL::product, '{"name": "a"}') AS g WHERE current_setting('server_version_num')::integer > 0;
SELECT (g.record).name FROM get_or_create(NULL::product, '{"name": "a"}') AS g ORDER BY (g.record).price, was_created LIMIT 1;
SELECT DISTINCT (g.record).name, was_created FROM get_or_create(NULL::product, '{"name": "a"}') AS g;
SELECT (g.record).name, count(*), sum((g.record).id) FROM get_or_create(NULL::product, '{"name": "a"}') AS g GROUP BY 1 HAVING bool_and(NOT was_created);
SELECT (g.record).name, row_number() OVER (ORDER BY (g.record).id) FROM get_or_create(NULL::product, '{"name": "a"}') AS g;
SELECT (g.record).name, generate_series(1, 2) FROM get_or_create(NULL::product, '{"name": "a"}') AS g;
SELECT (g.record).name FROM get_or_create(NULL::product, '{"name": "a"}') AS g
UNION ALL SELECT (h.record).name FROM get_or_create(NULL::product, '{"name": "b"}') AS h
UNION SELECT 'c' ORDER BY 1;
SELECT (g.record).name, was_created FROM get_or_create(NULL::product, '{"name": "a"}') AS g
UNION ALL SELECT (h.record).name, was_created FROM get_or_create(NULL::product, '{"name": "b"}') AS h;
WITH g AS MATERIALIZED (SELECT (g.record).*, was_created FROM get_or_create(NULL::product, '{"name": "a"}') AS g)
SELECT name, was_created FROM g;
SELECT s.name FROM (SELECT (g.record).*, was_created FROM get_or_create(NULL::product, '{"name": "a"}') AS g OFFSET 0) AS s WHERE s.id > 0;
SELECT EXISTS (SELECT FROM get_or_create(NULL::product, '{"name": "a"}')), (SELECT (g.record).name FROM get_or_create(NULL::product, '{"name": "b"}') AS g);
SELECT 1 AS one FROM get_or_create(NULL::product, '{"name": "a"}');
SELECT (g.record).name, (g.error).kind, (g.error).columns, was_created FROM try_create(NULL::product, '{"name": "a"}') AS g;
BEGIN;
INSERT INTO wanted SELECT (g.record).id, (g.record).name FROM get_or_create(NULL::product, '{"name": "z"}') AS g RETURNING name;
ROLLBACK;
PREPARE filtered (boolean) AS SELECT (g.record).name, was_created FROM get_or_create(NULL::product, '{"name": "a"}') AS g WHERE $1;
SET plan_cache_mode = force_generic_plan;
EXECUTE filtered (true);
EXECUTE filtered (false);
RESET plan_cache_mode;
-- With parameters from another table: a call for each row.
BEGIN;
SELECT w.id, (g.record).name, g.was_created
FROM wanted AS w, LATERAL get_or_create(NULL::product, jsonb_build_object('name', w.name)) AS g ORDER BY w.id;
ROLLBACK;
-- Without: one call, however often its row is read.
BEGIN;
SELECT w.id, (g.record).name, g.was_created
FROM wanted AS w LEFT JOIN get_or_create(NULL::product, '{"name": "e"}') AS g ON w.id < 4 ORDER BY w.id;
ROLLBACK;
-- In a subquery for each row, whose argument is a subquery itself.
BEGIN;
SELECT w.id, (SELECT g.was_created
			  FROM get_or_create(NULL::product, (SELECT jsonb_build_object('name', v.name) FROM wanted AS v WHERE v.id = w.id)) AS g)
FROM wanted AS w ORDER BY w.id;
ROLLBACK;
-- In a loop that counts on it that the inner side is read again.
SET enable_material = off;
SET enable_hashjoin = off;
SET enable_mergejoin = off;
BEGIN;
SELECT w.id, g.was_created
FROM wanted AS w JOIN get_or_create(NULL::product, '{"name": "f"}') AS g ON w.id <> (g.record).id ORDER BY w.id;
ROLLBACK;
RESET enable_material;
RESET enable_hashjoin;
RESET enable_mergejoin;
-- Prepared, in a view, in a cursor that goes back.
PREPARE get (jsonb) AS SELECT (g.record).name, g.was_created FROM get_or_create(NULL::product, $1) AS g;
SET plan_cache_mode = force_generic_plan;
EXECUTE get ('{"name": "b"}');
EXECUTE get ('{"name": "c"}');
EXECUTE get (NULL);
PREPARE get_two (text, text) AS
SELECT (g.record).name, (h.record).name
FROM get_or_create(NULL::product, $1::jsonb) AS g, get_or_create(NULL::product, jsonb_build_object('name', $2)) AS h;
EXECUTE get_two ('{"name": "a"}', 'b');
DO $$
DECLARE
	lookups CONSTANT jsonb[] := ARRAY['{"name": "a"}', '{"name": "b"}'];
	lookup jsonb;
	name text;
BEGIN
	FOREACH lookup IN ARRAY lookups LOOP
		SELECT (g.record).name INTO name FROM get_or_create(NULL::product, lookup) AS g;
		RAISE NOTICE '%', name;
	END LOOP;
END $$;
RESET plan_cache_mode;
CREATE VIEW first_product AS
SELECT (g.record).*, g.was_created FROM get_or_create(NULL::product, '{"name": "a"}') AS g;
SELECT * FROM first_product;
BEGIN;
DECLARE c SCROLL CURSOR FOR SELECT (g.record).name, g.was_created FROM get_or_create(NULL::product, '{"name": "g"}') AS g;
FETCH c;
FETCH c;
FETCH PRIOR FROM c;
FETCH FIRST FROM c;
ROLLBACK;
-- A column that was added after the plan was made.
DROP VIEW first_product;
ALTER TABLE product ADD COLUMN added integer DEFAULT 7;
EXECUTE get ('{"name": "b"}');
SELECT (g.record).* FROM get_or_create(NULL::product, '{"name": "b"}') AS g;
-- A field that was dropped, or got another type.
PREPARE fields AS SELECT (g.record).added, g.was_created FROM get_or_create(NULL::product, '{"name": "b"}') AS g;
EXECUTE fields;
ALTER TABLE product ALTER added TYPE text;
EXECUTE fields;
ALTER TABLE product DROP added;
EXECUTE fields;
-- In an UPDATE.
UPDATE wanted AS w SET name = (g.record).name FROM get_or_create(NULL::product, '{"name": "c"}') AS g WHERE w.id = 4
RETURNING w.*;

--
-- EXECUTE is asked for.
--
CREATE ROLE regress_caller;
GRANT ALL ON product TO regress_caller;
REVOKE EXECUTE ON FUNCTION get_or_create FROM public;
SET ROLE regress_caller;
SELECT * FROM get_or_create(NULL::product, '{"name": "a"}');
EXPLAIN (COSTS OFF) SELECT * FROM get_or_create(NULL::product, '{"name": "a"}');
RESET ROLE;

--
-- What an administrator may do to a function.
--
ALTER FUNCTION get_or_create SECURITY DEFINER SET lock_timeout = '1min';
GRANT EXECUTE ON FUNCTION get_or_create TO regress_caller;
REVOKE ALL ON product FROM regress_caller;
SET ROLE regress_caller;
SELECT (g.record).name, g.was_created, current_user FROM get_or_create(NULL::product, '{"name": "a"}') AS g;
RESET ROLE;
BEGIN;
SET LOCAL track_functions = 'all';
SELECT w.id, g.was_created
FROM wanted AS w, LATERAL get_or_create(NULL::product, jsonb_build_object('name', w.name)) AS g WHERE w.id < 4 ORDER BY w.id;
SELECT pg_stat_get_xact_function_calls('get_or_create'::regproc);
ROLLBACK;

DROP TABLE product, wanted;
DROP EXTENSION duplicate_guard;
DROP ROLE regress_caller;
