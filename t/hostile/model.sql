-- A slow model of the functions, in plain SQL: what they may answer.
--
-- It looks with SELECT ... WHERE and creates with a plain INSERT.  All of it runs with
-- the rights of the role that the call has; harness.sql undoes what it writes.
-- What the tables and indexes are it is told by the generator, which wrote them.
--
-- Names that begin with a tilde are in no generated table.

CREATE SCHEMA hostile;
CREATE TABLE hostile.rel (
	rel		text PRIMARY KEY,	-- qualified, as in SQL
	base	text,				-- where its rows are, if it is a view
	kind	text,				-- relkind
	rls		boolean,
	mask	text				-- a row "~t" as text, without values of sequences
);
CREATE TABLE hostile.col (
	rel		text,
	num		integer,
	name	text,
	type	text,
	below	text,				-- its type below the domain
	coll	text,				-- COLLATE ..., or empty
	formula	text,				-- of a generated column
	bytes	boolean,			-- bytea, or a domain over it
	equals	boolean,			-- has its type a default equality?
	PRIMARY KEY (rel, num)
);
CREATE TABLE hostile.idx (		-- the unique ones
	rel		text,
	name	text,
	keys	text[],				-- expressions
	colls	text[],				-- COLLATE ... for each key, or empty
	columns	text[],				-- those that a lookup must name
	predicate text,
	predicate_columns text[],
	primary_key boolean,
	expressions boolean,
	is_deferrable boolean,
	nulls_equal boolean,
	declared text				-- the name in errors: that which the partitioned table has for it
);

CREATE TABLE hostile.call (
	no		integer PRIMARY KEY,
	schema	text,
	rel		text,
	func	text,
	lookup	text,				-- or candidate, or rows
	defaults text,
	create_defaults text,
	touch	text,
	key_columns text[],
	arbiter	text,
	lock_strength text,
	require_unique boolean,
	role	text,
	read_only boolean,
	features text[]				-- of the table and of the values, to count them
);

-- What may come of a call: these errors; or, where states is NULL, this answer.
CREATE TYPE hostile.outcome AS (
	states	text[],
	rec		text,
	created	boolean,
	updated	boolean,
	answer	jsonb,				-- of a call for many
	message	text				-- of the error that try_create answers with; or "any" answer will do
);

CREATE FUNCTION hostile.error(VARIADIC states text[]) RETURNS hostile.outcome LANGUAGE sql IMMUTABLE
RETURN ROW(array_remove(states, NULL), NULL, NULL, NULL, NULL, NULL)::hostile.outcome;

CREATE FUNCTION hostile.keys(obj jsonb) RETURNS text[] LANGUAGE plpgsql STABLE AS $$
BEGIN
	RETURN ARRAY(SELECT jsonb_object_keys(obj));
END $$;

-- The argument as jsonb: what PostgreSQL's own cast says to it.
CREATE FUNCTION hostile.parse(arg text, OUT obj jsonb, OUT states text[]) LANGUAGE plpgsql AS $$
BEGIN
	states := '{}';
	obj := arg::jsonb;
EXCEPTION WHEN OTHERS THEN
	states := ARRAY[SQLSTATE];
END $$;

-- What is wrong with an argument that has to be an object: the argument, then names.
CREATE FUNCTION hostile.object_states(tab text, obj jsonb, optional boolean) RETURNS text[] LANGUAGE plpgsql STABLE AS $$
BEGIN
	IF obj IS NULL THEN
		RETURN CASE WHEN optional THEN '{}'::text[] ELSE '{22004}' END;
	END IF;
	IF jsonb_typeof(obj) <> 'object' THEN
		RETURN CASE WHEN optional AND obj = '[]' THEN '{}'::text[] ELSE '{22023}' END;
	END IF;
	IF obj = '{}' AND NOT optional THEN
		RETURN '{22023}';
	END IF;
	RETURN ARRAY(
		SELECT DISTINCT CASE WHEN c.name IS NULL THEN '42703' ELSE '428C9' END
		FROM jsonb_object_keys(obj) AS k LEFT JOIN hostile.col AS c ON c.rel = tab AND c.name = k
		WHERE c.name IS NULL OR c.formula IS NOT NULL);
END $$;

-- NULL and [] mean {}.
CREATE FUNCTION hostile.object(obj jsonb) RETURNS jsonb LANGUAGE sql IMMUTABLE
RETURN CASE WHEN jsonb_typeof(obj) = 'object' THEN obj ELSE '{}' END;

-- The columns of an object with their types, as jsonb_to_record has them; or with
-- those below domains.
CREATE FUNCTION hostile.typed(tab text, names text[], below_domains boolean DEFAULT false) RETURNS text LANGUAGE plpgsql STABLE AS $$
BEGIN
	RETURN (SELECT string_agg(format('%I %s %s', name, CASE WHEN below_domains THEN below ELSE type END, coll), ', ' ORDER BY num)
			FROM hostile.col WHERE rel = tab AND name = ANY (names));
END $$;

-- A SELECT of an object, mostly a parameter, as a row of the table, in which the
-- columns that it does not name are NULL, and generated ones computed.
CREATE FUNCTION hostile.row_sql(tab text, names text[], obj text) RETURNS text LANGUAGE plpgsql STABLE AS $$
BEGIN
	RETURN (
		SELECT format('SELECT "~g".*%s FROM (SELECT %s%s) AS "~g"',
					  string_agg(format(', (%s) AS %I', formula, name), '') FILTER (WHERE formula IS NOT NULL),
					  string_agg(CASE WHEN name = ANY (names) THEN format('"~x".%I', name)
									  ELSE format('NULL::%s %s AS %I', type, coll, name) END, ', ' ORDER BY num)
					  FILTER (WHERE formula IS NULL),
					  ' FROM jsonb_to_record(' || obj || ') AS "~x"(' || hostile.typed(tab, names) || ')')
		FROM hostile.col WHERE rel = tab);
END $$;

-- The errors that the values have; of each column that has one, since which of them
-- is met first is not laid down.
CREATE FUNCTION hostile.value_states(tab text, obj jsonb, below_domains boolean DEFAULT false) RETURNS text[] LANGUAGE plpgsql STABLE AS $$
DECLARE
	names text[] := hostile.keys(obj);
	states text[];
	c record;
BEGIN
	states := ARRAY(
		SELECT '22P02' FROM hostile.col, jsonb_each(obj) AS e
		WHERE rel = tab AND name = e.key AND bytes AND e.value <> 'null'
			  AND NOT (jsonb_typeof(e.value) = 'string' AND starts_with(e.value #>> '{}', '\x')));
	IF names = '{}' THEN
		RETURN '{}';
	END IF;
	BEGIN
		EXECUTE format('SELECT FROM jsonb_to_record($1) AS "~x"(%s)', hostile.typed(tab, names, below_domains)) USING obj;
		RETURN states;
	EXCEPTION WHEN OTHERS THEN
		NULL;
	END;
	FOR c IN SELECT name FROM hostile.col WHERE rel = tab AND name = ANY (names) LOOP
		BEGIN
			EXECUTE format('SELECT FROM jsonb_to_record($1) AS "~x"(%s)', hostile.typed(tab, ARRAY[c.name], below_domains)) USING obj;
		EXCEPTION WHEN OTHERS THEN
			states := states || SQLSTATE::text;
		END;
	END LOOP;
	RETURN states;
END $$;

-- Does the index decide on that lookup?  Expressions are evaluated on it, in rows
-- inside the predicate.
CREATE FUNCTION hostile.serves(i hostile.idx, lookup jsonb) RETURNS boolean LANGUAGE plpgsql AS $$
DECLARE
	names text[] := hostile.keys(lookup);
	inside boolean := true;
	nulls integer;
BEGIN
	IF i.is_deferrable OR NOT i.columns <@ names THEN
		RETURN false;
	END IF;
	IF i.predicate IS NOT NULL AND i.predicate_columns <@ names THEN
		EXECUTE format('SELECT (%s) IS TRUE FROM (%s) AS "~q"', i.predicate, hostile.row_sql(i.rel, names, '$1')) INTO inside USING lookup;
		IF NOT inside THEN
			RETURN false;
		END IF;
	END IF;
	EXECUTE format('SELECT num_nulls(%s) FROM (%s) AS "~q"', array_to_string(i.keys, ', '), hostile.row_sql(i.rel, names, '$1')) INTO nulls USING lookup;
	RETURN nulls = 0 OR i.nulls_equal;
END $$;

-- The arbiter, in the order of preference of doc/get_or_create.md.
CREATE FUNCTION hostile.choose(tab text, lookup jsonb, arbiter text, OUT i hostile.idx, OUT states text[]) LANGUAGE plpgsql AS $$
DECLARE
	names text[] := hostile.keys(lookup);
	one hostile.idx;
BEGIN
	IF arbiter IS NOT NULL THEN
		SELECT * INTO one FROM hostile.idx AS x WHERE x.rel = tab AND x.name = arbiter;
		IF FOUND AND hostile.serves(one, lookup) THEN
			i := one;
		ELSIF EXISTS (SELECT FROM pg_index AS x JOIN pg_class AS c ON c.oid = x.indexrelid WHERE indrelid = tab::regclass AND relname::text = arbiter)
			OR EXISTS (SELECT FROM pg_constraint WHERE conrelid = tab::regclass AND conname::text = arbiter) THEN
			states := '{42P10}';
		ELSE
			states := '{42704}';
		END IF;
		RETURN;
	END IF;
	FOR one IN
		SELECT * FROM hostile.idx AS x WHERE x.rel = tab
		ORDER BY x.predicate IS NULL DESC, names <@ x.columns DESC, primary_key DESC, expressions, cardinality(columns), name COLLATE "C"
	LOOP
		CONTINUE WHEN NOT hostile.serves(one, lookup);
		IF one.predicate IS NULL THEN
			i := one;
			RETURN;
		END IF;
		IF i.name IS NOT NULL THEN	-- a partial one only if it is the only candidate
			i := NULL;
			RETURN;
		END IF;
		i := one;
	END LOOP;
EXCEPTION WHEN OTHERS THEN
	states := ARRAY[SQLSTATE];
END $$;

-- Equal as the key has it, or both NULL.
CREATE FUNCTION hostile.equal_sql(a text, b text, coll text) RETURNS text LANGUAGE sql IMMUTABLE
RETURN format('(((%s) %s = %s) IS TRUE OR num_nulls(%1$s, %3$s) = 2)', a, coll, b);

-- The condition for rows "~t" of the lookup "~c": the index's keys in rows inside of
-- its predicate, and nothing of a row outside; or all columns of the lookup.
CREATE FUNCTION hostile.where_sql(tab text, i hostile.idx, names text[]) RETURNS text LANGUAGE plpgsql STABLE AS $$
BEGIN
	RETURN CASE WHEN i.name IS NULL THEN
		(SELECT string_agg(hostile.equal_sql(format('"~t".%I', name), format('"~c".%I', name), ''), ' AND ') FROM unnest(names) AS name)
	ELSE format('CASE WHEN (SELECT (%s) FROM (SELECT "~t".*) AS "~p") THEN (SELECT %s FROM (SELECT "~t".*) AS "~k", LATERAL (SELECT %s FROM (SELECT "~c".*) AS "~kc") AS "~v") END',
		coalesce(i.predicate, 'true'),
		(SELECT string_agg(hostile.equal_sql(k, format('"~v"."~%s"', n), c), ' AND ') FROM unnest(i.keys, i.colls) WITH ORDINALITY AS u(k, c, n)),
		(SELECT string_agg(format('(%s) AS "~%s"', k, n), ', ') FROM unnest(i.keys) WITH ORDINALITY AS u(k, n)))
	END;
END $$;

-- Inserts an object.
CREATE FUNCTION hostile.insert(tab text, i hostile.idx, obj jsonb, conflict text, OUT rec text, OUT admitted boolean, OUT n integer) LANGUAGE plpgsql AS $$
DECLARE
	names text := (SELECT string_agg(quote_ident(name), ', ' ORDER BY num) FROM hostile.col WHERE rel = tab AND name = ANY (hostile.keys(obj)));
BEGIN
	EXECUTE format('INSERT INTO %s AS "~t" %s %s RETURNING %s, %s', tab,
				   CASE WHEN names IS NULL THEN 'DEFAULT VALUES' ELSE format('(%s) SELECT %1$s FROM jsonb_to_record($1) AS "~x"(%s)', names, hostile.typed(tab, hostile.keys(obj))) END,
				   conflict, (SELECT mask FROM hostile.rel WHERE rel = tab),
				   coalesce('(SELECT (' || i.predicate || ') IS TRUE FROM (SELECT "~t".*) AS "~p")', 'true'))
	INTO rec, admitted USING obj;
	GET DIAGNOSTICS n = ROW_COUNT;
END $$;

-- get_or_create and update_or_create of arguments in which there is nothing wrong
-- with the names.
CREATE FUNCTION hostile.one(tab text, lookup jsonb, defaults jsonb, create_defaults jsonb, touch jsonb, arbiter text, lock text, guarded boolean, updates boolean)
RETURNS hostile.outcome LANGUAGE plpgsql AS $$
DECLARE
	r hostile.rel := (SELECT x FROM hostile.rel AS x WHERE x.rel = tab);
	names text[] := hostile.keys(lookup);
	new_row jsonb := lookup || create_defaults || touch;
	from_sql text;
	where_sql text;
	look_sql text;
	n bigint;
	states text[];
	i hostile.idx;
	residual text;
	found boolean;
	differs boolean;
	creating boolean := false;
	equal boolean;
	rec text;
	made record;
BEGIN
	states := hostile.value_states(tab, lookup);
	IF states <> '{}' THEN
		RETURN hostile.error(VARIADIC states);
	END IF;

	-- who decides
	IF r.kind = 'v' THEN
		IF arbiter IS NOT NULL THEN
			RETURN hostile.error('42704');
		END IF;
	ELSE
		SELECT * INTO made FROM hostile.choose(tab, lookup, arbiter);
		i := made.i;
		states := made.states;
		IF states IS NOT NULL THEN
			RETURN hostile.error(VARIADIC states);
		ELSIF i.name IS NULL AND guarded THEN
			RETURN hostile.error('42P10');
		END IF;
		IF i.name IS NOT NULL AND EXISTS (SELECT FROM hostile.col AS c WHERE c.rel = tab AND c.name = ANY (names) AND c.name <> ALL (i.columns) AND NOT c.equals) THEN
			RETURN hostile.error('42883');
		END IF;
	END IF;

	-- look
	from_sql := format('%s AS "~t", (%s) AS "~c"', tab, hostile.row_sql(tab, names, '$1'));
	where_sql := hostile.where_sql(tab, i, names);
	IF i.name IS NOT NULL THEN
		residual := (SELECT string_agg(hostile.equal_sql(format('"~t".%I', name), format('"~c".%I', name), ''), ' AND ')
					 FROM unnest(names) AS name WHERE name <> ALL (i.columns));
	END IF;
	look_sql := format('SELECT %s AS m, %s AS r FROM %s WHERE %s', r.mask, coalesce(residual, 'true'), from_sql, where_sql);
	-- Where rows can move to another partition they are looked up before they are locked.
	IF lock IS NOT NULL AND current_setting('transaction_isolation') = 'read committed'
		AND (r.kind IN ('p', 'v') OR (SELECT relispartition FROM pg_class WHERE oid = tab::regclass)) THEN
		EXECUTE format('SELECT count(*) FROM (%s) AS "~s"', look_sql) INTO n USING lookup;
		IF n > 1 THEN
			RETURN hostile.error('21000');
		ELSIF n = 0 THEN
			lock := NULL;
		END IF;
	END IF;
	FOR made IN EXECUTE look_sql || coalesce(' FOR ' || lock || ' OF "~t"', '') USING lookup LOOP
		IF rec IS NOT NULL THEN
			RETURN hostile.error('21000');
		END IF;
		rec := made.m;
		equal := made.r;
	END LOOP;
	IF rec IS NOT NULL THEN
		IF NOT equal THEN
			RETURN hostile.error('23505');
		END IF;
		IF NOT updates THEN
			RETURN ROW(NULL, rec, false, false, NULL, NULL)::hostile.outcome;
		END IF;

		-- does it differ, as far as one can see it?
		states := hostile.value_states(tab, defaults);
		IF states <> '{}' THEN
			RETURN hostile.error(VARIADIC states);
		END IF;
		EXECUTE format('SELECT %s FROM %s, (%s) AS "~d" WHERE %s',
					   (SELECT coalesce(string_agg(format('ROW("~t".%I)::text <> ROW("~d".%1$I)::text', name), ' OR '), 'false') FROM unnest(hostile.keys(defaults)) AS name),
					   from_sql, hostile.row_sql(tab, hostile.keys(defaults), '$2'), where_sql)
		INTO differs USING lookup, defaults;
		IF NOT differs THEN
			RETURN ROW(NULL, rec, false, false, NULL, NULL)::hostile.outcome;
		END IF;
		IF current_setting('transaction_read_only')::boolean THEN
			RETURN hostile.error('25006');
		END IF;
		states := hostile.value_states(tab, touch);
		IF states <> '{}' THEN
			RETURN hostile.error(VARIADIC states);
		END IF;
		EXECUTE format('SELECT true FROM %s WHERE %s FOR NO KEY UPDATE OF "~t"', from_sql, where_sql) INTO found USING lookup;
		IF found IS NULL THEN
			RETURN hostile.error(CASE WHEN r.rls THEN '42501' ELSE 'impossible' END);
		END IF;
		EXECUTE format('UPDATE %s AS "~t" SET %s FROM (%s) AS "~c", (%s) AS "~d" WHERE %s RETURNING %s', tab,
					   (SELECT string_agg(format('%I = "~d".%1$I', name), ', ') FROM unnest(hostile.keys(defaults || touch)) AS name),
					   hostile.row_sql(tab, names, '$1'), hostile.row_sql(tab, hostile.keys(defaults || touch), '$2'), where_sql, r.mask)
		INTO rec USING lookup, defaults || touch;
		IF rec IS NULL THEN
			RETURN hostile.error('27000');
		END IF;
		RETURN ROW(NULL, rec, false, true, NULL, NULL)::hostile.outcome;
	END IF;

	-- create; but not beside a row that one may see and not lock
	IF NOT guarded AND i.name IS NULL AND lock IS NOT NULL THEN
		EXECUTE format('SELECT count(*) FROM (%s) AS "~s"', look_sql) INTO n USING lookup;
		IF n > 0 THEN
			RETURN hostile.error(CASE WHEN n > 1 THEN '21000' ELSE '42501' END);
		END IF;
	END IF;
	creating := true;
	IF current_setting('transaction_read_only')::boolean THEN
		RETURN hostile.error('25006');
	END IF;
	states := hostile.value_states(tab, create_defaults || touch);
	IF states <> '{}' THEN
		RETURN hostile.error(VARIADIC states);
	END IF;
	IF r.kind = 'v' AND guarded THEN
		-- which index a view's lookup columns mean is for PostgreSQL to say
		SELECT * INTO made FROM hostile.insert(tab, i, new_row, (SELECT format('ON CONFLICT (%s) DO NOTHING', string_agg(quote_ident(name), ', ')) FROM unnest(names) AS name));
		IF made.n = 0 THEN
			SELECT * INTO made FROM hostile.insert(tab, i, new_row, '');
		END IF;
	ELSE
		SELECT * INTO made FROM hostile.insert(tab, i, new_row, '');
		-- ON CONFLICT finds a deferrable constraint with the arbiter's keys as well.
		-- It does so before the row could be refused by another index or a foreign key.
		IF hostile.meets_deferrable(i) AND made.n > 0 THEN
			RETURN hostile.error('55000');
		END IF;
	END IF;
	IF made.n = 0 THEN
		RETURN hostile.error('27000');
	ELSIF NOT made.admitted THEN
		RETURN hostile.error('22023');
	END IF;
	RETURN ROW(NULL, made.rec, true, false, NULL, NULL)::hostile.outcome;
EXCEPTION WHEN OTHERS THEN
	IF creating AND hostile.meets_deferrable(i) AND SQLSTATE ~ '^(23505|23503|22|54)' THEN
		-- unless the arbiter comes first, and has a row that the look did not see; or
		-- an expression, of a generated column or of an index, or a key too long for one
		RETURN hostile.error('55000', NULLIF(SQLSTATE, '23503'));
	END IF;
	RETURN hostile.error(SQLSTATE);
END $$;

CREATE FUNCTION hostile.meets_deferrable(i hostile.idx) RETURNS boolean LANGUAGE plpgsql STABLE AS $$
BEGIN
	RETURN EXISTS (
		SELECT FROM hostile.idx AS d
		WHERE d.rel = i.rel AND d.is_deferrable AND d.keys @> i.keys AND d.keys <@ i.keys
			  AND (SELECT bool_and(EXISTS (SELECT FROM unnest(i.keys, i.colls) AS o(k, c) WHERE o.k = u.k AND o.c = u.c)) FROM unnest(d.keys, d.colls) AS u(k, c)));
END $$;

-- try_create, likewise.  States that are answers are told from others by the harness.
CREATE FUNCTION hostile.try(tab text, candidate jsonb) RETURNS hostile.outcome LANGUAGE plpgsql AS $$
DECLARE
	states text[] := hostile.value_states(tab, candidate);
	made record;
BEGIN
	IF states <> '{}' THEN
		RETURN hostile.error(VARIADIC states);
	END IF;
	SELECT * INTO made FROM hostile.insert(tab, NULL, candidate, '');
	IF made.n = 0 THEN
		RETURN hostile.error('27000');
	END IF;
	RETURN ROW(NULL, made.rec, true, NULL, NULL, NULL)::hostile.outcome;
EXCEPTION WHEN OTHERS THEN
	-- For a view, PostgreSQL looks at rights when it plans, and at whether the
	-- transaction is read-only when it executes; a plan may be older than the call.
	RETURN ROW(ARRAY[SQLSTATE] || CASE WHEN SQLSTATE = '42501' AND current_setting('transaction_read_only')::boolean THEN '{25006}'::text[] END,
			   NULL, NULL, NULL, NULL, SQLERRM)::hostile.outcome;
END $$;

-- Is such an error an answer of try_create?  42501 is when row security refuses the row.
CREATE FUNCTION hostile.answers(state text, message text) RETURNS boolean LANGUAGE sql IMMUTABLE
RETURN state ~ '^23' OR state = '44000' OR (state = '42501' AND message ~ 'row-level security');

-- What is wrong with the arguments of a call for many, before any value is looked at.
CREATE FUNCTION hostile.many_states(tab text, elements jsonb, key_columns text[], touch jsonb, keyed boolean) RETURNS text[] LANGUAGE plpgsql STABLE AS $$
DECLARE
	states text[] := '{}';
	e jsonb;
BEGIN
	IF keyed THEN
		IF key_columns IS NULL THEN
			RETURN '{22004}';
		END IF;
		IF cardinality(key_columns) = 0 OR array_ndims(key_columns) > 1 OR array_position(key_columns, NULL) IS NOT NULL
			OR cardinality(key_columns) > (SELECT count(DISTINCT k COLLATE "C") FROM unnest(key_columns) AS k) THEN
			states := states || '22023'::text;
		END IF;
		states := states || hostile.object_states(tab, (SELECT jsonb_object_agg(k, 1) FROM unnest(key_columns) AS k WHERE k IS NOT NULL), true)
						 || hostile.object_states(tab, touch, true);
		IF hostile.keys(hostile.object(touch)) && key_columns THEN
			states := states || '22023'::text;
		END IF;
	END IF;
	IF jsonb_typeof(elements) <> 'array' THEN
		RETURN states || '22023'::text;
	END IF;
	FOR e IN SELECT * FROM jsonb_array_elements(elements) LOOP
		IF jsonb_typeof(e) <> 'object' OR keyed AND NOT key_columns <@ hostile.keys(e) OR keyed AND hostile.keys(hostile.object(touch)) && hostile.keys(e) THEN
			states := states || '22023'::text;
		END IF;
		states := states || hostile.object_states(tab, hostile.object(e), true);
	END LOOP;
	RETURN states;
END $$;

-- What update_or_create finds by the key alone, where the lookup names more than that.
CREATE FUNCTION hostile.without_rest(tab text, lookup jsonb, rest jsonb, touch jsonb, arbiter text) RETURNS hostile.outcome LANGUAGE plpgsql AS $$
DECLARE
	i record;
BEGIN
	SELECT * INTO i FROM hostile.choose(tab, lookup, arbiter);
	IF (i.i).name IS NULL THEN
		RETURN NULL;
	END IF;
	RETURN hostile.one(tab, (SELECT jsonb_object_agg(key, value) FROM jsonb_each(lookup) WHERE key = ANY ((i.i).columns || (i.i).predicate_columns)),
					   rest, rest, touch, (i.i).name, NULL, true, true);
END $$;

-- One element of a call for many.
CREATE FUNCTION hostile.element(func text, tab text, e jsonb, key_columns text[], touch jsonb, arbiter text) RETURNS hostile.outcome LANGUAGE plpgsql AS $$
DECLARE
	lookup jsonb := hostile.key(e, key_columns);
	rest jsonb := e - key_columns;
	o hostile.outcome;
	more text[];
BEGIN
	IF func = 'try_create_many' THEN
		RETURN hostile.try(tab, e);
	END IF;
	o := hostile.one(tab, lookup, rest, rest, touch, arbiter, NULL, true, func = 'update_or_create_many');
	-- A batch updates what it finds, and looks at the rest of the lookup at the end.
	IF func = 'update_or_create_many' AND '23505' = ANY (o.states) THEN
		more := (hostile.without_rest(tab, lookup, rest, touch, arbiter)).states;
		o.states := o.states || more;
	END IF;
	RETURN o;
END $$;

-- What an element's lookup is.
CREATE FUNCTION hostile.key(e jsonb, key_columns text[]) RETURNS jsonb LANGUAGE sql IMMUTABLE
RETURN (SELECT jsonb_object_agg(key, value) FROM jsonb_each(e) WHERE key = ANY (key_columns));

-- The index that decides on all elements; none where each goes by itself.
CREATE FUNCTION hostile.decides_on_all(tab text, elements jsonb, key_columns text[], arbiter text) RETURNS hostile.idx LANGUAGE plpgsql AS $$
DECLARE
	i hostile.idx;
	n bigint;
BEGIN
	SELECT count(DISTINCT (c.i).name) + count(*) FILTER (WHERE (c.i).name IS NULL), min((c.i).name) INTO n, i.name
	FROM jsonb_array_elements(elements) AS e, hostile.choose(tab, hostile.key(e, key_columns), arbiter) AS c;
	IF n = 1 AND NOT row_security_active(tab) THEN
		SELECT * INTO i FROM hostile.idx AS x WHERE x.rel = tab AND x.name = i.name;
		RETURN i;
	END IF;
	RETURN NULL;
END $$;

-- The elements in the order in which update_or_create_many writes: what is missing, by
-- its first element, then the others, both in the order of their keys.  Where no index
-- decides on all it is that of the array, and each has a key of its own.
CREATE FUNCTION hostile.by_key(i hostile.idx, elements jsonb, key_columns text[]) RETURNS TABLE (no bigint, key_no bigint) LANGUAGE plpgsql AS $$
BEGIN
	IF i.name IS NULL THEN
		RETURN QUERY SELECT n, n FROM generate_series(1, jsonb_array_length(elements)::bigint) AS n;
		RETURN;
	END IF;
	RETURN QUERY EXECUTE format('
SELECT "~no", "~key" FROM (
	SELECT *, "~missing" AND "~no" = min("~no") OVER (PARTITION BY "~key") AS "~creates" FROM (
		SELECT "~no", dense_rank() OVER (ORDER BY %s) AS "~key", NOT EXISTS (SELECT FROM %s AS "~t" WHERE %s) AS "~missing"
		FROM jsonb_array_elements($1) WITH ORDINALITY AS "~e"("~obj", "~no"), LATERAL (%s) AS "~c", LATERAL (SELECT %s FROM (SELECT "~c".*) AS "~kc") AS "~v") AS "~k") AS "~o"
ORDER BY "~creates" DESC, "~key", "~no"',
		(SELECT string_agg(format('"~v"."~%s" %s', n, c), ', ' ORDER BY n) FROM unnest(i.colls) WITH ORDINALITY AS u(c, n)),
		i.rel, hostile.where_sql(i.rel, i, key_columns), hostile.row_sql(i.rel, key_columns, '"~e"."~obj"'),
		(SELECT string_agg(format('(%s) AS "~%s"', k, n), ', ') FROM unnest(i.keys) WITH ORDINALITY AS u(k, n)))
	USING elements;
EXCEPTION WHEN OTHERS THEN
	-- what it is, the elements will tell
	RETURN QUERY SELECT n, n FROM generate_series(1, jsonb_array_length(elements)::bigint) AS n;
END $$;

-- Has the table a row for that element?
CREATE FUNCTION hostile.finds(i hostile.idx, e jsonb, key_columns text[]) RETURNS boolean LANGUAGE plpgsql AS $$
DECLARE
	found boolean;
BEGIN
	EXECUTE format('SELECT EXISTS (SELECT FROM %s AS "~t", (%s) AS "~c" WHERE %s)', i.rel, hostile.row_sql(i.rel, key_columns, '$1'), hostile.where_sql(i.rel, i, key_columns))
	INTO found USING e;
	RETURN found;
END $$;

-- All of them; one by one in the order of the array, or as the function writes them.
CREATE FUNCTION hostile.many(func text, tab text, elements jsonb, key_columns text[], touch jsonb, arbiter text, rewriting boolean, one_by_one boolean)
RETURNS hostile.outcome LANGUAGE plpgsql AS $$
DECLARE
	answers jsonb := '{}';
	states text[] := '{}';
	doubtful boolean := false;
	either boolean;
	i hostile.idx;
	done bigint[] := '{}';
	lost boolean := false;
	s record;
	e jsonb;
	o hostile.outcome;
BEGIN
	IF func = 'update_or_create_many' AND NOT one_by_one THEN
		i := hostile.decides_on_all(tab, elements, key_columns, arbiter);
	END IF;
	BEGIN
		FOR s IN SELECT * FROM hostile.by_key(i, elements, key_columns) LOOP
			-- Where an element took the row out of the predicate before another one with
			-- the same key, the function begins again one by one.
			IF s.key_no = ANY (done) AND states = '{}' AND NOT hostile.finds(i, elements -> s.no::integer - 1, key_columns) THEN
				lost := true;
				RAISE SQLSTATE 'UNDO1';
			END IF;
			o := hostile.element(func, tab, elements -> s.no::integer - 1, key_columns, touch, arbiter);
			IF func = 'try_create_many' AND cardinality(o.states) = (SELECT count(*) FROM unnest(o.states) AS state WHERE hostile.answers(state, o.message)) THEN
				-- several mean constraints of domains, whichever is met first
				answers := answers || jsonb_build_object(s.no, jsonb_build_array(NULL, false, o.states[1], o.message));
			ELSIF o.states IS NOT NULL THEN
				states := states || o.states;
				-- Where a constraint of a domain is broken and another value does not
				-- fit, it depends on which is met first whether there is an answer.
				doubtful := doubtful OR func = 'try_create_many' AND o.states && '{23502,23514}';
			ELSE
				answers := answers || jsonb_build_object(s.no, jsonb_build_array(o.rec, o.created, o.updated));
				done := done || s.key_no;
			END IF;
		END LOOP;
		IF states <> '{}' THEN
			RAISE SQLSTATE 'UNDO1';
		END IF;
	EXCEPTION WHEN SQLSTATE 'UNDO1' THEN
		NULL;
	END;
	IF lost THEN
		RETURN hostile.many(func, tab, elements, key_columns, touch, arbiter, rewriting, true);
	END IF;
	-- So it does where a trigger rewrites a key, which is not looked at here.
	either := rewriting AND i.name IS NOT NULL;
	IF states = '{}' THEN
		IF doubtful THEN
			RETURN ROW(NULL, NULL, NULL, NULL, NULL, 'any')::hostile.outcome;
		END IF;
		RETURN ROW(NULL, NULL, NULL, NULL, (SELECT coalesce(jsonb_agg(value ORDER BY key::integer), '[]') FROM jsonb_each(answers)), CASE WHEN either THEN 'or one by one' END)::hostile.outcome;
	END IF;

	-- A batch meets the errors of its elements in another order: so any error is allowed
	-- that an element has, after those before it or alone, but no other.  Values are
	-- converted before anything is written.
	FOR e IN SELECT * FROM jsonb_array_elements(elements) LOOP
		BEGIN
			states := states || hostile.value_states(tab, e || touch);
			o := hostile.element(func, tab, e, key_columns, touch, arbiter);
			RAISE SQLSTATE 'UNDO1';
		EXCEPTION WHEN SQLSTATE 'UNDO1' THEN
			states := states || coalesce(o.states, '{}');
		END;
	END LOOP;
	-- All rows are inserted by one statement: those that one by one would have been
	-- refused for another reason meet each other's rows and constraints there, before
	-- a foreign key is looked at.
	IF states && '{22023,428C9,23503}' THEN
		states := states || '{23505,23502,23514}'::text[];
	END IF;
	RETURN ROW(states, NULL, NULL, NULL, NULL, CASE WHEN doubtful THEN 'any' WHEN either THEN 'or one by one' END)::hostile.outcome;
END $$;

-- A call, with its arguments as they come.
CREATE FUNCTION hostile.model(c hostile.call, one_by_one boolean) RETURNS hostile.outcome LANGUAGE plpgsql AS $$
DECLARE
	updates boolean := c.func ~ '^update';
	many boolean := c.func ~ '_many$';
	states text[] := '{}';
	p record;
	lookup jsonb;
	defaults jsonb;
	create_defaults jsonb;
	touch jsonb;
	o hostile.outcome;
BEGIN
	-- names are looked up first, and arguments that are no JSON never reach the function
	IF starts_with(c.rel, c.schema) AND NOT has_schema_privilege(c.schema::regnamespace, 'USAGE') THEN
		RETURN hostile.error('42501');
	END IF;
	SELECT * INTO p FROM hostile.parse(c.lookup);
	lookup := p.obj; states := states || p.states;
	SELECT * INTO p FROM hostile.parse(c.defaults);
	defaults := p.obj; states := states || p.states;
	SELECT * INTO p FROM hostile.parse(c.create_defaults);
	create_defaults := p.obj; states := states || p.states;
	SELECT * INTO p FROM hostile.parse(c.touch);
	touch := p.obj; states := states || p.states;
	IF states <> '{}' THEN
		RETURN hostile.error(VARIADIC states);
	END IF;

	IF NOT EXISTS (SELECT FROM hostile.rel AS r WHERE r.rel = c.rel AND r.kind IN ('r', 'p', 'v')) THEN
		states := states || '42809'::text;
	END IF;
	IF many THEN
		states := states || hostile.many_states(c.rel, lookup, c.key_columns, touch, c.func <> 'try_create_many');
	ELSE
		states := states || hostile.object_states(c.rel, lookup, c.func !~ '^(get|update)' AND lookup IS NOT NULL)
						 || hostile.object_states(c.rel, defaults, true)
						 || hostile.object_states(c.rel, create_defaults, true)
						 || hostile.object_states(c.rel, touch, true);
		IF lower(c.lock_strength) NOT IN ('key share', 'share', 'no key update', 'update') THEN
			states := states || '22023'::text;
		END IF;
		lookup := hostile.object(lookup);
		create_defaults := hostile.object(CASE WHEN updates AND create_defaults IS NOT NULL THEN create_defaults ELSE defaults END);
		defaults := hostile.object(defaults);
		IF hostile.keys(lookup) && hostile.keys(defaults || create_defaults || hostile.object(touch)) OR hostile.keys(defaults || create_defaults) && hostile.keys(hostile.object(touch)) THEN
			states := states || '22023'::text;
		END IF;
	END IF;
	touch := hostile.object(touch);
	IF c.func = 'find_conflicts' AND EXISTS (SELECT FROM hostile.rel AS r WHERE r.rel = c.rel AND r.kind = 'v') THEN
		states := states || '0A000'::text;
	END IF;
	IF states <> '{}' THEN
		RETURN hostile.error(VARIADIC states);
	END IF;

	IF many THEN
		RETURN hostile.many(c.func, c.rel, coalesce(lookup, '[]'), c.key_columns, touch, c.arbiter, 'trigger_rewrite' = ANY (c.features), one_by_one);
	ELSIF c.func = 'try_create' THEN
		RETURN hostile.try(c.rel, lookup);
	ELSIF c.func = 'find_conflicts' THEN
		RETURN hostile.conflicts(c.rel, lookup);
	END IF;
	RETURN hostile.one(c.rel, lookup, defaults, create_defaults, touch, c.arbiter, c.lock_strength, coalesce(c.require_unique, true), updates);
END $$;

-- What a row that is inserted gets for columns that are not named; a default that is
-- volatile cannot be known.
CREATE TABLE hostile.dflt (rel text, name text, formula text, unknown boolean, not_null boolean);
CREATE TABLE hostile.chk (rel text, name text, formula text, columns text[]);
CREATE TABLE hostile.fk (rel text, name text, column_name text, parent text, parent_column text);

-- find_conflicts.  Its answer is a set of kind, constraint, and the row that is met.
CREATE FUNCTION hostile.conflicts(tab text, candidate jsonb) RETURNS hostile.outcome LANGUAGE plpgsql AS $$
DECLARE
	states text[];
	names text[] := hostile.keys(hostile.object(candidate));
	obj jsonb := hostile.object(candidate);
	unknowns text[] := ARRAY(SELECT name FROM hostile.dflt AS d WHERE d.rel = tab AND d.unknown AND name <> ALL (names));
	answer jsonb := '[]';
	row_sql text;
	part text;					-- the partition that the row belongs to
	bounds text := pg_get_partition_constraintdef(tab::regclass);
	i hostile.idx;
	x record;
	one jsonb;
	holds boolean;
	broken text;
BEGIN
	IF has_table_privilege(tab, 'SELECT') IS FALSE
		AND EXISTS (SELECT FROM pg_attribute WHERE attrelid = tab::regclass AND attnum > 0 AND NOT attisdropped AND NOT has_column_privilege(tab, attnum, 'SELECT')) THEN
		RETURN hostile.error('42501');
	END IF;
	states := hostile.value_states(tab, obj, true);
	IF states <> '{}' THEN
		RETURN hostile.error(VARIADIC states);
	END IF;
	row_sql := (
		SELECT format('SELECT "~g".*%s FROM (SELECT %s%s) AS "~g"',
					  string_agg(format(', (%s) AS %I', c.formula, c.name), '') FILTER (WHERE c.formula IS NOT NULL),
					  string_agg(CASE WHEN c.name = ANY (names) THEN format('"~x".%I', c.name)
									  WHEN d.formula IS NOT NULL AND NOT d.unknown THEN format('(%s)::%s %s AS %I', d.formula, c.below, c.coll, c.name)
									  ELSE format('NULL::%s %s AS %I', c.below, c.coll, c.name) END, ', ' ORDER BY num)
					  FILTER (WHERE c.formula IS NULL),
					  ' FROM jsonb_to_record($1) AS "~x"(' || hostile.typed(tab, names, true) || ')')
		FROM hostile.col AS c LEFT JOIN hostile.dflt AS d ON d.rel = c.rel AND d.name = c.name WHERE c.rel = tab);

	FOR x IN SELECT name, type FROM hostile.col AS c WHERE c.rel = tab AND type <> below AND name = ANY (names) LOOP
		BEGIN
			EXECUTE format('SELECT %I::%s FROM (%s) AS "~q"', x.name, x.type, row_sql) USING obj;
		EXCEPTION WHEN check_violation THEN
			GET STACKED DIAGNOSTICS broken = CONSTRAINT_NAME;
			answer := answer || jsonb_build_array(jsonb_build_array('domain_check_violation', broken, NULL));
		END;
	END LOOP;
	IF bounds IS NOT NULL THEN
		EXECUTE format('SELECT %s FROM (%s) AS "~q"', bounds, row_sql) INTO holds USING obj;
		IF NOT holds THEN
			answer := answer || jsonb_build_array(jsonb_build_array('partition_constraint_violation', NULL, NULL));
		END IF;
	END IF;
	-- keys of partitions are never unknown
	FOR x IN SELECT r.rel, pg_get_partition_constraintdef(inhrelid) AS bounds FROM pg_inherits JOIN hostile.rel AS r ON inhrelid = r.rel::regclass WHERE inhparent = tab::regclass LOOP
		EXECUTE format('SELECT %s FROM (%s) AS "~q"', x.bounds, row_sql) INTO holds USING obj;
		part := CASE WHEN holds THEN x.rel ELSE part END;
	END LOOP;
	IF part IS NULL AND (SELECT kind FROM hostile.rel AS r WHERE r.rel = tab) = 'p' THEN
		answer := answer || jsonb_build_array(jsonb_build_array('partition_not_found', NULL, NULL));
	END IF;

	-- the table's own constraints, then what else the partition has
	FOR x IN SELECT DISTINCT d.name FROM hostile.dflt AS d WHERE d.rel IN (tab, part) AND d.not_null AND d.name <> ALL (unknowns) LOOP
		EXECUTE format('SELECT num_nulls(%I) = 1 FROM (%s) AS "~q"', x.name, row_sql) INTO holds USING obj;
		IF holds THEN
			-- its error does not name the constraint, although 18 and later have one
			answer := answer || jsonb_build_array(jsonb_build_array('not_null_violation', NULL, NULL));
		END IF;
	END LOOP;
	FOR x IN SELECT DISTINCT k.name, k.formula FROM hostile.chk AS k WHERE k.rel IN (tab, part) AND NOT k.columns && unknowns LOOP
		EXECUTE format('SELECT %s FROM (%s) AS "~q"', x.formula, row_sql) INTO holds USING obj;
		IF NOT holds THEN
			answer := answer || jsonb_build_array(jsonb_build_array('check_violation', x.name, NULL));
		END IF;
	END LOOP;
	FOR i IN SELECT * FROM hostile.idx AS u WHERE (u.rel = tab OR u.rel = part AND u.declared = u.name) AND NOT (u.columns || u.predicate_columns) && unknowns LOOP
		EXECUTE format('SELECT (%s) IS TRUE FROM (%s) AS "~q"', coalesce(i.predicate, 'true'), row_sql) INTO holds USING obj;
		CONTINUE WHEN NOT holds;
		EXECUTE format('SELECT num_nulls(%s) = 0 FROM (%s) AS "~q"', array_to_string(i.keys, ', '), row_sql) INTO holds USING obj;
		CONTINUE WHEN NOT holds AND NOT i.nulls_equal;
		EXECUTE format('SELECT coalesce(jsonb_agg(jsonb_build_array(''unique_violation'', %L, %s)), ''[]'') FROM %s AS "~t", (%s) AS "~c" WHERE CASE WHEN %s THEN %s END',
					   i.declared, (SELECT mask FROM hostile.rel WHERE rel = tab), tab, row_sql,
					   CASE WHEN i.rel = tab THEN 'true' ELSE format('"~t".tableoid = %L::regclass', part) END, hostile.where_sql(tab, i, names)) INTO one USING obj;
		answer := answer || one;
	END LOOP;
	FOR x IN SELECT * FROM hostile.fk AS k WHERE k.rel = tab AND k.column_name <> ALL (unknowns) LOOP
		CONTINUE WHEN NOT has_column_privilege(x.parent, x.parent_column, 'SELECT');
		EXECUTE format('SELECT %I IS NULL OR EXISTS (SELECT FROM %s AS "~p" WHERE "~p".%I = "~q".%1$I) FROM (%4$s) AS "~q"', x.column_name, x.parent, x.parent_column, row_sql) INTO holds USING obj;
		IF NOT holds THEN
			answer := answer || jsonb_build_array(jsonb_build_array('foreign_key_missing', x.name, NULL));
		END IF;
	END LOOP;
	RETURN ROW(NULL, NULL, NULL, NULL, (SELECT coalesce(jsonb_agg(a ORDER BY a), '[]') FROM jsonb_array_elements(answer) AS a), NULL)::hostile.outcome;
EXCEPTION WHEN OTHERS THEN
	RETURN hostile.error(SQLSTATE);
END $$;

-- What the generator need not say of a relation, since the catalog knows it better.
CREATE FUNCTION hostile.learn(tab text, base text, rls boolean) RETURNS void LANGUAGE sql AS $$
	INSERT INTO hostile.col
	SELECT tab, attnum, attname, format_type(atttypid, atttypmod),
		   coalesce((SELECT format_type(typbasetype, typtypmod) FROM pg_type WHERE oid = atttypid AND typtype = 'd'), format_type(atttypid, atttypmod)), coalesce((SELECT format('COLLATE %I.%I', nspname, collname) FROM pg_collation AS c JOIN pg_namespace AS n ON n.oid = collnamespace WHERE c.oid = attcollation), ''),
		   CASE WHEN attgenerated <> '' THEN (SELECT pg_get_expr(adbin, adrelid) FROM pg_attrdef WHERE adrelid = attrelid AND adnum = attnum) END,
		   atttypid = 'bytea'::regtype OR (SELECT typbasetype = 'bytea'::regtype FROM pg_type WHERE oid = atttypid), format_type(atttypid, NULL) <> 'json'
	FROM pg_attribute WHERE attrelid = tab::regclass AND attnum > 0 AND NOT attisdropped;

	INSERT INTO hostile.dflt
	SELECT tab, attname, pg_get_expr(adbin, adrelid), attidentity <> '' OR coalesce(pg_get_expr(adbin, adrelid) ~ 'nextval|gen_random_uuid', false), attnotnull
	FROM pg_attribute LEFT JOIN pg_attrdef ON adrelid = attrelid AND adnum = attnum
	WHERE attrelid = tab::regclass AND attnum > 0 AND NOT attisdropped;

	-- sequences begin at a million
	INSERT INTO hostile.rel
	SELECT tab, base, relkind, rls,
		   (SELECT format('ROW(%s)::text', string_agg(format(CASE WHEN type IN ('integer', 'bigint') THEN 'CASE WHEN "~t".%I >= 1000000 THEN 1000000 ELSE "~t".%1$I END' ELSE '"~t".%I' END, name), ', ' ORDER BY num))
			FROM hostile.col WHERE rel = tab)
	FROM pg_class WHERE oid = tab::regclass;
$$;

-- What a partition has of its table's.
CREATE FUNCTION hostile.inherit(part text, tab text) RETURNS void LANGUAGE sql AS $$
	INSERT INTO hostile.idx
	SELECT part, c.relname, i.keys, i.colls, i.columns, i.predicate, i.predicate_columns, i.primary_key, i.expressions, i.is_deferrable, i.nulls_equal, i.name
	FROM hostile.idx AS i JOIN pg_class AS above ON above.relname = i.name JOIN pg_index AS x ON x.indexrelid = above.oid AND x.indrelid = tab::regclass
		 JOIN pg_inherits ON inhparent = above.oid JOIN pg_class AS c ON c.oid = inhrelid JOIN pg_index AS y ON y.indexrelid = c.oid AND y.indrelid = part::regclass
	WHERE i.rel = tab;
	INSERT INTO hostile.chk SELECT part, name, formula, columns FROM hostile.chk WHERE rel = tab;
	INSERT INTO hostile.fk SELECT part, name, column_name, parent, parent_column FROM hostile.fk WHERE rel = tab;
$$;
