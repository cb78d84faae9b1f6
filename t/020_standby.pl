# A hot standby: a hit works, a miss is 25006 with the hint to use the primary,
# an unlogged table is refused.  After promotion the same session creates.

use strict;
use warnings;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $primary = PostgreSQL::Test::Cluster->new('primary');
$primary->init(allows_streaming => 1);
$primary->start;
$primary->safe_psql(
	'postgres', q(
CREATE EXTENSION duplicate_guard;
CREATE TABLE thing (id serial PRIMARY KEY, name text NOT NULL UNIQUE, size integer);
CREATE UNLOGGED TABLE thing_unlogged (name text PRIMARY KEY);
CREATE TABLE thing_parted (name text PRIMARY KEY, size integer) PARTITION BY HASH (name);
CREATE TABLE thing_parted_0 PARTITION OF thing_parted FOR VALUES WITH (MODULUS 1, REMAINDER 0);
INSERT INTO thing (name, size) VALUES ('pen', 3);
INSERT INTO thing_unlogged VALUES ('pen');
INSERT INTO thing_parted VALUES ('pen', 3);
CREATE FUNCTION is_fine(v int) RETURNS boolean LANGUAGE plpgsql AS 'BEGIN RETURN v > 0; END';
CREATE TABLE fine (v int UNIQUE CONSTRAINT fine_v CHECK (is_fine(v)));
INSERT INTO fine VALUES (1);
));

$primary->backup('backup');
my $standby = PostgreSQL::Test::Cluster->new('standby');
$standby->init_from_backup($primary, 'backup', has_streaming => 1);
$standby->start;
$primary->wait_for_catchup($standby);

# The answer, or the whole error with its SQLSTATE.
sub ask
{
	my ($node, $query) = @_;
	my ($ret, $out, $err) =
	  $node->psql('postgres', "\\set VERBOSITY verbose\n$query", on_error_stop => 0);
	return $out . $err;
}

sub call
{
	my ($table, $name, $rest) = @_;
	$rest = '' unless defined $rest;
	return "SELECT g.record, g.was_created FROM get_or_create(NULL::$table, "
	  . qq['{"name": "$name"}', '{}'$rest) AS g;];
}

my @looks = (
	[ 'thing', '', '(1,pen,3)|f' ],
	[ 'thing_parted', '', '(pen,3)|f' ]);
foreach my $look (@looks)
{
	my ($table, $rest, $row) = @$look;

	is(ask($standby, call($table, 'pen', $rest)), $row, "$table: a hit works");

	my $answer = ask($standby, call($table, 'ink', $rest));
	like($answer, qr/ERROR:  25006:/, "$table: a miss is 25006");
	like($answer, qr/^HINT:.*\bprimary\b/m, "$table: the hint names the primary");
}

# update_or_create: what needs no change is an answer
my $unchanged = ask($standby,
	q(SELECT u.record, u.was_created, u.was_updated
	  FROM update_or_create(NULL::thing, '{"name": "pen"}', '{"size": 3}') AS u;));
is($unchanged, '(1,pen,3)|f|f', 'update_or_create: an unchanged row works');
my $changed = ask($standby,
	q(SELECT update_or_create(NULL::thing, '{"name": "pen"}', '{"size": 4}');));
like($changed, qr/ERROR:  25006: cannot update/, 'update_or_create: a row that differs is 25006');
like($changed, qr/^HINT:.*\bprimary\b/m, 'the hint names the primary');

# try_create is an INSERT; find_conflicts writes nothing, not even where it needs
# a subtransaction
like(ask($standby, q(SELECT try_create(NULL::thing, '{"name": "ink"}');)),
	qr/ERROR:  25006:/, 'try_create is 25006');
is( ask($standby,
		q(SELECT kind, constraint_name, record FROM find_conflicts(NULL::fine, '{"v": 1}')
		  UNION ALL SELECT kind, constraint_name, record FROM find_conflicts(NULL::fine, '{"v": 0}');)),
	"unique_violation|fine_v_key|(1)\ncheck_violation|fine_v|",
	'find_conflicts works');

# without a unique index
is( ask($standby,
		q(SELECT g.record, g.was_created FROM get_or_create(NULL::thing, '{"size": 3}', require_unique => false) AS g;)
	),
	'(1,pen,3)|f',
	'require_unique => false: a hit works');
my $answer = ask($standby,
	q(SELECT g.record, g.was_created FROM get_or_create(NULL::thing, '{"size": 4}', '{"name": "ink"}', require_unique => false) AS g;)
);
like($answer, qr/ERROR:  25006:/, 'require_unique => false: a miss is 25006');
like($answer, qr/^HINT:.*\bprimary\b/m, 'require_unique => false: the hint names the primary');

# a row cannot be locked there
like(ask($standby, call('thing', 'pen', ", lock_strength => 'update'")),
	qr/ERROR:  25006:/, 'lock_strength is 25006');

# refused as PostgreSQL's own SELECT is, a hit and a miss alike
my ($own) = ask($standby, 'SELECT * FROM thing_unlogged;') =~ /ERROR:  (\w{5}):/;
is($own, '0A000', 'PostgreSQL refuses an unlogged table');
foreach my $name (qw(pen ink))
{
	like(ask($standby, call('thing_unlogged', $name)),
		qr/ERROR:  $own:/, "an unlogged table is refused ($name)");
}

# The same two answers in a read-only transaction of the primary.
is( ask($primary, 'SET default_transaction_read_only = on; ' . call('thing', 'pen')),
	'(1,pen,3)|f',
	'read-only transaction: a hit works');
like(
	ask($primary, 'SET default_transaction_read_only = on; ' . call('thing', 'ink')),
	qr/ERROR:  25006:/,
	'read-only transaction: a miss is 25006');

# What a session has learned on the standby must not outlive the promotion.
my $session = $standby->background_psql('postgres', on_error_stop => 0);
is($session->query(call('thing', 'pen')), '(1,pen,3)|f', 'session: hit on the standby');
$session->query(call('thing', 'ink'));
like($session->{stderr}, qr/ERROR:/, 'session: miss on the standby');
$session->{stderr} = '';
$standby->promote;
like($session->query(call('thing', 'ink')),
	qr/^\(\d+,ink,\)\|t$/, 'session: created after promotion');
like($session->query(call('thing', 'ink')),
	qr/^\(\d+,ink,\)\|f$/, 'session: found afterwards');
is($session->query(call('thing_unlogged', 'ink')),
	'(ink)|t', 'session: unlogged table after promotion');
is($session->{stderr}, '', 'session: no more errors');
$session->quit;

$standby->stop;
$primary->stop;
done_testing();
