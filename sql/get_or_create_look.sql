--
-- get_or_create: what the direct look into the index must keep of what a
-- SELECT does
--
\getenv abs_srcdir PG_ABS_SRCDIR
\i :abs_srcdir/sql/include/setup.sql
CREATE SCHEMA goc_look;
SET search_path = goc_look, public;
CREATE TABLE items (k int PRIMARY KEY, v text, n int DEFAULT 0) WITH (autovacuum_enabled = off);
CREATE UNIQUE INDEX items_v ON items (lower(v)) WHERE n >= 0;
INSERT INTO items SELECT i, 'V' || i FROM generate_series(1, 1000) i;

-- locks on the table and on its index are kept to the end of the transaction
BEGIN;
SELECT * FROM get_or_create(NULL::items, '{"k": 7}');
SELECT relation::regclass, mode FROM pg_locks
WHERE pid = pg_backend_pid() AND relation IN ('items'::regclass, 'items_pkey'::regclass)
ORDER BY relation::regclass::text COLLATE "C";
COMMIT;

-- scans are counted as the index's and the table's
SELECT pg_stat_force_next_flush();
BEGIN;
SELECT was_created FROM get_or_create(NULL::items, '{"k": 7}');
SELECT bool_or(was_created) FROM generate_series(1, 9) i, LATERAL get_or_create(NULL::items, jsonb_build_object('k', i)) g;
SELECT idx_scan, idx_tup_fetch, n_tup_ins FROM pg_stat_xact_user_tables WHERE relid = 'items'::regclass;
COMMIT;

-- versions: updated in place and elsewhere, updated keys, deleted, rolled back
UPDATE items SET n = n + 1 WHERE k <= 10;
UPDATE items SET n = n + 1 WHERE k <= 10;
UPDATE items SET v = upper(v) || 'x' WHERE k = 2;
UPDATE items SET k = k + 5000 WHERE k = 3;
DELETE FROM items WHERE k = 4;
BEGIN;
UPDATE items SET n = -1 WHERE k = 5;
DELETE FROM items WHERE k = 6;
ROLLBACK;
SELECT * FROM get_or_create(NULL::items, '{"k": 1}');
SELECT * FROM get_or_create(NULL::items, '{"k": 2}');
SELECT * FROM get_or_create(NULL::items, '{"v": "v2X"}');
SELECT * FROM get_or_create(NULL::items, '{"v": "v3"}');
SELECT * FROM get_or_create(NULL::items, '{"k": 5}');
SELECT * FROM get_or_create(NULL::items, '{"k": 6}');
SELECT * FROM get_or_create(NULL::items, '{"k": 4}', '{"v": "new 4"}');
SELECT * FROM get_or_create(NULL::items, '{"k": 3}', '{"v": "new 3"}');
-- one key, created and deleted over and over, in one transaction and in many
DO $$
DECLARE
	g record;
BEGIN
	FOR i IN 1..100 LOOP
		SELECT * INTO g FROM get_or_create(NULL::items, '{"k": -1}', jsonb_build_object('n', i));
		ASSERT g.was_created AND (g.record).n = i, i;
		SELECT * INTO g FROM get_or_create(NULL::items, '{"k": -1}');
		ASSERT NOT g.was_created AND (g.record).n = i, i;
		UPDATE items SET n = -i WHERE k = -1;
		SELECT * INTO g FROM get_or_create(NULL::items, '{"k": -1}');
		ASSERT NOT g.was_created AND (g.record).n = -i, i;
		DELETE FROM items WHERE k = -1;
		IF i % 10 = 0 THEN
			COMMIT;
		END IF;
	END LOOP;
END $$;
SELECT count(*) FROM items WHERE k = -1;
VACUUM items;
SELECT * FROM get_or_create(NULL::items, '{"k": -1}');
SELECT * FROM get_or_create(NULL::items, '{"k": 1}');
-- The subtransaction's own rows, and what it undid
BEGIN;
SELECT was_created FROM get_or_create(NULL::items, '{"k": -2}');
SAVEPOINT s;
DELETE FROM items WHERE k = -2;
SELECT was_created FROM get_or_create(NULL::items, '{"k": -2}', '{"v": "second"}');
ROLLBACK TO s;
SELECT * FROM get_or_create(NULL::items, '{"k": -2}');
ROLLBACK;

-- The expressions see the candidate only: a function that would fail on
-- another column's NULL is called with the candidate's value
CREATE FUNCTION strictly(a text, b int) RETURNS text LANGUAGE plpgsql IMMUTABLE AS $$
BEGIN
	IF a IS NULL OR b IS NULL THEN
		RAISE 'called with NULL';
	END IF;
	RETURN a || b;
END $$;
CREATE TABLE picky (a text, b int DEFAULT 1, c text);
CREATE UNIQUE INDEX ON picky (strictly(a, b)) WHERE strictly(a, b) <> 'x0';
SELECT * FROM get_or_create(NULL::picky, '{"a": "x", "b": 1}');
SELECT * FROM get_or_create(NULL::picky, '{"a": "x", "b": 1}');
CALL pg_temp.fails($$SELECT get_or_create(NULL::picky, '{"a": "x", "b": 0}')$$);
CALL pg_temp.fails($$SELECT get_or_create(NULL::picky, '{"a": "x"}')$$);
-- the predicate's columns may lie outside the lookup: they are not tested on the candidate
CREATE TABLE outside (a text, b int);
CREATE UNIQUE INDEX ON outside (a) WHERE strictly('', b) <> '0';
SELECT * FROM get_or_create(NULL::outside, '{"a": "x"}', '{"b": 1}');
SELECT * FROM get_or_create(NULL::outside, '{"a": "x"}');

-- The planner's switches change nothing.
SET enable_indexscan = off;
SET enable_bitmapscan = off;
SET enable_indexonlyscan = off;
SELECT * FROM get_or_create(NULL::items, '{"k": 10}');
SELECT * FROM get_or_create(NULL::items, '{"v": "V10"}', lock_strength => 'share');
SET enable_seqscan = off;
SET enable_indexscan = on;
SELECT * FROM get_or_create(NULL::items, '{"k": 10}', lock_strength => 'share');
SELECT * FROM get_or_create(NULL::items, '{"n": 2, "v": "V10"}', require_unique => false);
RESET enable_seqscan;
RESET enable_bitmapscan;
RESET enable_indexonlyscan;

-- Every way gives the same answer: the direct look, a statement, a view, a
-- partitioned and an inheritance parent over the same rows
CREATE TABLE parts (k int, v text, n int DEFAULT 0) PARTITION BY RANGE (n);
CREATE UNIQUE INDEX ON parts (k, n);
CREATE TABLE parts_1 PARTITION OF parts FOR VALUES FROM (MINVALUE) TO (MAXVALUE);
INSERT INTO parts SELECT * FROM items;
CREATE TABLE parent (k int PRIMARY KEY, v text, n int DEFAULT 0);
CREATE TABLE child (PRIMARY KEY (k)) INHERITS (parent);
INSERT INTO child SELECT * FROM items;
CREATE VIEW seen AS SELECT * FROM items;
SELECT count(*),
       count(*) FILTER (WHERE to_jsonb(a.record) = to_jsonb(b.record) AND to_jsonb(b.record) = to_jsonb(c.record)
                          AND to_jsonb(c.record) = to_jsonb(d.record) AND to_jsonb(d.record) = to_jsonb(e.record)) AS same,
       bool_or(a.was_created OR b.was_created OR c.was_created OR d.was_created OR e.was_created) AS created
FROM items i,
     LATERAL get_or_create(NULL::items, jsonb_build_object('k', i.k)) a,
     LATERAL get_or_create(NULL::items, jsonb_build_object('k', i.k), lock_strength => 'key share') b,
     LATERAL get_or_create(NULL::seen, jsonb_build_object('k', i.k)) c,
     LATERAL get_or_create(NULL::parts, jsonb_build_object('k', i.k, 'n', i.n)) d,
     LATERAL get_or_create(NULL::parent, jsonb_build_object('k', i.k)) e;

-- One place of a query, columns that differ from row to row
SELECT i, g.was_created, (g.record).k, (g.record).v, (g.record).n
FROM generate_series(1, 6) i,
     LATERAL get_or_create(NULL::items,
         CASE i % 3 WHEN 0 THEN '{"k": 9001}' WHEN 1 THEN '{"v": "nine"}' ELSE '{"k": 9002, "n": 3}' END::jsonb,
         CASE i % 3 WHEN 0 THEN '{"v": "a"}' WHEN 1 THEN '{"n": 9, "k": 9003}' ELSE '{"v": "b"}' END::jsonb) g;
-- and an error at that place, with the next execution of the same plan
PREPARE get(jsonb, jsonb) AS SELECT to_jsonb(g.record), was_created FROM get_or_create(NULL::items, $1, $2) g;
SET plan_cache_mode = force_generic_plan;
EXECUTE get('{"k": 9004}', '{"v": "p"}');
\set VERBOSITY sqlstate
EXECUTE get('{"k": 9004, "v": "q"}', '{}');
EXECUTE get('{"k": "x"}', '{"v": "p"}');
EXECUTE get('{"k": 9005}', '{"n": "x"}');
EXECUTE get('{"x": 9004}', '{"v": "p"}');
EXECUTE get(NULL, NULL);
\set VERBOSITY default
EXECUTE get('{"k": 9004}', '{"v": "p"}');
EXECUTE get('{"k": 9005}', NULL);
RESET plan_cache_mode;

-- Lookups and defaults that come compressed or out of line from a table
CREATE TABLE given (lookup jsonb, defaults jsonb);
ALTER TABLE given ALTER lookup SET STORAGE EXTERNAL;
INSERT INTO given SELECT jsonb_build_object('k', 9100 + i, 'v', repeat('x', 2100 + i)), jsonb_build_object('n', i) FROM generate_series(1, 5) i;
INSERT INTO given SELECT lookup, defaults FROM given;
SELECT (g.record).k, length((g.record).v), (g.record).n, was_created
FROM given, LATERAL get_or_create(NULL::items, lookup, defaults, arbiter => 'items_pkey') g;

-- Wrappers that are polymorphic themselves
CREATE FUNCTION get(target anyelement, lookup jsonb) RETURNS anyelement LANGUAGE sql AS $$
	SELECT g.record FROM get_or_create(target, lookup) g
$$;
CREATE FUNCTION get_plpgsql(target anyelement, lookup jsonb) RETURNS anyelement LANGUAGE plpgsql AS $$
BEGIN
	RETURN (get_or_create(target, lookup)).record;
END $$;
SELECT * FROM get(NULL::items, '{"k": 9004}');
SELECT * FROM get(NULL::parent, '{"k": 9004}');
SELECT * FROM get_plpgsql(NULL::items, '{"k": 9004}');
SELECT * FROM get_plpgsql(NULL::parent, '{"k": 9004}');
SELECT * FROM get_plpgsql(NULL::items, '{"k": 9006}');
-- the target is a column of a query
SELECT (g.record).k, was_created FROM (SELECT i FROM items i WHERE k IN (1, 2)) t, LATERAL get_or_create(t.i, jsonb_build_object('k', (t.i).k)) g ORDER BY 1;

SET client_min_messages = warning;
DROP SCHEMA goc_look CASCADE;
