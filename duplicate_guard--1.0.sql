-- complain if script is sourced in psql, rather than via CREATE EXTENSION
\echo Use "CREATE EXTENSION duplicate_guard" to load this file. \quit

CREATE FUNCTION single_row_support(internal)
RETURNS internal
AS 'MODULE_PATHNAME', 'duplicate_guard_single_row_support'
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;

COMMENT ON FUNCTION single_row_support(internal) IS
'Planner support: a call in FROM of a function that answers with one row needs no function scan. Not to be called from SQL.';

CREATE FUNCTION get_or_create(
	target anyelement,
	lookup jsonb,
	defaults jsonb DEFAULT '{}',
	arbiter text DEFAULT NULL,
	lock_strength text DEFAULT NULL,
	require_unique boolean DEFAULT true,
	OUT record anyelement,
	OUT was_created boolean)
AS 'MODULE_PATHNAME', 'duplicate_guard_get_or_create'
LANGUAGE C VOLATILE CALLED ON NULL INPUT PARALLEL UNSAFE
SUPPORT single_row_support;

COMMENT ON FUNCTION get_or_create(anyelement, jsonb, jsonb, text, text, boolean) IS
'Returns the row of a table that the lookup identifies, and creates it from lookup and defaults if it is not there. Call it in FROM, with NULL::your_table as the target. was_created tells which of the two happened; of concurrent calls with the same lookup exactly one creates. Errors: 42P10 no unique index decides, 23505 the key exists but the rest of the lookup differs, 40001 retry the transaction (REPEATABLE READ and SERIALIZABLE), 25006 nothing found in a read-only transaction.';

CREATE FUNCTION update_or_create(
	target anyelement,
	lookup jsonb,
	defaults jsonb DEFAULT '{}',
	create_defaults jsonb DEFAULT NULL,
	touch jsonb DEFAULT '{}',
	arbiter text DEFAULT NULL,
	require_unique boolean DEFAULT true,
	OUT record anyelement,
	OUT was_created boolean,
	OUT was_updated boolean)
AS 'MODULE_PATHNAME', 'duplicate_guard_update_or_create'
LANGUAGE C VOLATILE CALLED ON NULL INPUT PARALLEL UNSAFE
SUPPORT single_row_support;

COMMENT ON FUNCTION update_or_create(anyelement, jsonb, jsonb, jsonb, jsonb, text, boolean) IS
'Returns the row of a table that the lookup identifies, brought to the values in defaults: created from lookup, create_defaults (if NULL: defaults) and touch if it is not there, updated with defaults and touch if something in defaults differs from it, else left alone without a write or a lock. Call it in FROM, with NULL::your_table as the target. was_created and was_updated tell what happened; concurrent calls neither duplicate the row nor lose an update. Errors: 42P10 no unique index decides, 23505 the key exists but the rest of the lookup differs, 27000 a trigger suppressed the row or the update, 40001 retry the transaction (REPEATABLE READ and SERIALIZABLE), 25006 something to write in a read-only transaction.';

/* an error turned into facts */

CREATE TYPE integrity_error AS (
	kind text,
	sqlstate text,
	condition_name text,
	message text,
	detail text,
	hint text,
	schema_name text,
	table_name text,
	partition_name text,
	constraint_name text,
	columns text[],
	key_values text[],
	referenced_table text,
	referenced_columns text[],
	datatype_name text,
	retry text,
	http_status integer,
	remedy text,
	user_message text
);

COMMENT ON TYPE integrity_error IS
'An integrity error as data; every field but kind may be NULL, which means not known';
COMMENT ON COLUMN integrity_error.kind IS
'unique_violation, exclusion_violation, foreign_key_missing, foreign_key_referenced, not_null_violation, check_violation, domain_check_violation, domain_not_null_violation, partition_not_found, partition_constraint_violation, with_check_option_violation, row_security_violation, other_integrity_violation, serialization_failure, deadlock_detected or other';
COMMENT ON COLUMN integrity_error.sqlstate IS
'Five characters, as in appendix A of the PostgreSQL manual';
COMMENT ON COLUMN integrity_error.condition_name IS
'PL/pgSQL''s name of the SQLSTATE, for integrity errors and their neighbours';
COMMENT ON COLUMN integrity_error.message IS
'The primary message, without what a client wrote around it';
COMMENT ON COLUMN integrity_error.detail IS
'The DETAIL, as the server worded it';
COMMENT ON COLUMN integrity_error.hint IS
'The HINT, as the server worded it';
COMMENT ON COLUMN integrity_error.schema_name IS
'Schema of the table; of the domain, if no table is known';
COMMENT ON COLUMN integrity_error.table_name IS
'Table or view whose rule was broken; for foreign keys the referencing table; for partitions the table on which the rule was declared';
COMMENT ON COLUMN integrity_error.partition_name IS
'The partition that the row was in, when table_name is one of its ancestors; qualified unless visible';
COMMENT ON COLUMN integrity_error.constraint_name IS
'Constraint, or unique index without a constraint';
COMMENT ON COLUMN integrity_error.columns IS
'Columns of the rule; for an expression those inside it; for a domain the columns that it may have been';
COMMENT ON COLUMN integrity_error.key_values IS
'The key in the DETAIL, one element for each element of the key, in text form; NULL elements are null or not known';
COMMENT ON COLUMN integrity_error.referenced_table IS
'For foreign keys the table that is referenced; qualified unless visible';
COMMENT ON COLUMN integrity_error.referenced_columns IS
'For foreign keys the columns that are referenced';
COMMENT ON COLUMN integrity_error.datatype_name IS
'For domains the name of the domain';
COMMENT ON COLUMN integrity_error.retry IS
'What may succeed when it is run again: statement, transaction or no';
COMMENT ON COLUMN integrity_error.http_status IS
'The status that a web service would answer with';
COMMENT ON COLUMN integrity_error.remedy IS
'One sentence for the developer';
COMMENT ON COLUMN integrity_error.user_message IS
'One sentence for a person: the comment on the constraint or index, else a plain English one';

CREATE FUNCTION classify_integrity_error(
	message text DEFAULT NULL,
	detail text DEFAULT NULL,
	sqlstate text DEFAULT NULL,
	schema_name text DEFAULT NULL,
	table_name text DEFAULT NULL,
	column_name text DEFAULT NULL,
	constraint_name text DEFAULT NULL,
	datatype_name text DEFAULT NULL)
RETURNS integrity_error
AS 'MODULE_PATHNAME', 'duplicate_guard_classify_integrity_error'
LANGUAGE C STABLE CALLED ON NULL INPUT PARALLEL SAFE;

COMMENT ON FUNCTION classify_integrity_error(text, text, text, text, text, text, text, text) IS
'Turns an error into facts, from all its diagnostic fields, or from its text alone as any client words it in any language of the server. What is not known is NULL. Empty strings count as NULL; but when all five names are empty, as for a foreign server''s error, names in the text are not looked up here. No error is raised for any text.';

CREATE FUNCTION last_integrity_error()
RETURNS integrity_error
AS 'MODULE_PATHNAME', 'duplicate_guard_last_integrity_error'
LANGUAGE C VOLATILE CALLED ON NULL INPUT PARALLEL UNSAFE;

COMMENT ON FUNCTION last_integrity_error() IS
'Returns the latest integrity error of this session, caught or not, since the library was loaded; NULL if there was none or DISCARD ALL came after it. A caught error is shown whole only to those who have the privileges of the role under which it was raised; others learn kind and sqlstate. Raises no error.';

CREATE FUNCTION try_create(
	target anyelement,
	candidate jsonb,
	OUT record anyelement,
	OUT was_created boolean,
	OUT error integrity_error)
AS 'MODULE_PATHNAME', 'duplicate_guard_try_create'
LANGUAGE C VOLATILE CALLED ON NULL INPUT PARALLEL UNSAFE
SUPPORT single_row_support;

COMMENT ON FUNCTION try_create(anyelement, jsonb) IS
'Creates a row of a table, and returns it, or else the integrity error as data. Call it in FROM, with NULL::your_table as the target. When an error is returned, was_created is false, record is NULL, nothing of the attempt is left, the transaction goes on, and the server log has no line of it. Deferred constraints are not seen. Errors that are not about what the row says are raised as usual, among them 42501 a missing privilege, 22001 a value is too long, 40001 and 40P01 retry the transaction, 25006 read-only transaction; 27000 a trigger suppressed the row.';

/* many rows in one call */

CREATE FUNCTION get_or_create_many(
	target anyelement,
	rows jsonb,
	key_columns text[],
	arbiter text DEFAULT NULL)
RETURNS TABLE (
	ordinality integer,
	record anyelement,
	was_created boolean)
AS 'MODULE_PATHNAME', 'duplicate_guard_get_or_create_many'
LANGUAGE C VOLATILE CALLED ON NULL INPUT PARALLEL UNSAFE ROWS 1000;

COMMENT ON FUNCTION get_or_create_many(anyelement, jsonb, text[], text) IS
'Does for each object of an array what get_or_create does for one: its columns among key_columns identify the row, the others are used when it is created. Returns one row for each element, in their order, numbered from 1. Rows that are missing are created by one INSERT in key order, so that concurrent calls do not deadlock on these keys; elements with the same key create one row. Errors: those of get_or_create, and 22023 for an element that is no object or lacks a key column; then nothing is created.';
CREATE FUNCTION find_conflicts(
	target anyelement,
	candidate jsonb)
RETURNS TABLE (
	kind text,
	constraint_name text,
	columns text[],
	record anyelement)
AS 'MODULE_PATHNAME', 'duplicate_guard_find_conflicts'
LANGUAGE C VOLATILE CALLED ON NULL INPUT PARALLEL UNSAFE;

COMMENT ON FUNCTION find_conflicts(anyelement, jsonb) IS
'Returns every constraint of a table that the candidate would break, in the order in which an INSERT would meet them, without writing anything. A unique or exclusion constraint gives one row for each existing row that the candidate would meet, others one with record NULL. kind is that of integrity_error. Left out is what cannot be told: constraints on columns that get a volatile default, foreign keys to tables that the caller may not read, triggers, row security. Errors: 42501 without SELECT on the table, 0A000 for views and foreign tables.';

CREATE FUNCTION update_or_create_many(
	target anyelement,
	rows jsonb,
	key_columns text[],
	touch jsonb DEFAULT '{}',
	arbiter text DEFAULT NULL)
RETURNS TABLE (
	ordinality integer,
	record anyelement,
	was_created boolean,
	was_updated boolean)
AS 'MODULE_PATHNAME', 'duplicate_guard_update_or_create_many'
LANGUAGE C VOLATILE CALLED ON NULL INPUT PARALLEL UNSAFE ROWS 1000;

COMMENT ON FUNCTION update_or_create_many(anyelement, jsonb, text[], jsonb, text) IS
'Does for each object of an array what update_or_create does for one: its columns among key_columns identify the row, the others are its values. Returns one row for each element, in their order, numbered from 1. A row that has these values already is not written. Of elements with the same key the later one''s values win; the flags say what each of them did, and the record is the row as it left it. Rows are written in key order, so that concurrent calls do not deadlock on these keys. Errors: those of update_or_create, and 22023 for an element that is no object or lacks a key column; then nothing is written.';

CREATE FUNCTION try_create_many(
	target anyelement,
	rows jsonb)
RETURNS TABLE (
	ordinality integer,
	record anyelement,
	was_created boolean,
	error integrity_error)
AS 'MODULE_PATHNAME', 'duplicate_guard_try_create_many'
LANGUAGE C VOLATILE CALLED ON NULL INPUT PARALLEL UNSAFE ROWS 1000;

COMMENT ON FUNCTION try_create_many(anyelement, jsonb) IS
'Creates a row for each object of an array, and returns for each, in their order, numbered from 1, the row or else the integrity error as data. The good rows stay. Of two elements that exclude each other the second one gets the error. Errors that are not about what a row says are raised, as by try_create, and 22023 for an element that is no object; then nothing is created.';

/* how far the calls for many rows have come */

CREATE FUNCTION batch_progress(
	OUT pid integer,
	OUT datid oid,
	OUT relid oid,
	OUT command text,
	OUT phase text,
	OUT rows_total bigint,
	OUT rows_done bigint)
RETURNS SETOF record
AS 'MODULE_PATHNAME', 'duplicate_guard_batch_progress'
LANGUAGE C VOLATILE STRICT PARALLEL SAFE ROWS 10;

COMMENT ON FUNCTION batch_progress() IS
'Returns what the view batch_progress shows. Errors: 55000 unless duplicate_guard is in shared_preload_libraries.';

CREATE VIEW batch_progress AS
SELECT p.pid, p.datid, d.datname, p.relid, p.command, p.phase, p.rows_total, p.rows_done
FROM batch_progress() AS p LEFT JOIN pg_catalog.pg_database AS d ON d.oid OPERATOR(pg_catalog.=) p.datid;

COMMENT ON VIEW batch_progress IS
'One row for each session that is in get_or_create_many, update_or_create_many or try_create_many, as in the pg_stat_progress_ views. Only those with the privileges of that session''s role or of pg_read_all_stats see more than pid and database. Errors: 55000 unless duplicate_guard is in shared_preload_libraries.';
COMMENT ON COLUMN batch_progress.pid IS
'Process of the session, as in pg_stat_activity';
COMMENT ON COLUMN batch_progress.datid IS
'OID of the database';
COMMENT ON COLUMN batch_progress.datname IS
'Name of the database';
COMMENT ON COLUMN batch_progress.relid IS
'OID of the target';
COMMENT ON COLUMN batch_progress.command IS
'get_or_create_many, update_or_create_many or try_create_many';
COMMENT ON COLUMN batch_progress.phase IS
'reading rows, reading keys, looking up rows, comparing rows, creating rows, updating rows or going row by row';
COMMENT ON COLUMN batch_progress.rows_total IS
'How many rows this phase is about; rows with the same key count once after reading keys';
COMMENT ON COLUMN batch_progress.rows_done IS
'How many of them are done; it can go back when rows are tried again';

GRANT SELECT ON batch_progress TO PUBLIC;

/* how often each constraint is violated */

CREATE FUNCTION integrity_error_stats(
	OUT datid oid,
	OUT datname name,
	OUT kind text,
	OUT sqlstate text,
	OUT schema_name name,
	OUT table_name name,
	OUT column_name name,
	OUT constraint_name name,
	OUT datatype_name name,
	OUT caught bigint,
	OUT uncaught bigint,
	OUT first_raised timestamptz,
	OUT last_raised timestamptz)
RETURNS SETOF record
AS 'MODULE_PATHNAME', 'duplicate_guard_integrity_error_stats'
LANGUAGE C VOLATILE STRICT PARALLEL SAFE ROWS 100;

COMMENT ON FUNCTION integrity_error_stats() IS
'Returns what the view integrity_error_stats shows. Errors: 42501 for others than pg_read_all_stats, 55000 unless duplicate_guard is in shared_preload_libraries.';

CREATE VIEW integrity_error_stats AS
SELECT datid, datname, kind, sqlstate, schema_name, table_name, column_name, constraint_name, datatype_name,
	caught, uncaught, first_raised, last_raised
FROM integrity_error_stats();

COMMENT ON VIEW integrity_error_stats IS
'How often each constraint was violated, in all databases of the server. Readable by pg_read_all_stats. Errors: 55000 unless duplicate_guard is in shared_preload_libraries.';
COMMENT ON COLUMN integrity_error_stats.datid IS
'OID of the database';
COMMENT ON COLUMN integrity_error_stats.datname IS
'Name of the database';
COMMENT ON COLUMN integrity_error_stats.kind IS
'As in integrity_error: unique_violation, foreign_key_missing, ...; never serialization_failure or deadlock_detected, which are not counted';
COMMENT ON COLUMN integrity_error_stats.sqlstate IS
'Five characters, as in appendix A of the PostgreSQL manual';
COMMENT ON COLUMN integrity_error_stats.schema_name IS
'Schema of the table, or of the domain; NULL where the error does not say it';
COMMENT ON COLUMN integrity_error_stats.table_name IS
'Table as the error names it: for partitions the one that the row was in, for foreign keys the referencing table; NULL for domains';
COMMENT ON COLUMN integrity_error_stats.column_name IS
'Column, where the error names one: for not-null constraints';
COMMENT ON COLUMN integrity_error_stats.constraint_name IS
'Constraint or unique index; NULL where the error names none';
COMMENT ON COLUMN integrity_error_stats.datatype_name IS
'Domain, if it is a domain''s constraint';
COMMENT ON COLUMN integrity_error_stats.caught IS
'How many of the errors somebody caught: an exception block, try_create, ...';
COMMENT ON COLUMN integrity_error_stats.uncaught IS
'How many of the errors reached a client';
COMMENT ON COLUMN integrity_error_stats.first_raised IS
'When the first of these errors was raised';
COMMENT ON COLUMN integrity_error_stats.last_raised IS
'When the latest of these errors was raised';

CREATE FUNCTION integrity_error_stats_info(
	OUT dealloc bigint,
	OUT stats_reset timestamptz)
AS 'MODULE_PATHNAME', 'duplicate_guard_integrity_error_stats_info'
LANGUAGE C VOLATILE STRICT PARALLEL SAFE;

COMMENT ON FUNCTION integrity_error_stats_info() IS
'Returns what the view integrity_error_stats_info shows. Errors: 42501 for others than pg_read_all_stats, 55000 unless duplicate_guard is in shared_preload_libraries.';

CREATE VIEW integrity_error_stats_info AS
SELECT dealloc, stats_reset
FROM integrity_error_stats_info();

COMMENT ON VIEW integrity_error_stats_info IS
'One row about integrity_error_stats itself. Readable by pg_read_all_stats. Errors: 55000 unless duplicate_guard is in shared_preload_libraries.';
COMMENT ON COLUMN integrity_error_stats_info.dealloc IS
'How many rows of integrity_error_stats were dropped because there were more than duplicate_guard.max_integrity_error_stats';
COMMENT ON COLUMN integrity_error_stats_info.stats_reset IS
'When integrity_error_stats_reset() was called last, or counting began';

CREATE FUNCTION integrity_error_stats_reset()
RETURNS void
AS 'MODULE_PATHNAME', 'duplicate_guard_integrity_error_stats_reset'
LANGUAGE C VOLATILE STRICT PARALLEL SAFE;

COMMENT ON FUNCTION integrity_error_stats_reset() IS
'Discards all that integrity_error_stats has counted, in all databases. EXECUTE is granted to nobody at first. Errors: 55000 unless duplicate_guard is in shared_preload_libraries.';

REVOKE ALL ON FUNCTION integrity_error_stats(), integrity_error_stats_info(), integrity_error_stats_reset() FROM PUBLIC;
GRANT EXECUTE ON FUNCTION integrity_error_stats(), integrity_error_stats_info() TO pg_read_all_stats;
GRANT SELECT ON integrity_error_stats, integrity_error_stats_info TO pg_read_all_stats;
