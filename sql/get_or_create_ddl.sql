--
-- get_or_create: the table changes between the calls of one session
--
\getenv abs_srcdir PG_ABS_SRCDIR
\i :abs_srcdir/sql/include/setup.sql
CREATE SCHEMA goc_ddl;
SET search_path = goc_ddl, public;

-- columns are added, dropped, renamed, of another type
CREATE TABLE cols (id int PRIMARY KEY, k text UNIQUE, v text DEFAULT 'v', n int);
SELECT * FROM get_or_create(NULL::cols, '{"id": 1}', '{"k": "a", "n": 1}');
SELECT * FROM get_or_create(NULL::cols, '{"id": 1, "n": 1}');
ALTER TABLE cols ADD w int DEFAULT 5;
SELECT * FROM get_or_create(NULL::cols, '{"id": 1, "n": 1}');
SELECT * FROM get_or_create(NULL::cols, '{"id": 2}');
ALTER TABLE cols DROP v;
SELECT * FROM get_or_create(NULL::cols, '{"id": 1, "n": 1}');
SELECT * FROM get_or_create(NULL::cols, '{"id": 3}');
CALL pg_temp.fails($$SELECT get_or_create(NULL::cols, '{"id": 1}', '{"v": "x"}')$$);
ALTER TABLE cols RENAME n TO m;
CALL pg_temp.fails($$SELECT get_or_create(NULL::cols, '{"id": 1, "n": 1}')$$);
SELECT * FROM get_or_create(NULL::cols, '{"id": 1, "m": 1}');
-- two columns swap their names
ALTER TABLE cols RENAME id TO tmp;
ALTER TABLE cols RENAME m TO id;
ALTER TABLE cols RENAME tmp TO m;
CALL pg_temp.fails($$SELECT get_or_create(NULL::cols, '{"id": 1}')$$);
SELECT * FROM get_or_create(NULL::cols, '{"m": 1}');
ALTER TABLE cols RENAME id TO tmp;
ALTER TABLE cols RENAME m TO id;
ALTER TABLE cols RENAME tmp TO m;
SELECT * FROM get_or_create(NULL::cols, '{"id": 1}');
-- another type: of the key, of another column, and back
ALTER TABLE cols ALTER id TYPE text USING 'id ' || id;
SELECT * FROM get_or_create(NULL::cols, '{"id": "id 1"}');
SELECT * FROM get_or_create(NULL::cols, '{"id": 1}');
DELETE FROM cols WHERE id = '1';
ALTER TABLE cols ALTER m TYPE numeric(4, 2), ALTER id TYPE int USING substr(id, 4)::int;
SELECT * FROM get_or_create(NULL::cols, '{"id": 1, "m": 1}');
SELECT * FROM get_or_create(NULL::cols, '{"id": 4, "m": 0.125}');
-- defaults, NOT NULL, generated, identity
ALTER TABLE cols ALTER w SET DEFAULT 6;
SELECT * FROM get_or_create(NULL::cols, '{"id": 5}');
ALTER TABLE cols ALTER w DROP DEFAULT, ALTER k SET DEFAULT 'k';
SELECT * FROM get_or_create(NULL::cols, '{"id": 6}');
ALTER TABLE cols ADD g int GENERATED ALWAYS AS (id * 10) STORED;
SELECT * FROM get_or_create(NULL::cols, '{"id": 6}');
ALTER TABLE cols ALTER k DROP DEFAULT;
SELECT * FROM get_or_create(NULL::cols, '{"id": 7}');
ALTER TABLE cols ALTER g DROP EXPRESSION;
SELECT * FROM get_or_create(NULL::cols, '{"id": 8}', '{"g": 1}');
ALTER TABLE cols ALTER id ADD GENERATED ALWAYS AS IDENTITY (START 100);
SELECT * FROM get_or_create(NULL::cols, '{"id": 8}');
SELECT * FROM get_or_create(NULL::cols, '{"k": "i"}');

-- indexes go and come
CREATE TABLE keys (a int, b int, v text);
CALL pg_temp.fails($$SELECT get_or_create(NULL::keys, '{"a": 1}')$$);
CREATE UNIQUE INDEX keys_a ON keys (a);
SELECT * FROM get_or_create(NULL::keys, '{"a": 1}');
SELECT * FROM get_or_create(NULL::keys, '{"a": 1}');
DROP INDEX keys_a;
CALL pg_temp.fails($$SELECT get_or_create(NULL::keys, '{"a": 1}')$$);
CREATE UNIQUE INDEX CONCURRENTLY keys_a ON keys (a);
SELECT * FROM get_or_create(NULL::keys, '{"a": 1}');
SELECT * FROM get_or_create(NULL::keys, '{"a": 2}');
-- renamed: the old name is unknown, the new one known
ALTER INDEX keys_a RENAME TO keys_alpha;
CALL pg_temp.fails($$SELECT get_or_create(NULL::keys, '{"a": 1}', arbiter => 'keys_a')$$);
SELECT * FROM get_or_create(NULL::keys, '{"a": 1}', arbiter => 'keys_alpha');
ALTER TABLE keys ADD CONSTRAINT keys_constraint UNIQUE USING INDEX keys_alpha;
SELECT * FROM get_or_create(NULL::keys, '{"a": 1}', arbiter => 'keys_constraint');
ALTER TABLE keys RENAME CONSTRAINT keys_constraint TO keys_renamed;
SELECT * FROM get_or_create(NULL::keys, '{"a": 1}', arbiter => 'keys_renamed');
CALL pg_temp.fails($$SELECT get_or_create(NULL::keys, '{"a": 1}', arbiter => 'keys_constraint')$$);
-- another index takes the decision over
ALTER TABLE keys DROP CONSTRAINT keys_renamed;
CREATE UNIQUE INDEX keys_ab ON keys (a, b);
INSERT INTO keys VALUES (1, 1), (1, 2);
CALL pg_temp.fails($$SELECT get_or_create(NULL::keys, '{"a": 1}')$$);
SELECT * FROM get_or_create(NULL::keys, '{"a": 1, "b": 2}');
DROP INDEX keys_ab;
CREATE UNIQUE INDEX keys_ab ON keys ((a + b));
SELECT * FROM get_or_create(NULL::keys, '{"a": 2, "b": 1}');
REINDEX INDEX keys_ab;
SELECT * FROM get_or_create(NULL::keys, '{"a": 2, "b": 1}');
REINDEX TABLE CONCURRENTLY keys;
SELECT * FROM get_or_create(NULL::keys, '{"a": 2, "b": 1}');
SELECT * FROM get_or_create(NULL::keys, '{"a": 4, "b": 1}');
CLUSTER keys USING keys_ab;
SELECT * FROM get_or_create(NULL::keys, '{"a": 1, "b": 4}');
VACUUM (FULL, ANALYZE) keys;
SELECT * FROM get_or_create(NULL::keys, '{"a": 1, "b": 4}');
-- the constraint becomes deferrable
DELETE FROM keys;
DROP INDEX keys_ab;
ALTER TABLE keys ADD CONSTRAINT keys_pk PRIMARY KEY (a, b);
SELECT * FROM get_or_create(NULL::keys, '{"a": 1, "b": 1}');
ALTER TABLE keys DROP CONSTRAINT keys_pk, ADD CONSTRAINT keys_pk PRIMARY KEY (a, b) DEFERRABLE;
CALL pg_temp.fails($$SELECT get_or_create(NULL::keys, '{"a": 1, "b": 1}')$$);
-- a function that an index expression uses is replaced, its result stays
CREATE FUNCTION norm(t text) RETURNS text LANGUAGE plpgsql IMMUTABLE AS $$BEGIN RETURN lower(t); END$$;
CREATE TABLE normed (t text);
CREATE UNIQUE INDEX ON normed (norm(t));
SELECT * FROM get_or_create(NULL::normed, '{"t": "X"}');
CREATE OR REPLACE FUNCTION norm(t text) RETURNS text LANGUAGE plpgsql IMMUTABLE AS $$BEGIN RETURN lower(upper(t)); END$$;
SELECT * FROM get_or_create(NULL::normed, '{"t": "x"}');
SELECT * FROM get_or_create(NULL::normed, '{"t": "Y"}');

-- dropped and made again under the same name, with another shape each time
CREATE TABLE again (k int PRIMARY KEY, v text);
SELECT * FROM get_or_create(NULL::again, '{"k": 1}', '{"v": "int"}');
DROP TABLE again;
CREATE TABLE again (v text, k text UNIQUE);
SELECT * FROM get_or_create(NULL::again, '{"k": 1}', '{"v": "text"}');
SELECT * FROM get_or_create(NULL::again, '{"k": 1}');
DROP TABLE again;
CREATE VIEW again AS SELECT 1 AS k, 'view' AS v;
SELECT * FROM get_or_create(NULL::again, '{"k": 1}');
DROP VIEW again;
CREATE TABLE again (k int PRIMARY KEY) PARTITION BY HASH (k);
CREATE TABLE again_1 PARTITION OF again FOR VALUES WITH (MODULUS 1, REMAINDER 0);
SELECT * FROM get_or_create(NULL::again, '{"k": 1}');
SELECT * FROM get_or_create(NULL::again, '{"k": 1}');
DROP TABLE again;
CREATE TYPE again AS (k int);
CALL pg_temp.fails($$SELECT get_or_create(NULL::again, '{"k": 1}')$$);
DROP TYPE again;
-- all of it inside one statement's session: a plpgsql loop with kept plans
CREATE FUNCTION make_again(type text) RETURNS boolean LANGUAGE plpgsql AS $$
DECLARE
	created boolean;
BEGIN
	EXECUTE format('CREATE TABLE again (k %s PRIMARY KEY, v int DEFAULT 7)', type);
	EXECUTE 'SELECT was_created FROM get_or_create(NULL::again, ''{"k": "1"}'')' INTO created;
	ASSERT created;
	EXECUTE 'SELECT was_created FROM get_or_create(NULL::again, ''{"k": "1"}'')' INTO created;
	DROP TABLE again;
	RETURN created;
END $$;
SELECT type, make_again(type) FROM unnest(ARRAY['int', 'text', 'numeric', 'jsonb', 'int']) type;

-- renames of the table and of its schema, and another schema
CREATE SCHEMA goc_ddl_2;
CREATE TABLE moving (k int PRIMARY KEY, v text);
CREATE UNIQUE INDEX moving_norm ON moving (norm(v));
SELECT * FROM get_or_create(NULL::moving, '{"k": 1}', '{"v": "A"}');
SELECT * FROM get_or_create(NULL::moving, '{"v": "a"}', lock_strength => 'share');
ALTER TABLE moving RENAME TO moved;
SELECT * FROM get_or_create(NULL::moved, '{"k": 1}');
SELECT * FROM get_or_create(NULL::moved, '{"v": "a"}', lock_strength => 'share');
SELECT * FROM get_or_create(NULL::moved, '{"v": "b"}', '{"k": 2}');
ALTER TABLE moved SET SCHEMA goc_ddl_2;
SELECT * FROM get_or_create(NULL::goc_ddl_2.moved, '{"k": 1}');
SELECT * FROM get_or_create(NULL::goc_ddl_2.moved, '{"v": "C"}', '{"k": 3}');
ALTER SCHEMA goc_ddl_2 RENAME TO goc_ddl_3;
SELECT * FROM get_or_create(NULL::goc_ddl_3.moved, '{"k": 1}');
SELECT * FROM get_or_create(NULL::goc_ddl_3.moved, '{"v": "a"}', lock_strength => 'share');
SELECT * FROM get_or_create(NULL::goc_ddl_3.moved, '{"v": "D"}', '{"k": 4}');
-- another schema takes the old name, with a table and a function of those names
CREATE SCHEMA goc_ddl_2;
CREATE TABLE goc_ddl_2.moved (k int PRIMARY KEY, v text);
SELECT * FROM get_or_create(NULL::goc_ddl_2.moved, '{"k": 1}', '{"v": "other"}');
SELECT * FROM get_or_create(NULL::goc_ddl_3.moved, '{"k": 1}');
ALTER FUNCTION norm SET SCHEMA goc_ddl_2;
SELECT * FROM get_or_create(NULL::goc_ddl_3.moved, '{"v": "A"}', lock_strength => 'share');
SELECT * FROM get_or_create(NULL::goc_ddl_3.moved, '{"v": "E"}', '{"k": 5}');
ALTER FUNCTION goc_ddl_2.norm RENAME TO norm_2;
SELECT * FROM get_or_create(NULL::goc_ddl_3.moved, '{"v": "A"}', lock_strength => 'share');
SELECT * FROM get_or_create(NULL::goc_ddl_3.moved, '{"v": "F"}', '{"k": 6}');

-- types change under the table
CREATE TYPE mood AS ENUM ('sad');
CREATE DOMAIN small AS int CHECK (VALUE < 10);
CREATE TYPE pair AS (x int);
CREATE TABLE typed (m mood UNIQUE, s small UNIQUE, p pair UNIQUE);
SELECT * FROM get_or_create(NULL::typed, '{"m": "sad"}');
ALTER TYPE mood ADD VALUE 'ok';
SELECT * FROM get_or_create(NULL::typed, '{"m": "ok"}');
ALTER TYPE mood RENAME VALUE 'ok' TO 'fine';
SELECT * FROM get_or_create(NULL::typed, '{"m": "fine"}');
CALL pg_temp.fails($$SELECT get_or_create(NULL::typed, '{"m": "ok"}')$$);
SELECT * FROM get_or_create(NULL::typed, '{"s": 5}');
ALTER DOMAIN small ADD CHECK (VALUE > 0);
CALL pg_temp.fails($$SELECT get_or_create(NULL::typed, '{"s": 0}')$$);
ALTER DOMAIN small DROP CONSTRAINT small_check;
SELECT * FROM get_or_create(NULL::typed, '{"s": 11}');
ALTER TABLE typed DROP p;
ALTER TYPE pair ADD ATTRIBUTE y text;
ALTER TABLE typed ADD p pair UNIQUE;
SELECT * FROM get_or_create(NULL::typed, '{"p": {"x": 1, "y": "a"}}');
SELECT * FROM get_or_create(NULL::typed, '{"p": {"x": 1, "y": "a"}}');

-- triggers, rules and row security come (each has its own topic)
CREATE TABLE busy (k int PRIMARY KEY, v text);
SELECT * FROM get_or_create(NULL::busy, '{"k": 1}');
CREATE FUNCTION set_v() RETURNS trigger LANGUAGE plpgsql AS $$BEGIN NEW.v := TG_NAME; RETURN NEW; END$$;
CREATE TRIGGER first_trigger BEFORE INSERT ON busy FOR EACH ROW EXECUTE FUNCTION set_v();
SELECT * FROM get_or_create(NULL::busy, '{"k": 2}');
ALTER TRIGGER first_trigger ON busy RENAME TO second_trigger;
SELECT * FROM get_or_create(NULL::busy, '{"k": 3}');
DROP TRIGGER second_trigger ON busy;
SELECT * FROM get_or_create(NULL::busy, '{"k": 4}');
CREATE RULE r AS ON INSERT TO busy DO INSTEAD NOTHING;
SELECT * FROM get_or_create(NULL::busy, '{"k": 4}');
CALL pg_temp.fails($$SELECT get_or_create(NULL::busy, '{"k": 5}')$$);
DROP RULE r ON busy;
SELECT * FROM get_or_create(NULL::busy, '{"k": 5}');
TRUNCATE busy;
SELECT * FROM get_or_create(NULL::busy, '{"k": 5}');

-- changes that are rolled back
BEGIN;
SELECT * FROM get_or_create(NULL::busy, '{"k": 5}');
ALTER TABLE busy ADD w int DEFAULT 9;
SELECT * FROM get_or_create(NULL::busy, '{"k": 5}');
SAVEPOINT s;
ALTER TABLE busy DROP CONSTRAINT busy_pkey;
CALL pg_temp.fails($$SELECT get_or_create(NULL::busy, '{"k": 5}')$$);
ROLLBACK TO s;
SELECT * FROM get_or_create(NULL::busy, '{"k": 6}');
ROLLBACK;
SELECT * FROM get_or_create(NULL::busy, '{"k": 5}');
SELECT * FROM get_or_create(NULL::busy, '{"k": 6}');
-- a table and an index that live in the transaction only
BEGIN;
CREATE TABLE brief (k int);
CREATE UNIQUE INDEX ON brief (k);
SELECT * FROM get_or_create(NULL::brief, '{"k": 1}');
SELECT * FROM get_or_create(NULL::brief, '{"k": 1}');
ROLLBACK;
CREATE TABLE brief (k text PRIMARY KEY);
SELECT * FROM get_or_create(NULL::brief, '{"k": "1"}');

-- prepared statements over changes
PREPARE get(jsonb, jsonb) AS SELECT to_json(g.record)::jsonb AS record, was_created FROM get_or_create(NULL::busy, $1, $2) g;
EXECUTE get('{"k": 7}', '{}');
ALTER TABLE busy ADD x text DEFAULT 'x';
EXECUTE get('{"k": 7}', '{}');
EXECUTE get('{"k": 8}', '{"x": "y"}');
ALTER TABLE busy DROP v, ALTER x SET DEFAULT 'z';
EXECUTE get('{"k": 8}', '{}');
EXECUTE get('{"k": 9}', '{}');
DEALLOCATE get;
-- between two rows of one statement, at one place of the query
CREATE TABLE midway (k int PRIMARY KEY, v text DEFAULT 'v');
CREATE FUNCTION change(i int) RETURNS int LANGUAGE plpgsql AS $$
BEGIN
	IF i = 2 THEN
		ALTER TABLE midway ADD w int DEFAULT 7;
	ELSIF i = 3 THEN
		ALTER TABLE midway DROP CONSTRAINT midway_pkey;
		CREATE UNIQUE INDEX midway_k ON midway (k) WHERE k > 0;
	ELSIF i = 4 THEN
		ALTER TABLE midway RENAME v TO u;
		ALTER TABLE midway ALTER u SET DEFAULT 'u';
	ELSIF i = 5 THEN
		DELETE FROM midway;
		ALTER TABLE midway DROP u;
	END IF;
	RETURN 1 + i / 3;
END $$;
SELECT i, to_json(g.record)::jsonb AS record, was_created
FROM generate_series(1, 6) i, LATERAL (SELECT change(i) AS k OFFSET 0) c,
     LATERAL get_or_create(NULL::midway, jsonb_build_object('k', c.k)) g;
SELECT * FROM midway ORDER BY k;
-- or the table goes: 42P01
CREATE FUNCTION drop_midway(i int) RETURNS int LANGUAGE plpgsql AS $$
BEGIN
	IF i = 2 THEN
		DROP TABLE midway;
	END IF;
	RETURN i;
END $$;
CALL pg_temp.fails($$
	SELECT g.was_created
	FROM generate_series(1, 3) i, LATERAL (SELECT drop_midway(i) AS k OFFSET 0) c,
	     LATERAL get_or_create(NULL::midway, jsonb_build_object('k', c.k)) g$$);
SELECT * FROM get_or_create(NULL::midway, '{"k": 3}');
-- more schemas in the search_path, over time, than statements are kept for one lookup
CREATE TABLE pathed (k text, n int);
CREATE UNIQUE INDEX pathed_norm ON pathed (n, goc_ddl_2.norm_2(k));
DO $$
DECLARE
	g record;
BEGIN
	FOR i IN 1..60 LOOP
		PERFORM set_config('search_path', format('schema_%s, goc_ddl, public', i % 30), true);
		SELECT * INTO g FROM get_or_create(NULL::pathed, jsonb_build_object('k', 'K', 'n', i % 3), lock_strength => 'share');
		ASSERT g.was_created = (i <= 3), i;
		SELECT * INTO g FROM get_or_create(NULL::pathed, jsonb_build_object('k', 'k', 'n', i));
		ASSERT (g.record).n = i, i;
	END LOOP;
END $$;
SELECT count(*) FROM pathed;

SET client_min_messages = warning;
DROP SCHEMA goc_ddl CASCADE;
DROP SCHEMA goc_ddl_2 CASCADE;
DROP SCHEMA goc_ddl_3 CASCADE;
