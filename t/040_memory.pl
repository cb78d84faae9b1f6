# The memory of a session stays flat: over very many calls of each function, in
# one statement and in many, over errors, over hundreds of tables, over ever
# new sets of column names, and over tables that come and go.
#
# "Flat" is judged by the bytes in use in the session's memory contexts, at
# several points of one and the same run: from the first point, where what is
# worth caching is cached, to the last.  The slack is far below one pointer per
# call.
#
# The short form makes 100,000 calls of get_or_create and some 10,000 of the
# others; with DUPLICATE_GUARD_MEMORY_CALLS=1000000 each function is called a
# million times.

use strict;
use warnings;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $long_form = $ENV{DUPLICATE_GUARD_MEMORY_CALLS};
my $calls = $long_form || 100_000;
my $tables = 500;
my $points = 10;
my $slack = 64 * 1024;

my $node = PostgreSQL::Test::Cluster->new('memory');
$node->init;
$node->append_conf(
	'postgresql.conf', qq(
shared_preload_libraries = 'duplicate_guard'
autovacuum = off
jit = off
max_locks_per_transaction = 256
));
$node->start;

$node->safe_psql(
	'postgres', qq(
CREATE EXTENSION duplicate_guard;

-- without the statistics that wait to be sent, which come and go with time
CREATE FUNCTION memory_in_use() RETURNS bigint LANGUAGE sql VOLATILE
AS \$\$ SELECT sum(used_bytes)::bigint FROM pg_backend_memory_contexts WHERE name !~ '^PgStat' \$\$;

CREATE TABLE thing (id serial PRIMARY KEY, name text NOT NULL UNIQUE, size integer);
CREATE TABLE thing_lower (id serial PRIMARY KEY, name text NOT NULL, size integer);
CREATE UNIQUE INDEX ON thing_lower (lower(name)) WHERE size IS NULL;
CREATE TABLE thing_parted (name text PRIMARY KEY, size integer) PARTITION BY HASH (name);
CREATE TABLE thing_parted_0 PARTITION OF thing_parted FOR VALUES WITH (MODULUS 2, REMAINDER 0);
CREATE TABLE thing_parted_1 PARTITION OF thing_parted FOR VALUES WITH (MODULUS 2, REMAINDER 1);
INSERT INTO thing (name) SELECT 'thing ' || i FROM generate_series(0, 999) AS i;
INSERT INTO thing_lower (name) SELECT 'thing ' || i FROM generate_series(0, 999) AS i;
INSERT INTO thing_parted (name) SELECT 'thing ' || i FROM generate_series(0, 999) AS i;

CREATE TABLE wide (key integer PRIMARY KEY,
	@{[ join ', ', map { "c$_ integer" } (0 .. 11) ]});
));

# Growth from the second to the last point of one session, whose script returns
# the bytes in use at each point, one a line.  The first point is left out,
# since measuring needs some memory itself when it is done for the first time.
sub is_flat
{
	my ($name, $script) = @_;

	my @bytes = split /\n/, $node->safe_psql('postgres', $script);
	cmp_ok(scalar(@bytes), '>', 2, "$name: measured");
	my $growth = $bytes[-1] - $bytes[1];
	cmp_ok($growth, '<=', $slack, "$name: flat")
	  or diag("bytes in use: @bytes");
	note("$name: grew by $growth bytes in " . ($#bytes - 1) . " steps");
	return;
}

# One statement, a call per row: nothing is freed before its end.  OFFSET 0
# keeps the measuring behind the calls.
sub in_one_statement
{
	my ($table, $name, $n) = @_;
	my $step = int($n / $points);
	return qq(
SELECT bytes FROM (
	SELECT CASE WHEN i % $step = 0 THEN memory_in_use() END AS bytes, g.was_created
	FROM generate_series(1, $n) AS i,
		 LATERAL get_or_create(NULL::$table, jsonb_build_object('name', $name)) AS g
	OFFSET 0) AS s
WHERE bytes IS NOT NULL;
);
}

# The number of calls for one of the checks: in the short form a part of all.
sub part
{
	my ($divisor) = @_;
	return $long_form ? $calls : int($calls / $divisor);
}

# One execution per call, in one transaction, or in one for every so many calls.
sub in_a_loop
{
	my ($statement, $n, $commit_every) = @_;
	my $step = int($n / $points);
	$commit_every //= $n;
	return qq(
CREATE TEMP TABLE point (bytes bigint);
DO \$\$
BEGIN
	FOR i IN 1 .. $n LOOP
		$statement
		IF i % $step = 0 THEN
			INSERT INTO point VALUES (memory_in_use());
		END IF;
		IF i % $commit_every = 0 THEN
			COMMIT;
		END IF;
	END LOOP;
END \$\$;
SELECT bytes FROM point ORDER BY ctid;
);
}

is_flat('hits in one statement', in_one_statement('thing', "'thing ' || i % 1000", $calls));
is_flat('hits by an expression index', in_one_statement('thing_lower', "'Thing ' || i % 1000", part(4)));
is_flat('hits in a partitioned table', in_one_statement('thing_parted', "'thing ' || i % 1000", part(4)));
is_flat('hits with a lock',
	in_a_loop(q[PERFORM get_or_create(NULL::thing, jsonb_build_object('name', 'thing ' || i % 1000), lock_strength => 'key share');],
		part(10)));
is_flat('hits in a loop',
	in_a_loop(q[PERFORM get_or_create(NULL::thing, jsonb_build_object('name', 'thing ' || i % 1000));], part(4)));
is_flat('creations in one statement', in_one_statement('thing', "'new ' || i", part(5)));
is_flat('creations in a partitioned table', in_one_statement('thing_parted', "'new ' || i", part(10)));

# The other functions, a call per turn.  Every subtransaction costs PostgreSQL
# itself some memory until the end of the transaction, and every COMMIT costs
# PL/pgSQL 24 bytes until the end of the block.  So where there are
# subtransactions, the transaction ends every 1000 calls.
my $called = '';
my $with_subtransactions = 1000;

sub calls_are_flat
{
	my ($name, $call, $commit_every) = @_;
	$called .= "$call\n";
	is_flat($name, in_a_loop("PERFORM $call;", part(10), $commit_every));
	return;
}

my $known = q[jsonb_build_object('name', 'thing ' || i % 1000)];
my $two_known = qq[jsonb_build_array($known, jsonb_build_object('name', 'thing ' || (i + 1) % 1000))];

calls_are_flat('get_or_create without a unique index',
	qq[get_or_create(NULL::thing_lower, $known, require_unique => false)]);
calls_are_flat('update_or_create, nothing to do', qq[update_or_create(NULL::thing, $known, '{"size": null}')]);
calls_are_flat('update_or_create, creations',
	q[update_or_create(NULL::thing, jsonb_build_object('name', 'updated ' || i), '{"size": 1}')]);
calls_are_flat('update_or_create, updates',
	q[update_or_create(NULL::thing, jsonb_build_object('name', 'updated ' || i), '{"size": 2}')]);
calls_are_flat('get_or_create_many, hits', qq[count(*) FROM get_or_create_many(NULL::thing, $two_known, '{name}')]);
calls_are_flat('get_or_create_many, creations',
	q[count(*) FROM get_or_create_many(NULL::thing, jsonb_build_array(jsonb_build_object('name', 'many ' || i)), '{name}')],
	$with_subtransactions);
calls_are_flat('update_or_create_many, nothing to do',
	qq[count(*) FROM update_or_create_many(NULL::thing, $two_known, '{name}')]);
calls_are_flat('update_or_create_many, updates',
	q[count(*) FROM update_or_create_many(NULL::thing,
		jsonb_build_array(jsonb_build_object('name', 'many ' || i, 'size', i)), '{name}')], $with_subtransactions);
calls_are_flat('try_create, creations',
	q[try_create(NULL::thing, jsonb_build_object('name', 'tried ' || i))], $with_subtransactions);
calls_are_flat('try_create, violations', qq[try_create(NULL::thing, $known)], $with_subtransactions);
calls_are_flat('try_create_many, one of two created',
	q[count(*) FROM try_create_many(NULL::thing,
		jsonb_build_array('{"name": "thing 1"}'::jsonb, jsonb_build_object('name', 'tried, many ' || i)))], $with_subtransactions);
calls_are_flat('find_conflicts', qq[count(*) FROM find_conflicts(NULL::thing, $known || '{"id": 5}')]);
calls_are_flat('classify_integrity_error',
	q[classify_integrity_error('duplicate key value violates unique constraint "thing_name_key"',
		'Key (name)=(thing ' || i || ') already exists.', '23505')]);
calls_are_flat('last_integrity_error', 'last_integrity_error()');
calls_are_flat('integrity_error_stats', 'count(*) FROM integrity_error_stats');
calls_are_flat('integrity_error_stats_info', 'count(*) FROM integrity_error_stats_info');
calls_are_flat('batch_progress', 'count(*) FROM batch_progress');
is_flat(
	'errors caught and asked for',
	in_a_loop(
		q[BEGIN
			INSERT INTO thing (name) VALUES ('thing ' || i % 1000);
		EXCEPTION WHEN unique_violation THEN
			PERFORM last_integrity_error();
		END;], part(10), $with_subtransactions));
calls_are_flat('integrity_error_stats_reset', 'integrity_error_stats_reset()');

foreach my $function (split /\n/, $node->safe_psql('postgres', q{
SELECT DISTINCT proname
FROM pg_catalog.pg_depend JOIN pg_catalog.pg_proc ON objid = pg_proc.oid
WHERE deptype = 'e' AND classid = 'pg_catalog.pg_proc'::regclass
	AND refobjid = (SELECT oid FROM pg_catalog.pg_extension WHERE extname = 'duplicate_guard')
	AND prorettype <> 'internal'::regtype}))
{
	like($called, qr/\b$function\b/, "$function was called");
}

# Errors, each caught.
sub with_errors
{
	my ($statement) = @_;
	my $block = qq(DO \$\$ BEGIN
	FOR i IN 1 .. 20 LOOP
		BEGIN $statement EXCEPTION WHEN OTHERS THEN NULL; END;
	END LOOP;
END \$\$;
);
	return join '', ($block x 100 . "SELECT memory_in_use();\n") x 5;
}
is_flat('bad lookups', with_errors(q[PERFORM get_or_create(NULL::thing, '{"no such column": 1}');]));
is_flat('bad values', with_errors(q[PERFORM get_or_create(NULL::thing, '{"name": "new"}', '{"size": "large"}');]));
is_flat('no unique index', with_errors(q[PERFORM get_or_create(NULL::thing, '{"size": 1}');]));
is_flat('found but different', with_errors(q[PERFORM get_or_create(NULL::thing, '{"name": "thing 1", "size": 7}');]));
is_flat('failed creations', with_errors(q[PERFORM get_or_create(NULL::thing, '{"name": "unheard of"}', '{"id": 1}');]));

# Hundreds of tables.  PostgreSQL's own caches grow with the tables that a
# session has seen, so the passes are compared, not the tables of a pass: the
# first creates, the second finds.
$node->safe_psql('postgres',
	join '', map { "CREATE TABLE many_$_ (id serial PRIMARY KEY, name text NOT NULL UNIQUE);\n" } (1 .. $tables));
my $pass = join '',
  map { qq[SELECT FROM get_or_create(NULL::many_$_, '{"name": "pen"}') AS g WHERE g.was_created IS NULL;\n] } (1 .. $tables);
is_flat("$tables tables, pass after pass",
	join '', ($pass . "SELECT memory_in_use();\n") x 4);

# PostgreSQL's own caches also keep something for every table that a session
# has seen, dropped ones included.  So what a further table costs is compared
# with what it costs a session that looks, inserts and calls a polymorphic
# function with plain statements.
my $plain_calls = q[SELECT FROM many_N WHERE name = 'ink' AND id < 0;
INSERT INTO many_N AS t (name) SELECT 'pen' WHERE false ON CONFLICT (name) DO NOTHING RETURNING t;
SELECT FROM plain(NULL::many_N, '{"name": "pen"}') AS g WHERE g.flag IS NULL;
];
my $our_calls = q[SELECT FROM get_or_create(NULL::many_N, '{"name": "pen"}') AS g WHERE g.was_created IS NULL;
];

# Bytes for each further table, from the middle of a session's tables to their
# end; N in the calls stands for the number of the table.
sub cost_of_a_table
{
	my ($n, $calls) = @_;
	my $script = '';
	foreach my $i (1 .. $n)
	{
		(my $these = $calls) =~ s/_N\b/_$i/g;
		$script .= $these;
		$script .= "SELECT memory_in_use();\n" if $i == 1 || $i == $n / 2 || $i == $n;
	}
	my @bytes = split /\n/, $node->safe_psql('postgres', $script);
	return ($bytes[2] - $bytes[1]) / ($n / 2);
}

sub costs_little
{
	my ($name, $n, $plain, $ours) = @_;
	my ($plain_cost, $our_cost) = map { cost_of_a_table($n, $_) } ($plain, $ours);
	note(sprintf("$name: %.0f bytes for each, PostgreSQL's own %.0f", $our_cost, $plain_cost));
	cmp_ok($our_cost - $plain_cost, '<', 512, "$name: bounded");
	return;
}

$node->safe_psql(
	'postgres', q[
CREATE FUNCTION plain(target anyelement, lookup jsonb, OUT record anyelement, OUT flag boolean)
LANGUAGE sql VOLATILE AS 'SELECT jsonb_populate_record(target, lookup), true']);
costs_little('what is remembered of tables', $tables, $plain_calls, $our_calls);

# Ever new sets of named columns: 4095 of them, no set twice, small and large
# ones mixed.
is_flat(
	'sets of column names',
	q[
CREATE TEMP TABLE point (bytes bigint);
DO $$
DECLARE
	named jsonb;
BEGIN
	FOR i IN 1 .. 4095 LOOP
		SELECT jsonb_object_agg('c' || b, b) INTO named
		FROM generate_series(0, 11) AS b WHERE (i * 1657) % 4096 & (1 << b) <> 0;
		PERFORM get_or_create(NULL::wide, jsonb_build_object('key', i), named);
		IF i IN (1, 2000, 3000, 4095) THEN
			INSERT INTO point VALUES (memory_in_use());
		END IF;
	END LOOP;
END $$;
SELECT bytes FROM point ORDER BY ctid;
]);
is_flat(
	'sets of lookup columns',
	q[
CREATE TEMP TABLE point (bytes bigint);
DO $$
DECLARE
	named jsonb;
BEGIN
	FOR i IN 1 .. 4095 LOOP
		SELECT jsonb_object_agg('c' || b, b) INTO named
		FROM generate_series(0, 11) AS b WHERE (i * 1657) % 4096 & (1 << b) <> 0;
		PERFORM get_or_create(NULL::wide, jsonb_build_object('key', i) || named);
		IF i IN (1, 2000, 3000, 4095) THEN
			INSERT INTO point VALUES (memory_in_use());
		END IF;
	END LOOP;
END $$;
SELECT bytes FROM point ORDER BY ctid;
]);

# Tables that come and go: nothing of a dropped one may stay.
my ($comes, $goes) = (
	"CREATE TABLE passing_N (id serial PRIMARY KEY, name text UNIQUE);\n",
	"DROP TABLE passing_N;\n");
costs_little('tables that come and go', 600,
	map { (my $these = $_) =~ s/many_N/passing_N/g; $comes . $these x 2 . $goes } ($plain_calls, $our_calls));

$node->stop;
done_testing();
