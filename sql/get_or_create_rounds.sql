--
-- get_or_create: the loop ends, after as many rounds as guard.c says
--
\getenv abs_srcdir PG_ABS_SRCDIR
\i :abs_srcdir/sql/include/setup.sql
-- what an earlier run that was stopped may have left
SET client_min_messages = warning;
DROP ROLE IF EXISTS regress_dg_rounds;
RESET client_min_messages;
CREATE ROLE regress_dg_rounds;
CREATE SCHEMA goc_rounds;
GRANT USAGE ON SCHEMA goc_rounds TO regress_dg_rounds;
SET search_path = goc_rounds, public;

-- Each attempt to insert takes a value: the column's default.
CREATE SEQUENCE attempts;
GRANT USAGE, SELECT, UPDATE ON SEQUENCE attempts TO regress_dg_rounds;
CREATE PROCEDURE attempts_of(query text) LANGUAGE plpgsql AS $$
BEGIN
	PERFORM setval('attempts', 1, false);
	BEGIN
		EXECUTE query;
		RAISE INFO 'no error';
	EXCEPTION WHEN OTHERS THEN
		RAISE INFO '% after % attempts', SQLSTATE, (SELECT last_value FROM attempts);
	END;
END $$;

--
-- A plain table: 64 rounds and the plain INSERT.  That so many pass takes a
-- function in the index that is not as immutable as it says: the row that is
-- looked for has another key than the one that is inserted.
--
CREATE FUNCTION salted(k text) RETURNS text LANGUAGE plpgsql IMMUTABLE AS
$$BEGIN RETURN current_setting('goc_rounds.salt') || k; END$$;
CREATE TABLE salted_keys
(
	k text,
	attempt int DEFAULT nextval('attempts'),
	salt text DEFAULT set_config('goc_rounds.salt', 'inserting', false)
);
SET goc_rounds.salt = 'looking';
CREATE UNIQUE INDEX ON salted_keys (salted(k));
SELECT was_created FROM get_or_create(NULL::salted_keys, '{"k": "a"}');
SET goc_rounds.salt = 'looking';
CALL attempts_of($$SELECT get_or_create(NULL::salted_keys, '{"k": "a"}')$$);

--
-- Where a row may be there that the look cannot see: 3 rounds and the plain
-- INSERT.  Behind a BEFORE trigger
--
CREATE TABLE rewritten (k text UNIQUE, attempt int DEFAULT nextval('attempts'));
CREATE FUNCTION rewrite() RETURNS trigger LANGUAGE plpgsql AS $$BEGIN NEW.k := lower(NEW.k); RETURN NEW; END$$;
CREATE TRIGGER rewrite BEFORE INSERT ON rewritten FOR EACH ROW EXECUTE FUNCTION rewrite();
SELECT was_created FROM get_or_create(NULL::rewritten, '{"k": "a"}');
CALL attempts_of($$SELECT get_or_create(NULL::rewritten, '{"k": "A"}')$$);
-- behind a view
CREATE TABLE behind (k int PRIMARY KEY, hidden boolean DEFAULT false, attempt int DEFAULT nextval('attempts'));
CREATE VIEW shown AS SELECT k FROM behind WHERE NOT hidden;
INSERT INTO behind VALUES (1, true);
CALL attempts_of($$SELECT get_or_create(NULL::shown, '{"k": 1}')$$);
-- behind row security
GRANT SELECT, INSERT ON behind TO regress_dg_rounds;
ALTER TABLE behind ENABLE ROW LEVEL SECURITY;
CREATE POLICY not_hidden ON behind USING (NOT hidden);
SET ROLE regress_dg_rounds;
CALL attempts_of($$SELECT get_or_create(NULL::behind, '{"k": 1}')$$);
RESET ROLE;

RESET goc_rounds.salt;
SET client_min_messages = warning;
DROP SCHEMA goc_rounds CASCADE;
DROP ROLE regress_dg_rounds;
