-- Makes calls, each beside the model, and notes where the two differ.

CREATE TABLE hostile.result (no integer, func text, outcome text, features text[]);
CREATE TABLE hostile.difference (no integer, rel text, what text, sql text, expected text, actual text);

-- What each function's page says that it may raise.  Classes 22 and 23 stand for
-- what PostgreSQL says of a value and of a new row.
CREATE FUNCTION hostile.documented(func text, state text) RETURNS boolean LANGUAGE sql IMMUTABLE
RETURN state ~ '^(22|23)'
	OR state IN ('42703', '428C9', '42809', '42501', '54000', '54001')
	OR func ~ '^(get|update)' AND state IN ('42704', '42P10', '42883', '21000', '25006', '27000', '55000', '40001', '44000')
	OR func ~ '^try' AND state IN ('25006', '27000', '44000')
	OR func = 'find_conflicts' AND state = '0A000';

CREATE FUNCTION hostile.content(tab text) RETURNS text LANGUAGE plpgsql STRICT AS $$
DECLARE
	content text;
BEGIN
	EXECUTE format('SELECT string_agg(line, E''\n'' ORDER BY line COLLATE "C") FROM (SELECT "~t".tableoid || %s AS line FROM %s AS "~t") AS "~l"',
				   (SELECT mask FROM hostile.rel WHERE rel = tab), tab)
	INTO content;
	RETURN content;
END $$;

CREATE FUNCTION hostile.named(name text, value text) RETURNS text LANGUAGE sql IMMUTABLE
RETURN ', ' || name || ' => ' || quote_literal(value);

-- The statement of a call, and what of its answer is compared.
CREATE FUNCTION hostile.call_sql(c hostile.call) RETURNS text LANGUAGE plpgsql STABLE AS $$
DECLARE
	call text;
	rec text := (SELECT replace(mask, '"~t"', '(g.record)') FROM hostile.rel WHERE rel = c.rel);
BEGIN
	call := format('%s(NULL::%s, %L', c.func, c.rel, c.lookup)
		|| CASE WHEN c.func ~ 'or_create_many' THEN format(', %L::text[]', c.key_columns) ELSE '' END
		|| coalesce(hostile.named('defaults', c.defaults), '') || coalesce(hostile.named('create_defaults', c.create_defaults), '')
		|| coalesce(hostile.named('touch', c.touch), '') || coalesce(hostile.named('arbiter', c.arbiter), '')
		|| coalesce(hostile.named('lock_strength', c.lock_strength), '') || coalesce(', require_unique => ' || c.require_unique::text, '') || ') AS g';
	IF rec IS NULL THEN
		RETURN 'SELECT to_jsonb(g) FROM ' || call;
	END IF;
	RETURN CASE c.func
		WHEN 'get_or_create' THEN format('SELECT jsonb_build_array(%s, g.was_created, false)', rec)
		WHEN 'update_or_create' THEN format('SELECT jsonb_build_array(%s, g.was_created, g.was_updated)', rec)
		WHEN 'try_create' THEN format('SELECT CASE WHEN g.was_created THEN jsonb_build_array(%s, true, NULL) ELSE jsonb_build_array(NULL, false, (g.error).sqlstate, (g.error).message) END', rec)
		WHEN 'get_or_create_many' THEN format('SELECT coalesce(jsonb_agg(jsonb_build_array(%s, g.was_created, false) ORDER BY g.ordinality), ''[]'')', rec)
		WHEN 'update_or_create_many' THEN format('SELECT coalesce(jsonb_agg(jsonb_build_array(%s, g.was_created, g.was_updated) ORDER BY g.ordinality), ''[]'')', rec)
		WHEN 'try_create_many' THEN format('SELECT coalesce(jsonb_agg(CASE WHEN g.was_created THEN jsonb_build_array(%s, true, NULL) ELSE jsonb_build_array(NULL, false, (g.error).sqlstate, (g.error).message) END ORDER BY g.ordinality), ''[]'')', rec)
		ELSE format('SELECT coalesce(jsonb_agg(jsonb_build_array(g.kind, g.constraint_name, CASE WHEN num_nulls(g.record) = 0 THEN %s END)), ''[]'')', rec)
		END || ' FROM ' || call;
END $$;

-- As the call's role, from here to the end of the subtransaction.
CREATE FUNCTION hostile.enter(c hostile.call) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
	IF c.read_only THEN
		SET LOCAL transaction_read_only = on;
	END IF;
	PERFORM set_config('role', coalesce(c.role, 'none'), true);
END $$;

-- Would the transaction fail when it commits?
CREATE FUNCTION hostile.is_refused_later() RETURNS boolean LANGUAGE plpgsql AS $$
BEGIN
	SET CONSTRAINTS ALL IMMEDIATE;
	RAISE SQLSTATE 'UNDO0';
EXCEPTION WHEN SQLSTATE 'UNDO0' THEN
	RETURN false;
WHEN OTHERS THEN
	RETURN true;
END $$;

-- What the model says, and what the table holds then.
CREATE FUNCTION hostile.expect(c hostile.call, base text, one_by_one boolean, OUT o hostile.outcome, OUT after text) LANGUAGE plpgsql AS $$
DECLARE
	before text := hostile.content(base);
BEGIN
	PERFORM hostile.enter(c);
	o := hostile.model(c, one_by_one);
	PERFORM set_config('role', 'none', true);
	after := CASE WHEN o.states IS NULL THEN hostile.content(base) ELSE before END;
	RAISE SQLSTATE 'UNDO0';
EXCEPTION WHEN SQLSTATE 'UNDO0' THEN
	NULL;
END $$;

-- How the call's answer, or its error, and the rows after it differ from that.
CREATE FUNCTION hostile.compare(c hostile.call, o hostile.outcome, expected_after text, state text, message text, actual jsonb, before text, after text)
RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	what text := CASE
		WHEN state IS NOT NULL THEN
			CASE
				WHEN o.states IS NULL OR state <> ALL (o.states) THEN 'another answer'
				WHEN c.func ~ '^try' AND hostile.answers(state, message) THEN 'raised, not answered'
				WHEN NOT hostile.documented(c.func, state) AND hostile.parsed(c) THEN 'not documented'
			END
		WHEN c.func = 'try_create' AND NOT (actual -> 1)::boolean THEN
			CASE
				WHEN o.states IS NULL OR actual ->> 2 <> ALL (o.states) THEN 'another answer'
				WHEN cardinality(o.states) = 1 AND actual ->> 3 <> o.message THEN 'another message'
				WHEN NOT hostile.answers(actual ->> 2, actual ->> 3) THEN 'answered, not raised'
			END
		WHEN o.message = 'any' THEN NULL
		WHEN o.states IS NOT NULL THEN 'another answer'
		WHEN o.answer IS NOT NULL AND NOT hostile.same_answers(c.func, o.answer, actual) THEN 'another answer'
		WHEN o.answer IS NULL AND (actual ->> 0 <> o.rec OR (actual -> 1)::boolean <> o.created OR (actual ->> 2)::boolean <> o.updated) THEN 'another answer'
	END;
BEGIN
	IF what IS NULL AND after IS DISTINCT FROM (CASE WHEN state IS NOT NULL THEN before WHEN o.message = 'any' THEN after ELSE expected_after END) THEN
		what := 'other rows in the table';
	END IF;
	RETURN what;
END $$;

-- Does the view ask with the caller's rights?
CREATE FUNCTION hostile.asks_as_caller(r hostile.rel) RETURNS boolean LANGUAGE sql STABLE
RETURN coalesce((SELECT reloptions @> '{security_invoker=true}' FROM pg_class WHERE oid = r.rel::regclass AND r.kind = 'v'), false);

-- Has the call's role not that right on one of these columns, by default all, or on any?
-- Of a view that asks with his rights, on the table behind it too.
CREATE FUNCTION hostile.lacks(c hostile.call, wanted text, names text[]) RETURNS boolean LANGUAGE sql STABLE
RETURN c.role IS NOT NULL AND EXISTS (
	SELECT FROM hostile.rel AS r, unnest(ARRAY[r.rel, CASE WHEN hostile.asks_as_caller(r) THEN r.base END]) AS tab
	WHERE r.rel = c.rel AND tab IS NOT NULL
		AND (NOT has_any_column_privilege(c.role::name, tab, wanted)
			 -- CASE, since another relation's column is an error, and a plan may ask for it first
			 OR EXISTS (SELECT FROM hostile.col AS k WHERE k.rel = tab AND (names IS NULL OR k.name = ANY (names))
						AND CASE WHEN k.rel = tab THEN NOT has_column_privilege(c.role::name, tab, k.name, wanted) END)));

-- What of rights and policies, as the catalog has them, does not agree with the outcome?
CREATE FUNCTION hostile.misjudged(c hostile.call, state text, actual jsonb) RETURNS text LANGUAGE plpgsql STABLE AS $$
DECLARE
	many boolean := c.func ~ '_many$';
	shown text[] := ARRAY(SELECT name FROM hostile.col AS k WHERE k.rel = c.rel);
	no_usage boolean := c.role IS NOT NULL AND starts_with(c.rel, c.schema) AND NOT has_schema_privilege(c.role::name, c.schema::regnamespace, 'USAGE');
	policies boolean := c.role IS NOT NULL AND EXISTS (SELECT FROM hostile.rel AS r WHERE r.rel = c.rel AND r.rls AND (r.kind <> 'v' OR hostile.asks_as_caller(r)));
	lookup jsonb := (hostile.parse(c.lookup)).obj;
	defaults jsonb := hostile.object((hostile.parse(c.defaults)).obj);
	create_defaults jsonb := hostile.object((hostile.parse(coalesce(c.create_defaults, c.defaults))).obj);
	touch jsonb := hostile.object((hostile.parse(c.touch)).obj);
	e jsonb;
	answer jsonb;
	made text[];
	changed text[];
	refused boolean := false;
BEGIN
	IF state <> '42501' OR many AND (actual = '[]' OR jsonb_typeof(lookup) <> 'array') THEN
		RETURN NULL;
	END IF;
	-- values are converted before rights are looked at
	IF c.func ~ '^try' AND NOT EXISTS (SELECT FROM jsonb_array_elements(CASE WHEN many THEN actual ELSE jsonb_build_array(actual) END) AS a
									   WHERE a ->> 3 IS NULL OR a ->> 3 !~ '^value for domain') AND state IS NULL THEN
		RETURN NULL;
	END IF;
	IF state IS NULL AND (no_usage OR hostile.lacks(c, 'SELECT', shown)) THEN
		RETURN 'read without the right';
	END IF;
	-- what a view hides it may need all the same
	IF no_usage OR hostile.lacks(c, 'SELECT', NULL) OR c.lock_strength IS NOT NULL AND hostile.lacks(c, 'UPDATE', '{}') THEN
		RETURN NULL;
	END IF;
	FOR n IN 0 .. CASE WHEN c.func = 'find_conflicts' THEN -1 WHEN many THEN jsonb_array_length(lookup) - 1 ELSE 0 END LOOP
		e := CASE WHEN many THEN lookup -> n ELSE hostile.object(lookup) END;
		answer := CASE WHEN many THEN actual -> n ELSE actual END;
		made := hostile.keys(hostile.object(e) || create_defaults || touch);
		changed := hostile.keys(CASE WHEN many THEN hostile.object(e) - c.key_columns ELSE defaults END || touch);
		refused := refused OR policies OR hostile.lacks(c, 'INSERT', made) OR c.func ~ '^update' AND hostile.lacks(c, 'UPDATE', changed);
		IF (answer -> 1)::boolean AND hostile.lacks(c, 'INSERT', made) THEN
			RETURN 'created without the right';
		ELSIF c.func ~ '^update' AND (answer ->> 2)::boolean AND hostile.lacks(c, 'UPDATE', changed) THEN
			RETURN 'updated without the right';
		ELSIF c.func ~ '^try' AND answer ->> 2 = '42501' AND NOT policies THEN
			RETURN 'refused without a reason';
		END IF;
	END LOOP;
	RETURN CASE WHEN state = '42501' AND NOT refused THEN 'refused without a reason' END;
END $$;

-- The calls of these numbers, one after the other.
CREATE FUNCTION hostile.run(first integer, last integer) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
	c hostile.call;
	o hostile.outcome;
	base text;
	sql text;
	before text;
	expected record;
	other record;
	actual jsonb;
	state text;
	message text;
	after text;
	what text;
BEGIN
	FOR c IN SELECT * FROM hostile.call WHERE no BETWEEN first AND last ORDER BY no LOOP
		base := (SELECT coalesce(r.base, r.rel) FROM hostile.rel AS r WHERE r.rel = c.rel AND r.kind IN ('r', 'p', 'v'));
		before := hostile.content(base);
		SELECT * INTO expected FROM hostile.expect(c, base, false);
		o := expected.o;
		IF o.message = 'or one by one' THEN
			SELECT * INTO other FROM hostile.expect(c, base, true);
		END IF;

		sql := hostile.call_sql(c);
		state := NULL;
		actual := NULL;
		BEGIN
			PERFORM hostile.enter(c);
			EXECUTE sql INTO actual;
			PERFORM set_config('role', 'none', true);
			after := hostile.content(base);
			IF 'deferrable' = ANY (c.features) AND hostile.is_refused_later() THEN
				RAISE SQLSTATE 'UNDO0';
			END IF;
		EXCEPTION WHEN SQLSTATE 'UNDO0' THEN
			NULL;
		WHEN query_canceled OR OTHERS THEN
			GET STACKED DIAGNOSTICS state = RETURNED_SQLSTATE, message = MESSAGE_TEXT;
			after := hostile.content(base);
		END;

		what := hostile.compare(c, o, expected.after, state, message, actual, before, after);
		IF o.message = 'or one by one' AND what IS NOT NULL THEN
			what := hostile.compare(c, other.o, other.after, state, message, actual, before, after);
		END IF;
		what := coalesce(what, hostile.misjudged(c, state, actual));
		IF what IS NOT NULL THEN
			INSERT INTO hostile.difference
			VALUES (c.no, base, what, sql || format(' -- role %s, %s, read only: %s', c.role, current_setting('transaction_isolation'), c.read_only),
					concat_ws(' ', 'errors ' || o.states::text, o.answer, o.rec, o.created, o.updated, o.message)
					|| E'\nbefore:\n' || coalesce(before, '') || E'\nthen:\n' || coalesce(expected.after, ''),
					coalesce(state || ' ' || message, actual::text) || E'\nthen:\n' || coalesce(after, ''));
		END IF;
		INSERT INTO hostile.result
		VALUES (c.no, c.func,
				CASE WHEN state IS NOT NULL THEN state
					 WHEN jsonb_path_exists(actual, 'strict $[*] ? (@ == true)') AND c.func !~ 'many' THEN CASE WHEN (actual -> 1)::boolean THEN 'created' ELSE 'updated' END
					 WHEN c.func = 'try_create' THEN 'refused'
					 WHEN c.func = 'find_conflicts' THEN CASE WHEN actual = '[]' THEN 'free' ELSE 'conflicts' END
					 WHEN c.func !~ 'many' THEN 'found'
					 WHEN jsonb_path_exists(actual, 'strict $[*] ? (@[1] == true)') THEN 'created'
					 WHEN jsonb_path_exists(actual, 'strict $[*] ? (@[2] == true)') THEN 'updated'
					 WHEN actual = '[]' THEN 'nothing'
					 WHEN c.func = 'try_create_many' THEN 'refused'
					 ELSE 'found' END,
				c.features || CASE WHEN c.func = 'find_conflicts' AND state IS NULL THEN ARRAY(SELECT DISTINCT one ->> 0 FROM jsonb_array_elements(actual) AS one) END);
	END LOOP;
END $$;

-- Were all the arguments JSON?
CREATE FUNCTION hostile.parsed(c hostile.call) RETURNS boolean LANGUAGE sql
RETURN (SELECT bool_and(states = '{}') FROM unnest(ARRAY[c.lookup, c.defaults, c.create_defaults, c.touch]) AS arg, hostile.parse(arg));

-- Conflicts in any order; a message only where the model knows it.
CREATE FUNCTION hostile.same_answers(func text, expected jsonb, actual jsonb) RETURNS boolean LANGUAGE sql IMMUTABLE
RETURN CASE func
	WHEN 'find_conflicts' THEN expected = (SELECT coalesce(jsonb_agg(a ORDER BY a), '[]') FROM jsonb_array_elements(actual) AS a)
	WHEN 'try_create_many' THEN jsonb_array_length(expected) = jsonb_array_length(actual)
		AND (SELECT coalesce(bool_and(CASE WHEN e -> 3 = 'null' THEN e - 3 = a - 3 ELSE e - 3 IS NOT DISTINCT FROM a - 3 AND e ->> 3 IS NOT DISTINCT FROM a ->> 3 END), true)
			 FROM ROWS FROM (jsonb_array_elements(expected), jsonb_array_elements(actual)) AS both_of(e, a))
	ELSE expected = actual END;
