# A standby is promoted in a storm of calls on both sides.
#
# The primary commits synchronously.  The clients of the standby get hits
# answered, and 25006 with the hint to use the primary for all else; then the
# primary dies, and the standby is promoted.  From then on all clients call it,
# also those whose session was there before, and t/lib/Storm.pm says what holds:
# whatever the primary or the standby had told anybody is on the new primary.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::RealBin/lib";
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Session;
use Storm;
use Test::More;
use Time::HiRes qw(sleep time);

Storm::seed();

# One promotion, with servers of its own.
sub promote_in_a_storm
{
	my ($round, $seconds) = @_;
	my $primary = PostgreSQL::Test::Cluster->new("primary_$round");
	my $standby = PostgreSQL::Test::Cluster->new("standby_$round");

	$primary->init(allows_streaming => 1);
	$primary->append_conf(
		'postgresql.conf', q(
shared_preload_libraries = 'duplicate_guard'
max_connections = 40
log_statement = none
));
	$primary->start;
	Storm::create_tables($primary);
	$primary->backup('backup');
	$standby->init_from_backup($primary, 'backup', has_streaming => 1);
	$standby->start;
	$primary->safe_psql('postgres', q(ALTER SYSTEM SET synchronous_standby_names = '*'));
	$primary->reload;
	$primary->poll_query_until('postgres',
		q(SELECT bool_and(sync_state = 'sync') FROM pg_stat_replication)) or die 'no synchronous standby';

	my $storm = Storm->new;
	$storm->start($primary, 8, failover => $standby);
	$storm->start($standby, 4);
	sleep(1 + rand($seconds));
	my $died = time;
	$primary->stop('immediate');
	sleep(rand(1));
	my $promoted = time;
	$standby->promote;
	my $since = time;
	sleep(1 + rand($seconds));
	$storm->stop;

	# The primary's last words, and what it and the standby say when they cannot.
	$storm->check($standby, since => $since, silent => 1, expected => [qw(25006 57P01 57P03)]);
	is($standby->safe_psql('postgres', qq{
			SELECT count(*) FILTER (WHERE at < $died AND outcome = 'told' AND NOT was_created AND verb LIKE 'get%') > 10,
				   count(*) FILTER (WHERE at < $died AND sqlstate = '25006') > 10,
				   count(*) FILTER (WHERE at < $promoted AND outcome = 'told' AND (was_created OR was_updated)),
				   count(*) FILTER (WHERE at > $since AND outcome = 'told' AND was_created) > 10,
				   count(*) FILTER (WHERE begun > $since AND sqlstate IS NOT NULL),
				   count(DISTINCT session)
			FROM told WHERE client >= 8 AND verb IS NOT NULL}),
		't|t|0|t|0|1',
		'the standby answered hits and refused the rest; promoted, it created, in the same sessions');
	is($standby->safe_psql('postgres', q{
			SELECT DISTINCT client < 8 FROM told WHERE outcome = 'told' ORDER BY 1}),
		"f\nt", 'clients of both were answered');
	is($standby->safe_psql('postgres', q{SELECT count(*) FROM told WHERE client < 8 AND sqlstate = '25006' AND begun > } . $since),
		'0', 'nobody was refused after the promotion');
	Storm::check_log($primary, qr/WARNING:  terminating connection because of/);
	Storm::check_log($standby);
	$standby->stop;
}

promote_in_a_storm($_, 3) foreach 1 .. Storm::rounds(1);

done_testing();
