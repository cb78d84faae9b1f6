--
-- get_or_create: a lookup that is wider than the key, several unique
-- constraints at once, conflicts outside the lookup
--
\getenv abs_srcdir PG_ABS_SRCDIR
\i :abs_srcdir/sql/include/setup.sql
CREATE SCHEMA goc_lookup;
SET search_path = goc_lookup, public;

CREATE TABLE users
(
	id int GENERATED ALWAYS AS IDENTITY,
	email text CONSTRAINT users_email UNIQUE,
	login text CONSTRAINT users_login UNIQUE,
	team text,
	age int,
	"Last, name" text
);

--
-- The key is there and the other columns agree: found.
--
SELECT * FROM get_or_create(NULL::users, '{"email": "a@x", "team": "red", "age": 30}');
SELECT * FROM get_or_create(NULL::users, '{"email": "a@x", "team": "red", "age": 30}');
SELECT * FROM get_or_create(NULL::users, '{"email": "a@x", "age": 30}');
-- NULL equals NULL, and nothing else
SELECT * FROM get_or_create(NULL::users, '{"email": "a@x", "Last, name": null}');
CALL pg_temp.fails($$SELECT get_or_create(NULL::users, '{"email": "a@x", "age": null}')$$);
CALL pg_temp.fails($$SELECT get_or_create(NULL::users, '{"email": "a@x", "Last, name": "Lee"}')$$);
-- The key is there and they differ: 23505 of users_email, with schema, table
-- and constraint; DETAIL names the column, HINT says to move it to defaults.
CALL pg_temp.fails($$SELECT get_or_create(NULL::users, '{"email": "a@x", "team": "blue"}')$$);
CALL pg_temp.fails($$SELECT get_or_create(NULL::users, '{"email": "a@x", "team": "red", "age": 31}')$$);
-- so moved, it is found
SELECT * FROM get_or_create(NULL::users, '{"email": "a@x"}', '{"team": "blue"}');
-- The same through a statement instead of the direct look.
CALL pg_temp.fails($$SELECT get_or_create(NULL::users, '{"email": "a@x", "team": "blue"}', lock_strength => 'share')$$);
-- Columns that the arbiter covers, inside its expressions too, are its alone.
CREATE TABLE mails (email text, part text, v int);
CREATE UNIQUE INDEX mails_lower ON mails (lower(email));
SELECT * FROM get_or_create(NULL::mails, '{"email": "foo@x", "v": 1}');
SELECT * FROM get_or_create(NULL::mails, '{"email": "FOO@x", "v": 1}');
CALL pg_temp.fails($$SELECT get_or_create(NULL::mails, '{"email": "FOO@x", "v": 2}')$$);

--
-- Two unique constraints covered at once.
--
SELECT * FROM get_or_create(NULL::users, '{"email": "b@x", "login": "b"}');
SELECT * FROM get_or_create(NULL::users, '{"email": "b@x", "login": "b"}');
SELECT * FROM get_or_create(NULL::users, '{"email": "c@x", "login": "c"}');
-- of two rows: users_email decides by its name, and the login differs
CALL pg_temp.fails($$SELECT get_or_create(NULL::users, '{"email": "b@x", "login": "c"}')$$);
CALL pg_temp.fails($$SELECT get_or_create(NULL::users, '{"email": "b@x", "login": "c"}', arbiter => 'users_login')$$);
-- a new email with a login that exists: a miss, and the insert's own 23505
CALL pg_temp.fails($$SELECT get_or_create(NULL::users, '{"email": "d@x", "login": "c"}')$$);
-- an email that exists with a new login
CALL pg_temp.fails($$SELECT get_or_create(NULL::users, '{"email": "b@x", "login": "d"}')$$);
-- one of the two is NULL: it does not decide, and it is compared
SELECT * FROM get_or_create(NULL::users, '{"email": "e@x", "login": null}');
SELECT * FROM get_or_create(NULL::users, '{"email": "e@x", "login": null}');
SELECT * FROM get_or_create(NULL::users, '{"email": null, "login": "e"}');
SELECT * FROM get_or_create(NULL::users, '{"email": null, "login": "e"}');
CALL pg_temp.fails($$SELECT get_or_create(NULL::users, '{"email": null, "login": "b"}')$$);

--
-- A conflict outside the lookup is raised as the 23505 it is.
--
CALL pg_temp.fails($$SELECT get_or_create(NULL::users, '{"email": "f@x"}', '{"login": "b"}')$$);
SELECT count(*) FROM users WHERE email = 'f@x';
CREATE TABLE seats (room int, seat int, label text UNIQUE DEFAULT 'the one', PRIMARY KEY (room, seat));
SELECT * FROM get_or_create(NULL::seats, '{"room": 1, "seat": 1}');
CALL pg_temp.fails($$SELECT get_or_create(NULL::seats, '{"room": 1, "seat": 2}')$$);
SELECT * FROM get_or_create(NULL::seats, '{"room": 1, "seat": 1}');
-- an exclusion constraint outside the lookup: 23P01
CREATE TABLE bookings (id int PRIMARY KEY, slot int4range, EXCLUDE USING gist (slot WITH &&));
SELECT * FROM get_or_create(NULL::bookings, '{"id": 1}', '{"slot": "[1,5)"}');
CALL pg_temp.fails($$SELECT get_or_create(NULL::bookings, '{"id": 2}', '{"slot": "[4,6)"}')$$);
SELECT * FROM get_or_create(NULL::bookings, '{"id": 2}', '{"slot": "[5,6)"}');
-- a deferrable constraint outside the lookup conflicts at its time
CREATE TABLE deferred (id int PRIMARY KEY, pos int CONSTRAINT deferred_pos UNIQUE DEFERRABLE INITIALLY DEFERRED);
SELECT * FROM get_or_create(NULL::deferred, '{"id": 1}', '{"pos": 1}');
BEGIN;
SELECT * FROM get_or_create(NULL::deferred, '{"id": 2}', '{"pos": 1}');
SELECT * FROM get_or_create(NULL::deferred, '{"id": 2}', '{"pos": 2}');
UPDATE deferred SET pos = 2 WHERE id = 2;
COMMIT;
SELECT * FROM get_or_create(NULL::deferred, '{"id": 3}', '{"pos": 1}');
SELECT * FROM deferred ORDER BY id;
-- two indexes that infer alike, one more than asked for
CREATE TABLE doubled (a int, v text);
CREATE UNIQUE INDEX doubled_1 ON doubled (a);
CREATE UNIQUE INDEX doubled_2 ON doubled (a);
SELECT * FROM get_or_create(NULL::doubled, '{"a": 1}');
SELECT * FROM get_or_create(NULL::doubled, '{"a": 1}');
-- a lookup column whose value a BEFORE trigger or the type's own rounding
-- changes is compared as converted: 1.004 is 1.00 in numeric(5, 2)
CREATE TABLE rounded (id int PRIMARY KEY, n numeric(5, 2), c char(4), t timestamp(0));
SELECT * FROM get_or_create(NULL::rounded, '{"id": 1, "n": 1.004, "c": "x", "t": "2024-01-01 00:00:00.2"}');
SELECT * FROM get_or_create(NULL::rounded, '{"id": 1, "n": 1.004, "c": "x", "t": "2024-01-01 00:00:00.2"}');
SELECT * FROM get_or_create(NULL::rounded, '{"id": 1, "n": 1.0, "c": "x  ", "t": "2024-01-01"}');
-- large values beside the key, stored out of line
CREATE TABLE large (id int PRIMARY KEY, body text);
ALTER TABLE large ALTER body SET STORAGE EXTERNAL;
SELECT length((g.record).body), was_created
FROM generate_series(1, 2) i, LATERAL get_or_create(NULL::large, jsonb_build_object('id', i / i, 'body', repeat('x', 100000))) g;
DO $$
DECLARE
	detail text;
BEGIN
	PERFORM get_or_create(NULL::large, jsonb_build_object('id', 1, 'body', repeat('x', 100001)));
EXCEPTION WHEN unique_violation THEN
	GET STACKED DIAGNOSTICS detail = PG_EXCEPTION_DETAIL;
	RAISE INFO 'column named: %, not the whole value: %', detail LIKE '%body%', length(detail) < 10000;
END $$;

SET client_min_messages = warning;
DROP SCHEMA goc_lookup CASCADE;
