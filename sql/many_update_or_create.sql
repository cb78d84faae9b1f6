--
-- update_or_create_many
--
\getenv abs_srcdir PG_ABS_SRCDIR
\i :abs_srcdir/sql/include/setup.sql
CREATE SCHEMA many_update;
SET search_path = many_update, public;
SET TimeZone = 'UTC';
SET DateStyle = 'ISO';

SELECT proname, provolatile, proparallel, proisstrict, prosecdef, proretset,
       pg_get_function_arguments(oid) AS arguments,
       obj_description(oid, 'pg_proc') IS NOT NULL AS documented
FROM pg_proc WHERE proname = 'update_or_create_many';

CREATE TABLE stock
(
	sku text PRIMARY KEY,
	amount integer NOT NULL DEFAULT 0 CHECK (amount >= 0),
	price numeric,
	note text DEFAULT 'none',
	updated_at timestamptz
);
CREATE TABLE written (op text, sku text);
CREATE FUNCTION note_write() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
	INSERT INTO written VALUES (TG_OP, NEW.sku);
	RETURN NULL;
END $$;
CREATE TRIGGER w AFTER INSERT OR UPDATE ON stock FOR EACH ROW EXECUTE FUNCTION note_write();

-- All are created; touch is set on creation.
SELECT ordinality, (record).*, was_created, was_updated
FROM update_or_create_many(NULL::stock,
	'[{"sku": "b", "amount": 1}, {"sku": "a", "price": 1.0}, {"sku": "c"}]', '{sku}', '{"updated_at": "2020-01-01"}');
-- Unchanged, changed, created.  Only the named columns are set, touch where
-- something else differs.
SELECT ordinality, (record).*, was_created, was_updated
FROM update_or_create_many(NULL::stock,
	'[{"sku": "d", "amount": 4}, {"sku": "b", "amount": 1}, {"sku": "a", "amount": 2}, {"sku": "c"}]',
	'{sku}', '{"updated_at": "2021-01-01"}');
SELECT op, sku FROM written ORDER BY op, sku;
TRUNCATE written;
-- What a user could see is a difference: the scale of a number, NULL.
SELECT ordinality, (record).*, was_updated
FROM update_or_create_many(NULL::stock,
	'[{"sku": "a", "price": 1.00}, {"sku": "b", "note": null}, {"sku": "c", "note": "none"}]', '{sku}');
-- The same key again: the later one's values win, each tells what it did.
SELECT ordinality, (record).*, was_created, was_updated
FROM update_or_create_many(NULL::stock, '[
	{"sku": "e", "amount": 1}, {"sku": "e", "amount": 2}, {"sku": "e", "amount": 2}, {"sku": "e", "price": 5},
	{"sku": "d", "amount": 4}, {"sku": "d", "amount": 5}, {"sku": "d", "amount": 4}]', '{sku}');
-- No rows.
SELECT * FROM update_or_create_many(NULL::stock, '[]', '{sku}');
SELECT * FROM update_or_create_many(NULL::stock, NULL, '{sku}');

-- Nothing to change is nothing written: no transaction id, no trigger.
TRUNCATE written;
BEGIN;
SELECT count(*), bool_or(was_created OR was_updated) FROM update_or_create_many(NULL::stock,
	'[{"sku": "e", "amount": 2}, {"sku": "d"}, {"sku": "a", "amount": 2, "price": 1.00}]', '{sku}', '{"updated_at": "2022-01-01"}');
SELECT pg_current_xact_id_if_assigned() IS NULL AS no_transaction_id;
COMMIT;
SELECT count(*) AS triggers_fired FROM written;
BEGIN READ ONLY;
SELECT count(*) FROM update_or_create_many(NULL::stock, '[{"sku": "e", "amount": 2}]', '{sku}');
CALL pg_temp.fails($$SELECT update_or_create_many(NULL::stock, '[{"sku": "e", "amount": 3}]', '{sku}')$$);
CALL pg_temp.fails($$SELECT update_or_create_many(NULL::stock, '[{"sku": "new"}]', '{sku}')$$);
COMMIT;

-- Errors: with their place, and nothing is written.
\set SHOW_CONTEXT errors
SELECT update_or_create_many(NULL::stock, '[{"sku": "new"}, {"sku": "a", "amount": "x"}]', '{sku}');
SELECT update_or_create_many(NULL::stock, '[{"sku": "new"}, {"amount": 3}]', '{sku}');
SELECT update_or_create_many(NULL::stock, '[{"sku": "new"}, {"sku": "a", "updated_at": null}]', '{sku}', '{"updated_at": "2022-01-01"}');
\set SHOW_CONTEXT never
CALL pg_temp.fails($$SELECT update_or_create_many(NULL::stock, '[{"sku": "new"}, {"sku": "a", "amount": -1}]', '{sku}')$$);
CALL pg_temp.fails($$SELECT update_or_create_many(NULL::stock, '[{"sku": "new", "amount": -1}, {"sku": "a", "amount": 77}]', '{sku}')$$);
CALL pg_temp.fails($$SELECT update_or_create_many(NULL::stock, '[{"sku": "new"}]', '{sku}', '{"sku": "x"}')$$);
CALL pg_temp.fails($$SELECT update_or_create_many(NULL::stock, '[{"sku": "new"}]', '{sku}', '{"updated": "x"}')$$);
CALL pg_temp.fails($$SELECT update_or_create_many(NULL::stock, '[{"sku": "new"}]', '{sku}', '[1]')$$);
CALL pg_temp.fails($$SELECT update_or_create_many(NULL::stock, '[{"sku": "new"}]', NULL)$$);
CALL pg_temp.fails($$SELECT update_or_create_many(NULL::stock, '[{"amount": 1}]', '{amount}')$$);
SELECT sku, amount FROM stock ORDER BY sku;

--
-- Other relations, keys and triggers.
--
CREATE TABLE parts (k integer PRIMARY KEY, v text DEFAULT 'd', z integer GENERATED ALWAYS AS (k * 2) STORED) PARTITION BY RANGE (k);
CREATE TABLE parts_1 PARTITION OF parts FOR VALUES FROM (0) TO (10);
CREATE TABLE parts_2 PARTITION OF parts FOR VALUES FROM (10) TO (20);
SELECT * FROM update_or_create_many(NULL::parts, '[{"k": 15, "v": "x"}, {"k": 5}, {"k": 15, "v": "y"}]', '{k}');
SELECT * FROM update_or_create_many(NULL::parts, '[{"k": 15, "v": "y"}, {"k": 5, "v": "z"}, {"k": 16, "v": "z"}]', '{k}');
CREATE VIEW shown AS SELECT k, v FROM parts;
SELECT * FROM update_or_create_many(NULL::shown, '[{"k": 6, "v": "x"}, {"k": 5, "v": "z"}, {"k": 6, "v": "y"}]', '{k}');
CREATE TABLE mails (email text, n integer);
CREATE UNIQUE INDEX mails_lower ON mails (lower(email));
SELECT * FROM update_or_create_many(NULL::mails, '[{"email": "Foo", "n": 1}, {"email": "fOO", "n": 2}, {"email": "bar"}]', '{email}');
CREATE TABLE nulls (a integer, b integer, v integer, UNIQUE NULLS NOT DISTINCT (a, b));
SELECT * FROM update_or_create_many(NULL::nulls, '[{"a": 1, "b": null, "v": 1}, {"a": 1, "b": null, "v": 2}]', '{a, b}');
SELECT * FROM update_or_create_many(NULL::nulls, '[{"a": 1, "b": null, "v": 3}]', '{b, a}');
CREATE TABLE residual (k integer PRIMARY KEY, fixed text, v integer);
SELECT * FROM update_or_create_many(NULL::residual, '[{"k": 1, "fixed": "x", "v": 1}, {"k": 1, "fixed": "x", "v": 2}]', '{k, fixed}');
CALL pg_temp.fails($$SELECT update_or_create_many(NULL::residual, '[{"k": 1, "fixed": "y", "v": 3}]', '{k, fixed}')$$);
CALL pg_temp.fails($$SELECT update_or_create_many(NULL::residual, '[{"k": 2, "fixed": "x"}, {"k": 2, "fixed": "y"}]', '{k, fixed}')$$);
-- a trigger that changes what is written, one that rewrites the key, one that suppresses
CREATE TABLE trig (k text PRIMARY KEY, v text);
CREATE FUNCTION trig_before() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
	IF NEW.v = 'suppress' THEN
		RETURN NULL;
	ELSIF NEW.v LIKE 'key %' AND TG_OP = 'INSERT' THEN
		NEW.k := substr(NEW.v, 5);
	END IF;
	NEW.v := upper(NEW.v);
	RETURN NEW;
END $$;
CREATE TRIGGER b BEFORE INSERT OR UPDATE ON trig FOR EACH ROW EXECUTE FUNCTION trig_before();
SELECT * FROM update_or_create_many(NULL::trig, '[{"k": "b", "v": "x"}, {"k": "a"}, {"k": "a", "v": "y"}]', '{k}');
SELECT * FROM update_or_create_many(NULL::trig, '[{"k": "b", "v": "X"}, {"k": "c", "v": "key d"}]', '{k}');
CALL pg_temp.fails($$SELECT update_or_create_many(NULL::trig, '[{"k": "a", "v": "new"}, {"k": "b", "v": "suppress"}]', '{k}')$$);
SELECT * FROM trig ORDER BY k;
-- row security
CREATE ROLE regress_many_update;
GRANT USAGE ON SCHEMA many_update TO regress_many_update;
CREATE TABLE rows_of (k integer PRIMARY KEY, owner text DEFAULT current_user, v integer);
ALTER TABLE rows_of ENABLE ROW LEVEL SECURITY;
CREATE POLICY own ON rows_of USING (owner = current_user);
GRANT SELECT, INSERT, UPDATE ON rows_of TO regress_many_update;
INSERT INTO rows_of VALUES (1, 'somebody'), (2, 'regress_many_update');
SET ROLE regress_many_update;
SELECT * FROM update_or_create_many(NULL::rows_of, '[{"k": 3, "v": 1}, {"k": 2, "v": 2}]', '{k}');
CALL pg_temp.fails($$SELECT update_or_create_many(NULL::rows_of, '[{"k": 2, "v": 3}, {"k": 1, "v": 3}]', '{k}')$$);
RESET ROLE;
SELECT * FROM rows_of ORDER BY k;

-- An element takes the row out of the arbiter's predicate: the next one does as a
-- call of its own would.
CREATE TABLE job (k integer, done text, w integer);
CREATE UNIQUE INDEX ON job (k) WHERE done IS NULL;
INSERT INTO job VALUES (1, NULL, 0), (2, NULL, 0);
BEGIN;
SELECT * FROM update_or_create_many(NULL::job, '[{"k": 1, "done": "yes"}, {"k": 2, "w": 3}, {"k": 1, "w": 5}, {"k": 1, "w": 6}]', '{k}');
SELECT * FROM job ORDER BY k, w;
ROLLBACK;
BEGIN;
SELECT * FROM update_or_create_many(NULL::job, '[{"k": 1, "done": "yes"}, {"k": 1, "w": 0}]', '{k}');
ROLLBACK;
SELECT * FROM update_or_create_many(NULL::job, '[{"k": 3, "w": 0}, {"k": 3, "done": "yes"}, {"k": 3, "w": 0}]', '{k}');

-- Many rows: a tenth changed, a tenth new, in disorder.
CREATE TABLE numbers (n integer PRIMARY KEY, v integer, touched integer);
INSERT INTO numbers SELECT i, i FROM generate_series(1, 4500) i;
WITH answer AS (
	SELECT * FROM update_or_create_many(NULL::numbers,
		(SELECT jsonb_agg(jsonb_build_object('n', i, 'v', CASE WHEN i % 10 = 0 THEN -i ELSE i END) ORDER BY hashint4(i))
		 FROM generate_series(1, 5000) i), '{n}', '{"touched": 1}'))
SELECT count(*), count(*) FILTER (WHERE was_created) AS created, count(*) FILTER (WHERE was_updated) AS updated,
	   bool_and((record).v = CASE WHEN (record).n % 10 = 0 THEN -(record).n ELSE (record).n END) AS right_rows,
	   bool_and(((record).touched = 1) IS TRUE = (was_created OR was_updated)) AS touched
FROM answer;

-- The value of touch is converted when a row is written, not before.
SELECT * FROM update_or_create_many(NULL::numbers, '[{"n": 1, "v": 1}]', '{n}', '{"touched": "x"}');
SELECT * FROM update_or_create_many(NULL::numbers, '[{"n": 1, "v": 2}]', '{n}', '{"touched": "x"}');
SELECT * FROM update_or_create_many(NULL::numbers, '[{"n": 0}]', '{n}', '{"touched": "x"}');

SET client_min_messages = warning;
DROP SCHEMA many_update CASCADE;
DROP ROLE regress_many_update;
