--
-- get_or_create: a table of 800 columns
--
\getenv abs_srcdir PG_ABS_SRCDIR
\i :abs_srcdir/sql/include/setup.sql
CREATE SCHEMA goc;
SET search_path = goc, public;
DO $$
BEGIN
	EXECUTE (SELECT format('CREATE TABLE wide (%s, UNIQUE (c1, c400, c800))',
	                       string_agg('c' || i || ' int DEFAULT ' || i, ', ' ORDER BY i))
	         FROM generate_series(1, 800) i);
END $$;
SELECT (g.record).c1, (g.record).c799, (g.record).c800, was_created
FROM get_or_create(NULL::wide, '{"c800": 8, "c400": 4, "c1": 1}', '{"c2": null}') g;
SELECT (g.record).c1, (g.record).c2, (g.record).c799, was_created
FROM get_or_create(NULL::wide, '{"c1": 1, "c400": 4, "c800": 8}') g;
SELECT was_created, (g.record).c800
FROM generate_series(1, 3) i,
     LATERAL get_or_create(NULL::wide,
         (SELECT jsonb_object_agg('c' || n, n) FROM generate_series(1, 800) n WHERE i > 0)) g;

SET client_min_messages = warning;
DROP SCHEMA goc CASCADE;
