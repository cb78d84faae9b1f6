# The table of kinds: each row's example happens for real, and is what the
# row says: kind, SQLSTATE, retry, HTTP status, user_message.
use strict;
use warnings;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = PostgreSQL::Test::Cluster->new('kinds');
$node->init(extra => [ '--locale=C', '--encoding=UTF8' ]);
$node->start;
$node->safe_psql('postgres', q{
CREATE EXTENSION duplicate_guard;
CREATE DOMAIN percent AS int CHECK (VALUE BETWEEN 0 AND 100);
CREATE DOMAIN word AS text NOT NULL;
CREATE TABLE categories (id int PRIMARY KEY, name text NOT NULL);
CREATE TABLE products (
  name text UNIQUE,
  category int REFERENCES categories,
  price int CHECK (price > 0),
  discount percent,
  label word DEFAULT '');
CREATE TABLE bookings (room int4range, EXCLUDE USING gist (room WITH &&));
CREATE TABLE events (day int) PARTITION BY LIST (day);
CREATE TABLE events_1 PARTITION OF events FOR VALUES IN (1);
CREATE VIEW cheap AS SELECT * FROM products WHERE price < 10
  WITH CHECK OPTION;
CREATE TABLE diaries (page text);
ALTER TABLE diaries ENABLE ROW LEVEL SECURITY;
CREATE ROLE ann;
GRANT INSERT ON diaries TO ann;
INSERT INTO categories VALUES (1, 'tea');
INSERT INTO products VALUES ('Assam', 1);
INSERT INTO bookings VALUES ('[1,3)');
});

my %example = (
	unique_violation => q{INSERT INTO products VALUES ('Assam')},
	exclusion_violation => q{INSERT INTO bookings VALUES ('[2,4)')},
	foreign_key_missing => q{INSERT INTO products VALUES ('Ceylon', 7)},
	foreign_key_referenced => q{DELETE FROM categories},
	not_null_violation => q{INSERT INTO categories VALUES (2)},
	check_violation => q{INSERT INTO products (price) VALUES (0)},
	domain_check_violation =>
	  q{INSERT INTO products (discount) VALUES (101)},
	domain_not_null_violation =>
	  q{INSERT INTO products (label) VALUES (NULL)},
	partition_not_found => q{INSERT INTO events VALUES (2)},
	partition_constraint_violation => q{INSERT INTO events_1 VALUES (2)},
	with_check_option_violation =>
	  q{INSERT INTO cheap (price) VALUES (10)},
	row_security_violation =>
	  q{SET ROLE ann; INSERT INTO diaries VALUES (''); RESET ROLE},
	other_integrity_violation =>
	  q{DO 'BEGIN RAISE integrity_constraint_violation; END'},
	serialization_failure => q{DO 'BEGIN RAISE serialization_failure; END'},
	deadlock_detected => q{DO 'BEGIN RAISE deadlock_detected; END'});

# What last_integrity_error() says after the statement.
sub answer
{
	my ($statement) = @_;
	my $output = '';

	$node->psql(
		'postgres', qq{
SELECT last_integrity_error() IS NULL AS loaded \\g /dev/null
$statement;
SELECT kind, sqlstate, retry, http_status, user_message
FROM last_integrity_error()},
		stdout => \$output, on_error_stop => 0);
	return split /\|/, $output;
}

my (%seen, $last);
my ($section) = slurp_file('doc/integrity_error.md') =~ /^## Kinds\n(.*)/ms;
foreach ($section =~ /^\| `.*/mg)
{
	my ($kind, $sqlstates, $retry, $http_status, $text) =
	  /^\| `(\w+)` \| (.*?) \| (\w+) \| (\d+) \| (.*) \|$/
	  or fail("a row that is none: $_"), next;
	my ($user_message) = $text =~ /\*(.*)\*$/;
	my @answer;

	$seen{$kind} = 1;
	next if $kind eq 'other';
	$user_message //= $last if $text eq 'the same';
	$last = $user_message;
	@answer = answer($example{$kind} // '');
	is($answer[0], $kind, "$kind: the example's kind");
	like($sqlstates, qr/\b$answer[1]\b/, "$kind: its SQLSTATE");
	is($answer[2], $retry, "$kind: retry");
	is($answer[3], $http_status, "$kind: HTTP status");
	is($answer[4], $user_message // 'integrity_constraint_violation',
		"$kind: what the person is told");
}
is($node->safe_psql('postgres', q{
	SELECT kind, retry, http_status, user_message IS NULL
	FROM classify_integrity_error('division by zero', sqlstate => '22012')}),
	'other|no|500|t', 'other');
is(join(' ', sort keys %seen), join(' ', sort 'other', keys %example),
	'every kind has a row');

$node->stop;
done_testing();
