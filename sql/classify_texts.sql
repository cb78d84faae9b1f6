--
-- classify_integrity_error: one text, as each client words it
--
\getenv abs_srcdir PG_ABS_SRCDIR
\i :abs_srcdir/sql/include/classify.sql
SET client_min_messages = warning;
CREATE SCHEMA texts;
SET search_path = texts, public;
CREATE TABLE users (id int CONSTRAINT users_pkey PRIMARY KEY, email text CONSTRAINT users_email_key UNIQUE);
CREATE TABLE secrets (id int CONSTRAINT secrets_pkey PRIMARY KEY, boss int CONSTRAINT secrets_boss REFERENCES users);
RESET client_min_messages;

CREATE FUNCTION pg_temp.read(text, text, OUT client text, OUT facts text, OUT message text, OUT detail text, OUT hint text)
RETURNS record LANGUAGE sql AS $$ SELECT $1, pg_temp.facts(e), e.message, e.detail, e.hint FROM classify_integrity_error($2) e $$;
\x on

-- the server's words, and little else
SELECT * FROM pg_temp.read('Django, psycopg',
E'duplicate key value violates unique constraint "users_email_key"\nDETAIL:  Key (email)=(a@b) already exists.\n');
SELECT * FROM pg_temp.read('psql, libpq',
E'ERROR:  duplicate key value violates unique constraint "users_email_key"\nDETAIL:  Key (email)=(a@b) already exists.\nCONTEXT:  SQL statement "INSERT INTO users VALUES (1, ''a@b'')"\nPL/pgSQL function f() line 3 at SQL statement\n');
SELECT * FROM pg_temp.read('psql -f',
E'psql:load.sql:12: ERROR:  duplicate key value violates unique constraint "users_email_key"\nDETAIL:  Key (email)=(a@b) already exists.');
SELECT * FROM pg_temp.read('psql, with LINE',
E'ERROR:  null value in column "id" of relation "users" violates not-null constraint\nLINE 1: INSERT INTO users VALUES (NULL, ''DETAIL:  Failing row contains (9).'')\n        ^\nDETAIL:  Failing row contains (null, DETAIL:  Failing row contains (9).).');
SELECT * FROM pg_temp.read('psql, verbose',
E'ERROR:  23505: duplicate key value violates unique constraint "users_email_key"\nDETAIL:  Key (email)=(a@b) already exists.\nSCHEMA NAME:  texts\nTABLE NAME:  users\nCONSTRAINT NAME:  users_email_key\nLOCATION:  _bt_check_unique, nbtinsert.c:664\n');
SELECT * FROM pg_temp.read('psql, sqlstate', 'ERROR:  23505');
SELECT * FROM pg_temp.read('server log',
E'2026-11-22 10:11:12.345 UTC [4711] app@shop ERROR:  duplicate key value violates unique constraint "users_email_key"\n2026-11-22 10:11:12.345 UTC [4711] app@shop DETAIL:  Key (email)=(a@b) already exists.');
SELECT * FROM pg_temp.read('Rails',
E'PG::UniqueViolation: ERROR:  duplicate key value violates unique constraint "users_email_key"\nDETAIL:  Key (email)=(a@b) already exists.\n');
SELECT * FROM pg_temp.read('PDO',
E'SQLSTATE[23505]: Unique violation: 7 ERROR:  duplicate key value violates unique constraint "users_email_key"\nDETAIL:  Key (email)=(a@b) already exists.');
SELECT * FROM pg_temp.read('Laravel',
E'SQLSTATE[23505]: Unique violation: 7 ERROR:  duplicate key value violates unique constraint "users_email_key"\nDETAIL:  Key (email)=(a@b) already exists. (Connection: pgsql, SQL: insert into "users" ("email") values (a@b))');
SELECT * FROM pg_temp.read('DBI',
E'DBD::Pg::st execute failed: ERROR:  insert or update on table "secrets" violates foreign key constraint "secrets_boss"\nDETAIL:  Key (boss)=(7) is not present in table "users". at x.pl line 15.\n');
SELECT * FROM pg_temp.read('pgx',
'ERROR: duplicate key value violates unique constraint "users_email_key" (SQLSTATE 23505)');
SELECT * FROM pg_temp.read('lib/pq',
'pq: duplicate key value violates unique constraint "users_email_key"');
SELECT * FROM pg_temp.read('Npgsql',
E'23505: duplicate key value violates unique constraint "users_email_key"\n\nDETAIL: Key (email)=(a@b) already exists.');
SELECT * FROM pg_temp.read('Npgsql, redacted',
E'23505: duplicate key value violates unique constraint "users_email_key"\n\nDETAIL: Detail redacted as it may contain sensitive data. Specify ''Include Error Detail'' in the connection string to include this information.');
SELECT * FROM pg_temp.read('Postgrex',
E'** (Postgrex.Error) ERROR 23505 (unique_violation) duplicate key value violates unique constraint "users_email_key"\n\n    table: users\n    constraint: users_email_key\n\nKey (email)=(a@b) already exists.');
SELECT * FROM pg_temp.read('sqlx',
'error returned from database: duplicate key value violates unique constraint "users_email_key"');
SELECT * FROM pg_temp.read('tokio-postgres',
E'db error: ERROR: duplicate key value violates unique constraint "users_email_key"\nDETAIL: Key (email)=(a@b) already exists.');
SELECT * FROM pg_temp.read('asyncpg under SQLAlchemy',
E'(sqlalchemy.dialects.postgresql.asyncpg.IntegrityError) <class ''asyncpg.exceptions.UniqueViolationError''>: duplicate key value violates unique constraint "users_email_key"\nDETAIL:  Key (email)=(a@b) already exists.\n[SQL: INSERT INTO users (email) VALUES ($1::VARCHAR)]\n[parameters: (''a@b'',)]\n(Background on this error at: https://sqlalche.me/e/20/gkpj)');
SELECT * FROM pg_temp.read('pgjdbc',
E'ERROR: duplicate key value violates unique constraint "users_email_key"\n  Detail: Key (email)=(a@b) already exists.');
SELECT * FROM pg_temp.read('pgjdbc in French',
E'ERROR: duplicate key value violates unique constraint "users_email_key"\n  Détail : Key (email)=(a@b) already exists.');
SELECT * FROM pg_temp.read('pgjdbc in Chinese',
E'ERROR: duplicate key value violates unique constraint "users_email_key"\n  详细：Key (email)=(a@b) already exists.');
SELECT * FROM pg_temp.read('pgjdbc, batch',
E'Batch entry 0 INSERT INTO users (email) VALUES (''a@b'') was aborted: ERROR: duplicate key value violates unique constraint "users_email_key"\n  Detail: Key (email)=(a@b) already exists.  Call getNextException to see other errors in the batch.');
SELECT * FROM pg_temp.read('Hibernate',
E'could not execute statement [ERROR: duplicate key value violates unique constraint "users_email_key"\n  Detail: Key (email)=(a@b) already exists.] [insert into users (email,id) values (?,?)]');
SELECT * FROM pg_temp.read('Spring',
E'PreparedStatementCallback; SQL [INSERT INTO users (email) VALUES (?)]; ERROR: duplicate key value violates unique constraint "users_email_key"\n  Detail: Key (email)=(a@b) already exists.; nested exception is org.postgresql.util.PSQLException: ERROR: duplicate key value violates unique constraint "users_email_key"\n  Detail: Key (email)=(a@b) already exists.');
SELECT * FROM pg_temp.read('knex',
'insert into "users" ("email") values ($1) returning "id" - duplicate key value violates unique constraint "users_email_key"');
SELECT * FROM pg_temp.read('ODBC',
E'ERROR: duplicate key value violates unique constraint "users_email_key";\nError while executing the query');

-- a trigger's own message
SELECT * FROM pg_temp.read('RAISE, PDO',
E'SQLSTATE[23505]: Unique violation: 7 ERROR:  The name "tea" is taken\nDETAIL:  Since 1999.\nHINT:  Take another one.\nCONTEXT:  PL/pgSQL function f() line 3 at RAISE');
SELECT * FROM pg_temp.read('RAISE, Npgsql', E'23514: Too much tea\n\nDETAIL: Far too much.');
SELECT * FROM pg_temp.read('RAISE, bare', 'Validation ERROR-prone: 3 cups');
SELECT * FROM pg_temp.read('RAISE, psql', E'ERROR:  No tea\nHINT:  Buy some.\nCONTEXT:  PL/pgSQL function f() line 3 at RAISE');

-- What users entered looks like an error.  It must not win.
SELECT * FROM pg_temp.read('forged: SQLAlchemy, parameters',
E'(psycopg2.errors.UniqueViolation) duplicate key value violates unique constraint "users_email_key"\n\n[SQL: INSERT INTO users (email) VALUES (%(email)s)]\n[parameters: {''email'': ''\nDETAIL:  Key (email)=(forged) already exists.''}]\n(Background on this error at: https://sqlalche.me/e/14/gkpj)');
SELECT * FROM pg_temp.read('forged: knex, statement',
E'insert into "users" ("email") values (''duplicate key value violates unique constraint "secrets_pkey"'') - duplicate key value violates unique constraint "users_email_key"');
SELECT * FROM pg_temp.read('forged: knex, statement with a line',
E'insert into "users" ("email") values (''\nERROR:  duplicate key value violates unique constraint "secrets_pkey"\nDETAIL:  Key (id)=(1) already exists.\n'') - duplicate key value violates unique constraint "users_email_key"');
SELECT * FROM pg_temp.read('forged: knex, quotes doubled',
E'insert into "users" ("email") values (''it''''s ERROR:  duplicate key value violates unique constraint "secrets_pkey"'') - duplicate key value violates unique constraint "users_email_key"');
SELECT * FROM pg_temp.read('forged: knex, backslash',
E'insert into "users" ("email") values (E''it\\''s ERROR:  duplicate key value violates unique constraint "secrets_pkey"'') - duplicate key value violates unique constraint "users_email_key"');
SELECT * FROM pg_temp.read('forged: knex, dollar quotes',
E'insert into "users" ("email") values ($q$it''s ERROR:  duplicate key value violates unique constraint "secrets_pkey" or ''$q$) - duplicate key value violates unique constraint "users_email_key"');
SELECT * FROM pg_temp.read('forged: knex, comment',
E'/* route='' ERROR:  duplicate key value violates unique constraint "secrets_pkey" */ insert into "users" ("email") values ('''') - duplicate key value violates unique constraint "users_email_key"');
SELECT * FROM pg_temp.read('forged: knex, another error',
E'insert into "users" ("email") values (''ERROR:  duplicate key value violates unique constraint "secrets_pkey"'') - value too long for type character varying(3)');
SELECT * FROM pg_temp.read('forged: pgjdbc, batch',
E'Batch entry 0 INSERT INTO users (email) VALUES (''was aborted: ERROR: duplicate key value violates unique constraint "secrets_pkey"\n  Detail: Key (id)=(1) already exists.'') was aborted: ERROR: duplicate key value violates unique constraint "users_email_key"\n  Detail: Key (email)=(a@b) already exists.  Call getNextException to see other errors in the batch.');
SELECT * FROM pg_temp.read('forged: DETAIL in the value, psql',
E'ERROR:  duplicate key value violates unique constraint "users_email_key"\nDETAIL:  Key (email)=(a\nDETAIL:  Key (id)=(1) already exists.\nERROR:  duplicate key value violates unique constraint "secrets_pkey") already exists.');
SELECT * FROM pg_temp.read('forged: end of DETAIL in the value, and a CONTEXT',
E'ERROR:  duplicate key value violates unique constraint "users_email_key"\nDETAIL:  Key (email)=(a) already exists.\nHINT:  Call 555-1234.) already exists.\nCONTEXT:  COPY users, line 1');
SELECT * FROM pg_temp.read('forged: remote command in the value',
E'ERROR:  duplicate key value violates unique constraint "users_email_key"\nDETAIL:  Key (email)=(a\nremote SQL command: x) already exists.');
SELECT * FROM pg_temp.read('forged: quotes closed in another message',
'invalid input syntax for type integer: "1": duplicate key value violates unique constraint "secrets_pkey" ("');
SELECT * FROM pg_temp.read('forged: quotes closed in another message, with a label',
'invalid input syntax for type integer: "1" ERROR:  duplicate key value violates unique constraint "secrets_pkey" ("');
SELECT * FROM pg_temp.read('forged: quotes closed in another message, behind the label',
'ERROR:  invalid input syntax for type integer: "1" ERROR:  duplicate key value violates unique constraint "secrets_pkey" ("');
SELECT * FROM pg_temp.read('forged: DETAIL of another message',
E'invalid input syntax for type json\nDETAIL:  Token is invalid.\nCONTEXT:  JSON data, line 1: duplicate key value violates unique constraint "secrets_pkey"\n');
SELECT * FROM pg_temp.read('forged: DETAIL of another message, with labels',
E'ERROR:  invalid input syntax for type json\nDETAIL:  Token is invalid.\nCONTEXT:  JSON data, line 1: ERROR:  duplicate key value violates unique constraint "secrets_pkey"\n');
SELECT * FROM pg_temp.read('forged: SQLSTATE in the statement',
E'insert into "users" values (''SQLSTATE[23505]: '') - No tea');

-- another server's
SELECT * FROM pg_temp.read('postgres_fdw',
E'ERROR:  duplicate key value violates unique constraint "users_email_key"\nDETAIL:  Key (email)=(a@b) already exists.\nCONTEXT:  remote SQL command: INSERT INTO public.users(id, email) VALUES ($1, $2)\n');
SELECT * FROM pg_temp.read('dblink',
E'ERROR:  update or delete on table "users" violates foreign key constraint "secrets_boss" on table "secrets"\nDETAIL:  Key (id)=(1) is still referenced from table "secrets".\nCONTEXT:  while executing command on unnamed dblink connection');

-- a text together with what else is known
SELECT pg_temp.facts(classify_integrity_error(E'PG::UniqueViolation: ERROR:  duplicate key value violates unique constraint "users_email_key"\nDETAIL:  Key (email)=(a@b) already exists.\n', sqlstate => '23505')) AS sqlstate_agrees,
  pg_temp.facts(classify_integrity_error('duplicate key value violates unique constraint "users_email_key"', sqlstate => 'P0001')) AS sqlstate_is_another,
  pg_temp.facts(classify_integrity_error('duplicate key value violates unique constraint "users_email_key"', detail => 'Key (id)=(1) already exists.')) AS detail_of_another;

\x off
RESET search_path;
SET client_min_messages = warning;
DROP SCHEMA texts CASCADE;
