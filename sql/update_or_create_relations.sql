--
-- update_or_create: privileges, row security, partitions, inheritance, views,
-- rules, foreign tables, tables without a unique index
--
\getenv abs_srcdir PG_ABS_SRCDIR
\i :abs_srcdir/sql/include/setup.sql
CREATE ROLE regress_dg_reader;
CREATE ROLE regress_dg_writer;
CREATE ROLE regress_dg_alice;
CREATE SCHEMA uoc_rel;
GRANT USAGE ON SCHEMA uoc_rel TO PUBLIC;
SET search_path = uoc_rel, public;
SET datestyle = 'ISO';

--
-- Privileges: who may read gets what is unchanged, by column too.
--
CREATE TABLE items (k int PRIMARY KEY, v text, w text);
INSERT INTO items VALUES (1, 'a', 'b');
GRANT SELECT ON items TO regress_dg_reader, regress_dg_writer;
GRANT UPDATE (v), INSERT (k, v) ON items TO regress_dg_writer;
SET ROLE regress_dg_reader;
SELECT * FROM update_or_create(NULL::items, '{"k": 1}', '{"v": "a"}');
CALL pg_temp.fails($$SELECT update_or_create(NULL::items, '{"k": 1}', '{"v": "c"}')$$);
CALL pg_temp.fails($$SELECT update_or_create(NULL::items, '{"k": 2}', '{"v": "c"}')$$);
SET ROLE regress_dg_writer;
SELECT * FROM update_or_create(NULL::items, '{"k": 1}', '{"v": "c"}');
CALL pg_temp.fails($$SELECT update_or_create(NULL::items, '{"k": 1}', '{"w": "c"}')$$);
CALL pg_temp.fails($$SELECT update_or_create(NULL::items, '{"k": 1}', '{"v": "d"}', touch => '{"w": "c"}')$$);
SELECT * FROM update_or_create(NULL::items, '{"k": 2}', '{"v": "c"}');
CALL pg_temp.fails($$SELECT update_or_create(NULL::items, '{"k": 3}', '{"w": "c"}')$$);
RESET ROLE;
SELECT * FROM items ORDER BY k;

--
-- Row security: a row that may be seen but not updated is an error, no silence.
--
CREATE TABLE notes (k int PRIMARY KEY, owner name, body text);
INSERT INTO notes VALUES (1, 'regress_dg_alice', 'hers'), (2, 'somebody', 'shared'), (3, 'hidden', 'secret');
GRANT SELECT, INSERT, UPDATE ON notes TO PUBLIC;
ALTER TABLE notes ENABLE ROW LEVEL SECURITY;
CREATE POLICY see ON notes FOR SELECT USING (owner <> 'hidden');
CREATE POLICY make ON notes FOR INSERT WITH CHECK (true);
CREATE POLICY change ON notes FOR UPDATE USING (owner = current_user) WITH CHECK (body <> 'forbidden');
SET ROLE regress_dg_alice;
SELECT * FROM update_or_create(NULL::notes, '{"k": 1}', '{"body": "changed"}');
SELECT * FROM update_or_create(NULL::notes, '{"k": 1}', '{"body": "changed"}');
SELECT * FROM update_or_create(NULL::notes, '{"k": 2}', '{"body": "shared"}');
CALL pg_temp.fails($$SELECT update_or_create(NULL::notes, '{"k": 2}', '{"body": "changed"}')$$);
CALL pg_temp.fails($$SELECT update_or_create(NULL::notes, '{"k": 1}', '{"body": "forbidden"}')$$);
-- an update after which the user could not see the row; a row that is hidden
CALL pg_temp.fails($$SELECT update_or_create(NULL::notes, '{"k": 1}', '{"owner": "hidden"}')$$);
CALL pg_temp.fails($$SELECT update_or_create(NULL::notes, '{"k": 3}', '{"owner": "regress_dg_alice", "body": "changed"}')$$);
SELECT * FROM update_or_create(NULL::notes, '{"k": 4}', '{"owner": "regress_dg_alice", "body": "new"}');
RESET ROLE;
SELECT * FROM notes ORDER BY k;

--
-- Partitions
--
CREATE TABLE parts (region text, k int, v text, PRIMARY KEY (region, k)) PARTITION BY LIST (region);
CREATE TABLE parts_a PARTITION OF parts FOR VALUES IN ('a');
CREATE TABLE parts_b PARTITION OF parts FOR VALUES IN ('b') PARTITION BY RANGE (k);
CREATE TABLE parts_b1 (v text, k int NOT NULL, region text NOT NULL);
ALTER TABLE parts_b ATTACH PARTITION parts_b1 FOR VALUES FROM (0) TO (10);
CREATE TABLE parts_b2 PARTITION OF parts_b FOR VALUES FROM (10) TO (20);
SELECT * FROM update_or_create(NULL::parts, '{"region": "b", "k": 1}', '{"v": "x"}');
SELECT * FROM update_or_create(NULL::parts, '{"region": "b", "k": 1}', '{"v": "x"}');
SELECT * FROM update_or_create(NULL::parts, '{"region": "b", "k": 1}', '{"v": "y"}');
SELECT * FROM update_or_create(NULL::parts_b, '{"region": "b", "k": 1}', '{"v": "z"}');
SELECT * FROM update_or_create(NULL::parts_b1, '{"region": "b", "k": 1}', '{"v": "leaf"}');
CALL pg_temp.fails($$SELECT update_or_create(NULL::parts, '{"region": "c", "k": 1}', '{"v": "x"}')$$);
-- the update itself moves the row to another partition
SELECT * FROM update_or_create(NULL::parts, '{"v": "leaf"}', '{"region": "a"}', require_unique => false);
SELECT * FROM update_or_create(NULL::parts, '{"v": "leaf"}', '{"region": "b", "k": 11}', require_unique => false);
CALL pg_temp.fails($$SELECT update_or_create(NULL::parts, '{"v": "leaf"}', '{"k": 21}', require_unique => false)$$);
CALL pg_temp.fails($$SELECT update_or_create(NULL::parts_b2, '{"v": "leaf"}', '{"k": 1}', require_unique => false)$$);
SELECT tableoid::regclass, * FROM parts;
-- unchanged takes no transaction id here either
BEGIN;
SELECT * FROM update_or_create(NULL::parts, '{"region": "b", "k": 11}', '{"v": "leaf"}');
SELECT pg_current_xact_id_if_assigned() IS NULL AS no_transaction_id;
COMMIT;

--
-- Inheritance: a child's row is updated where it is.
--
CREATE TABLE parent (k int PRIMARY KEY, v text);
CREATE TABLE child (extra int DEFAULT 7, PRIMARY KEY (k)) INHERITS (parent);
INSERT INTO child VALUES (1, 'a', 8);
SELECT * FROM update_or_create(NULL::parent, '{"k": 1}', '{"v": "b"}');
SELECT * FROM update_or_create(NULL::parent, '{"k": 2}', '{"v": "b"}');
SELECT tableoid::regclass, * FROM parent ORDER BY k;
INSERT INTO parent VALUES (1, 'twice');
CALL pg_temp.fails($$SELECT update_or_create(NULL::parent, '{"k": 1}', '{"v": "c"}')$$);

--
-- Views
--
CREATE VIEW simple AS SELECT k AS key, v AS value FROM items WHERE k < 10 WITH CHECK OPTION;
SELECT * FROM update_or_create(NULL::simple, '{"key": 1}', '{"value": "view"}');
SELECT * FROM update_or_create(NULL::simple, '{"key": 1}', '{"value": "view"}');
SELECT * FROM update_or_create(NULL::simple, '{"key": 5}', '{"value": "made"}');
CALL pg_temp.fails($$SELECT update_or_create(NULL::simple, '{"value": "made"}', '{"key": 11}', require_unique => false)$$);
SELECT * FROM items ORDER BY k;
-- over a table with row security
CREATE VIEW guarded AS SELECT k, body FROM notes;
ALTER VIEW guarded OWNER TO regress_dg_alice;
SET ROLE regress_dg_alice;
SELECT * FROM update_or_create(NULL::guarded, '{"k": 1}', '{"body": "by view"}');
CALL pg_temp.fails($$SELECT update_or_create(NULL::guarded, '{"k": 2}', '{"body": "by view"}')$$);
RESET ROLE;
-- a column that is no column of the table, and a view that cannot be updated
CREATE VIEW computed AS SELECT k, v, upper(v) AS loud FROM items;
SELECT * FROM update_or_create(NULL::computed, '{"k": 1}', '{"loud": "VIEW"}');
CALL pg_temp.fails($$SELECT update_or_create(NULL::computed, '{"k": 1}', '{"loud": "X"}')$$);
CREATE VIEW joined AS SELECT items.k, items.v, notes.body FROM items JOIN notes USING (k);
SELECT * FROM update_or_create(NULL::joined, '{"k": 1}', '{"v": "view"}');
\set VERBOSITY sqlstate
SELECT * FROM update_or_create(NULL::joined, '{"k": 1}', '{"v": "x"}');
\set VERBOSITY default
-- INSTEAD OF triggers and rules: found, but neither created nor updated
CREATE FUNCTION instead() RETURNS trigger LANGUAGE plpgsql AS $$BEGIN RETURN NEW; END $$;
CREATE VIEW with_trigger AS SELECT k, v FROM items;
CREATE TRIGGER instead INSTEAD OF UPDATE ON with_trigger FOR EACH ROW EXECUTE FUNCTION instead();
CREATE VIEW over_it AS SELECT * FROM with_trigger;
SELECT * FROM update_or_create(NULL::with_trigger, '{"k": 1}', '{"v": "view"}');
CALL pg_temp.fails($$SELECT update_or_create(NULL::with_trigger, '{"k": 1}', '{"v": "x"}')$$);
CALL pg_temp.fails($$SELECT update_or_create(NULL::over_it, '{"k": 1}', '{"v": "x"}')$$);
CREATE TABLE ruled (k int PRIMARY KEY, v text);
INSERT INTO ruled VALUES (1, 'a');
CREATE RULE nothing AS ON UPDATE TO ruled DO INSTEAD NOTHING;
SELECT * FROM update_or_create(NULL::ruled, '{"k": 1}', '{"v": "a"}');
CALL pg_temp.fails($$SELECT update_or_create(NULL::ruled, '{"k": 1}', '{"v": "b"}')$$);
CALL pg_temp.fails($$SELECT update_or_create(NULL::ruled, '{"k": 2}', '{"v": "b"}')$$);
-- a rule for INSERT alone is not in the way of an update
CREATE TABLE ruled_insert (k int PRIMARY KEY, v text);
INSERT INTO ruled_insert VALUES (1, 'a');
CREATE RULE nothing AS ON INSERT TO ruled_insert DO INSTEAD NOTHING;
SELECT * FROM update_or_create(NULL::ruled_insert, '{"k": 1}', '{"v": "b"}');
CALL pg_temp.fails($$SELECT update_or_create(NULL::ruled_insert, '{"k": 2}', '{"v": "b"}')$$);

--
-- No unique index
--
CREATE TABLE bare (a int, b text, c text);
CALL pg_temp.fails($$SELECT update_or_create(NULL::bare, '{"a": 1}', '{"b": "x"}')$$);
SELECT * FROM update_or_create(NULL::bare, '{"a": 1, "c": null}', '{"b": "x"}', require_unique => false);
SELECT * FROM update_or_create(NULL::bare, '{"a": 1, "c": null}', '{"b": "x"}', require_unique => false);
SELECT * FROM update_or_create(NULL::bare, '{"a": 1, "c": null}', '{"b": "y"}', require_unique => false);
INSERT INTO bare VALUES (1, 'z');
CALL pg_temp.fails($$SELECT update_or_create(NULL::bare, '{"a": 1}', '{"b": "y"}', require_unique => false)$$);
SELECT * FROM bare ORDER BY b;

--
-- Foreign tables, by postgres_fdw to the same database, where it is installed
--
SELECT count(*) = 0 AS without_fdw FROM pg_available_extensions WHERE name = 'postgres_fdw' \gset
SET client_min_messages = warning;
\if :without_fdw
DROP SCHEMA uoc_rel CASCADE;
DROP ROLE regress_dg_reader, regress_dg_writer, regress_dg_alice;
\quit
\endif
CREATE EXTENSION IF NOT EXISTS postgres_fdw;
RESET client_min_messages;
DO $$
BEGIN
	EXECUTE format('CREATE SERVER uoc_loopback FOREIGN DATA WRAPPER postgres_fdw OPTIONS (dbname %L, host %L, port %L)',
		current_database(),
		coalesce(nullif(trim(split_part(current_setting('unix_socket_directories'), ',', 1)), ''), 'localhost'),
		current_setting('port'));
	EXECUTE format('CREATE USER MAPPING FOR CURRENT_USER SERVER uoc_loopback OPTIONS (user %L)', current_user);
END $$;
CREATE TABLE remote (k int PRIMARY KEY, v text, at date);
CREATE FOREIGN TABLE far (k int, v text, at date) SERVER uoc_loopback OPTIONS (schema_name 'uoc_rel', table_name 'remote');
SELECT * FROM update_or_create(NULL::far, '{"k": 1}', '{"v": "a"}', touch => '{"at": "2024-01-01"}');
SELECT * FROM update_or_create(NULL::far, '{"k": 1}', '{"v": "a"}', touch => '{"at": "2024-02-02"}');
SELECT * FROM update_or_create(NULL::far, '{"k": 1}', '{"v": "b"}', touch => '{"at": "2024-03-03"}');
SELECT * FROM remote;
-- a trigger over there suppresses it, or changes what is stored
CREATE FUNCTION on_remote() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
	IF NEW.v = 'suppress' THEN RETURN NULL; END IF;
	NEW.v := NEW.v || '!';
	RETURN NEW;
END $$;
CREATE TRIGGER on_remote BEFORE UPDATE ON remote FOR EACH ROW EXECUTE FUNCTION on_remote();
SELECT * FROM update_or_create(NULL::far, '{"k": 1}', '{"v": "c"}');
CALL pg_temp.fails($$SELECT update_or_create(NULL::far, '{"k": 1}', '{"v": "suppress"}')$$);
ALTER FOREIGN TABLE far OPTIONS (ADD updatable 'false');
SELECT * FROM update_or_create(NULL::far, '{"k": 1}', '{"v": "c!"}');
CALL pg_temp.fails($$SELECT update_or_create(NULL::far, '{"k": 1}', '{"v": "d"}')$$);

SET client_min_messages = warning;
DROP SERVER uoc_loopback CASCADE;
DROP SCHEMA uoc_rel CASCADE;
DROP ROLE regress_dg_reader, regress_dg_writer, regress_dg_alice;
