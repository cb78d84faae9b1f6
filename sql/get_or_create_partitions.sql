--
-- get_or_create: partitioned tables and inheritance
--
\getenv abs_srcdir PG_ABS_SRCDIR
\i :abs_srcdir/sql/include/setup.sql
CREATE SCHEMA goc_partitions;
SET search_path = goc_partitions, public;

--
-- One level: list, with a default partition
--
CREATE TABLE orders (region text, no int, v text, PRIMARY KEY (region, no)) PARTITION BY LIST (region);
CREATE TABLE orders_eu PARTITION OF orders FOR VALUES IN ('de', 'fr');
CREATE TABLE orders_us PARTITION OF orders FOR VALUES IN ('us');
SELECT * FROM get_or_create(NULL::orders, '{"region": "de", "no": 1}', '{"v": "a"}');
SELECT * FROM get_or_create(NULL::orders, '{"region": "de", "no": 1}', '{"v": "b"}');
SELECT * FROM get_or_create(NULL::orders, '{"region": "us", "no": 1}', '{"v": "c"}');
-- wider lookup
SELECT * FROM get_or_create(NULL::orders, '{"region": "de", "no": 1, "v": "a"}');
CALL pg_temp.fails($$SELECT get_or_create(NULL::orders, '{"region": "de", "no": 1, "v": "b"}')$$);
-- no partition for it: PostgreSQL's 23514
CALL pg_temp.fails($$SELECT get_or_create(NULL::orders, '{"region": "cn", "no": 1}')$$);
CREATE TABLE orders_rest PARTITION OF orders DEFAULT;
SELECT * FROM get_or_create(NULL::orders, '{"region": "cn", "no": 1}');
SELECT * FROM get_or_create(NULL::orders, '{"region": "cn", "no": 1}');
SELECT tableoid::regclass, * FROM orders ORDER BY region COLLATE "C", no;
-- every lock strength, on a root
SELECT s, g.* FROM unnest(ARRAY['key share', 'share', 'no key update', 'update']) s,
     LATERAL get_or_create(NULL::orders, '{"region": "us", "no": 1}', lock_strength => s) g;
SELECT * FROM get_or_create(NULL::orders, '{"region": "us", "no": 2}', lock_strength => 'update');
-- arbiter names the root's own constraint, not a leaf's
SELECT * FROM get_or_create(NULL::orders, '{"region": "us", "no": 2}', arbiter => 'orders_pkey');
CALL pg_temp.fails($$SELECT get_or_create(NULL::orders, '{"region": "us", "no": 2}', arbiter => 'orders_us_pkey')$$);
-- many rows over all partitions, in one statement
SELECT count(*) FILTER (WHERE was_created) AS created, count(*) FILTER (WHERE (g.record).no = i / 2) AS right_row
FROM generate_series(100, 299) i,
     LATERAL get_or_create(NULL::orders, jsonb_build_object('region', (ARRAY['de', 'us', 'zz'])[i / 2 % 3 + 1], 'no', i / 2)) g;

--
-- A leaf that is called directly: decided by the leaf's own indexes
--
CREATE UNIQUE INDEX orders_us_no ON orders_us (no);
SELECT * FROM get_or_create(NULL::orders_us, '{"no": 1}');
SELECT * FROM get_or_create(NULL::orders_us, '{"no": 3}', '{"region": "us"}');
SELECT * FROM get_or_create(NULL::orders_us, '{"region": "us", "no": 3}');
-- which the root does not have
CALL pg_temp.fails($$SELECT get_or_create(NULL::orders, '{"no": 1}')$$);
-- a row that belongs elsewhere: the partition constraint's 23514
CALL pg_temp.fails($$SELECT get_or_create(NULL::orders_us, '{"region": "de", "no": 1}')$$);
CALL pg_temp.fails($$SELECT get_or_create(NULL::orders_us, '{"no": 4}', '{"region": "de"}')$$);
-- a conflict on the leaf's own index, through the root: the 23505 it is
INSERT INTO orders_us VALUES ('us', 77, 'x');
CREATE UNIQUE INDEX orders_us_v ON orders_us (v) WHERE v <> 'c';
CALL pg_temp.fails($$SELECT get_or_create(NULL::orders, '{"region": "us", "no": 78}', '{"v": "x"}')$$);

--
-- Several levels, attached partitions with other column orders, dropped
-- columns, other columns' defaults, generated and identity columns
--
CREATE TABLE events (x int, id int, at date, kind text, n int DEFAULT 1, twice int GENERATED ALWAYS AS (n * 2) STORED) PARTITION BY RANGE (at);
ALTER TABLE events DROP x;
CREATE TABLE events_2023 (kind text, n int DEFAULT 5, gone text, at date, twice int GENERATED ALWAYS AS (n * 2) STORED, id int);
ALTER TABLE events_2023 DROP gone;
ALTER TABLE events ATTACH PARTITION events_2023 FOR VALUES FROM ('2023-01-01') TO ('2024-01-01');
CREATE TABLE events_2024 (twice int GENERATED ALWAYS AS (n * 2) STORED, at date, n int, kind text, id int) PARTITION BY LIST (kind);
CREATE TABLE events_2024_a (gone int, gone2 int, id int, kind text, at date, n int, twice int GENERATED ALWAYS AS (n * 2) STORED);
ALTER TABLE events_2024_a DROP gone, DROP gone2;
ALTER TABLE events_2024 ATTACH PARTITION events_2024_a FOR VALUES IN ('a');
CREATE TABLE events_2024_h PARTITION OF events_2024 DEFAULT PARTITION BY HASH (id);
CREATE TABLE events_2024_h0 PARTITION OF events_2024_h FOR VALUES WITH (MODULUS 2, REMAINDER 0);
CREATE TABLE events_2024_h1 PARTITION OF events_2024_h FOR VALUES WITH (MODULUS 2, REMAINDER 1);
ALTER TABLE events ATTACH PARTITION events_2024 FOR VALUES FROM ('2024-01-01') TO ('2025-01-01');
CREATE UNIQUE INDEX events_key ON events (id, kind, at);
SELECT (g.record).*, was_created
FROM generate_series(1, 2) again, (VALUES ('2023-05-05', 'a'), ('2024-05-05', 'a'), ('2024-05-05', 'b')) v (at, kind), generate_series(1, 2) id,
     LATERAL get_or_create(NULL::events, jsonb_build_object('id', id, 'kind', kind, 'at', at), jsonb_build_object('n', 20 + again)) g
ORDER BY again, at, kind, id;
SELECT (g.record).*, was_created FROM get_or_create(NULL::events, '{"kind": "c", "at": "2023-12-31", "id": 9}') g;
SELECT (g.record).*, was_created FROM get_or_create(NULL::events, '{"kind": "c", "at": "2023-12-31", "id": 9, "n": 1}', lock_strength => 'share') g;
-- a partition in the middle, and leaves, directly
SELECT (g.record).*, was_created FROM get_or_create(NULL::events_2024, '{"kind": "a", "at": "2024-05-05", "id": 1}') g;
SELECT (g.record).*, was_created FROM get_or_create(NULL::events_2024, '{"kind": "z", "at": "2024-05-05", "id": 1}') g;
SELECT (g.record).*, was_created FROM get_or_create(NULL::events_2024_a, '{"kind": "a", "at": "2024-05-05", "id": 2}') g;
SELECT (g.record).*, was_created FROM get_or_create(NULL::events_2024_a, '{"kind": "a", "at": "2024-06-06", "id": 2}') g;
SELECT (g.record).*, was_created FROM get_or_create(NULL::events_2023, '{"kind": "z", "at": "2023-06-06", "id": 3}') g;
SELECT count(*), count(DISTINCT (id, kind, at)) FROM events;
-- the partitioning is changed between the calls
ALTER TABLE events DETACH PARTITION events_2023;
CALL pg_temp.fails($$SELECT get_or_create(NULL::events, '{"kind": "z", "at": "2023-06-06", "id": 3}')$$);
SELECT (g.record).*, was_created FROM get_or_create(NULL::events_2023, '{"kind": "z", "at": "2023-06-06", "id": 3}') g;
SELECT (g.record).*, was_created FROM get_or_create(NULL::events_2023, '{"kind": "z", "at": "2019-06-06", "id": 3}') g;
DELETE FROM events_2023 WHERE at < '2023-01-01';
ALTER TABLE events ATTACH PARTITION events_2023 FOR VALUES FROM ('2023-01-01') TO ('2024-01-01');
SELECT (g.record).*, was_created FROM get_or_create(NULL::events, '{"kind": "z", "at": "2023-06-06", "id": 3}') g;
-- an index on the root alone, valid only when all partitions have it
CREATE TABLE halves (k int, v int) PARTITION BY RANGE (k);
CREATE TABLE halves_1 PARTITION OF halves FOR VALUES FROM (0) TO (10);
CREATE UNIQUE INDEX halves_k ON ONLY halves (k);
CALL pg_temp.fails($$SELECT get_or_create(NULL::halves, '{"k": 1}')$$);
CREATE UNIQUE INDEX halves_1_k ON halves_1 (k);
ALTER INDEX halves_k ATTACH PARTITION halves_1_k;
SELECT * FROM get_or_create(NULL::halves, '{"k": 1}');
SELECT * FROM get_or_create(NULL::halves, '{"k": 1}');
-- expression and partial indexes on a root, NULLS NOT DISTINCT, triggers, foreign keys
CREATE TABLE people (city int, email text, deleted boolean DEFAULT false, boss int, v text) PARTITION BY LIST (city);
CREATE TABLE people_1 (v text, email text, boss int, deleted boolean DEFAULT false, city int);
ALTER TABLE people ATTACH PARTITION people_1 FOR VALUES IN (1, NULL);
CREATE UNIQUE INDEX people_email ON people (city, lower(email)) NULLS NOT DISTINCT WHERE NOT deleted;
CREATE FUNCTION count_it() RETURNS trigger LANGUAGE plpgsql AS $$BEGIN NEW.v := TG_TABLE_NAME; RETURN NEW; END$$;
CREATE TRIGGER count_it BEFORE INSERT ON people FOR EACH ROW EXECUTE FUNCTION count_it();
SELECT * FROM get_or_create(NULL::people, '{"city": 1, "email": "A@x"}');
SELECT * FROM get_or_create(NULL::people, '{"city": 1, "email": "a@X"}');
SELECT * FROM get_or_create(NULL::people, '{"city": null, "email": "a@X"}');
SELECT * FROM get_or_create(NULL::people, '{"city": null, "email": "A@X"}');
CALL pg_temp.fails($$SELECT get_or_create(NULL::people, '{"city": 1, "email": "b@x"}', '{"deleted": true}')$$);
SELECT count(*) FROM people;

--
-- Inheritance parents: the look includes the children
--
CREATE TABLE cities (name text PRIMARY KEY, population int);
CREATE TABLE capitals (state text, PRIMARY KEY (name)) INHERITS (cities);
CREATE TABLE towns (mayor text, population int, name text UNIQUE, other text);
ALTER TABLE towns ALTER name SET NOT NULL;
ALTER TABLE towns INHERIT cities;
SELECT * FROM get_or_create(NULL::cities, '{"name": "Bonn"}', '{"population": 1}');
SELECT * FROM get_or_create(NULL::cities, '{"name": "Bonn"}');
-- rows of the children are found, and come as the parent's type
INSERT INTO capitals VALUES ('Berlin', 3, 'BE');
INSERT INTO towns VALUES ('somebody', 4, 'Ulm', 'o');
SELECT * FROM get_or_create(NULL::cities, '{"name": "Berlin"}');
SELECT * FROM get_or_create(NULL::cities, '{"name": "Ulm"}');
SELECT * FROM get_or_create(NULL::cities, '{"name": "Ulm", "population": 4}', lock_strength => 'update');
CALL pg_temp.fails($$SELECT get_or_create(NULL::cities, '{"name": "Ulm", "population": 5}')$$);
-- a child by itself knows only its own
SELECT * FROM get_or_create(NULL::capitals, '{"name": "Berlin"}');
SELECT * FROM get_or_create(NULL::capitals, '{"name": "Bonn"}', '{"state": "old"}');
-- so now two rows match the parent: 21000
CALL pg_temp.fails($$SELECT get_or_create(NULL::cities, '{"name": "Bonn"}')$$);
DELETE FROM ONLY cities WHERE name = 'Bonn';
SELECT * FROM get_or_create(NULL::cities, '{"name": "Bonn"}');
-- a plain table becomes a parent between the calls, and a plain one again
CREATE TABLE later (k int PRIMARY KEY, v text);
SELECT * FROM get_or_create(NULL::later, '{"k": 1}');
CREATE TABLE later_child () INHERITS (later);
INSERT INTO later_child VALUES (2, 'in the child');
SELECT * FROM get_or_create(NULL::later, '{"k": 1}');
SELECT * FROM get_or_create(NULL::later, '{"k": 2}');
ALTER TABLE later_child NO INHERIT later;
SELECT * FROM get_or_create(NULL::later, '{"k": 2}');
SELECT * FROM ONLY later ORDER BY k;

SET client_min_messages = warning;
DROP SCHEMA goc_partitions CASCADE;
