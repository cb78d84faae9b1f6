--
-- get_or_create: isolation levels, read-only transactions, savepoints,
-- exceptions, prepared statements, cursors, many calls in one statement
--
\getenv abs_srcdir PG_ABS_SRCDIR
\i :abs_srcdir/sql/include/setup.sql
CREATE SCHEMA goc_transactions;
SET search_path = goc_transactions, public;
CREATE TABLE items (k int PRIMARY KEY, v text);
CREATE TABLE parts (k int PRIMARY KEY, v text) PARTITION BY RANGE (k);
CREATE TABLE parts_1 PARTITION OF parts FOR VALUES FROM (0) TO (1000);

--
-- Each isolation level: created, found, in the same statement and the next
--
BEGIN ISOLATION LEVEL READ COMMITTED;
SELECT i, was_created FROM unnest(ARRAY[1, 2, 1]) i, LATERAL get_or_create(NULL::items, jsonb_build_object('k', i)) g;
SELECT i, was_created FROM unnest(ARRAY[1, 2, 1]) i, LATERAL get_or_create(NULL::parts, jsonb_build_object('k', i)) g;
SELECT * FROM get_or_create(NULL::items, '{"k": 2}');
COMMIT;
BEGIN ISOLATION LEVEL REPEATABLE READ;
SELECT i, was_created FROM unnest(ARRAY[1, 3, 4, 3]) i, LATERAL get_or_create(NULL::items, jsonb_build_object('k', i)) g;
SELECT i, was_created FROM unnest(ARRAY[1, 3, 4, 3]) i, LATERAL get_or_create(NULL::parts, jsonb_build_object('k', i)) g;
SELECT * FROM get_or_create(NULL::items, '{"k": 3}');
-- rows that the transaction itself deletes and makes again
DELETE FROM items WHERE k = 3;
SELECT * FROM get_or_create(NULL::items, '{"k": 3}', '{"v": "again"}');
UPDATE items SET v = 'updated' WHERE k = 3;
SELECT * FROM get_or_create(NULL::items, '{"k": 3, "v": "updated"}');
UPDATE items SET k = 33 WHERE k = 3;
SELECT * FROM get_or_create(NULL::items, '{"k": 33}');
SELECT * FROM get_or_create(NULL::items, '{"k": 3}', '{"v": "a third time"}');
SELECT * FROM get_or_create(NULL::items, '{"k": 3}', lock_strength => 'update');
COMMIT;
BEGIN ISOLATION LEVEL SERIALIZABLE;
SELECT i, was_created FROM unnest(ARRAY[1, 5, 6, 5]) i, LATERAL get_or_create(NULL::items, jsonb_build_object('k', i)) g;
SELECT i, was_created FROM unnest(ARRAY[1, 5, 6, 5]) i, LATERAL get_or_create(NULL::parts, jsonb_build_object('k', i)) g;
DELETE FROM items WHERE k = 5;
SELECT * FROM get_or_create(NULL::items, '{"k": 5}');
COMMIT;
-- predicate locks are taken, for a row that is there and for one that is not
BEGIN ISOLATION LEVEL SERIALIZABLE;
SELECT * FROM get_or_create(NULL::items, '{"k": 5}');
SELECT relation::regclass, mode FROM pg_locks
WHERE mode = 'SIReadLock' AND pid = pg_backend_pid() GROUP BY 1, 2 ORDER BY relation::regclass::text COLLATE "C";
COMMIT;
BEGIN ISOLATION LEVEL SERIALIZABLE;
SAVEPOINT s;
SELECT * FROM get_or_create(NULL::items, '{"k": 55}');
ROLLBACK TO s;
SELECT relation::regclass, mode FROM pg_locks
WHERE mode = 'SIReadLock' AND pid = pg_backend_pid() GROUP BY 1, 2 ORDER BY relation::regclass::text COLLATE "C";
COMMIT;
SELECT count(*), count(DISTINCT k) FROM items;

--
-- Read-only: a hit works, a miss is 25006 with the hint
--
BEGIN READ ONLY;
SELECT * FROM get_or_create(NULL::items, '{"k": 5}');
SELECT * FROM get_or_create(NULL::parts, '{"k": 5}');
SELECT * FROM get_or_create(NULL::items, '{"v": "a third time"}', require_unique => false);
CALL pg_temp.fails($$SELECT get_or_create(NULL::items, '{"k": 100}')$$);
CALL pg_temp.fails($$SELECT get_or_create(NULL::parts, '{"k": 100}')$$);
CALL pg_temp.fails($$SELECT get_or_create(NULL::items, '{"v": "nowhere"}', '{"k": 100}', require_unique => false)$$);
-- locking writes: PostgreSQL's 25006
CALL pg_temp.fails($$SELECT get_or_create(NULL::items, '{"k": 5}', lock_strength => 'share')$$);
COMMIT;
BEGIN ISOLATION LEVEL SERIALIZABLE READ ONLY DEFERRABLE;
SELECT * FROM get_or_create(NULL::items, '{"k": 5}');
COMMIT;
SET default_transaction_read_only = on;
SELECT * FROM get_or_create(NULL::items, '{"k": 5}');
SELECT get_or_create(NULL::items, '{"k": 100}');
RESET default_transaction_read_only;
-- a temporary table may be written to all the same
CREATE TEMPORARY TABLE scratch (k int PRIMARY KEY);
BEGIN READ ONLY;
SELECT * FROM get_or_create(NULL::scratch, '{"k": 1}');
SELECT * FROM get_or_create(NULL::scratch, '{"k": 1}');
COMMIT;
SELECT count(*) FROM items WHERE k = 100;

--
-- Savepoints and exceptions
--
BEGIN;
SELECT was_created FROM get_or_create(NULL::items, '{"k": 200}');
SAVEPOINT a;
SELECT was_created FROM get_or_create(NULL::items, '{"k": 201}');
SAVEPOINT b;
SELECT was_created FROM get_or_create(NULL::items, '{"k": 202}');
ROLLBACK TO a;
SELECT k, was_created FROM unnest(ARRAY[200, 201, 202]) k, LATERAL get_or_create(NULL::items, jsonb_build_object('k', k)) g;
RELEASE a;
ROLLBACK;
SELECT k, was_created FROM unnest(ARRAY[200, 201, 202]) k, LATERAL get_or_create(NULL::items, jsonb_build_object('k', k)) g;
DO $$
DECLARE
	created boolean;
BEGIN
	FOR i IN 1..50 LOOP
		BEGIN
			PERFORM get_or_create(NULL::items, jsonb_build_object('k', 300 + i));
			IF i % 3 = 0 THEN
				RAISE division_by_zero;
			ELSIF i % 3 = 1 THEN
				PERFORM get_or_create(NULL::items, '{"k": 5, "v": "differs"}');
			END IF;
		EXCEPTION WHEN division_by_zero OR unique_violation THEN
			created := (get_or_create(NULL::items, jsonb_build_object('k', 300 + i))).was_created;
			ASSERT created, i;
		END;
		created := (get_or_create(NULL::items, jsonb_build_object('k', 300 + i))).was_created;
		ASSERT NOT created, i;
	END LOOP;
END $$;
SELECT count(*) FROM items WHERE k BETWEEN 301 AND 350;
-- an error in the middle of a statement leaves nothing of it, and the
-- transaction aborted as after any error
BEGIN;
SELECT was_created FROM get_or_create(NULL::items, '{"k": 400}');
\set VERBOSITY sqlstate
SELECT was_created FROM generate_series(401, 410) k, LATERAL get_or_create(NULL::items, jsonb_build_object('k', CASE WHEN k = 405 THEN 'x' ELSE k::text END)) g;
SELECT was_created FROM get_or_create(NULL::items, '{"k": 5}');
\set VERBOSITY default
ROLLBACK;
SELECT count(*) FROM items WHERE k >= 400;
-- a statement timeout inside the insert, and the session goes on
CREATE TABLE slow (k int PRIMARY KEY, v text DEFAULT pg_sleep(30)::text);
SET statement_timeout = '100ms';
\set VERBOSITY sqlstate
SELECT get_or_create(NULL::slow, '{"k": 1}');
\set VERBOSITY default
RESET statement_timeout;
SELECT * FROM get_or_create(NULL::slow, '{"k": 1}', '{"v": "v"}');
-- procedures that commit between the calls
CREATE PROCEDURE import(n int) LANGUAGE plpgsql AS $$
BEGIN
	FOR i IN 1..n LOOP
		PERFORM get_or_create(NULL::items, jsonb_build_object('k', 500 + i % 10));
		IF i % 7 = 0 THEN
			COMMIT;
		ELSIF i % 11 = 0 THEN
			ROLLBACK;
		END IF;
	END LOOP;
END $$;
CALL import(100);
SELECT count(*) FROM items WHERE k BETWEEN 500 AND 509;

--
-- Many calls in one statement
--
TRUNCATE items;
SELECT count(*), count(*) FILTER (WHERE was_created) AS created, count(DISTINCT (g.record).k) AS keys
FROM generate_series(1, 10000) i, LATERAL get_or_create(NULL::items, jsonb_build_object('k', i % 1000), jsonb_build_object('v', i)) g;
-- each row was made by the first that asked
SELECT count(*) FROM items WHERE v::int = CASE k WHEN 0 THEN 1000 ELSE k END;
-- two different sets of defaults, two tables, in one statement
SELECT a.was_created AS a, b.was_created AS b, (a.record).k = (b.record).k AS same
FROM generate_series(1, 4) i,
     LATERAL get_or_create(NULL::items, jsonb_build_object('k', 2000 + i / 2), '{"v": "a"}') a,
     LATERAL get_or_create(NULL::parts, jsonb_build_object('k', (a.record).k - 1990)) b;
-- within INSERT, UPDATE, WITH, a sub-select, VALUES, CASE, a set-returning function
CREATE TABLE target (n int, item int);
INSERT INTO target SELECT i, ((get_or_create(NULL::items, jsonb_build_object('k', 3000 + i % 2))).record).k FROM generate_series(1, 4) i;
UPDATE target SET item = (g.record).k FROM generate_series(1, 4) i, LATERAL get_or_create(NULL::items, jsonb_build_object('k', 3001 + i % 2)) g WHERE n = i;
SELECT * FROM target ORDER BY n;
SELECT k FROM items WHERE k >= 3000 ORDER BY k;
-- A row that is created in a statement is not seen by the statement's other parts.
WITH g AS MATERIALIZED (SELECT * FROM get_or_create(NULL::items, '{"k": 4000}'))
SELECT g.was_created, (SELECT count(*) FROM items WHERE k = (g.record).k) AS seen FROM g;
SELECT count(*) FROM items WHERE k = 4000;
-- inside a STABLE function it still sees what it made itself
CREATE FUNCTION stable(k int) RETURNS boolean LANGUAGE plpgsql STABLE AS $$
BEGIN
	RETURN (get_or_create(NULL::items, jsonb_build_object('k', k))).was_created;
END $$;
SELECT stable(4000);
SELECT stable(4000 + i % 2) FROM generate_series(1, 1) i;
SELECT stable(4000 + i % 2) FROM generate_series(1, 1) i;
-- recursion through SQL functions
CREATE FUNCTION depth(n int) RETURNS int LANGUAGE plpgsql AS $$
BEGIN
	PERFORM get_or_create(NULL::items, jsonb_build_object('k', 5000 + n), jsonb_build_object('v', CASE WHEN n > 0 THEN depth(n - 1) END));
	RETURN n;
END $$;
SELECT depth(30);
SELECT count(*), max(v::int) FROM items WHERE k >= 5000;

--
-- Prepared statements: custom and generic plans, with the query planned anew
--
PREPARE get(int, text) AS SELECT (g.record).*, was_created FROM get_or_create(NULL::items, jsonb_build_object('k', $1), jsonb_build_object('v', $2)) g;
EXECUTE get(6001, 'a');
EXECUTE get(6001, 'b');
SET plan_cache_mode = force_generic_plan;
EXECUTE get(6002, 'a');
EXECUTE get(6002, 'b');
RESET plan_cache_mode;
DISCARD PLANS;
EXECUTE get(6003, 'a');
DISCARD ALL;
SET search_path = goc_transactions, public;
SELECT (g.record).*, was_created FROM get_or_create(NULL::items, '{"k": 6003}') g;
-- cursors: rows are fetched between other statements, forward and held
BEGIN;
DECLARE c CURSOR FOR SELECT i, was_created FROM unnest(ARRAY[7001, 7002, 7001, 7002]) i, LATERAL get_or_create(NULL::items, jsonb_build_object('k', i)) g;
FETCH 1 FROM c;
DELETE FROM items WHERE k = 7001;
SELECT * FROM get_or_create(NULL::items, '{"k": 7002}', '{"v": "between"}');
FETCH ALL FROM c;
CLOSE c;
DECLARE h CURSOR WITH HOLD FOR SELECT i, was_created FROM unnest(ARRAY[7003, 7003]) i, LATERAL get_or_create(NULL::items, jsonb_build_object('k', i)) g;
FETCH 1 FROM h;
COMMIT;
FETCH 1 FROM h;
CLOSE h;
-- a parallel plan never holds it
SET max_parallel_workers_per_gather = 2;
SET parallel_setup_cost = 0;
SET parallel_tuple_cost = 0;
SET min_parallel_table_scan_size = 0;
SELECT count(*) FROM items i, LATERAL get_or_create(NULL::items, jsonb_build_object('k', i.k)) g WHERE NOT was_created AND i.k < 1000;

SET client_min_messages = warning;
DROP SCHEMA goc_transactions CASCADE;
