-- What dev/sqlsmith plays with: a target of each kind, and functions and views
-- around every function of the extension.  sqlsmith calls a function with what it
-- finds of the arguments' types, so it knows plain types better than ours, and it
-- calls no function in FROM, so views do.

\set ON_ERROR_STOP on
CREATE EXTENSION duplicate_guard;
CREATE ROLE smith LOGIN;
GRANT pg_read_all_stats TO smith;
GRANT EXECUTE ON FUNCTION integrity_error_stats_reset() TO smith;

/* targets; all have the columns key, n, flag and note */

CREATE SCHEMA target;
CREATE DOMAIN target.small AS integer CHECK (VALUE < 1000);

CREATE TABLE target.plain (id serial PRIMARY KEY, key text NOT NULL UNIQUE, n target.small,
	flag boolean DEFAULT false, note text CHECK (note <> ''), UNIQUE NULLS NOT DISTINCT (n, flag));
CREATE TABLE target.parted (key text, n integer, flag boolean, note text, UNIQUE (key, n)) PARTITION BY RANGE (n);
CREATE TABLE target.parted_low PARTITION OF target.parted FOR VALUES FROM (MINVALUE) TO (10);
CREATE TABLE target.parted_high PARTITION OF target.parted FOR VALUES FROM (10) TO (1000)
	PARTITION BY HASH (key);
CREATE TABLE target.parted_high_0 PARTITION OF target.parted_high FOR VALUES WITH (MODULUS 2, REMAINDER 0);
CREATE TABLE target.parted_high_1 (note text, n integer, gone text, key text, flag boolean);
ALTER TABLE target.parted_high_1 DROP COLUMN gone;
ALTER TABLE target.parted_high ATTACH PARTITION target.parted_high_1 FOR VALUES WITH (MODULUS 2, REMAINDER 1);
CREATE TABLE target.expression (key text NOT NULL, n integer, flag boolean, note text);
CREATE UNIQUE INDEX ON target.expression (lower(key));
CREATE UNIQUE INDEX ON target.expression (key, n) WHERE flag;
CREATE TABLE target.secured (key text PRIMARY KEY, n integer, flag boolean, note text);
ALTER TABLE target.secured ENABLE ROW LEVEL SECURITY;
CREATE POLICY a_few ON target.secured USING (n IS NULL OR n >= 0) WITH CHECK (n IS NULL OR n < 50);
CREATE VIEW target.view AS SELECT key, n, flag, note FROM target.plain WHERE n < 100 WITH CHECK OPTION;
CREATE TABLE target.parent (key text UNIQUE, n integer, flag boolean, note text);
CREATE TABLE target.child (UNIQUE (key)) INHERITS (target.parent);
CREATE TABLE target.late (key text UNIQUE DEFERRABLE INITIALLY DEFERRED, n integer UNIQUE,
	flag boolean, note text REFERENCES target.plain (key) ON DELETE CASCADE DEFERRABLE);
CREATE TABLE target.referencing (key text PRIMARY KEY REFERENCES target.plain (key) ON UPDATE CASCADE,
	n integer CHECK (n > 0), flag boolean, note text, EXCLUDE USING gist (int4range(n, n + 2) WITH &&));
CREATE TABLE target.triggered (key text PRIMARY KEY, n integer, flag boolean, note text);
CREATE TABLE target.keyless (key text, n integer, flag boolean, note text);
CREATE TABLE target.generated (key text, n integer, flag boolean, note text,
	twice text GENERATED ALWAYS AS (key || key) STORED UNIQUE, wide jsonb, raw bytea, many integer[]);

-- suppresses some rows, changes some, and calls us again for others
CREATE FUNCTION target.trigger() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
	IF NEW.n < 0 THEN
		RETURN NULL;
	ELSIF NEW.n > 50 THEN
		NEW.note := (SELECT (g.record).key FROM get_or_create(NULL::target.plain,
			jsonb_build_object('key', NEW.key)) AS g);
	ELSIF NEW.flag THEN
		PERFORM try_create(NULL::target.triggered, jsonb_build_object('key', NEW.key));
	END IF;
	RETURN NEW;
END $$;
CREATE TRIGGER before BEFORE INSERT OR UPDATE ON target.triggered
	FOR EACH ROW EXECUTE FUNCTION target.trigger();

-- what the arguments are made of
CREATE TABLE target.word (t text, i integer, b boolean, j jsonb, a text[]);
INSERT INTO target.word VALUES
	('one', 1, true, '{"key": "one"}', '{key}'),
	('One', -1, false, '{"key": "two", "n": 20}', '{key,n}'),
	('', 0, NULL, '{}', '{}'),
	(NULL, NULL, NULL, NULL, NULL),
	('with "quotes", \ and ''s', 10, true, '{"key": null, "n": null}', '{key,NULL}'),
	(E'two\nlines (key)=(x)', 999, false, '{"n": 5, "flag": true}', '{n,flag}'),
	('plain_key_key', 1000, true, '[{"key": "one"}, {"key": "One"}, {"key": "one", "n": 3}]', '{note}'),
	('plain_n_flag_key', 55, false, '[{"key": "a", "n": 1}, {"key": "b", "n": 2000}, {"n": null, "key": ""}]', '{{key},{n}}'),
	('plain', 2147483647, true, '"{}"', '{absent}'),
	('small', -2147483648, false, '{"absent": 1}', '{key,key}'),
	('no key update', 7, true, '[{"key": "four", "n": 4, "flag": true}, null]', '{twice}'),
	('23505', 23505, false, '{"raw": "\\x00", "wide": {"a": [1]}, "many": [1, null]}', '{raw}'),
	('duplicate key value violates unique constraint "plain_key_key"', 12, true, '[{"key": "start 1", "n": 5}, {"key": "two", "n": 20}]', '{key,flag}'),
	('Key (key)=(one) already exists.', 13, false, '[]', '{n}'),
	('new row for relation "parted" violates check constraint "plain_note_check"', 14, true, '[{"key": "three"}]', '{key,n,flag,note}'),
	('Ключ "(key)=(один)" уже существует.', 15, false, '{"key": "noted", "n": 7, "note": "x"}', '{note,key}'),
	(repeat('long ', 800), 16, true, '{"key": "\u00e9\ud83d\ude00"}', '{key}');
-- a join with an empty table would call nothing
SELECT format('INSERT INTO target.%I (key, n) SELECT ''start '' || i, i * 5 FROM generate_series(1, 5) AS i', name)
FROM unnest('{plain,parted,expression,secured,parent,child,late,referencing,triggered,keyless,generated}'::text[]) AS name
\gexec

GRANT USAGE ON SCHEMA target TO smith;
GRANT ALL ON ALL TABLES IN SCHEMA target TO smith;
GRANT USAGE ON ALL SEQUENCES IN SCHEMA target TO smith;
REVOKE ALL ON target.word FROM smith;
GRANT SELECT ON target.word TO smith;

/* views with calls in FROM */

CREATE SCHEMA called;
CREATE VIEW called.get_or_create AS
SELECT w.t, g.record, (g.record).n, (g.record).note, g.was_created
FROM target.word AS w, LATERAL get_or_create(NULL::target.plain, jsonb_build_object('key', w.t)) AS g
WHERE w.t IS NOT NULL;
CREATE VIEW called.update_or_create AS
SELECT w.t, u.*
FROM target.word AS w LEFT JOIN LATERAL update_or_create(NULL::target.parted,
	jsonb_build_object('key', w.t, 'n', w.i), jsonb_build_object('flag', w.b)) AS u ON w.b
WHERE w.i BETWEEN 0 AND 999;
CREATE VIEW called.try_create AS
SELECT w.t, c.was_created, c.record, c.error, (c.error).kind, (c.error).columns
FROM target.word AS w, LATERAL try_create(NULL::target.referencing,
	jsonb_build_object('key', w.t, 'n', w.i)) AS c;
CREATE VIEW called.find_conflicts AS
SELECT w.t, f.*
FROM target.word AS w, LATERAL find_conflicts(NULL::target.plain,
	jsonb_build_object('key', w.t, 'n', w.i, 'flag', w.b)) AS f;
CREATE VIEW called.many AS
SELECT m.* FROM get_or_create_many(NULL::target.secured,
	(SELECT jsonb_agg(jsonb_build_object('key', w.t, 'n', abs(w.i % 50))) FROM target.word AS w WHERE w.t <> ''),
	'{key}') AS m;
CREATE VIEW called.update_many AS
SELECT m.*, m.record = LAG(m.record) OVER (ORDER BY m.ordinality) AS same
FROM update_or_create_many(NULL::target.expression,
	(SELECT jsonb_agg(jsonb_build_object('key', w.t, 'n', w.i)) FROM target.word AS w WHERE w.t <> ''),
	'{key}') AS m;
CREATE VIEW called.try_many AS
SELECT m.* FROM try_create_many(NULL::target.triggered,
	(SELECT jsonb_agg(jsonb_build_object('key', w.t, 'n', w.i)) FROM target.word AS w WHERE w.i >= 0)) AS m;
CREATE VIEW called.classify AS
SELECT w.t, c.* FROM target.word AS w, LATERAL classify_integrity_error(w.t) AS c;
CREATE VIEW called.last AS SELECT l.* FROM last_integrity_error() AS l;
GRANT USAGE ON SCHEMA called TO smith;
GRANT SELECT ON ALL TABLES IN SCHEMA called TO smith;

/* functions with plain arguments; in PL/pgSQL, as its errors name the function */

CREATE SCHEMA wrapper;
CREATE SCHEMA helper;
GRANT USAGE ON SCHEMA wrapper, helper TO smith;

CREATE FUNCTION helper.target(which integer) RETURNS regclass LANGUAGE sql AS $$
	SELECT (ARRAY['plain', 'parted', 'parted_high_1', 'expression', 'secured', 'view', 'parent', 'late',
		'referencing', 'triggered', 'keyless', 'generated', 'plain', 'parted', 'parted_low',
		'child'])[1 + coalesce(which, 0) & 15]::regclass $$;
ALTER FUNCTION helper.target SET search_path = target;

-- sqlsmith knows few texts and no JSON: for most of its NULLs one of the words
CREATE FUNCTION helper.text(key text, which integer) RETURNS text LANGUAGE sql AS $$
	SELECT coalesce(key, (SELECT w.t FROM target.word AS w ORDER BY w.i OFFSET which & 15 LIMIT 1)) $$;
CREATE FUNCTION helper.json(value jsonb, type text, which integer) RETURNS jsonb LANGUAGE sql AS $$
	SELECT coalesce(value, (SELECT w.j FROM target.word AS w WHERE jsonb_typeof(w.j) = type
		ORDER BY w.i OFFSET which & 7 LIMIT 1)) $$;
CREATE FUNCTION helper.any_columns(which integer) RETURNS text[] LANGUAGE sql AS $$
	SELECT CASE WHEN coalesce(which, 0) & 16 = 0 THEN '{key}'
		ELSE (SELECT w.a FROM target.word AS w ORDER BY w.i OFFSET which & 15 LIMIT 1) END $$;

CREATE FUNCTION helper.candidate(key text, n integer, flag boolean, columns integer) RETURNS jsonb LANGUAGE sql AS $$
	SELECT coalesce(jsonb_object_agg(c.name, c.value), '{}')
	FROM (VALUES (1, 'key', to_jsonb(helper.text(key, n))), (2, 'n', to_jsonb(n)), (4, 'flag', to_jsonb(flag)),
		(8, 'note', to_jsonb(key || n))) AS c (bit, name, value)
	WHERE c.bit & coalesce(columns, 1) <> 0 $$;

CREATE FUNCTION helper.columns(columns integer) RETURNS text[] LANGUAGE sql AS $$
	SELECT CASE WHEN columns & 2 <> 0 THEN '{key,n}' ELSE '{key}' END::text[] $$;

-- the chosen index, by name, for every fourth call one that may not serve
CREATE FUNCTION helper.arbiter(target regclass, which integer) RETURNS text LANGUAGE sql AS $$
	SELECT c.relname FROM pg_index AS i JOIN pg_class AS c ON c.oid = i.indexrelid
	WHERE i.indrelid = target AND which & 3 = 3 ORDER BY i.indexrelid LIMIT 1 $$;

CREATE FUNCTION wrapper.get_or_create(target integer, key text, n integer, columns integer, strict boolean)
RETURNS boolean LANGUAGE plpgsql AS $$
DECLARE
	chosen regclass := helper.target(target);
	answer boolean;
BEGIN
	EXECUTE format('SELECT g.was_created FROM get_or_create(NULL::%s, $1, $2, $3, $4, $5) AS g', chosen)
	INTO answer
	USING helper.candidate(key, n, true, columns & 7 | 1),
		helper.candidate(key, n, true, 15 & ~ (columns & 7 | 1)), helper.arbiter(chosen, n),
		(ARRAY['key share', 'share', 'no key update', 'update'])[n & 7], strict;
	RETURN answer;
END $$;

CREATE FUNCTION wrapper.get_or_create_simple(key text) RETURNS integer LANGUAGE sql AS $$
	SELECT (g.record).id FROM get_or_create(NULL::target.plain, jsonb_build_object('key', key)) AS g $$;

CREATE FUNCTION wrapper.get_or_create_jsonb(target integer, n integer, lookup jsonb, defaults jsonb, strict boolean)
RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	answer text;
BEGIN
	EXECUTE format('SELECT g::text FROM get_or_create(NULL::%s, $1, $2, require_unique => $3) AS g',
		helper.target(target))
	INTO answer USING helper.json(lookup, 'object', n), CASE WHEN n & 1 = 0 THEN defaults END, strict;
	RETURN answer;
END $$;

CREATE FUNCTION wrapper.update_or_create(target integer, key text, n integer, columns integer, flag boolean, strict boolean)
RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	chosen regclass := helper.target(target);
	answer text;
BEGIN
	EXECUTE format('SELECT u::text FROM update_or_create(NULL::%s, $1, $2, $3, $4, $5, $6) AS u', chosen)
	INTO answer
	USING helper.candidate(key, n, flag, columns & 2 | 1), helper.candidate(key, n, flag, 4),
		CASE WHEN flag THEN helper.candidate(key, n, flag, columns & 4) END,
		helper.candidate(key, n, flag, CASE WHEN strict THEN 8 ELSE 0 END), helper.arbiter(chosen, n), strict;
	RETURN answer;
END $$;

CREATE FUNCTION wrapper.update_or_create_jsonb(target integer, n integer, lookup jsonb, defaults jsonb, creating jsonb, touch jsonb)
RETURNS boolean LANGUAGE plpgsql AS $$
DECLARE
	answer boolean;
BEGIN
	EXECUTE format('SELECT u.was_updated FROM update_or_create(NULL::%s, $1, $2, $3, $4) AS u',
		helper.target(target))
	INTO answer USING helper.json(lookup, 'object', n), CASE WHEN n & 1 = 0 THEN defaults END,
		CASE WHEN n & 2 = 0 THEN creating END, CASE WHEN n & 3 = 0 THEN touch END;
	RETURN answer;
END $$;

CREATE FUNCTION wrapper.get_or_create_many(target integer, key text, other text, n integer, columns integer)
RETURNS integer LANGUAGE plpgsql AS $$
DECLARE
	answer integer;
BEGIN
	EXECUTE format('SELECT count(*) FILTER (WHERE g.was_created) FROM get_or_create_many(NULL::%s, $1, $2) AS g',
		helper.target(target))
	INTO answer
	USING (SELECT jsonb_agg(helper.candidate(CASE WHEN i % 3 = 0 THEN other ELSE key || i / 2 END,
				(n & 63) + i, i % 2 = 0, columns & 14 | 1))
			FROM generate_series(0, n & 15) AS i), helper.columns(columns);
	RETURN answer;
END $$;

CREATE FUNCTION wrapper.get_or_create_many_jsonb(target integer, n integer, rows jsonb)
RETURNS integer LANGUAGE plpgsql AS $$
DECLARE
	answer integer;
BEGIN
	EXECUTE format('SELECT count(*) FROM get_or_create_many(NULL::%s, $1, $2) AS g', helper.target(target))
	INTO answer USING helper.json(rows, 'array', n), helper.any_columns(target);
	RETURN answer;
END $$;

CREATE FUNCTION wrapper.update_or_create_many(target integer, key text, other text, n integer, columns integer, touch boolean)
RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	answer text;
BEGIN
	EXECUTE format('SELECT string_agg(u::text, '' '') FROM update_or_create_many(NULL::%s, $1, $2, $3) AS u',
		helper.target(target))
	INTO answer
	USING (SELECT jsonb_agg(helper.candidate(CASE WHEN i % 3 = 0 THEN other ELSE key || i / 2 END,
				(n & 63) + i, touch, columns & 6 | 1))
			FROM generate_series(0, n & 15) AS i), helper.columns(columns),
		CASE WHEN touch THEN helper.candidate(key, n, touch, 8) END;
	RETURN answer;
END $$;

CREATE FUNCTION wrapper.update_or_create_many_jsonb(target integer, n integer, rows jsonb)
RETURNS integer LANGUAGE plpgsql AS $$
DECLARE
	answer integer;
BEGIN
	EXECUTE format('SELECT count(*) FROM update_or_create_many(NULL::%s, $1, $2, $3) AS u', helper.target(target))
	INTO answer USING helper.json(rows, 'array', n), helper.any_columns(target),
		CASE WHEN n & 3 = 3 THEN jsonb '{"note": "touched"}' END;
	RETURN answer;
END $$;

CREATE FUNCTION wrapper.try_create(target integer, key text, n integer, flag boolean, columns integer)
RETURNS integrity_error LANGUAGE plpgsql AS $$
DECLARE
	answer integrity_error;
BEGIN
	EXECUTE format('SELECT (c.error).* FROM try_create(NULL::%s, $1) AS c', helper.target(target))
	INTO answer USING helper.candidate(key, n, flag, columns);
	RETURN answer;
END $$;

CREATE FUNCTION wrapper.try_create_jsonb(target integer, n integer, candidate jsonb) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	answer text;
BEGIN
	EXECUTE format('SELECT c::text FROM try_create(NULL::%s, $1) AS c', helper.target(target))
	INTO answer USING helper.json(candidate, 'object', n);
	RETURN answer;
END $$;

CREATE FUNCTION wrapper.try_create_many(target integer, key text, n integer, columns integer)
RETURNS integer LANGUAGE plpgsql AS $$
DECLARE
	answer integer;
BEGIN
	EXECUTE format('SELECT count((c.error).kind) FROM try_create_many(NULL::%s, $1) AS c', helper.target(target))
	INTO answer
	USING (SELECT jsonb_agg(helper.candidate(key || i / 2, n - i, i % 2 = 0, columns))
			FROM generate_series(0, n & 15) AS i);
	RETURN answer;
END $$;

CREATE FUNCTION wrapper.try_create_many_jsonb(target integer, n integer, rows jsonb) RETURNS jsonb LANGUAGE plpgsql AS $$
DECLARE
	answer jsonb;
BEGIN
	EXECUTE format('SELECT jsonb_agg(c) FROM try_create_many(NULL::%s, $1) AS c', helper.target(target))
	INTO answer USING helper.json(rows, 'array', n);
	RETURN answer;
END $$;

CREATE FUNCTION wrapper.find_conflicts(target integer, key text, n integer, flag boolean, columns integer)
RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	answer text;
BEGIN
	EXECUTE format('SELECT string_agg(f::text, '' '') FROM find_conflicts(NULL::%s, $1) AS f', helper.target(target))
	INTO answer USING helper.candidate(key, n, flag, columns);
	RETURN answer;
END $$;

CREATE FUNCTION wrapper.find_conflicts_jsonb(target integer, n integer, candidate jsonb) RETURNS integer LANGUAGE plpgsql AS $$
DECLARE
	answer integer;
BEGIN
	EXECUTE format('SELECT count(*) FROM find_conflicts(NULL::%s, $1) AS f', helper.target(target))
	INTO answer USING helper.json(candidate, 'object', n);
	RETURN answer;
END $$;

CREATE FUNCTION wrapper.classify_integrity_error(message text, detail text, sqlstate text, named text, other text)
RETURNS text LANGUAGE plpgsql AS $$
BEGIN
	RETURN (classify_integrity_error(message, detail, sqlstate, 'target', named, other, named, other)).user_message;
END $$;

-- an error that happens, and what is known of it afterwards
CREATE FUNCTION wrapper.last_integrity_error(target integer, key text, n integer) RETURNS text LANGUAGE plpgsql AS $$
BEGIN
	EXECUTE format('INSERT INTO %s (key, n) VALUES ($1, $2)', helper.target(target)) USING key, n;
	RETURN (last_integrity_error()).kind;
EXCEPTION WHEN integrity_constraint_violation THEN
	RETURN last_integrity_error()::text;
END $$;

CREATE FUNCTION wrapper.integrity_error_stats(of text) RETURNS integer LANGUAGE plpgsql AS $$
BEGIN
	RETURN (SELECT sum(caught + uncaught) FROM integrity_error_stats WHERE kind <> of);
END $$;

CREATE FUNCTION wrapper.integrity_error_stats_info(n integer) RETURNS timestamptz LANGUAGE plpgsql AS $$
BEGIN
	RETURN (SELECT stats_reset FROM integrity_error_stats_info WHERE dealloc <> n);
END $$;

CREATE FUNCTION wrapper.integrity_error_stats_reset(n integer) RETURNS boolean LANGUAGE plpgsql AS $$
BEGIN
	PERFORM integrity_error_stats_reset();
	RETURN n > 0;
END $$;

CREATE FUNCTION wrapper.batch_progress(of text) RETURNS text LANGUAGE plpgsql AS $$
BEGIN
	RETURN (SELECT string_agg(phase, ' ') FROM batch_progress WHERE command <> of);
END $$;

/* What sqlsmith takes for all functions there are: among thousands of PostgreSQL's
own it would hardly ever find ours.  Of those it gets some that make arguments. */

CREATE SCHEMA catalogue;
CREATE VIEW catalogue.pg_proc AS
SELECT p.oid, p.proname, p.pronamespace, p.prorettype, p.proargtypes, p.proretset, p.prokind
FROM pg_catalog.pg_proc AS p
WHERE p.pronamespace = 'wrapper'::regnamespace OR p.proname = 'classify_integrity_error' OR
	(p.pronamespace = 'pg_catalog'::regnamespace AND
	p.proname IN ('lower', 'md5', 'int4pl', 'int4mi', 'jsonb_concat', 'jsonb_object_field', 'jsonb_strip_nulls',
		'string_to_array', 'count', 'min', 'max', 'bool_or', 'jsonb_agg', 'row_number'));
-- of polymorphic types there is no value, not even NULL
CREATE VIEW catalogue.pg_type AS
SELECT t.oid, CASE t.typname WHEN 'anyrange' THEN 'int4range' WHEN 'anymultirange' THEN 'int4multirange'
		WHEN 'anyenum' THEN 'text' ELSE t.typname END AS typname,
	t.typnamespace, t.typdelim, t.typrelid, t.typelem, t.typarray,
	CASE WHEN t.typname IN ('anyrange', 'anymultirange', 'anyenum') THEN 'b' ELSE t.typtype END AS typtype
FROM pg_catalog.pg_type AS t;
GRANT USAGE ON SCHEMA catalogue TO smith;
GRANT SELECT ON ALL TABLES IN SCHEMA catalogue TO smith;
ALTER ROLE smith SET search_path = catalogue, pg_catalog, public;
