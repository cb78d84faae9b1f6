--
-- get_or_create: values of every kind of type, as key and beside the key
--
\getenv abs_srcdir PG_ABS_SRCDIR
\i :abs_srcdir/sql/include/setup.sql
CREATE SCHEMA goc_types;
SET search_path = goc_types, public;
SET datestyle = 'ISO, YMD';
SET timezone = 'UTC';
SET intervalstyle = 'postgres';
SET extra_float_digits = 1;
SET bytea_output = 'hex';

--
-- Each spelling is looked up twice: in a table whose key it is, and in a
-- table with another key, where it is compared by the type's own equality.
-- as_key: was it created?  beside_key: was it created, or which error?
-- stored: what the found or created row holds.  Once it is there, a call that
-- locks it, and so looks by a statement instead of directly, must find the
-- same, and so must one that has no index to go by.
--
CREATE FUNCTION spellings(type text, VARIADIC given jsonb[])
RETURNS TABLE (spelling jsonb, stored text, as_key text, beside_key text)
LANGUAGE plpgsql AS $$
DECLARE
	same boolean;
BEGIN
	EXECUTE format('CREATE TABLE keyed (k %s UNIQUE)', type);
	EXECUTE format('CREATE TABLE beside (id int PRIMARY KEY, k %s)', type);
	FOREACH spelling IN ARRAY given LOOP
		BEGIN
			EXECUTE 'SELECT (g.record).k, was_created FROM get_or_create(NULL::keyed, jsonb_build_object(''k'', $1)) g'
				INTO stored, as_key USING spelling;
			EXECUTE 'SELECT was_created FROM get_or_create(NULL::beside, jsonb_build_object(''id'', 1, ''k'', $1)) g'
				INTO beside_key USING spelling;
		EXCEPTION WHEN unique_violation THEN
			EXECUTE 'SELECT (g.record).k, was_created FROM get_or_create(NULL::keyed, jsonb_build_object(''k'', $1)) g'
				INTO stored, as_key USING spelling;
			beside_key := SQLSTATE;
		END;
		EXECUTE 'SELECT NOT was_created AND (g.record).k::text = $2 FROM get_or_create(NULL::keyed, jsonb_build_object(''k'', $1), lock_strength => ''key share'') g'
			INTO same USING spelling, stored;
		ASSERT same, 'by a statement: ' || spelling;
		IF beside_key <> '23505' THEN
			EXECUTE 'SELECT NOT was_created FROM get_or_create(NULL::beside, jsonb_build_object(''k'', $1), require_unique => false) g'
				INTO same USING spelling;
			ASSERT same, 'without an index: ' || spelling;
		END IF;
		RETURN NEXT;
	END LOOP;
	DROP TABLE keyed, beside;
END $$;

-- numbers: 1.50 and 1.5 are equal; nothing goes through a double
SELECT * FROM spellings('int', '7', '"7"', '" 7 "', '-7', '2147483647');
SELECT * FROM spellings('bigint', '9007199254740993', '"9007199254740993"', '9007199254740992');
SELECT * FROM spellings('smallint', '1', '"1"', '32767');
SELECT * FROM spellings('numeric', '1.50', '1.5', '"1.500"', '15e-1', '12345678901234567890.123456789', '12345678901234567890.123456788', '"NaN"', '"nan"', '"Infinity"', '1e-20');
SELECT * FROM spellings('numeric(6, 2)', '1.005', '1.01', '"1.014"', '1.02');
SELECT * FROM spellings('float8', '0.1', '"0.1"', '0', '"-0"', '"NaN"', '1e30', '0.30000000000000004');
SELECT * FROM spellings('real', '0.1', '"0.1000000001"', '"-Infinity"');
SELECT * FROM spellings('boolean', 'true', '"yes"', '"t"', 'false', '"0"');
-- text and its kin
SELECT * FROM spellings('text', '"a"', '"A"', '"a "', '""', '7', '"7"', 'true', '"Ünïcödé ✓ 𝄞"', '"new\nline"', '"it''s \\ \"q\""', '{"a": 1}', '[1]');
SELECT * FROM spellings('varchar(5)', '"abc"', '"abc "', '"abcde"', '"abcde   "');
SELECT * FROM spellings('char(5)', '"abc"', '"abc "', '"abc  "', '" abc"');
SELECT * FROM spellings('"char"', '"a"', '"b"', '""');
SELECT * FROM spellings('name', '"a"', '"A"');
-- times: one instant in two zones is one key
SELECT * FROM spellings('timestamptz', '"2024-01-01T00:00:00Z"', '"2024-01-01 01:00:00+01"', '"2023-12-31 19:00 America/New_York"', '"infinity"', '"2024-01-01T00:00:00.000001Z"');
SELECT * FROM spellings('timestamp', '"2024-01-01T00:00:00"', '"2024-01-01"', '"2024-01-01 00:00:00.5"');
SELECT * FROM spellings('date', '"2024-02-29"', '"20240229"', '"Feb 29, 2024"', '"-infinity"');
SELECT * FROM spellings('time', '"04:05"', '"04:05:00"', '"04:05 PM"');
SELECT * FROM spellings('timetz', '"04:05+00"', '"04:05+01"');
SELECT * FROM spellings('interval', '"1 day"', '"24:00:00"', '"P1D"', '"1 month"', '"30 days"');
-- identifiers and addresses
SELECT * FROM spellings('uuid', '"a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11"', '"A0EEBC99-9C0B-4EF8-BB6D-6BB9BD380A11"', '"{a0eebc999c0b4ef8bb6d6bb9bd380a11}"', '"00000000-0000-0000-0000-000000000000"');
SELECT * FROM spellings('inet', '"10.0.0.1"', '"10.0.0.1/32"', '"10.0.0.1/24"', '"::1"');
SELECT * FROM spellings('cidr', '"10.0.0.0/8"', '"10/8"');
SELECT * FROM spellings('macaddr', '"08:00:2b:01:02:03"', '"08002b-010203"');
SELECT * FROM spellings('oid', '1', '"1"', '4294967295');
SELECT * FROM spellings('regclass', '"pg_class"', '"pg_catalog.pg_class"', '"pg_type"');
SELECT * FROM spellings('pg_lsn', '"1/80000000"', '"01/80000000"');
SELECT * FROM spellings('bit(4)', '"1010"', '"xA"', '"0101"');
SELECT * FROM spellings('varbit', '"1"', '"10"', '"1"');
SELECT * FROM spellings('tsvector', '"a b"', '"b a"', '"a"');
-- enums
CREATE TYPE mood AS ENUM ('sad', 'ok', 'So "so"');
SELECT * FROM spellings('mood', '"sad"', '"sad"', '"So \"so\""');
-- domains: of a scalar, of a domain, of an array
CREATE DOMAIN positive AS int CHECK (VALUE > 0);
CREATE DOMAIN small_positive AS positive CHECK (VALUE < 100);
CREATE DOMAIN words AS text[] CHECK (cardinality(VALUE) > 0);
CREATE DOMAIN lowercase AS text COLLATE "C" CHECK (VALUE = lower(VALUE));
SELECT * FROM spellings('small_positive', '7', '"7"', '8');
SELECT * FROM spellings('words', '["a", "b"]', '"{a,b}"', '["b", "a"]');
SELECT * FROM spellings('lowercase', '"a"', '"a"', '"b"');
-- arrays: JSON arrays and array literals, nulls, empty, two dimensions
SELECT * FROM spellings('int[]', '[1, 2]', '"{1,2}"', '["1", 2]', '[2, 1]', '[]', '"{}"', '[1, null]', '"{1,NULL}"', '[[1, 2], [3, 4]]', '"{{1,2},{3,4}}"');
SELECT * FROM spellings('text[]', '["a,b", "\"q\"", null, ""]', '"{\"a,b\",\"\\\"q\\\"\",NULL,\"\"}"', '["NULL"]', '[null]');
SELECT * FROM spellings('mood[]', '["sad", "ok"]', '"{sad,ok}"');
-- composites: by name or as a literal; what is not named is NULL
CREATE TYPE pair AS (x int, y text);
CREATE TYPE nested AS (p pair, tags text[], m mood);
SELECT * FROM spellings('pair', '{"x": 1, "y": "a"}', '{"y": "a", "x": "1"}', '"(1,a)"', '{"x": 1}', '{"x": 1, "y": null}');
SELECT * FROM spellings('nested', '{"p": {"x": 1, "y": "a,b"}, "tags": ["t"], "m": "ok"}', '"(\"(1,\"\"a,b\"\")\",{t},ok)"', '{"p": null, "tags": []}');
SELECT * FROM spellings('pair[]', '[{"x": 1, "y": "a"}]', '"{\"(1,a)\"}"', '[]');
-- ranges: [1,3] and [1,4) are one
SELECT * FROM spellings('int4range', '"[1,3]"', '"[1,4)"', '"(0,3]"', '"empty"', '"(,)"');
SELECT * FROM spellings('tstzrange', '"[2024-01-01T00:00Z,2024-01-02T00:00Z)"', '"[2024-01-01 01:00+01,2024-01-02 00:00+00)"');
SELECT * FROM spellings('numrange', '"[1.0,2.0]"', '"[1,2]"');
SELECT * FROM spellings('int4multirange', '"{[1,2],[3,4]}"', '"{[1,5)}"', '"{}"');
-- bytea: hex only
SELECT * FROM spellings('bytea', '"\\xdeadbeef"', '"\\xDEADBEEF"', '"\\x de ad be ef"', '"\\x"', '"\\x00"');
-- jsonb: order of keys and spelling of numbers do not matter
SELECT * FROM spellings('jsonb', '{"a": 1, "b": [2]}', '{"b": [2], "a": 1}', '{"b": [2], "a": 1.0}', '"string"', '"\"string\""', '7', '[]', '{}', 'true');

-- JSON null is SQL NULL for every type, jsonb and domains over it included
CREATE TABLE nulls (a jsonb, b int[], c pair, d bytea, e json, id int UNIQUE);
SELECT (g.record).a IS NULL AS a, (g.record).b IS NULL AS b, (g.record).c IS NULL AS c,
       (g.record).d IS NULL AS d, (g.record).e IS NULL AS e, was_created
FROM get_or_create(NULL::nulls, '{"id": 1, "a": null, "b": null, "c": null, "d": null}', '{"e": null}') g;
SELECT was_created
FROM get_or_create(NULL::nulls, '{"id": 1, "a": null, "b": null, "c": null, "d": null}') g;
-- but inside a jsonb column it is JSON's
SELECT (g.record).a FROM get_or_create(NULL::nulls, '{"id": 2}', '{"a": {"x": null}}') g;

-- a type without equality: fine among the defaults, 42883 in the lookup
CREATE TABLE shapes (id int PRIMARY KEY, p point, j json);
SELECT * FROM get_or_create(NULL::shapes, '{"id": 1}', '{"p": "(1,2)", "j": {"b": 1, "a": 2}}');
SELECT * FROM get_or_create(NULL::shapes, '{"id": 1}', '{"p": "(3,4)"}');
CALL pg_temp.fails($$SELECT get_or_create(NULL::shapes, '{"id": 1, "p": "(1,2)"}')$$);
CALL pg_temp.fails($$SELECT get_or_create(NULL::shapes, '{"id": 1, "j": {"b": 1, "a": 2}}')$$);
-- alike on a miss
CALL pg_temp.fails($$SELECT get_or_create(NULL::shapes, '{"id": 2, "p": "(1,2)"}')$$);
-- arrays and composites of such types have none either
CREATE TABLE shape_arrays (id int PRIMARY KEY, p point[]);
SELECT * FROM get_or_create(NULL::shape_arrays, '{"id": 1}', '{"p": ["(1,2)"]}');
CALL pg_temp.fails($$SELECT get_or_create(NULL::shape_arrays, '{"id": 1, "p": ["(1,2)"]}')$$);

-- equality by record image: (1.0) and (1.00) are two keys
CREATE TYPE amount AS (n numeric);
CREATE TABLE images (a amount);
CREATE UNIQUE INDEX images_image ON images (a record_image_ops);
SELECT * FROM get_or_create(NULL::images, '{"a": {"n": 1.0}}');
SELECT * FROM get_or_create(NULL::images, '{"a": {"n": 1.00}}');
SELECT * FROM get_or_create(NULL::images, '{"a": {"n": 1.0}}');

-- values that do not convert: PostgreSQL's own errors
CREATE TABLE strict (i int UNIQUE, m mood UNIQUE, d small_positive UNIQUE, v varchar(3) UNIQUE, a int[] UNIQUE, t timestamptz UNIQUE, c pair UNIQUE);
CALL pg_temp.fails($$SELECT get_or_create(NULL::strict, '{"i": "x"}')$$);
CALL pg_temp.fails($$SELECT get_or_create(NULL::strict, '{"i": 1.5}')$$);
CALL pg_temp.fails($$SELECT get_or_create(NULL::strict, '{"i": 2147483648}')$$);
CALL pg_temp.fails($$SELECT get_or_create(NULL::strict, '{"m": "angry"}')$$);
CALL pg_temp.fails($$SELECT get_or_create(NULL::strict, '{"d": 0}')$$);
CALL pg_temp.fails($$SELECT get_or_create(NULL::strict, '{"d": 100}')$$);
CALL pg_temp.fails($$SELECT get_or_create(NULL::strict, '{"v": "abcd"}')$$);
CALL pg_temp.fails($$SELECT get_or_create(NULL::strict, '{"a": 5}')$$);
CALL pg_temp.fails($$SELECT get_or_create(NULL::strict, '{"a": [[1], 2]}')$$);
CALL pg_temp.fails($$SELECT get_or_create(NULL::strict, '{"t": "2024-02-30"}')$$);
CALL pg_temp.fails($$SELECT get_or_create(NULL::strict, '{"c": {"x": "y"}}')$$);
-- they are raised on a hit as well, for the lookup
SELECT was_created FROM get_or_create(NULL::strict, '{"i": 1}');
CALL pg_temp.fails($$SELECT get_or_create(NULL::strict, '{"i": 1, "m": "angry"}')$$);
SELECT was_created FROM get_or_create(NULL::strict, '{"i": 1}', '{"m": "angry", "d": 0}');

-- a domain that is not null: checked for the columns that are named, only
CREATE DOMAIN required AS text NOT NULL CHECK (VALUE <> '');
CREATE TABLE requires (id int PRIMARY KEY, r required DEFAULT 'given', s required);
SELECT * FROM get_or_create(NULL::requires, '{"id": 1}', '{"s": "x"}');
SELECT * FROM get_or_create(NULL::requires, '{"id": 1}');
CALL pg_temp.fails($$SELECT get_or_create(NULL::requires, '{"id": 2}')$$);
CALL pg_temp.fails($$SELECT get_or_create(NULL::requires, '{"id": 2}', '{"s": null}')$$);
CALL pg_temp.fails($$SELECT get_or_create(NULL::requires, '{"id": 2, "r": null}', '{"s": "x"}')$$);
CALL pg_temp.fails($$SELECT get_or_create(NULL::requires, '{"id": 2}', '{"s": ""}')$$);

-- bytea must be a string that begins with \x, else 22P02 with a hint: in the
-- lookup, in the defaults, through a domain; not inside an array or composite
CREATE DOMAIN digest AS bytea CHECK (length(VALUE) < 5);
CREATE TYPE blob_in AS (b bytea);
CREATE TABLE blobs (id int PRIMARY KEY, b bytea UNIQUE, d digest, a bytea[], c blob_in);
CALL pg_temp.fails($$SELECT get_or_create(NULL::blobs, '{"b": "3q2+7w=="}', '{"id": 1}')$$);
CALL pg_temp.fails($$SELECT get_or_create(NULL::blobs, '{"b": ""}', '{"id": 1}')$$);
CALL pg_temp.fails($$SELECT get_or_create(NULL::blobs, '{"b": "\\336\\255"}', '{"id": 1}')$$);
CALL pg_temp.fails($$SELECT get_or_create(NULL::blobs, '{"b": "x00"}', '{"id": 1}')$$);
CALL pg_temp.fails($$SELECT get_or_create(NULL::blobs, '{"b": 12}', '{"id": 1}')$$);
CALL pg_temp.fails($$SELECT get_or_create(NULL::blobs, '{"b": [1, 2]}', '{"id": 1}')$$);
CALL pg_temp.fails($$SELECT get_or_create(NULL::blobs, '{"b": {"type": "Buffer", "data": [1]}}', '{"id": 1}')$$);
CALL pg_temp.fails($$SELECT get_or_create(NULL::blobs, '{"b": true}', '{"id": 1}')$$);
CALL pg_temp.fails($$SELECT get_or_create(NULL::blobs, '{"id": 1}', '{"b": "3q2+7w=="}')$$);
CALL pg_temp.fails($$SELECT get_or_create(NULL::blobs, '{"id": 1}', '{"d": "3q2+7w=="}')$$);
CALL pg_temp.fails($$SELECT get_or_create(NULL::blobs, '{"id": 1}', '{"b": "\\xzz"}')$$);
SELECT * FROM get_or_create(NULL::blobs, '{"id": 1}', '{"b": "\\xdeadbeef", "d": "\\x00", "a": ["abc", "\\x01"], "c": {"b": "abc"}}');
SELECT * FROM get_or_create(NULL::blobs, '{"b": "\\xDEADBEEF"}');
SELECT was_created FROM get_or_create(NULL::blobs, '{"id": 2, "b": null}');
-- a value made by to_jsonb comes with \x
SELECT was_created FROM get_or_create(NULL::blobs, jsonb_build_object('b', '\xdeadbeef'::bytea));

-- NULL is not a composite value whose fields are all NULL, however the row is
-- looked for
CREATE TYPE two AS (a int, b text);
CREATE TABLE twos (t two);
INSERT INTO twos VALUES (ROW(NULL, NULL)), (ROW(NULL, NULL));
SELECT t.record::text, t.was_created
FROM get_or_create(NULL::twos, '{"t": null}', require_unique => false) AS t;
SELECT count(*) FROM twos WHERE t IS NOT DISTINCT FROM NULL;
CREATE TABLE keyed_twos (t two, UNIQUE NULLS NOT DISTINCT (t));
CREATE VIEW shown_twos AS SELECT * FROM keyed_twos;
INSERT INTO keyed_twos VALUES (ROW(NULL, NULL));
SELECT t.record::text, t.was_created FROM get_or_create(NULL::shown_twos, '{"t": null}') AS t;
SELECT t.record::text, t.was_created FROM get_or_create(NULL::shown_twos, '{"t": null}') AS t;
SELECT t.record::text, t.was_created FROM get_or_create(NULL::shown_twos, '{"t": {}}') AS t;

SET client_min_messages = warning;
DROP SCHEMA goc_types CASCADE;
