--
-- get_or_create_many: thousands of rows
--
\getenv abs_srcdir PG_ABS_SRCDIR
\i :abs_srcdir/sql/include/setup.sql
CREATE SCHEMA many_limits;
SET search_path = many_limits, public;

-- Many rows, in disorder, each third one twice.
CREATE TABLE numbers (n integer PRIMARY KEY, double integer);
INSERT INTO numbers SELECT i, i * 2 FROM generate_series(1, 5000, 2) i;
WITH batch AS (
	SELECT i, CASE WHEN i % 3 = 0 THEN i - 1 ELSE i END AS n
	FROM generate_series(1, 6000) i),
input AS (
	SELECT n, row_number() OVER (ORDER BY hashint4(i)) AS position FROM batch),
answer AS (
	SELECT * FROM get_or_create_many(NULL::numbers,
		(SELECT jsonb_agg(jsonb_build_object('n', n, 'double', n * 2) ORDER BY position) FROM input), '{n}'))
SELECT count(*), count(*) FILTER (WHERE was_created) AS created,
	   bool_and((record).n = n AND (record).double = n * 2) AS right_rows,
	   count(DISTINCT n) FILTER (WHERE was_created) = count(*) FILTER (WHERE was_created) AS once
FROM answer JOIN input ON position = ordinality;
SELECT count(*), count(DISTINCT n) FROM numbers;

SET client_min_messages = warning;
DROP SCHEMA many_limits CASCADE;
