# Random calls beside a slow model.
#
# Random schemas, JSON, names, privileges and isolation levels, call after call in one
# session (t/hostile/Generator.pm).  Each call is made twice: as a model in plain SQL
# would do it (t/hostile/model.sql), which is undone, and by the function
# (t/hostile/harness.sql).  Both must give the same answer and leave the same rows; or
# the function must raise one of the errors that the model finds in the call, one that
# its page documents, and leave nothing.
#
# DUPLICATE_GUARD_SEED is where other calls come from, DUPLICATE_GUARD_CALLS is how many.

use strict;
use warnings;

use Encode qw(encode_utf8);
use FindBin;
use lib "$FindBin::RealBin/hostile";

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

use Generator;

my $calls = $ENV{DUPLICATE_GUARD_CALLS} || 9000;
my $per_schema = 300;
my $per_transaction = 60;

my $node = PostgreSQL::Test::Cluster->new('hostile');
$node->init(extra => [ '--encoding=UTF8', '--locale=C.UTF-8' ]);
$node->append_conf(
	'postgresql.conf', q(
fsync = off
log_statement = none
log_min_messages = log
log_min_error_statement = panic
statement_timeout = 60s
));
$node->start;
$node->safe_psql('postgres', q(
CREATE EXTENSION citext;
CREATE EXTENSION duplicate_guard;
CREATE ROLE hostile_full;
CREATE ROLE hostile_some;
));
$node->safe_psql('postgres', slurp_file("$FindBin::RealBin/hostile/$_")) foreach qw(model.sql harness.sql);
$node->safe_psql('postgres', q(
GRANT USAGE ON SCHEMA hostile TO PUBLIC;
GRANT SELECT ON ALL TABLES IN SCHEMA hostile TO PUBLIC;
));

# The same calls in every run, so that what fails is due to a change; others with
# DUPLICATE_GUARD_SEED.
my @seeds = $ENV{DUPLICATE_GUARD_SEED} // (1, 2);
my $file = PostgreSQL::Test::Utils::tempdir_short() . '/calls.sql';
my $number = 0;
my $failures = 0;
foreach my $seed (@seeds)
{
	note("DUPLICATE_GUARD_SEED=$seed");
	make_calls($seed, $calls / @seeds);
}

# So many calls, which follow from the seed.
sub make_calls
{
	my ($of, $n) = @_;

	srand($of);
	for (my $done = 0; $done < $n && $failures < 3; $done += $per_schema)
	{
		my $generator = Generator->new(++$number);
		my @sql = $generator->statements;
		my $base = ($number - 1) * $per_schema;

		push @sql, 'COPY hostile.call (' . Generator::fields() . ') FROM stdin';
		my $script = join(";\n", @sql) . ";\n";
		$script .= Generator::line($generator->call($base + $_)) foreach 1 .. $per_schema;
		$script .= "\\.\n";
		for (my $first = $base + 1; $first <= $base + $per_schema; $first += $per_transaction)
		{
			my $level = Values::pick('READ COMMITTED', 'READ COMMITTED', 'REPEATABLE READ', 'SERIALIZABLE');
			$script .= join ";\n", "BEGIN ISOLATION LEVEL $level", "SELECT hostile.run($first, $first + $per_transaction - 1)", 'COMMIT', $generator->thin_out, '';
		}
		$script .= join ";\n", $generator->drop, '';
		open my $output, '>', $file or die "$file: $!\n";
		print $output encode_utf8($script);
		close $output;
		my ($status, $stdout, $stderr) = $node->psql('postgres', "\\i $file", on_error_stop => 1);
		if ($status != 0)
		{
			$failures++;
			fail("seed $of, calls " . ($base + 1) . ' and following');
			diag($stderr);
		}
		my $differences = $node->safe_psql('postgres', q(
SELECT format(E'call %s: %s\n%s\nexpected: %s\nactual: %s\n', no, what, sql, expected, actual) FROM hostile.difference ORDER BY no LIMIT 5));
		if ($differences ne '')
		{
			$failures++;
			fail("seed $of");
			diag($differences);
			my $relations = $node->safe_psql('postgres', 'SELECT DISTINCT rel FROM hostile.difference');
			$node->safe_psql('postgres', 'DELETE FROM hostile.difference');
			diag("$_;") foreach map { encode_utf8($_) } $generator->statements_on(grep { length } split /\n/, Encode::decode_utf8($relations));
		}
	}
}

is($failures, 0, 'no difference from the model');

my @bad = grep { /PANIC:|TRAP:|terminated by signal|internal error/ } split /\n/, slurp_file($node->logfile);
is(scalar(@bad), 0, 'no crash in the server log');
diag($_) foreach splice(@bad, 0, 10);

# A test of so many calls is worth something only if each function did all that it can do, each kind of table
# was written to, and each kind of conflict found.  Some are rare: with other seeds that would be a matter of luck.
if ($calls >= 5000 && !defined $ENV{DUPLICATE_GUARD_SEED})
{
	is( $node->safe_psql(
			'postgres', q(
SELECT string_agg(func || ' ' || wanted, ', ' ORDER BY func, wanted)
FROM (VALUES ('get_or_create', '{created,found,42P10,23505,25006,42501,22P02}'::text[]), ('update_or_create', '{created,found,updated,42P10,23505,25006,42501,22P02}'),
				 ('get_or_create_many', '{created,found,nothing,42P10,23505,25006}'), ('update_or_create_many', '{created,found,updated,nothing,42P10,23505}'),
				 ('try_create', '{created,refused,25006,42501,22P02}'), ('try_create_many', '{created,refused,22P02}'), ('find_conflicts', '{free,conflicts,0A000,22P02}')) AS w(func, outcomes),
		 unnest(outcomes) AS wanted
WHERE NOT EXISTS (SELECT FROM hostile.result AS r WHERE r.func = w.func AND r.outcome = wanted))),
		'', 'every function did all that it can do');
	is( $node->safe_psql(
			'postgres', q(
SELECT string_agg(feature, ', ' ORDER BY feature)
FROM unnest('{partitioned,partition,view,check_option,odd_name,nocase,citext,enum,composite,domain,identity_ALWAYS,"identity_BY DEFAULT",generated,foreign_key,check,
		dropped_column,partial,expression,guarded_expression,nulls_equal,deferrable,include,several_columns,over_generated,trigger_nothing,trigger_rewrite,
		trigger_suppress,row_security}'::text[]) AS feature
WHERE (SELECT count(*) FILTER (WHERE outcome = 'created') < 5 OR count(*) FILTER (WHERE outcome = 'found') < 5 FROM hostile.result WHERE feature = ANY (features)))),
		'', 'every kind of table was written to and read');
	is( $node->safe_psql(
			'postgres', q(
SELECT string_agg(kind, ', ' ORDER BY kind)
FROM unnest('{domain_check_violation,partition_not_found,partition_constraint_violation,not_null_violation,check_violation,unique_violation,
		foreign_key_missing}'::text[]) AS kind
WHERE NOT EXISTS (SELECT FROM hostile.result WHERE kind = ANY (features)))),
		'', 'every kind of conflict was found');
}

note($node->safe_psql('postgres', q(
SELECT string_agg(format('%s: %s', func, outcomes), E'\n')
FROM (SELECT func, string_agg(outcome || ' ' || n, ', ' ORDER BY outcome COLLATE "C") AS outcomes
	  FROM (SELECT func, outcome, count(*) AS n FROM hostile.result GROUP BY 1, 2) AS o GROUP BY 1 ORDER BY 1) AS f)));

$node->stop;
done_testing();
