# Calls are interrupted: pg_cancel_backend, pg_terminate_backend, statement_timeout,
# lock_timeout, idle_in_transaction_session_timeout and, where there is one,
# transaction_timeout.
#
# First one by one, each function while it waits for another session's row: the
# session holds nothing afterwards, goes on and gives right answers, at once
# and behind a savepoint.  Then all of them at random moments of a storm;
# t/lib/Storm.pm says what holds then, and how to repeat a run and to make it
# longer.

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

my $node = PostgreSQL::Test::Cluster->new('interrupts');
$node->init;
$node->append_conf(
	'postgresql.conf', q(
max_connections = 50
log_statement = none
deadlock_timeout = 10s
));
$node->start;
Storm::create_tables($node);
Storm::seed();
my $has_transaction_timeout = $node->safe_psql('postgres',
	q{SELECT count(*) FROM pg_settings WHERE name = 'transaction_timeout'});

# what each function has to wait for, and what it answers when it need not wait
my $answer = 'SELECT (g.record).key, g.was_created FROM';
my %calls = (
	get_or_create => [ 'insert', 't',
		qq($answer get_or_create(NULL::TAB, '{"key": KEY}', '{"value": "mine"}') AS g) ],
	'get_or_create, lock_strength' => [ 'update', 'f',
		qq($answer get_or_create(NULL::TAB, '{"key": KEY}', '{"value": "mine"}', lock_strength => 'update') AS g) ],
	'get_or_create, require_unique => false' => [ 'loose', 't',
		qq($answer get_or_create(NULL::thing_loose, '{"key": KEY}', '{"value": "mine"}', require_unique => false) AS g) ],
	'update_or_create, creating' => [ 'insert', 't',
		qq($answer update_or_create(NULL::TAB, '{"key": KEY}', '{"value": "mine"}') AS g) ],
	'update_or_create, updating' => [ 'update', 'f',
		qq($answer update_or_create(NULL::TAB, '{"key": KEY}', '{"value": "mine"}') AS g) ],
	get_or_create_many => [ 'insert', 't',
		qq($answer get_or_create_many(NULL::TAB, '[{"key": KEY, "value": "mine"}, {"key": NEXT, "value": "mine"}]', '{key}') AS g
		   WHERE (g.record).key = KEY) ],
	'update_or_create_many, creating' => [ 'insert', 't',
		qq($answer update_or_create_many(NULL::TAB, '[{"key": KEY, "value": "mine"}, {"key": NEXT, "value": "mine"}]', '{key}') AS g
		   WHERE (g.record).key = KEY) ],
	'update_or_create_many, updating' => [ 'update', 'f',
		qq($answer update_or_create_many(NULL::TAB, '[{"key": NEXT, "value": "mine"}, {"key": KEY, "value": "mine"}]', '{key}') AS g
		   WHERE (g.record).key = KEY) ],
	try_create => [ 'insert', 't',
		qq($answer try_create(NULL::TAB, '{"key": KEY, "value": "mine"}') AS g) ],
	try_create_many => [ 'insert', 't',
		qq($answer try_create_many(NULL::TAB, '[{"key": NEXT, "value": "mine"}, {"key": KEY, "value": "mine"}]') AS g
		   WHERE (g.record).key = KEY) ]);

# what the other session does first, in a transaction that it leaves open
my %obstacles = (
	insert => q(INSERT INTO TAB (key, value) VALUES (KEY, 'theirs')),
	update => q(UPDATE TAB SET value = 'theirs' WHERE key = KEY),
	loose => q(SELECT get_or_create(NULL::thing_loose, '{"key": KEY}', '{"value": "theirs"}', require_unique => false)));

# how the wait ends: what is set beforehand, what is done, the SQLSTATE
my %interrupts = (
	pg_cancel_backend => [ '', 'SELECT pg_cancel_backend(PID)', '57014' ],
	statement_timeout => [ 'SET statement_timeout = 20', '', '57014' ],
	lock_timeout => [ 'SET lock_timeout = 20', '', '55P03' ],
	pg_terminate_backend => [ '', 'SELECT pg_terminate_backend(PID)', '57P01' ]);
$interrupts{transaction_timeout} = [ 'SET transaction_timeout = 20', '', '25P04' ]
  if $has_transaction_timeout;

# What a session other than the one looks at sees of it outside of a transaction.
my $held = q{
	SELECT count(*) FROM pg_locks WHERE pid = PID
	UNION ALL
	SELECT count(*) FROM pg_stat_activity
	WHERE pid = PID AND (state <> 'idle' OR backend_xid IS NOT NULL OR backend_xmin IS NOT NULL)};

my $key = 1;
my $other = Session->new($node, application_name => 'other');
my $watcher = Session->new($node, application_name => 'watcher');

# A session that is interrupted while it waits.  Returns what went otherwise than
# it should.
sub interrupt
{
	my ($tab, $call, $interrupt, $in_transaction) = @_;
	my ($obstacle, $created, $sql) = @{ $calls{$call} };
	my ($setting, $action, $sqlstate) = @{ $interrupts{$interrupt} };
	my $session = Session->new($node);
	my %values = (TAB => $tab, KEY => $key++, NEXT => $key++, PID => $session->{pid});
	my @wrong;

	$session->query(Storm::fill_in($sql, %values, KEY => 0, NEXT => -1));	# not the first call
	$session->query(Storm::fill_in(q(INSERT INTO TAB (key, value) VALUES (KEY, 'old')), %values))
	  if $obstacle eq 'update';
	$other->query('BEGIN');
	$other->query(Storm::fill_in($obstacles{$obstacle}, %values));

	$session->query($setting) if $setting ne '';
	$session->query('BEGIN; SAVEPOINT s') if $in_transaction;
	$session->send(Storm::fill_in($sql, %values));
	if ($action ne '')
	{
		Storm::wait_until_blocked($watcher, $session->{pid});
		$watcher->query(Storm::fill_in($action, %values));
	}
	my $result = $session->receive;
	$other->query('ROLLBACK');
	push @wrong, 'SQLSTATE ' . ($result->{sqlstate} // 'none')
	  if ($result->{sqlstate} // '') ne $sqlstate || @{ $result->{rows} };
	push @wrong, 'notices' if @{ $result->{notices} };

	if ($sqlstate =~ /^(57P01|25P04)$/)
	{
		push @wrong, 'the session lives' unless $session->receive->{lost};
		$session = Session->new($node);
	}
	elsif ($in_transaction)
	{
		$session->query('ROLLBACK TO s');
		# whatever is held now must be gone after COMMIT
		$session->query(Storm::fill_in(q(INSERT INTO TAB (key, value) VALUES (NEXT, 'later')), %values,
			NEXT => $key++));
		$session->query('COMMIT');
	}
	my $n = join ' ', map { $_->[0] } @{ $watcher->query(Storm::fill_in($held, PID => $session->{pid}))->{rows} };
	push @wrong, "locks, snapshots: $n" if $n ne '0 0';

	# the same call, now that nothing is in the way; and then once more
	foreach my $expected ($created, 'f')
	{
		my $result = $session->query(Storm::fill_in($sql, %values));
		my ($row) = map { join '|', map { $_ // '' } @$_ } @{ $result->{rows} };
		my $right = $call =~ /^try/ && $expected eq 'f'
		  ? $call =~ /many/ ? undef : '|f' : "$values{KEY}|$expected";
		push @wrong, 'then ' . ($row // $result->{sqlstate} // 'nothing')
		  if ($row // 'none') ne ($right // 'none');
	}
	$session->close;
	return @wrong;
}

foreach my $call (sort keys %calls)
{
	foreach my $tab ($call =~ /require_unique/ ? 'thing_loose' : qw(thing thing_parted))
	{
		my @wrong;
		foreach my $interrupt (sort keys %interrupts)
		{
			foreach my $in_transaction (0, 1)
			{
				push @wrong, map { "$interrupt: $_" } interrupt($tab, $call, $interrupt, $in_transaction);
			}
		}
		is(join("\n", @wrong), '', "$tab: $call, interrupted while it waits");
	}
}
is($watcher->value(q{SELECT count(*) FROM pg_locks WHERE locktype = 'advisory'}), 0,
	'no advisory lock is left');
$node->safe_psql('postgres', 'TRUNCATE thing, thing_parted, thing_loose');

# The storm: the clients set timeouts, of themselves and for the next call only,
# so that what comes after an interruption is seen to work.
sub random_timeout
{
	my ($name, $most) = @_;

	return sub {
		my ($client) = @_;
		my $time = rand() < 0.5 ? 1 + int(rand($most)) : 0;
		my $result = $client->query("SET $name = $time");
		die "SET: $result->{sqlstate}\n" if $result->{sqlstate} && $result->{sqlstate} !~ /^(57014|57P01|25P0[34])$/;
	};
}

my $storm = Storm->new;
$storm->start($node, 6, batch => 200);
$storm->start($node, 2, batch => 200, before => random_timeout('statement_timeout', 10));
$storm->start($node, 4, before => random_timeout('lock_timeout', 1));
$storm->start($node, 1, sleep => 0.01, before => random_timeout('idle_in_transaction_session_timeout', 8));
$storm->start($node, 1, sleep => 0.01, before => random_timeout('transaction_timeout', 15))
  if $has_transaction_timeout;
my $fell = 0;
for (my $end = time + Storm::rounds(5); time < $end; sleep(rand(0.01)))
{
	my $function = rand() < 0.3 ? 'pg_terminate_backend' : 'pg_cancel_backend';
	my $result = $watcher->query(qq{
		SELECT $function(pid) FROM (
			SELECT pid FROM pg_stat_activity
			WHERE application_name = 'storm' AND state <> 'idle'
			ORDER BY random() LIMIT 1) AS victim});
	$fell += @{ $result->{rows} };
}
my $since = time;
sleep(1);
$storm->stop;

$storm->check($node, since => $since,
	expected => [ qw(57014 57P01 55P03 25P03), $has_transaction_timeout ? '25P04' : () ]);
is($node->safe_psql('postgres', q{SELECT count(DISTINCT sqlstate) FROM told WHERE sqlstate IS NOT NULL}),
	4 + $has_transaction_timeout, 'interrupted in every way');
is($node->safe_psql('postgres', q{
		SELECT count(*) > 100 FROM told AS a
		WHERE a.sqlstate IN ('57014', '55P03') AND EXISTS (
			SELECT FROM told AS b WHERE b.client = a.client AND b.session = a.session
			AND b.at > a.at AND b.outcome = 'told')}),
	't', 'sessions went on after an interruption');
is($watcher->value(q{SELECT count(*) FROM pg_locks WHERE locktype IN ('advisory', 'transactionid')}), 0,
	'no lock is left');
note("$fell interruptions from outside");
# A session may have ended by itself since the watcher saw it.
Storm::check_log($node, qr/watcher WARNING:  PID \d+ is not a PostgreSQL/);

$node->stop;
done_testing();
