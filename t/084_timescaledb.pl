# TimescaleDB, where the extension is available to the server; skipped elsewhere.
# A hypertable with rows in several chunks, a race of 16 sessions over chunks that
# do not exist yet, and the errors that chunks raise.

use strict;
use warnings;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $library = `$ENV{PG_CONFIG} --pkglibdir`;
chomp $library;
plan skip_all => 'TimescaleDB is not installed' unless -e "$library/timescaledb.so";

my $node = PostgreSQL::Test::Cluster->new('timescaledb');
$node->init;
$node->append_conf('postgresql.conf', "shared_preload_libraries = 'timescaledb'\ntimescaledb.telemetry_level = off");
$node->start;
sub ask { return $node->safe_psql('postgres', $_[0]) }

ask(q(
SET client_min_messages = warning;
CREATE EXTENSION timescaledb;
CREATE EXTENSION duplicate_guard;
CREATE TABLE reading (sensor int, at date NOT NULL, value int CONSTRAINT reading_value CHECK (value > 0), note text NOT NULL DEFAULT 'n',
	CONSTRAINT reading_key UNIQUE (sensor, at));
COMMENT ON CONSTRAINT reading_key ON reading IS 'This reading is there.';
));
my $session = $node->background_psql('postgres');
my $old = q(SELECT record, was_created FROM get_or_create(NULL::reading, '{"sensor": 1, "at": "2024-01-01"}', '{"value": 3}'));
is($session->query_safe($old), '(1,2024-01-01,3,n)|t', 'a plain table: created');
ask(q(SET client_min_messages = warning; SELECT create_hypertable('reading', 'at', migrate_data => true)));
is($session->query_safe($old), '(1,2024-01-01,3,n)|f', 'a hypertable meanwhile: found in its chunk');
$session->quit;

is( ask(q(SELECT record, was_created FROM get_or_create(NULL::reading, '{"sensor": 1, "at": "2024-06-01"}');
	SELECT record, was_created FROM get_or_create(NULL::reading, '{"sensor": 1, "at": "2024-06-01"}', lock_strength => 'update');
	SELECT record, was_created, was_updated FROM update_or_create(NULL::reading, '{"sensor": 1, "at": "2024-06-01"}', '{"value": 4}');
	SELECT record, was_created, was_updated FROM update_or_create(NULL::reading, '{"sensor": 1, "at": "2024-06-01"}', '{"value": 4}'))),
	"(1,2024-06-01,,n)|t\n(1,2024-06-01,,n)|f\n(1,2024-06-01,4,n)|f|t\n(1,2024-06-01,4,n)|f|f",
	'single functions');
is( ask(q(SELECT record, was_created FROM get_or_create_many(NULL::reading, '[{"sensor": 1, "at": "2024-06-01"}, {"sensor": 2, "at": "2025-01-01", "value": 1}, {"sensor": 2, "at": "2025-09-01"}, {"sensor": 2, "at": "2025-09-01"}]', '{sensor,at}');
	SELECT record, was_created, was_updated FROM update_or_create_many(NULL::reading, '[{"sensor": 1, "at": "2024-06-01", "value": 9}, {"sensor": 2, "at": "2026-01-01"}]', '{sensor,at}'))),
	"(1,2024-06-01,4,n)|f\n(2,2025-01-01,1,n)|t\n(2,2025-09-01,,n)|t\n(2,2025-09-01,,n)|f\n(1,2024-06-01,9,n)|f|t\n(2,2026-01-01,,n)|t|f",
	'batches');
is( ask(q(SELECT record, (error).table_name, (error).constraint_name, (error).columns, (error).partition_name LIKE '%chunk', (error).user_message
	FROM try_create_many(NULL::reading, '[{"sensor": 1, "at": "2024-06-01"}, {"sensor": 3, "at": "2024-06-01"}, {"sensor": 3, "at": "2024-06-02", "value": -1}, {"sensor": 3, "at": "2024-06-02", "note": null}]'))),
	"|reading|reading_key|{sensor,at}|t|This reading is there.\n(3,2024-06-01,,n)|||||\n|reading|reading_value|{value}|t|This value is not allowed.\n|reading||{note}|t|The note must be filled in.",
	'errors of chunks bear the names of the hypertable');
is( ask(q(SELECT kind, constraint_name, record FROM find_conflicts(NULL::reading, '{"sensor": 1, "at": "2024-06-01", "value": -1}'))),
	"check_violation|reading_value|\nunique_violation|reading_key|(1,2024-06-01,9,n)",
	'find_conflicts looks into the chunks');
is( ask(q(SELECT record, was_created FROM get_or_create(NULL::reading, '{"sensor": 7}', '{"at": "2024-06-01"}', require_unique => false);
	SELECT record, was_created FROM get_or_create(NULL::reading, '{"sensor": 7}', '{"at": "2024-09-01"}', require_unique => false))),
	"(7,2024-06-01,,n)|t\n(7,2024-06-01,,n)|f",
	'require_unique => false');

ask('CREATE TABLE answer (day int, created int)');
my $script = $node->basedir . '/race.sql';
append_to_file($script, q(\set day random(1, 200)
INSERT INTO answer SELECT :day, g.was_created::int FROM get_or_create(NULL::reading, jsonb_build_object('sensor', 99, 'at', date '2030-01-01' + :day)) AS g;
));
$node->command_ok([ 'pgbench', '-n', '-c16', '-j2', '-t60', '-f', $script, 'postgres' ], 'race: no error');
is(ask('SELECT count(*) FROM answer'), 960, 'race: every call is answered');
is( ask('SELECT count(*), count(*) FILTER (WHERE n <> 1) FROM (SELECT day, sum(created) AS n FROM answer GROUP BY day) s'),
	ask('SELECT count(*), 0 FROM reading WHERE sensor = 99'),
	'race: exactly one call created each row');

$node->stop;
done_testing();
