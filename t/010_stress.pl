# Many sessions, few keys, creators, deleters and movers at once.
#
# Plain table, READ COMMITTED, no BEFORE triggers and no row security: here
# get_or_create must never fail, whatever the others do.  Afterwards:
#  - no session has seen an error, and none is in the server's log;
#  - for every key, the answers with was_created = true are as many as the
#    inserts that an AFTER trigger counted;
#  - every row that was handed out is one that somebody inserted, under the
#    key that was asked for;
#  - no two rows share a key, by a sequential scan.
#
# DUPLICATE_GUARD_STRESS_SECONDS makes it longer.

use strict;
use warnings;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $seconds = $ENV{DUPLICATE_GUARD_STRESS_SECONDS} || 8;
my $sessions = 32;
my $keys = 300;

my $node = PostgreSQL::Test::Cluster->new('stress');
$node->init;
$node->append_conf(
	'postgresql.conf', qq(
max_connections = 60
autovacuum_naptime = 1s
deadlock_timeout = 200ms
log_statement = none
));
$node->start;

$node->safe_psql(
	'postgres', q(
CREATE EXTENSION duplicate_guard;

CREATE TABLE thing (
	id		bigserial PRIMARY KEY,
	key		integer NOT NULL UNIQUE,
	maker	integer NOT NULL
);

-- what the sessions were told, and what was inserted; no indexes, so that the
-- bookkeeping adds no waits
CREATE TABLE answer (asked integer, id bigint, key integer, was_created boolean);
CREATE TABLE inserted (id bigint, key integer);
CREATE TABLE deleted (id bigint);

CREATE FUNCTION count_insert() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
	INSERT INTO inserted VALUES (NEW.id, NEW.key);
	RETURN NULL;
END $$;
CREATE TRIGGER count_insert AFTER INSERT ON thing
	FOR EACH ROW EXECUTE FUNCTION count_insert();

-- a key that moves away and, seen from the other side, one that moves in
CREATE FUNCTION move(from_key integer, to_key integer) RETURNS void
LANGUAGE plpgsql AS $$
BEGIN
	UPDATE thing SET key = to_key WHERE key = from_key;
EXCEPTION WHEN unique_violation THEN
	NULL;
END $$;
));

my $create = q(
INSERT INTO answer
SELECT :k::integer, (g.record).id, (g.record).key, g.was_created
FROM get_or_create(NULL::thing, jsonb_build_object('key', :k::integer),
				   jsonb_build_object('maker', :client_id::integer)) AS g;
);

# A transaction takes its keys in ascending order, and a mover moves upwards:
# nobody holds a key while it waits for a smaller one, so that there is no
# deadlock that would be the application's own fault.
my %scripts = (
	'001_create@8' => "\\set k random_zipfian(1, $keys, 1.1)\n$create",
	'002_create_open@2' => "\\set k random_zipfian(1, $keys, 1.1)\nBEGIN;\n$create\\sleep 1 ms\nCOMMIT;\n",
	'003_create_rollback@2' => "\\set k random_zipfian(1, $keys, 1.1)\nBEGIN;\n$create\\sleep 1 ms\nROLLBACK;\n",
	'004_create_several@2' => "\\set k random_zipfian(1, $keys, 1.1)\n" . q(
INSERT INTO answer
SELECT key, (g.record).id, (g.record).key, g.was_created
FROM generate_series(:k::integer, :k::integer + 7) AS key,
	 LATERAL get_or_create(NULL::thing, jsonb_build_object('key', key),
						   jsonb_build_object('maker', :client_id::integer)) AS g;
),
	'005_create_lock@1' => "\\set k random_zipfian(1, $keys, 1.1)\n" . q(
INSERT INTO answer
SELECT :k::integer, (g.record).id, (g.record).key, g.was_created
FROM get_or_create(NULL::thing, jsonb_build_object('key', :k::integer),
				   jsonb_build_object('maker', :client_id::integer),
				   lock_strength => 'update') AS g;
),
	'006_delete@6' => "\\set k random_zipfian(1, $keys, 1.1)\n" . q(
WITH d AS (DELETE FROM thing WHERE key = :k RETURNING id)
INSERT INTO deleted SELECT id FROM d;
),
	'007_delete_open@1' => "\\set k random_zipfian(1, $keys, 1.1)\n" . q(BEGIN;
WITH d AS (DELETE FROM thing WHERE key = :k RETURNING id)
INSERT INTO deleted SELECT id FROM d;
\sleep 1 ms
COMMIT;
),
	'008_move@1' => "\\set k random_zipfian(1, $keys, 1.1)\n\\set d random(1, 20)\n"
	  . "SELECT move(:k::integer, :k::integer + :d::integer);\n");

$node->pgbench(
	"--no-vacuum --client=$sessions --jobs=2 --time=$seconds --protocol=prepared",
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
SELECT count(*)
FROM (SELECT asked AS key, count(*) AS n FROM answer WHERE was_created GROUP BY 1) AS a
FULL JOIN (SELECT key, count(*) AS n FROM inserted GROUP BY 1) AS i USING (key)
WHERE a.n IS DISTINCT FROM i.n)),
	'0',
	'for every key: was_created as often as inserted');

is( $node->safe_psql(
		'postgres',
		'SELECT count(*) FROM answer WHERE id IS NULL OR key IS DISTINCT FROM asked'),
	'0',
	'every answer is a row with the key that was asked for');

is( $node->safe_psql(
		'postgres', q(
SELECT count(*) FROM answer AS a
WHERE NOT EXISTS (SELECT FROM inserted AS i WHERE i.id = a.id))),
	'0',
	'every row handed out was inserted by somebody who committed');

is( $node->safe_psql(
		'postgres', q(
SET enable_indexscan = off; SET enable_indexonlyscan = off; SET enable_bitmapscan = off;
SELECT count(*) FROM (SELECT key FROM thing GROUP BY key HAVING count(*) > 1) AS twice)),
	'0',
	'no two rows share a key');

is( $node->safe_psql(
		'postgres', q(
SELECT (SELECT count(*) FROM thing)
	 = (SELECT count(*) FROM inserted) - (SELECT count(*) FROM deleted))),
	't',
	'rows = inserted - deleted');

# The test is worth something only if there was a fight: rows were created,
# found, deleted and created again.
is( $node->safe_psql(
		'postgres', qq(
SELECT count(*) FILTER (WHERE was_created) > $keys / 2,
	   count(*) FILTER (WHERE NOT was_created) > $keys,
	   (SELECT count(*) > 100 FROM (SELECT FROM inserted GROUP BY key HAVING count(*) > 3) AS often)
FROM answer)),
	't|t|t',
	'rows were created, found, deleted and created again');

my $figures = $node->safe_psql(
	'postgres', q(
SELECT format('%s answers, %s created, %s deleted, %s keys created more than once, %s inserts lost a race or rolled back',
			  count(*), count(*) FILTER (WHERE was_created), (SELECT count(*) FROM deleted),
			  (SELECT count(*) FROM (SELECT FROM inserted GROUP BY key HAVING count(*) > 1) AS twice),
			  (SELECT last_value FROM thing_id_seq) - (SELECT count(*) FROM inserted))
FROM answer));
note($figures);

$node->stop;
done_testing();
