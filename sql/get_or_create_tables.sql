--
-- get_or_create: temporary, unlogged and system tables, names that need
-- quotes, a hostile search_path
--
\getenv abs_srcdir PG_ABS_SRCDIR
\i :abs_srcdir/sql/include/setup.sql
CREATE SCHEMA goc_tables;
SET search_path = goc_tables, public;

-- temporary tables, which hide others of their name
CREATE TABLE things (k int PRIMARY KEY, v text);
SELECT * FROM get_or_create(NULL::things, '{"k": 1}', '{"v": "permanent"}');
CREATE TEMPORARY TABLE things (k int PRIMARY KEY, v text, w text);
SELECT * FROM get_or_create(NULL::things, '{"k": 1}', '{"v": "temporary"}');
SELECT * FROM get_or_create(NULL::things, '{"k": 1}');
SELECT * FROM get_or_create(NULL::goc_tables.things, '{"k": 1}');
DROP TABLE pg_temp.things;
SELECT * FROM get_or_create(NULL::things, '{"k": 1}');
BEGIN;
CREATE TEMPORARY TABLE rows_go (k int PRIMARY KEY) ON COMMIT DELETE ROWS;
SELECT * FROM get_or_create(NULL::rows_go, '{"k": 1}');
SELECT * FROM get_or_create(NULL::rows_go, '{"k": 1}');
COMMIT;
SELECT count(*) FROM rows_go;
SELECT * FROM get_or_create(NULL::rows_go, '{"k": 1}');
BEGIN;
CREATE TEMPORARY TABLE all_go (k int PRIMARY KEY) ON COMMIT DROP;
SELECT * FROM get_or_create(NULL::all_go, '{"k": 1}');
SELECT * FROM get_or_create(NULL::all_go, '{"k": 1}');
COMMIT;
CREATE TEMPORARY TABLE all_go (k text UNIQUE);
SELECT * FROM get_or_create(NULL::all_go, '{"k": "1"}');
SELECT * FROM get_or_create(NULL::all_go, '{"k": "1"}');
-- unlogged, and changed to logged and back
CREATE UNLOGGED TABLE unlogged (k int PRIMARY KEY, v text);
SELECT * FROM get_or_create(NULL::unlogged, '{"k": 1}');
SELECT * FROM get_or_create(NULL::unlogged, '{"k": 1}');
ALTER TABLE unlogged SET LOGGED;
SELECT * FROM get_or_create(NULL::unlogged, '{"k": 1}');
SELECT * FROM get_or_create(NULL::unlogged, '{"k": 2}');
ALTER TABLE unlogged SET UNLOGGED;
SELECT * FROM get_or_create(NULL::unlogged, '{"k": 2}');
-- a typed table
CREATE TYPE shape AS (k int, v text);
CREATE TABLE typed OF shape (PRIMARY KEY (k), v DEFAULT 'v');
SELECT * FROM get_or_create(NULL::typed, '{"k": 1}');
SELECT * FROM get_or_create(NULL::typed, '{"k": 1}');
-- a system table can be looked at
SELECT (g.record).relname, was_created
FROM get_or_create(NULL::pg_class, '{"relname": "pg_class", "relnamespace": "11"}') g;

--
-- Names that need quotes, everywhere
--
CREATE SCHEMA "S. ""1""";
CREATE TABLE "S. ""1"""."T ""able"", $1; --"
(
	"Id" int GENERATED ALWAYS AS IDENTITY,
	"sel'ect" text,
	"a ""b""" text,
	"$1" int,
	"select" int DEFAULT 5,
	"ünï" text,
	"back\slash" text,
	CONSTRAINT "K. ""ey""" UNIQUE ("sel'ect", "a ""b""")
);
SELECT * FROM get_or_create(NULL::"S. ""1"""."T ""able"", $1; --", '{"sel''ect": "x", "a \"b\"": "y"}', '{"$1": 1, "ünï": "üx", "back\\slash": "\\"}');
SELECT * FROM get_or_create(NULL::"S. ""1"""."T ""able"", $1; --", '{"sel''ect": "x", "a \"b\"": "y"}');
SELECT * FROM get_or_create(NULL::"S. ""1"""."T ""able"", $1; --", '{"sel''ect": "x", "a \"b\"": "y", "$1": 1, "select": 5, "ünï": "üx", "back\\slash": "\\"}', arbiter => 'K. "ey"', lock_strength => 'share');
CALL pg_temp.fails($$SELECT get_or_create(NULL::"S. ""1"""."T ""able"", $1; --", '{"sel''ect": "x", "a \"b\"": "y", "$1": 2}')$$);
CALL pg_temp.fails($$SELECT get_or_create(NULL::"S. ""1"""."T ""able"", $1; --", '{"select": 2, "$1": 3, "a \"b\"": "x"}')$$);
CREATE UNIQUE INDEX "I ""x""" ON "S. ""1"""."T ""able"", $1; --" (lower("ünï"), ("$1" + "select")) WHERE "back\slash" = E'\\';
SELECT * FROM get_or_create(NULL::"S. ""1"""."T ""able"", $1; --", '{"$1": 1, "select": 5, "ünï": "üX"}', arbiter => 'I "x"');
CALL pg_temp.fails($$SELECT get_or_create(NULL::"S. ""1"""."T ""able"", $1; --", '{"Sel''ect": 2}')$$);
-- names that the function's own statements and results use
CREATE TABLE t (t int UNIQUE, t_1 int, record text, created int, was_created boolean DEFAULT true, target text, lookup text);
CREATE UNIQUE INDEX t_expression ON t ((record || created)) WHERE was_created;
SELECT g.* FROM get_or_create(NULL::t, '{"t": 1, "t_1": 2}', '{"record": "r", "created": 3, "target": "x", "lookup": "y"}') g;
SELECT (g.record).*, g.was_created AS answer FROM get_or_create(NULL::t, '{"t": 1, "t_1": 2}', lock_strength => 'share') g;
SELECT (g.record).t, g.was_created FROM get_or_create(NULL::t, '{"record": "r", "created": 3}', arbiter => 't_expression') g;
SELECT (g.record).t, g.was_created FROM get_or_create(NULL::t, '{"record": "r", "created": 4}', arbiter => 't_expression', lock_strength => 'update') g;
DROP TABLE t;
-- the longest names there are
CREATE TABLE t23456789012345678901234567890123456789012345678901234567890123
	(c23456789012345678901234567890123456789012345678901234567890123 int
		CONSTRAINT n23456789012345678901234567890123456789012345678901234567890123 UNIQUE,
	 t23456789012345678901234567890123456789012345678901234567890123 int);
SELECT * FROM get_or_create(NULL::t23456789012345678901234567890123456789012345678901234567890123, '{"c23456789012345678901234567890123456789012345678901234567890123": 1}');
SELECT * FROM get_or_create(NULL::t23456789012345678901234567890123456789012345678901234567890123, '{"c23456789012345678901234567890123456789012345678901234567890123": 1}', lock_strength => 'share', arbiter => 'n23456789012345678901234567890123456789012345678901234567890123');

--
-- A hostile search_path: operators, functions, types and tables that are
-- found before PostgreSQL's own.  Each of them raises when it is used.
--
CREATE SCHEMA app;
CREATE FUNCTION app.norm(t text) RETURNS text LANGUAGE sql IMMUTABLE AS $$SELECT pg_catalog.upper(t)$$;
CREATE TABLE app.plain (k text PRIMARY KEY, n int, v text);
CREATE TABLE app.keyed (k text, n int, v text, at timestamptz DEFAULT now());
CREATE UNIQUE INDEX keyed_norm ON app.keyed (app.norm(k), lower(v), (n + 1)) WHERE n = 1 OR n = 2;
CREATE TABLE app.parts (k text, n int, v text) PARTITION BY LIST (n);
CREATE TABLE app.parts_1 PARTITION OF app.parts DEFAULT;
CREATE UNIQUE INDEX parts_norm ON app.parts (n, app.norm(k));
CREATE TABLE app.bare (k text, n int);
CREATE SCHEMA evil;
CREATE FUNCTION evil.boom() RETURNS void LANGUAGE plpgsql AS $$BEGIN RAISE 'hijacked'; END$$;
DO $$
DECLARE
	f text;
BEGIN
	FOREACH f IN ARRAY ARRAY['text', 'int', 'jsonb'] LOOP
		EXECUTE format('CREATE FUNCTION evil.eq(%1$s, %1$s) RETURNS boolean LANGUAGE sql AS ''SELECT evil.boom(); SELECT true''', f);
		EXECUTE format('CREATE OPERATOR evil.= (LEFTARG = %1$s, RIGHTARG = %1$s, FUNCTION = evil.eq)', f);
		EXECUTE format('CREATE OPERATOR evil.<> (LEFTARG = %1$s, RIGHTARG = %1$s, FUNCTION = evil.eq)', f);
	END LOOP;
	FOREACH f IN ARRAY ARRAY['lower(text)', 'now()', 'norm(text)', 'to_jsonb(anyelement)', 'format(text)', 'hashtext(text)', 'pg_advisory_xact_lock(bigint)'] LOOP
		EXECUTE format('CREATE FUNCTION evil.%s RETURNS text LANGUAGE sql AS ''SELECT evil.boom(); SELECT NULL::text''', f);
	END LOOP;
END $$;
CREATE FUNCTION evil.jsonb_to_record(jsonb) RETURNS record LANGUAGE sql AS $$SELECT evil.boom(); SELECT NULL::record$$;
CREATE FUNCTION evil.add(int, int) RETURNS int LANGUAGE sql AS $$SELECT evil.boom(); SELECT 1$$;
CREATE OPERATOR evil.+ (LEFTARG = int, RIGHTARG = int, FUNCTION = evil.add);
CREATE DOMAIN evil.text AS pg_catalog.int4 CHECK (VALUE > 100);
CREATE DOMAIN evil.int4 AS pg_catalog.int4 CHECK (VALUE > 100);
CREATE TABLE evil.plain (k pg_catalog.text PRIMARY KEY, n pg_catalog.int4, v pg_catalog.text);
CREATE TABLE evil.pg_class (oid pg_catalog.oid);
CREATE TABLE evil.pg_index (indrelid pg_catalog.oid);
SET search_path = evil, pg_catalog;
-- they are in the way: that is what evil means here
SELECT 1 = 1;
SELECT * FROM public.get_or_create(NULL::app.plain, '{"k": "a", "n": 1}', '{"v": "x"}');
SELECT * FROM public.get_or_create(NULL::app.plain, '{"k": "a", "n": 1}', '{"v": "x"}');
SELECT * FROM public.get_or_create(NULL::app.plain, '{"k": "a", "n": 1}', lock_strength => 'update');
CALL pg_temp.fails($$SELECT public.get_or_create(NULL::app.plain, '{"k": "a", "n": 2}')$$);
CALL pg_temp.fails($$SELECT public.get_or_create(NULL::app.plain, '{"k": "a", "n": 2}', lock_strength => 'update')$$);
SELECT (g.record).k, (g.record).n, (g.record).v, was_created FROM public.get_or_create(NULL::app.keyed, '{"k": "a", "n": 1, "v": "X"}') g;
SELECT (g.record).k, (g.record).n, (g.record).v, was_created FROM public.get_or_create(NULL::app.keyed, '{"k": "A", "n": 1, "v": "x"}') g;
SELECT * FROM public.get_or_create(NULL::app.parts, '{"k": "a", "n": 1}');
SELECT * FROM public.get_or_create(NULL::app.parts, '{"k": "A", "n": 1}');
SELECT * FROM public.get_or_create(NULL::app.parts, '{"k": "A", "n": 1, "v": null}');
SELECT * FROM public.get_or_create(NULL::app.bare, '{"k": "a", "n": 1}', require_unique => false);
SELECT * FROM public.get_or_create(NULL::app.bare, '{"k": "a", "n": 1}', require_unique => false);
-- the path changes between the calls, while the statements are kept
SET search_path = app, pg_catalog, public;
SELECT * FROM get_or_create(NULL::parts, '{"k": "a", "n": 1}');
SELECT * FROM get_or_create(NULL::parts, '{"k": "b", "n": 1}');
SELECT * FROM get_or_create(NULL::plain, '{"k": "a"}');
SET search_path = evil, app, pg_catalog;
SELECT * FROM public.get_or_create(NULL::parts, '{"k": "B", "n": 1}');
SELECT * FROM public.get_or_create(NULL::parts, '{"k": "c", "n": 1}');
SELECT * FROM public.get_or_create(NULL::plain, '{"k": "a"}');
SET search_path = app, evil, pg_catalog;
SELECT * FROM public.get_or_create(NULL::parts, '{"k": "C", "n": 1}');
SELECT * FROM public.get_or_create(NULL::parts, '{"k": "d", "n": 1}');
SELECT * FROM public.get_or_create(NULL::plain, '{"k": "a"}');
-- the same with the kept statements made anew by a change of the table
ALTER TABLE app.parts ADD w pg_catalog.int4;
SET search_path = evil, app, pg_catalog;
SELECT * FROM public.get_or_create(NULL::parts, '{"k": "D", "n": 1}');
SELECT * FROM public.get_or_create(NULL::parts, '{"k": "e", "n": 1}');
-- an empty path
SET search_path = '';
SELECT * FROM public.get_or_create(NULL::app.parts, '{"k": "E", "n": 1}');
SELECT * FROM public.get_or_create(NULL::app.parts, '{"k": "f", "n": 1}');
SELECT * FROM public.get_or_create(NULL::app.plain, '{"k": "z"}');
SELECT pg_catalog.count(*) FROM app.parts;
SET search_path = pg_catalog;

SET client_min_messages = warning;
DROP SCHEMA goc_tables CASCADE;
DROP SCHEMA "S. ""1""" CASCADE;
DROP SCHEMA evil CASCADE;
DROP SCHEMA app CASCADE;
