--
-- classify_integrity_error: what is hard to get right
--
\getenv abs_srcdir PG_ABS_SRCDIR
\i :abs_srcdir/sql/include/classify.sql
SET client_min_messages = warning;
CREATE SCHEMA hard;
CREATE SCHEMA other;
SET search_path = hard, public;

-- What is broken in a leaf partition is reported where it was declared.
CREATE TABLE owners (id int PRIMARY KEY);
CREATE TABLE cars (id int, country text NOT NULL, plate text, owner int, doors int CONSTRAINT doors_enough CHECK (doors > 1),
  CONSTRAINT cars_pk PRIMARY KEY (id, country), CONSTRAINT cars_owner FOREIGN KEY (owner) REFERENCES owners) PARTITION BY LIST (country);
CREATE UNIQUE INDEX cars_plate ON cars (country, lower(plate));
CREATE TABLE cars_de PARTITION OF cars FOR VALUES IN ('de');
CREATE TABLE other.cars_fr PARTITION OF cars FOR VALUES IN ('fr', 'mc') PARTITION BY LIST (country);
CREATE TABLE other.cars_fr_1 PARTITION OF other.cars_fr FOR VALUES IN ('fr');
CREATE UNIQUE INDEX cars_de_only ON cars_de (doors);
INSERT INTO cars VALUES (1, 'de', 'B-1', NULL, 3), (1, 'fr', 'P-1', NULL, 3);
SELECT * FROM pg_temp.broken('leaf, primary key', $$INSERT INTO cars VALUES (1, 'de', NULL, NULL, 4)$$);
SELECT * FROM pg_temp.broken('leaf of a leaf, primary key', $$INSERT INTO cars VALUES (1, 'fr', NULL, NULL, 4)$$);
SELECT * FROM pg_temp.broken('leaf, index of its parent', $$INSERT INTO cars VALUES (2, 'de', 'b-1', NULL, 4)$$);
SELECT * FROM pg_temp.broken('leaf, index of its own', $$INSERT INTO cars VALUES (2, 'de', NULL, NULL, 3)$$);
SELECT * FROM pg_temp.broken('leaf, not null', $$INSERT INTO cars_de VALUES (NULL, 'de')$$);
SELECT * FROM pg_temp.broken('leaf, check', $$INSERT INTO cars VALUES (3, 'fr', NULL, NULL, 0)$$);
SELECT * FROM pg_temp.broken('leaf, foreign key', $$INSERT INTO cars VALUES (3, 'fr', NULL, 99, 2)$$);
SELECT * FROM pg_temp.broken('no leaf below a leaf', $$INSERT INTO cars VALUES (9, 'mc', NULL, NULL, 2)$$);
SELECT * FROM pg_temp.broken('leaf, written to directly', $$INSERT INTO other.cars_fr_1 VALUES (9, 'mc', NULL, NULL, 2)$$);
CREATE TABLE fines (car int, country text, CONSTRAINT fines_car FOREIGN KEY (car, country) REFERENCES cars);
INSERT INTO fines VALUES (1, 'fr');
SELECT * FROM pg_temp.broken('referenced leaf', $$DELETE FROM cars WHERE country = 'fr'$$);

-- Unique indexes that are no constraints, of all shapes.
CREATE TABLE words (word text, lang text, note text, gone bool);
CREATE UNIQUE INDEX words_bare ON words (lang, word);
CREATE UNIQUE INDEX words_lower ON words (lower(word), (lang || '-' || note));
CREATE UNIQUE INDEX words_partial ON words (note) WHERE NOT gone;
CREATE UNIQUE INDEX words_include ON words (upper(note)) INCLUDE (word, gone);
INSERT INTO words VALUES ('Haus', 'de', 'a, b', false), ('house', 'en', NULL, false);
SELECT * FROM pg_temp.broken('bare index', $$INSERT INTO words VALUES ('Haus', 'de', NULL, false)$$);
SELECT * FROM pg_temp.broken('partial index', $$INSERT INTO words VALUES ('x', 'x', 'a, b', false)$$);
SELECT * FROM pg_temp.broken('expressions', $$INSERT INTO words VALUES ('HAUS', 'de', 'a, b', true)$$);
SELECT * FROM pg_temp.broken('expression with INCLUDE', $$INSERT INTO words VALUES ('x', 'y', 'A, b', true)$$);

-- One name on several things: without the table's name there is no telling,
-- unless the DETAIL does.
CREATE TABLE a (x int CONSTRAINT same_check CHECK (x > 0), y int CONSTRAINT same_key REFERENCES owners);
CREATE TABLE b (z int CONSTRAINT same_check CHECK (z > 0), w int CONSTRAINT same_key REFERENCES owners);
CREATE TABLE other.a (x int CONSTRAINT same_check CHECK (x > 0), v int CONSTRAINT same_key REFERENCES owners);
CREATE UNIQUE INDEX same_index ON a (x);
CREATE UNIQUE INDEX same_index ON other.a (x, v);
CREATE TABLE other.b2 (x int CONSTRAINT other_index UNIQUE);
CREATE TABLE b2 (x int CONSTRAINT other_index UNIQUE);
INSERT INTO a VALUES (1);
INSERT INTO b2 VALUES (1);
SELECT * FROM pg_temp.broken('same check, other table', $$INSERT INTO b VALUES (0)$$);
SELECT * FROM pg_temp.broken('same check, same table', $$INSERT INTO a VALUES (0)$$);
SELECT * FROM pg_temp.broken('same foreign key, other column', $$INSERT INTO other.a VALUES (1, 5)$$);
SELECT * FROM pg_temp.broken('same index, other columns', $$INSERT INTO a VALUES (1)$$);
SELECT * FROM pg_temp.broken('same index, same columns', $$INSERT INTO b2 VALUES (1)$$);
SELECT pg_temp.facts(classify_integrity_error(sqlstate => '23514', constraint_name => 'doors_enough')) AS one_table,
  pg_temp.facts(classify_integrity_error(sqlstate => '23514', constraint_name => 'same_check')) AS several_tables;
SELECT pg_temp.facts(classify_integrity_error(sqlstate => '23505', constraint_name => 'words_bare')) AS "unique",
  pg_temp.facts(classify_integrity_error(sqlstate => '23503', constraint_name => 'fines_car')) AS foreign_key;

-- Names that need quotes, and some that look like what is around them.
CREATE TABLE "a ""b"", (c)" ("We ""ird, col" text UNIQUE, "x)=(y" int CONSTRAINT "not "" on table ""a" CHECK ("x)=(y" > 0),
  "new
line" int NOT NULL, "it's" int CONSTRAINT "line
break""s" UNIQUE, "p,q" int CONSTRAINT "fk, "" is not" REFERENCES owners);
INSERT INTO "a ""b"", (c)" VALUES ('he said "hi", (ok)=(no)', 1, 1, 1);
SELECT * FROM pg_temp.broken('quoted, unique', $$INSERT INTO "a ""b"", (c)" VALUES ('he said "hi", (ok)=(no)', 1, 1, 2)$$);
SELECT * FROM pg_temp.broken('quoted, check', $$INSERT INTO "a ""b"", (c)" VALUES ('x', -1, 1, 2)$$);
SELECT * FROM pg_temp.broken('quoted, not null', $$INSERT INTO "a ""b"", (c)" VALUES ('x', 1, NULL, 2)$$);
SELECT * FROM pg_temp.broken('quoted, line break', $$INSERT INTO "a ""b"", (c)" VALUES ('x', 1, 1, 1)$$);
SELECT * FROM pg_temp.broken('quoted, foreign key', $$INSERT INTO "a ""b"", (c)" VALUES ('x', 1, 1, 2, 99)$$);
CREATE TABLE "Ünïcödé" ("Größe" text CONSTRAINT "schlüssel" UNIQUE);
INSERT INTO "Ünïcödé" VALUES ('weiß');
SELECT * FROM pg_temp.broken('not ASCII', $$INSERT INTO "Ünïcödé" VALUES ('weiß')$$);

-- Values that look like what is around them.
CREATE TABLE words_of_god (t text PRIMARY KEY);
CREATE TABLE odd (a text CONSTRAINT odd_a UNIQUE, n int, b text, c text, CONSTRAINT odd_one UNIQUE (n, b), CONSTRAINT odd_two UNIQUE (b, c), t text CONSTRAINT odd_god REFERENCES words_of_god);
INSERT INTO odd VALUES ('x)=(y', 1, 'a, b', 'c'), (E'line\nHINT:  break', 2, 'd', 'e'), (repeat('z', 2000), 3, 'f', 'g'),
  (E'x) already exists.\nHINT:  Call me', 4, 'h', 'i'), ('null', 5, 'null', 'k'), ('', 6, '', '');
SELECT * FROM pg_temp.broken('value )=(', $$INSERT INTO odd (a) VALUES ('x)=(y')$$);
SELECT * FROM pg_temp.broken('value with lines', $$INSERT INTO odd (a) VALUES (E'line\nHINT:  break')$$);
SELECT * FROM pg_temp.broken('value with a DETAIL''s end', $$INSERT INTO odd (a) VALUES (E'x) already exists.\nHINT:  Call me')$$);
SELECT * FROM pg_temp.broken('value null', $$INSERT INTO odd (a) VALUES ('null')$$);
SELECT * FROM pg_temp.broken('value empty', $$INSERT INTO odd (b, c) VALUES ('', '')$$);
SELECT * FROM pg_temp.broken('comma beside a number', $$INSERT INTO odd (n, b) VALUES (1, 'a, b')$$);
SELECT * FROM pg_temp.broken('comma beside a text', $$INSERT INTO odd (b, c) VALUES ('a, b', 'c')$$);
SELECT * FROM pg_temp.broken('parent )=(', $$INSERT INTO odd (t) VALUES ('x)=(y) is not present in table "z".')$$);
SELECT what, way, replace(says, repeat('z', 2000), '2000 z') AS says FROM pg_temp.broken('2 kB', $$INSERT INTO odd (a) VALUES (repeat('z', 2000))$$);
SELECT what, way, replace(says, repeat('z', 10240), '10240 z') AS says FROM pg_temp.broken('10 kB', $$INSERT INTO odd (t) VALUES (repeat('z', 10240))$$);
CREATE TABLE nulls (a int, b text, CONSTRAINT nulls_not_distinct UNIQUE NULLS NOT DISTINCT (a, b));
INSERT INTO nulls VALUES (NULL, NULL), (1, 'null');
SELECT * FROM pg_temp.broken('null as a value', $$INSERT INTO nulls VALUES (NULL, NULL)$$);
SELECT * FROM pg_temp.broken('null or the word', $$INSERT INTO nulls VALUES (1, 'null')$$);

-- Domains: the columns are candidates only if they are in one table.
CREATE DOMAIN short AS text CONSTRAINT is_short CHECK (length(VALUE) < 3);
CREATE DOMAIN other.short AS text CONSTRAINT is_short CHECK (length(VALUE) < 3);
CREATE DOMAIN other."My ""Dom.ain" AS text CONSTRAINT "is ""it" CHECK (length(VALUE) < 3);
SELECT * FROM pg_temp.broken('domain, no table', $$SELECT 'long'::short$$);
CREATE TABLE d1 (a short, b short, c other.short);
SELECT * FROM pg_temp.broken('domain, one table', $$INSERT INTO d1 VALUES ('long')$$);
SELECT * FROM pg_temp.broken('domain, qualified', $$INSERT INTO d1 (c) VALUES ('long')$$);
CREATE TABLE d2 (a short);
SELECT * FROM pg_temp.broken('domain, two tables', $$INSERT INTO d1 VALUES ('long')$$);
SELECT * FROM pg_temp.broken('domain, odd name', $$SELECT 'long'::other."My ""Dom.ain"$$);

-- A user's RAISE is believed as to what it says, not as to what it names.
SELECT * FROM pg_temp.broken('RAISE, names made up', $$DO $d$ BEGIN RAISE 'No more tea.' USING ERRCODE = 'unique_violation',
  CONSTRAINT = 'tea_rule', TABLE = 'teapots', SCHEMA = 'kitchen', COLUMN = 'tea', DETAIL = 'It is all gone.', HINT = 'Buy some.'; END $d$ $$);
SELECT * FROM pg_temp.broken('RAISE, names of ours', $$DO $d$ BEGIN RAISE 'No.' USING ERRCODE = 'unique_violation',
  CONSTRAINT = 'words_bare', TABLE = 'words', SCHEMA = 'hard'; END $d$ $$);
SELECT * FROM pg_temp.broken('RAISE, somebody else''s constraint', $$DO $d$ BEGIN RAISE 'No.' USING ERRCODE = 'unique_violation',
  CONSTRAINT = 'words_bare', TABLE = 'owners', SCHEMA = 'hard'; END $d$ $$);
SELECT * FROM pg_temp.broken('RAISE, side unknown', $$DO $d$ BEGIN RAISE 'No.' USING ERRCODE = 'foreign_key_violation', CONSTRAINT = 'cars_owner', TABLE = 'cars', SCHEMA = 'hard'; END $d$ $$);
SELECT * FROM pg_temp.broken('RAISE, the server''s words', $$DO $d$ BEGIN RAISE 'duplicate key value violates unique constraint "words_bare"'; END $d$ $$);
SELECT * FROM pg_temp.broken('RAISE, the server''s words and code', $$DO $d$ BEGIN RAISE 'duplicate key value violates unique constraint "words_bare"' USING ERRCODE = 'unique_violation'; END $d$ $$);
SELECT * FROM pg_temp.broken('RAISE, class only', $$DO $d$ BEGIN RAISE integrity_constraint_violation; END $d$ $$);
SELECT * FROM pg_temp.broken('RAISE, check_violation', $$DO $d$ BEGIN RAISE check_violation; END $d$ $$);

-- An error that a parallel worker raised: only its fields and text arrive.
CREATE TABLE many AS SELECT i FROM generate_series(-1000, 1000) i;
ALTER TABLE many SET (parallel_workers = 2);
SET parallel_setup_cost = 0;
SET parallel_tuple_cost = 0;
SET min_parallel_table_scan_size = 0;
SET parallel_leader_participation = off;
CREATE DOMAIN counted AS int CONSTRAINT is_counted CHECK (VALUE > 0);
CREATE FUNCTION counted(i int) RETURNS int LANGUAGE plpgsql PARALLEL SAFE AS $$
DECLARE c counted := i;
BEGIN
  RETURN c;
END $$;
SELECT * FROM pg_temp.broken('parallel worker', $$SELECT sum(counted(i)) FROM many$$);
DO $$
DECLARE context text;
BEGIN
  EXECUTE 'SELECT sum(counted(i)) FROM many';
EXCEPTION WHEN check_violation THEN
  GET STACKED DIAGNOSTICS context = PG_EXCEPTION_CONTEXT;
  RAISE WARNING 'in a parallel worker: %', context LIKE '%parallel worker%';
END $$;
RESET parallel_setup_cost;
RESET parallel_tuple_cost;
RESET min_parallel_table_scan_size;
RESET parallel_leader_participation;

-- What was there when the error was raised, and is not any more.
CREATE TABLE gone (id int CONSTRAINT gone_id PRIMARY KEY, n int NOT NULL CONSTRAINT gone_n CHECK (n > 0));
INSERT INTO gone VALUES (1, 1);
CREATE TABLE kept AS SELECT 1 AS n,
  classify_integrity_error('duplicate key value violates unique constraint "gone_id"', 'Key (id)=(1) already exists.', '23505', 'hard', 'gone', '', 'gone_id', '') AS e;
CREATE VIEW now AS SELECT n, pg_temp.facts(e) AS then_known,
  pg_temp.facts(classify_integrity_error('duplicate key value violates unique constraint "gone_id"', 'Key (id)=(1) already exists.', '23505', 'hard', 'gone', '', 'gone_id', '')) AS now_known FROM kept;
SELECT now_known FROM now;
ALTER TABLE gone RENAME COLUMN id TO number;
SELECT now_known AS column_renamed FROM now;
ALTER TABLE gone RENAME CONSTRAINT gone_id TO gone_number;
SELECT now_known AS constraint_renamed FROM now;
SELECT pg_temp.facts(classify_integrity_error('null value in column "m" of relation "gone" violates not-null constraint', NULL, '23502', 'hard', 'gone', 'm', '', '')) AS no_column;
DROP TABLE gone;
SELECT now_known AS table_dropped FROM now;
SELECT pg_temp.facts(classify_integrity_error(sqlstate => '23505', schema_name => 'nowhere', table_name => 'gone', constraint_name => 'gone_id')) AS no_schema;

-- Temporary tables of this session.
CREATE TEMP TABLE temporary (id int CONSTRAINT temporary_id PRIMARY KEY, n int CONSTRAINT temporary_n CHECK (n > 0));
INSERT INTO temporary VALUES (1, 1);
SELECT what, way, replace(says, (SELECT nspname FROM pg_namespace WHERE oid = pg_my_temp_schema()), 'pg_temp') AS says
FROM pg_temp.broken('temporary, unique', $$INSERT INTO temporary VALUES (1, 1)$$);
SELECT what, way, replace(says, (SELECT nspname FROM pg_namespace WHERE oid = pg_my_temp_schema()), 'pg_temp') AS says
FROM pg_temp.broken('temporary, check', $$INSERT INTO temporary VALUES (2, 0)$$);

RESET search_path;
DROP SCHEMA hard, other CASCADE;
