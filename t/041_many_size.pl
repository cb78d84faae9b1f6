# A large batch: within 2 kB per row besides the shared buffers, without quadratic
# time, and to be cancelled while it runs.
#
# DUPLICATE_GUARD_BATCH_ROWS=1000000 makes it larger.

use strict;
use warnings;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $large = $ENV{DUPLICATE_GUARD_BATCH_ROWS} || 200_000;
my $small = 5_000;

my $node = PostgreSQL::Test::Cluster->new('many_size');
$node->init;
$node->append_conf(
	'postgresql.conf', qq(
autovacuum = off
fsync = off
jit = off
max_wal_size = '4GB'
));
$node->start;

# The clock is the processor's where the system tells it.
$node->safe_psql(
	'postgres', qq(
CREATE EXTENSION duplicate_guard;
CREATE TABLE thing (name text PRIMARY KEY, size integer CHECK (size >= 0));
CREATE TABLE batch AS
SELECT n, (SELECT jsonb_agg(jsonb_build_object('name', 'thing ' || i, 'size', i) ORDER BY hashint4(i))
		   FROM generate_series(1, n) AS i) AS rows
FROM unnest('{$small, $large}'::integer[]) AS n;
));
$node->safe_psql(
	'postgres', q(
CREATE FUNCTION clock() RETURNS double precision LANGUAGE plpgsql AS $$
BEGIN
	RETURN split_part(pg_read_file('/proc/self/schedstat'), ' ', 1)::double precision / 1e9;
EXCEPTION WHEN undefined_file THEN
	RETURN extract(epoch FROM clock_timestamp());
END $$;
CREATE FUNCTION peak() RETURNS bigint LANGUAGE plpgsql AS $$
BEGIN
	RETURN substring(pg_read_file('/proc/self/status') FROM 'VmHWM:\s*(\d+) kB');
EXCEPTION WHEN undefined_file THEN
	RETURN NULL;
END $$;
));

# Answers, seconds and peak kilobytes of one call in a session of its own.
sub call
{
	my ($call, $n) = @_;

	return split /\n/, $node->safe_psql(
		'postgres', qq(
SELECT clock() AS started \\gset
SELECT count(*), count(*) FILTER (WHERE was_created) FROM batch, $call WHERE n = $n;
SELECT clock() - :started;
SELECT peak();
));
}

my $limit = 128 * 1024 + 2 * $large;
my %full;
foreach my $verb (
	[ 'get_or_create_many, new', q[get_or_create_many(NULL::thing, rows, '{name}')], 1 ],
	[ 'get_or_create_many, there', q[get_or_create_many(NULL::thing, rows, '{name}')], 0 ],
	[ 'update_or_create_many, there', q[update_or_create_many(NULL::thing, rows, '{name}')], 0 ],
	[ 'try_create_many, new', q[try_create_many(NULL::thing, rows)], 1 ])
{
	my ($name, $call, $creates) = @$verb;
	my %seconds;

	foreach my $n ($small, $large)
	{
		$node->safe_psql('postgres', 'TRUNCATE thing') if $creates;
		my ($answer, $took, $peak) = call($call, $n);
		is($answer, "$n|" . ($creates ? $n : 0), "$name: $n rows");
		$seconds{$n} = $took;
		next if $n < $large;
	  SKIP:
		{
			skip 'the system does not tell the memory', 1 unless $peak;
			cmp_ok($peak, '<', $limit, "$name: memory");
			note("$name: at most $peak kB");
		}
	}
	my ($a, $b) = map { $seconds{$_} / $_ } $small, $large;
	# caches that miss cost some factor, a square the 40 times that are between them
	cmp_ok($b, '<', 12 * $a, "$name: time per row");
	note(sprintf '%s: %.2f and %.2f microseconds per row', $name, $a * 1e6, $b * 1e6);
	$full{$name} = $seconds{$large};
}

# Cancelled early, a call ends long before it would have, and leaves nothing.
foreach my $verb (
	[ 'get_or_create_many, new', q[get_or_create_many(NULL::thing, rows, '{name}')], 1 ],
	[ 'try_create_many, new', q[try_create_many(NULL::thing, rows)], 1 ],
	[ 'update_or_create_many, there', q[update_or_create_many(NULL::thing, rows, '{name}')], 0 ])
{
	my ($name, $call, $creates) = @$verb;

	$node->safe_psql('postgres', 'TRUNCATE thing');
	$node->safe_psql('postgres', "SELECT count(*) FROM batch, get_or_create_many(NULL::thing, rows, '{name}') WHERE n = $large")
	  unless $creates;
	my ($status, $out, $err) = $node->psql(
		'postgres', qq(
SELECT clock() AS started \\gset
SET statement_timeout = '50ms';
SELECT count(*) FROM batch, $call WHERE n = $large;
RESET statement_timeout;
SELECT clock() - :started;
SELECT count(*) FROM thing;
), on_error_stop => 0);
	like($err, qr/canceling statement due to statement timeout/, "$name: cancelled");
	my ($took, $rows) = split /\n/, $out;
	cmp_ok($took, '<', $full{$name} / 2, "$name: soon");
	note("$name: ended after $took seconds");
	is($rows, $creates ? 0 : $large, "$name: nothing stays");
}

$node->stop;
done_testing();
