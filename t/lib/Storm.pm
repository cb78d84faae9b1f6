# A storm: many sessions that call every writing function on the same keys, and
# note what they were told; and the proof that all of it is so.
#
# Whatever happens to the server or to a session in the meantime, afterwards:
#  - every answer that a session was given, in a transaction that it knows
#    to be committed, is still true: the row is there, under that id and
#    key, at that version or a later one;
#  - every version of every row was written by exactly one call.  Those that no
#    call was told of are no more than the calls on that key whose end nobody
#    knows, since the connection was lost in them;
#  - no two rows have the same key, and index and table agree;
#  - every session got an answer or an error, and only errors that are expected;
#  - a session that goes on after an error holds no lock.
#
# The seed of all random moments is printed; DUPLICATE_GUARD_FAULT_SEED repeats
# it, as far as moments can be.  DUPLICATE_GUARD_FAULT_ROUNDS=5 makes every storm
# five times as long.
package Storm;

use strict;
use warnings;

use List::Util qw(shuffle);
use POSIX ();
use PostgreSQL::Test::Utils;
use Session;
use Test::More;
use Time::HiRes qw(sleep time);

# In each table, the version counts the updates of the row.
my @tables = qw(thing thing_parted thing_loose);
my $width = 300;	# the keys in play at a time
my $speed = 400;	# new ones a second

my %called = (
	get => 'get_or_create',
	update => 'update_or_create',
	try => 'try_create',
	get_many => 'get_or_create_many',
	update_many => 'update_or_create_many',
	try_many => 'try_create_many');

# How many rounds a test is to do that does so many in its short form.
sub rounds
{
	my ($short) = @_;

	return $short * ($ENV{DUPLICATE_GUARD_FAULT_ROUNDS} || 1);
}

# Seeds this test's random moments, and says how to have them again.
sub seed
{
	our $seed = $ENV{DUPLICATE_GUARD_FAULT_SEED} || 1 + int(rand(1_000_000));

	srand $seed;
	note("DUPLICATE_GUARD_FAULT_SEED=$seed");
	return $seed;
}

# Makes the tables of the storm.
sub create_tables
{
	my ($node) = @_;

	$node->safe_psql(
		'postgres', q(
CREATE EXTENSION duplicate_guard;
CREATE EXTENSION amcheck;

CREATE FUNCTION count_version() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
	NEW.version := OLD.version + 1;
	RETURN NEW;
END $$;

CREATE TABLE thing (
	id		bigserial PRIMARY KEY,
	key		integer NOT NULL UNIQUE,
	value	text NOT NULL,
	version	integer NOT NULL DEFAULT 0
);
CREATE TABLE thing_parted (LIKE thing INCLUDING DEFAULTS, UNIQUE (key))
	PARTITION BY HASH (key);
CREATE TABLE thing_parted_0 PARTITION OF thing_parted FOR VALUES WITH (MODULUS 2, REMAINDER 0);
CREATE TABLE thing_parted_1 PARTITION OF thing_parted FOR VALUES WITH (MODULUS 2, REMAINDER 1);
-- no index decides here: require_unique => false
CREATE TABLE thing_loose (LIKE thing INCLUDING DEFAULTS, PRIMARY KEY (id));
CREATE INDEX ON thing_loose (key);

CREATE TRIGGER count_version BEFORE UPDATE ON thing
	FOR EACH ROW EXECUTE FUNCTION count_version();
CREATE TRIGGER count_version BEFORE UPDATE ON thing_parted
	FOR EACH ROW EXECUTE FUNCTION count_version();
CREATE TRIGGER count_version BEFORE UPDATE ON thing_loose
	FOR EACH ROW EXECUTE FUNCTION count_version();

CREATE TABLE told (
	client integer, session integer, begun double precision, at double precision,
	outcome text, sqlstate text,
	tab text, verb text, asked integer, asked_value text,
	id bigint, key integer, value text, version integer,
	was_created boolean, was_updated boolean, kind text
);
));
}

# Puts values in the place of names in upper case.
sub fill_in
{
	my ($text, %values) = @_;

	$text =~ s/\b([A-Z]+)\b/$values{$1} \/\/ $1/eg;
	return $text;
}

# Waits until the session with that pid waits for a lock, seen from another one.
sub wait_until_blocked
{
	my ($watcher, $pid) = @_;

	for (my $end = time + 30; time < $end; sleep(0.001))
	{
		return if $watcher->value("SELECT count(*) FROM pg_locks WHERE pid = $pid AND NOT granted");
	}
	die "session $pid does not wait\n";
}

sub new
{
	my ($class, %settings) = @_;

	return bless {
		seed => $Storm::seed,
		begin => time,
		dir => PostgreSQL::Test::Utils::tempdir(),
		children => [],
		expected => [],
		%settings }, $class;
}

# More clients of that node:
#	before		what one does before each call of its own; it may look at and
#				change the client
#	life		what it does instead of calls of its own
#	batch		the largest batch
#	sleep		how long a transaction may idle between its statements
#	failover	the node to connect to when the first one is gone
sub start
{
	my ($self, $node, $n, %manner) = @_;

	foreach (1 .. $n)
	{
		my $number = @{ $self->{children} };
		my $pid = fork;

		die "fork: $!\n" unless defined $pid;
		push @{ $self->{children} }, $pid;
		$self->run_client($node, $number, %manner) if $pid == 0;
	}
}

# Ends the clients.
sub stop
{
	my ($self) = @_;
	my @failed;

	kill 'TERM', @{ $self->{children} };
	foreach my $number (0 .. $#{ $self->{children} })
	{
		waitpid $self->{children}[$number], 0;
		push @failed, $number if $?;
	}
	is("@failed", '', 'every client came to its end');
	diag(slurp_file("$self->{dir}/failed_$_")) foreach grep { -e "$self->{dir}/failed_$_" } @failed;
}

# The life of a client, which does not return.  (Its parent's END blocks, which
# would stop the server, are not its own.)
sub run_client
{
	my ($self, $node, $number, %manner) = @_;
	my $client = bless {
		node => $node,
		number => $number,
		begin => $self->{begin},
		sessions => 0,
		calls => 0,
		stop => 0,
		batch => 20,
		sleep => 0.003,
		%manner }, 'Storm::Client';

	srand($self->{seed} * 1000 + $number);
	$SIG{TERM} = sub { $client->{stop} = 1 };
	open $client->{notes}, '>', "$self->{dir}/notes_$number" or POSIX::_exit(1);
	my $done = eval { $client->run; 1 };
	if (!$done)
	{
		open my $failed, '>', "$self->{dir}/failed_$number" or POSIX::_exit(1);
		print $failed "client $number: $@";
		close $failed;
	}
	close $client->{notes};
	POSIX::_exit($done ? 0 : 1);
}

# Proves what the head of this file says, on a node that has it all:
#	expected	the SQLSTATEs that a client may have been given
#	silent		connections may have been lost without a word
#	since		every client must have been answered after that time
#	clients		which clients make calls, if not all
sub check
{
	my ($self, $node, %given) = @_;
	my $expected = join ',', @{ $given{expected} };
	my $heard = $given{silent} ? 'false' : 'true';
	my $last = $#{ $given{clients} // $self->{children} };

	foreach my $number (0 .. $#{ $self->{children} })
	{
		$node->safe_psql('postgres', "\\copy told FROM '$self->{dir}/notes_$number'");
	}
	$node->safe_psql('postgres', 'CREATE INDEX ON told (id); CREATE INDEX ON told (asked); ANALYZE told');

	is($node->safe_psql('postgres', "
			SELECT DISTINCT tab, verb, sqlstate FROM told
			WHERE sqlstate <> ALL ('{$expected}') OR outcome <> 'told' AND sqlstate IS NULL AND $heard"),
		'', 'no error but those that are expected');
	is($node->safe_psql('postgres', "
			SELECT client FROM generate_series(0, $last) AS client
			EXCEPT SELECT client FROM told WHERE outcome = 'told' AND at > $given{since}"),
		'', 'every client was answered to the end');
	$self->check_answers($node);
	$self->check_table($node, $_) foreach @tables;
	is($node->safe_psql('postgres', q{
			SELECT count(bt_index_check(c.oid, true)) FROM pg_class AS c
			WHERE c.relkind = 'i' AND c.relname LIKE 'thing%';
			SELECT c.relname, v.* FROM pg_class AS c, verify_heapam(c.oid) AS v
			WHERE c.relkind = 'r' AND c.relname LIKE 'thing%'}),
		'6', 'tables and indexes are sound and agree');
	$self->check_that_it_stormed($node);
}

sub check_answers
{
	my ($self, $node) = @_;

	is($node->safe_psql('postgres', q{
			SELECT * FROM told WHERE outcome = 'told' AND kind IS NULL AND
				(key IS DISTINCT FROM asked OR
				 was_created AND (version <> 0 OR value <> asked_value OR was_updated) OR
				 was_updated AND (version = 0 OR value <> asked_value) OR
				 verb LIKE 'update%' AND value <> asked_value OR
				 verb LIKE 'try%' AND NOT was_created)
			LIMIT 5}),
		'', 'every answer is what was asked for');
	is($node->safe_psql('postgres', q{
			SELECT * FROM told WHERE outcome = 'told' AND kind IS NOT NULL AND
				(verb NOT LIKE 'try%' OR kind <> 'unique_violation' OR was_created)
			LIMIT 5}),
		'', 'what try_create refused was there already');
}

sub check_table
{
	my ($self, $node, $tab) = @_;

	is($node->safe_psql('postgres', qq{
			SELECT t.* FROM told AS t LEFT JOIN $tab AS x USING (id)
			WHERE t.tab = '$tab' AND t.outcome = 'told' AND t.id IS NOT NULL AND
				(x.id IS NULL OR x.key <> t.key OR x.version < t.version OR
				 x.version = t.version AND x.value <> t.value)
			LIMIT 5}),
		'', "$tab: nothing that a session was told is lost");
	is($node->safe_psql('postgres', qq{
			SELECT t.* FROM told AS t
			WHERE t.tab = '$tab' AND t.outcome = 'told' AND t.kind IS NOT NULL AND
				NOT EXISTS (SELECT FROM $tab AS x WHERE x.key = t.asked)
			LIMIT 5}),
		'', "$tab: what a session was told to be there is there");
	is($node->safe_psql('postgres', qq{
			SELECT id, version FROM told
			WHERE tab = '$tab' AND outcome = 'told' AND (was_created OR was_updated)
			GROUP BY id, version HAVING count(*) > 1
			LIMIT 5}),
		'', "$tab: nothing was written by two calls");
	is($node->safe_psql('postgres', qq{
			WITH wrote AS (
				SELECT id, count(*) AS n FROM told
				WHERE tab = '$tab' AND outcome = 'told' AND (was_created OR was_updated)
				GROUP BY id),
			unknown AS (
				SELECT asked AS key, count(*) AS n FROM told
				WHERE tab = '$tab' AND outcome = 'unknown' GROUP BY asked)
			SELECT x.*, w.n, u.n
			FROM $tab AS x LEFT JOIN wrote AS w USING (id) LEFT JOIN unknown AS u USING (key)
			WHERE x.version + 1 - coalesce(w.n, 0) NOT BETWEEN 0 AND coalesce(u.n, 0)
			LIMIT 5}),
		'', "$tab: every version of every row has its call");
	is($node->safe_psql('postgres', qq{
			SET enable_indexscan = off; SET enable_indexonlyscan = off; SET enable_bitmapscan = off;
			SELECT key FROM $tab GROUP BY key HAVING count(*) > 1 LIMIT 5}),
		'', "$tab: no two rows share a key");
}

# The test is worth something only if every function did each thing it can.
sub check_that_it_stormed
{
	my ($self, $node) = @_;

	is($node->safe_psql('postgres', q{
			SELECT verb, bool_or(was_created), bool_or(was_updated), bool_or(NOT was_created AND NOT was_updated)
			FROM told WHERE outcome = 'told' GROUP BY verb ORDER BY verb}),
		"get|t|f|t\nget_many|t|f|t\ntry|t|f|t\ntry_many|t|f|t\nupdate|t|t|f\nupdate_many|t|t|f",
		'every function created, found and updated');
	note($node->safe_psql('postgres', q{
			SELECT format('%s answers, %s created, %s updated', count(*),
						  count(*) FILTER (WHERE was_created), count(*) FILTER (WHERE was_updated))
			FROM told WHERE outcome = 'told'
			UNION ALL
			SELECT format('%s: %s (%s calls of which the end is unknown)', coalesce(sqlstate, 'connection lost'),
						  count(*), count(*) FILTER (WHERE outcome = 'unknown'))
			FROM told WHERE outcome <> 'told' AND verb IS NOT NULL GROUP BY sqlstate}));
}

# The server's log must hold no warning, no crash and no internal error, but for
# what is expected.
sub check_log
{
	my ($node, $expected) = @_;
	my @lines = grep { /WARNING:|PANIC:|TRAP:|XX000|terminated by signal/ } split /\n/,
	  slurp_file($node->logfile);

	@lines = grep { !/$expected/ } @lines if defined $expected;
	is(scalar(@lines), 0, 'no warning, no crash and no internal error in the log');
	diag($_) foreach splice @lines, 0, 10;
}

package Storm::Client;

use List::Util qw(shuffle);
use Time::HiRes qw(sleep time);

sub run
{
	my ($self) = @_;

	until ($self->{stop})
	{
		$self->{begun} = time;
		$self->connect or next;
		$self->{before}->($self) if $self->{before};
		next if $self->{session}{lost};
		if ($self->{life})
		{
			$self->{life}->($self);
		}
		elsif (rand() < 0.15)
		{
			$self->transaction;
		}
		else
		{
			$self->autocommit;
		}
	}
	$self->check_locks if $self->{session} && !$self->{session}{lost};
}

# A session, a new one if the old one is gone.  Fails for a moment when there
# is none to be had.
sub connect
{
	my ($self) = @_;

	return 1 if $self->{session} && !$self->{session}{lost};
	foreach my $node ($self->{node}, $self->{failover} || ())
	{
		my $session = Session->new($node);

		if (!$session->{lost})
		{
			$self->{session} = $session;
			$self->{sessions}++;
			return 1;
		}
		$self->note('no session', $session);
	}
	sleep(0.02);
	return 0;
}

# One call, which is a transaction of its own.
sub autocommit
{
	my ($self) = @_;
	my $call = $self->make_call(0);
	my $result = $self->perform($call);

	$self->note($result->{lost} ? 'unknown' : $result->{sqlstate} ? 'undone' : 'told', $result, $call);
	$self->check_locks if $result->{sqlstate} && !$result->{lost};
}

# Some calls in one transaction, in ascending order of keys, in which nobody
# deadlocks.  What they were told is true when it is committed.
sub transaction
{
	my ($self) = @_;
	my @calls = sort { $a->{asked}[0][0] <=> $b->{asked}[0][0] }
	  map { $self->make_call(1) } (1 .. 1 + rand(3));
	my $outcome = 'undone';
	my $result = $self->query('BEGIN');

	foreach my $call (@calls)
	{
		last if $result->{sqlstate} || $result->{lost};
		sleep(rand($self->{sleep}));
		$result = $self->perform($call);
	}
	if (!$result->{sqlstate} && !$result->{lost})
	{
		sleep(rand($self->{sleep}));
		$result = $self->query('COMMIT');
		$outcome = $result->{lost} ? 'unknown' : "@{ $result->{tags} }" eq 'COMMIT' ? 'told' : 'undone';
	}
	$self->note($outcome, $result, @calls);
	if ($result->{sqlstate} && !$result->{lost})
	{
		# BEGIN and COMMIT can be cancelled, too, and leave no transaction; so can
		# ROLLBACK.
		for (1 .. 100)
		{
			last if $result->{lost} || $result->{status} eq 'I';
			$result = $self->query('ROLLBACK');
		}
		die "no ROLLBACK: $result->{sqlstate}\n" if !$result->{lost} && $result->{status} ne 'I';
		$self->check_locks unless $result->{lost};
	}
}

sub query
{
	my ($self, $sql) = @_;

	return $self->{session}->query($sql);
}

# Keys that are in play now; a transaction has a range of its own, in which
# nobody waits for a batch.
sub keys_in_play
{
	my ($self, $in_transaction, $n) = @_;
	my $front = int($width + $speed * (time - $self->{begin}));
	my %keys = map { $front - int(rand($width)) => 1 } (1 .. $n);

	return map { $in_transaction ? -1 - $_ : $_ } shuffle(sort keys %keys);
}

# A call at random.  (Two batches of try_create_many in different orders deadlock
# as two INSERTs do, so these are in order.)
sub make_call
{
	my ($self, $in_transaction) = @_;
	my $many = !$in_transaction && rand() < 0.3;
	my $verb = (qw(get get update try))[ rand(4) ];
	my $tab = (qw(thing thing thing_parted thing_loose))[ rand($many || $verb eq 'try' ? 3 : 4) ];
	my @keys = $self->keys_in_play($in_transaction, $many ? 2 + int(rand($self->{batch})) : 1);
	my $value = $self->{number} . '.' . ++$self->{calls};
	my @asked;

	$verb .= '_many' if $many;
	@keys = sort { $a <=> $b } @keys if $verb eq 'try_many';
	@asked = map { [ $keys[$_], "$value.$_" ] } (0 .. $#keys);
	return {
		tab => $tab,
		verb => $verb,
		asked => \@asked,
		sql => call_text($tab, $verb, @asked) };
}

# The statement: id, key, value, version, was_created, was_updated, kind of error
sub call_text
{
	my ($tab, $verb, @asked) = @_;
	my ($base) = $verb =~ /^([a-z]+)/;
	my $arguments;

	if ($verb =~ /_many$/)
	{
		$arguments = "'[" . join(', ', map { qq({"key": $_->[0], "value": "$_->[1]"}) } @asked) . "]'";
		$arguments .= q(, '{key}') unless $base eq 'try';
	}
	elsif ($base eq 'try')
	{
		$arguments = qq('{"key": $asked[0][0], "value": "$asked[0][1]"}');
	}
	else
	{
		$arguments = qq('{"key": $asked[0][0]}', '{"value": "$asked[0][1]"}');
		$arguments .= ', require_unique => false' if $tab eq 'thing_loose';
	}
	return 'SELECT (g.record).id, (g.record).key, (g.record).value, (g.record).version, g.was_created, '
	  . ($base eq 'update' ? 'g.was_updated' : 'false') . ', '
	  . ($base eq 'try' ? '(g.error).kind' : 'NULL')
	  . " FROM $called{$verb}(NULL::$tab, $arguments) AS g"
	  . ($verb =~ /_many$/ ? ' ORDER BY g.ordinality' : '');
}

# Makes the call; an answer has a row for each element.
sub perform
{
	my ($self, $call) = @_;
	my $result = $self->query($call->{sql});
	my @rows = @{ $result->{rows} };

	$call->{answers} = \@rows;
	die 'asked for ' . @{ $call->{asked} } . ' rows, told ' . @rows . ": $call->{sql}\n"
	  if !$result->{sqlstate} && !$result->{lost} && @rows != @{ $call->{asked} };
	die "25006 without the hint to use the primary: $call->{verb}\n"
	  if ($result->{sqlstate} // '') eq '25006' && $call->{verb} !~ /^try/
	  && ($result->{error}{H} // '') !~ /\bprimary\b/;
	foreach my $notice (@{ $result->{notices} })
	{
		die "$notice->{S}: $notice->{M}\n" if $notice->{C} !~ /^(?:57P0[12])$/;
	}
	return $result;
}

# For every row that was asked for, what came of it, in COPY's format.
sub note
{
	my ($self, $outcome, $result, @calls) = @_;
	my @general = ($self->{number}, $self->{sessions}, $self->{begun}, time, $outcome, $result->{sqlstate});

	$self->write_note(@general, (undef) x 11) unless @calls;
	foreach my $call (@calls)
	{
		foreach my $i (0 .. $#{ $call->{asked} })
		{
			my @answer = $outcome eq 'told' ? @{ $call->{answers}[$i] } : (undef) x 7;
			$self->write_note(@general, $call->{tab}, $call->{verb}, @{ $call->{asked}[$i] }, @answer);
		}
	}
}

sub write_note
{
	my ($self, @fields) = @_;

	print { $self->{notes} } join("\t", map { defined $_ ? $_ : '\N' } @fields), "\n";
}

# Outside of a transaction a session holds no lock, whatever went before.  (The
# statement that looks may be cancelled itself.)
sub check_locks
{
	my ($self) = @_;
	my $result = $self->query(q{
		SELECT locktype, mode, relation::regclass FROM pg_locks
		WHERE pid = pg_backend_pid() AND (relation IS NULL OR relation >= 16384) AND locktype <> 'virtualxid'});

	die 'a session outside of a transaction holds: ' . join(' ', map { $_ // '' } @{ $result->{rows}[0] }) . "\n"
	  if @{ $result->{rows} };
}

1;
