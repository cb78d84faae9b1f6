--
-- Constraints that are NOT ENFORCED, which PostgreSQL has since 18, and NOT NULL
-- constraints that are NOT VALID
--
\getenv abs_srcdir PG_ABS_SRCDIR
\i :abs_srcdir/sql/include/setup.sql
CREATE SCHEMA not_enforced;
SET search_path = not_enforced, public;
\pset null ~

CREATE TABLE makers (id int PRIMARY KEY, name text);
CREATE TABLE cars
(
	model text PRIMARY KEY,
	maker int CONSTRAINT cars_maker REFERENCES makers NOT ENFORCED,
	year int CONSTRAINT year_range CHECK (year >= 1886) NOT ENFORCED,
	doors int CONSTRAINT doors_range CHECK (doors > 0)
);

-- what is not enforced is no conflict and no error; what is enforced still is
SELECT * FROM find_conflicts(NULL::cars, '{"model": "a", "maker": 7, "year": 1, "doors": 0}');
SELECT g.record, g.was_created FROM get_or_create(NULL::cars, '{"model": "a"}', '{"maker": 7, "year": 1}') AS g;
SELECT g.record, g.was_created FROM get_or_create(NULL::cars, '{"model": "a"}') AS g;
SELECT u.record, u.was_updated FROM update_or_create(NULL::cars, '{"model": "a"}', '{"maker": 8, "year": 2}') AS u;
SELECT t.record, t.was_created, (t.error).kind FROM try_create(NULL::cars, '{"model": "b", "maker": 7, "year": 1}') AS t;
SELECT t.record, t.was_created, (t.error).constraint_name FROM try_create(NULL::cars, '{"model": "c", "doors": 0}') AS t;

-- from the moment it is enforced, both are
DELETE FROM cars;
ALTER TABLE cars ALTER CONSTRAINT cars_maker ENFORCED;
SELECT * FROM find_conflicts(NULL::cars, '{"model": "a", "maker": 7, "year": 1}');
CALL pg_temp.fails($$SELECT get_or_create(NULL::cars, '{"model": "a"}', '{"maker": 7, "year": 1}')$$);
ALTER TABLE cars ALTER CONSTRAINT cars_maker NOT ENFORCED;
SELECT * FROM find_conflicts(NULL::cars, '{"model": "a", "maker": 7, "year": 1}');
SELECT g.was_created FROM get_or_create(NULL::cars, '{"model": "a"}', '{"maker": 7, "year": 1}') AS g;

-- a partition of a table whose foreign key is not enforced
CREATE TABLE parted (k int PRIMARY KEY, maker int CONSTRAINT parted_maker REFERENCES makers NOT ENFORCED) PARTITION BY RANGE (k);
CREATE TABLE parted_1 PARTITION OF parted FOR VALUES FROM (0) TO (10);
SELECT * FROM find_conflicts(NULL::parted, '{"k": 1, "maker": 7}');
SELECT g.record, g.was_created FROM get_or_create(NULL::parted, '{"k": 1}', '{"maker": 7}') AS g;

-- the rows that are there need not be valid, new ones must be
CREATE TABLE lax (k int PRIMARY KEY, v int);
INSERT INTO lax VALUES (1, NULL);
ALTER TABLE lax ADD CONSTRAINT v_given NOT NULL v NOT VALID;
SELECT g.record, g.was_created FROM get_or_create(NULL::lax, '{"k": 1}') AS g;
SELECT g.record, g.was_created FROM get_or_create(NULL::lax, '{"k": 1, "v": null}') AS g;
CALL pg_temp.fails($$SELECT get_or_create(NULL::lax, '{"k": 2}')$$);
SELECT * FROM find_conflicts(NULL::lax, '{"k": 2}');
SELECT (t.error).kind, (t.error).columns FROM try_create(NULL::lax, '{"k": 2, "v": null}') AS t;
SELECT u.record, u.was_updated FROM update_or_create(NULL::lax, '{"k": 1}', '{"v": 3}') AS u;

SET client_min_messages = warning;
DROP SCHEMA not_enforced CASCADE;
