# As 010_stress.pl, for what takes other ways than one plain table under READ
# COMMITTED: a partial index over an expression, a partitioned table, a table
# without any unique index (require_unique => false), each at all three
# isolation levels side by side.
#
# Under REPEATABLE READ and SERIALIZABLE 40001 may come, and pgbench then runs
# the transaction again; no other error may come, 23505 above all.
#
# DUPLICATE_GUARD_STRESS_SECONDS makes it longer.

use strict;
use warnings;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $seconds = $ENV{DUPLICATE_GUARD_STRESS_SECONDS} || 5;
my $sessions = 24;
my $keys = 300;

my $node = PostgreSQL::Test::Cluster->new('stress_kinds');
$node->init;
$node->append_conf(
	'postgresql.conf', qq(
max_connections = 60
log_line_prefix = '%e '
autovacuum_naptime = 1s
max_pred_locks_per_transaction = 512
));
$node->start;

my @kinds = qw(partial parted unguarded);
$node->safe_psql(
	'postgres', q(
CREATE EXTENSION duplicate_guard;

-- soft delete; Key 1 and key 1 are the same key
CREATE TABLE partial (id bigserial, key text NOT NULL, gone boolean NOT NULL DEFAULT false);
CREATE UNIQUE INDEX ON partial (lower(key)) WHERE NOT gone;

CREATE TABLE parted (id bigserial, key text PRIMARY KEY, gone boolean NOT NULL DEFAULT false)
	PARTITION BY HASH (key);
CREATE TABLE parted_0 PARTITION OF parted FOR VALUES WITH (MODULUS 2, REMAINDER 0);
CREATE TABLE parted_1 PARTITION OF parted FOR VALUES WITH (MODULUS 2, REMAINDER 1);

CREATE TABLE unguarded (id bigserial, key text NOT NULL, gone boolean NOT NULL DEFAULT false);
CREATE INDEX ON unguarded (key);

CREATE TABLE answer (kind text, level text, asked integer, id bigint, key text, was_created boolean);
CREATE TABLE inserted (kind text, id bigint, key text);

CREATE FUNCTION count_insert() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
	INSERT INTO inserted VALUES (TG_ARGV[0], NEW.id, NEW.key);
	RETURN NULL;
END $$;
CREATE TRIGGER count_insert AFTER INSERT ON partial
	FOR EACH ROW EXECUTE FUNCTION count_insert('partial');
CREATE TRIGGER count_insert AFTER INSERT ON parted
	FOR EACH ROW EXECUTE FUNCTION count_insert('parted');
CREATE TRIGGER count_insert AFTER INSERT ON unguarded
	FOR EACH ROW EXECUTE FUNCTION count_insert('unguarded');
));

my %level = (
	rc => 'READ COMMITTED', rr => 'REPEATABLE READ', ser => 'SERIALIZABLE');
my %scripts;
my $number = 100;
foreach my $kind (@kinds)
{
	# A partial index's key is asked for in two spellings.
	my $key = $kind eq 'partial' ? "CASE :way WHEN 1 THEN 'Key ' ELSE 'key ' END" : "'key '";
	my $rest = $kind eq 'unguarded' ? ', require_unique => false' : '';
	foreach my $level (qw(rc rr ser))
	{
		my $call = qq(
INSERT INTO answer
SELECT '$kind', '$level', :k::integer, (g.record).id, (g.record).key, g.was_created
FROM get_or_create(NULL::$kind, jsonb_build_object('key', $key || :k)$rest) AS g;
);
		my $begin = "\\set k random_zipfian(1, $keys, 1.2)\n\\set way random(1, 2)\nBEGIN ISOLATION LEVEL $level{$level};\n";
		$scripts{ $number++ . "_${kind}_$level\@2" } = "$begin${call}COMMIT;\n";
		# the snapshot is older than the call, and the row is kept a moment
		$scripts{ $number++ . "_${kind}_${level}_open\@1" } =
		  "${begin}SELECT 1;\n\\sleep 1 ms\n$call\\sleep 1 ms\nCOMMIT;\n";
	}
	my $lock = qq(
INSERT INTO answer
SELECT '$kind', 'lock', :k::integer, (g.record).id, (g.record).key, g.was_created
FROM get_or_create(NULL::$kind, jsonb_build_object('key', $key || :k), lock_strength => 'no key update'$rest) AS g;
);
	$scripts{ $number++ . "_${kind}_lock\@1" } = "\\set k random_zipfian(1, $keys, 1.2)\n\\set way random(1, 2)\n$lock";
	my $remove =
		$kind eq 'partial'
	  ? "UPDATE partial SET gone = true WHERE lower(key) = 'key ' || :k AND NOT gone;\n"
	  : "DELETE FROM $kind WHERE key = 'key ' || :k;\n";
	$scripts{ $number++ . "_${kind}_remove\@4" } = "\\set k random_zipfian(1, $keys, 1.2)\n$remove";
}
$scripts{'200_partial_delete@1'} = "\\set k random_zipfian(1, $keys, 1.2)\n" . q[
DELETE FROM partial WHERE lower(key) = 'key ' || :k AND gone;
];

$node->pgbench(
	"--no-vacuum --client=$sessions --jobs=2 --time=$seconds --max-tries=0",
	0,
	[qr{number of clients: $sessions\b}, qr{number of transactions actually processed: [1-9]}],
	[qr{^$}],
	"$sessions sessions for $seconds seconds, no error but 40001",
	\%scripts);

my @errors = grep { /(?:ERROR|FATAL|PANIC):/ && !/^40001 / } split /\n/, slurp_file($node->logfile);
is(scalar(@errors), 0, 'no other error in the server log');
diag($_) foreach splice(@errors, 0, 10);

foreach my $kind (@kinds)
{
	is( $node->safe_psql(
			'postgres', qq(
SELECT count(*)
FROM (SELECT 'key ' || asked AS key, count(*) AS n FROM answer WHERE kind = '$kind' AND was_created GROUP BY 1) AS a
FULL JOIN (SELECT lower(key) AS key, count(*) AS n FROM inserted WHERE kind = '$kind' GROUP BY 1) AS i USING (key)
WHERE a.n IS DISTINCT FROM i.n)),
		'0',
		"$kind: for every key: was_created as often as inserted");

	is( $node->safe_psql(
			'postgres', qq(
SELECT count(*) FROM answer AS a
WHERE kind = '$kind' AND (lower(key) IS DISTINCT FROM 'key ' || asked
	OR NOT EXISTS (SELECT FROM inserted AS i WHERE i.kind = '$kind' AND i.id = a.id)))),
		'0',
		"$kind: every answer is a row with that key which was inserted");

	is( $node->safe_psql(
			'postgres', qq(
SET enable_indexscan = off; SET enable_indexonlyscan = off; SET enable_bitmapscan = off;
SELECT count(*) FROM (SELECT FROM $kind WHERE NOT gone GROUP BY lower(key) HAVING count(*) > 1) AS twice)),
		'0',
		"$kind: no two rows share a key");

	foreach my $level (qw(rc rr ser lock))
	{
		is( $node->safe_psql(
				'postgres', qq(
SELECT count(*) FILTER (WHERE was_created) > 0, count(*) FILTER (WHERE NOT was_created) > 0
FROM answer WHERE kind = '$kind' AND level = '$level')),
			't|t',
			"$kind, $level: rows were created and found");
	}
}
note($node->safe_psql(
		'postgres', q(
SELECT format('%s %s: %s created, %s found', kind, level,
			  count(*) FILTER (WHERE was_created), count(*) FILTER (WHERE NOT was_created))
FROM answer GROUP BY kind, level ORDER BY kind, level)));

$node->stop;
done_testing();
