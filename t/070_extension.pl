# The extension's own life while sessions are open that have called it: another
# schema, an update, DROP and CREATE; where and by whom it can be installed.
#
# The open sessions hold what sessions keep: prepared statements with plans,
# functions in PL/pgSQL that have run, the extension's cache of the table.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::RealBin/lib";
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use PreparedSession;
use Test::More;

my $node = PostgreSQL::Test::Cluster->new('extension');
$node->init;
$node->start;

# What every session does, in the same words before and after: by a prepared
# statement, in PL/pgSQL, each function at least once.  %s is the schema's name
# with a dot, or nothing.
my %statements = (
	get => q(SELECT (g.record).id, (g.record).name, g.was_created
		FROM %sget_or_create(NULL::app.thing, jsonb_build_object('name', $1::text)) AS g),
	update => q(SELECT (u.record).id, (u.record).size, u.was_created, u.was_updated
		FROM %supdate_or_create(NULL::app.thing, jsonb_build_object('name', $1::text),
			jsonb_build_object('size', $2::integer)) AS u),
	get_many => q(SELECT m.ordinality, (m.record).name, m.was_created
		FROM %sget_or_create_many(NULL::app.thing, jsonb_build_array(jsonb_build_object('name', $1::text)), '{name}') AS m),
	update_many => q(SELECT m.ordinality, (m.record).name, m.was_created, m.was_updated
		FROM %supdate_or_create_many(NULL::app.thing, jsonb_build_array(jsonb_build_object('name', $1::text)), '{name}') AS m),
	try => q(SELECT t.was_created, (t.error).kind, (t.error).constraint_name
		FROM %stry_create(NULL::app.thing, jsonb_build_object('name', $1::text)) AS t),
	try_whole => q(SELECT t.was_created, t.error
		FROM %stry_create(NULL::app.thing, jsonb_build_object('name', $1::text)) AS t),
	try_many => q(SELECT t.was_created, (t.error).kind
		FROM %stry_create_many(NULL::app.thing, jsonb_build_array(jsonb_build_object('name', $1::text))) AS t),
	conflicts => q(SELECT c.kind, c.constraint_name
		FROM %sfind_conflicts(NULL::app.thing, jsonb_build_object('name', $1::text)) AS c),
	classify => q(SELECT c.kind, c.table_name
		FROM %sclassify_integrity_error('duplicate key value violates unique constraint "thing_name_key"') AS c),
	last => q(SELECT (%slast_integrity_error()).kind),
	plpgsql => q(SELECT app.name_of($1::text)),
	plpgsql_error => q(SELECT app.kind_of_error($1::text)),
);
my %values = map { $_ => ['pen'] } keys %statements;
$values{$_} = [] foreach qw(classify last);
$values{update} = [ 'pen', '3' ];
my %expected = (
	get => '1|pen|f',
	update => '1|3|f|f',
	get_many => '1|pen|f',
	update_many => '1|pen|f|f',
	try => 'f|unique_violation|thing_name_key',
	try_whole => qr/^f\|\(unique_violation,23505,/,
	try_many => 'f|unique_violation',
	conflicts => 'unique_violation|thing_name_key',
	classify => 'unique_violation|thing',
	last => 'unique_violation',
	plpgsql => 'pen',
	plpgsql_error => 'unique_violation',
);

# The functions that an application has written around the extension's.
sub application
{
	my ($database, $schema) = @_;

	$node->safe_psql(
		$database, qq(
CREATE SCHEMA IF NOT EXISTS app;
CREATE TABLE IF NOT EXISTS app.thing (id serial PRIMARY KEY, name text NOT NULL UNIQUE, size integer);
INSERT INTO app.thing (name, size) VALUES ('pen', 3) ON CONFLICT DO NOTHING;
CREATE OR REPLACE FUNCTION app.name_of(wanted text) RETURNS text LANGUAGE plpgsql AS \$\$
DECLARE
	found app.thing;
BEGIN
	SELECT (g.record).* INTO found
	FROM ${schema}get_or_create(NULL::app.thing, jsonb_build_object('name', wanted)) AS g;
	RETURN found.name;
END \$\$;
CREATE OR REPLACE FUNCTION app.kind_of_error(wanted text) RETURNS text LANGUAGE plpgsql AS \$\$
DECLARE
	error ${schema}integrity_error;
BEGIN
	INSERT INTO app.thing (name) VALUES (wanted);
	RETURN 'none';
EXCEPTION WHEN integrity_constraint_violation THEN
	error := ${schema}last_integrity_error();
	RETURN error.kind;
END \$\$;
));
}

# A session that has all of it prepared and has called it.
sub open_session
{
	my ($database, $schema, %options) = @_;
	my $session = PreparedSession->new($node, database => $database, %options);

	foreach my $name (sort keys %statements)
	{
		my $result = $session->prepare($name, sprintf $statements{$name}, $schema);
		is(PreparedSession::text_of($result), '', "prepared: $name") if $result->{sqlstate};
	}
	works($session, 'a new session');
	return $session;
}

# Every prepared statement gives its answer.
sub works
{
	my ($session, $when, %other) = @_;

	subtest $when => sub {
		# the errors first: "last" is about them
		foreach my $name (sort { $a eq 'last' ? 1 : $b eq 'last' ? -1 : $a cmp $b } keys %statements)
		{
			my $answer = $session->run($name, @{ $values{$name} });
			my $wanted = $other{$name} // $expected{$name};

			ref $wanted ? like($answer, $wanted, $name) : is($answer, $wanted, $name);
		}
	};
}

# SET SCHEMA, by sessions that name the schema and by one that finds it by its
# search_path.
$node->safe_psql('postgres', 'CREATE DATABASE moving');
$node->safe_psql('moving', 'CREATE EXTENSION duplicate_guard; CREATE SCHEMA guard; CREATE SCHEMA "Odd schema"');
application('moving', '');
my $by_path = open_session('moving', '',
	options => '-c search_path=public,guard,"Odd\\ schema"');
my $by_name = open_session('moving', 'public.');

$node->safe_psql('moving', 'ALTER EXTENSION duplicate_guard SET SCHEMA guard');
works($by_path, 'SET SCHEMA: a session that finds it by its search_path');
like($by_name->run('get', 'pen'), qr/^42883 function public\.get_or_create\(.*\) does not exist$/,
	'SET SCHEMA: by its old name it is gone');
is($by_name->ask(q(SELECT (guard.try_create(NULL::app.thing, '{"name": "pen"}')).error.constraint_name)),
	'thing_name_key', 'SET SCHEMA: by its new name it is there, types too');
my $nothing = PreparedSession->new($node, database => 'moving', options => '-c search_path=');
is($nothing->ask(q(SELECT pg_typeof((guard.try_create(NULL::app.thing, '{"name": "pen"}')).error))),
	'guard.integrity_error', 'SET SCHEMA: with an empty search_path');
application('moving', 'guard.');
works(open_session('moving', 'guard.', options => '-c search_path='),
	'SET SCHEMA: a session with an empty search_path');

$node->safe_psql('moving', 'ALTER EXTENSION duplicate_guard SET SCHEMA "Odd schema"');
application('moving', '"Odd schema".');
works($by_path, 'SET SCHEMA to a name that needs quotes');
$node->safe_psql('moving', 'ALTER SCHEMA "Odd schema" RENAME TO guard2');
application('moving', 'guard2.');
is($by_path->ask('SET search_path = guard2'), '', 'the schema is renamed');
works($by_path, 'its schema renamed: the session goes on');
$node->safe_psql('moving', 'ALTER EXTENSION duplicate_guard SET SCHEMA public');
application('moving', 'public.');
works($by_name, 'SET SCHEMA back: the session goes on');

# An update.  There is but one version, so the test makes the next: an update
# script that adds a function, replaces one and adds a field to the type, under
# the same library.
my $extension_dir = `$ENV{PG_CONFIG} --sharedir`;
chomp $extension_dir;
$extension_dir .= '/extension';
my $update = "$extension_dir/duplicate_guard--1.0--1.0.next.sql";

SKIP:
{
	skip "$extension_dir is not to be written by this test", 4 unless -w $extension_dir;
	append_to_file(
		$update, q(
\echo Use "ALTER EXTENSION duplicate_guard UPDATE" to load this file. \quit
CREATE FUNCTION duplicate_guard_is_next() RETURNS boolean LANGUAGE sql AS 'SELECT true';
ALTER TYPE integrity_error ADD ATTRIBUTE added text;
CREATE OR REPLACE FUNCTION last_integrity_error()
RETURNS integrity_error
AS 'MODULE_PATHNAME', 'duplicate_guard_last_integrity_error'
LANGUAGE C VOLATILE CALLED ON NULL INPUT PARALLEL UNSAFE COST 10;
));

	$node->safe_psql('moving', q(ALTER EXTENSION duplicate_guard UPDATE TO '1.0.next'));
	is($node->safe_psql('moving', q(SELECT extversion, duplicate_guard_is_next() FROM pg_extension WHERE extname = 'duplicate_guard')),
		'1.0.next|t', 'updated');
	# A type with a field more is another type of an answer.
	works($by_name, 'UPDATE: an open session goes on', try_whole => qr/^f\|\(unique_violation,23505,.*,\)$/s);
	works(open_session('moving', 'public.'), 'UPDATE: a new session', try_whole => qr/^f\|\(unique_violation,23505,.*,\)$/s);
	is($by_name->ask(q(SELECT (t.error).added IS NULL, (t.error).user_message IS NULL FROM try_create(NULL::app.thing, '{"name": "pen"}') AS t)),
		't|f', 'UPDATE: a field that the library does not know is NULL');
	unlink $update;
}
$_->close foreach $by_path, $by_name, $nothing;

# DROP and CREATE.
$node->safe_psql('postgres', 'CREATE DATABASE leaving');
$node->safe_psql('leaving', 'CREATE EXTENSION duplicate_guard');
application('leaving', '');
my $session = open_session('leaving', '');
my $other = open_session('leaving', '');
my $inside = open_session('leaving', '');
is($inside->ask('BEGIN'), '', 'a transaction is open');
like($inside->run('get', 'ink'), qr/^\d+\|ink\|t$/, 'and has called');

$node->safe_psql('leaving', 'DROP EXTENSION duplicate_guard');
subtest 'DROP EXTENSION: open sessions' => sub {
	foreach my $name (sort grep { !/^plpgsql/ } keys %statements)
	{
		like($session->run($name, @{ $values{$name} }), qr/^42883 function \w+\(.*\) does not exist$/, $name);
	}
	like($session->run('plpgsql', 'pen'), qr/^42883 function get_or_create/, 'in PL/pgSQL');
	like($session->run('plpgsql_error', 'pen'), qr/^42(?:883|704) (?:function|type) /, 'in PL/pgSQL, with its type');
	is($session->ask('INSERT INTO app.thing (name) VALUES (NULL)'),
		'23502 null value in column "name" of relation "thing" violates not-null constraint',
		'errors are still errors');
};
is($inside->ask('COMMIT'), '', 'the transaction commits');
is($node->safe_psql('leaving', q(SELECT count(*) FROM app.thing WHERE name = 'ink')), '1', 'its row is there');

$node->safe_psql('leaving', 'CREATE EXTENSION duplicate_guard');
# What holds the old type itself, and not by its name, is PostgreSQL's own: it
# refuses a prepared statement whose answer would be of another type, and
# PL/pgSQL misses the type of a variable, until the function is made again.
my %of_the_old_type = (
	try_whole => '0A000 cached plan must not change result type',
	plpgsql_error => qr/^XX000 cache lookup failed for type \d+$/);
works($session, 'CREATE EXTENSION again: a session that met its absence', %of_the_old_type);
works($other, 'CREATE EXTENSION again: a session that did not', %of_the_old_type);
works(open_session('leaving', ''), 'CREATE EXTENSION again: a new session');
$other->ask('DEALLOCATE try_whole');
$other->prepare('try_whole', sprintf $statements{try_whole}, '');
application('leaving', '');
works($other, 'prepared and made again, all of it works');

# Sessions call it while it goes and comes.  PostgreSQL locks no functions: whoever
# has found one by its name a moment before it goes misses it by its number.
my @callers = map { open_session('leaving', '') } 1 .. 2;
my %answers;
foreach my $round (1 .. 25)
{
	$_->send("SELECT (g.record).name FROM generate_series(1, 300) AS i, LATERAL "
		  . "get_or_create(NULL::app.thing, jsonb_build_object('name', 'row ' || i)) AS g")
	  foreach @callers;
	$session->query('DROP EXTENSION duplicate_guard');
	$session->query('CREATE EXTENSION duplicate_guard');
	foreach my $result (map { $_->receive } @callers)
	{
		my $error = $result->{error};

		$answers{ !$error ? @{ $result->{rows} } . ' rows'
			: $error->{M} =~ /^cache lookup failed for function \d+$/ ? 'gone'
			: $error->{C} }++;
	}
}
is(join(' ', grep { !/^(?:300 rows|42883|gone)$/ } sort keys %answers), '',
	'while it goes and comes, each session gets its answer or hears that there is none');
ok($answers{'300 rows'}, 'and some got answers');
is($node->safe_psql('leaving', q(SELECT count(*), count(DISTINCT name) FROM app.thing WHERE name LIKE 'row %')),
	'300|300', 'no row is missing, none is there twice');

# What uses its type or functions keeps it, unless everything is to go.
$node->safe_psql('leaving', q(CREATE TABLE app.log (error integrity_error)));
like($session->ask('DROP EXTENSION duplicate_guard'), qr/^2BP01 cannot drop extension duplicate_guard because other objects depend on it$/,
	'DROP EXTENSION: refused while a table has its type');
is($session->ask('DROP EXTENSION duplicate_guard CASCADE; SELECT count(*) FROM pg_attribute WHERE attrelid = $$app.log$$::regclass AND attnum > 0 AND NOT attisdropped'),
	'0', 'DROP EXTENSION CASCADE takes the column along');

# By whom and where it can be installed: whoever may CREATE in the database, in a
# schema of its own that the script need not find by the search_path.
$node->safe_psql('postgres', 'CREATE ROLE owner LOGIN; CREATE ROLE guest LOGIN; CREATE DATABASE owned OWNER owner');
my $guest = PreparedSession->new($node, database => 'owned', user => 'guest');
like($guest->ask('CREATE EXTENSION duplicate_guard'), qr/^42501 permission denied to create extension "duplicate_guard"$/,
	'CREATE EXTENSION: not by everybody');
my $owner = PreparedSession->new($node, database => 'owned', user => 'owner');
is($owner->ask('CREATE SCHEMA guard; CREATE EXTENSION duplicate_guard SCHEMA guard'), '',
	'CREATE EXTENSION: by the owner of the database, who is no superuser, into a schema of its own');
is($owner->ask(q(
	SELECT count(*) >= 10, bool_and(n.nspname = 'guard')
	FROM pg_depend AS d JOIN pg_extension AS e ON d.refobjid = e.oid AND d.deptype = 'e'
		 LEFT JOIN pg_proc AS p ON d.classid = 'pg_proc'::regclass AND p.oid = d.objid
		 LEFT JOIN pg_type AS t ON d.classid = 'pg_type'::regclass AND t.oid = d.objid
		 JOIN pg_namespace AS n ON n.oid = coalesce(p.pronamespace, t.typnamespace)
	WHERE e.extname = 'duplicate_guard' AND (p.oid IS NOT NULL OR t.oid IS NOT NULL))),
	't|t', 'all of it is in that schema');
is($owner->ask(q(
	CREATE TABLE guard.thing (id serial PRIMARY KEY, name text UNIQUE);
	SELECT (guard.get_or_create(NULL::guard.thing, '{"name": "pen"}')).was_created)), 't', 'its owner calls it');
like($guest->ask(q(SELECT guard.last_integrity_error())), qr/^42501 permission denied for schema guard$/,
	'a schema without USAGE keeps others out');
is($owner->ask('DROP EXTENSION duplicate_guard'), '', 'its owner drops it');

$node->stop;
unlike(slurp_file($node->logfile), qr/PANIC|TRAP|terminated by signal/, 'nothing crashed');
done_testing();
