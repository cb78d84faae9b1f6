# A deadlock with a transaction that uses none of our functions.
#
# That one holds a row, our transaction another, and each wants the other's.
# First one by one, each function and both victims: one of the two gets 40P01 and
# the other its answer, the error is classified as one to retry the transaction
# for, nothing of the victim's stays, and its session goes on.  A batch
# needs no transaction around it for that: it holds the rows that it has written.
# Then a storm of both kinds, in which only 40P01 may be raised.

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

my $node = PostgreSQL::Test::Cluster->new('deadlock');
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

# [ what our transaction does first, what it then waits in, with obstacle: does
# the other one insert the key or update its row ]
my $answer = 'SELECT (g.record).key, g.was_created FROM';
my $mine = q(SELECT was_created FROM get_or_create(NULL::TAB, '{"key": FIRST}', '{"value": "mine"}') AS g);
my %cases = (
	get_or_create => [ $mine, 'insert',
		qq($answer get_or_create(NULL::TAB, '{"key": SECOND}', '{"value": "mine"}') AS g) ],
	'get_or_create, lock_strength' => [ $mine, 'update',
		qq($answer get_or_create(NULL::TAB, '{"key": SECOND}', '{"value": "mine"}', lock_strength => 'update') AS g) ],
	'update_or_create, creating' => [ $mine, 'insert',
		qq($answer update_or_create(NULL::TAB, '{"key": SECOND}', '{"value": "mine"}') AS g) ],
	'update_or_create, updating' => [ $mine, 'update',
		qq($answer update_or_create(NULL::TAB, '{"key": SECOND}', '{"value": "mine"}') AS g) ],
	try_create => [ $mine, 'insert',
		qq($answer try_create(NULL::TAB, '{"key": SECOND, "value": "mine"}') AS g) ],
	get_or_create_many => [ '', 'insert',
		qq($answer get_or_create_many(NULL::TAB,
		   '[{"key": SECOND, "value": "mine"}, {"key": FIRST, "value": "mine"}]', '{key}') AS g) ],
	'update_or_create_many, creating' => [ '', 'insert',
		qq($answer update_or_create_many(NULL::TAB,
		   '[{"key": SECOND, "value": "mine"}, {"key": FIRST, "value": "mine"}]', '{key}') AS g) ],
	'update_or_create_many, updating' => [ '', 'update',
		qq($answer update_or_create_many(NULL::TAB,
		   '[{"key": SECOND, "value": "mine"}, {"key": FIRST, "value": "mine"}]', '{key}') AS g) ],
	try_create_many => [ '', 'insert',
		qq($answer try_create_many(NULL::TAB,
		   '[{"key": FIRST, "value": "mine"}, {"key": SECOND, "value": "mine"}]') AS g) ]);
my %obstacles = (
	insert => q(INSERT INTO TAB (key, value) VALUES (KEY, 'theirs')),
	update => q(UPDATE TAB SET value = 'theirs' WHERE key = KEY));

my $watcher = Session->new($node, application_name => 'watcher');
my $key = 1;

# One deadlock; whoever has the short deadlock_timeout looks first and is its
# victim.  Returns what went otherwise than it should.
sub deadlock
{
	my ($tab, $case, $we_are_victim) = @_;
	my ($before, $obstacle, $sql) = @{ $cases{$case} };
	my $we = Session->new($node);
	my $they = Session->new($node, application_name => 'other');
	my %values = (TAB => $tab, FIRST => $key++, SECOND => $key++);
	my ($ours, $theirs);
	my @wrong;

	my $old = $case =~ /updating|lock_strength/;
	$watcher->query(Storm::fill_in(q(INSERT INTO TAB (key, value) VALUES (SECOND, 'old')), %values)) if $old;
	$watcher->query(Storm::fill_in(q(INSERT INTO TAB (key, value) VALUES (FIRST, 'old')), %values))
	  if $old && $before eq '';
	# looked for once, so not before the other one waits too
	$_->query('SET deadlock_timeout = ' . ($_ == $they ? 20 : 300)) foreach $we_are_victim ? $we : $they;

	$_->query('BEGIN') foreach $we, $they;
	$they->query(Storm::fill_in($obstacles{$obstacle}, %values, KEY => $values{SECOND}));
	$we->query(Storm::fill_in($before, %values)) if $before ne '';
	$we->send(Storm::fill_in($sql, %values));
	Storm::wait_until_blocked($watcher, $we->{pid});
	# a row that our transaction has created is only waited for by an INSERT
	$they->send(Storm::fill_in($obstacles{ $before ne '' ? 'insert' : $obstacle }, %values, KEY => $values{FIRST}));

	if ($we_are_victim)
	{
		$ours = $we->receive;
		$theirs = $they->receive;
		$they->query('COMMIT');
		$we->query('ROLLBACK');
		push @wrong, 'ours: ' . ($ours->{sqlstate} // 'none') if ($ours->{sqlstate} // '') ne '40P01';
		push @wrong, "theirs: $theirs->{sqlstate}" if $theirs->{sqlstate};
		push @wrong, check_classified($we, $ours->{error});
	}
	else
	{
		$theirs = $they->receive;
		$they->query('ROLLBACK');
		$ours = $we->receive;
		$we->query('COMMIT');
		push @wrong, 'theirs: ' . ($theirs->{sqlstate} // 'none') if ($theirs->{sqlstate} // '') ne '40P01';
		push @wrong, "ours: $ours->{sqlstate}" if $ours->{sqlstate};
	}

	# both rows are the survivor's
	my $n = $watcher->value(Storm::fill_in(q(
		SELECT string_agg(value, ' ' ORDER BY key) FROM TAB WHERE key IN (FIRST, SECOND)), %values));
	my $expected = $we_are_victim ? 'theirs theirs'
	  : $case =~ /lock_strength/ ? 'mine old' : 'mine mine';
	push @wrong, "rows: $n" if $n ne $expected;
	push @wrong, 'locks are held' if $watcher->value("SELECT count(*) FROM pg_locks WHERE pid = $we->{pid}");

	# the victim retries, as it is told to
	my $again = $we->query(Storm::fill_in($sql, %values));
	push @wrong, 'again: ' . ($again->{sqlstate} // 'no rows')
	  if $again->{sqlstate} || @{ $again->{rows} } != ($before eq '' ? 2 : 1);
	$_->close foreach $we, $they;
	return @wrong;
}

# What we make of the error: from its texts, and as the session's latest one.
sub check_classified
{
	my ($session, $error) = @_;
	my $sees = 'SELECT kind, sqlstate, retry, http_status FROM';
	my $message = $error->{M};
	my @wrong;

	foreach my $from ('last_integrity_error()',
		"classify_integrity_error(message => '$message')",
		"classify_integrity_error(sqlstate => '40P01')")
	{
		my $is = join '|', map { $_ // '' } @{ $session->query("$sees $from")->{rows}[0] };
		push @wrong, "$from: $is" if $is ne 'deadlock_detected|40P01|transaction|503';
	}
	return @wrong;
}

foreach my $case (sort keys %cases)
{
	foreach my $tab (qw(thing thing_parted))
	{
		is(join("\n", deadlock($tab, $case, 1)), '', "$tab: $case, our transaction is the victim");
		is(join("\n", deadlock($tab, $case, 0)), '', "$tab: $case, the other one is");
	}
}
is($watcher->value(q{SELECT count(*) FROM pg_locks WHERE locktype = 'advisory'}), 0,
	'no advisory lock is left');
$node->safe_psql('postgres', q(
TRUNCATE thing, thing_parted, thing_loose;
ALTER SYSTEM SET deadlock_timeout = '20ms';
SELECT pg_reload_conf()));

# The storm.  The foreign transactions update rows, in no order; what they write
# is none of a call's, so they leave value and version as they are.
sub run_foreigner
{
	my ($client) = @_;
	my $tab = (qw(thing thing_parted))[ rand(2) ];
	my @keys = $client->keys_in_play(0, 20);
	my $result = $client->query('BEGIN');

	foreach my $key (@keys)
	{
		$result = $client->query("SELECT FROM $tab WHERE key = $key FOR UPDATE");
		last if $result->{sqlstate};
		sleep(0.001);
	}
	$client->query('COMMIT');
	$client->note('undone', $result) if $result->{sqlstate};
}

my $storm = Storm->new;
$storm->start($node, 8, batch => 100);
$storm->start($node, 4, life => \&run_foreigner);
sleep(Storm::rounds(5));
my $since = time - 2;
$storm->stop;

$storm->check($node, since => $since, expected => ['40P01'], clients => [ 0 .. 7 ]);
is($node->safe_psql('postgres', q{
		SELECT count(*) FILTER (WHERE client < 8) > 5, count(*) FILTER (WHERE client >= 8) > 5
		FROM (SELECT DISTINCT client, at FROM told WHERE sqlstate = '40P01') AS deadlock}),
	't|t', 'both kinds of transactions were victims');
Storm::check_log($node);

$node->stop;
done_testing();
