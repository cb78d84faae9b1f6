--
-- Keys WITHOUT OVERLAPS and foreign keys over a PERIOD, which PostgreSQL has
-- since 18
--
\getenv abs_srcdir PG_ABS_SRCDIR
\i :abs_srcdir/sql/include/setup.sql
CREATE SCHEMA without_overlaps;
SET search_path = without_overlaps, public;
\pset null ~

CREATE TABLE bookings
(
	number int UNIQUE,
	room int4range,
	during daterange,
	guest text,
	CONSTRAINT bookings_pkey PRIMARY KEY (room, during WITHOUT OVERLAPS)
);
CREATE TABLE services
(
	id int PRIMARY KEY,
	room int4range,
	during daterange,
	CONSTRAINT services_booking FOREIGN KEY (room, PERIOD during) REFERENCES bookings (room, PERIOD during)
);
INSERT INTO bookings VALUES
	(1, '[1,2)', '[2026-01-01,2026-01-05)', 'ann'), (2, '[1,2)', '[2026-01-05,2026-01-09)', 'bob');

-- such a key decides nothing: it is no equality
CALL pg_temp.fails($$SELECT get_or_create(NULL::bookings, '{"room": "[1,2)", "during": "[2026-01-01,2026-01-05)"}')$$);
CALL pg_temp.fails($$SELECT get_or_create(NULL::bookings, '{"room": "[1,2)", "during": "[2026-01-01,2026-01-05)"}', arbiter => 'bookings_pkey')$$);
-- nor does it hinder another key
SELECT (g.record).*, g.was_created FROM get_or_create(NULL::bookings, '{"number": 1}') AS g;
SELECT (g.record).*, g.was_created FROM get_or_create(NULL::bookings, '{"number": 3}',
	'{"room": "[2,3)", "during": "[2026-01-01,2026-01-05)"}') AS g;
CALL pg_temp.fails($$SELECT get_or_create(NULL::bookings, '{"number": 4}', '{"room": "[1,2)", "during": "[2026-01-03,2026-01-06)"}')$$);
-- without a key
SELECT (g.record).*, g.was_created FROM get_or_create(NULL::bookings,
	'{"room": "[1,2)", "during": "[2026-01-05,2026-01-09)"}', require_unique => false) AS g;
SELECT (g.record).*, g.was_created FROM get_or_create(NULL::bookings,
	'{"room": "[3,4)", "during": "[2026-01-05,2026-01-09)"}', require_unique => false) AS g;
CALL pg_temp.fails($$SELECT get_or_create(NULL::bookings, '{"room": "[3,4)", "during": "[2026-01-08,2026-01-10)"}', require_unique => false)$$);
SELECT (u.record).*, u.was_created, u.was_updated FROM update_or_create(NULL::bookings, '{"number": 3}',
	'{"during": "[2026-01-02,2026-01-03)"}') AS u;
CALL pg_temp.fails($$SELECT update_or_create(NULL::bookings, '{"number": 3}', '{"room": "[1,2)"}')$$);

-- the rows that a candidate would meet
SELECT * FROM find_conflicts(NULL::bookings, '{"number": 1, "room": "[1,2)", "during": "[2026-01-04,2026-01-06)"}');
SELECT * FROM find_conflicts(NULL::bookings, '{"number": 9, "room": "[1,2)", "during": "[2026-02-04,2026-02-06)"}');
SELECT * FROM find_conflicts(NULL::bookings, '{"number": 9, "room": "[1,2)"}');
-- and the INSERT itself
CREATE FUNCTION pg_temp.facts(e integrity_error) RETURNS text LANGUAGE sql AS $$
	SELECT concat_ws(' ', e.sqlstate, e.kind, 'constraint=' || e.constraint_name, 'table=' || e.table_name,
		'columns=' || e.columns::text, 'key=' || e.key_values::text, 'referenced=' || e.referenced_table,
		'referenced_columns=' || e.referenced_columns::text, 'retry=' || e.retry, e.http_status)
$$;
SELECT (t.record).number, t.was_created, pg_temp.facts(t.error) FROM try_create(NULL::bookings,
	'{"number": 9, "room": "[1,2)", "during": "[2026-01-04,2026-01-06)"}') AS t;

-- an empty range is allowed in no such key
SELECT pg_temp.facts(t.error) FROM try_create(NULL::bookings, '{"number": 9, "room": "[1,2)", "during": "empty"}') AS t;
SELECT pg_temp.facts(last_integrity_error());
SELECT * FROM find_conflicts(NULL::bookings, '{"number": 9, "room": "[1,2)", "during": "empty"}');
CREATE TABLE spans (number int UNIQUE, room int4range, floor int4range, during datemultirange,
	UNIQUE (room, during WITHOUT OVERLAPS), UNIQUE (floor, during WITHOUT OVERLAPS));
SELECT * FROM find_conflicts(NULL::spans, '{"room": null, "during": "{}"}');
SELECT pg_temp.facts(t.error) FROM try_create(NULL::spans, '{"room": null, "during": "{}"}') AS t;
SELECT * FROM find_conflicts(NULL::spans, '{"room": null, "during": null}');

-- a foreign key over a period: several rows can cover it together
SELECT (g.record).*, g.was_created FROM get_or_create(NULL::services, '{"id": 1}',
	'{"room": "[1,2)", "during": "[2026-01-02,2026-01-08)"}') AS g;
SELECT pg_temp.facts(t.error) FROM try_create(NULL::services,
	'{"id": 2, "room": "[1,2)", "during": "[2026-01-02,2026-01-12)"}') AS t;
-- it is not anticipated
SELECT * FROM find_conflicts(NULL::services, '{"id": 1, "room": "[1,2)", "during": "[2026-01-02,2026-01-12)"}');
CREATE FUNCTION pg_temp.facts_of(statement text) RETURNS text LANGUAGE plpgsql AS $$
BEGIN
	EXECUTE statement;
	SET CONSTRAINTS ALL IMMEDIATE;
	RETURN 'it worked';
EXCEPTION WHEN OTHERS THEN
	RETURN pg_temp.facts(last_integrity_error());
END $$;
SELECT pg_temp.facts_of('DELETE FROM bookings WHERE number = 2');
SELECT pg_temp.facts_of($$UPDATE services SET during = '[2026-01-08,2026-01-12)'$$);

SET client_min_messages = warning;
DROP SCHEMA without_overlaps CASCADE;
