--
-- get_or_create: partial unique indexes narrow what "exists" means
--
\getenv abs_srcdir PG_ABS_SRCDIR
\i :abs_srcdir/sql/include/setup.sql
CREATE SCHEMA goc_partial;
SET search_path = goc_partial, public;

-- Soft delete: only live rows exist.
CREATE TABLE users (id int GENERATED ALWAYS AS IDENTITY, email text, deleted_at date, v text);
CREATE UNIQUE INDEX users_live ON users (email) WHERE deleted_at IS NULL;
INSERT INTO users (email, deleted_at) VALUES ('a', '2020-01-01'), ('a', '2021-01-01');
-- created beside its dead namesakes, then found
SELECT * FROM get_or_create(NULL::users, '{"email": "a"}', '{"v": "live"}');
SELECT * FROM get_or_create(NULL::users, '{"email": "a"}', '{"v": "other"}');
UPDATE users SET deleted_at = '2022-01-01' WHERE v = 'live';
-- created again
SELECT * FROM get_or_create(NULL::users, '{"email": "a"}', '{"v": "live again"}');
-- The lookup names all columns of the predicate and makes it true.
SELECT * FROM get_or_create(NULL::users, '{"email": "a", "deleted_at": null}');
SELECT * FROM get_or_create(NULL::users, '{"email": "b", "deleted_at": null}');
-- It makes it false: the index does not serve, 42P10.
CALL pg_temp.fails($$SELECT get_or_create(NULL::users, '{"email": "a", "deleted_at": "2020-01-01"}')$$);
-- Outside the lookup: the row that is created fails the predicate, so that
-- every call would insert another one.  22023, and nothing stays.
CALL pg_temp.fails($$SELECT get_or_create(NULL::users, '{"email": "c"}', '{"deleted_at": "2020-01-01"}')$$);
CALL pg_temp.fails($$SELECT get_or_create(NULL::users, '{"email": "c"}', '{"deleted_at": "2020-01-01"}', arbiter => 'users_live')$$);
SELECT count(*) FROM users WHERE email = 'c';
-- the same at top level, not rolled back by an exception block
\set VERBOSITY sqlstate
SELECT get_or_create(NULL::users, '{"email": "c"}', '{"deleted_at": "2020-01-01"}');
\set VERBOSITY default
SELECT count(*) FROM users WHERE email = 'c';
-- on a hit the defaults do not matter
SELECT * FROM get_or_create(NULL::users, '{"email": "a"}', '{"deleted_at": "2020-01-01"}');
-- The predicate's column gets a default, or a trigger sets it.
CREATE TABLE jobs (name text, state text DEFAULT 'done', v int);
CREATE UNIQUE INDEX jobs_open ON jobs (name) WHERE state IN ('new', 'running');
CALL pg_temp.fails($$SELECT get_or_create(NULL::jobs, '{"name": "j"}')$$);
SELECT * FROM get_or_create(NULL::jobs, '{"name": "j"}', '{"state": "new"}');
SELECT * FROM get_or_create(NULL::jobs, '{"name": "j"}');
ALTER TABLE jobs ALTER state SET DEFAULT 'new';
SELECT * FROM get_or_create(NULL::jobs, '{"name": "k"}');
SELECT * FROM get_or_create(NULL::jobs, '{"name": "k"}');
CREATE FUNCTION finish() RETURNS trigger LANGUAGE plpgsql AS $$BEGIN NEW.state := 'done'; RETURN NEW; END$$;
CREATE TRIGGER finish BEFORE INSERT ON jobs FOR EACH ROW EXECUTE FUNCTION finish();
CALL pg_temp.fails($$SELECT get_or_create(NULL::jobs, '{"name": "l"}', '{"state": "new"}')$$);
SELECT count(*) FROM jobs WHERE name = 'l';
DROP TRIGGER finish ON jobs;
-- A predicate that is null on the lookup is not true.
CALL pg_temp.fails($$SELECT get_or_create(NULL::jobs, '{"name": "k", "state": null}')$$);
SELECT * FROM get_or_create(NULL::jobs, '{"name": "k", "state": "new"}');
-- wider lookup: found by name, but it is in another state
CALL pg_temp.fails($$SELECT get_or_create(NULL::jobs, '{"name": "k", "state": "running"}')$$);

-- Several partial indexes: by itself none, unless the lookup leaves only one.
CREATE TABLE prices (product int, currency text, valid boolean);
CREATE UNIQUE INDEX prices_valid ON prices (product) WHERE valid;
CREATE UNIQUE INDEX prices_invalid ON prices (product) WHERE NOT valid;
CALL pg_temp.fails($$SELECT get_or_create(NULL::prices, '{"product": 1}', '{"valid": true}')$$);
SELECT * FROM get_or_create(NULL::prices, '{"product": 1}', '{"valid": true}', arbiter => 'prices_valid');
SELECT * FROM get_or_create(NULL::prices, '{"product": 1}', '{"valid": true}', arbiter => 'prices_valid');
SELECT * FROM get_or_create(NULL::prices, '{"product": 1}', '{"valid": false}', arbiter => 'prices_invalid');
SELECT * FROM get_or_create(NULL::prices, '{"product": 2, "valid": false}');
SELECT * FROM get_or_create(NULL::prices, '{"product": 2, "valid": false}');
SELECT * FROM get_or_create(NULL::prices, '{"product": 2, "valid": true}');
-- found by one index, created in conflict with another: 23505
CREATE UNIQUE INDEX prices_currency ON prices (currency) WHERE valid;
SELECT * FROM get_or_create(NULL::prices, '{"product": 3, "valid": true}', '{"currency": "EUR"}', arbiter => 'prices_valid');
CALL pg_temp.fails($$SELECT get_or_create(NULL::prices, '{"product": 4, "valid": true}', '{"currency": "EUR"}', arbiter => 'prices_valid')$$);
-- A full index is preferred, partial ones beside it do not disturb.
CREATE TABLE preferred (a int, b int);
CREATE UNIQUE INDEX preferred_a ON preferred (a) WHERE b > 0;
CREATE UNIQUE INDEX preferred_b ON preferred (a);
INSERT INTO preferred VALUES (1, 0);
SELECT * FROM get_or_create(NULL::preferred, '{"a": 1}');

-- Predicates over the key itself, expressions, functions, a generated column
CREATE TABLE predicates (a int, b text, c int GENERATED ALWAYS AS (a * 2) STORED, v text);
CREATE UNIQUE INDEX predicates_key ON predicates (a, lower(b)) WHERE a > 10 AND length(b) < 5;
SELECT * FROM get_or_create(NULL::predicates, '{"a": 11, "b": "X"}', '{"v": "1"}');
SELECT * FROM get_or_create(NULL::predicates, '{"a": 11, "b": "x"}');
CALL pg_temp.fails($$SELECT get_or_create(NULL::predicates, '{"a": 9, "b": "x"}')$$);
CALL pg_temp.fails($$SELECT get_or_create(NULL::predicates, '{"a": 11, "b": "xxxxx"}')$$);
DROP INDEX predicates_key;
CREATE UNIQUE INDEX predicates_generated ON predicates (a) WHERE c > 100;
SELECT * FROM get_or_create(NULL::predicates, '{"a": 51}');
SELECT * FROM get_or_create(NULL::predicates, '{"a": 51}');
CALL pg_temp.fails($$SELECT get_or_create(NULL::predicates, '{"a": 50}')$$);
SELECT count(*) FROM predicates WHERE a = 50;

-- A predicate that guards an expression is looked at first, as in an INSERT.
CREATE TABLE guarded (a int, b int);
CREATE UNIQUE INDEX guarded_a ON guarded ((100 / a)) WHERE a > 0;
CREATE UNIQUE INDEX guarded_b ON guarded (b);
SELECT * FROM get_or_create(NULL::guarded, '{"a": 5}');
SELECT * FROM get_or_create(NULL::guarded, '{"a": 5}');
CALL pg_temp.fails($$SELECT get_or_create(NULL::guarded, '{"a": 0}')$$);
SELECT * FROM find_conflicts(NULL::guarded, '{"a": 0, "b": 1}');
SELECT * FROM try_create(NULL::guarded, '{"a": 0, "b": 1}');
SELECT * FROM find_conflicts(NULL::guarded, '{"a": 0, "b": 1}');

SET client_min_messages = warning;
DROP SCHEMA goc_partial CASCADE;
