--
-- get_or_create_many: every kind of arbiter and relation
--
\getenv abs_srcdir PG_ABS_SRCDIR
\i :abs_srcdir/sql/include/setup.sql
CREATE SCHEMA many_rel;
SET search_path = many_rel, public;
SET lc_monetary = 'C';

--
-- What is one key is the arbiter's to say.
--
-- an expression
CREATE TABLE mails (id serial PRIMARY KEY, email text NOT NULL, note text);
CREATE UNIQUE INDEX mails_lower ON mails (lower(email));
SELECT ordinality, (record).email, (record).note, was_created
FROM get_or_create_many(NULL::mails,
	'[{"email": "Foo@x", "note": "a"}, {"email": "bar@x"}, {"email": "foo@X", "note": "b"}, {"email": "BAR@X"}]', '{email}');
SELECT ordinality, (record).email, was_created
FROM get_or_create_many(NULL::mails, '[{"email": "BAR@x"}, {"email": "baz@x"}, {"email": "FOO@x"}]', '{email}');
-- a collation that sees no case
CREATE COLLATION nocase (provider = icu, locale = 'und-u-ks-level2', deterministic = false);
CREATE TABLE words (word text COLLATE nocase UNIQUE);
SELECT * FROM get_or_create_many(NULL::words, '[{"word": "b"}, {"word": "A"}, {"word": "B"}, {"word": "a"}, {"word": "c"}]', '{word}');
-- numbers that are equal and look different
CREATE TABLE amounts (n numeric UNIQUE, f float8);
CREATE UNIQUE INDEX ON amounts (f);
SELECT * FROM get_or_create_many(NULL::amounts, '[{"n": 1.0}, {"n": 1.00}, {"n": 1}, {"n": "NaN"}, {"n": "NaN"}]', '{n}');
SELECT * FROM get_or_create_many(NULL::amounts, '[{"f": 0}, {"f": "-0"}, {"f": 1}]', '{f}');
-- types without a hash function: equal keys are found by sorting
CREATE TABLE bits (b bit varying(8), m money, UNIQUE (b, m));
SELECT * FROM get_or_create_many(NULL::bits,
	'[{"b": "11", "m": 2}, {"b": "1", "m": 3}, {"b": "11", "m": 1}, {"b": "1", "m": "3.00"}, {"b": "11", "m": 2}, {"b": "0", "m": 9}]', '{b, m}');
SELECT * FROM get_or_create_many(NULL::bits, '[{"b": "0", "m": 9}, {"b": "0", "m": 8}, {"b": "0", "m": 9}]', '{m, b}');
-- NULL in the key
CREATE TABLE nulls (a integer, b integer, UNIQUE (a, b));
CREATE TABLE nulls_equal (a integer, b integer, UNIQUE NULLS NOT DISTINCT (a, b));
CALL pg_temp.fails($$SELECT get_or_create_many(NULL::nulls, '[{"a": 1, "b": 1}, {"a": 1, "b": null}]', '{a, b}')$$);
SELECT * FROM get_or_create_many(NULL::nulls_equal,
	'[{"a": 1, "b": null}, {"a": null, "b": 1}, {"a": 1, "b": null}, {"a": null, "b": null}, {"a": null, "b": null}]', '{a, b}');
SELECT * FROM get_or_create_many(NULL::nulls_equal, '[{"a": null, "b": null}, {"a": 2, "b": null}]', '{a, b}');
-- a partial index
CREATE TABLE soft (id serial, email text, deleted boolean DEFAULT false);
CREATE UNIQUE INDEX soft_email ON soft (email) WHERE NOT deleted;
INSERT INTO soft (email, deleted) VALUES ('a', true);
SELECT ordinality, (record).email, (record).deleted, was_created
FROM get_or_create_many(NULL::soft, '[{"email": "b"}, {"email": "a"}, {"email": "b"}]', '{email}');
CALL pg_temp.fails($$SELECT get_or_create_many(NULL::soft, '[{"email": "c"}, {"email": "d", "deleted": true}]', '{email}')$$);
SELECT count(*) FROM soft WHERE email IN ('c', 'd');
-- an index for some rows, another for the rest
CREATE TABLE halves (k integer, kind text, v integer);
CREATE UNIQUE INDEX halves_x ON halves (k) WHERE kind = 'x';
CREATE UNIQUE INDEX halves_y ON halves (k) WHERE kind = 'y';
SELECT * FROM get_or_create_many(NULL::halves,
	'[{"k": 1, "kind": "y", "v": 1}, {"k": 1, "kind": "x", "v": 2}, {"k": 1, "kind": "y", "v": 3}]', '{k, kind}');
CALL pg_temp.fails($$SELECT get_or_create_many(NULL::halves, '[{"k": 2, "kind": "y"}, {"k": 2, "kind": "z"}]', '{k, kind}')$$);
-- a stored generated column
CREATE TABLE gen (a integer, twice integer GENERATED ALWAYS AS (a * 2) STORED UNIQUE);
SELECT * FROM get_or_create_many(NULL::gen, '[{"a": 2}, {"a": 1}, {"a": 2}]', '{a}');
CALL pg_temp.fails($$SELECT get_or_create_many(NULL::gen, '[{"twice": 2}]', '{twice}')$$);
-- two that serve, and the one that is named
CREATE TABLE two (a integer, b integer);
CREATE UNIQUE INDEX two_a ON two (a);
CREATE UNIQUE INDEX two_b ON two (b);
SELECT * FROM get_or_create_many(NULL::two, '[{"a": 1, "b": 1}]', '{a, b}', 'two_b');
CALL pg_temp.fails($$SELECT get_or_create_many(NULL::two, '[{"a": 1, "b": 2}]', '{a, b}', 'two_a')$$);
CALL pg_temp.fails($$SELECT get_or_create_many(NULL::two, '[{"a": 1, "b": 2}]', '{a, b}', 'two_b')$$);

--
-- Relations.
--
-- partitions
CREATE TABLE parts (k integer, v text DEFAULT 'd', PRIMARY KEY (k)) PARTITION BY RANGE (k);
CREATE TABLE parts_1 PARTITION OF parts FOR VALUES FROM (0) TO (10);
CREATE TABLE parts_2 PARTITION OF parts FOR VALUES FROM (10) TO (20);
ALTER TABLE parts ADD extra integer DEFAULT 3;
SELECT * FROM get_or_create_many(NULL::parts, '[{"k": 15}, {"k": 5, "v": "x"}, {"k": 15, "v": "y"}]', '{k}');
SELECT * FROM get_or_create_many(NULL::parts, '[{"k": 5}, {"k": 16}, {"k": 15}]', '{k}');
SELECT * FROM get_or_create_many(NULL::parts_2, '[{"k": 15}, {"k": 17}]', '{k}');
CALL pg_temp.fails($$SELECT get_or_create_many(NULL::parts, '[{"k": 6}, {"k": 25}]', '{k}')$$);
SELECT tableoid::regclass, * FROM parts ORDER BY k;
-- a parent whose children are looked at too
CREATE TABLE parent (k integer PRIMARY KEY, v text);
CREATE TABLE child (w text) INHERITS (parent);
INSERT INTO child VALUES (1, 'of the child', 'w');
SELECT * FROM get_or_create_many(NULL::parent, '[{"k": 2}, {"k": 1}]', '{k}');
INSERT INTO child VALUES (2, 'twice');
CALL pg_temp.fails($$SELECT get_or_create_many(NULL::parent, '[{"k": 3}, {"k": 2}]', '{k}')$$);
SELECT count(*) FROM parent WHERE k = 3;
-- a view
CREATE TABLE base (id integer PRIMARY KEY, v text DEFAULT 'd', hidden integer DEFAULT 4);
CREATE VIEW shown AS SELECT id, v FROM base;
SELECT * FROM get_or_create_many(NULL::shown, '[{"id": 2}, {"id": 1, "v": "x"}, {"id": 2, "v": "y"}]', '{id}');
SELECT * FROM get_or_create_many(NULL::shown, '[{"id": 3}, {"id": 1}]', '{id}');
\set SHOW_CONTEXT errors
SELECT get_or_create_many(NULL::shown, '[{"id": 4}, {"id": "x"}]', '{id}');
\set SHOW_CONTEXT never
SELECT * FROM base ORDER BY id;
-- rules and INSTEAD OF triggers: found, but not created
CREATE VIEW ruled AS SELECT id, v FROM base;
CREATE RULE r AS ON INSERT TO ruled DO INSTEAD NOTHING;
SELECT * FROM get_or_create_many(NULL::ruled, '[{"id": 1}, {"id": 2}]', '{id}');
CALL pg_temp.fails($$SELECT get_or_create_many(NULL::ruled, '[{"id": 1}, {"id": 7}]', '{id}')$$);
-- temporary and unlogged
CREATE TEMP TABLE temporary (k integer PRIMARY KEY);
CREATE UNLOGGED TABLE unlogged (k integer PRIMARY KEY);
SELECT * FROM get_or_create_many(NULL::temporary, '[{"k": 2}, {"k": 1}, {"k": 2}]', '{k}');
SELECT * FROM get_or_create_many(NULL::unlogged, '[{"k": 2}, {"k": 1}, {"k": 2}]', '{k}');
-- names that need quotes, a column named as our own alias
CREATE SCHEMA "Odd ""Schema";
CREATE TABLE "Odd ""Schema"."Select" ("Key of" integer PRIMARY KEY, t text, duplicate_guard_batch integer, "all" integer DEFAULT 1);
SELECT * FROM get_or_create_many(NULL::"Odd ""Schema"."Select", '[{"Key of": 2, "t": "x", "all": 4}, {"Key of": 1, "duplicate_guard_batch": 3}]', '{Key of}');
-- a table of the name that the batch has in the statement
CREATE TABLE duplicate_guard_batch (k integer PRIMARY KEY, v integer);
SELECT * FROM get_or_create_many(NULL::duplicate_guard_batch, '[{"k": 2}, {"k": 1, "v": 1}]', '{k}');
-- columns that were dropped
CREATE TABLE dropped (a integer, k integer PRIMARY KEY, b integer, v integer);
ALTER TABLE dropped DROP a, DROP b;
SELECT * FROM get_or_create_many(NULL::dropped, '[{"k": 2}, {"k": 1, "v": 1}]', '{k}');

--
-- Triggers.
--
CREATE TABLE trig (k text PRIMARY KEY, v text);
CREATE FUNCTION trig_before() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
	IF NEW.v = 'suppress' THEN
		RETURN NULL;
	ELSIF NEW.v LIKE 'key %' THEN
		NEW.k := substr(NEW.v, 5);
	ELSE
		NEW.v := upper(NEW.v);
	END IF;
	RETURN NEW;
END $$;
CREATE TRIGGER b BEFORE INSERT ON trig FOR EACH ROW EXECUTE FUNCTION trig_before();
SELECT * FROM get_or_create_many(NULL::trig, '[{"k": "b", "v": "x"}, {"k": "a", "v": "y"}]', '{k}');
-- A key that was rewritten: the answer is that of get_or_create.
SELECT * FROM get_or_create_many(NULL::trig, '[{"k": "c", "v": "z"}, {"k": "d", "v": "key other"}, {"k": "a"}]', '{k}');
-- Rewritten to one that the batch has as well.
SELECT * FROM get_or_create_many(NULL::trig, '[{"k": "e", "v": "key f"}, {"k": "f"}]', '{k}');
CALL pg_temp.fails($$SELECT get_or_create_many(NULL::trig, '[{"k": "g"}, {"k": "h", "v": "key a"}]', '{k}')$$);
-- Suppressed: nothing stays.
CALL pg_temp.fails($$SELECT get_or_create_many(NULL::trig, '[{"k": "g"}, {"k": "h", "v": "suppress"}]', '{k}')$$);
SELECT k, v FROM trig ORDER BY k;
-- A trigger that calls us for the same table.
CREATE TABLE tree (path text PRIMARY KEY, parent text REFERENCES tree);
CREATE FUNCTION make_parent() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
	IF NEW.path LIKE '%/%' THEN
		NEW.parent := (SELECT (g.record).path FROM get_or_create_many(NULL::tree,
			jsonb_build_array(jsonb_build_object('path', regexp_replace(NEW.path, '/[^/]*$', ''))), '{path}') g);
	END IF;
	RETURN NEW;
END $$;
CREATE TRIGGER p BEFORE INSERT ON tree FOR EACH ROW EXECUTE FUNCTION make_parent();
SELECT * FROM get_or_create_many(NULL::tree, '[{"path": "a/b/c"}, {"path": "a/b"}, {"path": "x/y"}, {"path": "a"}]', '{path}');
SELECT * FROM tree ORDER BY path;

--
-- Privileges and row security.
--
CREATE ROLE regress_many;
GRANT USAGE ON SCHEMA many_rel TO regress_many;
CREATE TABLE priv (k integer PRIMARY KEY, v text DEFAULT 'd', s text DEFAULT 's');
GRANT SELECT, INSERT (k, v) ON priv TO regress_many;
SET ROLE regress_many;
SELECT * FROM get_or_create_many(NULL::priv, '[{"k": 2}, {"k": 1, "v": "x"}]', '{k}');
CALL pg_temp.fails($$SELECT get_or_create_many(NULL::priv, '[{"k": 3}, {"k": 4, "s": "x"}]', '{k}')$$);
-- a column without privilege, named by a row that exists
SELECT * FROM get_or_create_many(NULL::priv, '[{"k": 3}, {"k": 2, "s": "x"}]', '{k}');
RESET ROLE;
REVOKE SELECT ON priv FROM regress_many;
SET ROLE regress_many;
CALL pg_temp.fails($$SELECT get_or_create_many(NULL::priv, '[{"k": 1}]', '{k}')$$);
RESET ROLE;
CREATE TABLE rows_of (k integer PRIMARY KEY, owner text DEFAULT current_user);
ALTER TABLE rows_of ENABLE ROW LEVEL SECURITY;
CREATE POLICY own ON rows_of USING (owner = current_user);
GRANT SELECT, INSERT ON rows_of TO regress_many;
INSERT INTO rows_of VALUES (1, 'somebody'), (2, 'regress_many');
SET ROLE regress_many;
SELECT * FROM get_or_create_many(NULL::rows_of, '[{"k": 3}, {"k": 2}, {"k": 3}]', '{k}');
CALL pg_temp.fails($$SELECT get_or_create_many(NULL::rows_of, '[{"k": 4}, {"k": 5, "owner": "x"}]', '{k}')$$);
CALL pg_temp.fails($$SELECT get_or_create_many(NULL::rows_of, '[{"k": 4}, {"k": 1}]', '{k}')$$);
RESET ROLE;
SELECT * FROM rows_of ORDER BY k;

-- A statement made before the table was changed.
PREPARE p AS SELECT * FROM get_or_create_many(NULL::base, '[{"id": 11}, {"id": 10, "v": "x"}]', '{id}');
EXECUTE p;
ALTER TABLE base ADD added integer DEFAULT 8;
EXECUTE p;
ALTER TABLE base DROP CONSTRAINT base_pkey;
CALL pg_temp.fails('EXECUTE p');

SET client_min_messages = warning;
DROP SCHEMA many_rel CASCADE;
DROP SCHEMA "Odd ""Schema" CASCADE;
DROP ROLE regress_many;
