# A loaded permission hook (sepgsql is one) is asked and obeyed.  Such a hook
# sees range tables, so get_or_create must go the SQL way while one is loaded,
# also when it is loaded in the middle of a session that has probed before.

use strict;
use warnings;

use Cwd qw(abs_path);
use File::Basename qw(dirname);
use File::Copy qw(copy);

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

# Build the hook from a copy, so that the source tree stays clean.
my $source = dirname(abs_path($0)) . '/permission_hook';
my $build = PostgreSQL::Test::Utils::tempdir();
copy("$source/$_", "$build/$_") or die "cannot copy $_: $!"
  foreach qw(Makefile permission_hook.c);
my $log = "$build/build.log";
if (system("make -C '$build' with_llvm=no >'$log' 2>&1") != 0)
{
	my $said = slurp_file($log);
	# No compiler is a reason to skip; code that does not compile is not.
	die "the permission hook does not build:\n$said" if $said =~ /error:/;
	plan skip_all => 'cannot build the permission hook (no make, compiler or PGXS)';
}
my $hook = "$build/permission_hook";

my $node = PostgreSQL::Test::Cluster->new('hook');
$node->init;
$node->start;
$node->safe_psql(
	'postgres', q(
CREATE EXTENSION duplicate_guard;
CREATE TABLE thing (id serial PRIMARY KEY, name text NOT NULL UNIQUE);
CREATE TABLE other (name text PRIMARY KEY);
INSERT INTO thing (name) VALUES ('pen');
));

# Runs one call; returns its output, its NOTICEs and its error.
sub call
{
	my ($session, $table, $name) = @_;
	$session->{stderr} = '';
	my $out = $session->query(
		"SELECT g.record, g.was_created FROM get_or_create(NULL::$table, "
		  . qq['{"name": "$name"}') AS g;]);
	return ($out, $session->{stderr});
}

my $session = $node->background_psql('postgres', on_error_stop => 0);
$session->query('\set VERBOSITY verbose');
my ($out, $err) = call($session, 'thing', 'pen');
is($out, '(1,pen)|f', 'hit before the hook is loaded');
is($err, '', 'nobody asked the hook');

$session->query("LOAD '$hook';");

($out, $err) = call($session, 'thing', 'pen');
is($out, '(1,pen)|f', 'hit with the hook loaded');
like($err, qr/permission hook: select on thing\b/, 'the hook was asked');

($out, $err) = call($session, 'thing', 'ink');
like($out, qr/^\(\d+,ink\)\|t$/, 'miss with the hook loaded');
like($err, qr/permission hook: select on thing\b/, 'the hook was asked for the look');
like($err, qr/permission hook: insert on thing\b/, 'the hook was asked for the insert');

# refused to insert: what is there is found, nothing is created
$session->query("SET permission_hook.relation = 'thing'; SET permission_hook.privilege = 'insert';");
($out, $err) = call($session, 'thing', 'pen');
is($out, '(1,pen)|f', 'insert refused: a hit works');
($out, $err) = call($session, 'thing', 'nib');
is($out, '', 'insert refused: a miss gives nothing');
like($err, qr/ERROR:  42501: permission hook refuses insert on thing\b/, 'insert refused: 42501');

# refused to read: nothing is found, and nothing is created in secret
$session->query("SET permission_hook.privilege = 'select';");
foreach my $name (qw(pen nib))
{
	($out, $err) = call($session, 'thing', $name);
	is($out, '', "select refused: no answer ($name)");
	like($err, qr/ERROR:  42501: permission hook refuses select on thing\b/,
		"select refused: 42501 ($name)");
}
($out, $err) = call($session, 'other', 'pen');
is($out, '(pen)|t', 'another table is not concerned');

$session->query('RESET permission_hook.relation;');
($out, $err) = call($session, 'thing', 'pen');
is($out, '(1,pen)|f', 'allowed again');
$session->quit;

is($node->safe_psql('postgres', 'SELECT string_agg(name, \',\' ORDER BY name) FROM thing'),
	'ink,pen', 'no row that was refused');

$node->stop;
done_testing();
