--
-- get_or_create: privileges, SECURITY DEFINER, roles that change in a session
--
\getenv abs_srcdir PG_ABS_SRCDIR
\i :abs_srcdir/sql/include/setup.sql
-- what an earlier run that was stopped may have left
SET client_min_messages = warning;
DROP ROLE IF EXISTS regress_dg_reader, regress_dg_writer, regress_dg_nobody, regress_dg_owner;
RESET client_min_messages;
CREATE ROLE regress_dg_reader;
CREATE ROLE regress_dg_writer;
CREATE ROLE regress_dg_nobody;
CREATE ROLE regress_dg_owner;
CREATE SCHEMA goc_privileges AUTHORIZATION regress_dg_owner;
SELECT current_database() AS dbname \gset
GRANT CREATE ON DATABASE :"dbname" TO regress_dg_owner;
GRANT USAGE ON SCHEMA goc_privileges TO regress_dg_reader, regress_dg_writer, regress_dg_nobody;
SET search_path = goc_privileges, public;
SET ROLE regress_dg_owner;
CREATE TABLE items (k text PRIMARY KEY, v text DEFAULT 'd', id int GENERATED ALWAYS AS IDENTITY);
CREATE TABLE serials (k text PRIMARY KEY, id serial);
CREATE UNIQUE INDEX items_lower ON items (lower(k));
INSERT INTO items VALUES ('there', 'x');
INSERT INTO serials VALUES ('there');
GRANT SELECT ON items, serials TO regress_dg_reader;
GRANT SELECT, INSERT ON items, serials TO regress_dg_writer;

-- may read, not insert: a hit works, a miss is 42501
SET ROLE regress_dg_reader;
SELECT * FROM get_or_create(NULL::items, '{"k": "there"}');
SELECT * FROM get_or_create(NULL::items, '{"k": "there", "v": "x"}', '{}', 'items_lower');
CALL pg_temp.fails($$SELECT get_or_create(NULL::items, '{"k": "new"}')$$);
SELECT * FROM get_or_create(NULL::items, '{"k": "there"}');
-- locking a row takes more than reading it: 42501
CALL pg_temp.fails($$SELECT get_or_create(NULL::items, '{"k": "there"}', lock_strength => 'key share')$$);
-- may do both
SET ROLE regress_dg_writer;
SELECT * FROM get_or_create(NULL::items, '{"k": "there"}');
SELECT * FROM get_or_create(NULL::items, '{"k": "by writer"}');
-- the sequence behind a serial is another matter: PostgreSQL's 42501
CALL pg_temp.fails($$SELECT get_or_create(NULL::serials, '{"k": "new"}')$$);
SELECT * FROM get_or_create(NULL::serials, '{"k": "there"}');
-- neither: 42501 on a hit as on a miss, after others have warmed the caches
SET ROLE regress_dg_nobody;
CALL pg_temp.fails($$SELECT get_or_create(NULL::items, '{"k": "there"}')$$);
CALL pg_temp.fails($$SELECT get_or_create(NULL::items, '{"k": "new"}')$$);
-- insert alone is not enough
SET ROLE regress_dg_owner;
GRANT INSERT ON items TO regress_dg_nobody;
SET ROLE regress_dg_nobody;
CALL pg_temp.fails($$SELECT get_or_create(NULL::items, '{"k": "new"}')$$);
SET ROLE regress_dg_owner;
REVOKE INSERT ON items FROM regress_dg_nobody;

-- Column privileges: SELECT on every column is as good as SELECT
GRANT SELECT (k, v) ON items TO regress_dg_nobody;
SET ROLE regress_dg_nobody;
CALL pg_temp.fails($$SELECT get_or_create(NULL::items, '{"k": "there"}')$$);
SET ROLE regress_dg_owner;
GRANT SELECT (id) ON items TO regress_dg_nobody;
SET ROLE regress_dg_nobody;
SELECT * FROM get_or_create(NULL::items, '{"k": "there"}');
SELECT * FROM get_or_create(NULL::items, '{"k": "THERE"}', arbiter => 'items_lower');
CALL pg_temp.fails($$SELECT get_or_create(NULL::items, '{"k": "new"}')$$);
-- INSERT by column: only the columns that are named count
SET ROLE regress_dg_owner;
GRANT INSERT (k) ON items TO regress_dg_nobody;
SET ROLE regress_dg_nobody;
SELECT (g.record).k, (g.record).v, was_created FROM get_or_create(NULL::items, '{"k": "by nobody"}') g;
CALL pg_temp.fails($$SELECT get_or_create(NULL::items, '{"k": "by nobody 2"}', '{"v": "x"}')$$);
SELECT (g.record).k, (g.record).v, was_created FROM get_or_create(NULL::items, '{"k": "by nobody"}', '{"v": "x"}') g;
-- a column is taken back between the calls
SET ROLE regress_dg_owner;
REVOKE SELECT (v) ON items FROM regress_dg_nobody;
SET ROLE regress_dg_nobody;
CALL pg_temp.fails($$SELECT get_or_create(NULL::items, '{"k": "there"}')$$);
-- a column that is dropped needs no privilege, one that is added does
SET ROLE regress_dg_owner;
ALTER TABLE items DROP v;
SET ROLE regress_dg_nobody;
SELECT (g.record).k, was_created FROM get_or_create(NULL::items, '{"k": "there"}') g;
SET ROLE regress_dg_owner;
ALTER TABLE items ADD w text;
SET ROLE regress_dg_nobody;
CALL pg_temp.fails($$SELECT get_or_create(NULL::items, '{"k": "there"}')$$);

-- Privileges are taken away and given between the calls of one role
SET ROLE regress_dg_reader;
SELECT (g.record).k, was_created FROM get_or_create(NULL::items, '{"k": "there"}') g;
SET ROLE regress_dg_owner;
REVOKE SELECT ON items FROM regress_dg_reader;
SET ROLE regress_dg_reader;
CALL pg_temp.fails($$SELECT get_or_create(NULL::items, '{"k": "there"}')$$);
SET ROLE regress_dg_owner;
GRANT SELECT ON items TO regress_dg_writer, regress_dg_reader;
REVOKE INSERT ON items FROM regress_dg_writer;
SET ROLE regress_dg_writer;
CALL pg_temp.fails($$SELECT get_or_create(NULL::items, '{"k": "by writer 2"}')$$);
-- the schema, too, is asked on every call
PREPARE prepared AS SELECT (g.record).k, was_created FROM public.get_or_create(NULL::goc_privileges.items, '{"k": "there"}') g;
EXECUTE prepared;
RESET ROLE;
REVOKE USAGE ON SCHEMA goc_privileges FROM regress_dg_writer;
SET ROLE regress_dg_writer;
\set VERBOSITY sqlstate
EXECUTE prepared;
\set VERBOSITY default
RESET ROLE;
GRANT USAGE ON SCHEMA goc_privileges TO regress_dg_writer;
SET ROLE regress_dg_writer;
EXECUTE prepared;
DEALLOCATE prepared;
-- owners may revoke their own
SET ROLE regress_dg_owner;
REVOKE ALL ON items FROM regress_dg_owner;
CALL pg_temp.fails($$SELECT get_or_create(NULL::items, '{"k": "there"}')$$);
GRANT ALL ON items TO regress_dg_owner;
SELECT (g.record).k, was_created FROM get_or_create(NULL::items, '{"k": "there"}') g;

--
-- SECURITY DEFINER: the owner's rights inside, the caller's outside.
--
CREATE FUNCTION get_item(k text, OUT item items, OUT was_created boolean) LANGUAGE sql SECURITY DEFINER
SET search_path = goc_privileges, public AS $$
	SELECT * FROM get_or_create(NULL::items, jsonb_build_object('k', k))
$$;
CREATE FUNCTION get_item_plpgsql(k text) RETURNS boolean LANGUAGE plpgsql SECURITY DEFINER
SET search_path = goc_privileges, public AS $$
BEGIN
	RETURN (get_or_create(NULL::items, jsonb_build_object('k', k))).was_created;
END $$;
CREATE FUNCTION who() RETURNS text LANGUAGE sql AS $$SELECT current_user::text$$;
ALTER TABLE items ADD made_by text DEFAULT who();
REVOKE SELECT ON items FROM regress_dg_nobody, regress_dg_reader;
REVOKE SELECT (k, id) ON items FROM regress_dg_nobody;
REVOKE INSERT (k) ON items FROM regress_dg_nobody;
SET ROLE regress_dg_nobody;
SELECT (item).k, (item).made_by, was_created FROM get_item('through a definer');
SELECT (item).k, was_created FROM get_item('through a definer');
SELECT get_item_plpgsql('through another');
CALL pg_temp.fails($$SELECT get_or_create(NULL::items, '{"k": "through a definer"}')$$);
SELECT get_item_plpgsql('through another');
CALL pg_temp.fails($$SELECT get_or_create(NULL::items, '{"k": "new"}')$$);
-- the definer who has lost the right
RESET ROLE;
ALTER FUNCTION get_item_plpgsql OWNER TO regress_dg_reader;
SET ROLE regress_dg_nobody;
CALL pg_temp.fails($$SELECT get_item_plpgsql('through another')$$);

--
-- Views run with their owner's rights on the table, the caller's on the view.
--
SET ROLE regress_dg_owner;
CREATE VIEW some_items AS SELECT k, w FROM items;
CREATE VIEW own_rights WITH (security_invoker) AS SELECT k, w FROM items;
GRANT SELECT, INSERT ON some_items, own_rights TO regress_dg_nobody;
SET ROLE regress_dg_nobody;
SELECT * FROM get_or_create(NULL::some_items, '{"k": "there"}');
SELECT * FROM get_or_create(NULL::some_items, '{"k": "by a view"}');
CALL pg_temp.fails($$SELECT get_or_create(NULL::own_rights, '{"k": "there"}')$$);
-- partitions: the root's privileges count
SET ROLE regress_dg_owner;
CREATE TABLE parts (k int PRIMARY KEY, v text) PARTITION BY RANGE (k);
CREATE TABLE parts_1 PARTITION OF parts FOR VALUES FROM (0) TO (10);
GRANT SELECT, INSERT ON parts TO regress_dg_nobody;
SET ROLE regress_dg_nobody;
SELECT * FROM get_or_create(NULL::parts, '{"k": 1}');
SELECT * FROM get_or_create(NULL::parts, '{"k": 1}');
CALL pg_temp.fails($$SELECT get_or_create(NULL::parts_1, '{"k": 1}')$$);
SET ROLE regress_dg_owner;
REVOKE SELECT ON parts FROM regress_dg_nobody;
SET ROLE regress_dg_nobody;
CALL pg_temp.fails($$SELECT get_or_create(NULL::parts, '{"k": 1}')$$);
-- The catalog is no secret: as in PostgreSQL, wrong names come before privileges.
CALL pg_temp.fails($$SELECT get_or_create(NULL::items, '{"w": "x"}')$$);
-- a function of an index expression that the caller may not execute
SET ROLE regress_dg_owner;
CREATE FUNCTION norm(t text) RETURNS text LANGUAGE plpgsql IMMUTABLE AS $$BEGIN RETURN upper(t); END$$;
CREATE TABLE normed (k text);
CREATE UNIQUE INDEX ON normed (norm(k));
GRANT SELECT, INSERT ON normed TO regress_dg_nobody;
SET ROLE regress_dg_nobody;
SELECT * FROM get_or_create(NULL::normed, '{"k": "a"}');
SELECT * FROM get_or_create(NULL::normed, '{"k": "A"}');
SET ROLE regress_dg_owner;
REVOKE EXECUTE ON FUNCTION norm FROM PUBLIC;
SET ROLE regress_dg_nobody;
CALL pg_temp.fails($$SELECT get_or_create(NULL::normed, '{"k": "A"}')$$);
CALL pg_temp.fails($$SELECT get_or_create(NULL::normed, '{"k": "b"}')$$);
RESET ROLE;
-- The schema counts for the call, even when another role's view names the table
SET ROLE regress_dg_owner;
CREATE SCHEMA goc_hidden;
CREATE TABLE goc_hidden.items (k int PRIMARY KEY);
INSERT INTO goc_hidden.items VALUES (1);
GRANT SELECT, INSERT ON goc_hidden.items TO regress_dg_nobody;
CREATE VIEW target AS SELECT NULL::goc_hidden.items AS target;
GRANT SELECT ON target TO regress_dg_nobody;
SET ROLE regress_dg_nobody;
CALL pg_temp.fails($$SELECT was_created FROM target t, LATERAL get_or_create(t.target, '{"k": 1}') g$$);
SET ROLE regress_dg_owner;
GRANT USAGE ON SCHEMA goc_hidden TO regress_dg_nobody;
SET ROLE regress_dg_nobody;
SELECT was_created FROM target t, LATERAL get_or_create(t.target, '{"k": 1}') g;
SELECT was_created FROM target t, LATERAL get_or_create(t.target, '{"k": 2}') g;
RESET ROLE;
-- EXECUTE on get_or_create itself can be taken from PUBLIC
BEGIN;
REVOKE EXECUTE ON FUNCTION get_or_create FROM PUBLIC;
SET ROLE regress_dg_nobody;
SAVEPOINT s;
\set VERBOSITY sqlstate
SELECT * FROM get_or_create(NULL::normed, '{"k": "a"}');
\set VERBOSITY default
ROLLBACK;

SET client_min_messages = warning;
RESET search_path;
DROP SCHEMA goc_privileges CASCADE;
DROP SCHEMA goc_hidden CASCADE;
REVOKE ALL ON DATABASE :"dbname" FROM regress_dg_owner;
DROP ROLE regress_dg_reader, regress_dg_writer, regress_dg_nobody, regress_dg_owner;
