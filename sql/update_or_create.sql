--
-- update_or_create: what it promises
--
\getenv abs_srcdir PG_ABS_SRCDIR
\i :abs_srcdir/sql/include/setup.sql
CREATE SCHEMA uoc;
SET search_path = uoc, public;
SET timezone = 'UTC';
SET datestyle = 'ISO';
SET intervalstyle = 'postgres';
SET bytea_output = 'hex';
SET extra_float_digits = 1;

CREATE TABLE products
(
	id int GENERATED ALWAYS AS IDENTITY,
	name text CONSTRAINT products_name UNIQUE,
	price numeric,
	stock int DEFAULT 10,
	note text,
	updated_at timestamptz,
	twice numeric GENERATED ALWAYS AS (price * 2) STORED
);

-- Created, unchanged, updated: the two flags tell.
SELECT * FROM update_or_create(NULL::products, '{"name": "pen"}', '{"price": 1.5, "note": "new"}');
SELECT * FROM update_or_create(NULL::products, '{"name": "pen"}', '{"price": 1.5, "note": "new"}');
SELECT * FROM update_or_create(NULL::products, '{"name": "pen"}', '{"price": 2}');
SELECT * FROM update_or_create(NULL::products, '{"name": "pen"}', '{"price": 2, "note": "new"}');
-- only the named columns are set; JSON null is a value
UPDATE products SET stock = 3;
SELECT * FROM update_or_create(NULL::products, '{"name": "pen"}', '{"price": 2, "note": null}');
SELECT * FROM update_or_create(NULL::products, '{"name": "pen"}', '{"note": null}');
-- touch: on creation, and on an update; never compared
SELECT * FROM update_or_create(NULL::products, '{"name": "ink"}', '{"price": 7}', touch => '{"updated_at": "2024-01-01"}');
SELECT * FROM update_or_create(NULL::products, '{"name": "ink"}', '{"price": 7}', touch => '{"updated_at": "2024-02-02"}');
SELECT * FROM update_or_create(NULL::products, '{"name": "ink"}', '{"price": 8}', touch => '{"updated_at": "2024-03-03"}');
SELECT * FROM update_or_create(NULL::products, '{"name": "ink"}', touch => '{"updated_at": "2024-04-04"}');
-- create_defaults replaces defaults on creation, and may be empty
SELECT * FROM update_or_create(NULL::products, '{"name": "cup"}', '{"stock": 1}', '{"stock": 100, "note": "first"}', '{"updated_at": "2024-01-01"}');
SELECT * FROM update_or_create(NULL::products, '{"name": "cup"}', '{"stock": 1}', '{"stock": 100, "note": "other"}', '{"updated_at": "2024-02-02"}');
SELECT * FROM update_or_create(NULL::products, '{"name": "cup"}', '{"stock": 1}', '{"stock": 100, "note": "other"}', '{"updated_at": "2024-03-03"}');
SELECT * FROM update_or_create(NULL::products, '{"name": "mug"}', '{"stock": 1}', '{}');
SELECT * FROM update_or_create(NULL::products, '{"name": "jar"}', '{"stock": 1}', '[]');
SELECT * FROM update_or_create(NULL::products, '{"name": "can"}', '{"stock": 1}', NULL);
-- SQL NULL and an empty array are no columns; without defaults nothing differs
SELECT * FROM update_or_create(NULL::products, '{"name": "pen"}', NULL, NULL, NULL, NULL, NULL);
SELECT * FROM update_or_create(NULL::products, '{"name": "pen"}', '[]', '[]', '[]');
-- several rows of one statement: later ones see what earlier ones did
SELECT (g.record).name, (g.record).stock, was_created, was_updated
FROM (VALUES ('box', 1), ('box', 1), ('box', 2), ('box', 2), ('box', 1)) AS v(name, stock),
	LATERAL update_or_create(NULL::products, jsonb_build_object('name', v.name), jsonb_build_object('stock', v.stock)) AS g;
-- a row of the same transaction, a savepoint
BEGIN;
SELECT (record).stock, was_created, was_updated FROM update_or_create(NULL::products, '{"name": "bag"}', '{"stock": 1}');
SAVEPOINT s;
SELECT (record).stock, was_created, was_updated FROM update_or_create(NULL::products, '{"name": "bag"}', '{"stock": 2}');
ROLLBACK TO s;
SELECT (record).stock, was_created, was_updated FROM update_or_create(NULL::products, '{"name": "bag"}', '{"stock": 1}');
COMMIT;

--
-- What differs: whatever a user could see.
--
CREATE TYPE pair AS (a int, b text);
CREATE TABLE images
(
	k int PRIMARY KEY,
	n numeric, m numeric(10, 2), f float8, t text, c char(5), j json, jb jsonb,
	a int[], p pair, ps pair[], r int4range, b bytea, i interval, o boolean, big text
);
-- Is the second value a change for a row that has the first?  And what is stored?
CREATE FUNCTION pg_temp.change(col text, old jsonb, new jsonb, OUT was_updated boolean, OUT stored text)
LANGUAGE plpgsql AS $$
BEGIN
	DELETE FROM images;
	PERFORM update_or_create(NULL::images, '{"k": 1}', jsonb_build_object(col, old));
	EXECUTE format('SELECT g.was_updated, (g.record).%I FROM update_or_create(NULL::images, ''{"k": 1}'', $1) AS g', col)
	INTO STRICT was_updated, stored USING jsonb_build_object(col, new);
END $$;
SELECT v.*, change.*
FROM (VALUES
	('n', '1.0'::jsonb, '1.0'::jsonb), ('n', '1.0', '1.00'), ('n', '"NaN"', '"NaN"'), ('n', '1', 'null'), ('n', 'null', '1'),
	('n', 'null', 'null'), ('n', '100000000000000000000', '1e20'), ('n', '0', '"-0"'),
	-- the column's type makes them alike
	('m', '1.0', '1.00'), ('m', '1.001', '1.002'), ('m', '1', '2'),
	('f', '0', '"-0"'), ('f', '"NaN"', '"NaN"'), ('f', '0.1', '0.10'),
	('t', '"a"', '"A"'), ('t', '""', 'null'), ('t', '"a"', '"a "'), ('t', '1', '"1"'),
	('c', '"a"', '"a  "'), ('c', '"a"', '"b"'),
	-- json keeps its text (that of a string), jsonb its meaning
	('j', '{"x": 1, "y": 2}', '{"y": 2, "x": 1}'), ('j', '{"x": 1}', '{"x": 1.0}'), ('j', '"{\"x\":1}"', '"{\"x\": 1}"'),
	('jb', '{"x": 1, "y": 2}', '{"y": 2, "x": 1}'), ('jb', '{"x": 1}', '{"x": 1.0}'), ('jb', 'null', '"null"'),
	('a', '[1, 2]', '[1, 2]'), ('a', '[1, 2]', '[2, 1]'), ('a', '[1, null]', '[1, null]'), ('a', '[1]', '"[0:0]={1}"'), ('a', '[]', 'null'),
	('p', '{"a": 1, "b": "x"}', '{"b": "x", "a": 1}'), ('p', '{"a": 1}', '{"a": 1, "b": null}'), ('p', '{"a": 1}', '{"a": 2}'), ('p', '{"a": null}', 'null'),
	('ps', '[{"a": 1}]', '[{"a": 1}]'), ('ps', '[{"a": 1}]', '[{"a": 1, "b": ""}]'),
	('r', '"[1,3)"', '"[1,2]"'), ('r', '"[1,3)"', '"[1,4)"'),
	('b', '"\\x00ff"', '"\\x00FF"'), ('b', '"\\x00ff"', '"\\x00"'),
	('i', '"1 day"', '"24 hours"'), ('i', '"1 day"', '"1 day"'),
	('o', 'true', '"yes"'), ('o', 'true', 'false')) AS v(col, old, new),
	LATERAL pg_temp.change(col, old, new);
-- out of line and compressed: how it is stored makes no difference
TRUNCATE images;
ALTER TABLE images ALTER big SET STORAGE EXTERNAL;
SELECT was_created FROM update_or_create(NULL::images, '{"k": 1}', jsonb_build_object('big', repeat('x', 100000)));
SELECT pg_column_size(big) = 100000 AS external FROM images;
SELECT was_updated FROM update_or_create(NULL::images, '{"k": 1}', jsonb_build_object('big', repeat('x', 100000)));
SELECT was_updated FROM update_or_create(NULL::images, '{"k": 1}', jsonb_build_object('big', repeat('x', 99999) || 'y'));
ALTER TABLE images ALTER big SET STORAGE EXTENDED;
UPDATE images SET big = big || '';
SELECT pg_column_size(big) < 10000 AS compressed FROM images;
SELECT was_updated FROM update_or_create(NULL::images, '{"k": 1}', jsonb_build_object('big', repeat('x', 99999) || 'y'));
SELECT was_updated FROM update_or_create(NULL::images, '{"k": 1}', jsonb_build_object('big', repeat('x', 99999) || 'z'));
-- a column that was added with a default, to rows that do not have it
ALTER TABLE images ADD added int DEFAULT 5, DROP n;
SELECT was_updated FROM update_or_create(NULL::images, '{"k": 1}', '{"added": 5}');
SELECT was_updated FROM update_or_create(NULL::images, '{"k": 1}', '{"added": null}');

--
-- Unchanged leaves nothing behind.  What it says is compared with what an
-- update says, so that a check that cannot see anything is found out.
--
CREATE FUNCTION forbid() RETURNS trigger LANGUAGE plpgsql AS $$BEGIN RAISE 'fired'; END $$;
CREATE TABLE quiet (id serial, k text PRIMARY KEY, v text, updated_at timestamptz, CHECK (v <> 'bad'));
CREATE INDEX ON quiet (v);
INSERT INTO quiet VALUES (1, 'a', 'x');
VACUUM quiet;
CREATE FUNCTION pg_temp.wal_records(query text) RETURNS int LANGUAGE plpgsql AS $$
DECLARE
	plan json;
BEGIN
	EXECUTE 'EXPLAIN (ANALYZE, WAL, COSTS OFF, TIMING OFF, FORMAT JSON) ' || query INTO plan;
	RETURN plan -> 0 -> 'Plan' ->> 'WAL Records';
END $$;
-- (what the first call looks up in the catalog may write hints and prune there)
SELECT was_updated FROM update_or_create(NULL::quiet, '{"k": "a"}', '{"v": "x"}', touch => '{"updated_at": "2024-01-01"}');
SELECT ctid, xmin AS xmin_before FROM quiet \gset
BEGIN;
SELECT pg_temp.wal_records($$SELECT * FROM update_or_create(NULL::quiet, '{"k": "a"}', '{"v": "x"}', touch => '{"updated_at": "2024-01-01"}')$$);
SELECT pg_current_xact_id_if_assigned() IS NULL AS no_transaction_id;
SELECT ctid = :'ctid' AND xmin = :'xmin_before' AND xmax = 0 AS untouched, updated_at FROM quiet;
SELECT count(*) AS locks_that_wait FROM pg_locks WHERE pid = pg_backend_pid() AND relation = 'quiet'::regclass AND mode <> 'AccessShareLock';
-- the control
SELECT pg_temp.wal_records($$SELECT * FROM update_or_create(NULL::quiet, '{"k": "a"}', '{"v": "y"}', touch => '{"updated_at": "2024-01-01"}')$$) > 0 AS wal;
SELECT pg_current_xact_id_if_assigned() IS NULL AS no_transaction_id;
SELECT ctid = :'ctid' AND xmin = :'xmin_before' AND xmax = 0 AS untouched, updated_at FROM quiet;
ROLLBACK;
CREATE TRIGGER row_trigger BEFORE INSERT OR UPDATE OR DELETE ON quiet FOR EACH ROW EXECUTE FUNCTION forbid();
CREATE TRIGGER statement_trigger BEFORE INSERT OR UPDATE OR DELETE ON quiet FOR EACH STATEMENT EXECUTE FUNCTION forbid();
ALTER TABLE quiet ALTER id SET DEFAULT 1 / (random() * 0)::int;
SELECT * FROM update_or_create(NULL::quiet, '{"k": "a"}', '{"v": "x"}', touch => '{"updated_at": "2024-01-01"}');
CALL pg_temp.fails($$SELECT update_or_create(NULL::quiet, '{"k": "a"}', '{"v": "y"}')$$);
-- nor does it convert what it does not need
SELECT * FROM update_or_create(NULL::quiet, '{"k": "a"}', '{"v": "x"}', '{"id": "no number"}', '{"updated_at": "no time"}');
CALL pg_temp.fails($$SELECT update_or_create(NULL::quiet, '{"k": "a"}', '{"v": "y"}', touch => '{"updated_at": "no time"}')$$);
CALL pg_temp.fails($$SELECT update_or_create(NULL::quiet, '{"k": "b"}', '{"v": "y"}', '{"id": "no number"}')$$);
-- read-only transactions: unchanged is an answer, the rest is an error
BEGIN READ ONLY;
SELECT * FROM update_or_create(NULL::quiet, '{"k": "a"}', '{"v": "x"}', touch => '{"updated_at": "2024-01-01"}');
CALL pg_temp.fails($$SELECT update_or_create(NULL::quiet, '{"k": "a"}', '{"v": "y"}')$$);
CALL pg_temp.fails($$SELECT update_or_create(NULL::quiet, '{"k": "b"}', '{"v": "y"}')$$);
COMMIT;
CREATE TEMPORARY TABLE scratch (k int PRIMARY KEY, v int);
INSERT INTO scratch VALUES (1, 1);
BEGIN READ ONLY;
SELECT * FROM update_or_create(NULL::scratch, '{"k": 1}', '{"v": 2}');
SELECT * FROM update_or_create(NULL::scratch, '{"k": 2}', '{"v": 2}');
COMMIT;

--
-- Names are checked alike, whatever comes of the call.
--
CALL pg_temp.fails($$SELECT update_or_create(NULL::products, NULL)$$);
CALL pg_temp.fails($$SELECT update_or_create(NULL::products, '{}')$$);
CALL pg_temp.fails($$SELECT update_or_create(NULL::products, '{"name": "pen"}', '1')$$);
CALL pg_temp.fails($$SELECT update_or_create(NULL::products, '{"name": "pen"}', '{}', '"{}"')$$);
CALL pg_temp.fails($$SELECT update_or_create(NULL::products, '{"name": "pen"}', '{}', '{}', '[1]')$$);
CALL pg_temp.fails($$SELECT update_or_create(NULL::int, '{"name": "pen"}')$$);
CREATE PROCEDURE pg_temp.fails_for_both(arguments text) LANGUAGE plpgsql AS $$
BEGIN
	CALL pg_temp.fails(format('SELECT update_or_create(NULL::products, ''{"name": "pen"}'', %s)', arguments));
	CALL pg_temp.fails(format('SELECT update_or_create(NULL::products, ''{"name": "not there"}'', %s)', arguments));
END $$;
CALL pg_temp.fails_for_both($$'{"prise": 2}'$$);
CALL pg_temp.fails_for_both($$'{}', '{"prise": 2}'$$);
CALL pg_temp.fails_for_both($$'{}', '{}', '{"prise": 2}'$$);
CALL pg_temp.fails_for_both($$'{"twice": 2}'$$);
CALL pg_temp.fails_for_both($$'{}', '{"twice": 2}'$$);
CALL pg_temp.fails_for_both($$'{}', '{}', '{"twice": 2}'$$);
CALL pg_temp.fails_for_both($$'{"name": "a"}'$$);
CALL pg_temp.fails_for_both($$'{}', '{"name": "a"}'$$);
CALL pg_temp.fails_for_both($$'{}', '{}', '{"name": "a"}'$$);
CALL pg_temp.fails_for_both($$'{"note": "a"}', '{}', '{"note": "a"}'$$);
CALL pg_temp.fails_for_both($$'{}', '{"note": "a"}', '{"note": "a"}'$$);
-- an identity column that is always generated takes no value
CALL pg_temp.fails($$SELECT update_or_create(NULL::products, '{"name": "pen"}', '{"id": 77}')$$);
CALL pg_temp.fails($$SELECT update_or_create(NULL::products, '{"name": "not there"}', '{"id": 77}')$$);
-- the arbiter
CALL pg_temp.fails($$SELECT update_or_create(NULL::products, '{"stock": 3}', '{"price": 1}')$$);
CALL pg_temp.fails($$SELECT update_or_create(NULL::products, '{"name": "pen"}', '{"price": 1}', arbiter => 'nothing')$$);
SELECT was_updated FROM update_or_create(NULL::products, '{"name": "pen"}', '{"price": 3}', arbiter => 'products_name');
-- what is looked up beside the key is not updated: the row is another one
CALL pg_temp.fails($$SELECT update_or_create(NULL::products, '{"name": "pen", "stock": 4}', '{"price": 5}')$$);
SELECT was_updated FROM update_or_create(NULL::products, '{"name": "pen", "stock": 3}', '{"price": 5}');

--
-- Constraints: the error is the server's, the row stays as it was.
--
CREATE TABLE parents (id int PRIMARY KEY);
CREATE TABLE strict
(
	k int PRIMARY KEY,
	code text CONSTRAINT strict_code UNIQUE,
	n int NOT NULL CONSTRAINT strict_positive CHECK (n > 0),
	parent int CONSTRAINT strict_parent REFERENCES parents
);
INSERT INTO parents VALUES (1);
INSERT INTO strict VALUES (1, 'a', 1, 1), (2, 'b', 1, NULL);
CALL pg_temp.fails($$SELECT update_or_create(NULL::strict, '{"k": 1}', '{"code": "b"}')$$);
CALL pg_temp.fails($$SELECT update_or_create(NULL::strict, '{"k": 1}', '{"n": null}')$$);
CALL pg_temp.fails($$SELECT update_or_create(NULL::strict, '{"k": 1}', '{"n": 0}')$$);
CALL pg_temp.fails($$SELECT update_or_create(NULL::strict, '{"k": 1}', '{"parent": 2}')$$);
CALL pg_temp.fails($$SELECT update_or_create(NULL::strict, '{"k": 1}', '{"n": "x"}')$$);
CALL pg_temp.fails($$SELECT update_or_create(NULL::strict, '{"k": 3}', '{"code": "b", "n": 1}')$$);
CALL pg_temp.fails($$SELECT update_or_create(NULL::strict, '{"k": 3}', '{"code": "c"}', '{}')$$);
SELECT * FROM strict ORDER BY k;
-- a column of another unique key may be changed, and the parent's key
SELECT * FROM update_or_create(NULL::strict, '{"k": 1}', '{"code": "c", "n": 2}');
SELECT * FROM update_or_create(NULL::strict, '{"code": "c"}', '{"k": 10}');
CALL pg_temp.fails($$SELECT update_or_create(NULL::strict, '{"code": "c"}', '{"k": 2}')$$);
-- NULL as a key
CREATE TABLE nulls (k text, v int, CONSTRAINT nulls_k UNIQUE NULLS NOT DISTINCT (k));
SELECT * FROM update_or_create(NULL::nulls, '{"k": null}', '{"v": 1}');
SELECT * FROM update_or_create(NULL::nulls, '{"k": null}', '{"v": 2}');
SELECT * FROM update_or_create(NULL::nulls, '{"k": null}', '{"v": 2}');
-- expressions, and a predicate
CREATE TABLE users (email text, name text, deleted_at date);
CREATE UNIQUE INDEX users_email ON users (lower(email)) WHERE deleted_at IS NULL;
SELECT * FROM update_or_create(NULL::users, '{"email": "A@x"}', '{"name": "A"}');
SELECT * FROM update_or_create(NULL::users, '{"email": "a@X"}', '{"name": "B"}');
SELECT * FROM update_or_create(NULL::users, '{"email": "a@X"}', '{"name": "B"}');
-- An update may take the row out of the predicate; to create one there is no
-- way, since the next call would not find it.
SELECT * FROM update_or_create(NULL::users, '{"email": "a@x"}', '{"deleted_at": "2024-01-01"}');
CALL pg_temp.fails($$SELECT update_or_create(NULL::users, '{"email": "a@x"}', '{"deleted_at": "2024-01-01"}')$$);
SELECT * FROM update_or_create(NULL::users, '{"email": "a@x"}', '{"deleted_at": "2024-01-01"}', '{}');
SELECT * FROM users ORDER BY deleted_at;

--
-- Triggers
--
CREATE TABLE guarded (k int PRIMARY KEY, v text, log text);
CREATE FUNCTION on_guarded() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
	IF NEW.v = 'suppress' THEN RETURN NULL; END IF;
	IF NEW.v = 'key' THEN NEW.k := NEW.k + 100; END IF;
	IF NEW.v = 'again' THEN
		PERFORM update_or_create(NULL::guarded, jsonb_build_object('k', NEW.k + 1000), '{"v": "inner"}');
	END IF;
	IF NEW.v = 'self' THEN
		PERFORM update_or_create(NULL::guarded, jsonb_build_object('k', NEW.k), '{"v": "inner"}');
	END IF;
	NEW.log := concat_ws(' ', NEW.log, TG_OP || ':' || NEW.v);
	RETURN NEW;
END $$;
CREATE TRIGGER on_guarded BEFORE INSERT OR UPDATE ON guarded FOR EACH ROW EXECUTE FUNCTION on_guarded();
-- the answer is the row as it is stored
SELECT * FROM update_or_create(NULL::guarded, '{"k": 1}', '{"v": "a"}');
SELECT * FROM update_or_create(NULL::guarded, '{"k": 1}', '{"v": "b"}');
SELECT * FROM update_or_create(NULL::guarded, '{"k": 1}', '{"v": "b"}');
-- suppressed
CALL pg_temp.fails($$SELECT update_or_create(NULL::guarded, '{"k": 1}', '{"v": "suppress"}')$$);
CALL pg_temp.fails($$SELECT update_or_create(NULL::guarded, '{"k": 2}', '{"v": "suppress"}')$$);
-- the trigger gives it another key
SELECT * FROM update_or_create(NULL::guarded, '{"k": 1}', '{"v": "key"}');
-- calls us for another row, and for the same one
SELECT * FROM update_or_create(NULL::guarded, '{"k": 101}', '{"v": "again"}');
SELECT * FROM update_or_create(NULL::guarded, '{"k": 101}', '{"v": "z"}');
SELECT * FROM update_or_create(NULL::guarded, '{"k": 101}', '{"v": "again"}');
CALL pg_temp.fails($$SELECT update_or_create(NULL::guarded, '{"k": 101}', '{"v": "self"}')$$);
SELECT * FROM guarded ORDER BY k;
-- a trigger for other columns is not fired
CREATE TABLE watched (k int PRIMARY KEY, v int, w int);
CREATE FUNCTION notice() RETURNS trigger LANGUAGE plpgsql AS $$BEGIN RAISE INFO 'w was named'; RETURN NEW; END $$;
CREATE TRIGGER of_w BEFORE UPDATE OF w ON watched FOR EACH ROW EXECUTE FUNCTION notice();
SELECT * FROM update_or_create(NULL::watched, '{"k": 1}', '{"v": 1, "w": 1}');
SELECT * FROM update_or_create(NULL::watched, '{"k": 1}', '{"v": 2}');
SELECT * FROM update_or_create(NULL::watched, '{"k": 1}', '{"v": 3}', touch => '{"w": 1}');

-- the shape of one call site changes from call to call
PREPARE uoc (jsonb, jsonb, jsonb, jsonb) AS SELECT * FROM update_or_create(NULL::watched, $1, $2, $3, $4);
EXECUTE uoc ('{"k": 2}', '{"v": 1}', NULL, NULL);
EXECUTE uoc ('{"k": 2}', '{"v": 2}', '{"w": 9}', NULL);
EXECUTE uoc ('{"k": 3}', '{"v": 2}', '{"w": 9}', NULL);
EXECUTE uoc ('{"k": 3}', '{"v": 2}', '{}', '{"w": 8}');
EXECUTE uoc ('{"k": 4}', '{"v": 2}', '{}', '{"w": 8}');
EXECUTE uoc ('{"k": 4}', '{"w": 2}', '{}', '{"v": 8}');
SELECT * FROM get_or_create(NULL::watched, '{"k": 4}', '{"w": 2}');
SELECT * FROM get_or_create(NULL::watched, '{"k": 5}', '{"w": 2}');

SET client_min_messages = warning;
DROP SCHEMA uoc CASCADE;
