--
-- The functions for many: foreign tables, by postgres_fdw to the same database
--
\getenv abs_srcdir PG_ABS_SRCDIR
\i :abs_srcdir/sql/include/setup.sql
-- the contrib module may not be installed: expected/many_foreign_1.out
SELECT count(*) < 1 AS skip_test
FROM pg_available_extensions WHERE name = 'postgres_fdw' \gset
\if :skip_test
\quit
\endif
CREATE SCHEMA many_foreign;
CREATE SCHEMA many_foreign_remote;
SET search_path = many_foreign, public;
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS postgres_fdw;
RESET client_min_messages;
DO $$
BEGIN
	EXECUTE format('CREATE SERVER many_loopback FOREIGN DATA WRAPPER postgres_fdw OPTIONS (dbname %L, host %L, port %L)',
		current_database(),
		coalesce(nullif(trim(split_part(current_setting('unix_socket_directories'), ',', 1)), ''), 'localhost'),
		current_setting('port'));
	EXECUTE format('CREATE USER MAPPING FOR CURRENT_USER SERVER many_loopback OPTIONS (user %L)', current_user);
END $$;
CREATE TABLE many_foreign_remote.items (name text CONSTRAINT items_name UNIQUE, amount integer CHECK (amount >= 0));
CREATE FOREIGN TABLE items (name text, amount integer DEFAULT 7)
	SERVER many_loopback OPTIONS (schema_name 'many_foreign_remote', table_name 'items');

SELECT * FROM get_or_create_many(NULL::items, '[{"name": "b"}, {"name": "a", "amount": 1}, {"name": "b", "amount": 2}]', '{name}');
SELECT * FROM get_or_create_many(NULL::items, '[{"name": "c"}, {"name": "a"}]', '{name}');
SELECT * FROM update_or_create_many(NULL::items, '[{"name": "a", "amount": 1}, {"name": "b", "amount": 5}, {"name": "d"}, {"name": "d", "amount": 6}]', '{name}');
SELECT ordinality, record, was_created, (error).kind
FROM try_create_many(NULL::items, '[{"name": "e"}, {"name": "a"}, {"name": "f", "amount": -1}, {"name": "g"}]');
SELECT * FROM many_foreign_remote.items ORDER BY name;

-- a partition that is elsewhere cannot be inserted into with ON CONFLICT
CREATE TABLE parts (name text, amount integer) PARTITION BY LIST (name);
CREATE TABLE parts_here PARTITION OF parts (PRIMARY KEY (name)) FOR VALUES IN ('x', 'y');
ALTER FOREIGN TABLE items ALTER amount DROP DEFAULT;
ALTER TABLE parts ATTACH PARTITION items FOR VALUES IN ('a', 'b', 'new');
CALL pg_temp.fails($$SELECT get_or_create_many(NULL::parts, '[{"name": "x"}]', '{name}')$$);
SELECT ordinality, record, was_created, (error).kind
FROM try_create_many(NULL::parts, '[{"name": "x"}, {"name": "a"}, {"name": "new"}, {"name": "y"}, {"name": "z"}]');

SET client_min_messages = warning;
DROP SERVER many_loopback CASCADE;
DROP SCHEMA many_foreign CASCADE;
DROP SCHEMA many_foreign_remote CASCADE;
