--
-- classify_integrity_error: a message in words that no catalogue has; here a
-- made-up language, in all kinds of quotes
--
\getenv abs_srcdir PG_ABS_SRCDIR
\i :abs_srcdir/sql/include/classify.sql
SET client_min_messages = warning;
CREATE SCHEMA words;
CREATE SCHEMA other;
SET search_path = words, public;
CREATE TABLE cities (id int CONSTRAINT cities_id PRIMARY KEY, name text CONSTRAINT cities_name UNIQUE, part_of int CONSTRAINT cities_part_of REFERENCES cities);
CREATE TABLE streets (id int CONSTRAINT streets_id PRIMARY KEY, city int NOT NULL CONSTRAINT streets_city REFERENCES cities,
	length int CONSTRAINT streets_length CHECK (length > 0));
CREATE TABLE other.cities (name text CONSTRAINT cities_name2 UNIQUE, twice int CONSTRAINT twice UNIQUE);
CREATE TABLE twice (twice int CONSTRAINT twice_too UNIQUE);
CREATE UNIQUE INDEX cities_name2 ON cities (name, id);

CREATE FUNCTION pg_temp.read(sqlstate text, body text) RETURNS text LANGUAGE sql AS $$
	SELECT pg_temp.facts(classify_integrity_error(body, sqlstate => sqlstate)) $$;
SELECT pg_temp.read('23505', 'la nomo "cities_name" estas jam uzata');
SELECT pg_temp.read('23505', 'la nomo »cities_name« estas jam uzata') AS a, pg_temp.read('23505', 'la nomo « cities_name » estas jam uzata') AS b;
SELECT pg_temp.read('23505', 'la nomo „cities_name“ estas jam uzata') AS a, pg_temp.read('23505', '名「cities_name」') AS b;
SELECT key_values FROM classify_integrity_error('la nomo "cities_name" estas jam uzata', 'La nomo (name)=(Urbo (a)=(b)) estas.', '23505');
-- the DETAIL tells which of two
SELECT pg_temp.facts(classify_integrity_error('la nomo "cities_name2" estas jam uzata', 'La nomo (name)=(Urbo) estas.', '23505'));
SELECT pg_temp.facts(classify_integrity_error('la nomo "cities_name2" estas jam uzata', NULL, '23505'));
SELECT pg_temp.facts(classify_integrity_error('la nomo "cities_name" estas jam uzata', 'La nomo (id)=(1) estas.', '23505'));
-- both sides of a foreign key, also of one to the table itself
SELECT pg_temp.facts(classify_integrity_error('enmeto en "streets" rompas "streets_city"', 'Mankas (city)=(5) en "cities".', '23503'));
SELECT pg_temp.facts(classify_integrity_error('forigo en "cities" rompas "streets_city" de "streets"', 'Uzata (id)=(5) en "streets".', '23503'));
SELECT pg_temp.facts(classify_integrity_error('forigo en "cities" rompas "streets_city" de "streets"', 'Uzata (id)=(5) en "streets".', '23001'));
SELECT pg_temp.facts(classify_integrity_error('enmeto en "cities" rompas "cities_part_of"', 'Mankas (part_of)=(5) en "cities".', '23503'));
SELECT pg_temp.facts(classify_integrity_error('forigo en "cities" rompas "cities_part_of" de "cities"', 'Uzata (id)=(5) en "cities".', '23503'));
SELECT pg_temp.read('23514', 'vico de "streets" rompas "streets_length"') AS "check", pg_temp.read('23502', 'kolumno "city" de "streets" ne havu NULL') AS not_null;
-- with the names in the fields, the words still tell the side of a foreign key, and the catalog the rest
SELECT pg_temp.facts(classify_integrity_error('enmeto en "streets" rompas "streets_city"', 'Mankas (city)=(5) en "cities".', '23503', 'words', 'streets', '', 'streets_city', ''));
SELECT pg_temp.facts(classify_integrity_error('forigo en "cities" rompas "streets_city" de "streets"', 'Uzata (id)=(5) en "streets".', '23503', 'words', 'streets', '', 'streets_city', ''));
SELECT pg_temp.facts(classify_integrity_error('forigo en "cities" rompas "cities_part_of" de "cities"', 'Uzata (id)=(5) en "cities".', '23503', 'words', 'cities', '', 'cities_part_of', ''));
SELECT pg_temp.facts(classify_integrity_error('rompas "io" kaj "tio"', '', '23503', 'words', 'streets', '', 'streets_city', ''));
CREATE TABLE parted (a int) PARTITION BY LIST (a);
CREATE TABLE parted_1 PARTITION OF parted FOR VALUES IN (1) PARTITION BY LIST (a);
CREATE TABLE parted_1_1 PARTITION OF parted_1 FOR VALUES IN (1);
SELECT pg_temp.facts(classify_integrity_error('neniu parto de "parted"', '', '23514', 'words', 'parted', '', '', '')) AS root,
	pg_temp.facts(classify_integrity_error('ne en "parted_1_1"', '', '23514', 'words', 'parted_1_1', '', '', '')) AS leaf;
SELECT pg_temp.facts(classify_integrity_error('ne en "parted_1"', '', '23514', 'words', 'parted_1', '', '', '')) AS either,
	pg_temp.facts(classify_integrity_error('ne en "streets"', '', '23514', 'words', 'streets', '', '', '')) AS neither;
-- not known, or not one
SELECT pg_temp.read('23505', 'la nomo "ĉefurbo" estas jam uzata') AS no_such, pg_temp.read('23505', 'la nomo "streets_length" estas jam uzata') AS no_index,
	pg_temp.read('23505', 'la nomo "cities_name" kaj "cities_id" estas jam uzata') AS two, pg_temp.read('23514', 'rompas "streets_length"') AS no_table;
SELECT pg_temp.read('23505', 'a " b'), pg_temp.read('23505', '""'), pg_temp.read('23505', '"a" "b" "c" "d" "e" "f" "cities_name"');
SELECT pg_temp.read(NULL, 'la nomo "cities_name" estas jam uzata') AS no_sqlstate, pg_temp.read('P0001', 'la nomo "cities_name" estas jam uzata') AS another;
-- the server named nothing
SELECT pg_temp.facts(classify_integrity_error('la nomo "cities_name" estas jam uzata', '', '23505', '', '', '', '', ''));

RESET search_path;
DROP SCHEMA words, other CASCADE;
