--
-- get_or_create: foreign keys, CHECK, NOT NULL
--
\getenv abs_srcdir PG_ABS_SRCDIR
\i :abs_srcdir/sql/include/setup.sql
CREATE SCHEMA goc_constraints;
SET search_path = goc_constraints, public;

CREATE TABLE makers (id int GENERATED ALWAYS AS IDENTITY PRIMARY KEY, name text NOT NULL UNIQUE);
CREATE TABLE cars
(
	id int GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
	maker int NOT NULL REFERENCES makers,
	model text NOT NULL CONSTRAINT model_not_empty CHECK (model <> ''),
	year int CHECK (year >= 1886),
	UNIQUE (maker, model)
);
CREATE TABLE sales (car int PRIMARY KEY REFERENCES cars DEFERRABLE INITIALLY DEFERRED, price int);

-- a child of a parent made by the same statement
SELECT (c.record).model, c.was_created AS car_created, (m.record).name, m.was_created AS maker_created
FROM get_or_create(NULL::makers, '{"name": "Benz"}') m,
     LATERAL get_or_create(NULL::cars, jsonb_build_object('maker', (m.record).id, 'model', 'Motorwagen'), '{"year": 1886}') c;
SELECT (c.record).model, c.was_created AS car_created, (m.record).name, m.was_created AS maker_created
FROM get_or_create(NULL::makers, '{"name": "Benz"}') m,
     LATERAL get_or_create(NULL::cars, jsonb_build_object('maker', (m.record).id, 'model', 'Motorwagen'), '{"year": 2000}') c;

-- the parent is not there: 23503, and no row
CALL pg_temp.fails($$SELECT get_or_create(NULL::cars, '{"maker": 99, "model": "x"}')$$);
-- at top level too: the check comes at the end of the statement
SELECT was_created FROM get_or_create(NULL::cars, '{"maker": 99, "model": "x"}');
SELECT count(*) FROM cars;
-- deferred: at COMMIT
BEGIN;
SELECT * FROM get_or_create(NULL::sales, '{"car": 99}', '{"price": 1}');
SELECT * FROM get_or_create(NULL::sales, '{"car": 99}');
COMMIT;
SELECT count(*) FROM sales;
BEGIN;
SELECT was_created FROM get_or_create(NULL::sales, '{"car": 1}', '{"price": 1}');
COMMIT;
-- a parent that is being referenced while it is locked by the call
BEGIN;
SELECT was_created FROM get_or_create(NULL::makers, '{"name": "Benz"}', lock_strength => 'key share');
SELECT was_created FROM get_or_create(NULL::cars, '{"maker": 1, "model": "Velo"}');
COMMIT;
-- a table that references itself, composite keys, MATCH FULL
CREATE TABLE tree (a int, b int, pa int, pb int, PRIMARY KEY (a, b), FOREIGN KEY (pa, pb) REFERENCES tree MATCH FULL);
SELECT * FROM get_or_create(NULL::tree, '{"a": 1, "b": 1}', '{"pa": 1, "pb": 1}');
SELECT * FROM get_or_create(NULL::tree, '{"a": 1, "b": 1}', '{"pa": 7, "pb": 7}');
SELECT * FROM get_or_create(NULL::tree, '{"a": 2, "b": 1}', '{"pa": 1, "pb": 1}');
CALL pg_temp.fails($$SELECT get_or_create(NULL::tree, '{"a": 3, "b": 1}', '{"pa": 1}')$$);
CALL pg_temp.fails($$SELECT get_or_create(NULL::tree, '{"a": 3, "b": 1}', '{"pa": 1, "pb": 9}')$$);

-- CHECK: 23514 on a miss, no matter on a hit
CALL pg_temp.fails($$SELECT get_or_create(NULL::cars, '{"maker": 1, "model": ""}')$$);
CALL pg_temp.fails($$SELECT get_or_create(NULL::cars, '{"maker": 1, "model": "Old"}', '{"year": 1800}')$$);
SELECT was_created FROM get_or_create(NULL::cars, '{"maker": 1, "model": "Velo"}', '{"year": 1800}');
-- a check over a whole row, a function, NOT VALID, NO INHERIT
CREATE TABLE checked (k int PRIMARY KEY, v int, w int);
INSERT INTO checked VALUES (1, 1, -1);
ALTER TABLE checked
	ADD CONSTRAINT w_positive CHECK (w > 0) NOT VALID,
	ADD CONSTRAINT row_check CHECK (checked IS DISTINCT FROM ROW(5, 5, 5)::checked) NO INHERIT;
SELECT * FROM get_or_create(NULL::checked, '{"k": 1}', '{"w": -5}');
CALL pg_temp.fails($$SELECT get_or_create(NULL::checked, '{"k": 2}', '{"w": -5}')$$);
CALL pg_temp.fails($$SELECT get_or_create(NULL::checked, '{"k": 5}', '{"v": 5, "w": 5}')$$);
SELECT * FROM get_or_create(NULL::checked, '{"k": 2}', '{"w": 5}');

-- NOT NULL: 23502 on a miss, no matter on a hit
CREATE TABLE required (k int PRIMARY KEY, v text NOT NULL, w text NOT NULL DEFAULT 'w');
CALL pg_temp.fails($$SELECT get_or_create(NULL::required, '{"k": 1}')$$);
CALL pg_temp.fails($$SELECT get_or_create(NULL::required, '{"k": 1}', '{"v": null}')$$);
CALL pg_temp.fails($$SELECT get_or_create(NULL::required, '{"k": 1}', '{"v": "v", "w": null}')$$);
SELECT * FROM get_or_create(NULL::required, '{"k": 1}', '{"v": "v"}');
SELECT * FROM get_or_create(NULL::required, '{"k": 1}');
SELECT * FROM get_or_create(NULL::required, '{"k": 1}', '{"v": null, "w": null}');
-- a check that fails for one of many rows: none of the statement's stays
CALL pg_temp.fails($$SELECT get_or_create(NULL::required, jsonb_build_object('k', i), jsonb_build_object('v', nullif(i, 15))) FROM generate_series(10, 20) i$$);
SELECT count(*) FROM required;

SET client_min_messages = warning;
DROP SCHEMA goc_constraints CASCADE;
