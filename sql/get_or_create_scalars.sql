--
-- get_or_create: scalar values are read as jsonb_populate_record reads them, or
-- are refused with the same error
--
\getenv abs_srcdir PG_ABS_SRCDIR
\i :abs_srcdir/sql/include/setup.sql
CREATE SCHEMA goc_scalars;
SET search_path = goc_scalars, public;
SET client_min_messages = warning;
SET datestyle = 'ISO, YMD';
SET timezone = 'UTC';
CREATE TYPE mood AS ENUM ('sad', 'true', '7', '[1, 2]');

-- every kind of JSON value, and strings that some type or other accepts
CREATE TABLE inputs (v jsonb);
INSERT INTO inputs VALUES
	('null'), ('true'), ('false'),
	('0'), ('7'), ('-7'), ('1.50'), ('1e3'), ('1e-20'), ('1e400'), ('12345678901234567890.5'),
	('{}'), ('[]'), ('{"a": 1, "b": [true, null, "x"]}'), ('[1, 2]'), ('[[1.50, "x"], null]'),
	('""'), ('" "'), ('"a"'), ('"abcdefghij"'), ('"abc   "'), ('"sad"'), ('"SAD"'), ('"true"'), ('"7"'), ('" 7 "'),
	('"Ünïcödé ✓ 𝄞"'), ('"line\nbreak\ttab \\ \" quote"'), ('"NaN"'), ('"infinity"'), ('"$1,234.56"'),
	('"2024-02-29"'), ('"2024-02-30"'), ('"12:34:56.789123+02"'), ('"2024-02-29T12:34:56.789123+02:00"'), ('"1 day 02:03:04.567"'),
	('"a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11"'), ('"10.0.0.1/8"'), ('"10.0.0.0/8"'), ('"08:00:2b:01:02:03"'), ('"08:00:2b:01:02:03:04:05"'),
	('"1010"'), ('"x1F"'), ('"(1,2)"'), ('"[(1,2),(3,4)]"'), ('"<(1,2),3>"'), ('"{1,2,3}"'), ('"1 2 3"'),
	('"[1,3]"'), ('"{[1,2],[4,5]}"'), ('"empty"'), ('"[2024-01-01,2024-01-02]"'), ('"{[2024-01-01,2024-01-02]}"'),
	('"0/1"'), ('"1:2:1"'), ('"pg_class"'), ('"a & b"'), ('"a:1 b:2"'), ('"$.a"'), ('"<a/>"'), ('"<a"');

-- the result of a query, or all that its error says
CREATE FUNCTION attempt(query text, OUT result text, OUT failed boolean)
LANGUAGE plpgsql AS $$
DECLARE
	detail text;
	hint text;
BEGIN
	EXECUTE query INTO result;
	failed := false;
EXCEPTION WHEN OTHERS THEN
	GET STACKED DIAGNOSTICS detail = PG_EXCEPTION_DETAIL, hint = PG_EXCEPTION_HINT;
	result := concat_ws('|', SQLSTATE, SQLERRM, detail, hint);
	failed := true;
END $$;

-- each input by both, into a column of the type
CREATE FUNCTION compare(type text)
RETURNS TABLE (input jsonb, ours text, theirs text, failed boolean)
LANGUAGE plpgsql AS $$
BEGIN
	EXECUTE format('CREATE TABLE typed (id int PRIMARY KEY, v %s)', type);
	RETURN QUERY
		SELECT v, o.result, t.result, t.failed
		FROM inputs,
			LATERAL format('jsonb_build_object(''v'', %L::jsonb)', v) AS object,
			LATERAL attempt('SELECT (g.record).v::text FROM get_or_create(NULL::typed, jsonb_build_object(''id'', (SELECT count(*) FROM typed)), ' || object || ') g') AS o,
			LATERAL attempt('SELECT v::text FROM jsonb_populate_record(NULL::typed, ' || object || ')') AS t;
	DROP TABLE typed;
END $$;

CREATE TABLE comparisons AS
SELECT type, c.*
FROM (SELECT format_type(oid, NULL) FROM pg_type
	  WHERE typnamespace = 'pg_catalog'::regnamespace AND typtype IN ('b', 'r', 'm')
		AND typelem = 0 AND typname !~ '^pg_.*(_|brin|node)|^gtsvector$|^bytea$'
	  UNION ALL
	  SELECT unnest(ARRAY['mood', 'varchar(3)', 'char(3)', 'numeric(4,1)', 'numeric(3,-2)', 'bit(4)', 'varbit(3)',
		'timestamptz(2)', 'timestamp(0)', 'time(1)', 'timetz(1)', 'interval(1)', 'interval year to month',
		'name', 'point', 'box', 'int2vector'])) types (type),
	LATERAL compare(type) AS c;

-- none differs, and there is much to differ in
SELECT type, input, ours, theirs FROM comparisons WHERE ours IS DISTINCT FROM theirs;
SELECT count(*) FILTER (WHERE NOT failed) > 1000 AS accepted, count(*) FILTER (WHERE failed) > 1000 AS refused
FROM comparisons;

DROP SCHEMA goc_scalars CASCADE;
