--
-- ON DELETE and ON UPDATE RESTRICT, which are errors of their own since
-- PostgreSQL 18: 23001 instead of 23503
--
\getenv abs_srcdir PG_ABS_SRCDIR
\i :abs_srcdir/sql/include/setup.sql
CREATE SCHEMA restrict;
SET search_path = restrict, public;
\pset null ~

CREATE TABLE makers (id int PRIMARY KEY, name text UNIQUE);
CREATE TABLE cars
(
	model text PRIMARY KEY,
	maker int CONSTRAINT cars_maker REFERENCES makers ON DELETE RESTRICT ON UPDATE RESTRICT,
	seller int CONSTRAINT cars_seller REFERENCES makers
);
INSERT INTO makers VALUES (1, 'Benz'), (2, 'Ford');
INSERT INTO cars VALUES ('a', 1, NULL), ('b', NULL, 2);

-- What the session remembers of the error, and what can be told from its text.
CREATE FUNCTION pg_temp.facts(e integrity_error) RETURNS text LANGUAGE sql AS $$
	SELECT concat_ws(' ', e.sqlstate, e.condition_name, e.kind, 'constraint=' || e.constraint_name, 'table=' || e.table_name,
		'columns=' || e.columns::text, 'key=' || e.key_values::text, 'referenced=' || e.referenced_table,
		'referenced_columns=' || e.referenced_columns::text, 'retry=' || e.retry, e.http_status)
$$;
CREATE PROCEDURE pg_temp.facts_of(statement text) LANGUAGE plpgsql AS $$
DECLARE
	message text;
	detail text;
	latest text;
BEGIN
	EXECUTE statement;
	RAISE INFO 'it worked';
EXCEPTION WHEN OTHERS THEN
	GET STACKED DIAGNOSTICS message = MESSAGE_TEXT, detail = PG_EXCEPTION_DETAIL;
	latest := pg_temp.facts(last_integrity_error());
	RAISE INFO '%', message;
	RAISE INFO '%', latest;
	RAISE INFO 'from the text the same: %', pg_temp.facts(classify_integrity_error(message, detail)) = latest;
END $$;

-- from the first call on, errors are remembered
SELECT pg_temp.facts(last_integrity_error());
CALL pg_temp.facts_of('DELETE FROM makers WHERE id = 1');
CALL pg_temp.facts_of('UPDATE makers SET id = 3 WHERE id = 1');
CALL pg_temp.facts_of($$SELECT update_or_create(NULL::makers, '{"name": "Benz"}', '{"id": 3}')$$);
-- without RESTRICT it is what it was
CALL pg_temp.facts_of('DELETE FROM makers WHERE id = 2');

SET client_min_messages = warning;
DROP SCHEMA restrict CASCADE;
