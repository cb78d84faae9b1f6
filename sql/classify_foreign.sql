--
-- classify_integrity_error: errors of other servers, by postgres_fdw and
-- dblink to the same database, where tables of the same name are waiting
--
\getenv abs_srcdir PG_ABS_SRCDIR
\i :abs_srcdir/sql/include/classify.sql
-- the contrib modules may not be installed: expected/classify_foreign_1.out
SELECT count(*) < 2 AS skip_test
FROM pg_available_extensions WHERE name IN ('postgres_fdw', 'dblink') \gset
\if :skip_test
\quit
\endif
SET client_min_messages = warning;
CREATE SCHEMA here;
CREATE SCHEMA there;
SET search_path = here, public;
CREATE EXTENSION IF NOT EXISTS postgres_fdw;
CREATE EXTENSION dblink SCHEMA here;
DO $$
BEGIN
	EXECUTE format('CREATE SERVER classify_loopback FOREIGN DATA WRAPPER postgres_fdw OPTIONS (dbname %L, host %L, port %L)',
		current_database(),
		coalesce(nullif(trim(split_part(current_setting('unix_socket_directories'), ',', 1)), ''), 'localhost'),
		current_setting('port'));
	EXECUTE format('CREATE USER MAPPING FOR CURRENT_USER SERVER classify_loopback OPTIONS (user %L)', current_user);
END $$;
-- only there; the local ones bear other names, then the same
CREATE TABLE there.owners (id int CONSTRAINT owners_id PRIMARY KEY);
CREATE TABLE there.cars (id int CONSTRAINT cars_id PRIMARY KEY, plate text NOT NULL, doors int CONSTRAINT cars_doors CHECK (doors > 1),
	owner int CONSTRAINT cars_owner REFERENCES there.owners);
INSERT INTO there.owners VALUES (1);
INSERT INTO there.cars VALUES (1, 'B-1', 4, 1);
CREATE FOREIGN TABLE far_cars (id int, plate text, doors int, owner int) SERVER classify_loopback OPTIONS (schema_name 'there', table_name 'cars');
CREATE FOREIGN TABLE far_owners (id int) SERVER classify_loopback OPTIONS (schema_name 'there', table_name 'owners');

-- No schema, no table's columns, no comment: nothing from the catalog with
-- all fields or with the CONTEXT.  The message and DETAIL alone do not show
-- that the error is another server's.
COMMENT ON CONSTRAINT cars_id ON there.cars IS 'from the catalog';
SELECT * FROM pg_temp.broken('unique', $$INSERT INTO far_cars VALUES (1, 'B-2', 4)$$);
SELECT * FROM pg_temp.broken('not null', $$INSERT INTO far_cars VALUES (2, NULL, 4)$$);
SELECT * FROM pg_temp.broken('check', $$INSERT INTO far_cars VALUES (2, 'B-2', 1)$$);
SELECT * FROM pg_temp.broken('foreign key', $$INSERT INTO far_cars VALUES (2, 'B-2', 4, 9)$$);
SELECT * FROM pg_temp.broken('parent', $$DELETE FROM far_owners$$);
SELECT * FROM pg_temp.broken('dblink', format($$SELECT dblink_exec('dbname=%s host=%s port=%s user=%s', 'INSERT INTO there.cars VALUES (1, ''B-2'')')$$,
	current_database(), coalesce(nullif(trim(split_part(current_setting('unix_socket_directories'), ',', 1)), ''), 'localhost'), current_setting('port'), current_user));

-- the live error, as last_integrity_error() has it
CREATE FUNCTION pg_temp.last(statement text) RETURNS text LANGUAGE plpgsql AS $$
BEGIN
	EXECUTE statement;
	RETURN 'not broken';
EXCEPTION WHEN OTHERS THEN
	RETURN pg_temp.facts(last_integrity_error());
END
$$;
SELECT pg_temp.last($$INSERT INTO far_cars VALUES (1, 'B-2', 4)$$) AS foreign_table;
SELECT pg_temp.last($$INSERT INTO there.cars VALUES (1, 'B-2', 4)$$) AS the_table_itself;
SELECT pg_temp.last($$DELETE FROM far_owners$$) AS foreign_table;
SELECT pg_temp.last($$DELETE FROM there.owners$$) AS the_table_itself;
CREATE VIEW far_seen AS SELECT * FROM far_cars WHERE doors > 3 WITH CHECK OPTION;
SELECT pg_temp.last($$INSERT INTO far_seen VALUES (3, 'B-3', 2)$$) AS view_here;
SELECT pg_temp.last($$DO $d$ BEGIN RAISE 'duplicate key value violates unique constraint "cars_id"' USING ERRCODE = 'unique_violation'; END $d$ $$) AS raised;

RESET search_path;
DROP SERVER classify_loopback CASCADE;
DROP SCHEMA here, there CASCADE;
