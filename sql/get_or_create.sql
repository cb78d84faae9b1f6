--
-- get_or_create: the contract on a plain table
--
\getenv abs_srcdir PG_ABS_SRCDIR
\i :abs_srcdir/sql/include/setup.sql
CREATE SCHEMA goc;
SET search_path = goc, public;

-- The signature: not strict, volatile, parallel unsafe, no definer rights,
-- and documented.
SELECT proname, provolatile, proparallel, proisstrict, prosecdef,
       pg_get_function_identity_arguments(oid) AS arguments,
       obj_description(oid, 'pg_proc') IS NOT NULL AS documented
FROM pg_proc WHERE proname = 'get_or_create';
SELECT proargnames[pronargs + 1:] AS out_arguments, pronargdefaults
FROM pg_proc WHERE proname = 'get_or_create';

CREATE TABLE products
(
	id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
	name text NOT NULL UNIQUE,
	price numeric(10, 2) NOT NULL DEFAULT 0 CHECK (price >= 0),
	note text
);

-- Created: lookup and defaults together make the row.
SELECT (g.record).*, g.was_created
FROM get_or_create(NULL::products, '{"name": "xiomi_mi12"}', '{"price": 199.90}') AS g;
-- Found: the stored row, whatever the defaults say.
SELECT (g.record).*, g.was_created
FROM get_or_create(NULL::products, '{"name": "xiomi_mi12"}', '{"price": 5, "note": "x"}') AS g;
-- A column that nobody names gets its default; JSON null is NULL, not the default.
SELECT * FROM get_or_create(NULL::products, '{"name": "b"}');
CALL pg_temp.fails($$SELECT get_or_create(NULL::products, '{"name": "c"}', '{"price": null}')$$);
SELECT * FROM get_or_create(NULL::products, '{"name": "c"}', '{"note": null, "price": 1.005}');
-- Named notation, every argument.
SELECT * FROM get_or_create(target => NULL::products, lookup => '{"name": "c"}',
                            defaults => '{}', arbiter => 'products_name_key',
                            lock_strength => 'key share', require_unique => true);
-- The target carries a type only; a value in it is ignored.
SELECT * FROM get_or_create(ROW(99, 'zz', 1, 'n')::products, '{"name": "b"}');
SELECT * FROM get_or_create((SELECT p FROM products p WHERE name = 'b'), '{"name": "c"}');
SELECT count(*) FROM products;

--
-- A hit leaves nothing behind.
--
CREATE TABLE fired (what text);
CREATE FUNCTION fire() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
	INSERT INTO fired VALUES (TG_WHEN || ' ' || TG_LEVEL);
	RETURN NEW;
END $$;
CREATE TRIGGER b BEFORE INSERT ON products FOR EACH ROW EXECUTE FUNCTION fire();
CREATE TRIGGER a AFTER INSERT ON products FOR EACH ROW EXECUTE FUNCTION fire();
CREATE TRIGGER bs BEFORE INSERT OR UPDATE ON products FOR EACH STATEMENT EXECUTE FUNCTION fire();
CREATE TRIGGER a_s AFTER INSERT OR UPDATE ON products FOR EACH STATEMENT EXECUTE FUNCTION fire();
SELECT last_value AS sequence_before FROM products_id_seq;
SELECT ctid AS last_tuple FROM products WHERE name = 'c';
BEGIN;
-- The candidate would break NOT NULL, CHECK, and the type of price: no matter.
SELECT was_created FROM get_or_create(NULL::products, '{"name": "b"}', '{"price": null}');
SELECT was_created FROM get_or_create(NULL::products, '{"name": "b"}', '{"price": -1}');
SELECT was_created FROM get_or_create(NULL::products, '{"name": "b"}', '{"price": "abc"}');
SELECT count(*), bool_or(was_created)
FROM generate_series(1, 100) i, LATERAL get_or_create(NULL::products, '{"name": "b"}', jsonb_build_object('price', i));
SELECT pg_current_xact_id_if_assigned() IS NULL AS no_transaction_id;
COMMIT;
SELECT last_value AS sequence_after FROM products_id_seq;
SELECT count(*) AS triggers_fired FROM fired;
-- The next tuple goes right behind the last one: nothing was written in between.
INSERT INTO products (name) VALUES ('d') RETURNING id, ctid;
-- A miss burns one value and fires every trigger once.
TRUNCATE fired;
SELECT * FROM get_or_create(NULL::products, '{"name": "e"}');
SELECT what, count(*) FROM fired GROUP BY what ORDER BY what COLLATE "C";
SELECT last_value FROM products_id_seq;
-- The same values are an error on a miss, and nothing is half written.
CALL pg_temp.fails($$SELECT get_or_create(NULL::products, '{"name": "f"}', '{"price": -1}')$$);
CALL pg_temp.fails($$SELECT get_or_create(NULL::products, '{"name": "f"}', '{"price": "abc"}')$$);
SELECT count(*) FROM products WHERE name = 'f';
-- Hits write no WAL; a miss does, so it would be seen.
CREATE FUNCTION wal_records(query text) RETURNS int LANGUAGE plpgsql AS $$
DECLARE
	plan json;
BEGIN
	EXECUTE 'EXPLAIN (ANALYZE, WAL, FORMAT JSON) ' || query INTO plan;
	RETURN plan -> 0 -> 'Plan' -> 'WAL Records';
END $$;
VACUUM products;
PREPARE hits AS SELECT was_created FROM generate_series(1, 100) i,
	LATERAL get_or_create(NULL::products, jsonb_build_object('name', chr(98 + i / 2000)));
-- the first to read a page may set hint bits
SELECT count(wal_records('EXECUTE hits')) FROM generate_series(1, 2);
SELECT wal_records('EXECUTE hits') AS hits,
       wal_records($$SELECT FROM get_or_create(NULL::products, '{"name": "wal"}')$$) > 0 AS miss;
DEALLOCATE hits;
DELETE FROM products WHERE name = 'wal';
DROP TRIGGER b ON products;
DROP TRIGGER a ON products;
DROP TRIGGER bs ON products;
DROP TRIGGER a_s ON products;

--
-- It composes.
--
CREATE TABLE staging (line serial, name text);
INSERT INTO staging (name) VALUES ('m'), ('n'), ('m'), ('b'), ('n'), ('m');
-- A name that comes twice in one statement is created once, by its first line.
SELECT s.line, s.name, g.was_created, (g.record).name AS got
FROM (SELECT * FROM staging ORDER BY line) s,
     LATERAL get_or_create(NULL::products, jsonb_build_object('name', s.name)) g;
SELECT name, count(*) FROM products WHERE name IN ('m', 'n') GROUP BY name ORDER BY name;
-- The row is typed: its columns join and its id is a foreign key's value.
CREATE TABLE lines (product bigint REFERENCES products, line int);
INSERT INTO lines
SELECT (g.record).id, s.line
FROM staging s, LATERAL get_or_create(NULL::products, jsonb_build_object('name', s.name)) g;
SELECT p.name, l.line FROM lines l JOIN products p ON p.id = l.product ORDER BY l.line;
WITH g AS MATERIALIZED (SELECT * FROM get_or_create(NULL::products, '{"name": "o"}'))
SELECT (record).name, was_created FROM g;
SELECT (get_or_create(NULL::products, '{"name": "p"}')).was_created;
SELECT to_json(g)::jsonb - 'record' AS flag, to_json(g.record)::jsonb - 'id' AS record
FROM get_or_create(NULL::products, '{"name": "p"}') AS g;

--
-- plpgsql, as the README shows it
--
DO $$
DECLARE
	p products;
	r record;
	created boolean;
BEGIN
	p := (get_or_create(NULL::products, '{"name": "plpgsql"}', '{"price": 2}')).record;
	RAISE INFO '%: %', p.name, p.price;
	SELECT * INTO r FROM get_or_create(NULL::products, '{"name": "plpgsql"}');
	RAISE INFO '%: %, %', (r.record).name, (r.record).price, r.was_created;
	SELECT * INTO r FROM get_or_create(NULL::products, '{"name": "plpgsql2"}');
	RAISE INFO '%: %, %', (r.record).name, (r.record).price, r.was_created;
	SELECT (g.record).*, g.was_created INTO r
	FROM get_or_create(p, jsonb_build_object('name', p.name)) g;
	RAISE INFO '%: %, %', r.name, r.price, r.was_created;
	SELECT g.was_created INTO created FROM get_or_create(NULL::products, '{"name": "plpgsql3"}') g;
	RAISE INFO '%', created;
	-- over and over in one session, creating and finding
	FOR i IN 1..300 LOOP
		p := (get_or_create(p, jsonb_build_object('name', 'loop' || i % 100))).record;
		ASSERT p.name = 'loop' || i % 100;
	END LOOP;
	PERFORM get_or_create(NULL::products, '{"name": "performed"}');
	ASSERT FOUND;
END $$;
SELECT count(*) FROM products WHERE name LIKE 'loop%' OR name = 'performed';
-- The record is the caller's: it outlives the row, toasted values too.
CREATE TABLE documents (id int PRIMARY KEY, body text);
ALTER TABLE documents ALTER body SET STORAGE EXTERNAL;
INSERT INTO documents VALUES (1, repeat('0123456789', 10000));
DO $$
DECLARE
	d documents;
BEGIN
	d := (get_or_create(NULL::documents, '{"id": 1}')).record;
	DELETE FROM documents;
	TRUNCATE documents;
	RAISE INFO '% %', length(d.body), md5(d.body) = md5(repeat('0123456789', 10000));
	d := (get_or_create(NULL::documents, '{"id": 2}',
	                    jsonb_build_object('body', repeat('abc', 100000)))).record;
	TRUNCATE documents;
	RAISE INFO '% %', length(d.body), md5(d.body) = md5(repeat('abc', 100000));
END $$;

--
-- Columns that are called like our own names, and like PostgreSQL's
--
CREATE TABLE t
(
	t int, record text, created boolean DEFAULT true, was_created text DEFAULT 'no',
	target text, lookup text, defaults text, excluded text, old text, new text,
	g int, dg int, tableoid_ int, "row" int, "*" int, "$1" int,
	UNIQUE (t, record)
);
SELECT * FROM get_or_create(NULL::t, '{"t": 1, "record": "r"}', '{"$1": 7, "excluded": "e"}');
SELECT * FROM get_or_create(NULL::t, '{"t": 1, "record": "r"}', '{"$1": 8}');
SELECT (g.record).t, (g.record).was_created, g.was_created
FROM get_or_create(NULL::t, '{"record": "r", "t": 2}', '{"was_created": "yes"}') g;
-- by the statement's way, not only the direct one
SELECT * FROM get_or_create(NULL::t, '{"t": 2, "record": "r"}', lock_strength => 'share');
CREATE TABLE record (record int PRIMARY KEY, t text);
SELECT * FROM get_or_create(NULL::goc.record, '{"record": 1}', '{"t": "x"}');
SELECT * FROM get_or_create(NULL::goc.record, '{"record": 1}', '{"t": "x"}');
-- A table of one column; one with many: get_or_create_wide.
CREATE TABLE one (one int PRIMARY KEY);
SELECT * FROM get_or_create(NULL::one, '{"one": 1}');
SELECT * FROM get_or_create(NULL::one, '{"one": 1}');
-- In LATERAL without anything from the left, PostgreSQL calls it once.
SELECT i, was_created FROM generate_series(1, 3) i, LATERAL get_or_create(NULL::one, '{"one": 2}') g;

SET client_min_messages = warning;
DROP SCHEMA goc CASCADE;
