-- complain if script is sourced in psql, rather than via CREATE EXTENSION
\echo Use "CREATE EXTENSION duplicate_guard" to load this file. \quit

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
LANGUAGE C VOLATILE CALLED ON NULL INPUT PARALLEL UNSAFE;

COMMENT ON FUNCTION get_or_create(anyelement, jsonb, jsonb, text, text, boolean) IS
'Returns the row of a table that the lookup identifies, and creates it from lookup and defaults if it is not there. Call it in FROM, with NULL::your_table as the target. was_created tells which of the two happened; of concurrent calls with the same lookup exactly one creates. Errors: 42P10 no unique index decides, 23505 the key exists but the rest of the lookup differs, 40001 retry the transaction (REPEATABLE READ and SERIALIZABLE), 25006 nothing found in a read-only transaction.';
