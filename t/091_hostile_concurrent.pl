# Random calls of several sessions for the same few rows.
#
# Eight sessions make random calls of get_or_create, update_or_create and their
# functions for many, over tables of all kinds: first each call in a transaction of its
# own under READ COMMITTED, where nobody may see an error; then in random transactions
# of all isolation levels, where 40001 (not under READ COMMITTED) and 40P01 may be.
# Nobody deletes.  Afterwards, by what the sessions were told in transactions that were
# committed:
#  - no two rows share a key, by a sequential scan;
#  - every row has exactly one answer with was_created, and every answer its row;
#  - every row was updated as often as was told, so no update is lost or told twice.
#
# DUPLICATE_GUARD_SEED repeats the calls of another run (not what the sessions do to
# each other), DUPLICATE_GUARD_CALLS makes it longer.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::RealBin/hostile";

use IPC::Run;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

use Values qw(pick chance);

my $sessions = 8;
my $calls = int(($ENV{DUPLICATE_GUARD_CALLS} || 4000) / $sessions / 2);
my $seed = $ENV{DUPLICATE_GUARD_SEED} // int rand 2**31;

note("DUPLICATE_GUARD_SEED=$seed");
srand($seed);

my $node = PostgreSQL::Test::Cluster->new('hostile_concurrent');
$node->init;
$node->append_conf(
	'postgresql.conf', q(
log_statement = none
log_min_messages = log
log_min_error_statement = panic
deadlock_timeout = 100ms
default_transaction_isolation = 'read committed'
statement_timeout = 60s
));
$node->start;

# key: what is unique, by columns of the table
my %tables = (
	'"pl ain"' => { columns => 'k text COLLATE "C" PRIMARY KEY', key => 'k', names => ['k'] },
	lowered => { columns => 'k text', index => '(lower(k))', key => 'lower(k)', names => ['k'] },
	partial => { columns => 'k text, gone boolean NOT NULL DEFAULT false', index => '(k) WHERE NOT gone', key => 'k', names => ['k'] },
	pairs => { columns => 'k text, k2 integer', index => '(k2, k) NULLS NOT DISTINCT', key => 'ROW(k2, k)::text', names => [ 'k', 'k2' ] },
	amounts => { columns => 'k numeric UNIQUE', key => 'trim_scale(k)::text', names => ['k'] },
	parted => { columns => 'k text PRIMARY KEY', key => 'k', names => ['k'], partitioned => 1 });

my $setup = q(
CREATE EXTENSION duplicate_guard;
CREATE TABLE answer (tab text, key text, was_created boolean, was_updated boolean);
CREATE FUNCTION count_version() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
	NEW.version := OLD.version + 1;
	RETURN NEW;
END $$;
);
foreach my $name (sort keys %tables)
{
	my $table = $tables{$name};
	$setup .= "CREATE TABLE $name ($table->{columns}, v integer, w text, version integer NOT NULL DEFAULT 0)" . ($table->{partitioned} ? ' PARTITION BY HASH (k)' : '') . ";\n";
	$setup .= "CREATE UNIQUE INDEX ON $name $table->{index};\n" if $table->{index};
	$setup .= "CREATE TABLE ${name}_$_ PARTITION OF $name FOR VALUES WITH (MODULUS 3, REMAINDER $_);\n" foreach $table->{partitioned} ? 0 .. 2 : ();
	$setup .= "CREATE TRIGGER count_version BEFORE UPDATE ON $name FOR EACH ROW EXECUTE FUNCTION count_version();\n";
}
$node->safe_psql('postgres', $setup);

# All sessions take their keys from a window that moves on with their calls, so that
# they meet at keys that are new.
my $position = 0;

sub key_number
{
	return 1 + int($position++ / 10) + int rand 8;
}

sub key_value
{
	my ($table, $column) = @_;

	return pick('null', 0, 1) if $column eq 'k2';
	return key_number() . pick('', '.0', '.00') if $table->{columns} =~ /numeric/;
	return '"' . pick('k', 'K') . key_number() . '"';
}

sub key_of
{
	my ($table) = @_;

	return join ', ', map { qq("$_": ) . key_value($table, $_) } @{ $table->{names} };
}

sub defaults
{
	my @pairs;

	push @pairs, '"v": ' . pick('null', 0 .. 3) if chance(0.8);
	push @pairs, '"w": ' . pick('"a"', '"b"', 1, 'null') if chance(0.4);
	return join ', ', @pairs;
}

# One random call, which notes its answers.
sub call
{
	my $name = pick(sort keys %tables);
	my $table = $tables{$name};
	my $func = pick(('get_or_create') x 3, ('update_or_create') x 3, 'get_or_create_many', 'update_or_create_many');
	my $arguments;

	if ($func =~ /many/)
	{
		my @rows = map { my $defaults = defaults(); '{' . key_of($table) . (length $defaults ? ", $defaults" : '') . '}' } 1 .. 1 + int rand 8;
		$arguments = "'[" . join(', ', @rows) . "]', '{" . join(',', @{ $table->{names} }) . "}'";
	}
	else
	{
		$arguments = "'{" . key_of($table) . "}', '{" . defaults() . "}'";
	}
	my $key = $table->{key} =~ s/\b(k2?)\b/(g.record).$1/gr;
	my $updated = $func =~ /update/ ? 'g.was_updated' : 'false';
	return "INSERT INTO answer SELECT '$name', $key, g.was_created, $updated FROM $func(NULL::$name, $arguments) AS g;\n";
}

# Runs such scripts at once.  Returns the SQLSTATEs that each session saw.
sub run_sessions
{
	my (@scripts) = @_;
	my (@runs, @errors);

	foreach my $i (0 .. $#scripts)
	{
		my $file = PostgreSQL::Test::Utils::tempdir_short() . "/calls$i.sql";
		open my $output, '>', $file or die "$file: $!\n";
		print $output "\\set VERBOSITY sqlstate\n$scripts[$i]";
		close $output;
		my ($stdout, $stderr) = ('', '');
		my $run = IPC::Run::start([ 'psql', '-XAtq', '-d', $node->connstr('postgres'), '-f', $file ], '<', '/dev/null', '>', \$stdout, '2>', \$stderr);
		push @runs, [ $run, \$stderr ];
	}
	foreach (@runs)
	{
		$_->[0]->finish;
		my %seen;
		$seen{$_}++ foreach ${ $_->[1] } =~ /ERROR:  (\w{5})/g;
		diag(${ $_->[1] }) if ${ $_->[1] } =~ /FATAL|connection|\\/;
		push @errors, \%seen;
	}
	return @errors;
}

sub unexpected
{
	my ($errors, @allowed) = @_;
	my %left = %$errors;

	delete @left{@allowed};
	return join ', ', map { "$_ $left{$_} times" } sort keys %left;
}

# Every call for itself.
my @errors = run_sessions(map { $position = 0; join '', map { call() } 1 .. $calls } 1 .. $sessions);
is(unexpected($errors[$_]), '', "single calls, session $_: no error") foreach 0 .. $#errors;

# Transactions, which is what may deadlock.  25P02 is what the rest of a transaction
# gets after an error.
my @levels = ('READ COMMITTED', 'REPEATABLE READ', 'SERIALIZABLE', 'READ COMMITTED');
my $next = $position;
my @scripts;
foreach my $session (0 .. $sessions - 1)
{
	my ($script, $n) = ('', 0);

	$position = $next;
	while ($n < $calls)
	{
		my $size = pick(1, 1, 1, 2, 3, 5);
		$script .= "BEGIN ISOLATION LEVEL $levels[$session % @levels];\n" . join('', map { call() } 1 .. $size) . (chance(0.1) ? 'ROLLBACK' : 'COMMIT') . ";\n";
		$n += $size;
	}
	push @scripts, $script;
}
@errors = run_sessions(@scripts);
foreach my $session (0 .. $#errors)
{
	my $level = $levels[ $session % @levels ];
	is( unexpected($errors[$session], '40P01', '25P02', $level eq 'READ COMMITTED' ? () : '40001'), '',
		"transactions, session $session, $level: no error but those of concurrency");
}
note(join '; ', map { my $seen = $_; join(' ', map { "$_ $seen->{$_}" } sort keys %$seen) || 'none' } @errors);

# By a sequential scan, whatever the indexes say.
my $scan = 'SET enable_indexscan = off; SET enable_indexonlyscan = off; SET enable_bitmapscan = off;';
foreach my $name (sort keys %tables)
{
	my $key = $tables{$name}{key};

	is( $node->safe_psql('postgres', "$scan SELECT count(*) FROM (SELECT $key FROM $name GROUP BY $key HAVING count(*) > 1) AS twice"),
		'0', "$name: no two rows share a key");
	is( $node->safe_psql('postgres', qq(
$scan
SELECT count(*)
FROM (SELECT $key AS key, version FROM $name) AS r
FULL JOIN (SELECT key, count(*) FILTER (WHERE was_created) AS created, count(*) FILTER (WHERE was_updated) AS updated
		   FROM answer WHERE tab = '$name' GROUP BY key) AS a USING (key)
WHERE (r.version IS NOT NULL, a.created, a.updated) IS DISTINCT FROM (true, 1::bigint, r.version::bigint))),
		'0', "$name: every row is told, created once, updated as often as was told");
}

is( $node->safe_psql('postgres', q(
SELECT count(*) FILTER (WHERE was_created) > 100, count(*) FILTER (WHERE was_updated) > 100, count(*) FILTER (WHERE NOT was_created AND NOT was_updated) > 100 FROM answer)),
	't|t|t', 'rows were created, updated and found');

my @bad = grep { /PANIC:|TRAP:|terminated by signal|internal error/ } split /\n/, slurp_file($node->logfile);
is(scalar(@bad), 0, 'no crash in the server log');
diag($_) foreach splice(@bad, 0, 10);

$node->stop;
done_testing();
