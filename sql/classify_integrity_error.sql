--
-- classify_integrity_error: the function itself, and what needs no table
--
\getenv abs_srcdir PG_ABS_SRCDIR
\i :abs_srcdir/sql/include/classify.sql

-- nothing at all
\x on
SELECT * FROM classify_integrity_error();
\x off
SELECT classify_integrity_error() = classify_integrity_error('', '', '', '', '', '', '', '') AS empty_is_null,
  classify_integrity_error(sqlstate => '23505', constraint_name => 'x')
    = classify_integrity_error('', '', '23505', '', '', '', 'x', '') AS empty_is_null;
SELECT classify_integrity_error(sqlstate => 'unique') = classify_integrity_error() AS no_sqlstate,
  classify_integrity_error(sqlstate => '235O5!') = classify_integrity_error() AS no_sqlstate,
  (classify_integrity_error(sqlstate => '235o5')).kind;

-- by SQLSTATE alone
SELECT s AS sqlstate, kind, condition_name, retry, http_status, e.sqlstate IS NOT NULL AS kept
FROM unnest('{23000,23001,23502,23503,23505,23514,23P01,23ZZZ,44000,40000,40001,40002,40003,40P01,42501,21000,22001,P0001,00000}'::text[]) WITH ORDINALITY u(s, n),
  classify_integrity_error(sqlstate => s) e
ORDER BY n;

-- by SQLSTATE and what names there are
SELECT pg_temp.facts(classify_integrity_error(sqlstate => '23502', schema_name => 's', datatype_name => 'd')) AS domain,
  pg_temp.facts(classify_integrity_error(sqlstate => '23514', schema_name => 's', datatype_name => 'd', constraint_name => 'c')) AS domain,
  pg_temp.facts(classify_integrity_error(sqlstate => '23502', schema_name => 's', table_name => 't', column_name => 'c')) AS not_null;
SELECT (classify_integrity_error(sqlstate => '23503', detail => 'Key (a)=(1) is not present in table "p".')).kind AS child,
  (classify_integrity_error(sqlstate => '23503', detail => 'MATCH FULL does not allow mixing of null and nonnull key values.')).kind AS child,
  (classify_integrity_error(sqlstate => '23503', detail => 'Key (a)=(1) is still referenced from table "c".')).kind AS parent,
  (classify_integrity_error(sqlstate => '23503', detail => 'Nobody knows.')).kind AS unknown;
SELECT (classify_integrity_error(sqlstate => '23514', detail => 'Partition key of the failing row contains (a) = (1).')).kind,
  (classify_integrity_error(sqlstate => '23514', detail => 'Partition key of the failing row contains (a) = (1).')).key_values;

-- the neighbours' words
SELECT (classify_integrity_error(m)).kind, (classify_integrity_error(m)).sqlstate
FROM unnest(ARRAY['could not serialize access due to concurrent update',
  'could not serialize access due to concurrent delete',
  'could not serialize access due to read/write dependencies among transactions',
  'tuple to be locked was already moved to another partition due to concurrent update',
  'deadlock detected', 'duplicate key', 'violates unique constraint', 'duplicate key value violates unique constraint ""',
  'duplicate key value violates unique constraint "', 'duplicate key value violates unique constraint "x']) WITH ORDINALITY u(m, n) ORDER BY n;

-- how it is declared
SELECT provolatile, proparallel, proisstrict, prosecdef,
  obj_description(oid, 'pg_proc') IS NOT NULL AS has_comment
FROM pg_proc WHERE proname = 'classify_integrity_error';
SELECT attnum, attname, format_type(atttypid, atttypmod), col_description(attrelid, attnum) IS NOT NULL AS has_comment
FROM pg_attribute WHERE attrelid = 'integrity_error'::regclass ORDER BY attnum;
SELECT obj_description('integrity_error'::regtype, 'pg_type') IS NOT NULL AS has_comment;

-- in parallel workers, with a catalogue to read in each
CREATE TABLE many AS SELECT i, 'ERROR:  duplicate key value violates unique constraint "i' || i || '"' AS body FROM generate_series(1, 1000) i;
ALTER TABLE many SET (parallel_workers = 2);
SET parallel_leader_participation = off;
SET parallel_setup_cost = 0;
SET parallel_tuple_cost = 0;
SET min_parallel_table_scan_size = 0;
SELECT (classify_integrity_error(body)).kind, count(*) FROM many GROUP BY 1;
DROP TABLE many;
