--
-- get_or_create: require_unique => false
--
\getenv abs_srcdir PG_ABS_SRCDIR
\i :abs_srcdir/sql/include/setup.sql
CREATE SCHEMA goc_unguarded;
SET search_path = goc_unguarded, public;
CREATE FUNCTION our_locks() RETURNS bigint LANGUAGE sql AS $$
	SELECT count(*) FROM pg_locks
	WHERE locktype = 'advisory' AND objsubid = 3 AND pid = pg_backend_pid() AND granted
$$;
CREATE TABLE bare (a int, b text, v text);

-- a miss takes the lock and creates, a hit takes none; it goes with the transaction
BEGIN;
SELECT * FROM get_or_create(NULL::bare, '{"a": 1, "b": "x"}', '{"v": "1"}', require_unique => false);
SELECT our_locks();
COMMIT;
SELECT our_locks();
BEGIN;
SELECT * FROM get_or_create(NULL::bare, '{"a": 1, "b": "x"}', '{"v": "2"}', require_unique => false);
SELECT our_locks(), pg_current_xact_id_if_assigned() IS NULL AS no_transaction_id;
COMMIT;
-- the same lookup, spelt otherwise, is the same lock; another value another one
BEGIN;
SELECT was_created FROM get_or_create(NULL::bare, '{"a": 2, "b": "x"}', require_unique => false);
DELETE FROM bare WHERE a = 2;
SELECT was_created FROM get_or_create(NULL::bare, '{"b": "x", "a": "2"}', require_unique => false);
SELECT our_locks();
SELECT was_created FROM get_or_create(NULL::bare, '{"b": "x", "a": 3}', require_unique => false);
SELECT our_locks();
SELECT was_created FROM get_or_create(NULL::bare, '{"b": "y", "a": 3}', require_unique => false);
SELECT our_locks();
ROLLBACK;
-- advisory locks of the user are another key space
BEGIN;
SELECT pg_advisory_xact_lock(1), pg_advisory_xact_lock(1, 2);
SELECT our_locks();
ROLLBACK;
-- NULL equals NULL in the look
SELECT * FROM get_or_create(NULL::bare, '{"a": null, "b": "n"}', require_unique => false);
SELECT * FROM get_or_create(NULL::bare, '{"a": null, "b": "n"}', require_unique => false);
SELECT * FROM get_or_create(NULL::bare, '{"a": null, "b": null}', require_unique => false);
SELECT * FROM get_or_create(NULL::bare, '{"a": null, "b": null}', require_unique => false);
-- more than one match: 21000, and what to do
INSERT INTO bare VALUES (1, 'x', 'second');
CALL pg_temp.fails($$SELECT get_or_create(NULL::bare, '{"a": 1, "b": "x"}', require_unique => false)$$);
SELECT * FROM get_or_create(NULL::bare, '{"a": 1, "b": "x", "v": "second"}', require_unique => false);
CALL pg_temp.fails($$SELECT get_or_create(NULL::bare, '{"a": 1}', lock_strength => 'update', require_unique => false)$$);
-- many rows, duplicates among them
SELECT count(*) FILTER (WHERE was_created) AS created, count(*)
FROM generate_series(1, 200) i, LATERAL get_or_create(NULL::bare, jsonb_build_object('a', 100 + i % 10), require_unique => false) g;

-- With an index that serves, it decides, and there is no lock
CREATE TABLE indexed (a int UNIQUE, b int);
BEGIN;
SELECT * FROM get_or_create(NULL::indexed, '{"a": 1, "b": 1}', require_unique => false);
SELECT * FROM get_or_create(NULL::indexed, '{"a": 1, "b": 1}', require_unique => false);
CALL pg_temp.fails($$SELECT get_or_create(NULL::indexed, '{"a": 1, "b": 2}', require_unique => false)$$);
SELECT our_locks();
COMMIT;
-- NULL, for which the index does not decide: the lock does
BEGIN;
SELECT * FROM get_or_create(NULL::indexed, '{"a": null}', require_unique => false);
SELECT * FROM get_or_create(NULL::indexed, '{"a": null}', require_unique => false);
SELECT our_locks();
COMMIT;
-- wrong names are still wrong, and arbiter is still the arbiter
CALL pg_temp.fails($$SELECT get_or_create(NULL::indexed, '{"c": 1}', require_unique => false)$$);
CALL pg_temp.fails($$SELECT get_or_create(NULL::indexed, '{"b": 1}', arbiter => 'nothing', require_unique => false)$$);
CALL pg_temp.fails($$SELECT get_or_create(NULL::indexed, '{"b": 1}', arbiter => 'indexed_a_key', require_unique => false)$$);
-- a conflict on another constraint is raised
CALL pg_temp.fails($$SELECT get_or_create(NULL::indexed, '{"b": 3}', '{"a": 1}', require_unique => false)$$);

-- expressions do not count: the columns are compared by their own equality
CREATE TABLE mails (email text);
CREATE INDEX ON mails (lower(email));
SELECT * FROM get_or_create(NULL::mails, '{"email": "x"}', require_unique => false);
SELECT * FROM get_or_create(NULL::mails, '{"email": "X"}', require_unique => false);

-- types: by their own equality and hash; without a hash; without equality
CREATE TABLE types (n numeric, f float8, b varbit, c char(4), j jsonb, a int[], i interval, p point);
BEGIN;
SELECT was_created FROM get_or_create(NULL::types, '{"n": 1.0, "f": 0, "c": "x", "j": {"a": 1, "b": 2}, "a": [1], "i": "1 day"}', require_unique => false);
SELECT was_created FROM get_or_create(NULL::types, '{"n": 1.00, "f": "-0", "c": "x ", "j": {"b": 2, "a": 1.0}, "a": "{1}", "i": "24 hours"}', require_unique => false);
-- the same values hash alike: deleted and made again under the same one lock
DELETE FROM types;
SELECT was_created FROM get_or_create(NULL::types, '{"n": 1.00, "f": "-0", "c": "x ", "j": {"b": 2, "a": 1.0}, "a": "{1}", "i": "24 hours"}', require_unique => false);
SELECT our_locks();
COMMIT;
-- bit strings have no hash: all calls for them share a lock, and are right
BEGIN;
SELECT was_created FROM get_or_create(NULL::types, '{"b": "101"}', require_unique => false);
SELECT was_created FROM get_or_create(NULL::types, '{"b": "11"}', require_unique => false);
SELECT was_created FROM get_or_create(NULL::types, '{"b": "101"}', require_unique => false);
SELECT our_locks();
COMMIT;
CALL pg_temp.fails($$SELECT get_or_create(NULL::types, '{"p": "(1,2)"}', require_unique => false)$$);

-- keyed by the root table: through the root and through a leaf it is one lock
CREATE TABLE parts (k int, v text) PARTITION BY LIST (k);
CREATE TABLE parts_1 PARTITION OF parts FOR VALUES IN (1) PARTITION BY LIST (v);
CREATE TABLE parts_1_a PARTITION OF parts_1 FOR VALUES IN ('a');
BEGIN;
SELECT was_created FROM get_or_create(NULL::parts, '{"k": 1, "v": "a"}', require_unique => false);
DELETE FROM parts;
SELECT was_created FROM get_or_create(NULL::parts_1, '{"k": 1, "v": "a"}', require_unique => false);
DELETE FROM parts;
SELECT was_created FROM get_or_create(NULL::parts_1_a, '{"k": 1, "v": "a"}', require_unique => false);
SELECT our_locks();
SELECT was_created FROM get_or_create(NULL::parts, '{"k": 1, "v": "a"}', require_unique => false);
COMMIT;

-- the higher isolation levels in one session
BEGIN ISOLATION LEVEL REPEATABLE READ;
SELECT was_created FROM get_or_create(NULL::bare, '{"b": "rr"}', require_unique => false);
SELECT was_created FROM get_or_create(NULL::bare, '{"b": "rr"}', require_unique => false);
COMMIT;
BEGIN ISOLATION LEVEL SERIALIZABLE;
SELECT was_created FROM get_or_create(NULL::bare, '{"b": "rr"}', require_unique => false);
SELECT was_created FROM get_or_create(NULL::bare, '{"b": "sr"}', require_unique => false);
COMMIT;
-- views
CREATE VIEW some_of_bare AS SELECT a AS x, b AS y FROM bare WHERE a > 1000;
SELECT * FROM get_or_create(NULL::some_of_bare, '{"y": "view"}', '{"x": 1001}', require_unique => false);
SELECT * FROM get_or_create(NULL::some_of_bare, '{"y": "view"}', '{"x": 1002}', require_unique => false);

SET client_min_messages = warning;
DROP SCHEMA goc_unguarded CASCADE;
