# Server processes die in a storm of calls: backends by kill -9, in the middle of a
# call, and the whole server by an immediate shutdown.  The server recovers, and
# the clients connect again and go on; t/lib/Storm.pm says what holds then, and
# how to repeat a run and to make it longer.
#
# fsync is off, as in all these tests: what the server has written survives its
# own death, and no other is tried here.

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

my $node = PostgreSQL::Test::Cluster->new('crash');
$node->init;
$node->append_conf(
	'postgresql.conf', q(
shared_preload_libraries = 'duplicate_guard'
restart_after_crash = on
max_connections = 40
log_statement = none
));
$node->start;
Storm::create_tables($node);
Storm::seed();

# A backend that is in one of our calls at this moment.
sub random_victim
{
	my $session = Session->new($node);
	my $pid;

	for (my $end = time + 30; !$pid && time < $end;)
	{
		$pid = $session->value(q{
			SELECT pid FROM pg_stat_activity
			WHERE application_name = 'storm' AND state = 'active' AND query LIKE '%_create%'
				AND pid <> pg_backend_pid()
			ORDER BY random() LIMIT 1});
	}
	$session->close;
	return $pid;
}

# Waits until the server, which was told to die, has died and lives again.
sub wait_for_recovery
{
	my ($offset) = @_;

	$node->wait_for_log(qr/database system is ready to accept connections/, $offset);
	$node->poll_query_until('postgres', 'SELECT true');
}

my $storm = Storm->new;
$storm->start($node, 12);

foreach my $round (1 .. Storm::rounds(2))
{
	sleep(0.5 + rand(0.7));
	my $offset = -s $node->logfile;
	kill 'KILL', random_victim();
	wait_for_recovery($offset);
}
foreach my $round (1 .. Storm::rounds(2))
{
	sleep(0.5 + rand(0.7));
	$node->stop('immediate');
	$node->start;
}
my $since = time;
sleep(1);
$storm->stop;

# The last words of a server that dies reach not every session.
$storm->check($node, since => $since, silent => 1, expected => [qw(57P01 57P02 57P03)]);
my $log = slurp_file($node->logfile);
is(scalar(() = $log =~ /was terminated by signal 9: Killed/g), Storm::rounds(2), 'backends were killed');
is(scalar(() = $log =~ /automatic recovery in progress/g), Storm::rounds(4), 'as often as it died, the server recovered');
Storm::check_log($node, qr/was terminated by signal 9: Killed|WARNING:  terminating connection because of/);

$node->stop;
done_testing();
