--
-- What only PostgreSQL 18 and later have: WITHOUT OVERLAPS, PERIOD, NOT
-- ENFORCED, virtual generated columns, named NOT NULL
--
\getenv abs_srcdir PG_ABS_SRCDIR
\i :abs_srcdir/sql/include/setup.sql
-- before 18, or without the contrib module: expected/constraints_18_1.out
SELECT current_setting('server_version_num')::int < 180000 OR count(*) < 1 AS skip_test
FROM pg_available_extensions WHERE name = 'btree_gist' \gset
\if :skip_test
\quit
\endif
SET client_min_messages = warning;
CREATE SCHEMA later;
SET search_path = later, public;
CREATE EXTENSION btree_gist;
\pset null ~
CREATE TABLE rooms (id int, during daterange, floor int CONSTRAINT rooms_floor CHECK (floor > 0) NOT ENFORCED,
	CONSTRAINT rooms_pk PRIMARY KEY (id, during WITHOUT OVERLAPS), CONSTRAINT rooms_once UNIQUE (floor, during WITHOUT OVERLAPS));
CREATE TABLE stays (room int, during daterange,
	CONSTRAINT stays_room FOREIGN KEY (room, PERIOD during) REFERENCES rooms (id, PERIOD during));
CREATE TABLE sizes (a int, twice int GENERATED ALWAYS AS (a * 2) VIRTUAL CONSTRAINT twice_positive CHECK (twice > 0),
	half int GENERATED ALWAYS AS (a / 2) VIRTUAL CONSTRAINT half_given NOT NULL, b int CONSTRAINT b_given NOT NULL);
INSERT INTO rooms VALUES (1, '[2024-01-01,2024-02-01)', 1), (1, '[2024-02-01,2024-03-01)', 2), (2, '[2024-02-01,2024-03-01)', 3);
INSERT INTO stays VALUES (1, '[2024-01-10,2024-02-10)');

-- what is found beforehand, and what an INSERT says then
CREATE FUNCTION answers(target anyelement, candidate jsonb) RETURNS SETOF text LANGUAGE sql AS $$
	SELECT 'found ' || concat_ws(' ', kind, constraint_name, columns, record) FROM find_conflicts(target, candidate)
	UNION ALL
	SELECT 'tried ' || concat_ws(' ', (t.error).kind, (t.error).constraint_name, (t.error).columns, (t.error).key_values)
	FROM try_create(target, candidate) AS t
$$;
SELECT answers(NULL::rooms, '{"id": 1, "during": "[2024-01-15,2024-02-15)", "floor": -1}');
SELECT answers(NULL::rooms, '{"id": 3, "during": "[2024-02-15,2024-02-20)", "floor": 2}');
SELECT answers(NULL::rooms, '{"id": 3, "during": "[2024-02-15,2024-02-20)", "floor": null}');
-- an empty range, also beside a null
SELECT answers(NULL::rooms, '{"id": 4, "during": "empty", "floor": null}');
-- a foreign key over periods is left out of what is found
SELECT answers(NULL::stays, '{"room": 1, "during": "[2024-01-15,2025-01-01)"}');
-- virtual columns are computed
SELECT answers(NULL::sizes, '{"a": -1, "b": 1}');
SELECT answers(NULL::sizes, '{"b": 1}');
SELECT answers(NULL::sizes, '{"a": 1}');
SELECT answers(NULL::sizes, '{"a": 1, "b": 1}');
-- the parent's side
DELETE FROM rooms WHERE id = 1;
SELECT kind, table_name, constraint_name, columns, key_values, referenced_table, referenced_columns FROM last_integrity_error();

DROP EXTENSION btree_gist CASCADE;
DROP SCHEMA later CASCADE;
