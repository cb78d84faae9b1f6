--
-- get_or_create: PREPARE TRANSACTION
--
\getenv abs_srcdir PG_ABS_SRCDIR
\i :abs_srcdir/sql/include/setup.sql
-- needs max_prepared_transactions > 0: expected/get_or_create_prepared_xact_1.out
SELECT current_setting('max_prepared_transactions')::int = 0 AS skip_test \gset
\if :skip_test
\quit
\endif
CREATE SCHEMA goc_prepared;
SET search_path = goc_prepared, public;
CREATE TABLE items (k int PRIMARY KEY, v text);
CREATE TABLE bare (k int);

-- what a transaction made, and that it locked, is prepared with it
BEGIN;
SELECT * FROM get_or_create(NULL::items, '{"k": 1}', '{"v": "prepared"}');
SELECT * FROM get_or_create(NULL::items, '{"k": 1}');
PREPARE TRANSACTION 'goc_1';
-- the same session waits for it like for any other transaction
SET lock_timeout = '50ms';
\set VERBOSITY sqlstate
SELECT * FROM get_or_create(NULL::items, '{"k": 1}');
\set VERBOSITY default
RESET lock_timeout;
SELECT * FROM get_or_create(NULL::items, '{"k": 2}');
COMMIT PREPARED 'goc_1';
SELECT * FROM get_or_create(NULL::items, '{"k": 1}');
-- rolled back: it was never there
BEGIN;
SELECT * FROM get_or_create(NULL::items, '{"k": 3}', '{"v": "prepared"}');
PREPARE TRANSACTION 'goc_2';
ROLLBACK PREPARED 'goc_2';
SELECT * FROM get_or_create(NULL::items, '{"k": 3}', '{"v": "afterwards"}');
-- a transaction of hits alone can be prepared too
BEGIN;
SELECT * FROM get_or_create(NULL::items, '{"k": 1}');
PREPARE TRANSACTION 'goc_3';
COMMIT PREPARED 'goc_3';
-- with row locks, and with the advisory lock of a create without an index,
-- which it keeps
BEGIN;
SELECT * FROM get_or_create(NULL::items, '{"k": 1}', lock_strength => 'update');
SELECT * FROM get_or_create(NULL::bare, '{"k": 1}', require_unique => false);
PREPARE TRANSACTION 'goc_4';
SELECT count(*) FROM pg_locks JOIN pg_database d ON d.oid = database
WHERE locktype = 'advisory' AND objsubid = 3 AND datname = current_database();
SET lock_timeout = '50ms';
\set VERBOSITY sqlstate
SELECT * FROM get_or_create(NULL::items, '{"k": 1}', lock_strength => 'update');
SELECT * FROM get_or_create(NULL::bare, '{"k": 1}', require_unique => false);
\set VERBOSITY default
RESET lock_timeout;
COMMIT PREPARED 'goc_4';
SELECT * FROM get_or_create(NULL::bare, '{"k": 1}', require_unique => false);
SELECT count(*) FROM pg_locks JOIN pg_database d ON d.oid = database
WHERE locktype = 'advisory' AND objsubid = 3 AND datname = current_database();

SET client_min_messages = warning;
DROP SCHEMA goc_prepared CASCADE;
