--
-- get_or_create: more tables, sets of column names and rows than fit into one
-- place
--
\getenv abs_srcdir PG_ABS_SRCDIR
\i :abs_srcdir/sql/include/setup.sql
CREATE SCHEMA goc_limits;
SET search_path = goc_limits, public;

-- many tables, more than a cache would hold, twice over, then the first again
DO $$
DECLARE
	created boolean;
BEGIN
	FOR i IN 1..300 LOOP
		EXECUTE format('CREATE TABLE many_%s (k int PRIMARY KEY, v int DEFAULT %s)', i, i);
	END LOOP;
	FOR again IN 1..2 LOOP
		FOR i IN 1..300 LOOP
			EXECUTE format('SELECT was_created FROM get_or_create(NULL::many_%s, ''{"k": 1}'')', i) INTO created;
			ASSERT created = (again = 1);
		END LOOP;
	END LOOP;
END $$;
SELECT a.*, b.* FROM get_or_create(NULL::many_1, '{"k": 1}') a, get_or_create(NULL::many_300, '{"k": 1}') b;
-- many sets of column names on one table
CREATE TABLE sets (k int PRIMARY KEY);
DO $$
BEGIN
	FOR i IN 1..12 LOOP
		EXECUTE format('ALTER TABLE sets ADD c%s int', i);
	END LOOP;
END $$;
SELECT count(*), count(*) FILTER (WHERE was_created) AS created
FROM generate_series(0, 4095) i,
     LATERAL get_or_create(NULL::sets, jsonb_build_object('k', i % 7) || coalesce((SELECT jsonb_object_agg('c' || b, NULL) FROM generate_series(1, 12) b WHERE i & (1 << (b - 1)) <> 0), '{}')) g;

-- an index that is no longer the first thing on the page: wide keys, many rows
CREATE TABLE many (a text, b int, v int, PRIMARY KEY (a, b));
INSERT INTO many SELECT repeat('x', 200) || i % 50, i, i FROM generate_series(1, 2000) i;
SELECT count(*) FILTER (WHERE was_created) AS created, count(*) FILTER (WHERE (g.record).v = i) AS right_row
FROM generate_series(1, 2500) i,
     LATERAL get_or_create(NULL::many, jsonb_build_object('a', repeat('x', 200) || i % 50, 'b', i),
                           jsonb_build_object('v', i)) g;
SELECT count(*) FROM many;

SET client_min_messages = warning;
DROP SCHEMA goc_limits CASCADE;
