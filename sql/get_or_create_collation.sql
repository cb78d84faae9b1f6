--
-- get_or_create: collations that say what is equal
--
\getenv abs_srcdir PG_ABS_SRCDIR
\i :abs_srcdir/sql/include/setup.sql
-- needs ICU and a UTF8 database: expected/get_or_create_collation_1.out
SELECT getdatabaseencoding() <> 'UTF8' OR
       (SELECT count(*) FROM pg_collation WHERE collname = 'und-x-icu') = 0
       AS skip_test \gset
\if :skip_test
\quit
\endif
CREATE SCHEMA goc_collation;
SET search_path = goc_collation, public;
CREATE COLLATION case_insensitive (provider = icu, locale = 'und-u-ks-level2', deterministic = false);
CREATE COLLATION accent_insensitive (provider = icu, locale = 'und-u-kc-ks-level1', deterministic = false);

-- The column's collation is nondeterministic: Ann, ANN are one key.
CREATE TABLE people (id int GENERATED ALWAYS AS IDENTITY, name text COLLATE case_insensitive UNIQUE, city text COLLATE accent_insensitive, v text);
SELECT * FROM get_or_create(NULL::people, '{"name": "Ann"}', '{"city": "Köln"}');
SELECT * FROM get_or_create(NULL::people, '{"name": "ANN"}');
SELECT * FROM get_or_create(NULL::people, '{"name": "Änn"}');
-- precomposed and decomposed are one
SELECT * FROM get_or_create(NULL::people, '{"name": "A\u0308NN"}');
-- Beside the key the column's own collation compares.
SELECT * FROM get_or_create(NULL::people, '{"name": "ann", "city": "Koln"}');
CALL pg_temp.fails($$SELECT get_or_create(NULL::people, '{"name": "ann", "city": "KOLN"}')$$);

-- The index's collation differs from the column's: the index decides.
CREATE TABLE indexed (name text COLLATE "C", v text);
CREATE UNIQUE INDEX indexed_name ON indexed (name COLLATE case_insensitive);
SELECT * FROM get_or_create(NULL::indexed, '{"name": "Ann"}', '{"v": "1"}');
SELECT * FROM get_or_create(NULL::indexed, '{"name": "aNN"}');
-- and the other way round
CREATE TABLE indexed2 (name text COLLATE case_insensitive, v text);
CREATE UNIQUE INDEX indexed2_name ON indexed2 (name COLLATE "C");
SELECT * FROM get_or_create(NULL::indexed2, '{"name": "Ann"}', '{"v": "1"}');
SELECT * FROM get_or_create(NULL::indexed2, '{"name": "aNN"}', '{"v": "2"}');
SELECT * FROM get_or_create(NULL::indexed2, '{"name": "Ann"}', '{"v": "3"}');

-- Two indexes on the one column: bare columns would infer both.
CREATE TABLE two (name text COLLATE "C", v text);
CREATE UNIQUE INDEX two_a ON two (name);
CREATE UNIQUE INDEX two_b ON two (name COLLATE case_insensitive);
SELECT * FROM get_or_create(NULL::two, '{"name": "Ann"}', '{"v": "1"}');
-- two_a: not there, and then in conflict with two_b: its 23505
CALL pg_temp.fails($$SELECT get_or_create(NULL::two, '{"name": "ANN"}')$$);
CALL pg_temp.fails($$SELECT get_or_create(NULL::two, '{"name": "ANN"}', arbiter => 'two_a')$$);
SELECT * FROM get_or_create(NULL::two, '{"name": "ANN"}', arbiter => 'two_b');

-- inside an expression, around it, and in a predicate
CREATE TABLE expressions (a text, b text, v text);
CREATE UNIQUE INDEX ON expressions ((a || b) COLLATE case_insensitive) WHERE a < 'zz' COLLATE "C";
SELECT * FROM get_or_create(NULL::expressions, '{"a": "x", "b": "y"}', '{"v": "1"}');
SELECT * FROM get_or_create(NULL::expressions, '{"a": "X", "b": "Y"}');
SET search_path = pg_catalog;
SELECT * FROM public.get_or_create(NULL::goc_collation.expressions, '{"a": "xY", "b": ""}');
SELECT * FROM public.get_or_create(NULL::goc_collation.expressions, '{"a": "Z", "b": ""}');
SELECT * FROM public.get_or_create(NULL::goc_collation.two, '{"name": "aNN"}', arbiter => 'two_b');
SELECT * FROM public.get_or_create(NULL::goc_collation.two, '{"name": "Bob"}', arbiter => 'two_b');
SET search_path = goc_collation, public;

-- a domain with a collation, an array of a collated type, a composite key
CREATE DOMAIN label AS text COLLATE case_insensitive;
CREATE TABLE labels (l label, a text[] COLLATE case_insensitive, n int, UNIQUE (l, n));
SELECT * FROM get_or_create(NULL::labels, '{"l": "X", "n": 1, "a": ["p"]}');
SELECT * FROM get_or_create(NULL::labels, '{"l": "x", "n": 1, "a": ["P"]}');
-- partitioned: the partition key's collation is the column's
CREATE TABLE parts (name text COLLATE case_insensitive, n int, v text, UNIQUE (name, n)) PARTITION BY LIST (n);
CREATE TABLE parts_1 PARTITION OF parts FOR VALUES IN (1);
CREATE TABLE parts_2 PARTITION OF parts DEFAULT;
SELECT * FROM get_or_create(NULL::parts, '{"name": "Ann", "n": 1}', '{"v": "1"}');
SELECT * FROM get_or_create(NULL::parts, '{"name": "aNN", "n": 1}');
SELECT * FROM get_or_create(NULL::parts, '{"name": "aNN", "n": 2}');
-- without a unique index: hashed by the collation, so that equal names meet
CREATE TABLE bare (name text COLLATE case_insensitive);
SELECT * FROM get_or_create(NULL::bare, '{"name": "Ann"}', require_unique => false);
SELECT * FROM get_or_create(NULL::bare, '{"name": "ANN"}', require_unique => false);

SET client_min_messages = warning;
DROP SCHEMA goc_collation CASCADE;
