--
-- get_or_create: which of several indexes decides, the argument arbiter, and
-- the errors when none can
--
\getenv abs_srcdir PG_ABS_SRCDIR
\i :abs_srcdir/sql/include/setup.sql
CREATE SCHEMA goc_choice;
SET search_path = goc_choice, public;

--
-- The order of preference.  To see which index decides, the lookup is given
-- values that belong to different rows: the constraint in the error is the
-- arbiter's, the column in the DETAIL one that it does not cover.
--

-- 1. exactly the lookup columns, before a primary key that covers fewer
CREATE TABLE prefer_exact (id int CONSTRAINT a_pk PRIMARY KEY, code text, CONSTRAINT z_exact UNIQUE (code, id));
INSERT INTO prefer_exact VALUES (1, 'x');
-- (1, y) is not there by z_exact, so it is created, and a_pk says 23505 by itself
CALL pg_temp.fails($$SELECT get_or_create(NULL::prefer_exact, '{"id": 1, "code": "y"}')$$);
SELECT * FROM get_or_create(NULL::prefer_exact, '{"id": 1, "code": "x"}');

-- 2. the primary key, before all that are left
CREATE TABLE prefer_pk (id int, code text UNIQUE, x int, CONSTRAINT z_pk PRIMARY KEY (id, x));
INSERT INTO prefer_pk VALUES (1, 'one', 0), (2, 'two', 0);
-- decided by z_pk; code differs
CALL pg_temp.fails($$SELECT get_or_create(NULL::prefer_pk, '{"id": 1, "x": 0, "code": "two"}')$$);

-- 3. an index that is not partial, before a partial one
CREATE TABLE prefer_whole (a int, b int, c int, d int);
CREATE UNIQUE INDEX a_partial ON prefer_whole (a) WHERE c IS NULL;
CREATE UNIQUE INDEX z_whole ON prefer_whole (b, d);
INSERT INTO prefer_whole VALUES (1, 1, NULL, 0), (2, 2, NULL, 0);
-- decided by z_whole; a differs
CALL pg_temp.fails($$SELECT get_or_create(NULL::prefer_whole, '{"a": 1, "b": 2, "d": 0}')$$);

-- 4. an index without expressions, before one with them
CREATE TABLE prefer_plain (a int, b int, c int);
CREATE UNIQUE INDEX a_expression ON prefer_plain ((a % 10));
CREATE UNIQUE INDEX z_plain ON prefer_plain (b, c);
INSERT INTO prefer_plain VALUES (1, 1, 0), (2, 2, 0);
-- decided by z_plain; a differs
CALL pg_temp.fails($$SELECT get_or_create(NULL::prefer_plain, '{"a": 1, "b": 2, "c": 0}')$$);

-- 5. fewest columns
CREATE TABLE prefer_few (a int, b int, c int, d int);
CREATE UNIQUE INDEX a_many ON prefer_few (a, b);
CREATE UNIQUE INDEX z_few ON prefer_few (c);
INSERT INTO prefer_few VALUES (1, 1, 1, 1), (2, 2, 2, 2);
-- decided by z_few; a, b and d differ
CALL pg_temp.fails($$SELECT get_or_create(NULL::prefer_few, '{"a": 1, "b": 1, "c": 2, "d": 0}')$$);

-- 6. the name
CREATE TABLE prefer_name (a int, b int, c int);
CREATE UNIQUE INDEX z_index ON prefer_name (a);
CREATE UNIQUE INDEX m_index ON prefer_name (b);
INSERT INTO prefer_name VALUES (1, 1, 1), (2, 2, 2);
-- decided by m_index; a differs
CALL pg_temp.fails($$SELECT get_or_create(NULL::prefer_name, '{"a": 1, "b": 2}')$$);
-- told to use z_index; b differs
CALL pg_temp.fails($$SELECT get_or_create(NULL::prefer_name, '{"a": 1, "b": 2}', arbiter => 'z_index')$$);

-- An index that does not serve is passed over for one that does.
CREATE TABLE passed_over (a int UNIQUE DEFERRABLE, b int, c int, UNIQUE (a, b));
SELECT * FROM get_or_create(NULL::passed_over, '{"a": 1, "b": null, "c": 1}', arbiter => NULL, require_unique => false);
SELECT * FROM get_or_create(NULL::passed_over, '{"a": 2, "b": 2}');
SELECT * FROM get_or_create(NULL::passed_over, '{"a": 2, "b": 2}');

--
-- arbiter
--
CREATE TABLE named (id int PRIMARY KEY, a int CONSTRAINT "A ""key""" UNIQUE, b int, c text);
CREATE UNIQUE INDEX "Named b" ON named (b);
CREATE INDEX named_c ON named (c);
CREATE UNIQUE INDEX named_lower_c ON named (lower(c)) WHERE b > 0;
ALTER TABLE named ADD CONSTRAINT named_check CHECK (b <> 13),
	ADD CONSTRAINT named_deferrable UNIQUE (c, a) DEFERRABLE INITIALLY IMMEDIATE,
	ADD CONSTRAINT named_excluded EXCLUDE USING btree (b WITH =, c WITH =),
	ADD CONSTRAINT named_parent FOREIGN KEY (a) REFERENCES named;
CREATE TABLE another (id int PRIMARY KEY);
INSERT INTO named VALUES (1, 1, 1, 'x');
-- a constraint, an index, by their names as they are written in the catalog
SELECT * FROM get_or_create(NULL::named, '{"id": 1, "a": 1, "b": 1}', arbiter => 'named_pkey');
SELECT * FROM get_or_create(NULL::named, '{"id": 1, "a": 1, "b": 1}', arbiter => 'A "key"');
SELECT * FROM get_or_create(NULL::named, '{"id": 1, "a": 1, "b": 1}', arbiter => 'Named b');
-- a partial index that is named is used
SELECT * FROM get_or_create(NULL::named, '{"c": "X"}', '{"id": 2, "b": 3}', arbiter => 'named_lower_c');
-- 42704: no such name on this table
CALL pg_temp.fails($$SELECT get_or_create(NULL::named, '{"id": 1}', arbiter => 'nothing')$$);
CALL pg_temp.fails($$SELECT get_or_create(NULL::named, '{"id": 1}', arbiter => 'another_pkey')$$);
CALL pg_temp.fails($$SELECT get_or_create(NULL::named, '{"b": 1}', arbiter => 'named B')$$);
CALL pg_temp.fails($$SELECT get_or_create(NULL::named, '{"b": 1}', arbiter => '"Named b"')$$);
CALL pg_temp.fails($$SELECT get_or_create(NULL::named, '{"id": 1}', arbiter => '')$$);
CALL pg_temp.fails(format($$SELECT get_or_create(NULL::named, '{"id": 1}', arbiter => %L)$$, 'named_pkey' || repeat('x', 80)));
-- 42P10 with the reason: a column that the lookup lacks; deferrable; not
-- unique; an exclusion constraint; a check; a foreign key
CALL pg_temp.fails($$SELECT get_or_create(NULL::named, '{"id": 1}', arbiter => 'A "key"')$$);
CALL pg_temp.fails($$SELECT get_or_create(NULL::named, '{"a": 1, "c": "x"}', arbiter => 'named_deferrable')$$);
CALL pg_temp.fails($$SELECT get_or_create(NULL::named, '{"c": "x"}', arbiter => 'named_c')$$);
CALL pg_temp.fails($$SELECT get_or_create(NULL::named, '{"b": 1, "c": "x"}', arbiter => 'named_excluded')$$);
CALL pg_temp.fails($$SELECT get_or_create(NULL::named, '{"b": 1}', arbiter => 'named_check')$$);
CALL pg_temp.fails($$SELECT get_or_create(NULL::named, '{"a": 1}', arbiter => 'named_parent')$$);
-- NULL in one of its columns; a predicate that the lookup makes false
CALL pg_temp.fails($$SELECT get_or_create(NULL::named, '{"b": null}', arbiter => 'Named b')$$);
CALL pg_temp.fails($$SELECT get_or_create(NULL::named, '{"b": 0, "c": "x"}', arbiter => 'named_lower_c')$$);
-- the same names are wrong on a hit and on a miss
CALL pg_temp.fails($$SELECT get_or_create(NULL::named, '{"id": 77}', arbiter => 'nothing')$$);
CALL pg_temp.fails($$SELECT get_or_create(NULL::named, '{"id": 77}', arbiter => 'Named b')$$);

--
-- None: 42P10.  DETAIL lists every unique index with the reason, HINT gives
-- the statement that makes one.
--
CREATE TABLE none_at_all (a int, "B b" text);
CALL pg_temp.fails($$SELECT get_or_create(NULL::none_at_all, '{"a": 1, "B b": "x"}')$$);
CREATE TABLE none_of_many (a int, b int, c int, d int, e int GENERATED ALWAYS AS (d + 1) STORED, p point);
CREATE UNIQUE INDEX n_missing ON none_of_many (a, b);
CREATE UNIQUE INDEX n_missing_expression ON none_of_many ((a + b));
CREATE UNIQUE INDEX n_missing_base ON none_of_many (e);
CREATE UNIQUE INDEX n_partial_1 ON none_of_many (a) WHERE c = 1;
CREATE UNIQUE INDEX n_partial_2 ON none_of_many (a) WHERE c = 2;
ALTER TABLE none_of_many
	ADD CONSTRAINT n_deferrable UNIQUE (a) DEFERRABLE,
	ADD CONSTRAINT n_deferred UNIQUE (a) DEFERRABLE INITIALLY DEFERRED,
	ADD CONSTRAINT n_exclusion EXCLUDE USING btree (a WITH =);
CREATE INDEX n_not_unique ON none_of_many (a);
-- Two partial indexes could serve: neither is chosen by itself.
CALL pg_temp.fails($$SELECT get_or_create(NULL::none_of_many, '{"a": 1}')$$);
-- NULL: an index counts only if it is NULLS NOT DISTINCT, and so says the hint
CREATE TABLE none_for_null (a int PRIMARY KEY, b int UNIQUE, c int, UNIQUE (b, c));
CALL pg_temp.fails($$SELECT get_or_create(NULL::none_for_null, '{"b": null}')$$);
CALL pg_temp.fails($$SELECT get_or_create(NULL::none_for_null, '{"b": 1, "c": null}', arbiter => 'none_for_null_b_c_key')$$);
-- but one whose columns are all given serves
SELECT * FROM get_or_create(NULL::none_for_null, '{"b": 1, "c": null}', '{"a": 1}');
SELECT * FROM get_or_create(NULL::none_for_null, '{"b": 1, "c": null}');
-- an expression that is NULL although its column is not: nothing would hold
CREATE TABLE null_expression (a int);
CREATE UNIQUE INDEX ON null_expression (nullif(a, 0));
SELECT * FROM get_or_create(NULL::null_expression, '{"a": 1}');
CALL pg_temp.fails($$SELECT get_or_create(NULL::null_expression, '{"a": 0}')$$);
SELECT count(*) FROM null_expression WHERE a = 0;
-- an invalid index, which a failed CREATE INDEX CONCURRENTLY leaves behind
CREATE TABLE none_valid (a int);
INSERT INTO none_valid VALUES (1), (1);
\set VERBOSITY sqlstate
CREATE UNIQUE INDEX CONCURRENTLY none_valid_a ON none_valid (a);
\set VERBOSITY default
CALL pg_temp.fails($$SELECT get_or_create(NULL::none_valid, '{"a": 1}')$$);
CALL pg_temp.fails($$SELECT get_or_create(NULL::none_valid, '{"a": 1}', arbiter => 'none_valid_a')$$);
-- The hint is a statement that can be run as it stands, and it helps.
CREATE TABLE "None, ""quoted""" (a int, "B b" text);
DO $$
DECLARE
	lookup jsonb;
	hint text;
	command text;
	created boolean;
BEGIN
	FOREACH lookup IN ARRAY ARRAY['{"a": 1, "B b": "x"}', '{"B b": null}', '{"a": 1}']::jsonb[] LOOP
		BEGIN
			PERFORM get_or_create(NULL::"None, ""quoted""", lookup);
			RAISE INFO 'no error for %', lookup;
		EXCEPTION WHEN invalid_column_reference THEN
			GET STACKED DIAGNOSTICS hint = PG_EXCEPTION_HINT;
		END;
		command := substring(hint FROM 'CREATE UNIQUE INDEX .*\)(?: NULLS NOT DISTINCT)?');
		RAISE INFO '%', command;
		EXECUTE command;
		SELECT was_created INTO created FROM get_or_create(NULL::"None, ""quoted""", lookup);
		ASSERT created;
		SELECT was_created INTO created FROM get_or_create(NULL::"None, ""quoted""", lookup);
		ASSERT NOT created;
		TRUNCATE "None, ""quoted""";
	END LOOP;
END $$;

SET client_min_messages = warning;
DROP SCHEMA goc_choice CASCADE;
