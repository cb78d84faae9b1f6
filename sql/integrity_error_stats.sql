--
-- integrity_error_stats and batch_progress without shared_preload_libraries;
-- integrity_error_stats_1.out is for a server that has it.  What they show then:
-- t/055_integrity_error_stats.pl, t/056_batch_progress.pl
--
\getenv abs_srcdir PG_ABS_SRCDIR
\i :abs_srcdir/sql/include/setup.sql
SET client_min_messages = warning;
DROP ROLE IF EXISTS regress_dg_reader;
DROP ROLE IF EXISTS regress_dg_nobody;
RESET client_min_messages;
CREATE ROLE regress_dg_reader IN ROLE pg_read_all_stats;
CREATE ROLE regress_dg_nobody;
-- who may what
SELECT role, object, has_table_privilege(role, object, 'SELECT') AS may
FROM unnest(ARRAY['regress_dg_reader', 'regress_dg_nobody']) AS role,
     unnest(ARRAY['integrity_error_stats', 'integrity_error_stats_info']) AS object;
SELECT role, function, has_function_privilege(role, function, 'EXECUTE') AS may
FROM unnest(ARRAY['regress_dg_reader', 'regress_dg_nobody']) AS role,
     unnest(ARRAY['integrity_error_stats()', 'integrity_error_stats_info()', 'integrity_error_stats_reset()']) AS function;
SET ROLE regress_dg_nobody;
SELECT * FROM integrity_error_stats;
SELECT * FROM integrity_error_stats_info;
SELECT * FROM integrity_error_stats();
SELECT integrity_error_stats_reset();
-- superusers alone say what is logged
SELECT last_integrity_error() IS NULL AS loaded;
SET duplicate_guard.log_integrity_errors = off;
RESET ROLE;
GRANT EXECUTE ON FUNCTION integrity_error_stats_reset() TO regress_dg_reader;
SET ROLE regress_dg_reader;
-- the server has to be told first
\set VERBOSITY sqlstate
\set SHOW_CONTEXT never
SELECT count(*) >= 0 AS readable FROM integrity_error_stats;
\set VERBOSITY default
SELECT count(*) FROM integrity_error_stats_info;
SELECT integrity_error_stats_reset();
RESET ROLE;
SET ROLE regress_dg_nobody;
SELECT count(*) FROM batch_progress;
RESET ROLE;
SHOW duplicate_guard.log_integrity_errors;
-- every column is explained
SELECT c.relname, a.attname
FROM pg_class AS c JOIN pg_attribute AS a ON a.attrelid = c.oid
WHERE c.relname IN ('integrity_error_stats', 'integrity_error_stats_info', 'batch_progress') AND a.attnum > 0
  AND col_description(c.oid, a.attnum) IS NULL;
REVOKE ALL ON FUNCTION integrity_error_stats_reset() FROM regress_dg_reader;
DROP ROLE regress_dg_reader, regress_dg_nobody;
