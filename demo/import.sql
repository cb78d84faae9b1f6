-- The demo's tables and its two ways to import a package record.

CREATE EXTENSION duplicate_guard;

CREATE TABLE records (
	id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
	package text NOT NULL,
	version text NOT NULL,
	architecture text NOT NULL,
	section text NOT NULL,
	maintainer text NOT NULL,
	email text NOT NULL);

CREATE TABLE sections (
	id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
	name text NOT NULL UNIQUE);

CREATE TABLE maintainers (
	id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
	email text NOT NULL,
	name text NOT NULL);
CREATE UNIQUE INDEX maintainers_email ON maintainers (lower(email));

CREATE TABLE packages (
	id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
	name text NOT NULL,
	version text NOT NULL,
	architecture text NOT NULL,
	section_id bigint NOT NULL REFERENCES sections,
	maintainer_id bigint NOT NULL REFERENCES maintainers,
	UNIQUE (name, version, architecture));

-- What a session has done so far; reported as INFO lines, which demo/run reads.
CREATE TYPE progress AS (
	created bigint[],			-- in sections, maintainers, packages
	found bigint,
	errors bigint);

-- All sessions go through the records in the same direction, as workers on one
-- feed do, but each takes every stretch of 500 in an order of its own.
CREATE FUNCTION records_for(session integer) RETURNS SETOF records
LANGUAGE sql STABLE AS $$
	SELECT * FROM records ORDER BY id / 500, hashint8extended(id, session)
$$;

CREATE PROCEDURE report(p progress)
LANGUAGE plpgsql AS $$
BEGIN
	RAISE INFO 'progress % % % % %', p.created[1], p.created[2], p.created[3], p.found, p.errors;
END
$$;

-- The cure: three calls for a record, and nothing to catch.
CREATE PROCEDURE import_get_or_create(session integer)
LANGUAGE plpgsql AS $$
DECLARE
	r records;
	s record;
	m record;
	p record;
	done progress := ('{0,0,0}', 0, 0);
BEGIN
	FOR r IN SELECT * FROM records_for(session)
	LOOP
		s := get_or_create(NULL::sections, jsonb_build_object('name', r.section));
		m := get_or_create(NULL::maintainers, jsonb_build_object('email', r.email),
						   jsonb_build_object('name', r.maintainer));
		p := get_or_create(NULL::packages,
						   jsonb_build_object('name', r.package, 'version', r.version,
											  'architecture', r.architecture),
						   jsonb_build_object('section_id', (s.record).id,
											  'maintainer_id', (m.record).id));
		COMMIT;
		done.created[1] := done.created[1] + s.was_created::integer;
		done.created[2] := done.created[2] + m.was_created::integer;
		done.created[3] := done.created[3] + p.was_created::integer;
		done.found := done.found
			+ 3 - s.was_created::integer - m.was_created::integer - p.was_created::integer;
		IF done.found % 500 < 3 THEN
			CALL report(done);
		END IF;
	END LOOP;
	CALL report(done);
END
$$;

-- The problem: the three functions that every application has somewhere ...
CREATE FUNCTION section_for(r records, OUT id bigint, OUT was_created boolean)
LANGUAGE plpgsql AS $$
BEGIN
	SELECT s.id INTO id FROM sections s WHERE s.name = r.section;
	was_created := NOT FOUND;
	IF was_created THEN
		INSERT INTO sections AS s (name) VALUES (r.section) RETURNING s.id INTO id;
	END IF;
END
$$;

CREATE FUNCTION maintainer_for(r records, OUT id bigint, OUT was_created boolean)
LANGUAGE plpgsql AS $$
BEGIN
	SELECT m.id INTO id FROM maintainers m WHERE lower(m.email) = lower(r.email);
	was_created := NOT FOUND;
	IF was_created THEN
		INSERT INTO maintainers AS m (email, name) VALUES (r.email, r.maintainer)
			RETURNING m.id INTO id;
	END IF;
END
$$;

CREATE FUNCTION package_for(r records, section_id bigint, maintainer_id bigint,
							OUT id bigint, OUT was_created boolean)
LANGUAGE plpgsql AS $$
BEGIN
	SELECT p.id INTO id FROM packages p
		WHERE (p.name, p.version, p.architecture) = (r.package, r.version, r.architecture);
	was_created := NOT FOUND;
	IF was_created THEN
		INSERT INTO packages AS p (name, version, architecture, section_id, maintainer_id)
			VALUES (r.package, r.version, r.architecture, section_id, maintainer_id)
			RETURNING p.id INTO id;
	END IF;
END
$$;

-- ... and the import by them, which has to catch errors and to try again.
CREATE PROCEDURE import_check_then_create(session integer)
LANGUAGE plpgsql AS $$
DECLARE
	r records;
	s record;
	m record;
	p record;
	done progress := ('{0,0,0}', 0, 0);
BEGIN
	FOR r IN SELECT * FROM records_for(session)
	LOOP
		LOOP
			BEGIN
				s := section_for(r);
				m := maintainer_for(r);
				p := package_for(r, s.id, m.id);
				EXIT;
			EXCEPTION WHEN unique_violation THEN
				RAISE INFO 'caught %', SQLERRM;
				done.errors := done.errors + 1;
			END;
		END LOOP;
		COMMIT;
		done.created[1] := done.created[1] + s.was_created::integer;
		done.created[2] := done.created[2] + m.was_created::integer;
		done.created[3] := done.created[3] + p.was_created::integer;
		done.found := done.found
			+ 3 - s.was_created::integer - m.was_created::integer - p.was_created::integer;
		IF done.found % 500 < 3 THEN
			CALL report(done);
		END IF;
	END LOOP;
	CALL report(done);
END
$$;
