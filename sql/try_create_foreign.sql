--
-- try_create: foreign tables, by postgres_fdw to the same database
--
\getenv abs_srcdir PG_ABS_SRCDIR
\i :abs_srcdir/sql/include/setup.sql
-- the contrib module may not be installed: expected/try_create_foreign_1.out
SELECT count(*) < 1 AS skip_test
FROM pg_available_extensions WHERE name = 'postgres_fdw' \gset
\if :skip_test
\quit
\endif
CREATE SCHEMA try_foreign;
CREATE SCHEMA try_foreign_remote;
SET search_path = try_foreign, public;
\pset null ~
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS postgres_fdw;
RESET client_min_messages;
DO $$
BEGIN
	EXECUTE format('CREATE SERVER try_loopback FOREIGN DATA WRAPPER postgres_fdw OPTIONS (dbname %L, host %L, port %L)',
		current_database(),
		coalesce(nullif(trim(split_part(current_setting('unix_socket_directories'), ',', 1)), ''), 'localhost'),
		current_setting('port'));
	EXECUTE format('CREATE USER MAPPING FOR CURRENT_USER SERVER try_loopback OPTIONS (user %L)', current_user);
END $$;
CREATE DOMAIN small AS int CONSTRAINT small_range CHECK (VALUE BETWEEN 0 AND 9);

CREATE TABLE try_foreign_remote.items (name text CONSTRAINT items_name UNIQUE, code varchar(5), amount int CONSTRAINT items_amount CHECK (amount > 0));
CREATE FOREIGN TABLE items (name text, code text, amount small DEFAULT 7)
	SERVER try_loopback OPTIONS (schema_name 'try_foreign_remote', table_name 'items');
-- a table here that has a constraint of the same name has nothing to do with it
CREATE TABLE other_items (other text CONSTRAINT items_name UNIQUE);

SELECT * FROM try_create(NULL::items, '{"name": "a"}');
SELECT t.record, t.was_created, (t.error).kind, (t.error).sqlstate, (t.error).detail, (t.error).table_name, (t.error).columns, (t.error).key_values
FROM try_create(NULL::items, '{"name": "a"}') AS t;
SELECT t.record, t.was_created, (t.error).kind, (t.error).sqlstate, (t.error).table_name, (t.error).columns
FROM try_create(NULL::items, '{"name": "b", "amount": 0}') AS t;
-- a domain is checked here
SELECT t.record, t.was_created, (t.error).kind, (t.error).constraint_name, (t.error).columns
FROM try_create(NULL::items, '{"name": "b", "amount": 10}') AS t;
-- other errors are raised; the connection goes on
CALL pg_temp.fails($$SELECT try_create(NULL::items, '{"name": "b", "code": "too long"}')$$);
BEGIN;
SELECT t.was_created, (t.error).kind FROM try_create(NULL::items, '{"name": "a"}') AS t;
SELECT t.was_created, (t.error).kind FROM try_create(NULL::items, '{"name": "b"}') AS t;
COMMIT;
SELECT * FROM try_foreign_remote.items ORDER BY name;

-- a foreign table as a partition
CREATE TABLE parted (name text, code text, amount small DEFAULT 7) PARTITION BY LIST (name);
ALTER TABLE parted ATTACH PARTITION items DEFAULT;
SELECT t.was_created, (t.error).kind FROM try_create(NULL::parted, '{"name": "a"}') AS t;
SELECT t.record, t.was_created, (t.error).kind FROM try_create(NULL::parted, '{"name": "c", "code": "x"}') AS t;

-- find_conflicts: the constraints are the remote server's
CALL pg_temp.fails($$SELECT find_conflicts(NULL::items, '{"name": "a"}')$$);
SELECT * FROM find_conflicts(NULL::parted, '{"name": "a", "amount": 11}');

SET client_min_messages = warning;
DROP SERVER try_loopback CASCADE;
DROP SCHEMA try_foreign CASCADE;
DROP SCHEMA try_foreign_remote CASCADE;
