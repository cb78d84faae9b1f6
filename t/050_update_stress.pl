# Many sessions, few keys: updaters of different columns, deleters and movers at
# once, through update_or_create.
#
# READ COMMITTED, a table without row security: it must never fail, whatever
# the others do, and lose nothing.  Each row counts its own updates by a trigger
# and keeps, in columns of its own, the latest value of each kind of updater;
# afterwards:
#  - no session has seen an error, and none is in the server's log;
#  - the answers with was_created = true are as many as the inserts that an
#    AFTER trigger counted, those with was_updated = true as many as the updates;
#  - every answer shows the values that were asked for;
#  - no update is lost: what a row has in a column is what the last of those
#    who updated this row there was told.
#
# DUPLICATE_GUARD_STRESS_SECONDS makes it longer.

use strict;
use warnings;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $seconds = $ENV{DUPLICATE_GUARD_STRESS_SECONDS} || 5;
my $sessions = 16;
my $keys = 200;

my $node = PostgreSQL::Test::Cluster->new('update_stress');
$node->init;
$node->append_conf(
	'postgresql.conf', qq(
max_connections = 40
autovacuum_naptime = 1s
deadlock_timeout = 200ms
log_statement = none
));
$node->start;

$node->safe_psql(
	'postgres', q(
CREATE EXTENSION duplicate_guard;

CREATE TABLE thing (
	id		bigserial,
	part	integer NOT NULL DEFAULT 0,
	key		integer NOT NULL,
	a		integer,
	b		integer,
	version	integer NOT NULL DEFAULT 0
) PARTITION BY LIST (part);
CREATE TABLE thing_0 PARTITION OF thing FOR VALUES IN (0);
CREATE TABLE thing_1 PARTITION OF thing FOR VALUES IN (1);

CREATE TABLE plain (
	id		bigserial,
	key		integer PRIMARY KEY,
	a		integer,
	b		integer,
	version	integer NOT NULL DEFAULT 0
);

-- what the sessions were told, and what was written; no indexes, so that the
-- bookkeeping adds no waits
CREATE TABLE answer (kind text, asked integer, value integer, id bigint, a integer, b integer, version integer,
	was_created boolean, was_updated boolean);
CREATE TABLE written (op text, id bigint);

CREATE FUNCTION count_version() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
	NEW.version := OLD.version + 1;
	RETURN NEW;
END $$;
CREATE FUNCTION count_write() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
	INSERT INTO written VALUES (TG_OP, NEW.id);
	RETURN NULL;
END $$;
CREATE TRIGGER count_version BEFORE UPDATE ON plain FOR EACH ROW EXECUTE FUNCTION count_version();
CREATE TRIGGER count_write AFTER INSERT OR UPDATE ON plain FOR EACH ROW EXECUTE FUNCTION count_write();
INSERT INTO thing (key) SELECT generate_series(1, 20);
));

sub update
{
	my ($column) = @_;

	return qq(\\set k random_zipfian(1, $keys, 1.1)\n\\set v random(1, 3)\n) . qq(
INSERT INTO answer
SELECT '$column', :k::integer, :v::integer, (g.record).id, (g.record).a, (g.record).b, (g.record).version, g.was_created, g.was_updated
FROM update_or_create(NULL::plain, jsonb_build_object('key', :k::integer),
					  jsonb_build_object('$column', :v::integer)) AS g;
);
}

my %scripts = (
	'001_a@4' => update('a'),
	'002_b@4' => update('b'),
	'003_a_open@1' => "BEGIN;\n" . update('a') . "\\sleep 1 ms\nCOMMIT;\n",
	'004_b_rollback@1' => "BEGIN;\n" . update('b') . "\\sleep 1 ms\nROLLBACK;\n",
	'005_delete@1' => "\\set k random_zipfian(1, $keys, 1.1)\nDELETE FROM plain WHERE key = :k;\n",
	# rows that run from one partition to the other under those who look for them
	'006_move@2' => "\\set k random(1, 20)\n" . q(
SELECT was_updated FROM update_or_create(NULL::thing, jsonb_build_object('key', :k::integer),
	jsonb_build_object('part', (random() < 0.5)::integer), require_unique => false);
),
	'007_moved@2' => "\\set k random(1, 20)\n\\set v random(1, 1000000)\n" . q(
SELECT was_updated FROM update_or_create(NULL::thing, jsonb_build_object('key', :k::integer),
	jsonb_build_object('a', :v::integer), require_unique => false);
));

$node->pgbench(
	"--no-vacuum --client=$sessions --jobs=2 --time=$seconds",
	0,
	[qr{number of clients: $sessions\b}, qr{number of transactions actually processed: [1-9]}],
	[qr{^$}],
	"$sessions sessions for $seconds seconds, no error",
	\%scripts);

my @errors = grep { /(?:ERROR|FATAL|PANIC):/ } split /\n/, slurp_file($node->logfile);
is(scalar(@errors), 0, 'no error in the server log');
diag($_) foreach splice(@errors, 0, 10);

is( $node->safe_psql(
		'postgres', q(
SELECT (SELECT count(*) FROM answer WHERE was_created) - (SELECT count(*) FROM written WHERE op = 'INSERT'),
	   (SELECT count(*) FROM answer WHERE was_updated) - (SELECT count(*) FROM written WHERE op = 'UPDATE'))),
	'0|0',
	'was_created as often as inserted, was_updated as often as updated');

is( $node->safe_psql(
		'postgres', q(
SELECT count(*) FROM answer WHERE value IS DISTINCT FROM CASE kind WHEN 'a' THEN a ELSE b END)),
	'0',
	'every answer shows the value that was asked for');

is( $node->safe_psql(
		'postgres', q(
SELECT count(*) FROM plain AS p
WHERE (p.a, p.b, p.version) IS DISTINCT FROM
	(SELECT (w.a, w.b, w.version) FROM answer AS w
	 WHERE w.id = p.id AND (w.was_created OR w.was_updated) ORDER BY w.version DESC LIMIT 1))),
	'0',
	'every row is as the last one who wrote it was told');

is( $node->safe_psql(
		'postgres', q(
WITH w AS (SELECT *, lag(a) OVER h AS old_a, lag(b) OVER h AS old_b, lag(version) OVER h AS old_version
		   FROM answer WHERE was_created OR was_updated WINDOW h AS (PARTITION BY id ORDER BY version))
SELECT count(*) FROM w
WHERE version <> coalesce(old_version + 1, 0) OR
	version > 0 AND CASE kind WHEN 'a' THEN b IS DISTINCT FROM old_b ELSE a IS DISTINCT FROM old_a END)),
	'0',
	'from each version of a row to the next only the named column changed');

is($node->safe_psql('postgres', 'SELECT count(*), count(DISTINCT key) FROM thing'),
	'20|20', 'rows that moved were neither lost nor made twice');

is( $node->safe_psql(
		'postgres', q(
SELECT count(*) FILTER (WHERE was_created) > 20, count(*) FILTER (WHERE was_updated) > 200,
	   count(*) FILTER (WHERE NOT was_created AND NOT was_updated) > 100
FROM answer)),
	't|t|t',
	'rows were created, updated and left alone');

note($node->safe_psql(
		'postgres', q(
SELECT format('%s answers, %s created, %s updated', count(*), count(*) FILTER (WHERE was_created),
			  count(*) FILTER (WHERE was_updated)) FROM answer)));

$node->stop;
done_testing();
