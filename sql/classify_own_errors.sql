--
-- classify_integrity_error: the errors that this extension raises itself, and
-- those of a standby
--
\getenv abs_srcdir PG_ABS_SRCDIR
\i :abs_srcdir/sql/include/classify.sql
CREATE SCHEMA own;
SET search_path = own, public;
CREATE TABLE users (id int CONSTRAINT users_id PRIMARY KEY, name text, login text);
CREATE UNIQUE INDEX users_lower ON users (lower(login));
INSERT INTO users VALUES (1, 'Ann', 'ann');
CREATE TABLE posts (day int, id int, title text, CONSTRAINT posts_key UNIQUE (day, id)) PARTITION BY LIST (day);
CREATE TABLE posts_1 PARTITION OF posts FOR VALUES IN (1);
INSERT INTO posts VALUES (1, 1, 'first');

-- the key exists, but other columns of the lookup differ
SELECT * FROM pg_temp.broken('key', $$SELECT get_or_create(NULL::users, '{"id": 1, "name": "Bob"}')$$);
SELECT * FROM pg_temp.broken('expression', $$SELECT get_or_create(NULL::users, '{"login": "ANN", "name": "Bob"}')$$);
SELECT * FROM pg_temp.broken('partitioned', $$SELECT get_or_create(NULL::posts, '{"day": 1, "id": 1, "title": "second"}')$$);
SELECT * FROM pg_temp.broken('row of a batch', $$SELECT * FROM get_or_create_many(NULL::users, '[{"id": 1, "name": "Bob"}]', '{id,name}')$$);
-- (to call get_or_create is no remedy then, and to repeat it is of no use)
DO $$
BEGIN
	PERFORM get_or_create(NULL::users, '{"id": 1, "name": "Bob"}');
EXCEPTION WHEN unique_violation THEN
	RAISE NOTICE '%: %', (last_integrity_error()).retry, (last_integrity_error()).remedy;
END $$;

-- serialization failures, by their text alone
SELECT e.kind, e.sqlstate, e.retry, e.http_status, e.table_name
FROM (VALUES
	(1, E'ERROR:  could not serialize access due to concurrent creation of a row in "users"\nHINT:  Retry the whole transaction.'),
	(2, E'ERROR:  could not update a row of "users": it was deleted and created again too often\nHINT:  Retry the whole transaction.'),
	(3, E'ERROR:  canceling statement due to conflict with recovery\nDETAIL:  User query might have needed to see row versions that must be removed.'))
	AS t (n, body), classify_integrity_error(body) AS e
ORDER BY n;
-- a buffer deadlock with recovery has the same words
SELECT kind, sqlstate FROM classify_integrity_error('canceling statement due to conflict with recovery', sqlstate => '40P01');

RESET search_path;
SET client_min_messages = warning;
DROP SCHEMA own CASCADE;
