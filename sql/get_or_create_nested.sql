--
-- get_or_create: called from inside itself, at every place where PostgreSQL
-- runs a user's code, with caches flushed meanwhile
--
\getenv abs_srcdir PG_ABS_SRCDIR
\i :abs_srcdir/sql/include/setup.sql
-- what an earlier run that was stopped may have left
SET client_min_messages = warning;
DROP ROLE IF EXISTS regress_dg_nested;
RESET client_min_messages;
CREATE SCHEMA goc_nested;
SET search_path = goc_nested, public;

CREATE FUNCTION flush() RETURNS void LANGUAGE plpgsql AS $$
BEGIN
	-- relation, function, schema and type caches of this and other tables
	GRANT SELECT ON items TO PUBLIC;
	ANALYZE items;
	CREATE OR REPLACE FUNCTION goc_nested.dummy() RETURNS int LANGUAGE sql AS 'SELECT 1';
	CREATE TEMPORARY TABLE flushed (k int PRIMARY KEY);
	DROP TABLE flushed;
END $$;

--
-- While the values are converted: a domain's CHECK
--
CREATE FUNCTION checked(v text) RETURNS boolean LANGUAGE plpgsql AS $$
BEGIN
	IF v LIKE 'nest %' THEN
		-- the same table and the same columns, one level down
		PERFORM goc_nested.make(substr(v, 6));
		PERFORM goc_nested.flush();
	ELSIF v = 'bad' THEN
		RETURN false;
	ELSIF v = 'raise' THEN
		RAISE 'raised by the check';
	END IF;
	RETURN true;
END $$;
CREATE DOMAIN word AS text CHECK (checked(VALUE));
CREATE TABLE items (id int GENERATED ALWAYS AS IDENTITY, k word UNIQUE, v word, n int DEFAULT 0);
CREATE FUNCTION make(v text) RETURNS boolean LANGUAGE plpgsql AS $$
BEGIN
	RETURN (public.get_or_create(NULL::goc_nested.items, jsonb_build_object('k', v))).was_created;
END $$;
SELECT k, make(k) FROM (VALUES ('a'), ('nest b'), ('nest nest nest c'), ('nest b')) v (k);
SELECT k FROM items ORDER BY k::text COLLATE "C";
-- in the defaults, on a miss
SELECT (g.record).k, (g.record).v, was_created FROM get_or_create(NULL::items, '{"k": "d"}', '{"v": "nest e"}') g;
SELECT (g.record).k, (g.record).v, was_created FROM get_or_create(NULL::items, '{"k": "d"}', '{"v": "nest bad"}') g;
-- errors from the inside, one and two levels down, and the next call is right
CALL pg_temp.fails($$SELECT make('bad')$$);
CALL pg_temp.fails($$SELECT make('nest bad')$$);
CALL pg_temp.fails($$SELECT make('nest nest raise')$$);
\set VERBOSITY sqlstate
SELECT make('nest raise');
\set VERBOSITY default
SELECT make('a'), make('nest a'), make('f'), make('f');
SELECT count(*) FROM items WHERE k LIKE 'nest%';

-- inside a range, where the CHECK computes on while the inner call is made
CREATE FUNCTION noted(v text) RETURNS text LANGUAGE plpgsql AS $$
BEGIN
	IF v <> 'a' THEN
		PERFORM public.get_or_create(NULL::goc_nested.spans, '{"k": "[a,a]"}');
	END IF;
	RETURN 'noted';
END $$;
CREATE DOMAIN bound AS text COLLATE "C"
	CHECK (repeat(VALUE, 50) || noted(VALUE) = repeat(VALUE, 50) || 'noted');
CREATE TYPE span AS RANGE (subtype = bound, multirange_type_name = spans_of);
CREATE TABLE spans (k span UNIQUE, v spans_of);
SELECT * FROM get_or_create(NULL::spans, '{"k": "[a,a]"}');
SELECT * FROM get_or_create(NULL::spans, '{"k": "[b,b]"}', '{"v": "{[b,c]}"}');
SELECT * FROM get_or_create(NULL::spans, '{"k": "[b,b]"}');

--
-- While the index's expression and predicate are computed: a function that is
-- not as immutable as it says
--
CREATE TABLE settings (name text PRIMARY KEY, value int DEFAULT 7);
CREATE FUNCTION setting(name text) RETURNS int LANGUAGE plpgsql IMMUTABLE AS $$BEGIN RETURN 7; END$$;
CREATE TABLE expressed (k text, n int, v text);
CREATE UNIQUE INDEX ON expressed (k, (n % setting('modulus'))) WHERE setting('limit') > n;
CREATE OR REPLACE FUNCTION setting(name text) RETURNS int LANGUAGE plpgsql IMMUTABLE AS $$
BEGIN
	PERFORM goc_nested.flush();
	RETURN ((public.get_or_create(NULL::goc_nested.settings, jsonb_build_object('name', setting.name))).record).value;
END $$;
SELECT * FROM get_or_create(NULL::expressed, '{"k": "a", "n": 1}');
SELECT * FROM get_or_create(NULL::expressed, '{"k": "a", "n": 1}', '{"v": "x"}');
CALL pg_temp.fails($$SELECT get_or_create(NULL::expressed, '{"k": "a", "n": 8}')$$);
SELECT name FROM settings ORDER BY name;
-- a function that looks into its own table
CREATE TABLE own (id int PRIMARY KEY, k text);
CREATE FUNCTION own_key(k text) RETURNS text LANGUAGE plpgsql IMMUTABLE AS $$
BEGIN
	IF k LIKE 'via %' THEN
		RETURN ((public.get_or_create(NULL::goc_nested.own, jsonb_build_object('k', substr(k, 5)), '{"id": 100}')).record).k;
	END IF;
	RETURN k;
END $$;
CREATE UNIQUE INDEX ON own (own_key(k));
SELECT * FROM get_or_create(NULL::own, '{"k": "a"}', '{"id": 1}');
SELECT * FROM get_or_create(NULL::own, '{"k": "via a"}', '{"id": 2}');
SELECT * FROM get_or_create(NULL::own, '{"k": "via new"}', '{"id": 3}');
SELECT * FROM own ORDER BY id;

--
-- While the row is made: defaults, generated columns, checks, policies
--
CREATE FUNCTION next_of(k int) RETURNS int LANGUAGE plpgsql AS $$
BEGIN
	PERFORM goc_nested.flush();
	RETURN ((public.get_or_create(NULL::goc_nested.chain, jsonb_build_object('k', k))).record).k;
END $$;
CREATE TABLE chain (k int PRIMARY KEY, v int);
ALTER TABLE chain ALTER v SET DEFAULT next_of(1);
-- (row 1 is given its v, or there would be no end)
CREATE OR REPLACE FUNCTION next_of(k int) RETURNS int LANGUAGE plpgsql AS $$
BEGIN
	PERFORM goc_nested.flush();
	RETURN ((public.get_or_create(NULL::goc_nested.chain, jsonb_build_object('k', k), '{"v": 0}')).record).k;
END $$;
SELECT * FROM get_or_create(NULL::chain, '{"k": 5}');
-- the default makes the very row: found, not created
SELECT * FROM get_or_create(NULL::chain, '{"k": 1}');
DELETE FROM chain;
SELECT * FROM get_or_create(NULL::chain, '{"k": 1}');
SELECT * FROM chain ORDER BY k;
CREATE TABLE ledger (k int PRIMARY KEY, total int CHECK (next_of(total) = total));
SELECT * FROM get_or_create(NULL::ledger, '{"k": 1}', '{"total": 50}');
SELECT * FROM get_or_create(NULL::ledger, '{"k": 1}', '{"total": 50}');
SELECT * FROM chain ORDER BY k;
-- a policy that registers who has been asked about
CREATE ROLE regress_dg_nested;
GRANT USAGE, CREATE ON SCHEMA goc_nested TO regress_dg_nested;
CREATE TABLE asked (k int PRIMARY KEY);
CREATE FUNCTION ask(k int) RETURNS boolean LANGUAGE plpgsql SECURITY DEFINER AS $$
BEGIN
	PERFORM public.get_or_create(NULL::goc_nested.asked, jsonb_build_object('k', k));
	RETURN k < 10;
END $$;
CREATE TABLE guarded (k int PRIMARY KEY);
GRANT SELECT, INSERT ON guarded TO regress_dg_nested;
ALTER TABLE guarded ENABLE ROW LEVEL SECURITY;
CREATE POLICY asking ON guarded USING (ask(k));
SET ROLE regress_dg_nested;
SELECT * FROM get_or_create(NULL::guarded, '{"k": 1}');
SELECT * FROM get_or_create(NULL::guarded, '{"k": 1}');
CALL pg_temp.fails($$SELECT get_or_create(NULL::guarded, '{"k": 11}')$$);
RESET ROLE;
SELECT * FROM asked ORDER BY k;

--
-- While another call's JSON is built, in its arguments
--
SELECT (g.record).k, was_created
FROM get_or_create(NULL::items, jsonb_build_object('k',
	((get_or_create(NULL::items, jsonb_build_object('k',
		((get_or_create(NULL::items, '{"k": "inner"}')).record).k || ' mid'))).record).k || ' outer')) g;
SELECT k FROM items WHERE k LIKE 'inner%' ORDER BY length(k);
-- inside composites and arrays of them
CREATE TYPE tagged AS (w word, n int);
CREATE TABLE tags (id int PRIMARY KEY, t tagged, ts tagged[]);
SELECT * FROM get_or_create(NULL::tags, '{"id": 1, "t": {"w": "nest tag", "n": 1}}', '{"ts": [{"w": "nest tag2", "n": 1}]}');
SELECT * FROM get_or_create(NULL::tags, '{"id": 1, "t": {"w": "nest tag", "n": 1}}');
SELECT k FROM items WHERE k LIKE 'tag%' ORDER BY k::text COLLATE "C";

-- twelve levels deep, each with a subtransaction that fails around all below it
CREATE TABLE deep (k int PRIMARY KEY, v int);
CREATE FUNCTION dive(n int) RETURNS int LANGUAGE plpgsql AS $$
BEGIN
	IF n > 0 THEN
		BEGIN
			PERFORM get_or_create(NULL::deep, jsonb_build_object('k', n), jsonb_build_object('v', dive(n - 1)));
			RAISE division_by_zero;
		EXCEPTION WHEN division_by_zero THEN
			PERFORM get_or_create(NULL::deep, jsonb_build_object('k', n), jsonb_build_object('v', n - 1));
		END;
	END IF;
	RETURN n;
END $$;
SELECT dive(12);
SELECT count(*), sum(v) FROM deep;

-- While a call is going on, a statement inside it calls for more tables than
-- are kept, and for a table that changes meanwhile, from one place.
CREATE TABLE held (k int, v int);
CREATE UNIQUE INDEX held_1 ON held (k);
CREATE FUNCTION churn() RETURNS void LANGUAGE plpgsql AS $$
BEGIN
	FOR i IN 1..260 LOOP
		EXECUTE format('CREATE TEMPORARY TABLE churned_%s (k int PRIMARY KEY) ON COMMIT DROP', i);
		EXECUTE format('SELECT public.get_or_create(NULL::pg_temp.churned_%s, ''{"k": 1}'')', i);
	END LOOP;
	DROP INDEX goc_nested.held_1;
	CREATE UNIQUE INDEX held_2 ON goc_nested.held (k);
END $$;
CREATE TABLE outermost (k int PRIMARY KEY, found int);
CREATE FUNCTION hold() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
	NEW.found := count(*) FROM (
		SELECT (get_or_create(NULL::goc_nested.held, '{"k": 1}')).was_created AS c, CASE i WHEN 1 THEN goc_nested.churn() END
		FROM generate_series(1, 3) i OFFSET 0) calls WHERE NOT c;
	RETURN NEW;
END $$;
CREATE TRIGGER hold BEFORE INSERT ON outermost FOR EACH ROW EXECUTE FUNCTION hold();
SELECT * FROM get_or_create(NULL::outermost, '{"k": 1}');

SET client_min_messages = warning;
DROP SCHEMA goc_nested CASCADE;
DROP ROLE regress_dg_nested;
