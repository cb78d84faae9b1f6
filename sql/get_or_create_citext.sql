--
-- get_or_create: types like citext, whose equality is not their bytes'
--
\getenv abs_srcdir PG_ABS_SRCDIR
\i :abs_srcdir/sql/include/setup.sql
-- the contrib modules may not be installed: expected/get_or_create_citext_1.out
SELECT count(*) < 2 AS skip_test
FROM pg_available_extensions WHERE name IN ('citext', 'hstore') \gset
\if :skip_test
\quit
\endif
CREATE SCHEMA goc_citext;
CREATE SCHEMA goc_citext_types;
SET client_min_messages = warning;
CREATE EXTENSION citext SCHEMA goc_citext_types;
CREATE EXTENSION hstore SCHEMA goc_citext_types;
RESET client_min_messages;
SET search_path = goc_citext, goc_citext_types, public;

CREATE DOMAIN email AS citext CHECK (VALUE LIKE '%@%');
CREATE TABLE users (id int GENERATED ALWAYS AS IDENTITY PRIMARY KEY, name citext UNIQUE, mail email UNIQUE, tags citext[], extra hstore);
CREATE TABLE pairs (a citext, b text, c citext, PRIMARY KEY (b, a));

-- as the key: found whatever the case, with the stored spelling
SELECT * FROM get_or_create(NULL::users, '{"name": "Ann"}', '{"mail": "Ann@X"}');
SELECT * FROM get_or_create(NULL::users, '{"name": "ANN"}');
SELECT * FROM get_or_create(NULL::users, '{"mail": "ann@x"}');
SELECT * FROM get_or_create(NULL::pairs, '{"a": "x", "b": "y"}', '{"c": "z"}');
SELECT * FROM get_or_create(NULL::pairs, '{"a": "X", "b": "y"}');
SELECT * FROM get_or_create(NULL::pairs, '{"a": "X", "b": "Y"}', '{"c": "z"}');
-- beside the key: compared by citext's equality, arrays too
SELECT * FROM get_or_create(NULL::pairs, '{"a": "X", "b": "y", "c": "Z"}');
CALL pg_temp.fails($$SELECT get_or_create(NULL::pairs, '{"a": "X", "b": "y", "c": "other"}')$$);
SELECT * FROM get_or_create(NULL::users, '{"name": "Bob", "tags": ["a", "B"]}', '{"extra": "k=>v, l=>w"}');
SELECT * FROM get_or_create(NULL::users, '{"name": "bob", "tags": ["A", "b"]}');
CALL pg_temp.fails($$SELECT get_or_create(NULL::users, '{"name": "bob", "tags": ["A"]}')$$);
SELECT * FROM get_or_create(NULL::users, '{"name": "bob", "extra": "l=>w, k=>v"}');
-- the domain's check
CALL pg_temp.fails($$SELECT get_or_create(NULL::users, '{"mail": "nobody"}')$$);

-- The types' schema out of the search_path: citext must not become text.
SET search_path = pg_catalog;
SELECT * FROM public.get_or_create(NULL::goc_citext.users, '{"name": "aNN"}');
SELECT * FROM public.get_or_create(NULL::goc_citext.users, '{"name": "bOB", "tags": ["a", "b"], "extra": "l=>w, k=>v"}');
SELECT * FROM public.get_or_create(NULL::goc_citext.users, '{"name": "Cid"}');
SELECT * FROM public.get_or_create(NULL::goc_citext.users, '{"name": "cID"}', lock_strength => 'share');
SELECT * FROM public.get_or_create(NULL::goc_citext.pairs, '{"a": "x", "b": "y", "c": "z"}');
CALL pg_temp.fails($$SELECT public.get_or_create(NULL::goc_citext.pairs, '{"a": "X", "b": "y", "c": "other"}')$$);
SET search_path = goc_citext, goc_citext_types, public;

-- another operator class, an expression, a partial index
CREATE TABLE others (a citext, b citext, c citext);
CREATE UNIQUE INDEX ON others (a citext_pattern_ops);
SELECT * FROM get_or_create(NULL::others, '{"a": "x"}', '{"b": "y"}');
SELECT * FROM get_or_create(NULL::others, '{"a": "X", "b": "Y"}');
CREATE UNIQUE INDEX ON others (((b || c)::citext)) WHERE c = 'ON';
SELECT * FROM get_or_create(NULL::others, '{"b": "k", "c": "on"}', '{"a": "1"}');
SELECT * FROM get_or_create(NULL::others, '{"b": "K", "c": "On"}', '{"a": "2"}');
SET search_path = pg_catalog;
SELECT * FROM public.get_or_create(NULL::goc_citext.others, '{"b": "K", "c": "oN"}', '{"a": "2"}');
SELECT * FROM public.get_or_create(NULL::goc_citext.others, '{"b": "l", "c": "oN"}', '{"a": "3"}');
SET search_path = goc_citext, goc_citext_types, public;
-- an hstore key
CREATE TABLE stores (h hstore UNIQUE);
SELECT * FROM get_or_create(NULL::stores, '{"h": "a=>1, b=>2"}');
SELECT * FROM get_or_create(NULL::stores, '{"h": "b=>2, a=>1"}');
-- without a unique index: calls agree by citext's own hash
CREATE TABLE bare (a citext);
SELECT * FROM get_or_create(NULL::bare, '{"a": "x"}', require_unique => false);
SELECT * FROM get_or_create(NULL::bare, '{"a": "X"}', require_unique => false);
-- a partitioned table goes another way to the same answer
CREATE TABLE parts (a citext PRIMARY KEY, v int) PARTITION BY RANGE (a);
CREATE TABLE parts_1 PARTITION OF parts FOR VALUES FROM (MINVALUE) TO ('m');
CREATE TABLE parts_2 PARTITION OF parts FOR VALUES FROM ('m') TO (MAXVALUE);
SELECT * FROM get_or_create(NULL::parts, '{"a": "Foo"}', '{"v": 1}');
SELECT * FROM get_or_create(NULL::parts, '{"a": "fOO"}');
SET search_path = pg_catalog;
SELECT * FROM public.get_or_create(NULL::goc_citext.parts, '{"a": "FOO"}');
SELECT * FROM public.get_or_create(NULL::goc_citext.parts, '{"a": "FOO", "v": 1}');
SELECT * FROM public.get_or_create(NULL::goc_citext.parts, '{"a": "Zoo", "v": 1}');

SET client_min_messages = warning;
DROP SCHEMA goc_citext CASCADE;
DROP SCHEMA goc_citext_types CASCADE;
