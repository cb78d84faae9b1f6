\set ECHO none
--
-- Breaks a rule for real and feeds what the server said about it into
-- classify_integrity_error() in three ways: with all fields, without the
-- names, and as the one text that psql would show.
--
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS duplicate_guard;
RESET client_min_messages;
SET lc_messages = 'C';

-- The facts in one line.
CREATE FUNCTION pg_temp.facts(e integrity_error) RETURNS text LANGUAGE sql AS $$
  SELECT concat_ws(' ',
    coalesce(e.sqlstate, '-----'),
    e.kind,
    'constraint=' || e.constraint_name,
    'table=' || coalesce(e.schema_name, '?') || '.' || e.table_name,
    CASE WHEN e.table_name IS NULL THEN 'schema=' || e.schema_name END,
    'partition=' || e.partition_name,
    'columns=' || e.columns::text,
    'key=' || e.key_values::text,
    'referenced=' || e.referenced_table,
    'referenced_columns=' || e.referenced_columns::text,
    'datatype=' || e.datatype_name)
$$;

-- What b says otherwise than a.
CREATE FUNCTION pg_temp.difference(a integrity_error, b integrity_error)
RETURNS text LANGUAGE sql AS $$
  SELECT coalesce(string_agg(y.key || '=' || coalesce(y.value, 'NULL'), ' '
                             ORDER BY array_position(ARRAY['kind', 'sqlstate',
                               'condition_name', 'message', 'detail', 'hint',
                               'schema_name', 'table_name', 'partition_name',
                               'constraint_name', 'columns', 'key_values',
                               'referenced_table', 'referenced_columns',
                               'datatype_name', 'retry', 'http_status',
                               'remedy', 'user_message'], y.key)), 'same')
  FROM jsonb_each_text(to_json(a)::jsonb) x JOIN jsonb_each_text(to_json(b)::jsonb) y USING (key)
  WHERE x.value IS DISTINCT FROM y.value
$$;

CREATE FUNCTION pg_temp.broken(label text, statement text, who name DEFAULT NULL,
                               OUT what text, OUT way text, OUT says text)
RETURNS SETOF record LANGUAGE plpgsql AS $$
#variable_conflict use_variable
DECLARE
  state text; msg text; det text; hin text; con text;
  s text; t text; c text; k text; d text;
  body text;
  a integrity_error; b integrity_error;
BEGIN
  BEGIN
    IF who IS NOT NULL THEN
      EXECUTE format('SET LOCAL ROLE %I', who);
    END IF;
    EXECUTE statement;
    SET CONSTRAINTS ALL IMMEDIATE;
    RAISE EXCEPTION 'not broken' USING ERRCODE = 'ZZZZZ';
  EXCEPTION WHEN OTHERS THEN
    GET STACKED DIAGNOSTICS state = RETURNED_SQLSTATE, msg = MESSAGE_TEXT,
      det = PG_EXCEPTION_DETAIL, hin = PG_EXCEPTION_HINT,
      con = PG_EXCEPTION_CONTEXT, s = SCHEMA_NAME, t = TABLE_NAME,
      c = COLUMN_NAME, k = CONSTRAINT_NAME, d = PG_DATATYPE_NAME;
  END;
  a := classify_integrity_error(msg, det, state, s, t, c, k, d);
  what := label; way := 'all fields'; says := pg_temp.facts(a);
  -- RESTRICT has a SQLSTATE of its own from 18 on: see restrict_since_18
  IF state = '23001' AND current_setting('server_version_num')::int >= 180000 THEN
    says := regexp_replace(says, '^23001', '23503');
  END IF;
  RETURN NEXT;
  what := '';
  b := classify_integrity_error(message => msg, detail => det, sqlstate => state);
  way := 'no names'; says := pg_temp.difference(a, b);
  RETURN NEXT;
  body := 'ERROR:  ' || msg || E'\n' ||
    CASE WHEN det <> '' THEN 'DETAIL:  ' || det || E'\n' ELSE '' END ||
    CASE WHEN hin <> '' THEN 'HINT:  ' || hin || E'\n' ELSE '' END ||
    CASE WHEN con <> '' THEN 'CONTEXT:  ' || con || E'\n' ELSE '' END;
  b := classify_integrity_error(body);
  way := 'text'; says := pg_temp.difference(a, b);
  RETURN NEXT;
END
$$;
\pset footer off
\set ECHO all
