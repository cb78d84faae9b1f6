--
-- The functions for many against a loop of the single ones: random batches for
-- tables of all kinds, each batch done in both ways from the same state.  The
-- answers and what the table holds afterwards must be equal, or both must fail.
--
\getenv abs_srcdir PG_ABS_SRCDIR
\i :abs_srcdir/sql/include/setup.sql
CREATE SCHEMA many_differential;
SET search_path = many_differential, public;

CREATE TABLE plain (k text PRIMARY KEY, v int DEFAULT 5 CHECK (v <> 13), w numeric DEFAULT 1.5, touched int);
CREATE TABLE pairs (k text, k2 int, v int DEFAULT 5, w numeric, touched int, UNIQUE NULLS NOT DISTINCT (k2, k));
CREATE TABLE lowered (k text, v int NOT NULL DEFAULT 5, w numeric DEFAULT 0, touched int);
CREATE UNIQUE INDEX ON lowered (lower(k));
CREATE TABLE partial (k text, v int DEFAULT 5, w numeric, touched int, gone boolean DEFAULT false);
CREATE UNIQUE INDEX ON partial (k) WHERE NOT gone;
CREATE TABLE parted (k text PRIMARY KEY, v int DEFAULT 5, w numeric DEFAULT 2.50, touched int,
	g text GENERATED ALWAYS AS (upper(k)) STORED) PARTITION BY LIST (k);
CREATE TABLE parted_a PARTITION OF parted FOR VALUES IN ('a', 'A', 'b', 'B');
CREATE TABLE parted_rest PARTITION OF parted DEFAULT;
CREATE DOMAIN small AS int CHECK (VALUE < 100) DEFAULT 9;
CREATE TABLE domains (k varchar(3) UNIQUE, v small, w numeric(6, 2), touched int);
CREATE VIEW shown AS SELECT k, v, w, touched FROM plain;
CREATE TABLE amounts (k numeric PRIMARY KEY, v int, w numeric, touched int);
CREATE TABLE other_unique (k text PRIMARY KEY, v int DEFAULT NULL, w numeric UNIQUE, touched int);
CREATE TABLE residual (k text PRIMARY KEY, k2 int, v int DEFAULT 5, w numeric, touched int);
CREATE TABLE changed (k text PRIMARY KEY, v int DEFAULT 5, w numeric, touched int);
CREATE TABLE moved (k text PRIMARY KEY, v int DEFAULT 5, w numeric, touched int);
CREATE FUNCTION change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
	IF TG_TABLE_NAME = 'moved' THEN
		NEW.k := upper(NEW.k);
	ELSIF NEW.v = 7 THEN
		RETURN NULL;
	END IF;
	NEW.w := abs(NEW.w);
	RETURN NEW;
END $$;
CREATE TRIGGER change BEFORE INSERT OR UPDATE ON changed FOR EACH ROW EXECUTE FUNCTION change();
CREATE TRIGGER change BEFORE INSERT ON moved FOR EACH ROW EXECUTE FUNCTION change();

-- A batch: few keys, so that they repeat; each element names what it likes; now
-- and then something that cannot be written.
CREATE FUNCTION batch(keys text[], pool jsonb[], bad float8) RETURNS jsonb LANGUAGE sql VOLATILE AS $$
	SELECT coalesce(jsonb_agg(
		jsonb_build_object('k', pool[1 + floor(random() * cardinality(pool))])
		|| CASE WHEN 'k2' = ANY (keys) THEN jsonb_build_object('k2', nullif(floor(random() * 3), 0)) ELSE '{}' END
		|| CASE WHEN random() < 0.5 THEN jsonb_build_object('v', CASE WHEN random() < bad THEN '13' WHEN random() < bad THEN '"x"'
			WHEN random() < bad THEN '7' WHEN random() < bad THEN '100' WHEN random() < 0.1 THEN 'null' ELSE to_jsonb(floor(random() * 4)) END) ELSE '{}' END
		|| CASE WHEN random() < 0.5 THEN jsonb_build_object('w', ('[1, 1.0, -1, 2.00, null, 3]'::jsonb) -> floor(random() * 6)::int) ELSE '{}' END
		|| CASE WHEN random() < bad THEN '{"nothing": 1}'::jsonb ELSE '{}' END), '[]')
	FROM generate_series(1, floor(random() * 12)::int)
$$;

-- One element by the single function.
CREATE FUNCTION single(verb text, tab regclass, element jsonb, keys text[]) RETURNS jsonb LANGUAGE plpgsql AS $$
DECLARE
	lookup jsonb := (SELECT jsonb_object_agg(e.key, e.value) FROM jsonb_each(element) AS e WHERE e.key = ANY (keys));
	answer jsonb;
BEGIN
	EXECUTE CASE verb
		WHEN 'get_or_create' THEN format('SELECT jsonb_build_array(g.record::text, g.was_created) FROM get_or_create(NULL::%s, $1, $2) AS g', tab)
		WHEN 'update_or_create' THEN format('SELECT jsonb_build_array(g.record::text, g.was_created, g.was_updated) FROM update_or_create(NULL::%s, $1, $2, touch => $4) AS g', tab)
		ELSE format('SELECT jsonb_build_array(g.record::text, g.was_created, (g.error).kind, (g.error).constraint_name, (g.error).key_values) FROM try_create(NULL::%s, $3) AS g', tab)
		END
	INTO answer USING lookup, element - keys, element, '{"touched": 1}'::jsonb;
	RETURN answer;
END $$;

-- All by the function for many.
CREATE FUNCTION many(verb text, tab regclass, elements jsonb, keys text[]) RETURNS SETOF jsonb LANGUAGE plpgsql AS $$
BEGIN
	RETURN QUERY EXECUTE CASE verb
		WHEN 'get_or_create' THEN format('SELECT jsonb_build_array(g.record::text, g.was_created) FROM get_or_create_many(NULL::%s, $1, $2) AS g ORDER BY g.ordinality', tab)
		WHEN 'update_or_create' THEN format('SELECT jsonb_build_array(g.record::text, g.was_created, g.was_updated) FROM update_or_create_many(NULL::%s, $1, $2, $3) AS g ORDER BY g.ordinality', tab)
		ELSE format('SELECT jsonb_build_array(g.record::text, g.was_created, (g.error).kind, (g.error).constraint_name, (g.error).key_values) FROM try_create_many(NULL::%s, $1) AS g ORDER BY g.ordinality', tab)
		END
	USING elements, keys, '{"touched": 1}'::jsonb;
END $$;

-- The answers, and what the table holds then; undone again if so told.
CREATE FUNCTION outcome(at_once boolean, undo boolean, verb text, tab regclass, elements jsonb, keys text[],
	OUT answers jsonb, OUT content text, OUT failed text) LANGUAGE plpgsql AS $$
BEGIN
	answers := '[]';
	IF at_once THEN
		answers := (SELECT coalesce(jsonb_agg(m), '[]') FROM many(verb, tab, elements, keys) AS m);
	ELSE
		FOR i IN 0 .. jsonb_array_length(elements) - 1 LOOP
			answers := answers || jsonb_build_array(single(verb, tab, elements -> i, keys));
		END LOOP;
	END IF;
	EXECUTE format('SELECT string_agg(t::text, %L ORDER BY t::text COLLATE "C") FROM %s AS t', ' ', tab) INTO content;
	IF undo THEN
		RAISE SQLSTATE 'UNDO0';
	END IF;
EXCEPTION
	WHEN SQLSTATE 'UNDO0' THEN
		NULL;
	WHEN OTHERS THEN
		answers := NULL;
		failed := SQLERRM;
END $$;

CREATE TABLE tally (verb text, tab regclass, answered boolean, created boolean, repeated boolean);
CREATE FUNCTION compare(rounds int) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
	letters jsonb[] := '{"\"a\"", "\"A\"", "\"b\"", "\"B\"", "\"cc\"", "\"d\"", "\"toolong\"", "null"}';
	numbers jsonb[] := '{"1", "1.0", "\"1.00\"", "2", "-0.0", "0", "\"NaN\"", "1e1"}';
	kind record;
	elements jsonb;
	one record;
	all_at_once record;
BEGIN
	FOR round IN 1 .. rounds LOOP
		PERFORM setseed(round / 10000.0);
		FOR kind IN SELECT tab::regclass, keys::text[], verb
			FROM (VALUES ('plain', '{k}'), ('pairs', '{k,k2}'), ('lowered', '{k}'), ('partial', '{k}'), ('parted', '{k}'), ('domains', '{k}'),
				('shown', '{k}'), ('amounts', '{k}'), ('other_unique', '{k}'), ('residual', '{k,k2}'), ('changed', '{k}'), ('moved', '{k}')) AS t(tab, keys),
				 unnest('{get_or_create,update_or_create,try_create}'::text[]) AS verb
			WHERE (tab, verb) <> ('other_unique', 'update_or_create')
		LOOP
			elements := batch(kind.keys, CASE kind.tab::text WHEN 'amounts' THEN numbers ELSE letters[:6 + (random() < 0.2)::int * 2] END, (random() < 0.2)::int * 0.05);
			all_at_once := outcome(true, true, kind.verb, kind.tab, elements, kind.keys);
			one := outcome(false, false, kind.verb, kind.tab, elements, kind.keys);
			IF (one.failed IS NULL) <> (all_at_once.failed IS NULL) OR one.answers IS DISTINCT FROM all_at_once.answers
				OR one.failed IS NULL AND one.content IS DISTINCT FROM all_at_once.content THEN
				RAISE WARNING E'% of %, round %: %\n  one by one: %\n  at once:    %', kind.verb, kind.tab, round, elements, one, all_at_once;
			END IF;
			INSERT INTO tally VALUES (kind.verb, kind.tab, one.failed IS NULL,
				jsonb_path_exists(one.answers, 'strict $[*] ? (@[1] == true)'),
				(SELECT count(*) > count(DISTINCT e -> 'k') FROM jsonb_array_elements(elements) AS e));
			IF random() < 0.5 THEN
				EXECUTE format('DELETE FROM %s WHERE random() < 0.7', kind.tab);
			END IF;
		END LOOP;
	END LOOP;
END $$;
SELECT compare(40);

-- All that was to be compared has been: batches that succeed and fail, that
-- create, that repeat keys.
SELECT verb, count(DISTINCT tab) AS tables, bool_and(answered > 5) AS answered, bool_and(created > 5) AS created, sum(repeated) > 5 AS repeated, sum(failed) > 0 AS failed
FROM (SELECT verb, tab, count(*) FILTER (WHERE answered) AS answered, count(*) FILTER (WHERE created) AS created,
		count(*) FILTER (WHERE answered AND repeated) AS repeated, count(*) FILTER (WHERE NOT answered) AS failed
	  FROM tally GROUP BY 1, 2) AS t
GROUP BY verb ORDER BY verb;

SET client_min_messages = warning;
DROP SCHEMA many_differential CASCADE;
