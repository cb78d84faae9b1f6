--
-- last_integrity_error(): this session's latest integrity error
--
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS duplicate_guard;
CREATE SCHEMA lie;
SET search_path = lie, public;
RESET client_min_messages;
SET lc_messages = 'C';

CREATE VIEW latest AS
  SELECT kind, sqlstate, table_name, constraint_name, detail
  FROM last_integrity_error();

CREATE TABLE parent (id int CONSTRAINT parent_pk PRIMARY KEY);
CREATE TABLE item (
  id int CONSTRAINT item_pk PRIMARY KEY,
  parent_id int CONSTRAINT item_parent REFERENCES parent,
  price int CONSTRAINT item_price CHECK (price > 0),
  CONSTRAINT item_once UNIQUE (parent_id, price) DEFERRABLE);
CREATE DOMAIN positive AS int CONSTRAINT is_positive CHECK (VALUE > 0);

-- none yet
SELECT last_integrity_error() IS NULL AS none;

--
-- uncaught, in psql
--
INSERT INTO item (id) VALUES (1);
INSERT INTO item (id) VALUES (1);
SELECT * FROM latest;
-- what succeeds later does not clear it
INSERT INTO item (id) VALUES (2);
SELECT * FROM latest;

-- after ROLLBACK
BEGIN;
INSERT INTO item (id, price) VALUES (3, 0);
ROLLBACK;
SELECT kind, sqlstate, table_name, constraint_name FROM latest;

-- after ROLLBACK TO, in the same transaction
BEGIN;
SAVEPOINT s;
INSERT INTO item (id, parent_id) VALUES (3, 7);
ROLLBACK TO s;
SELECT * FROM latest;
COMMIT;

-- through a prepared statement, a cursor, COPY
PREPARE p AS INSERT INTO item (id) VALUES ($1);
EXECUTE p(1);
SELECT * FROM latest;
DEALLOCATE p;
BEGIN;
DECLARE c CURSOR FOR SELECT (3 - i)::positive FROM generate_series(1, 5) AS i;
FETCH 2 FROM c;
FETCH 1 FROM c;
ROLLBACK;
SELECT * FROM latest;
COPY item (id) FROM stdin;
5
1
\.
SELECT * FROM latest;

-- while a statement is planned: a constant is folded
CREATE FUNCTION fold() RETURNS int IMMUTABLE LANGUAGE plpgsql AS $$
BEGIN
  RAISE check_violation USING MESSAGE = 'folded', CONSTRAINT = 'made_up';
END $$;
EXPLAIN SELECT fold();
SELECT message, constraint_name FROM last_integrity_error();

-- several statements in one query string
DELETE FROM item \; INSERT INTO item (id) VALUES (4) \; INSERT INTO item (id) VALUES (4);
SELECT * FROM latest;
SELECT id FROM item ORDER BY id;
INSERT INTO item (id) VALUES (4);

--
-- at COMMIT and at SET CONSTRAINTS
--
INSERT INTO parent VALUES (7);
BEGIN;
SET CONSTRAINTS item_once DEFERRED;
INSERT INTO item VALUES (10, 7, 1), (11, 7, 1);
COMMIT;
SELECT * FROM latest;
CREATE TABLE child (
  parent_id int CONSTRAINT child_parent REFERENCES parent
    DEFERRABLE INITIALLY DEFERRED);
INSERT INTO child VALUES (8);			-- a commit of its own
SELECT * FROM latest;
BEGIN;
INSERT INTO child VALUES (7);
DELETE FROM parent;
SET CONSTRAINTS ALL IMMEDIATE;
ROLLBACK;
SELECT * FROM latest;
-- in a procedure
CREATE PROCEDURE commit_orphan() LANGUAGE plpgsql AS $$
BEGIN
  INSERT INTO child VALUES (9);
  COMMIT;
END $$;
CALL commit_orphan();
SELECT * FROM latest;

--
-- DDL
--
CREATE TABLE twice AS SELECT 1 AS a, NULL::int AS b FROM generate_series(1, 2);
CREATE UNIQUE INDEX twice_a ON twice (a);
SELECT * FROM latest;
ALTER TABLE twice ALTER b SET NOT NULL;
SELECT kind, sqlstate, table_name, columns FROM last_integrity_error();
ALTER TABLE twice ADD CONSTRAINT twice_check CHECK (a > 1);
SELECT * FROM latest;
ALTER TABLE twice ADD CONSTRAINT twice_parent FOREIGN KEY (a) REFERENCES parent;
SELECT * FROM latest;

--
-- inside a PL/pgSQL exception block, without GET STACKED DIAGNOSTICS
--
DO $$
DECLARE
  e integrity_error;
BEGIN
  INSERT INTO item (id) VALUES (4);
EXCEPTION WHEN integrity_constraint_violation THEN
  e := last_integrity_error();
  RAISE NOTICE '% % %', e.kind, e.constraint_name, e.detail;
END $$;
SELECT * FROM latest;

-- raised without any SQL statement: RAISE, a domain check in an assignment
DO $$
DECLARE
  d positive := 1;
BEGIN
  BEGIN
    RAISE unique_violation USING CONSTRAINT = 'mine', DETAIL = 'by RAISE';
  EXCEPTION WHEN unique_violation THEN
    RAISE NOTICE '%', (SELECT ROW(l.*) FROM latest AS l);
  END;
  BEGIN
    d := 0;
  EXCEPTION WHEN check_violation THEN
    RAISE NOTICE '%', (SELECT ROW(l.*) FROM latest AS l);
  END;
END $$;

-- in nested functions; caught by the outer one
CREATE FUNCTION inner_insert(i int) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
  INSERT INTO item (id, parent_id) VALUES (i, 7);
EXCEPTION WHEN not_null_violation THEN	-- another one
  RAISE NOTICE 'not reached';
END $$;
CREATE FUNCTION outer_insert(i int) RETURNS text LANGUAGE plpgsql AS $$
BEGIN
  PERFORM inner_insert(i);
  RETURN 'inserted';
EXCEPTION WHEN unique_violation THEN
  RETURN (last_integrity_error()).detail;
END $$;
SELECT outer_insert(4), outer_insert(20), outer_insert(20);

-- re-raised by a bare RAISE; replaced by another integrity error
DO $$
BEGIN
  INSERT INTO item (id) VALUES (4);
EXCEPTION WHEN unique_violation THEN
  PERFORM 1;
  RAISE;
END $$;
SELECT * FROM latest;
DO $$
BEGIN
  INSERT INTO item (id) VALUES (4);
EXCEPTION WHEN unique_violation THEN
  INSERT INTO item (id, price) VALUES (5, -1);
END $$;
SELECT kind, sqlstate, table_name, constraint_name FROM latest;

-- from triggers: PL/pgSQL, and the server's own that run SQL (a SET NULL)
CREATE FUNCTION add_twice() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  INSERT INTO twice VALUES (NEW.id);
  RETURN NEW;
END $$;
CREATE TRIGGER add_twice BEFORE INSERT ON item
  FOR EACH ROW EXECUTE FUNCTION add_twice();
DELETE FROM twice;
CREATE UNIQUE INDEX twice_a ON twice (a);
INSERT INTO twice VALUES (30);
INSERT INTO item (id) VALUES (30);
SELECT * FROM latest;
DROP TRIGGER add_twice ON item;
CREATE TABLE strict_child (
  parent_id int NOT NULL REFERENCES parent ON DELETE SET NULL);
INSERT INTO parent VALUES (77);
INSERT INTO strict_child VALUES (77);
DELETE FROM parent WHERE id = 77;
SELECT kind, sqlstate, table_name FROM latest;
DROP TABLE strict_child;

-- row security and a view's check option
CREATE VIEW cheap AS SELECT * FROM item WHERE price < 10
  WITH LOCAL CHECK OPTION;
INSERT INTO cheap (id, price) VALUES (40, 40);
SELECT kind, sqlstate FROM latest;
CREATE ROLE regress_lie_ann;
CREATE ROLE regress_lie_bob;
GRANT USAGE ON SCHEMA lie TO regress_lie_ann, regress_lie_bob;
GRANT SELECT ON latest TO regress_lie_ann, regress_lie_bob;
CREATE TABLE guarded (a int);
ALTER TABLE guarded ENABLE ROW LEVEL SECURITY;
GRANT INSERT ON guarded TO regress_lie_ann;
SET ROLE regress_lie_ann;
INSERT INTO guarded VALUES (1);
SELECT kind, sqlstate FROM latest;
RESET ROLE;

--
-- what does not count: other errors, a missing privilege, lesser messages,
-- a statement that is cancelled
--
INSERT INTO item (id) VALUES (4);
SELECT 1 / 0;
SELECT * FROM nowhere;
SET ROLE regress_lie_ann;
SELECT * FROM item;
RESET ROLE;
DO $$
BEGIN
  RAISE NOTICE 'not an error' USING ERRCODE = 'check_violation';
  RAISE WARNING 'not an error' USING ERRCODE = 'check_violation';
END $$;
SET statement_timeout = 10;
SELECT pg_sleep(60);
RESET statement_timeout;
SELECT * FROM latest;

--
-- long texts are cut at 64 kB, between characters; the rest is whole
--
DO $$
DECLARE
  e integrity_error;
BEGIN
  RAISE unique_violation
    USING MESSAGE = 'x' || repeat(U&'\20AC', 500000), CONSTRAINT = 'long_one',
          DETAIL = repeat('d', 65536), HINT = repeat('h', 65537);
EXCEPTION WHEN unique_violation THEN
  e := last_integrity_error();
  RAISE NOTICE '% bytes, % characters, detail %, hint %, %',
    octet_length(e.message), length(e.message),
    length(e.detail), length(e.hint), e.constraint_name;
END $$;

-- of texts beyond all measure nothing is kept, when the error is caught
DO $$
BEGIN
  RAISE unique_violation
    USING DETAIL = repeat('d', 35000000), HINT = repeat('h', 35000000);
EXCEPTION WHEN unique_violation THEN
  RAISE NOTICE '%', (SELECT ROW(l.*) FROM latest AS l);
END $$;

-- memory does not grow with the number of errors
CREATE FUNCTION memory() RETURNS bigint LANGUAGE sql AS $$
  SELECT sum(total_bytes)::bigint FROM pg_backend_memory_contexts
  WHERE name LIKE 'duplicate_guard %error%'
$$;
CREATE FUNCTION catch(times int, filler text) RETURNS bigint
LANGUAGE plpgsql AS $$
BEGIN
  FOR i IN 1 .. times LOOP
    BEGIN
      RAISE unique_violation USING MESSAGE = filler || i;
    EXCEPTION WHEN unique_violation THEN
      NULL;
    END;
  END LOOP;
  RETURN memory();
END $$;
SELECT catch(1, repeat('m', 10000)) - catch(20000, repeat('m', 10000)) AS grown;
SELECT right(message, 6) FROM last_integrity_error();

--
-- who may see it
--
CREATE TABLE secret (name text CONSTRAINT secret_name UNIQUE);
INSERT INTO secret VALUES ('of bob');
ALTER TABLE secret OWNER TO regress_lie_bob;
-- catches, and is silent
CREATE FUNCTION add_secret(text) RETURNS boolean
SECURITY DEFINER LANGUAGE plpgsql SET search_path = lie, public AS $$
BEGIN
  INSERT INTO secret VALUES ($1);
  RETURN true;
EXCEPTION WHEN unique_violation THEN
  RETURN false;
END $$;
-- does not catch
CREATE FUNCTION add_secret_or_fail(text) RETURNS void
SECURITY DEFINER LANGUAGE sql SET search_path = lie, public AS $$
  INSERT INTO secret VALUES ($1)
$$;
-- shows what its owner sees
CREATE FUNCTION latest_of_bob() RETURNS text
SECURITY DEFINER LANGUAGE sql SET search_path = lie, public AS $$
  SELECT l::text FROM latest AS l
$$;
ALTER FUNCTION add_secret(text) OWNER TO regress_lie_bob;
ALTER FUNCTION add_secret_or_fail(text) OWNER TO regress_lie_bob;
ALTER FUNCTION latest_of_bob() OWNER TO regress_lie_bob;

SET SESSION AUTHORIZATION regress_lie_ann;
SELECT add_secret('of bob');
SELECT key, value FROM jsonb_each(to_json(last_integrity_error())::jsonb)
WHERE value <> 'null';
SELECT latest_of_bob();					-- his own
-- another error after it, uncaught, does not make it ann's, even if it is
-- like it
SELECT add_secret('of bob'), 1 / (random() * 0)::int;
SELECT * FROM latest;
DO $$
BEGIN
  PERFORM add_secret('of bob');
  RAISE unique_violation USING
    MESSAGE = 'duplicate key value violates unique constraint "secret_name"',
    SCHEMA = 'lie', TABLE = 'secret', CONSTRAINT = 'secret_name';
END $$;
SELECT * FROM latest;					-- ann's RAISE
SELECT latest_of_bob();					-- who is not told
-- uncaught: the client saw it
SELECT add_secret_or_fail('of bob');
SELECT * FROM latest;
-- but only that session user's client
RESET SESSION AUTHORIZATION;
CREATE ROLE regress_lie_eve;
GRANT USAGE ON SCHEMA lie TO regress_lie_eve;
GRANT SELECT ON latest TO regress_lie_eve;
SET SESSION AUTHORIZATION regress_lie_eve;
SELECT * FROM latest;
-- SET ROLE is not the session user either
RESET SESSION AUTHORIZATION;
GRANT regress_lie_eve TO regress_lie_ann;
SET SESSION AUTHORIZATION regress_lie_ann;
SET ROLE regress_lie_eve;
SELECT * FROM latest;
RESET ROLE;
SELECT * FROM latest;
-- a member of the role sees what was caught, unless it does not inherit
SELECT add_secret('of bob');
RESET SESSION AUTHORIZATION;
GRANT regress_lie_bob TO regress_lie_ann;
SET SESSION AUTHORIZATION regress_lie_ann;
SELECT * FROM latest;
RESET SESSION AUTHORIZATION;
REVOKE regress_lie_bob FROM regress_lie_ann;
SET SESSION AUTHORIZATION regress_lie_ann;
SELECT * FROM latest;
RESET SESSION AUTHORIZATION;
SELECT * FROM latest;					-- the superuser

--
-- the same without the log, which then cannot tell what was not caught
--
SET log_min_messages = fatal;
CREATE FUNCTION fail() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  RAISE EXCEPTION 'the commit fails';
END $$;
CREATE TABLE failing (a int);
CREATE CONSTRAINT TRIGGER fail AFTER INSERT ON failing
  DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION fail();
CREATE FUNCTION deny() RETURNS trigger SECURITY DEFINER LANGUAGE plpgsql AS $$
BEGIN
  RAISE check_violation USING MESSAGE = 'denied', CONSTRAINT = 'made_up';
END $$;
CREATE TABLE denied (a int);
CREATE CONSTRAINT TRIGGER deny AFTER INSERT ON denied
  DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION deny();
CREATE PROCEDURE catch_and_roll_back() LANGUAGE plpgsql AS $$
DECLARE
  added boolean;
BEGIN
  added := add_secret('of bob');
  ROLLBACK;
  PERFORM 1;
  RAISE EXCEPTION 'after it';
END $$;
GRANT INSERT ON failing, denied TO regress_lie_ann;
SET SESSION AUTHORIZATION regress_lie_ann;
-- uncaught: in a statement, behind a savepoint, at COMMIT
SELECT add_secret_or_fail('of bob');
SELECT * FROM latest;
SELECT add_secret('of bob');
SELECT * FROM latest;
BEGIN;
SAVEPOINT s;
SELECT add_secret_or_fail('of bob');
ROLLBACK TO s;
SELECT * FROM latest;
COMMIT;
INSERT INTO denied VALUES (1);
SELECT * FROM latest;
-- caught, and then: success, ROLLBACK, another error, a commit that fails
BEGIN;
SELECT add_secret('of bob');
ROLLBACK;
SELECT * FROM latest;
SELECT add_secret('of bob'), 1 / (random() * 0)::int;
SELECT * FROM latest;
DO $$
DECLARE
  added boolean := add_secret('of bob');
BEGIN
  RAISE EXCEPTION 'like a warning' USING ERRCODE = '01000';
END $$;
SELECT * FROM latest;
DO $$
DECLARE
  added boolean := add_secret('of bob');
BEGIN
  RAISE NOTICE 'nobody forgets';
  RAISE EXCEPTION 'unlike others' USING ERRCODE = 'P0004';
END $$;
SELECT * FROM latest;
DO $$
BEGIN
  INSERT INTO failing VALUES (1);
  PERFORM add_secret('of bob');
END $$;
SELECT * FROM latest;
CALL catch_and_roll_back();
SELECT * FROM latest;
RESET SESSION AUTHORIZATION;
RESET log_min_messages;

--
-- DISCARD ALL forgets it, if it succeeds
--
BEGIN;
DISCARD ALL;
ROLLBACK;
SELECT last_integrity_error() IS NULL AS none;
DISCARD PLANS;
SELECT last_integrity_error() IS NULL AS none;
RESET ALL;
SET search_path = lie, public;
SELECT last_integrity_error() IS NULL AS none;
DISCARD ALL;
SELECT last_integrity_error() IS NULL AS none;
-- and the session goes on as before
SET search_path = lie, public;
SET lc_messages = 'C';
INSERT INTO item (id) VALUES (4);
SELECT * FROM latest;
-- a pooler's next client: DISCARD ALL, then another user
DISCARD ALL;
SET SESSION AUTHORIZATION regress_lie_eve;
SELECT last_integrity_error() IS NULL AS none;
RESET SESSION AUTHORIZATION;

SET client_min_messages = warning;
DROP SCHEMA lie CASCADE;
DROP ROLE regress_lie_ann, regress_lie_bob, regress_lie_eve;
