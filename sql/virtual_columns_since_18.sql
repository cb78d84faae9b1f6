--
-- Generated columns that are stored nowhere, which PostgreSQL has since 18
--
\getenv abs_srcdir PG_ABS_SRCDIR
\i :abs_srcdir/sql/include/setup.sql
CREATE SCHEMA virtual_columns;
SET search_path = virtual_columns, public;
\pset null ~

CREATE TABLE goods
(
	name text PRIMARY KEY,
	price int,
	gross int GENERATED ALWAYS AS (price * 2) VIRTUAL,
	note text
);

-- created and found, the value is there
SELECT (g.record).*, g.was_created FROM get_or_create(NULL::goods, '{"name": "pen"}', '{"price": 3}') AS g;
SELECT (g.record).*, g.was_created FROM get_or_create(NULL::goods, '{"name": "pen"}') AS g;
SELECT (g.record).*, g.was_created FROM get_or_create(NULL::goods, '{"name": "pen", "price": 3}', lock_strength => 'update') AS g;
SELECT (u.record).*, u.was_updated FROM update_or_create(NULL::goods, '{"name": "pen"}', '{"price": 4}') AS u;
SELECT (u.record).*, u.was_updated FROM update_or_create(NULL::goods, '{"name": "pen"}', '{"price": 4}') AS u;
SELECT (t.record).*, t.was_created FROM try_create(NULL::goods, '{"name": "ink", "price": 5}') AS t;
SELECT ordinality, (m.record).*, was_created
FROM get_or_create_many(NULL::goods, '[{"name": "pen"}, {"name": "cup", "price": 1}, {"name": "cup"}]', '{name}') AS m;
SELECT ordinality, (m.record).*, was_created, was_updated
FROM update_or_create_many(NULL::goods, '[{"name": "pen", "price": 4}, {"name": "cup", "price": 2}, {"name": "jug"}]', '{name}') AS m;
SELECT ordinality, (m.record).*, was_created, (m.error).kind
FROM try_create_many(NULL::goods, '[{"name": "pen", "price": 4}, {"name": "mug", "price": 2}]') AS m;
SELECT c.kind, c.constraint_name, (c.record).* FROM find_conflicts(NULL::goods, '{"name": "pen"}') AS c;

-- nobody can give it
CALL pg_temp.fails($$SELECT get_or_create(NULL::goods, '{"name": "pen", "gross": 8}')$$);
CALL pg_temp.fails($$SELECT get_or_create(NULL::goods, '{"name": "pen"}', '{"gross": 8}')$$);
CALL pg_temp.fails($$SELECT update_or_create(NULL::goods, '{"name": "pen"}', '{"gross": 8}')$$);
CALL pg_temp.fails($$SELECT find_conflicts(NULL::goods, '{"name": "pen", "gross": 8}')$$);

-- one that comes and goes while the table is known to the session
CREATE TABLE plain (k int PRIMARY KEY, v int);
SELECT g.record, g.was_created FROM get_or_create(NULL::plain, '{"k": 1}', '{"v": 1}') AS g;
SELECT g.record, g.was_created FROM get_or_create(NULL::plain, '{"k": 1}') AS g;
ALTER TABLE plain ADD COLUMN w int GENERATED ALWAYS AS (v + 10) VIRTUAL;
SELECT g.record, g.was_created FROM get_or_create(NULL::plain, '{"k": 1}') AS g;
SELECT g.record, g.was_created FROM get_or_create(NULL::plain, '{"k": 2}', '{"v": 2}') AS g;
ALTER TABLE plain ALTER COLUMN w SET EXPRESSION AS (v + 20);
SELECT g.record, g.was_created FROM get_or_create(NULL::plain, '{"k": 2}') AS g;
ALTER TABLE plain DROP COLUMN w;
SELECT g.record, g.was_created FROM get_or_create(NULL::plain, '{"k": 2}') AS g;

-- constraints on it hold for the value that it would have
CREATE TABLE strict
(
	name text PRIMARY KEY,
	price int,
	gross int GENERATED ALWAYS AS (price * 2) VIRTUAL CONSTRAINT gross_given NOT NULL CONSTRAINT gross_limit CHECK (gross < 100)
);
SELECT * FROM find_conflicts(NULL::strict, '{"name": "pen", "price": 49}');
SELECT * FROM find_conflicts(NULL::strict, '{"name": "pen", "price": 50}');
SELECT * FROM find_conflicts(NULL::strict, '{"name": "pen"}');
SELECT (t.record).*, t.was_created FROM try_create(NULL::strict, '{"name": "pen", "price": 49}') AS t;
SELECT t.was_created, (t.error).kind, (t.error).constraint_name, (t.error).columns
FROM try_create(NULL::strict, '{"name": "ink", "price": 50}') AS t;
SELECT t.was_created, (t.error).kind, (t.error).constraint_name, (t.error).columns
FROM try_create(NULL::strict, '{"name": "ink"}') AS t;
CALL pg_temp.fails($$SELECT get_or_create(NULL::strict, '{"name": "ink"}', '{"price": 50}')$$);
SELECT (g.record).*, g.was_created FROM get_or_create(NULL::strict, '{"name": "pen"}', '{"price": 50}') AS g;

-- in a partition the expression may be another one
CREATE TABLE parted (k int PRIMARY KEY, v int, w int GENERATED ALWAYS AS (v * 2) VIRTUAL) PARTITION BY RANGE (k);
CREATE TABLE parted_1 PARTITION OF parted FOR VALUES FROM (0) TO (10);
CREATE TABLE parted_2 (k int NOT NULL, v int, w int GENERATED ALWAYS AS (v * 3) VIRTUAL CONSTRAINT w_limit CHECK (w < 100));
ALTER TABLE parted ATTACH PARTITION parted_2 FOR VALUES FROM (10) TO (20);
SELECT (g.record).*, g.was_created FROM get_or_create(NULL::parted, '{"k": 1}', '{"v": 4}') AS g;
SELECT (g.record).*, g.was_created FROM get_or_create(NULL::parted_2, '{"k": 11}', '{"v": 4}') AS g;
SELECT (g.record).*, g.was_created FROM get_or_create(NULL::parted_2, '{"k": 11}') AS g;
SELECT * FROM find_conflicts(NULL::parted, '{"k": 12, "v": 33}');
SELECT * FROM find_conflicts(NULL::parted, '{"k": 12, "v": 34}');

SET client_min_messages = warning;
DROP SCHEMA virtual_columns CASCADE;
