# try_create writes no line to the server's log, whatever it returns; what it
# raises is logged as ever, once.

use strict;
use warnings;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = PostgreSQL::Test::Cluster->new('quiet');
$node->init;
$node->append_conf('postgresql.conf', <<CONF);
log_min_messages = warning
log_min_error_statement = error
log_statement = none
log_checkpoints = off
autovacuum = off
CONF
$node->start;
$node->safe_psql(
	'postgres', q{
CREATE EXTENSION duplicate_guard;
CREATE DOMAIN grade AS int CHECK (VALUE > 0);
CREATE TABLE parent (id int PRIMARY KEY);
CREATE TABLE thing (id serial PRIMARY KEY, name text NOT NULL UNIQUE, parent int REFERENCES parent,
	grade grade, price int CHECK (price > 0), during int4range, EXCLUDE USING gist (during WITH &&));
CREATE VIEW cheap AS SELECT * FROM thing WHERE price < 10 WITH CHECK OPTION;
INSERT INTO thing (name, during) VALUES ('pen', '[1,5)');
});

# What a call returns, and what it makes the server write; the connection's own
# lines are not switched on.
sub call
{
	my ($target, $candidate) = @_;
	my $begin = -s $node->logfile;
	my ($status, $out, $err) = $node->psql('postgres',
		"SELECT t.was_created, (t.error).kind FROM try_create(NULL::$target, '$candidate') AS t;");
	return ($out, $err, slurp_file($node->logfile, $begin));
}

my @cases = (
	[ 'thing', '{"name": "cup"}', 't|' ],
	[ 'thing', '{"name": "pen"}', 'f|unique_violation' ],
	[ 'thing', '{"name": "ink", "during": "[2,3)"}', 'f|exclusion_violation' ],
	[ 'thing', '{"name": "ink", "parent": 1}', 'f|foreign_key_missing' ],
	[ 'thing', '{}', 'f|not_null_violation' ],
	[ 'thing', '{"name": "ink", "price": 0}', 'f|check_violation' ],
	[ 'thing', '{"name": "ink", "grade": 0}', 'f|domain_check_violation' ],
	[ 'cheap', '{"name": "ink", "price": 10}', 'f|with_check_option_violation' ]);
foreach my $case (@cases)
{
	my ($target, $candidate, $expected) = @$case;
	my ($out, $err, $log) = call($target, $candidate);
	is($out, $expected, "$target $candidate: answer");
	is($log, '', "$target $candidate: no line in the log");
}

my ($out, $err, $log) = call('thing', '{"name": "ink", "price": "dear"}');
like($err, qr/invalid input syntax/, 'other errors are raised');
is(scalar(() = $log =~ /ERROR:/g), 1, 'and logged once');

$node->stop;
done_testing();
