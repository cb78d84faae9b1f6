--
-- classify_integrity_error: texts that are meant to break the reader
--
-- Each is up to a megabyte long; time that grows with the square of the text would
-- run into the time-out.  Other bytes than text can hold: dev/fuzz.
--
\getenv abs_srcdir PG_ABS_SRCDIR
\i :abs_srcdir/sql/include/classify.sql
SET statement_timeout = '60s';

CREATE FUNCTION pg_temp.kind(body text) RETURNS text LANGUAGE sql AS $$
  SELECT kind || coalesce(' constraint of ' || length(constraint_name), '') || coalesce(' detail of ' || length(detail), '')
  FROM classify_integrity_error($1)
$$;
SELECT what, pg_temp.kind(repeat(what, 100000 / length(what)))
FROM unnest(ARRAY['(', '"', '''', ' ', E'\n', '\', '$a$', '$a', '/*', '--', '%s', 'ERROR:  ', E'\nDETAIL:  ',
  'ERROR:  duplicate key value violates unique constraint "', 'update or delete on table "',
  '" violates foreign key constraint "', 'SQLSTATE[23505]', E'\nremote SQL command', '»', '重複したキー値は一意性制約"']) WITH ORDINALITY u(what, n)
ORDER BY n;
SELECT what, pg_temp.kind('duplicate key value violates unique constraint "x"' || E'\nDETAIL:  Key (a)=(' || repeat(what, 1000000 / length(what)) || ') already exists.')
FROM unnest(ARRAY['(', '"', ')=(', E'\n', ') already exists.', E'\nDETAIL:  Key (a)=(', E'\n[SQL: ', ', ']) WITH ORDINALITY u(what, n)
ORDER BY n;
SELECT what, array_length(key_values, 1)
FROM unnest(ARRAY['(', '"', ')=(', E'\n', ') already exists.', ', ']) WITH ORDINALITY u(what, n),
  classify_integrity_error('duplicate key value violates unique constraint "x"', 'Key (a)=(' || repeat(what, 1000000 / length(what)) || ') already exists.')
ORDER BY n;
SELECT pg_temp.kind('duplicate key value violates unique constraint "x"' || repeat(E'\nDETAIL:  Key (a)=(1) already exists', 30000)) AS many_details;
SELECT pg_temp.kind('duplicate key value violates unique constraint "x"' || E'\nDETAIL:  Key (a)=(1' || repeat(') already exists.x', 60000)) AS many_ends;
SELECT pg_temp.kind('duplicate key value violates unique constraint "' || repeat('"', 300000)) AS quotes,
  pg_temp.kind('insert or update on table "a" violates foreign key constraint "b"' || E'\nDETAIL:  Key (a)=(' || repeat(') is not present in table "', 40000) || '".') AS foreign_key,
  pg_temp.kind('duplicate key value violates unique constraint "' || repeat('x', 64) || '"') AS too_long_for_a_name;

-- every way to cut a real text short
CREATE TABLE cut_off (id int CONSTRAINT cut_off_id PRIMARY KEY);
SELECT kind, table_name, constraint_name, detail, key_values, min(n), max(n)
FROM (SELECT E'ERROR:  duplicate key value violates unique constraint "cut_off_id"\nDETAIL:  Key (id)=(17) already exists.\nHINT:  none\n' AS body) b,
  generate_series(0, length(body)) n, classify_integrity_error(left(body, n)) e
GROUP BY 1, 2, 3, 4, 5 ORDER BY 6;
DROP TABLE cut_off;
