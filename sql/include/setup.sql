\set ECHO none
--
-- What every topic starts with, read with the echo off.
--
\set SHOW_CONTEXT never
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS duplicate_guard;
RESET client_min_messages;

--
-- Run a statement that is to fail, roll it back, and show all that a client
-- learns from the error except its place in the code.  Every name is
-- qualified: topics that play with search_path use this too.
--
CREATE OR REPLACE PROCEDURE pg_temp.fails(command pg_catalog.text)
LANGUAGE plpgsql AS $$
DECLARE
	state pg_catalog.text;
	message pg_catalog.text;
	detail pg_catalog.text;
	hint pg_catalog.text;
	schema_name pg_catalog.text;
	table_name pg_catalog.text;
	column_name pg_catalog.text;
	constraint_name pg_catalog.text;
	fields pg_catalog.text;
BEGIN
	EXECUTE command;
	RAISE INFO 'no error';
EXCEPTION WHEN OTHERS THEN
	GET STACKED DIAGNOSTICS
		state = RETURNED_SQLSTATE,
		message = MESSAGE_TEXT,
		detail = PG_EXCEPTION_DETAIL,
		hint = PG_EXCEPTION_HINT,
		schema_name = SCHEMA_NAME,
		table_name = TABLE_NAME,
		column_name = COLUMN_NAME,
		constraint_name = CONSTRAINT_NAME;
	fields := pg_catalog.concat_ws(', ',
		pg_catalog.format('schema %s', schema_name),
		pg_catalog.format('table %s', table_name),
		CASE WHEN pg_catalog.length(column_name) OPERATOR(pg_catalog.>) 0
			THEN pg_catalog.format('column %s', column_name) END,
		CASE WHEN pg_catalog.length(constraint_name) OPERATOR(pg_catalog.>) 0
			THEN pg_catalog.format('constraint %s', constraint_name) END);
	RAISE INFO '%', pg_catalog.concat_ws(E'\n',
		pg_catalog.format('%s: %s', state, message),
		CASE WHEN pg_catalog.length(detail) OPERATOR(pg_catalog.>) 0
			THEN pg_catalog.format('DETAIL:  %s', detail) END,
		CASE WHEN pg_catalog.length(hint) OPERATOR(pg_catalog.>) 0
			THEN pg_catalog.format('HINT:  %s', hint) END,
		CASE WHEN pg_catalog.length(table_name) OPERATOR(pg_catalog.>) 0
			THEN pg_catalog.format('FIELDS:  %s', fields) END);
END
$$;
\set ECHO all
