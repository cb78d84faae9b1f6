--
-- find_conflicts: many candidates, each held against its INSERT
--
\getenv abs_srcdir PG_ABS_SRCDIR
\i :abs_srcdir/sql/include/setup.sql
CREATE SCHEMA find_conflicts_insert;
SET search_path = find_conflicts_insert, public;
\i :abs_srcdir/sql/include/constraints.sql

BEGIN;
SET CONSTRAINTS ALL IMMEDIATE;
SELECT * FROM compare(NULL::products, ARRAY(
	SELECT jsonb_build_object('name', name, 'brand', brand, 'price', price, 'category', category, 'area', area, 'grade', grade) ||
		CASE WHEN during IS NULL THEN '{}' ELSE jsonb_build_object('during', during) END
	FROM unnest('{Pen,PEN,ink,NULL}'::text[]) AS name, unnest('{a,c,NULL}'::text[]) AS brand, unnest('{-1,7,8,1500}'::int[]) AS price,
		unnest('{1,9,NULL}'::int[]) AS category, unnest('{north,NULL}'::text[]) AS area, unnest('{2,3,NULL}'::int[]) AS grade,
		unnest('{"[2,3)",NULL}'::int4range[]) AS during));
COMMIT;

SET client_min_messages = warning;
DROP SCHEMA find_conflicts_insert CASCADE;
