# pgbouncer in transaction mode between many clients and few server connections:
# calls race as without it; a client's SET LOCAL stays its own; and what
# last_integrity_error() knows is the server connection's, which another client may
# have been before: that client's errors are not shown to whoever may not see
# them, and DISCARD ALL as server_reset_query ends it all.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::RealBin/lib";
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use PreparedSession;
use Storm;
use Test::More;
use Time::HiRes qw(sleep time);

my ($pgbouncer) = grep { -x } map { "$_/pgbouncer" } split(/:/, $ENV{PATH}), '/usr/sbin', '/usr/local/sbin';
plan skip_all => 'pgbouncer is not installed' unless $pgbouncer;

my $node = PostgreSQL::Test::Cluster->new('pgbouncer');
$node->init;
$node->append_conf('postgresql.conf', "max_connections = 40\n");
$node->start;
Storm::create_tables($node);
Storm::seed();
$node->safe_psql('postgres', 'CREATE ROLE clerk LOGIN; CREATE ROLE guest LOGIN; GRANT SELECT, INSERT ON thing TO clerk; GRANT USAGE ON SEQUENCE thing_id_seq TO clerk');

# A pool, with these settings besides those that all have.
package Pool
{
	my $number = 0;

	sub new
	{
		my ($class, %settings) = @_;
		my $dir = PostgreSQL::Test::Utils::tempdir_short();
		my $self = bless { port => PostgreSQL::Test::Cluster::get_free_port(), dir => $dir }, $class;
		my $databases = "* = host=" . $node->host . ' port=' . $node->port;

		%settings = (
			listen_port => $self->{port},
			unix_socket_dir => $dir,
			logfile => "$dir/log",
			pidfile => "$dir/pid",
			auth_type => 'trust',
			auth_file => "$dir/users",
			pool_mode => 'transaction',
			default_pool_size => 3,
			max_client_conn => 60,
			ignore_startup_parameters => 'options',
			%settings);
		PostgreSQL::Test::Utils::append_to_file("$dir/users",
			join '', map { qq("$_" ""\n) } 'clerk', 'guest', (getpwuid($<))[0]);
		PostgreSQL::Test::Utils::append_to_file("$dir/ini",
			"[databases]\n$databases\n[pgbouncer]\n" . join '', map { "$_ = $settings{$_}\n" } sort keys %settings);
		system($pgbouncer, '-d', '-q', "$dir/ini") == 0 or die "pgbouncer does not start\n";
		for (1 .. 100)
		{
			last if -e "$dir/.s.PGSQL.$self->{port}" && -s "$dir/pid";
			Time::HiRes::sleep(0.05);
		}
		return $self;
	}

	# what a Session asks a node for
	sub host { return $_[0]{dir} }
	sub port { return $_[0]{port} }

	sub stop
	{
		my ($self) = @_;

		return unless -s "$self->{dir}/pid";
		my ($pid) = PostgreSQL::Test::Utils::slurp_file("$self->{dir}/pid") =~ /(\d+)/;
		kill 'INT', $pid;
		for (1 .. 100)
		{
			last unless kill 0, $pid;
			Time::HiRes::sleep(0.05);
		}
		unlink "$self->{dir}/pid";
	}

	sub DESTROY { $_[0]->stop }
}

# Many clients, three server connections; all that holds without a pooler holds.
my $pool = Pool->new;
my $storm = Storm->new;
$storm->start($pool, 24);
sleep(Storm::rounds(2));
is($node->safe_psql('postgres', q(SELECT count(*) <= 3 FROM pg_stat_activity WHERE application_name = 'storm' AND pid <> pg_backend_pid())),
	't', '24 clients over 3 server connections');
my $since = time;
sleep(1);
$storm->stop;
$storm->check($node, since => $since, expected => ['00000']);
Storm::check_log($node);

# Prepared statements as drivers use them there: unnamed, or under names where
# pgbouncer keeps track of them (from 1.21 on).
my $driver = PreparedSession->new($pool);
my $call = q(SELECT (g.record).key, g.was_created FROM get_or_create(NULL::thing, $1, '{"value": "by a driver"}') AS g);
foreach my $created (qw(t f f))
{
	is(PreparedSession::text_of($driver->run_unnamed($call, '{"key": -1000099}')), "-1000099|$created", 'an unnamed prepared statement');
}
my ($version) = `$pgbouncer --version` =~ /PgBouncer (\d+\.\d+)/;
note("pgbouncer $version");
$driver->close;

SKIP:
{
	my ($major, $minor) = split /\./, $version;
	skip 'pgbouncer older than 1.21 keeps no prepared statements', 1
	  if $major == 1 && $minor < 21;
	my $kept = Pool->new(max_prepared_statements => 100);
	my @drivers = map { PreparedSession->new($kept) } 1 .. 8;

	$_->prepare('call', $call) foreach @drivers;
	is(join(' ', map { $_->run('call', '{"key": -1000098}') } @drivers), '-1000098|t' . ' -1000098|f' x 7,
		'named prepared statements over shared server connections');
	$_->close foreach @drivers;
}

# A client's settings for one transaction; one server connection serves all.
$pool->stop;
$pool = Pool->new(default_pool_size => 1);
my ($one, $other) = map { PreparedSession->new($pool) } 1 .. 2;
is($one->ask(q(BEGIN; SET LOCAL search_path = pg_catalog; SET LOCAL lock_timeout = '1s';
	SELECT (g.record).key FROM public.get_or_create(NULL::public.thing, '{"key": -1000097}', '{"value": "x"}') AS g; COMMIT)),
	'-1000097', 'SET LOCAL in a transaction');
is($other->ask(q(SELECT (g.record).key, current_setting('lock_timeout') FROM get_or_create(NULL::thing, '{"key": -1000097}') AS g)),
	'-1000097|0', 'is not another client\'s');

# The same server connection, other clients: the role is another, so they
# get another connection; with the same role it is the same session.
like($one->ask(q(INSERT INTO thing (key, value) VALUES (-1000097, 'secret'))), qr/^23505 /, 'a client meets an error');
is($one->ask('SELECT (last_integrity_error()).constraint_name'), 'thing_key_key', 'and asks for it');
is($other->ask('SELECT (last_integrity_error()).constraint_name'), 'thing_key_key',
	'another client of the same role and connection is told of it: the session is the same');
my ($clerk, $guest) = map { PreparedSession->new($pool, user => $_) } qw(clerk guest);
is($clerk->ask('SELECT last_integrity_error() IS NULL'), 't', 'another role has another connection');
like($clerk->ask(q(INSERT INTO thing (key, value) VALUES (-1000097, 'secret'))), qr/^23505 /, 'a clerk\'s error');
is($guest->ask('SELECT last_integrity_error() IS NULL'), 't', 'is not a guest\'s');
is($one->ask('BEGIN; SET LOCAL ROLE guest; SELECT (last_integrity_error()).kind, (last_integrity_error()).detail; COMMIT'),
	'unique_violation|', 'a role taken by SET ROLE is shown the kind only');
# In one round trip with the statement, in the same transaction, it is always right.
is($other->ask(q(DO $$
	BEGIN
		INSERT INTO thing (key, value) VALUES (-1000097, 'x');
	EXCEPTION WHEN unique_violation THEN
		PERFORM set_config('test.found', (last_integrity_error()).key_values[1], true);
	END $$;
	SELECT current_setting('test.found'))), '-1000097', 'caught where it is raised, it is the client\'s own');
$_->close foreach $one, $other, $clerk, $guest;

# With DISCARD ALL after each transaction nothing is left of the client before.
$pool->stop;
$pool = Pool->new(default_pool_size => 1, server_reset_query => 'DISCARD ALL', server_reset_query_always => 1);
($one, $other) = map { PreparedSession->new($pool) } 1 .. 2;
like($one->ask(q(INSERT INTO thing (key, value) VALUES (-1000097, 'secret'))), qr/^23505 /, 'DISCARD ALL: a client meets an error');
is($other->ask('SELECT last_integrity_error() IS NULL'), 't', 'DISCARD ALL: another client is told nothing');
is($one->ask(q(SELECT (t.error).constraint_name FROM try_create(NULL::thing, '{"key": -1000097, "value": "x"}') AS t)),
	'thing_key_key', 'DISCARD ALL: try_create answers in the same statement');
$_->close foreach $one, $other;
$pool->stop;

$node->stop;
done_testing();
