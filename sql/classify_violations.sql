--
-- classify_integrity_error: every place in the server that raises an
-- integrity error, each for real
--
\getenv abs_srcdir PG_ABS_SRCDIR
\i :abs_srcdir/sql/include/classify.sql
CREATE ROLE regress_dg_writer;
CREATE ROLE regress_dg_owner;
CREATE SCHEMA shop;
GRANT ALL ON SCHEMA shop TO PUBLIC;
SET search_path = shop, public;

CREATE TABLE products (id int PRIMARY KEY, name text CONSTRAINT products_name UNIQUE);
INSERT INTO products VALUES (1, 'tea'), (2, 'coffee');
CREATE TABLE prices (product int, currency text, price int CONSTRAINT price_positive CHECK (price > 0),
  CONSTRAINT prices_once UNIQUE (product, currency), CONSTRAINT low_stays_low CHECK (price < 1000 OR currency <> 'low'));
INSERT INTO prices VALUES (1, 'EUR', 2);
CREATE TABLE twins (a int, b int4range);
INSERT INTO twins VALUES (1, '[1,5)'), (1, '[2,6)'), (NULL, NULL);
CREATE TABLE tickets (id int CONSTRAINT tickets_pk PRIMARY KEY DEFERRABLE INITIALLY DEFERRED);
CREATE TABLE bookings (rooms int4range, during int4range, CONSTRAINT no_overlap EXCLUDE USING gist (rooms WITH &&, during WITH &&));
INSERT INTO bookings VALUES ('[1,2)', '[1,5)');
GRANT INSERT ON products, prices, bookings TO regress_dg_writer;

-- unique
SELECT * FROM pg_temp.broken('unique', $$INSERT INTO products VALUES (1, 'cocoa')$$);
SELECT * FROM pg_temp.broken('unique, two columns', $$INSERT INTO prices VALUES (1, 'EUR', 3)$$);
SELECT * FROM pg_temp.broken('unique, may not see the key', $$INSERT INTO prices VALUES (1, 'EUR', 3)$$, 'regress_dg_writer');
SELECT * FROM pg_temp.broken('unique, deferred', $$INSERT INTO tickets VALUES (1), (1)$$);
SELECT * FROM pg_temp.broken('new unique index', $$CREATE UNIQUE INDEX twins_a ON twins (a)$$);
SELECT * FROM pg_temp.broken('new unique constraint', $$ALTER TABLE twins ADD CONSTRAINT twins_once UNIQUE (a)$$);

-- exclusion
SELECT * FROM pg_temp.broken('exclusion', $$INSERT INTO bookings VALUES ('[1,2)', '[3,9)')$$);
SELECT * FROM pg_temp.broken('exclusion, may not see the key', $$INSERT INTO bookings VALUES ('[1,2)', '[3,9)')$$, 'regress_dg_writer');
SELECT * FROM pg_temp.broken('new exclusion', $$ALTER TABLE twins ADD CONSTRAINT twins_apart EXCLUDE USING gist (b WITH &&)$$);

-- somebody who owns a table that he may not read
CREATE TABLE unread (a int, b int4range);
INSERT INTO unread VALUES (1, '[1,5)'), (1, '[2,6)');
ALTER TABLE unread OWNER TO regress_dg_owner;
REVOKE SELECT ON unread FROM regress_dg_owner;
SELECT * FROM pg_temp.broken('new unique index, may not see the key', $$CREATE UNIQUE INDEX unread_a ON unread (a)$$, 'regress_dg_owner');
SELECT * FROM pg_temp.broken('new exclusion, may not see the key', $$ALTER TABLE unread ADD CONSTRAINT unread_apart EXCLUDE USING gist (b WITH &&)$$, 'regress_dg_owner');

-- foreign keys
CREATE TABLE orders (id int PRIMARY KEY, product int CONSTRAINT orders_product REFERENCES products,
  gift int CONSTRAINT orders_gift REFERENCES products ON DELETE RESTRICT ON UPDATE RESTRICT,
  later int CONSTRAINT orders_later REFERENCES products DEFERRABLE INITIALLY DEFERRED);
CREATE TABLE pairs (a int, b int, PRIMARY KEY (b, a));
INSERT INTO pairs VALUES (1, 2);
CREATE TABLE lots (x int, y int, CONSTRAINT lots_pair FOREIGN KEY (x, y) REFERENCES pairs (a, b) MATCH FULL);
INSERT INTO orders VALUES (1, 1, 2, NULL);
INSERT INTO lots VALUES (1, 2);
GRANT INSERT ON orders TO regress_dg_writer;
GRANT DELETE, SELECT (name) ON products TO regress_dg_writer;
SELECT * FROM pg_temp.broken('child', $$INSERT INTO orders VALUES (2, 99)$$);
SELECT * FROM pg_temp.broken('child, update', $$UPDATE orders SET product = 99$$);
SELECT * FROM pg_temp.broken('child, deferred', $$INSERT INTO orders VALUES (2, NULL, NULL, 99)$$);
SELECT * FROM pg_temp.broken('child, may not see the key', $$INSERT INTO orders VALUES (2, 99)$$, 'regress_dg_writer');
SELECT * FROM pg_temp.broken('child, two columns', $$INSERT INTO lots VALUES (1, 3)$$);
SELECT * FROM pg_temp.broken('child, MATCH FULL', $$INSERT INTO lots VALUES (1, NULL)$$);
SELECT * FROM pg_temp.broken('new foreign key', $$INSERT INTO twins VALUES (99); ALTER TABLE twins ADD CONSTRAINT twins_product FOREIGN KEY (a) REFERENCES products$$);
SELECT * FROM pg_temp.broken('new foreign key, MATCH FULL', $$CREATE TABLE half AS SELECT 1 AS x, NULL::int AS y; ALTER TABLE half ADD CONSTRAINT half_pair FOREIGN KEY (x, y) REFERENCES pairs (a, b) MATCH FULL$$);
SELECT * FROM pg_temp.broken('parent, delete', $$DELETE FROM products WHERE id = 1$$);
SELECT * FROM pg_temp.broken('parent, update', $$UPDATE products SET id = 50 WHERE id = 1$$);
SELECT * FROM pg_temp.broken('parent, two columns', $$DELETE FROM pairs$$);
SELECT * FROM pg_temp.broken('parent, RESTRICT, delete', $$DELETE FROM products WHERE id = 2$$);
SELECT * FROM pg_temp.broken('parent, RESTRICT, update', $$UPDATE products SET id = 50 WHERE id = 2$$);
SELECT classify_integrity_error(sqlstate => '23001') = classify_integrity_error(sqlstate => '23001', message => '') AS same,
  (classify_integrity_error(sqlstate => '23001')).kind;
SELECT * FROM pg_temp.broken('parent, may not see the key', $$DELETE FROM products WHERE name = 'tea'$$, 'regress_dg_writer');
-- 18's message, on every version
SELECT pg_temp.facts(classify_integrity_error(
  E'ERROR:  update or delete on table "products" violates RESTRICT setting of foreign key constraint "orders_gift" on table "orders"\nDETAIL:  Key (id)=(2) is referenced from table "orders".')) AS restrict;
SELECT pg_temp.facts(classify_integrity_error('update or delete on table "products" violates RESTRICT setting of foreign key constraint "orders_gift" on table "orders"',
  'Key is referenced from table "orders".', '23001', 'shop', 'orders', '', 'orders_gift', '')) AS restrict;

-- 18's message about an empty range, likewise
SELECT pg_temp.facts(classify_integrity_error('empty WITHOUT OVERLAPS value found in column "during" in relation "bookings"')) AS text,
  pg_temp.facts(classify_integrity_error('empty WITHOUT OVERLAPS value found in column "during" in relation "bookings"', '', '23514', '', '', '', '', '')) AS all_fields;

-- not null
CREATE TABLE people (id int, name text NOT NULL, nick text);
INSERT INTO people VALUES (1, 'a', NULL);
GRANT INSERT ON people TO regress_dg_writer;
SELECT * FROM pg_temp.broken('not null', $$INSERT INTO people VALUES (1, NULL, 'x')$$);
SELECT * FROM pg_temp.broken('not null, may not see the row', $$INSERT INTO people (id) VALUES (1)$$, 'regress_dg_writer');
SELECT * FROM pg_temp.broken('new not null', $$ALTER TABLE people ALTER nick SET NOT NULL$$);

-- checks
SELECT * FROM pg_temp.broken('check', $$INSERT INTO prices VALUES (1, 'USD', 0)$$);
SELECT * FROM pg_temp.broken('check, two columns', $$INSERT INTO prices VALUES (1, 'low', 5000)$$);
SELECT * FROM pg_temp.broken('check, may not see the row', $$INSERT INTO prices VALUES (1, 'USD', 0)$$, 'regress_dg_writer');
SELECT * FROM pg_temp.broken('new check', $$ALTER TABLE twins ADD CONSTRAINT twins_check CHECK (a > 5)$$);
SELECT * FROM pg_temp.broken('validated check', $$ALTER TABLE twins ADD CONSTRAINT twins_check CHECK (a > 5) NOT VALID; ALTER TABLE twins VALIDATE CONSTRAINT twins_check$$);

-- domains
CREATE DOMAIN positive AS int CONSTRAINT is_positive CHECK (VALUE > 0);
CREATE DOMAIN required AS text NOT NULL;
CREATE DOMAIN percent AS positive CONSTRAINT is_percent CHECK (VALUE <= 100);
CREATE TABLE gauges (amount positive, label required DEFAULT 'x', share percent);
SELECT * FROM pg_temp.broken('domain check', $$INSERT INTO gauges VALUES (-1)$$);
SELECT * FROM pg_temp.broken('domain check, by the domain below', $$INSERT INTO gauges (share) VALUES (-1)$$);
SELECT * FROM pg_temp.broken('domain check, no table', $$DO $d$ DECLARE p shop.positive; BEGIN p := -1; END $d$ $$);
SELECT * FROM pg_temp.broken('domain check, input', $$SELECT * FROM json_to_record('{"x": -1}') AS x (x positive)$$);
SELECT * FROM pg_temp.broken('domain not null', $$INSERT INTO gauges VALUES (1, NULL)$$);
SELECT * FROM pg_temp.broken('domain not null, input', $$SELECT * FROM json_to_record('{"x": null}') AS x (x required)$$);
INSERT INTO gauges VALUES (1, 'x', NULL);
SELECT * FROM pg_temp.broken('new domain check', $$ALTER DOMAIN positive ADD CONSTRAINT is_large CHECK (VALUE > 10)$$);
SELECT * FROM pg_temp.broken('new domain not null', $$ALTER DOMAIN percent SET NOT NULL$$);

-- partitions
CREATE TABLE events (id int, day int NOT NULL) PARTITION BY RANGE (day);
CREATE TABLE events_1 PARTITION OF events FOR VALUES FROM (0) TO (10);
CREATE TABLE events_rest (id int, day int NOT NULL);
INSERT INTO events_rest VALUES (1, 25);
SELECT * FROM pg_temp.broken('no partition', $$INSERT INTO events VALUES (1, 99)$$);
SELECT * FROM pg_temp.broken('no partition for NULL', $$INSERT INTO events VALUES (1, NULL)$$);
SELECT * FROM pg_temp.broken('wrong partition', $$INSERT INTO events_1 VALUES (1, 99)$$);
SELECT * FROM pg_temp.broken('wrong partition, update', $$INSERT INTO events_1 VALUES (1, 1); UPDATE events_1 SET day = 99$$);
SELECT * FROM pg_temp.broken('attach', $$ALTER TABLE events ATTACH PARTITION events_rest FOR VALUES FROM (10) TO (20)$$);
ALTER TABLE events ATTACH PARTITION events_rest DEFAULT;
SELECT * FROM pg_temp.broken('default partition', $$CREATE TABLE events_2 PARTITION OF events FOR VALUES FROM (20) TO (30)$$);
SELECT * FROM pg_temp.broken('default partition, attach', $$CREATE TABLE events_2 (id int, day int NOT NULL); ALTER TABLE events ATTACH PARTITION events_2 FOR VALUES FROM (20) TO (30)$$);
CREATE TABLE years (y int PRIMARY KEY) PARTITION BY LIST (y);
CREATE TABLE years_1 PARTITION OF years FOR VALUES IN (1);
INSERT INTO years VALUES (1);
CREATE TABLE reports (y int CONSTRAINT reports_year REFERENCES years);
INSERT INTO reports VALUES (1);
SELECT * FROM pg_temp.broken('referenced partition, detach', $$ALTER TABLE years DETACH PARTITION years_1$$);

-- views
CREATE VIEW teas AS SELECT * FROM products WHERE name LIKE 't%' WITH CHECK OPTION;
SELECT * FROM pg_temp.broken('view', $$INSERT INTO teas VALUES (9, 'milk')$$);

-- row security
CREATE TABLE diaries (id int PRIMARY KEY, owner name, page int);
INSERT INTO diaries VALUES (1, 'regress_dg_writer', 1), (2, 'regress_dg_owner', 2);
GRANT ALL ON diaries TO regress_dg_writer;
ALTER TABLE diaries ENABLE ROW LEVEL SECURITY;
CREATE POLICY own ON diaries USING (true) WITH CHECK (owner = current_user);
SELECT * FROM pg_temp.broken('policy', $$INSERT INTO diaries VALUES (3, 'postgres')$$, 'regress_dg_writer');
CREATE POLICY small ON diaries AS RESTRICTIVE USING (true) WITH CHECK (page < 10);
SELECT * FROM pg_temp.broken('policy, restrictive', $$INSERT INTO diaries VALUES (3, 'regress_dg_writer', 10)$$, 'regress_dg_writer');
DROP POLICY small ON diaries;
DROP POLICY own ON diaries;
CREATE POLICY reads ON diaries FOR SELECT USING (true);
CREATE POLICY adds ON diaries FOR INSERT WITH CHECK (true);
CREATE POLICY changes ON diaries FOR UPDATE USING (owner = current_user);
SELECT * FROM pg_temp.broken('policy, on conflict', $$INSERT INTO diaries VALUES (2, 'x') ON CONFLICT (id) DO UPDATE SET page = 3$$, 'regress_dg_writer');
SELECT * FROM pg_temp.broken('policy, merge', $$MERGE INTO diaries USING (SELECT 2 AS i) s ON id = i WHEN MATCHED THEN UPDATE SET page = 3$$, 'regress_dg_writer');
CREATE POLICY small ON diaries AS RESTRICTIVE FOR UPDATE USING (page < 2);
DROP POLICY changes ON diaries;
CREATE POLICY changes ON diaries FOR UPDATE USING (true);
SELECT * FROM pg_temp.broken('policy, restrictive, on conflict', $$INSERT INTO diaries VALUES (2, 'x') ON CONFLICT (id) DO UPDATE SET page = 3$$, 'regress_dg_writer');
SELECT * FROM pg_temp.broken('policy, restrictive, merge', $$MERGE INTO diaries USING (SELECT 2 AS i) s ON id = i WHEN MATCHED THEN UPDATE SET page = 3$$, 'regress_dg_writer');
SELECT * FROM pg_temp.broken('unique, row security hides the key', $$INSERT INTO diaries VALUES (1, 'regress_dg_writer')$$, 'regress_dg_writer');

-- not integrity
SELECT * FROM pg_temp.broken('twice in one command', $$INSERT INTO products VALUES (8, 'b'), (8, 'c') ON CONFLICT (id) DO UPDATE SET name = 'k'$$);
SELECT * FROM pg_temp.broken('no arbiter', $$INSERT INTO products VALUES (8, 'b') ON CONFLICT (id, name) DO NOTHING$$);
SELECT * FROM pg_temp.broken('deferrable arbiter', $$INSERT INTO tickets VALUES (1) ON CONFLICT (id) DO NOTHING$$);
SELECT * FROM pg_temp.broken('too long', $$CREATE TABLE short (a varchar(2)); INSERT INTO short VALUES ('abc')$$);
SELECT * FROM pg_temp.broken('no privilege', $$SELECT * FROM people$$, 'regress_dg_writer');
SELECT * FROM pg_temp.broken('no lock', $$DO $d$ BEGIN RAISE lock_not_available; END $d$ $$);

RESET search_path;
SET client_min_messages = warning;
DROP SCHEMA shop CASCADE;
DROP ROLE regress_dg_writer, regress_dg_owner;
