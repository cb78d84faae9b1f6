--
-- get_or_create: views, rules, INSTEAD OF triggers
--
\getenv abs_srcdir PG_ABS_SRCDIR
\i :abs_srcdir/sql/include/setup.sql
CREATE SCHEMA goc_views;
SET search_path = goc_views, public;

--
-- Auto-updatable views: the lookup columns are the inference, on the base table.
--
CREATE TABLE base (id int GENERATED ALWAYS AS IDENTITY PRIMARY KEY, name text UNIQUE, kind text DEFAULT 'k', v text, secret text DEFAULT 's');
CREATE UNIQUE INDEX ON base (lower(v));
CREATE UNIQUE INDEX ON base (kind, secret) WHERE v IS NULL AND kind = 'never';
-- columns renamed, reordered, left out, computed
CREATE VIEW renamed AS SELECT v AS note, name AS label, id AS number, upper(name) AS loud FROM base;
SELECT * FROM get_or_create(NULL::renamed, '{"label": "a"}', '{"note": "x"}');
SELECT * FROM get_or_create(NULL::renamed, '{"label": "a"}', '{"note": "y"}');
SELECT * FROM get_or_create(NULL::renamed, '{"number": 1}');
-- a computed column can be looked at, not inserted into
SELECT * FROM get_or_create(NULL::renamed, '{"label": "a", "loud": "A"}');
\set VERBOSITY sqlstate
SELECT * FROM get_or_create(NULL::renamed, '{"label": "b", "loud": "B"}');
\set VERBOSITY default
-- lookup columns that are no key there: 42P10
CALL pg_temp.fails($$SELECT get_or_create(NULL::renamed, '{"note": "nothing"}')$$);
CALL pg_temp.fails($$SELECT get_or_create(NULL::renamed, '{"nam": "nothing"}')$$);
-- a default of the view's own, before the table's
CREATE VIEW defaulted AS SELECT id, name, kind, v FROM base;
ALTER VIEW defaulted ALTER kind SET DEFAULT 'from the view';
SELECT (g.record).name, (g.record).kind, was_created FROM get_or_create(NULL::defaulted, '{"name": "b"}') g;
SELECT (g.record).name, (g.record).kind, was_created FROM get_or_create(NULL::defaulted, '{"name": "b"}') g;
-- a view of a view
CREATE VIEW of_view AS SELECT number, label FROM renamed WHERE number > 0;
SELECT (g.record).label, was_created FROM get_or_create(NULL::of_view, '{"label": "b"}') g;
SELECT (g.record).label, was_created FROM get_or_create(NULL::of_view, '{"label": "c"}') g;
SELECT (g.record).label, was_created FROM get_or_create(NULL::of_view, '{"label": "c"}', lock_strength => 'update') g;

--
-- A view that hides rows: what it hides is not there, so the loop ends with
-- the accurate error of the table, 23505.
--
CREATE VIEW live AS SELECT id, name, kind, v FROM base WHERE kind <> 'dead';
INSERT INTO base (name, kind) VALUES ('hidden', 'dead');
CALL pg_temp.fails($$SELECT get_or_create(NULL::live, '{"name": "hidden"}')$$);
SELECT (g.record).name, was_created FROM get_or_create(NULL::live, '{"name": "d"}') g;
-- WITH CHECK OPTION: 44000 when the new row would not be seen, and none stays
CREATE VIEW checked AS SELECT name, kind FROM base WHERE kind <> 'dead' WITH CHECK OPTION;
SELECT * FROM get_or_create(NULL::checked, '{"name": "d"}', '{"kind": "dead"}');
\set VERBOSITY sqlstate
SELECT get_or_create(NULL::checked, '{"name": "e"}', '{"kind": "dead"}');
\set VERBOSITY default
SELECT * FROM get_or_create(NULL::checked, '{"name": "e"}', '{"kind": "alive"}');
SELECT count(*) FROM base WHERE name = 'e';
-- a wider lookup on a view, and NULL
SELECT * FROM get_or_create(NULL::checked, '{"name": "e", "kind": "alive"}');
-- a security barrier view
CREATE VIEW barrier WITH (security_barrier) AS SELECT name, kind FROM base WHERE kind <> 'dead';
SELECT * FROM get_or_create(NULL::barrier, '{"name": "e"}');
SELECT * FROM get_or_create(NULL::barrier, '{"name": "f"}');

--
-- Views that are not auto-updatable: a hit works, a miss is PostgreSQL's 55000
--
CREATE VIEW joined AS SELECT b.id, b.name, count(*) AS n FROM base b JOIN base c ON c.id <= b.id GROUP BY b.id, b.name;
SELECT * FROM get_or_create(NULL::joined, '{"name": "a"}');
\set VERBOSITY sqlstate
SELECT * FROM get_or_create(NULL::joined, '{"name": "nobody"}');
\set VERBOSITY default
CREATE VIEW series AS SELECT k FROM generate_series(1, 3) k;
SELECT * FROM get_or_create(NULL::series, '{"k": 2}');
CREATE VIEW listed AS VALUES (1, 'a'), (2, 'b');
SELECT * FROM get_or_create(NULL::listed, '{"column1": 2}');
CREATE VIEW nothing AS SELECT 1 AS k;
SELECT * FROM get_or_create(NULL::nothing, '{"k": 1}');
CREATE MATERIALIZED VIEW stored AS SELECT name FROM base;
CREATE VIEW over_stored AS SELECT name FROM stored;
SELECT * FROM get_or_create(NULL::over_stored, '{"name": "a"}');
\set VERBOSITY sqlstate
SELECT * FROM get_or_create(NULL::series, '{"k": 4}');
SELECT * FROM get_or_create(NULL::listed, '{"column1": 4}');
SELECT * FROM get_or_create(NULL::nothing, '{"k": 4}');
SELECT * FROM get_or_create(NULL::over_stored, '{"name": "nobody"}');
\set VERBOSITY default
-- more than one row fits: 21000
CREATE VIEW kinds AS SELECT kind, name FROM base UNION ALL SELECT 'k', 'z';
CALL pg_temp.fails($$SELECT get_or_create(NULL::kinds, '{"kind": "k"}')$$);

--
-- INSTEAD OF triggers: a hit works, a miss is 0A000 and the trigger is not run.
--
CREATE VIEW instead AS SELECT name, kind FROM base WHERE kind IS NOT NULL;
CREATE FUNCTION instead() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
	INSERT INTO base (name, kind) VALUES (NEW.name, 'by trigger');
	RETURN NEW;
END $$;
CREATE TRIGGER instead INSTEAD OF INSERT ON instead FOR EACH ROW EXECUTE FUNCTION instead();
SELECT * FROM get_or_create(NULL::instead, '{"name": "e"}');
CALL pg_temp.fails($$SELECT get_or_create(NULL::instead, '{"name": "g"}')$$);
CREATE VIEW instead_below AS SELECT name FROM instead;
SELECT * FROM get_or_create(NULL::instead_below, '{"name": "e"}');
CALL pg_temp.fails($$SELECT get_or_create(NULL::instead_below, '{"name": "g"}')$$);
SELECT count(*) FROM base WHERE name = 'g';

--
-- Rules on INSERT or UPDATE: a hit works, a miss is 0A000.
--
CREATE TABLE log (what text);
CREATE TABLE ruled (k int PRIMARY KEY, v text);
INSERT INTO ruled VALUES (1, 'a');
CREATE RULE nothing AS ON INSERT TO ruled DO INSTEAD NOTHING;
SELECT * FROM get_or_create(NULL::ruled, '{"k": 1}');
CALL pg_temp.fails($$SELECT get_or_create(NULL::ruled, '{"k": 2}')$$);
DROP RULE nothing ON ruled;
CREATE RULE also AS ON INSERT TO ruled DO ALSO INSERT INTO log VALUES ('insert ' || NEW.k);
SELECT * FROM get_or_create(NULL::ruled, '{"k": 1}');
CALL pg_temp.fails($$SELECT get_or_create(NULL::ruled, '{"k": 2}')$$);
DROP RULE also ON ruled;
CREATE RULE conditional AS ON INSERT TO ruled WHERE NEW.k > 100 DO INSTEAD NOTHING;
CALL pg_temp.fails($$SELECT get_or_create(NULL::ruled, '{"k": 2}')$$);
DROP RULE conditional ON ruled;
CREATE RULE updated AS ON UPDATE TO ruled DO ALSO INSERT INTO log VALUES ('update ' || NEW.k);
SELECT * FROM get_or_create(NULL::ruled, '{"k": 1}');
CALL pg_temp.fails($$SELECT get_or_create(NULL::ruled, '{"k": 2}')$$);
DROP RULE updated ON ruled;
SELECT count(*) FROM log;
-- a rule on DELETE does not matter
CREATE RULE deleted AS ON DELETE TO ruled DO INSTEAD NOTHING;
SELECT * FROM get_or_create(NULL::ruled, '{"k": 2}');
SELECT * FROM get_or_create(NULL::ruled, '{"k": 2}');
-- a view made insertable by a rule
CREATE VIEW ruled_view AS SELECT k, v FROM ruled;
CREATE RULE ruled_view_insert AS ON INSERT TO ruled_view DO INSTEAD INSERT INTO ruled VALUES (NEW.k, NEW.v) RETURNING k, v;
SELECT * FROM get_or_create(NULL::ruled_view, '{"k": 2}');
CALL pg_temp.fails($$SELECT get_or_create(NULL::ruled_view, '{"k": 3}')$$);
SELECT count(*) FROM ruled;

-- a view changes between the calls
CREATE OR REPLACE VIEW live AS SELECT id, name, kind, v FROM base WHERE kind = 'dead';
SELECT (g.record).name, was_created FROM get_or_create(NULL::live, '{"name": "hidden"}') g;
DROP VIEW live;
CREATE VIEW live AS SELECT name FROM base;
SELECT * FROM get_or_create(NULL::live, '{"name": "hidden"}');
SELECT * FROM get_or_create(NULL::live, '{"name": "h"}');
-- and the base table under the view: its key is dropped
ALTER TABLE base DROP CONSTRAINT base_name_key;
SELECT * FROM get_or_create(NULL::live, '{"name": "h"}');
CALL pg_temp.fails($$SELECT get_or_create(NULL::live, '{"name": "i"}')$$);

SET client_min_messages = warning;
DROP SCHEMA goc_views CASCADE;
