--
-- update_or_create: text that is equal under a collation and yet differs
--
\getenv abs_srcdir PG_ABS_SRCDIR
\i :abs_srcdir/sql/include/setup.sql
-- needs ICU and a UTF8 database: expected/update_or_create_collation_1.out
SELECT getdatabaseencoding() <> 'UTF8' OR
       (SELECT count(*) FROM pg_collation WHERE collname = 'und-x-icu') = 0
       AS skip_test \gset
\if :skip_test
\quit
\endif
CREATE SCHEMA uoc_collation;
SET search_path = uoc_collation, public;
CREATE COLLATION case_insensitive (provider = icu, locale = 'und-u-ks-level2', deterministic = false);
CREATE TABLE people (name text COLLATE case_insensitive PRIMARY KEY, city text COLLATE case_insensitive);

-- The key is decided by its collation and stays as it is; what is set is
-- compared byte by byte.
SELECT * FROM update_or_create(NULL::people, '{"name": "Ann"}', '{"city": "Rome"}');
SELECT * FROM update_or_create(NULL::people, '{"name": "ANN"}', '{"city": "Rome"}');
SELECT * FROM update_or_create(NULL::people, '{"name": "ANN"}', '{"city": "ROME"}');
SELECT * FROM update_or_create(NULL::people, '{"name": "ann"}', '{"city": "R\u00f6me"}');
-- the same letters, composed otherwise
SELECT * FROM update_or_create(NULL::people, '{"name": "ann"}', '{"city": "Ro\u0308me"}');
SELECT * FROM update_or_create(NULL::people, '{"name": "ann"}', '{"city": "Ro\u0308me"}');
-- a residual lookup column is compared by the column's own equality
SELECT * FROM update_or_create(NULL::people, '{"name": "aNN", "city": "RO\u0308ME"}');
SELECT octet_length(city) AS bytes FROM people;

SET client_min_messages = warning;
DROP SCHEMA uoc_collation CASCADE;
