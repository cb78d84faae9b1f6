--
-- get_or_create: triggers on the table
--
\getenv abs_srcdir PG_ABS_SRCDIR
\i :abs_srcdir/sql/include/setup.sql
CREATE SCHEMA goc_triggers;
SET search_path = goc_triggers, public;

--
-- BEFORE: fills other columns, in the record too
--
CREATE TABLE filled (id int GENERATED ALWAYS AS IDENTITY, k text UNIQUE, v text, low text GENERATED ALWAYS AS (lower(v)) STORED);
CREATE FUNCTION fill() RETURNS trigger LANGUAGE plpgsql AS $$BEGIN NEW.v := 'Filled ' || coalesce(NEW.v, ''); RETURN NEW; END$$;
CREATE TRIGGER fill BEFORE INSERT ON filled FOR EACH ROW EXECUTE FUNCTION fill();
SELECT * FROM get_or_create(NULL::filled, '{"k": "a"}', '{"v": "X"}');
SELECT * FROM get_or_create(NULL::filled, '{"k": "a"}', '{"v": "Y"}');
-- A lookup column beside the key that the trigger changes: created as the
-- trigger made it, and the next call differs from it.
SELECT * FROM get_or_create(NULL::filled, '{"k": "b", "v": "X"}');
CALL pg_temp.fails($$SELECT get_or_create(NULL::filled, '{"k": "b", "v": "X"}')$$);

--
-- BEFORE: rewrites the key
--
CREATE TABLE rewritten (id int GENERATED ALWAYS AS IDENTITY, email text UNIQUE, v text);
CREATE FUNCTION rewrite() RETURNS trigger LANGUAGE plpgsql AS $$BEGIN NEW.email := lower(NEW.email); RETURN NEW; END$$;
CREATE TRIGGER rewrite BEFORE INSERT OR UPDATE ON rewritten FOR EACH ROW EXECUTE FUNCTION rewrite();
-- created, with the key that the trigger made
SELECT (g.record).email, was_created FROM get_or_create(NULL::rewritten, '{"email": "Foo@x"}') g;
-- found by that key
SELECT (g.record).email, was_created FROM get_or_create(NULL::rewritten, '{"email": "foo@x"}') g;
-- Not found by the other, and inserting conflicts for ever: the loop ends
-- with the accurate error, 23505 of rewritten_email_key on foo@x.
CALL pg_temp.fails($$SELECT get_or_create(NULL::rewritten, '{"email": "Foo@x"}')$$);
CALL pg_temp.fails($$SELECT get_or_create(NULL::rewritten, '{"email": "FOO@x"}', require_unique => false)$$);
SELECT count(*) FROM rewritten;

--
-- BEFORE: suppresses the row.  27000, whichever way, and nothing is left.
--
CREATE TABLE suppressed (k int PRIMARY KEY, v text);
CREATE FUNCTION suppress() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
	IF NEW.v = 'no' THEN RETURN NULL; END IF;
	RETURN NEW;
END $$;
CREATE TRIGGER suppress BEFORE INSERT ON suppressed FOR EACH ROW EXECUTE FUNCTION suppress();
SELECT * FROM get_or_create(NULL::suppressed, '{"k": 1}', '{"v": "yes"}');
SELECT * FROM get_or_create(NULL::suppressed, '{"k": 1}', '{"v": "no"}');
CALL pg_temp.fails($$SELECT get_or_create(NULL::suppressed, '{"k": 2}', '{"v": "no"}')$$);
CALL pg_temp.fails($$SELECT get_or_create(NULL::suppressed, '{"v": "no"}', '{"k": 2}', require_unique => false)$$);
SELECT * FROM suppressed;
-- A trigger that puts the row elsewhere, as partitioning by trigger does:
-- the second look finds it there.
CREATE TABLE moved (k int PRIMARY KEY, v text);
CREATE TABLE moved_child (CHECK (k > 10), PRIMARY KEY (k)) INHERITS (moved);
CREATE FUNCTION move() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
	IF NEW.k <= 10 THEN RETURN NEW; END IF;
	INSERT INTO moved_child VALUES (NEW.*) ON CONFLICT DO NOTHING;
	RETURN NULL;
END $$;
CREATE TRIGGER move BEFORE INSERT ON moved FOR EACH ROW EXECUTE FUNCTION move();
SELECT * FROM get_or_create(NULL::moved, '{"k": 1}', '{"v": "a"}');
SELECT record FROM get_or_create(NULL::moved, '{"k": 11}', '{"v": "b"}');
SELECT * FROM get_or_create(NULL::moved, '{"k": 11}', '{"v": "c"}');
SELECT tableoid::regclass, * FROM moved ORDER BY k;

--
-- BEFORE: raises
--
CREATE TABLE raised (k int PRIMARY KEY);
CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
	RAISE EXCEPTION 'no row with k = %', NEW.k USING ERRCODE = 'XY123', DETAIL = 'of the user', HINT = 'do not';
END $$;
INSERT INTO raised VALUES (1);
CREATE TRIGGER refuse BEFORE INSERT ON raised FOR EACH ROW EXECUTE FUNCTION refuse();
SELECT * FROM get_or_create(NULL::raised, '{"k": 1}');
CALL pg_temp.fails($$SELECT get_or_create(NULL::raised, '{"k": 2}')$$);

--
-- Triggers that call get_or_create on the same table
--
CREATE TABLE paths (path text PRIMARY KEY, parent text REFERENCES paths, made_by text);
CREATE FUNCTION make_parent() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
	IF NEW.path LIKE '%/%' THEN
		NEW.parent := ((get_or_create(NULL::paths,
			jsonb_build_object('path', regexp_replace(NEW.path, '/[^/]*$', '')),
			jsonb_build_object('made_by', NEW.path))).record).path;
	END IF;
	RETURN NEW;
END $$;
CREATE TRIGGER make_parent BEFORE INSERT ON paths FOR EACH ROW EXECUTE FUNCTION make_parent();
SELECT * FROM get_or_create(NULL::paths, '{"path": "a/b/c/d"}', '{"made_by": "me"}');
SELECT * FROM get_or_create(NULL::paths, '{"path": "a/b/x"}', '{"made_by": "me"}');
SELECT * FROM get_or_create(NULL::paths, '{"path": "a/b"}', '{"made_by": "me"}');
SELECT * FROM paths ORDER BY path COLLATE "C";
-- AFTER: makes the next one, down to zero
CREATE TABLE countdown (n int PRIMARY KEY);
CREATE FUNCTION make_next() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
	IF NEW.n > 0 THEN
		PERFORM get_or_create(NULL::countdown, jsonb_build_object('n', NEW.n - 1));
		-- and finds itself
		IF (get_or_create(NULL::countdown, jsonb_build_object('n', NEW.n))).was_created THEN
			RAISE 'created twice';
		END IF;
	END IF;
	RETURN NULL;
END $$;
CREATE TRIGGER make_next AFTER INSERT ON countdown FOR EACH ROW EXECUTE FUNCTION make_next();
SELECT * FROM get_or_create(NULL::countdown, '{"n": 20}');
SELECT count(*), min(n), max(n) FROM countdown;
SELECT bool_or(was_created) FROM generate_series(0, 20) i, LATERAL get_or_create(NULL::countdown, jsonb_build_object('n', i));
-- BEFORE: makes the very row that is being made: the loop finds that one
CREATE TABLE same (k int PRIMARY KEY, v text);
CREATE FUNCTION make_same() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
	IF NEW.v = 'outer' THEN
		PERFORM get_or_create(NULL::same, jsonb_build_object('k', NEW.k), '{"v": "inner"}');
	END IF;
	RETURN NEW;
END $$;
CREATE TRIGGER make_same BEFORE INSERT ON same FOR EACH ROW EXECUTE FUNCTION make_same();
SELECT * FROM get_or_create(NULL::same, '{"k": 1}', '{"v": "outer"}');
SELECT * FROM same;
-- the inner call raises and is caught: the outer one goes on
CREATE OR REPLACE FUNCTION make_same() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
	IF NEW.v = 'outer' THEN
		BEGIN
			PERFORM get_or_create(NULL::same, '{"k": 1, "v": "other"}');
		EXCEPTION WHEN unique_violation THEN
			NEW.v := 'outer, inner failed';
		END;
	END IF;
	RETURN NEW;
END $$;
SELECT * FROM get_or_create(NULL::same, '{"k": 2}', '{"v": "outer"}');
SELECT * FROM get_or_create(NULL::same, '{"k": 2}', '{"v": "outer"}');

--
-- AFTER triggers count creations, and only those
--
CREATE TABLE counted (k int PRIMARY KEY);
CREATE TABLE counts (what text, n int);
CREATE FUNCTION tally() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
	INSERT INTO counts SELECT TG_NAME, CASE WHEN TG_NAME = 'by_table' THEN (SELECT count(*) FROM added) END;
	RETURN NULL;
END $$;
CREATE FUNCTION tally_row() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
	INSERT INTO counts VALUES (TG_NAME, NEW.k);
	RETURN NULL;
END $$;
CREATE TRIGGER by_row AFTER INSERT ON counted FOR EACH ROW EXECUTE FUNCTION tally_row();
CREATE TRIGGER by_row_when AFTER INSERT ON counted FOR EACH ROW WHEN (NEW.k > 2) EXECUTE FUNCTION tally_row();
CREATE TRIGGER by_table AFTER INSERT ON counted REFERENCING NEW TABLE AS added FOR EACH STATEMENT EXECUTE FUNCTION tally();
CREATE CONSTRAINT TRIGGER at_commit AFTER INSERT ON counted DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION tally_row();
BEGIN;
SELECT i, was_created FROM unnest(ARRAY[1, 2, 1, 3, 2]) i, LATERAL get_or_create(NULL::counted, jsonb_build_object('k', i));
SELECT what, count(*) FROM counts GROUP BY what ORDER BY what COLLATE "C";
COMMIT;
SELECT what, count(*), sum(n) FROM counts GROUP BY what ORDER BY what COLLATE "C";
-- An AFTER trigger that changes the row: the record is the row as inserted.
CREATE TABLE touched (k int PRIMARY KEY, v text DEFAULT 'inserted');
CREATE FUNCTION touch() RETURNS trigger LANGUAGE plpgsql AS $$BEGIN UPDATE touched SET v = 'touched' WHERE k = NEW.k; RETURN NULL; END$$;
CREATE TRIGGER touch AFTER INSERT ON touched FOR EACH ROW EXECUTE FUNCTION touch();
SELECT * FROM get_or_create(NULL::touched, '{"k": 1}');
SELECT * FROM get_or_create(NULL::touched, '{"k": 1}');
-- replica and disabled triggers, and one that is made between the calls
ALTER TABLE suppressed DISABLE TRIGGER suppress;
SELECT * FROM get_or_create(NULL::suppressed, '{"k": 2}', '{"v": "no"}');
ALTER TABLE suppressed ENABLE TRIGGER suppress;
CALL pg_temp.fails($$SELECT get_or_create(NULL::suppressed, '{"k": 3}', '{"v": "no"}')$$);
-- The trigger alters the very table while it is in use: PostgreSQL's 55006.
CREATE TABLE altered (k int PRIMARY KEY);
CREATE FUNCTION alter_it() RETURNS trigger LANGUAGE plpgsql AS $$BEGIN ALTER TABLE altered ADD v int; RETURN NEW; END$$;
CREATE TRIGGER alter_it BEFORE INSERT ON altered FOR EACH ROW EXECUTE FUNCTION alter_it();
\set VERBOSITY sqlstate
SELECT * FROM get_or_create(NULL::altered, '{"k": 1}');
\set VERBOSITY default
DROP TRIGGER alter_it ON altered;
SELECT * FROM get_or_create(NULL::altered, '{"k": 1}');
-- the trigger flushes every cache in the middle
CREATE FUNCTION flush() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
	CREATE TEMPORARY TABLE flushed ();
	DROP TABLE flushed;
	ANALYZE paths;
	EXECUTE 'CREATE OR REPLACE VIEW goc_triggers.flushed_view AS SELECT ' || NEW.k || ' AS k';
	ALTER TABLE counts SET (fillfactor = 90);
	RETURN NEW;
END $$;
CREATE TRIGGER flush BEFORE INSERT ON altered FOR EACH ROW EXECUTE FUNCTION flush();
SELECT i, was_created FROM unnest(ARRAY[1, 2, 2, 3, 3]) i, LATERAL get_or_create(NULL::altered, jsonb_build_object('k', i));

SET client_min_messages = warning;
DROP SCHEMA goc_triggers CASCADE;
