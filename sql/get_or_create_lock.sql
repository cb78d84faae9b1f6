--
-- get_or_create: lock_strength
--
\getenv abs_srcdir PG_ABS_SRCDIR
\i :abs_srcdir/sql/include/setup.sql
-- the contrib modules may not be installed: expected/get_or_create_lock_1.out
SELECT count(*) < 2 AS skip_test
FROM pg_available_extensions WHERE name IN ('pgrowlocks', 'dblink') \gset
\if :skip_test
\quit
\endif
CREATE SCHEMA goc_lock;
SET search_path = goc_lock, public;
CREATE EXTENSION pgrowlocks SCHEMA goc_lock;
CREATE EXTENSION dblink SCHEMA goc_lock;
CREATE TABLE items (k int PRIMARY KEY, v text);
INSERT INTO items VALUES (1, 'a'), (2, 'b');

-- NULL locks nothing, and takes no transaction id
BEGIN;
SELECT * FROM get_or_create(NULL::items, '{"k": 1}', lock_strength => NULL);
SELECT locked_row, modes FROM pgrowlocks('items');
SELECT pg_current_xact_id_if_assigned() IS NULL AS no_transaction_id;
COMMIT;
-- each of the four locks the one row, in its own mode, until the end
BEGIN;
SELECT * FROM get_or_create(NULL::items, '{"k": 1}', lock_strength => 'key share');
SELECT locked_row, modes FROM pgrowlocks('items');
ROLLBACK;
BEGIN;
SELECT * FROM get_or_create(NULL::items, '{"k": 1}', lock_strength => 'share');
SELECT locked_row, modes FROM pgrowlocks('items');
ROLLBACK;
BEGIN;
SELECT * FROM get_or_create(NULL::items, '{"k": 1}', lock_strength => 'no key update');
SELECT locked_row, modes FROM pgrowlocks('items');
ROLLBACK;
BEGIN;
SELECT * FROM get_or_create(NULL::items, '{"k": 1}', lock_strength => 'update');
SELECT locked_row, modes FROM pgrowlocks('items');
COMMIT;
SELECT count(*) FROM pgrowlocks('items');
-- many rows in one statement, each locked
BEGIN;
SELECT i, was_created FROM generate_series(1, 2) i, LATERAL get_or_create(NULL::items, jsonb_build_object('k', i), lock_strength => 'share') g;
SELECT locked_row, modes FROM pgrowlocks('items') ORDER BY locked_row;
COMMIT;
-- a wider lookup that differs: 23505; a row that is created: no lock is needed
BEGIN;
CALL pg_temp.fails($$SELECT get_or_create(NULL::items, '{"k": 1, "v": "b"}', lock_strength => 'update')$$);
SELECT * FROM get_or_create(NULL::items, '{"k": 3}', lock_strength => 'update');
SELECT * FROM get_or_create(NULL::items, '{"k": 3}', lock_strength => 'update');
COMMIT;
-- the locked row can be changed by the transaction that holds it
BEGIN;
UPDATE items SET v = ((get_or_create(NULL::items, '{"k": 1}', lock_strength => 'update')).record).v || '!' WHERE k = 1;
SELECT * FROM get_or_create(NULL::items, '{"k": 1}', lock_strength => 'no key update');
COMMIT;
-- partial and expression indexes, NULLS NOT DISTINCT
CREATE TABLE indexed (a text, b int, c int);
CREATE UNIQUE INDEX ON indexed (lower(a)) WHERE c IS NULL;
CREATE UNIQUE INDEX ON indexed (b) NULLS NOT DISTINCT;
INSERT INTO indexed VALUES ('x', 1, 1), ('X', 2, NULL), ('y', NULL, 2);
BEGIN;
SELECT * FROM get_or_create(NULL::indexed, '{"a": "x"}', lock_strength => 'update');
SELECT * FROM get_or_create(NULL::indexed, '{"b": null}', lock_strength => 'update');
SELECT locked_row, modes FROM pgrowlocks('indexed') ORDER BY locked_row;
COMMIT;
-- a partition's row, a child's, a view's
CREATE TABLE parts (k int PRIMARY KEY, v text) PARTITION BY RANGE (k);
CREATE TABLE parts_1 PARTITION OF parts FOR VALUES FROM (0) TO (10);
CREATE TABLE child () INHERITS (items);
CREATE VIEW named AS SELECT v AS name, k AS number FROM items;
INSERT INTO child VALUES (10, 'child');
BEGIN;
SELECT * FROM get_or_create(NULL::parts, '{"k": 1}', lock_strength => 'share');
SELECT count(*) FROM pgrowlocks('parts_1');
SELECT * FROM get_or_create(NULL::parts, '{"k": 1}', lock_strength => 'share');
COMMIT;
BEGIN;
SELECT * FROM get_or_create(NULL::parts, '{"k": 1}', lock_strength => 'share');
SELECT locked_row, modes FROM pgrowlocks('parts_1');
SELECT * FROM get_or_create(NULL::items, '{"k": 10}', lock_strength => 'key share');
SELECT locked_row, modes FROM pgrowlocks('child');
SELECT * FROM get_or_create(NULL::named, '{"number": 2}', lock_strength => 'share');
SELECT modes FROM pgrowlocks('items');
COMMIT;
-- without a unique index
CREATE TABLE bare (k int, v text);
BEGIN;
SELECT * FROM get_or_create(NULL::bare, '{"k": 1}', lock_strength => 'share', require_unique => false);
SELECT * FROM get_or_create(NULL::bare, '{"k": 1}', lock_strength => 'share', require_unique => false);
COMMIT;
BEGIN;
SELECT * FROM get_or_create(NULL::bare, '{"k": 1}', lock_strength => 'share', require_unique => false);
SELECT locked_row, modes FROM pgrowlocks('bare');
COMMIT;
-- a view that cannot be locked: PostgreSQL's error
CREATE VIEW grouped AS SELECT k, count(*) AS n FROM items GROUP BY k;
SELECT * FROM get_or_create(NULL::grouped, '{"k": 1}');
\set VERBOSITY sqlstate
SELECT * FROM get_or_create(NULL::grouped, '{"k": 1}', lock_strength => 'share');
\set VERBOSITY default
-- in a read-only transaction, a partitioned table's row: the error comes out of
-- the subtransaction, and the transaction goes on after its savepoint
BEGIN READ ONLY;
SELECT * FROM get_or_create(NULL::parts, '{"k": 1}');
SAVEPOINT s;
\set VERBOSITY sqlstate
SELECT * FROM get_or_create(NULL::parts, '{"k": 1}', lock_strength => 'share');
\set VERBOSITY default
ROLLBACK TO s;
CALL pg_temp.fails($$SELECT get_or_create(NULL::parts, '{"k": 1}', lock_strength => 'update')$$);
SELECT * FROM get_or_create(NULL::parts, '{"k": 1}');
COMMIT;
-- a savepoint around a lock on a partitioned table undoes the lock
BEGIN;
SAVEPOINT s;
SELECT * FROM get_or_create(NULL::parts, '{"k": 1}', lock_strength => 'update');
SELECT count(*) FROM pgrowlocks('parts_1');
ROLLBACK TO s;
SELECT count(*) FROM pgrowlocks('parts_1');
COMMIT;
-- Another session holds the rows: a plain look does not wait, a lock does, and
-- lock_timeout ends it, at top level and caught, with nothing left behind.
DO $$
BEGIN
	PERFORM dblink_connect('other', format('dbname=%s host=%s port=%s user=%s', current_database(),
		coalesce(nullif(trim(split_part(current_setting('unix_socket_directories'), ',', 1)), ''), 'localhost'),
		current_setting('port'), current_user));
END $$;
SELECT dblink_exec('other', 'BEGIN');
SELECT * FROM dblink('other', 'SELECT k FROM goc_lock.parts ORDER BY k FOR UPDATE') AS t (k int);
SELECT * FROM dblink('other', 'SELECT k FROM ONLY goc_lock.items ORDER BY k FOR NO KEY UPDATE') AS t (k int);
SELECT * FROM get_or_create(NULL::parts, '{"k": 1}');
SELECT * FROM get_or_create(NULL::items, '{"k": 1}', lock_strength => 'key share');
SET lock_timeout = '20ms';
CALL pg_temp.fails($$SELECT get_or_create(NULL::items, '{"k": 1}', lock_strength => 'share')$$);
CALL pg_temp.fails($$SELECT get_or_create(NULL::parts, '{"k": 1}', lock_strength => 'share')$$);
CALL pg_temp.fails($$SELECT get_or_create(NULL::named, '{"number": 1}', lock_strength => 'update')$$);
\set VERBOSITY sqlstate
SELECT * FROM get_or_create(NULL::parts, '{"k": 1}', lock_strength => 'share');
\set VERBOSITY default
SELECT * FROM get_or_create(NULL::parts, '{"k": 1}');
BEGIN;
SELECT * FROM get_or_create(NULL::parts, '{"k": 2}');
DO $$
BEGIN
	FOR i IN 1..3 LOOP
		BEGIN
			PERFORM get_or_create(NULL::parts, jsonb_build_object('k', i), lock_strength => 'no key update');
		EXCEPTION WHEN lock_not_available THEN
			RAISE INFO 'row % is locked', i;
		END;
	END LOOP;
END $$;
COMMIT;
SELECT dblink_exec('other', 'ROLLBACK');
SELECT * FROM get_or_create(NULL::parts, '{"k": 1}', lock_strength => 'update');
SELECT * FROM parts ORDER BY k;
RESET lock_timeout;
SELECT dblink_disconnect('other');
-- the higher isolation levels
BEGIN ISOLATION LEVEL REPEATABLE READ;
SELECT * FROM get_or_create(NULL::parts, '{"k": 1}', lock_strength => 'update');
SELECT * FROM get_or_create(NULL::items, '{"k": 1}', lock_strength => 'update');
COMMIT;

SET client_min_messages = warning;
DROP SCHEMA goc_lock CASCADE;
