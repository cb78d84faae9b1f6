--
-- The extension itself: installed, moved, dropped and installed again within
-- one session, by a role that is not superuser
--
\getenv abs_srcdir PG_ABS_SRCDIR
\i :abs_srcdir/sql/include/setup.sql
-- what an earlier run that was stopped may have left
SET client_min_messages = warning;
DROP ROLE IF EXISTS regress_dg_creator;
RESET client_min_messages;
-- the version of the control file is the one that is installed, and it is documented
SELECT installed_version = default_version AS current, comment IS NOT NULL AS documented
FROM pg_available_extensions WHERE name = 'duplicate_guard';
SELECT relocatable, superuser, trusted, schema IS NULL AS any_schema, requires IS NULL AS needs_nothing
FROM pg_available_extension_versions WHERE name = 'duplicate_guard' AND installed;
-- every object of it, and every column, says what it is
CREATE TEMPORARY VIEW members AS
SELECT d.classid, d.objid
FROM pg_depend d
WHERE d.deptype = 'e' AND d.refclassid = 'pg_extension'::regclass
  AND d.refobjid = (SELECT oid FROM pg_extension WHERE extname = 'duplicate_guard')
  -- from 17 on, also the array types and the views' row types, which nobody made
  AND NOT EXISTS (SELECT FROM pg_type t LEFT JOIN pg_class c ON c.oid = t.typrelid
                  WHERE d.classid = 'pg_type'::regclass AND t.oid = d.objid
                    AND (t.typcategory = 'A' OR c.relkind = 'v'));
SELECT DISTINCT classid::regclass::text COLLATE "C" AS kind FROM members ORDER BY 1;
SELECT pg_describe_object(classid, objid, 0) AS undocumented
FROM members
WHERE obj_description(objid, classid::regclass::name) IS NULL
UNION ALL
SELECT pg_describe_object('pg_class'::regclass, attrelid, attnum)
FROM pg_attribute
WHERE attnum > 0 AND col_description(attrelid, attnum) IS NULL
  AND (attrelid IN (SELECT objid FROM members WHERE classid = 'pg_class'::regclass)
       OR attrelid IN (SELECT typrelid FROM members JOIN pg_type t ON t.oid = objid
                       WHERE classid = 'pg_type'::regclass));
-- every function runs with the caller's rights
SELECT p.oid::regprocedure
FROM members JOIN pg_proc p ON p.oid = objid
WHERE classid = 'pg_proc'::regclass AND p.prosecdef;
DROP VIEW members;

CREATE SCHEMA ext_1;
CREATE SCHEMA "ext 2";
CREATE TABLE ext_1.items (k int PRIMARY KEY, v text);
SELECT was_created FROM get_or_create(NULL::ext_1.items, '{"k": 1}');
-- moved: the functions go with it, nothing is left behind
ALTER EXTENSION duplicate_guard SET SCHEMA ext_1;
SELECT was_created FROM ext_1.get_or_create(NULL::ext_1.items, '{"k": 1}');
ALTER EXTENSION duplicate_guard SET SCHEMA "ext 2";
SELECT was_created FROM "ext 2".get_or_create(NULL::ext_1.items, '{"k": 1}');
SELECT was_created FROM "ext 2".get_or_create(NULL::ext_1.items, '{"k": 2}', lock_strength => 'share');
\set VERBOSITY sqlstate
SELECT was_created FROM public.get_or_create(NULL::ext_1.items, '{"k": 1}');
\set VERBOSITY default
-- dropped and created elsewhere, while the session keeps its module
DROP EXTENSION duplicate_guard;
SELECT count(*) FROM pg_proc WHERE proname = 'get_or_create';
CREATE EXTENSION duplicate_guard SCHEMA "ext 2";
SELECT was_created FROM "ext 2".get_or_create(NULL::ext_1.items, '{"k": 2}');
SELECT was_created FROM "ext 2".get_or_create(NULL::ext_1.items, '{"k": 3}');
DROP EXTENSION duplicate_guard;
-- trusted: whoever may create in the database may install it
CREATE ROLE regress_dg_creator;
SELECT current_database() AS dbname \gset
GRANT CREATE ON DATABASE :"dbname" TO regress_dg_creator;
SET ROLE regress_dg_creator;
CREATE SCHEMA ext_3;
CREATE EXTENSION duplicate_guard SCHEMA ext_3;
CREATE TABLE ext_3.items (k int PRIMARY KEY, v text);
SELECT was_created FROM ext_3.get_or_create(NULL::ext_3.items, '{"k": 1}');
SELECT was_created FROM ext_3.get_or_create(NULL::ext_3.items, '{"k": 1}');
DROP EXTENSION duplicate_guard;
RESET ROLE;

SET client_min_messages = warning;
CREATE EXTENSION duplicate_guard;
DROP SCHEMA ext_1, "ext 2", ext_3 CASCADE;
REVOKE ALL ON DATABASE :"dbname" FROM regress_dg_creator;
DROP ROLE regress_dg_creator;
