--
-- classify_integrity_error: the sentence for a person, and the one for the
-- developer
--
\getenv abs_srcdir PG_ABS_SRCDIR
\i :abs_srcdir/sql/include/classify.sql
CREATE SCHEMA polite;
SET search_path = polite, public;

CREATE FUNCTION pg_temp.says(statement text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE state text; msg text; det text; s text; t text; c text; k text; d text;
BEGIN
  EXECUTE statement;
  RETURN 'not broken';
EXCEPTION WHEN OTHERS THEN
  GET STACKED DIAGNOSTICS state = RETURNED_SQLSTATE, msg = MESSAGE_TEXT,
    det = PG_EXCEPTION_DETAIL, s = SCHEMA_NAME, t = TABLE_NAME,
    c = COLUMN_NAME, k = CONSTRAINT_NAME, d = PG_DATATYPE_NAME;
  RETURN (classify_integrity_error(msg, det, state, s, t, c, k, d)).user_message;
END
$$;

CREATE DOMAIN percent AS int CONSTRAINT is_percent CHECK (VALUE BETWEEN 0 AND 100);
CREATE TABLE categories (id int PRIMARY KEY);
CREATE TABLE products (id int PRIMARY KEY, name text UNIQUE, size int, color text, category_id int REFERENCES categories,
  unit_price int CHECK (unit_price > 0), cost int, discount percent, "Weight" int UNIQUE, CHECK (cost < unit_price), UNIQUE (size, color, cost));
ALTER TABLE products ALTER color SET NOT NULL;
INSERT INTO categories VALUES (1);
INSERT INTO products VALUES (1, 'tea', 1, 'red', 1, 10, 5, 0, 9);
SELECT pg_temp.says($$INSERT INTO products VALUES (2, 'tea', 2, 'red')$$) AS "unique";
SELECT pg_temp.says($$INSERT INTO products VALUES (2, 'x', 1, 'red', NULL, NULL, 5)$$) AS several_columns;
SELECT pg_temp.says($$INSERT INTO products VALUES (2, 'x', 2, 'red', 1, 1, 0, 0, 9)$$) AS column_that_is_no_word;
SELECT pg_temp.says($$INSERT INTO products VALUES (2, 'x', 2, 'red', 7)$$) AS foreign_key;
SELECT pg_temp.says($$DELETE FROM categories$$) AS foreign_key;
SELECT pg_temp.says($$INSERT INTO products VALUES (2, 'x', 2, NULL)$$) AS not_null;
SELECT pg_temp.says($$INSERT INTO products VALUES (2, 'x', 2, 'red', 1, 0)$$) AS "check";
SELECT pg_temp.says($$INSERT INTO products VALUES (2, 'x', 2, 'red', 1, 1, 2)$$) AS several_columns;
SELECT pg_temp.says($$INSERT INTO products VALUES (2, 'x', 2, 'red', 1, 2, 1, 101)$$) AS domain;
SELECT pg_temp.says($$DO $d$ BEGIN RAISE 'No more tea.' USING ERRCODE = 'check_violation'; END $d$ $$) AS raised;
SELECT pg_temp.says($$SELECT 1 / 0$$) AS not_integrity;

-- what the table calls itself
CREATE SCHEMA named;
CREATE FUNCTION pg_temp.unique_in(name text) RETURNS text LANGUAGE plpgsql
SET search_path = named, public AS $$
DECLARE said text;
BEGIN
  EXECUTE format('CREATE TABLE %I (id int UNIQUE)', name);
  EXECUTE format('INSERT INTO %I VALUES (1)', name);
  said := pg_temp.says(format('INSERT INTO %I VALUES (1)', name));
  EXECUTE format('DROP TABLE %I', name);
  RETURN said;
END
$$;
SELECT name, pg_temp.unique_in(name)
FROM unnest(ARRAY['products', 'apples', 'users', 'units', 'hours', 'companies', 'addresses', 'boxes', 'batches', 'dishes',
  'houses', 'analyses', 'bus', 'address', 'person', 'people', 'children', 'status', 'news', 'heroes', 'wolves', 'movies', 'gas',
  'order_items', 'tax_classes', 'user', 'Products', 'tbl_1', 'naïve', 'x_', 's']) WITH ORDINALITY u(name, n)
ORDER BY n;

-- a comment on what was broken comes first
COMMENT ON CONSTRAINT products_name_key ON products IS 'We have this tea already.';
COMMENT ON INDEX "products_Weight_key" IS 'One of that weight is enough.';
COMMENT ON CONSTRAINT products_unit_price_check ON products IS 'Tea is not free.';
COMMENT ON CONSTRAINT products_category_id_fkey ON products IS 'Shelves first.';
COMMENT ON CONSTRAINT is_percent ON DOMAIN percent IS 'From 0 to 100.';
SELECT pg_temp.says($$INSERT INTO products VALUES (2, 'tea', 2, 'red')$$) AS "constraint";
SELECT pg_temp.says($$INSERT INTO products VALUES (2, 'x', 2, 'red', 1, 1, 0, 0, 9)$$) AS index;
SELECT pg_temp.says($$INSERT INTO products VALUES (2, 'x', 2, 'red', 1, 0)$$) AS "check";
SELECT pg_temp.says($$INSERT INTO products VALUES (2, 'x', 2, 'red', 7)$$) AS foreign_key;
SELECT pg_temp.says($$DELETE FROM categories$$) AS foreign_key;
SELECT pg_temp.says($$INSERT INTO products VALUES (2, 'x', 2, 'red', 1, 2, 1, 101)$$) AS domain;
COMMENT ON INDEX products_name_key IS 'of the index';
SELECT pg_temp.says($$INSERT INTO products VALUES (2, 'tea', 2, 'red')$$) AS constraint_before_index;
CREATE TABLE parted (id int CONSTRAINT parted_id PRIMARY KEY, n int CONSTRAINT parted_n CHECK (n > 0)) PARTITION BY LIST (id);
CREATE TABLE parted_1 PARTITION OF parted FOR VALUES IN (1);
INSERT INTO parted VALUES (1, 1);
COMMENT ON CONSTRAINT parted_1_pkey ON parted_1 IS 'of the leaf';
COMMENT ON CONSTRAINT parted_n ON parted_1 IS 'of the leaf';
SELECT pg_temp.says($$INSERT INTO parted VALUES (1, 1)$$) AS leaf, pg_temp.says($$INSERT INTO parted VALUES (1, 0)$$) AS leaf;
COMMENT ON CONSTRAINT parted_id ON parted IS 'of the root';
COMMENT ON CONSTRAINT parted_n ON parted IS 'of the root';
SELECT pg_temp.says($$INSERT INTO parted VALUES (1, 1)$$) AS root, pg_temp.says($$INSERT INTO parted VALUES (1, 0)$$) AS root;

-- and for the developer
SELECT kind, remedy FROM unnest('{23000,23001,23502,23505,23514,23P01,44000,40001,40P01,P0001}'::text[]) WITH ORDINALITY u(s, n),
  classify_integrity_error(sqlstate => s) ORDER BY n;
SELECT kind, remedy FROM unnest(ARRAY['insert or update on table "a" violates foreign key constraint "b"',
  'domain a does not allow null values', 'value for domain a violates check constraint "b"', 'no partition of relation "a" found for row',
  'new row for relation "a" violates partition constraint', 'new row violates row-level security policy for table "a"']) WITH ORDINALITY u(m, n),
  classify_integrity_error(m) ORDER BY n;

RESET search_path;
SET client_min_messages = warning;
DROP SCHEMA polite, named CASCADE;
