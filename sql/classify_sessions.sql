--
-- classify_integrity_error: errors that take two sessions, and what others do
-- meanwhile
--
\getenv abs_srcdir PG_ABS_SRCDIR
\i :abs_srcdir/sql/include/classify.sql
-- the contrib module may not be installed: expected/classify_sessions_1.out
SELECT count(*) < 1 AS skip_test
FROM pg_available_extensions WHERE name = 'dblink' \gset
\if :skip_test
\quit
\endif
SET client_min_messages = warning;
CREATE SCHEMA sessions;
SET search_path = sessions, public;
CREATE EXTENSION dblink SCHEMA sessions;
CREATE TABLE accounts (id int CONSTRAINT accounts_id PRIMARY KEY, amount int CONSTRAINT enough CHECK (amount >= 0),
	owner text, CONSTRAINT accounts_owner UNIQUE (owner) DEFERRABLE INITIALLY DEFERRED);
CREATE UNIQUE INDEX accounts_lower ON accounts (lower(owner));
INSERT INTO accounts VALUES (1, 10, 'a'), (2, 20, 'b');
SELECT dblink_connect('other', format('dbname=%s host=%s port=%s user=%s', current_database(),
	coalesce(nullif(trim(split_part(current_setting('unix_socket_directories'), ',', 1)), ''), 'localhost'), current_setting('port'), current_user));

-- serialization failures
BEGIN ISOLATION LEVEL REPEATABLE READ;
SELECT count(*) FROM accounts;
SELECT dblink_exec('other', 'UPDATE sessions.accounts SET amount = 11 WHERE id = 1');
SELECT * FROM pg_temp.broken('concurrent update', $$UPDATE accounts SET amount = 12 WHERE id = 1$$);
ROLLBACK;
BEGIN ISOLATION LEVEL REPEATABLE READ;
SELECT count(*) FROM accounts;
SELECT dblink_exec('other', 'DELETE FROM sessions.accounts WHERE id = 2');
SELECT * FROM pg_temp.broken('concurrent delete', $$UPDATE accounts SET amount = 12 WHERE id = 2$$);
ROLLBACK;
INSERT INTO accounts VALUES (2, 20, 'b');
BEGIN ISOLATION LEVEL SERIALIZABLE;
SELECT sum(amount) FROM accounts;
SELECT dblink_exec('other', 'BEGIN ISOLATION LEVEL SERIALIZABLE');
SELECT * FROM dblink('other', 'SELECT sum(amount) FROM sessions.accounts') AS (sum int);
SELECT dblink_exec('other', 'UPDATE sessions.accounts SET amount = 0 WHERE id = 1');
SELECT dblink_exec('other', 'COMMIT');
SELECT * FROM pg_temp.broken('read/write dependencies', $$UPDATE accounts SET amount = 0 WHERE id = 2$$);
ROLLBACK;

-- a deadlock, which is found here because the other one is patient
SELECT dblink_exec('other', 'SET deadlock_timeout = ''10min''');
SET deadlock_timeout = '10ms';
BEGIN;
UPDATE accounts SET amount = 1 WHERE id = 1;
SELECT dblink_exec('other', 'BEGIN');
SELECT dblink_exec('other', 'UPDATE sessions.accounts SET amount = 2 WHERE id = 2');
SELECT dblink_send_query('other', 'UPDATE sessions.accounts SET amount = 2 WHERE id = 1');
DO $$
BEGIN
	WHILE NOT EXISTS (SELECT FROM pg_locks WHERE NOT granted AND locktype = 'transactionid' AND pid <> pg_backend_pid()) LOOP
		PERFORM pg_sleep(0.01);
	END LOOP;
END $$;
SELECT what, way, says FROM pg_temp.broken('deadlock', $$UPDATE accounts SET amount = 1 WHERE id = 2$$);
ROLLBACK;
SELECT * FROM dblink_get_result('other') AS (status text);
SELECT * FROM dblink_get_result('other') AS (status text);
SELECT dblink_exec('other', 'ROLLBACK');

-- at COMMIT and at SET CONSTRAINTS there is nobody to catch it
BEGIN;
INSERT INTO accounts VALUES (3, 1, 'a ');
UPDATE accounts SET owner = 'b' WHERE id = 3;
ROLLBACK;
DROP INDEX accounts_lower;
BEGIN;
INSERT INTO accounts VALUES (3, 1, 'a');
COMMIT;
SELECT pg_temp.facts(classify_integrity_error(:'LAST_ERROR_MESSAGE', sqlstate => :'LAST_ERROR_SQLSTATE')) AS at_commit;
SELECT pg_temp.facts(last_integrity_error()) AS at_commit;
BEGIN;
INSERT INTO accounts VALUES (3, 1, 'a');
SET CONSTRAINTS ALL IMMEDIATE;
ROLLBACK;
SELECT pg_temp.facts(classify_integrity_error(:'LAST_ERROR_MESSAGE', sqlstate => :'LAST_ERROR_SQLSTATE')) AS at_set_constraints;

-- Another session's temporary table is not ours, whatever its name.
SELECT dblink_exec('other', 'CREATE TEMP TABLE secret (id int CONSTRAINT secret_id PRIMARY KEY, n int CONSTRAINT secret_n CHECK (n > 0))');
SELECT nspname AS other_temp FROM pg_class c JOIN pg_namespace n ON n.oid = relnamespace WHERE relname = 'secret' \gset
SELECT pg_temp.facts(classify_integrity_error(sqlstate => '23505', constraint_name => 'secret_id')) AS by_constraint,
	pg_temp.facts(classify_integrity_error('new row for relation "secret" violates check constraint "secret_n"')) AS by_text;
SELECT columns, user_message FROM classify_integrity_error(sqlstate => '23505', schema_name => :'other_temp', table_name => 'secret', constraint_name => 'secret_id');

-- Nothing waits for somebody who changes the table; a key with expressions is
-- not known then.
CREATE UNIQUE INDEX accounts_lower ON accounts (lower(owner));
PREPARE now AS
SELECT pg_temp.facts(classify_integrity_error('duplicate key value violates unique constraint "accounts_id"', 'Key (id)=(1) already exists.', '23505', 'sessions', 'accounts', '', 'accounts_id', '')) AS column,
	pg_temp.facts(classify_integrity_error('duplicate key value violates unique constraint "accounts_lower"', 'Key (lower(owner))=(a) already exists.', '23505', 'sessions', 'accounts', '', 'accounts_lower', '')) AS expression;
SET lock_timeout = '2s';
EXECUTE now;
SELECT dblink_exec('other', 'BEGIN');
SELECT dblink_exec('other', 'LOCK TABLE sessions.accounts');
EXECUTE now;
SELECT dblink_exec('other', 'DROP TABLE sessions.accounts');
EXECUTE now;
SELECT dblink_exec('other', 'COMMIT');
EXECUTE now;

SELECT dblink_disconnect('other');
RESET search_path;
DROP SCHEMA sessions CASCADE;
