--
-- classify_integrity_error: a fact is right or not given, whatever names and
-- values are made of
--
-- Tables and rows with random names and values, made of what stands in
-- messages and DETAILs, break every kind of rule.  What is really so is known.
--
\getenv abs_srcdir PG_ABS_SRCDIR
\i :abs_srcdir/sql/include/classify.sql
SET client_min_messages = warning;
CREATE SCHEMA random_names;
SET search_path = random_names, public;

CREATE FUNCTION random_text(bytes int) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
  pieces text[] := ARRAY['a', 'b', 'x', '"', '''', '(', ')', ', ', ' ', E'\n', '=', '.', '%', '$', '$1', '$a$', '\', '/*', '*/', '--', '»', '«', ':',
    ')=(', '" violates foreign key constraint "', '" on table "', 'DETAIL:  ', E'\nDETAIL:  Key (a)=(', ') already exists.', 'HINT:  ', E'\nCONTEXT:  ',
    ') is not present in table "', '".', 'ERROR:  ', 'null', '%s', 'duplicate key value violates unique constraint "', E'\n[SQL: ', ' at x line 1.',
    '" of relation "', 'remote SQL command: ', 'SQLSTATE[23505]: '];
  result text := '';
  more text;
BEGIN
  LOOP
    more := pieces[1 + floor(random() * cardinality(pieces))::int];
    EXIT WHEN octet_length(result) + octet_length(more) > bytes;
    result := result || more;
    EXIT WHEN random() < 0.15;
  END LOOP;
  RETURN CASE WHEN result = '' THEN 'n' || floor(random() * 1000) ELSE result END;
END $$;

-- the same error in many clothes
CREATE FUNCTION clothes(state text, msg text, det text, statement text) RETURNS text[] LANGUAGE sql AS $$
  SELECT array_agg(prefix || msg || coalesce(detail || nullif(det, ''), '') || suffix)
  FROM (VALUES ('', NULL, ''), ('', E'\nDETAIL:  ', ''), ('ERROR:  ', E'\nDETAIL:  ', E'\nCONTEXT:  SQL statement "' || statement || '"'),
    ('PG::Error: ERROR:  ', E'\nDETAIL:  ', E'\n'), ('SQLSTATE[' || state || ']: Some violation: 7 ERROR:  ', E'\nDETAIL:  ', ' at x.pl line 15.'),
    (statement || ' - ', NULL, ''), ('Batch entry 0 ' || statement || ' was aborted: ERROR: ', E'\n  Detail: ', '  Call getNextException to see other errors in the batch.'),
    ('(psycopg2.errors.Error) ', E'\nDETAIL:  ', E'\n\n[SQL: ' || statement || E']\n[parameters: {}]')) c (prefix, detail, suffix)
$$;

CREATE TABLE wrong (fact text, given text, really text, body text);
CREATE TABLE counts (given text, n bigint);

CREATE PROCEDURE break(rounds int) LANGUAGE plpgsql AS $$
DECLARE
  state text; msg text; det text; s text; t text; c text; k text; d text;
  tab text; par text; one text; two text; con text; value text; other text;
  statements text[]; statement text; body text; which int;
  fields integrity_error; e integrity_error;
BEGIN
  FOR round IN 1 .. rounds LOOP
    tab := random_text(55) || round; par := random_text(55) || 'p' || round;
    one := random_text(62); two := random_text(61) || '2'; con := random_text(50) || 'c' || round;
    value := random_text(200); other := random_text(200);
    CONTINUE WHEN one = two;
    which := round % 5;
    EXECUTE format('CREATE TABLE %I (%I text PRIMARY KEY)', par, two);
    EXECUTE format('CREATE TABLE %I (%I text, %I text%s%s)', tab, one, two, CASE WHEN which = 3 THEN ' NOT NULL' ELSE '' END,
      CASE which WHEN 0 THEN format(', CONSTRAINT %I UNIQUE (%I)', con, one)
        WHEN 1 THEN format(', CONSTRAINT %I FOREIGN KEY (%I) REFERENCES %I', con, one, par)
        WHEN 2 THEN format(', CONSTRAINT %I FOREIGN KEY (%I) REFERENCES %I', con, one, par)
        WHEN 4 THEN format(', CONSTRAINT %I CHECK (%I = %L)', con, one, '') ELSE '' END);
    EXECUTE format('INSERT INTO %I VALUES (%L)', par, value);
    statement := format('INSERT INTO %I VALUES (%L, %s)', tab, value, CASE WHEN which = 3 THEN 'NULL' ELSE quote_literal(other) END);
    IF which IN (0, 2) THEN
      EXECUTE statement;
    END IF;
    IF which = 1 THEN
      EXECUTE format('DELETE FROM %I', par);
    ELSIF which = 2 THEN
      statement := format('DELETE FROM %I WHERE %I = %L', par, two, value);
    END IF;
    BEGIN
      EXECUTE statement;
      RAISE 'not broken: %', statement;
    EXCEPTION WHEN integrity_constraint_violation THEN
      GET STACKED DIAGNOSTICS state = RETURNED_SQLSTATE, msg = MESSAGE_TEXT, det = PG_EXCEPTION_DETAIL, s = SCHEMA_NAME,
        t = TABLE_NAME, c = COLUMN_NAME, k = CONSTRAINT_NAME, d = PG_DATATYPE_NAME;
    END;
    fields := classify_integrity_error(msg, det, state, s, t, c, k, d);
    -- with all fields, everything is known, the key where it is certain
    INSERT INTO wrong SELECT fact, given, really, msg
    FROM (VALUES ('kind', nullif(fields.kind, 'other_integrity_violation'), (ARRAY['unique_violation', 'foreign_key_missing', 'foreign_key_referenced', 'not_null_violation', 'check_violation'])[which + 1]),
      ('schema', fields.schema_name, 'random_names'), ('table', fields.table_name, tab),
      ('constraint', fields.constraint_name, CASE WHEN which <> 3 THEN con END), ('columns', fields.columns::text, ARRAY[CASE which WHEN 3 THEN two ELSE one END]::text),
      ('key', fields.key_values::text, CASE WHEN which < 3 THEN ARRAY[value]::text END),
      ('referenced', fields.referenced_table, CASE WHEN which IN (1, 2) THEN quote_ident(par) END),
      ('referenced columns', fields.referenced_columns::text, CASE WHEN which IN (1, 2) THEN ARRAY[two]::text END)) f (fact, given, really)
    WHERE given IS DISTINCT FROM really AND (fact NOT IN ('key', 'kind') OR given IS NOT NULL);
    INSERT INTO counts VALUES (CASE WHEN fields.key_values IS NOT NULL THEN 'key by fields' WHEN which < 3 THEN 'no key by fields' ELSE 'fields' END, 1);
    -- without, it is right or NULL
    FOREACH body IN ARRAY clothes(state, msg, det, statement) LOOP
      e := classify_integrity_error(body);
      INSERT INTO wrong SELECT fact, given, really, body
      FROM (VALUES ('kind', nullif(nullif(e.kind, 'other'), 'other_integrity_violation'), fields.kind), ('schema', e.schema_name, fields.schema_name),
        ('table', e.table_name, fields.table_name), ('constraint', e.constraint_name, fields.constraint_name), ('columns', e.columns::text, fields.columns::text), ('key', e.key_values::text, fields.key_values::text),
        ('referenced', e.referenced_table, fields.referenced_table), ('referenced columns', e.referenced_columns::text, fields.referenced_columns::text)) f (fact, given, really)
      WHERE given <> really;
      INSERT INTO counts VALUES (CASE WHEN e.key_values IS NOT NULL THEN 'key' WHEN e.schema_name IS NOT NULL THEN 'table' WHEN e.kind <> 'other' THEN 'kind' ELSE 'nothing' END, 1);
    END LOOP;
    EXECUTE format('DROP TABLE %I, %I', tab, par);
    COMMIT;
  END LOOP;
END $$;
SELECT setseed(0.5);
CALL break(300);
SELECT DISTINCT fact, to_jsonb(given) AS given, to_jsonb(really) AS really, to_jsonb(body) AS body FROM wrong ORDER BY 1, 2, 3, 4;
-- and often enough it is given
SELECT given, sum(n) > 30 AS often FROM counts GROUP BY given ORDER BY 1;
RESET search_path;
DROP SCHEMA random_names CASCADE;
