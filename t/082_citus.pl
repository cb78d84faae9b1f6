# Citus: one coordinator and two workers, where the extension is available to the
# server; skipped elsewhere.  Distributed, reference, local and managed tables,
# calls on the coordinator and on a worker, a race of 16 sessions, and the errors
# that workers raise.  What needs no Citus is in 081_citus_metadata.pl.

use strict;
use warnings;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $library = `$ENV{PG_CONFIG} --pkglibdir`;
chomp $library;
plan skip_all => 'Citus is not installed' unless -e "$library/citus.so";

my %node;
foreach my $name (qw(coordinator first second))
{
	my $node = $node{$name} = PostgreSQL::Test::Cluster->new($name);
	$node->init;
	$node->append_conf(
		'postgresql.conf', qq(
shared_preload_libraries = 'citus'
max_connections = 100
max_prepared_transactions = 100
citus.enable_statistics_collection = off
citus.local_hostname = '@{[ $node->host ]}'
));
	$node->start;
	$node->safe_psql('postgres', 'CREATE EXTENSION citus; CREATE EXTENSION duplicate_guard;');
}
my $coordinator = $node{coordinator};
my $host = $coordinator->host;

sub ask
{
	my ($query, $node) = @_;
	return ($node || $coordinator)->safe_psql('postgres', $query);
}

# The error of a statement that must have one.
sub error
{
	my ($query) = @_;
	my ($ret, $out, $err) = $coordinator->psql('postgres', "\\set VERBOSITY verbose\n$query", on_error_stop => 0);
	return $err;
}

ask("SELECT citus_set_coordinator_host('$host', " . $coordinator->port . ')');
ask("SELECT citus_add_node('$host', " . $node{$_}->port . ')') foreach qw(first second);
ask(q(
CREATE TABLE country (code text PRIMARY KEY, label text CONSTRAINT country_label UNIQUE);
SELECT create_reference_table('country');
CREATE TABLE product (shop int, name text, price numeric DEFAULT 7 CONSTRAINT product_price CHECK (price > 0),
	note text NOT NULL DEFAULT 'new', dropped int, CONSTRAINT product_name PRIMARY KEY (shop, name));
ALTER TABLE product DROP COLUMN dropped;
CREATE TABLE item (shop int, id int, name text, country text, CONSTRAINT item_id PRIMARY KEY (shop, id),
	CONSTRAINT item_name FOREIGN KEY (shop, name) REFERENCES product);
SELECT create_distributed_table('product', 'shop', shard_count => 8);
SELECT create_distributed_table('item', 'shop', colocate_with => 'product');
ALTER TABLE item ADD CONSTRAINT item_country FOREIGN KEY (country) REFERENCES country;
CREATE TABLE managed (k int CONSTRAINT managed_k PRIMARY KEY, v text);
SELECT citus_add_local_table_to_metadata('managed');
CREATE TABLE plain (k int PRIMARY KEY, v text);
CREATE SEQUENCE race_number;
));

# Each function, by each kind of table; the second time from a session that has
# not seen the table, the worker's.
my %calls = (
	product => [ '"shop": 1, "name": "a"', '"price": 3', '(1,a,3,new)', '(1,a,4,new)', '"price": 4' ],
	country => [ '"code": "de"', '"label": "D"', '(de,D)', '(de,E)', '"label": "E"' ],
	managed => [ '"k": 1', '"v": "a"', '(1,a)', '(1,b)', '"v": "b"' ],
	plain => [ '"k": 1', '"v": "a"', '(1,a)', '(1,b)', '"v": "b"' ]);
foreach my $table (sort keys %calls)
{
	my ($key, $values, $row, $changed, $change) = @{ $calls{$table} };
	my $get = "SELECT * FROM get_or_create(NULL::$table, '{$key}', '{$values}'";

	is(ask("$get)"), "$row|t", "$table: created");
	is(ask("$get)"), "$row|f", "$table: found");
	is(ask("$get, lock_strength => 'update')"), "$row|f", "$table: found and locked");
	is(ask("$get)", $node{first}), "$row|f", "$table: found on a worker") unless $table eq 'plain';
	my $update = "SELECT * FROM update_or_create(NULL::$table, '{$key}', '{$change}')";
	is(ask($update), "$changed|f|t", "$table: updated");
	is(ask($update), "$changed|f|f", "$table: nothing to update");
	is( ask("SELECT kind, record FROM find_conflicts(NULL::$table, '{$key}')"),
		"unique_violation|$changed",
		"$table: find_conflicts");
	is( ask("SELECT record, (error).kind, (error).schema_name, (error).table_name FROM try_create(NULL::$table, '{$key}')"),
		"|unique_violation|public|$table",
		"$table: try_create");
	is( ask("BEGIN; SELECT was_created FROM get_or_create(NULL::$table, '{$key}', '{$values}');
		SELECT (error).kind FROM try_create(NULL::$table, '{$key}');
		SAVEPOINT s; SELECT count(*) FROM get_or_create(NULL::$table, '{$key}'); ROLLBACK TO s;
		SELECT was_updated FROM update_or_create(NULL::$table, '{$key}', '{$values}'); ROLLBACK"),
		"f\nunique_violation\n1\nt",
		"$table: in a transaction with savepoints");
}

# batches, over several shards
my $batch = '[{"shop": 1, "name": "a"}, {"shop": 2, "name": "b", "price": 9}, {"shop": 3, "name": "c"}, {"shop": 2, "name": "b"}]';
is( ask("SELECT * FROM get_or_create_many(NULL::product, '$batch', '{shop,name}')"),
	"1|(1,a,4,new)|f\n2|(2,b,9,new)|t\n3|(3,c,7,new)|t\n4|(2,b,9,new)|f",
	'get_or_create_many');
is( ask("SELECT * FROM update_or_create_many(NULL::product, '[{\"shop\": 2, \"name\": \"b\", \"price\": 1}, {\"shop\": 4, \"name\": \"d\"}]', '{shop,name}')"),
	"1|(2,b,1,new)|f|t\n2|(4,d,7,new)|t|f",
	'update_or_create_many');
is( ask("SELECT ordinality, record, (error).constraint_name FROM try_create_many(NULL::product, '[{\"shop\": 5, \"name\": \"e\"}, {\"shop\": 1, \"name\": \"a\"}, {\"shop\": 5, \"name\": \"f\", \"price\": 0}, {\"shop\": 6, \"name\": \"g\"}]')"),
	"1|(5,e,7,new)|\n2||product_name\n3||product_price\n4|(6,g,7,new)|",
	'try_create_many');
is( ask('SELECT shop, name, price FROM product ORDER BY 1, 2'),
	"1|a|4\n2|b|1\n3|c|7\n4|d|7\n5|e|7\n6|g|7",
	'what is there');

# on a worker
is( ask(q(SELECT was_created FROM get_or_create(NULL::product, '{"shop": 7, "name": "w"}');
	SELECT was_updated FROM update_or_create(NULL::product, '{"shop": 1, "name": "a"}', '{"price": 5}');
	SELECT (error).table_name, (error).constraint_name FROM try_create(NULL::product, '{"shop": 7, "name": "w"}')), $node{second}),
	"t\nt\nproduct|product_name",
	'calls on a worker');
is(ask(q(SELECT record FROM get_or_create(NULL::product, '{"shop": 7, "name": "w"}'))), '(7,w,7,new)', 'seen from the coordinator');

# by other columns than the key
is( ask(q(SELECT record, was_created FROM get_or_create(NULL::product, '{"name": "w"}', require_unique => false);
	SELECT record, was_created FROM get_or_create(NULL::product, '{"note": "q"}', '{"shop": 8, "name": "q"}', require_unique => false))),
	"(7,w,7,new)|f\n(8,q,7,q)|t",
	'require_unique => false over all shards');
like(error(q(SELECT get_or_create(NULL::product, '{"name": "a"}'))),
	qr/ERROR:  42P10.*^HINT:  Add the distribution column "shop"/ms, 'a lookup without the distribution column');
like(
	error(q(SELECT get_or_create(NULL::product, '{"name": "nobody"}', require_unique => false))),
	qr/ERROR:  22004: cannot perform an INSERT without a partition column value.*^HINT:  Give a value for the distribution column "shop"/ms,
	"likewise, where only Citus's own error can tell");
like(
	error(q(SELECT get_or_create(NULL::product, '{"name": "w"}', require_unique => false, lock_strength => 'update'))),
	qr/ERROR:  0A000: .*FOR UPDATE.*^HINT:  .*partition column/ms,
	"a row to be locked: Citus's own error and hint");

# What workers raise, under the names of the tables.
ask(q(INSERT INTO item VALUES (1, 1, 'a', 'de')));
my @errors = (
	[ q(INSERT INTO product VALUES (1, 'a')), 'unique_violation|product|product_name|{shop,name}|{1,a}|' ],
	[ q(INSERT INTO product VALUES (1, 'z', -1)), 'check_violation|product|product_price|{price}||' ],
	[ q(INSERT INTO product VALUES (1, 'z', 1, NULL)), 'not_null_violation|product||{note}||' ],
	[ q(INSERT INTO country VALUES ('xx', 'E')), 'unique_violation|country|country_label|{label}|{E}|' ],
	[ q(INSERT INTO item VALUES (1, 2, 'nothing')), 'foreign_key_missing|item|item_name|{shop,name}|{1,nothing}|product' ],
	[ q(INSERT INTO item VALUES (1, 2, 'a', 'xx')), 'foreign_key_missing|item|item_country|{country}|{xx}|country' ],
	[ q(DELETE FROM product WHERE shop = 1 AND name = 'a'), 'foreign_key_referenced|item|item_name|{shop,name}|{1,a}|product' ],
	[ q(DELETE FROM country WHERE code = 'de'), 'foreign_key_referenced|item|item_country|{country}|{de}|country' ],
	[ q(INSERT INTO managed VALUES (1)), 'unique_violation|managed|managed_k|{k}|{1}|' ]);
my $facts = q(concat_ws('|', e.kind, e.table_name, coalesce(e.constraint_name, ''), e.columns, coalesce(e.key_values::text, ''), coalesce(e.referenced_table, '')));
foreach my $case (@errors)
{
	my ($statement, $expected) = @$case;
	my (undef, $out, $err) = $coordinator->psql('postgres', "LOAD 'duplicate_guard';\n$statement;\nSELECT $facts FROM last_integrity_error() e", on_error_stop => 0);
	is($out, $expected, "last_integrity_error: $statement");

	my ($message) = $err =~ /ERROR:  (.*)/;
	my ($detail) = $err =~ /^DETAIL:  (.*)/m;
	like($message . ($detail // ''), qr/_\d{6}"/, 'the text has the name of a shard');
	is( ask("SELECT $facts FROM classify_integrity_error(\$m\$$message\$m\$" . (defined $detail ? ", \$d\$$detail\$d\$" : '') . ') e'),
		$expected,
		'classify_integrity_error: from the text alone');
}

# A table is distributed while a session knows it as a local one.
ask('CREATE TABLE late (k int PRIMARY KEY, v text)');
my $session = $coordinator->background_psql('postgres');
my $late = q(SELECT record, was_created FROM get_or_create(NULL::late, '{"k": 1}', '{"v": "a"}'));
is($session->query_safe($late), '(1,a)|t', 'local: created');
ask(q(SELECT create_distributed_table('late', 'k'); SELECT truncate_local_data_after_distributing_table('late')));
is($session->query_safe($late), '(1,a)|f', 'distributed meanwhile: found');
is($session->query_safe(q(SELECT was_created FROM get_or_create(NULL::late, '{"k": 2}'))), 't', 'distributed meanwhile: created');
ask(q(SELECT undistribute_table('late')));
is( $session->query_safe(q(SELECT was_created FROM get_or_create(NULL::late, '{"k": 2}'))), 'f',
	'local again: found');
$session->quit;

# 16 sessions want the same new keys at the same time, half of them on a worker.
my @race;
foreach my $client (0 .. 1)
{
	my $node = $client ? $node{first} : $coordinator;
	my $script = $node->basedir . '/race.sql';
	append_to_file($script, q(\set round random(1, 60)
SELECT was_created::int AS created, :round AS shop FROM get_or_create(NULL::product, jsonb_build_object('shop', 1000 + :round, 'name', 'race')) \gset
INSERT INTO answer SELECT :shop, :created;
));
	push @race, { node => $node, script => $script };
}
ask(q(CREATE TABLE answer (shop int, created int); SELECT create_distributed_table('answer', 'shop')));
my @running = map {
	IPC::Run::start([ 'pgbench', '-n', '-c8', '-j2', '-t100', '-f', $_->{script}, '-h', $host, '-p', $_->{node}->port, 'postgres' ],
		'>', \my $out, '2>', \my $err)
} @race;
my @status = map { $_->finish ? 0 : 1 } @running;
is("@status", '0 0', 'race: no error');
is(ask('SELECT count(*) FROM answer'), 1600, 'race: every call is answered');
is( ask("SELECT count(*), count(*) FILTER (WHERE n <> 1) FROM (SELECT shop, sum(created) AS n FROM answer GROUP BY shop) s"),
	ask("SELECT count(*), 0 FROM product WHERE name = 'race'"),
	'race: exactly one call created each row');

$_->stop foreach values %node;
done_testing();
