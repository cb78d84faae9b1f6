# race: all clients want the same new keys in the same order.
#
# Processes with a connection each (DBD::Pg, statements prepared on the server)
# ask for keys that none of them has met.  In step: all ask for a key at the same
# moment, and for the next one when all have their answer, so that every key is
# a race.  On their own: without waiting for each other; then they drift apart
# soon, one creates and the others hit.  The rate is their calls by the time from
# the start to the last answer.  pgbench cannot take part, since what the ORM way
# does after an error is half of it.  Counted besides: errors that a client saw,
# answers without a row, and errors in the server's log.
use strict;
use warnings;

use Bench;
use DBI;
use POSIX ();
use Time::HiRes qw(time);

my $rounds = shift(@ARGV) // 30;
my $keys = 200;
my $clients = 8;
my $select = 'SELECT * FROM product WHERE name = ?';
my $insert = 'INSERT INTO product (name, price) VALUES (?, 5)';

# One answer row, whole, from a statement that was prepared.
sub row
{
	my ($db, $sql, @values) = @_;
	my $statement = $db->prepare_cached($sql);

	$statement->execute(@values) or return;
	my $row = $statement->fetchrow_arrayref;
	my @row = $row ? @$row : ();
	$statement->finish;
	return @row ? \@row : undef;
}

# A statement by itself, in a function.
sub one_statement
{
	my ($sql, $is_json) = @_;

	return sub {
		my ($db, $key) = @_;
		return row($db, $sql, $is_json ? qq({"name": "$key"}) : $key);
	};
}

# Insert, by the ORM way, within these brackets.
sub orm
{
	my ($db, $key, $begin, $commit, $rollback) = @_;
	my $row = row($db, $select, $key);

	return $row if $row;
	$db->do($begin);
	$row = row($db, "$insert RETURNING *", $key);
	if ($row) { $db->do($commit); return $row; }
	$db->do($rollback);
	return row($db, $select, $key);
}

sub in_transaction
{
	my ($call) = @_;

	return sub {
		my ($db, $key) = @_;
		$db->do('BEGIN');
		my $row = $call->($db, $key);
		$db->do('COMMIT');
		return $row;
	};
}

my $get_or_create = one_statement(
	'SELECT (g.record).*, g.was_created FROM get_or_create(NULL::product, ?::jsonb, \'{"price": 5}\') AS g', 1);
my @contenders = (
	[ 'get_or_create', $get_or_create ],
	[ 'ORM way', sub { orm(@_, 'BEGIN', 'COMMIT', 'ROLLBACK') } ],
	[ 'get_or_create in a transaction', in_transaction($get_or_create) ],
	[   'ORM way in a transaction',
		in_transaction(sub { orm(@_, 'SAVEPOINT s', 'RELEASE SAVEPOINT s', 'ROLLBACK TO SAVEPOINT s') })
	],
	[ 'plpgsql loop', one_statement('SELECT (g.record).*, g.was_created FROM product_get_or_create(?, 5) AS g') ],
	[   'plpgsql with EXCEPTION',
		one_statement('SELECT (g.record).*, g.was_created FROM product_get_or_create_exception(?, 5) AS g')
	],
	[   'DO NOTHING, then SELECT',
		sub { row($_[0], "$insert ON CONFLICT (name) DO NOTHING RETURNING *", $_[1]) // row($_[0], $select, $_[1]) }
	],
	[   'CTE with UNION ALL',
		sub { row($_[0], "WITH new AS ($insert ON CONFLICT (name) DO NOTHING RETURNING *)"
			  . " SELECT * FROM new UNION ALL SELECT * FROM product WHERE name = ? LIMIT 1", $_[1], $_[1]) }
	],
	[ 'DO UPDATE as no-op', one_statement("$insert ON CONFLICT (name) DO UPDATE SET name = excluded.name RETURNING *") ]);
push @contenders, [ 'DO SELECT', one_statement("$insert ON CONFLICT (name) DO SELECT RETURNING *") ]
  if scalar_query('SHOW server_version_num') >= 190000;
@contenders = map { { name => $_->[0], call => $_->[1], errors => 0, empty => 0, log => 0 } } @contenders;

# A client: says when it is ready, and waits, before each key or before the
# first one; in the end says how many errors and empty answers it had.
sub client
{
	my ($contender, $name, $in_step, $start, $result) = @_;
	my $db = DBI->connect('dbi:Pg:', '', '',
		{ PrintError => 0, RaiseError => 0, AutoCommit => 1, pg_server_prepare => 1, pg_switch_prepared => 1 })
	  or die $DBI::errstr;
	my ($errors, $empty) = (0, 0);
	local $db->{HandleError} = sub { $errors++; return 1; };

	# plans are made before the start
	$contender->{call}->($db, $_) foreach ('product 0000001', "zz warm $$") x 2;
	foreach my $i (1 .. $keys)
	{
		if ($in_step || $i == 1)
		{
			syswrite $result, '.';
			sysread $start, my $go, 1;
		}
		$empty++ unless $contender->{call}->($db, "zz race $name $i");
	}
	syswrite $result, ".$errors $empty\n";
	$db->disconnect;
	return;
}

sub log_lines
{
	return $ENV{SERVER_LOG} ? scalar(() = read_file($ENV{SERVER_LOG}) =~ /ERROR: /g) : 0;
}

# Lets all clients begin, as often as need be, and returns the seconds from
# there until all are at the next point.
sub begin
{
	my ($clients, $times) = @_;
	my $seconds = 0;

	sysread $_->{result}, my $ready, 1 or die "race: a client died\n" foreach @$clients;
	foreach (1 .. $times)
	{
		my $started = time;
		syswrite $_->{start}, '.' foreach @$clients;
		sysread $_->{result}, my $ready, 1 or die "race: a client died\n" foreach @$clients;
		$seconds += time - $started;
	}
	return $seconds;
}

# Calls per second of all clients together.
sub race
{
	my ($contender, $name, $in_step) = @_;
	my $before = log_lines();
	my @clients;

	foreach (1 .. $clients)
	{
		pipe my $start_read, my $start or die "pipe: $!\n";
		pipe my $result, my $result_write or die "pipe: $!\n";
		my $pid = fork // die "fork: $!\n";
		if (!$pid)
		{
			client($contender, $name, $in_step, $start_read, $result_write);
			POSIX::_exit(0);
		}
		push @clients, { pid => $pid, start => $start, result => $result };
		close $result_write;
		close $start_read;
	}
	my $seconds = begin(\@clients, $in_step ? $keys : 1);
	foreach my $client (@clients)
	{
		my ($errors, $empty) = split ' ', readline $client->{result};
		$contender->{errors} += $errors;
		$contender->{empty} += $empty;
		waitpid $client->{pid}, 0;
	}
	push @{ $contender->{rate} }, $clients * $keys / $seconds;
	$contender->{log} += log_lines() - $before;
	query("DELETE FROM product WHERE name > 'zz'");
	return;
}

# All rounds, in one of the two ways.
sub run_races
{
	my ($in_step, $title, @targets) = @_;

	printf "\n%s: %d clients want the same %d new keys in the same order, %s\ncalls per second, %d rounds\n",
	  $in_step ? 'race' : 'race_on_their_own', $clients, $keys, $title, $rounds;
	foreach my $round (0 .. $rounds)
	{
		race($_, $round, $in_step) foreach rotate($round, @contenders);
		query('VACUUM (INDEX_CLEANUP ON) product');
		next if $round != 0;
		delete $_->{rate} foreach @contenders;
		@{$_}{qw(errors empty log)} = (0, 0, 0) foreach @contenders;
	}
	print_table('rate', \@contenders, [ 'ORM way', 'ORM way in a transaction' ], \@targets);
	printf "of %d calls\n%-32s %7s %7s %9s\n", $rounds * $clients * $keys, '', 'errors', 'no row', 'log lines';
	printf "%-32s %7d %7d %9d\n", @{$_}{qw(name errors empty log)} foreach @contenders;
	printf "target  get_or_create: %d errors, to be 0: %s\n", $contenders[0]{errors} + $contenders[2]{errors},
	  $contenders[0]{errors} + $contenders[2]{errors} == 0 ? 'reached' : 'MISSED';
	return;
}

sub target
{
	my ($who, $whom) = @_;
	return { who => $who, sign => '>=', times => 2, whom => $whom };
}

run_races(
	1,
	'each key at the same moment',
	target('get_or_create', 'ORM way'),
	target('get_or_create in a transaction', 'ORM way in a transaction'));
run_races(0, 'each client on its own');
1;
