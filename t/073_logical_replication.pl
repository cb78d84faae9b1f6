# Logical replication: rows that get_or_create and its kin create, and update, go
# to the subscriber like all others; and the subscriber may call them too, also
# for the same keys.  Then there is a conflict, and it is the apply worker's.

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

# a worker that stops at a conflict must not take minutes to be noticed
$PostgreSQL::Test::Utils::timeout_default = 60;

my $publisher = PostgreSQL::Test::Cluster->new('publisher');
$publisher->init(allows_streaming => 'logical');
$publisher->append_conf('postgresql.conf', "max_connections = 40\n");
$publisher->start;
my $subscriber = PostgreSQL::Test::Cluster->new('subscriber');
$subscriber->init;
$subscriber->append_conf('postgresql.conf', "wal_retrieve_retry_interval = 100ms\n");
$subscriber->start;

Storm::create_tables($_) foreach $publisher, $subscriber;
Storm::seed();
$_->safe_psql(
	'postgres', q(
ALTER TABLE thing_loose REPLICA IDENTITY FULL;
ALTER TABLE thing_parted REPLICA IDENTITY USING INDEX thing_parted_key_key;
ALTER TABLE thing_parted_0 REPLICA IDENTITY USING INDEX thing_parted_0_key_key;
ALTER TABLE thing_parted_1 REPLICA IDENTITY USING INDEX thing_parted_1_key_key;
CREATE TABLE owned (key text PRIMARY KEY, maker text);
))
  foreach $publisher, $subscriber;
$publisher->safe_psql('postgres', 'CREATE PUBLICATION p FOR TABLE thing, thing_parted, thing_loose, owned');
$subscriber->safe_psql('postgres',
	'CREATE SUBSCRIPTION s CONNECTION $$' . $publisher->connstr('postgres') . '$$ PUBLICATION p');
$subscriber->wait_for_subscription_sync($publisher, 's');

# What a storm created and updated arrives, whole and once.
my $storm = Storm->new;
$storm->start($publisher, 2);
$storm->start($publisher, 2, before => \&PreparedClient::become);
sleep(Storm::rounds(2));
my $since = time;
sleep(0.5);
$storm->stop;
$storm->check($publisher, since => $since, expected => ['00000']);
$publisher->wait_for_catchup('s');
foreach my $table (qw(thing thing_parted thing_loose))
{
	my $all = "SELECT * FROM $table ORDER BY id, key";

	is( $subscriber->safe_psql('postgres', $all) eq $publisher->safe_psql('postgres', $all) ? 'same' : 'different',
		'same', "$table: the subscriber has the same rows");
}
is($subscriber->safe_psql('postgres', 'SELECT apply_error_count FROM pg_stat_subscription_stats'),
	'0', 'without an error');

# The subscriber finds what was replicated, and can create under keys that the
# publisher does not use.
sub maker
{
	my ($node, $key, $maker, $verb) = @_;
	my $defaults = "jsonb_build_object('maker', '$maker')";

	$verb //= 'get_or_create';
	return $node->safe_psql('postgres',
		"SELECT (g.record).maker, g.was_created FROM $verb(NULL::owned, jsonb_build_object('key', '$key'), $defaults) AS g");
}

is(maker($publisher, 'one', 'publisher'), 'publisher|t', 'created on the publisher');
$publisher->wait_for_catchup('s');
is(maker($subscriber, 'one', 'subscriber'), 'publisher|f', 'found on the subscriber');
is(maker($subscriber, 'own', 'subscriber'), 'subscriber|t', 'created on the subscriber alone');
is(maker($publisher, 'one', 'publisher 2', 'update_or_create'), 'publisher 2|f', 'updated on the publisher');
$publisher->wait_for_catchup('s');
is(maker($subscriber, 'one', 'subscriber'), 'publisher 2|f', 'the update arrives');

# The same key on both sides.  Neither call fails; the worker that applies the
# publisher's row meets the subscriber's and stops there, again and again, until
# somebody removes the one or skips the other.
is(maker($subscriber, 'both', 'subscriber'), 'subscriber|t', 'the same key, created on the subscriber');
my $offset = -s $subscriber->logfile;
is(maker($publisher, 'both', 'publisher'), 'publisher|t', 'and on the publisher');
# from 18 on in other words
$subscriber->wait_for_log(
	qr/duplicate key value violates unique constraint "owned_pkey"|conflict=insert_exists/, $offset);
is(maker($publisher, 'later', 'publisher'), 'publisher|t', 'the publisher goes on');
is(maker($subscriber, 'both', 'whoever'), 'subscriber|f', 'so does the subscriber, with its own row');
is($subscriber->safe_psql('postgres', q(SELECT count(*) FROM owned WHERE key = 'later')), '0',
	'but what comes later waits');
$subscriber->safe_psql('postgres', q(DELETE FROM owned WHERE key = 'both'));
$publisher->wait_for_catchup('s');
is(maker($subscriber, 'both', 'whoever'), 'publisher|f', 'the conflict resolved: the publisher\'s row');
is(maker($subscriber, 'later', 'whoever'), 'publisher|f', 'and what came later');

# Calls on the subscriber in the moment in which the row arrives: one of the two
# creates, both answer, and where the subscriber came first the worker says so.
my $worker_first = 0;
foreach my $i (1 .. 30)
{
	my $call = "SELECT (g.record).maker FROM get_or_create(NULL::owned, '{\"key\": \"race $i\"}', '{\"maker\": \"%s\"}') AS g";
	my @sessions = map { Session->new($_) } $publisher, $subscriber;

	$sessions[0]->send(sprintf $call, 'publisher');
	$sessions[1]->query('SELECT pg_sleep(' . rand(0.02) . ')');
	my $made = $sessions[1]->value(sprintf $call, 'subscriber');
	my $other = $sessions[0]->receive->{rows}[0][0];

	is($other, 'publisher', 'the publisher creates') if $other ne 'publisher';
	$worker_first++ if $made eq 'publisher';
	$subscriber->safe_psql('postgres', "DELETE FROM owned WHERE key = 'race $i' AND maker = 'subscriber'");
	$_->close foreach @sessions;
}
$publisher->wait_for_catchup('s');
note("the worker came first $worker_first times of 30");
is($subscriber->safe_psql('postgres', q(SELECT count(*), count(DISTINCT key), min(maker) FROM owned WHERE key LIKE 'race %')),
	'30|30|publisher', 'races: each key once, as the publisher has it');

$subscriber->safe_psql('postgres', 'DROP SUBSCRIPTION s');
$_->stop foreach $subscriber, $publisher;
unlike(slurp_file($_->logfile), qr/PANIC|TRAP|XX000|terminated by signal/, $_->name . ': nothing crashed')
  foreach $publisher, $subscriber;
done_testing();
