--
-- find_conflicts: every constraint that a candidate would break, untried
--
\getenv abs_srcdir PG_ABS_SRCDIR
\i :abs_srcdir/sql/include/setup.sql
CREATE SCHEMA find_conflicts;
SET search_path = find_conflicts, public;
\pset null ~

\i :abs_srcdir/sql/include/constraints.sql
CREATE FUNCTION tell() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
	RAISE INFO 'a trigger fires';
	RETURN NEW;
END $$;
CREATE TRIGGER tell BEFORE INSERT ON products FOR EACH ROW EXECUTE FUNCTION tell();

-- all at once, in the order in which an INSERT meets them
SELECT * FROM find_conflicts(NULL::products,
	'{"name": "Pen", "brand": "c", "model": null, "price": -7, "category": 9, "area": "west", "grade": 11, "during": "[4,11)", "note": null}');
-- none
SELECT * FROM find_conflicts(NULL::products, '{"name": "ink", "brand": "d"}');
-- which row it is
SELECT c.kind, c.constraint_name, (c.record).id, (c.record).name
FROM find_conflicts(NULL::products, '{"name": "cup", "brand": "d"}') AS c;
-- what nobody named: defaults are applied, nulls too
SELECT * FROM find_conflicts(NULL::products, '{}');
SELECT * FROM find_conflicts(NULL::products, '[]');
-- partial and expression indexes: inside the predicate and outside of it
SELECT * FROM find_conflicts(NULL::products, '{"name": "PEN", "brand": "d", "price": 8}');
SELECT * FROM find_conflicts(NULL::products, '{"name": "PEN", "brand": "d", "price": 4}');
-- a CHECK that is NULL holds; one on a generated column
SELECT * FROM find_conflicts(NULL::products, '{"name": "ink", "brand": null, "model": "z", "price": 2000}');
SELECT * FROM find_conflicts(NULL::products, '{"name": "ink", "brand": "d", "price": 7}');
-- NULLs that are not distinct, and those that are
SELECT * FROM find_conflicts(NULL::products, '{"name": "ink", "brand": "c"}');
SELECT * FROM find_conflicts(NULL::products, '{"name": "ink", "brand": "d", "during": null}');
-- foreign keys: one part null, all null, parent there, parent missing
SELECT * FROM find_conflicts(NULL::products, '{"name": "ink", "brand": "d", "category": 1}');
SELECT * FROM find_conflicts(NULL::products, '{"name": "ink", "brand": "d", "category": 1, "area": "north"}');
SELECT * FROM find_conflicts(NULL::products, '{"name": "ink", "brand": "d", "category": 1, "area": "south"}');
-- the same row again is what it would meet
SELECT * FROM find_conflicts(NULL::products, (SELECT to_json(p)::jsonb - 'gross' FROM products p WHERE id = 1));
-- as the caller's own transaction sees it
BEGIN;
DELETE FROM products WHERE name = 'cup';
SELECT * FROM find_conflicts(NULL::products, '{"name": "cup", "brand": "d"}');
ROLLBACK;

-- nothing was written, no sequence value used, no trigger fired; so it works
-- in a read-only transaction
SELECT last_value FROM products_id_seq;
BEGIN READ ONLY;
SELECT kind, constraint_name FROM find_conflicts(NULL::products, '{"name": "Pen", "brand": "d", "price": 0}');
SELECT pg_current_xact_id_if_assigned() IS NULL AS wrote_nothing;
COMMIT;

-- many rows to meet: by primary key; without one by their text
CREATE TABLE rooms (id int PRIMARY KEY, during int4range, CONSTRAINT rooms_during EXCLUDE USING gist (during WITH &&));
INSERT INTO rooms SELECT 12 - g, int4range(10 * g, 10 * g + 10) FROM generate_series(1, 11) g;
SELECT (c.record).* FROM find_conflicts(NULL::rooms, '{"id": 99, "during": "[25,65)"}') AS c;
ALTER TABLE rooms DROP CONSTRAINT rooms_pkey;
SELECT (c.record).* FROM find_conflicts(NULL::rooms, '{"id": 99, "during": "[10,200)"}') AS c LIMIT 4;

-- what cannot be told is left out: a volatile default, what is generated from it
CREATE SEQUENCE codes;
CREATE TABLE guesses
(
	code int DEFAULT nextval('codes') CONSTRAINT guesses_code UNIQUE CONSTRAINT code_big CHECK (code > 100),
	twice int GENERATED ALWAYS AS (code * 2) STORED CONSTRAINT twice_big CHECK (twice > 100),
	at timestamptz DEFAULT now() CONSTRAINT at_late CHECK (at < '2000-01-01'),
	whole int CONSTRAINT whole_row CHECK (guesses IS NOT NULL)
);
SELECT * FROM find_conflicts(NULL::guesses, '{}');
SELECT * FROM find_conflicts(NULL::guesses, '{"code": 7}');
SELECT * FROM find_conflicts(NULL::guesses, '{"code": 7, "whole": 1, "at": "1999-01-01"}');
SELECT is_called FROM codes;
-- a CHECK that calls volatile functions is asked, but may write nothing
CREATE TABLE log (what text);
CREATE FUNCTION is_fine(v int) RETURNS boolean LANGUAGE plpgsql AS $$
BEGIN
	RETURN v > 0;
END $$;
CREATE FUNCTION is_fine_and_logged(v int) RETURNS boolean LANGUAGE plpgsql AS $$
BEGIN
	INSERT INTO log VALUES ('asked');
	RETURN v > 0;
END $$;
CREATE DOMAIN fine AS int CONSTRAINT domain_fine CHECK (is_fine(VALUE));
CREATE TABLE asked (v int CONSTRAINT v_fine CHECK (is_fine(v)) CONSTRAINT v_logged CHECK (is_fine_and_logged(v)) CONSTRAINT v_sequence CHECK (nextval('codes') < 0), d fine,
	CONSTRAINT v_error CHECK (is_fine(10 / v)));
SELECT * FROM find_conflicts(NULL::asked, '{"v": -1, "d": -1}');
SELECT * FROM log;
SELECT is_called FROM codes;
-- an error that is not about the row's validity is that of the INSERT
CALL pg_temp.fails($$SELECT find_conflicts(NULL::asked, '{"v": 0}')$$);
-- a domain inside of another type: its first violation; the value is unknown then
CREATE TYPE pair AS (a small, b text);
CREATE TABLE nested (a small[] CONSTRAINT nested_a CHECK (cardinality(a) > 2), p pair, q pair[] NOT NULL, n filled[],
	plain int[] CONSTRAINT nested_plain CHECK (plain <> '{}'));
SELECT * FROM find_conflicts(NULL::nested, '{"a": [1, 10], "p": {"a": -1}, "q": [{"a": 1}, {"a": 11}], "n": [null], "plain": []}');
SELECT * FROM find_conflicts(NULL::nested, '{"a": [1, 2], "p": {"a": 1}, "q": null, "n": ["x"]}');
SELECT * FROM find_conflicts(NULL::nested, '{"a": [1, 2, 3], "q": [{"b": "x"}]}');
CALL pg_temp.fails($$SELECT find_conflicts(NULL::nested, '{"a": [1, "x"]}')$$);

-- a row may be its own parent; unknown as long as its key is
CREATE TABLE tree (id int GENERATED BY DEFAULT AS IDENTITY PRIMARY KEY, parent int CONSTRAINT tree_parent REFERENCES tree);
INSERT INTO tree VALUES (1, 1);
SELECT * FROM find_conflicts(NULL::tree, '{"id": 5, "parent": 5}');
SELECT * FROM find_conflicts(NULL::tree, '{"id": 5, "parent": 1}');
SELECT * FROM find_conflicts(NULL::tree, '{"id": 5, "parent": 6}');
SELECT * FROM find_conflicts(NULL::tree, '{"parent": 6}');

-- types and operators: domains, varchar, a collation, arrays, quoted names, nothing in
-- search_path, a column with the alias's name
CREATE SCHEMA "find conflicts";
CREATE COLLATION "find conflicts"."C too" (locale = 'C', provider = libc);
CREATE DOMAIN "find conflicts".word AS varchar(20) COLLATE "find conflicts"."C too";
CREATE TABLE "find conflicts"."My ""Table" (t "find conflicts".word, "Camel Case" int[], t_1 char(5),
	CONSTRAINT "The key" UNIQUE (t, "Camel Case"), CONSTRAINT "padded, (too)" UNIQUE (t_1));
INSERT INTO "find conflicts"."My ""Table" VALUES ('a', '{1,2}', 'x');
SELECT * FROM find_conflicts(NULL::"find conflicts"."My ""Table", '{"t": "a", "Camel Case": [1, 2], "t_1": "x  "}');
SET search_path = '';
SELECT * FROM public.find_conflicts(NULL::"find conflicts"."My ""Table", '{"t": "a", "Camel Case": [1, 2], "t_1": "y"}');
SET search_path = find_conflicts, public;

-- inheritance: a constraint is that of one table; INHERIT passes checks on
CREATE TABLE base (k int CONSTRAINT base_key UNIQUE CONSTRAINT base_check CHECK (k < 10));
CREATE TABLE derived () INHERITS (base);
INSERT INTO derived VALUES (1);
SELECT * FROM find_conflicts(NULL::base, '{"k": 1}');
SELECT * FROM find_conflicts(NULL::derived, '{"k": 11}');

-- partitions: the root's constraints, and those that only the leaf has
CREATE TABLE m (id int, region text, day int, v int CONSTRAINT m_v CHECK (v > 0), CONSTRAINT m_key UNIQUE (id, region, day)) PARTITION BY LIST (region);
CREATE TABLE m_us PARTITION OF m FOR VALUES IN ('us') PARTITION BY RANGE (day);
CREATE TABLE m_us_1 (v int NOT NULL, gone int, day int, id int REFERENCES categories, region text,
	CONSTRAINT m_v CHECK (v > 0), CONSTRAINT small CHECK (v < 10));
ALTER TABLE m_us_1 DROP COLUMN gone;
CREATE UNIQUE INDEX m_us_1_own ON m_us_1 (lower(region), v);
ALTER TABLE m_us ATTACH PARTITION m_us_1 FOR VALUES FROM (1) TO (10);
CREATE TABLE m_default PARTITION OF m DEFAULT PARTITION BY HASH (id);
CREATE TABLE m_hash_0 PARTITION OF m_default FOR VALUES WITH (MODULUS 2, REMAINDER 0);
CREATE TABLE m_hash_1 PARTITION OF m_default FOR VALUES WITH (MODULUS 2, REMAINDER 1);
ALTER TABLE m_hash_0 ADD CONSTRAINT hash_v UNIQUE (v);
ALTER TABLE m_hash_1 ADD CONSTRAINT hash_v_1 UNIQUE (v);
INSERT INTO m VALUES (1, 'us', 2, 5), (1, 'eu', 2, 5), (2, 'eu', 3, 6), (3, 'eu', 3, 7), (4, NULL, 4, 8);
SELECT * FROM find_conflicts(NULL::m, '{"id": 1, "region": "us", "day": 2, "v": 11}');
SELECT * FROM find_conflicts(NULL::m, '{"id": 9, "region": "us", "day": 2, "v": 5}');
SELECT * FROM find_conflicts(NULL::m, '{"id": 1, "region": "us", "day": 2, "v": null}');
SELECT * FROM find_conflicts(NULL::m, '{"id": 1, "region": "us", "day": 10, "v": -1}');
SELECT * FROM find_conflicts(NULL::m, '{"id": 1, "region": "us", "v": 1}');
-- each row of the table meets itself, in its own partition's index too
SELECT (m).id, (m).region, c.kind, c.constraint_name, c.record = m AS itself
FROM m, LATERAL find_conflicts(NULL::m, to_json(m)::jsonb) AS c ORDER BY 1, 2, 4;
-- the partition itself
SELECT * FROM find_conflicts(NULL::m_us_1, '{"id": 1, "region": "eu", "day": 2, "v": 5}');
SELECT * FROM find_conflicts(NULL::m_us, '{"id": 1, "region": "us", "day": 2, "v": 5}');
-- an index that not all partitions have yet
CREATE TABLE part (k int, v int) PARTITION BY RANGE (k);
CREATE TABLE part_1 PARTITION OF part FOR VALUES FROM (0) TO (10);
CREATE TABLE part_2 PARTITION OF part FOR VALUES FROM (10) TO (20);
INSERT INTO part VALUES (1, 1), (11, 1);
CREATE UNIQUE INDEX part_k ON ONLY part (k);
CREATE UNIQUE INDEX part_1_k ON part_1 (k);
ALTER INDEX part_k ATTACH PARTITION part_1_k;
SELECT * FROM find_conflicts(NULL::part, '{"k": 1}');
SELECT * FROM find_conflicts(NULL::part, '{"k": 11}');
CREATE UNIQUE INDEX part_2_k ON part_2 (k);
ALTER INDEX part_k ATTACH PARTITION part_2_k;
SELECT * FROM find_conflicts(NULL::part, '{"k": 1}');
SELECT * FROM find_conflicts(NULL::part, '{"k": 11}');
-- foreign keys of and to partitioned tables
CREATE TABLE of_m (id int, region text, day int, CONSTRAINT of_m_key FOREIGN KEY (id, region, day) REFERENCES m (id, region, day)) PARTITION BY LIST (region);
CREATE TABLE of_m_all (region text, day int, id int);
ALTER TABLE of_m_all ADD CONSTRAINT of_m_key CHECK (id > 0);
ALTER TABLE of_m ATTACH PARTITION of_m_all DEFAULT;
SELECT * FROM find_conflicts(NULL::of_m, '{"id": 1, "region": "us", "day": 2}');
SELECT * FROM find_conflicts(NULL::of_m, '{"id": 1, "region": "us", "day": 3}');
SELECT * FROM find_conflicts(NULL::of_m_all, '{"id": 1, "region": "us", "day": 3}');

-- against the INSERT itself again
BEGIN;
SELECT * FROM compare(NULL::m, ARRAY(
	SELECT jsonb_build_object('id', id, 'region', region, 'day', day, 'v', v)
	FROM unnest('{1,2,4,9,NULL}'::int[]) AS id, unnest('{us,eu,NULL}'::text[]) AS region, unnest('{2,3,10,NULL}'::int[]) AS day,
		unnest('{-1,5,6,8,11,NULL}'::int[]) AS v));
DROP TABLE comparison;
SELECT * FROM compare(NULL::m_us_1, ARRAY(
	SELECT jsonb_build_object('id', id, 'region', region, 'day', day, 'v', v)
	FROM unnest('{1,2,NULL}'::int[]) AS id, unnest('{us,eu,NULL}'::text[]) AS region, unnest('{2,10,NULL}'::int[]) AS day,
		unnest('{-1,5,6,11,NULL}'::int[]) AS v));
COMMIT;

-- privileges and row security
SET client_min_messages = warning;
DROP ROLE IF EXISTS regress_dg_find;
RESET client_min_messages;
CREATE ROLE regress_dg_find;
GRANT USAGE ON SCHEMA find_conflicts TO regress_dg_find;
SET ROLE regress_dg_find;
CALL pg_temp.fails($$SELECT find_conflicts(NULL::products, '{"name": "Pen"}')$$);
CALL pg_temp.fails($$SELECT find_conflicts(NULL::"find conflicts"."My ""Table", '{}')$$);
RESET ROLE;
GRANT SELECT (id, name) ON products TO regress_dg_find;
SET ROLE regress_dg_find;
CALL pg_temp.fails($$SELECT find_conflicts(NULL::products, '{"name": "ink"}')$$);
RESET ROLE;
GRANT SELECT ON products TO regress_dg_find;
-- (nothing is said of a parent that may not be read)
SET ROLE regress_dg_find;
SELECT * FROM find_conflicts(NULL::products, '{"name": "Pen", "brand": "d", "category": 9, "area": "west"}');
RESET ROLE;
GRANT SELECT (id) ON categories TO regress_dg_find;
SET ROLE regress_dg_find;
SELECT * FROM find_conflicts(NULL::products, '{"name": "ink", "brand": "d", "category": 9, "area": "west"}');
RESET ROLE;
ALTER TABLE categories ENABLE ROW LEVEL SECURITY;
SET ROLE regress_dg_find;
SELECT * FROM find_conflicts(NULL::products, '{"name": "ink", "brand": "d", "category": 9, "area": "west"}');
RESET ROLE;
-- (nor of rows that are hidden)
ALTER TABLE products ENABLE ROW LEVEL SECURITY;
CREATE POLICY seen ON products USING (name <> 'Pen');
SET ROLE regress_dg_find;
SELECT kind, (c.record).name FROM find_conflicts(NULL::products, '{"name": "Pen", "brand": "b", "model": "y"}') AS c;
SELECT kind, (c.record).name FROM find_conflicts(NULL::products, '{"name": "cup", "brand": "a", "model": "x", "price": 0}') AS c;
RESET ROLE;

-- what is wrong with the call itself
CREATE VIEW view AS SELECT * FROM products;
CALL pg_temp.fails($$SELECT find_conflicts(NULL::view, '{"name": "Pen"}')$$);
CALL pg_temp.fails($$SELECT find_conflicts(NULL::products, NULL)$$);
CALL pg_temp.fails($$SELECT find_conflicts(NULL::products, '[1]')$$);
CALL pg_temp.fails($$SELECT find_conflicts(NULL::products, '{"nam": 1}')$$);
CALL pg_temp.fails($$SELECT find_conflicts(NULL::products, '{"gross": 1}')$$);
CALL pg_temp.fails($$SELECT find_conflicts(NULL::products, '{"price": "dear"}')$$);
CALL pg_temp.fails($$SELECT find_conflicts(1, '{}')$$);

SET client_min_messages = warning;
RESET search_path;
DROP SCHEMA find_conflicts CASCADE;
DROP SCHEMA "find conflicts" CASCADE;
DROP ROLE regress_dg_find;
