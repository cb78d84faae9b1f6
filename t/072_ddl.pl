# Calls in a storm while the tables that they are for are changed: indexes and
# tables made anew, columns that come, go and change their type, partitions that
# are attached and detached.  What holds afterwards says t/lib/Storm.pm, which
# also tells how to repeat a run and to make it longer; half of the clients keep
# prepared statements all the time.
#
# Nothing of this may be seen in an answer, with one exception that PostgreSQL
# itself makes and INSERT's manual page warns of: while a unique index is built
# CONCURRENTLY, ON CONFLICT does not know it yet, and a row that somebody else
# inserts meanwhile can be met there: 23505, which names the index in the making.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::RealBin/lib";
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use PreparedClient;
use Storm;
use Test::More;
use Time::HiRes qw(sleep time);

my $node = PostgreSQL::Test::Cluster->new('ddl');
$node->init;
$node->append_conf(
	'postgresql.conf', q(
max_connections = 40
autovacuum_naptime = 1s
deadlock_timeout = 200ms
log_error_verbosity = verbose
));
$node->start;
Storm::create_tables($node);
Storm::seed();
$node->safe_psql('postgres', 'ALTER TABLE thing_loose SET (autovacuum_enabled = off)');

my $none = qr/^00000$/;

# The storm's partitioned table, but by ranges, so that partitions can go.
$node->safe_psql(
	'postgres', q(
ALTER TABLE thing ADD COLUMN extra integer DEFAULT 1;
DROP TABLE thing_parted;
CREATE TABLE thing_parted (LIKE thing INCLUDING DEFAULTS, UNIQUE (key)) PARTITION BY RANGE (key);
CREATE TABLE thing_parted_0 PARTITION OF thing_parted FOR VALUES FROM (MINVALUE) TO (800);
CREATE TABLE thing_parted_1 PARTITION OF thing_parted FOR VALUES FROM (800) TO (1000000);
CREATE TABLE other_part PARTITION OF thing_parted FOR VALUES FROM (1000000) TO (2000000);
CREATE TRIGGER count_version BEFORE UPDATE ON thing_parted
	FOR EACH ROW EXECUTE FUNCTION count_version();
CREATE TABLE told_before (LIKE told);
));

# Runs these statements in turn, again and again, for so many seconds; they must
# not fail, but for those errors.
sub change
{
	my ($name, $seconds, $allowed, @statements) = @_;
	my $end = time + Storm::rounds($seconds);
	my $rounds = 0;
	my @failures;

	while (time < $end && !@failures)
	{
		foreach my $statement (@statements)
		{
			my ($status, $out, $err) =
			  $node->psql('postgres', "\\set VERBOSITY verbose\n$statement", on_error_stop => 0);
			push @failures, $err if $err =~ /ERROR:  (\w+):/ && $1 !~ $allowed;
		}
		$rounds++;
	}
	is("@failures", '', "$name, $rounds times");
}

# What must not be seen at all.
my $storm = Storm->new;
$storm->start($node, 3);
$storm->start($node, 3, before => \&PreparedClient::become);

change('VACUUM FULL', 1, $none, 'VACUUM FULL thing, thing_loose', 'VACUUM FULL thing_parted');
change('CLUSTER', 0.6, $none, 'CLUSTER thing USING thing_key_key', 'CLUSTER thing_loose USING thing_loose_key_idx');
change('another type of a column', 1, $none, map {
	my $type = $_;
	map { "ALTER TABLE $_ ALTER COLUMN extra TYPE $type" } qw(thing thing_parted) } qw(bigint integer));
change('columns that come and go', 1, $none,
	'ALTER TABLE thing ADD COLUMN added double precision DEFAULT random()',
	"ALTER TABLE thing_loose ADD COLUMN added text DEFAULT 'x'",
	'ALTER TABLE thing_parted ADD COLUMN added integer NOT NULL DEFAULT 5',
	map { "ALTER TABLE $_ DROP COLUMN added" } qw(thing thing_loose thing_parted));
change('constraints and indexes that come and go', 0.6, $none,
	'ALTER TABLE thing ADD CONSTRAINT thing_check CHECK (version >= 0)',
	'CREATE INDEX CONCURRENTLY thing_value ON thing (value)',
	'ALTER TABLE thing DROP CONSTRAINT thing_check',
	'ALTER INDEX thing_value RENAME TO thing_value_2',
	'DROP INDEX CONCURRENTLY thing_value_2');
change('ATTACH and DETACH PARTITION CONCURRENTLY', 1, $none,
	'ALTER TABLE thing_parted DETACH PARTITION other_part CONCURRENTLY',
	'TRUNCATE other_part',
	'ALTER TABLE thing_parted ATTACH PARTITION other_part FOR VALUES FROM (1000000) TO (2000000)');
my $since = time;
sleep(0.5);
$storm->stop;
$storm->check($node, since => $since, expected => ['00000']);
Storm::check_log($node);

# What cannot be helped.  The server warns of the one: a unique index that is being
# built is met by rows that ON CONFLICT looks for in the old one.  The other is
# REINDEX without CONCURRENTLY, which locks the table and then each index: whoever
# reads by an index and then writes, in one transaction, takes them the other way
# round, and 40P01 ends it.  (A creation in a plain table lets go of the index
# before it writes; updates, partitions and tables without an arbiter do not.)
$node->safe_psql('postgres', 'DROP TABLE told; CREATE TABLE told (LIKE told_before); TRUNCATE thing, thing_parted, thing_loose');
my $offset = -s $node->logfile;
$storm = Storm->new;
$storm->start($node, 3);
$storm->start($node, 3, before => \&PreparedClient::become);
change('REINDEX CONCURRENTLY', 2, $none, 'REINDEX TABLE CONCURRENTLY thing', 'REINDEX INDEX CONCURRENTLY thing_key_key',
	'REINDEX TABLE CONCURRENTLY thing_parted_1');
change('CREATE UNIQUE INDEX and DROP INDEX CONCURRENTLY', 1.5, $none,
	'CREATE UNIQUE INDEX CONCURRENTLY thing_new ON thing (key)', 'DROP INDEX CONCURRENTLY thing_new');
change('REINDEX', 1, qr/^40P01$/, map { "REINDEX TABLE $_" } qw(thing thing_loose thing_parted_0));
$since = time;
sleep(0.5);
$storm->stop;
$storm->check($node, since => $since, expected => [qw(23505 40P01)]);
Storm::check_log($node);

my $log = slurp_file($node->logfile, $offset);
my @deadlocks = $log =~ /ERROR:  40P01: deadlock detected\n((?:.*\n){1,5})/g;
is(scalar(grep { !/Process \d+: REINDEX TABLE thing/ } @deadlocks), 0, 'each deadlock was with a REINDEX');
note(scalar @deadlocks, ' deadlocks');
my %names;
$names{$1}++ while $log =~ /ERROR:  23505: duplicate key value violates unique constraint "(.*?)"/g;
is(join(' ', grep { !/_cc(?:new|old)\d*$|^thing_new$/ } sort keys %names), '',
	'23505 names only an index that was being built or dropped');
note(join ', ', map { "$_: $names{$_}" } sort keys %names);

# What takes rows or names away.  Rows that were truncated are not there any more,
# but still every row that a session was told of was created by one call, and
# every row that is there too.  While its name is gone, a table is not to be found.
$node->safe_psql('postgres', 'DROP TABLE told; CREATE TABLE told (LIKE told_before); TRUNCATE thing, thing_parted, thing_loose');
$storm = Storm->new;
$storm->start($node, 3);
$storm->start($node, 3, before => \&PreparedClient::become);
change('TRUNCATE', 1, $none, map { "TRUNCATE $_" } qw(thing thing_loose thing_parted_1));
change('RENAME', 1, $none, 'ALTER TABLE thing RENAME TO moved', 'ALTER TABLE moved RENAME TO thing');
sleep(0.5);
$storm->stop;
foreach my $number (0 .. 5)
{
	$node->safe_psql('postgres', "\\copy told FROM '$storm->{dir}/notes_$number'");
}
is($node->safe_psql('postgres', q(SELECT DISTINCT verb, sqlstate FROM told WHERE outcome <> 'told' AND sqlstate IS DISTINCT FROM '42704')),
	'', 'TRUNCATE and RENAME: no error but that the type is not there');
is($node->safe_psql('postgres', q(SELECT id FROM told WHERE outcome = 'told' AND id IS NOT NULL GROUP BY id HAVING count(*) FILTER (WHERE was_created) <> 1 LIMIT 5)),
	'', 'TRUNCATE and RENAME: every row that a session was told of was created by one call');
is($node->safe_psql('postgres', join ' UNION ALL ', map {
		"SELECT id FROM $_ AS x WHERE NOT EXISTS (SELECT FROM told AS t WHERE t.id = x.id AND t.was_created)" } qw(thing thing_parted thing_loose)),
	'', 'TRUNCATE and RENAME: every row that is there was told of');
is($node->safe_psql('postgres', 'SET enable_indexscan = off; SET enable_indexonlyscan = off; SET enable_bitmapscan = off;'
	  . join ' UNION ALL ', map { "SELECT key FROM $_ GROUP BY key HAVING count(*) > 1" } qw(thing thing_parted thing_loose)),
	'', 'TRUNCATE and RENAME: no two rows share a key');
is($node->safe_psql('postgres', q(SELECT bool_or(was_created), bool_or(NOT was_created), bool_or(sqlstate = '42704') FROM told)),
	't|t|t', 'TRUNCATE and RENAME: rows were created and found, and the name was missed');
Storm::check_log($node);

$node->stop;
done_testing();
