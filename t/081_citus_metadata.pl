# What is known of Citus by its metadata alone, without Citus: which tables the
# direct look must leave alone, and which names are those of shards.  The
# metadata tables are made by hand, of the shape that Citus gives them, and
# filled as it fills them.  With Citus itself: 082_citus.pl.

use strict;
use warnings;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = PostgreSQL::Test::Cluster->new('metadata');
$node->init;
$node->start;
$node->safe_psql(
	'postgres', q(
CREATE EXTENSION duplicate_guard;
CREATE TABLE item (k int CONSTRAINT item_k PRIMARY KEY, v text CONSTRAINT item_v UNIQUE,
	w text NOT NULL DEFAULT 'w', u int CONSTRAINT item_u CHECK (u > 0));
COMMENT ON CONSTRAINT item_v ON item IS 'This v is taken.';
CREATE TABLE part (n int CONSTRAINT part_n PRIMARY KEY, k int CONSTRAINT part_k REFERENCES item);
CREATE TABLE plain (k int PRIMARY KEY, v text UNIQUE);
));

# Whether the call looks through SQL: then the planner locks every index of the
# table, the direct look only the one that it searches.
sub looks_by_sql
{
	my ($session, $table) = @_;

	$session->query_safe("SELECT get_or_create(NULL::$table, '{\"k\": 1}')");
	my $locked = $session->query_safe(
		qq(DISCARD PLANS;
BEGIN;
DO \$\$ BEGIN PERFORM get_or_create(NULL::$table, '{"k": 1}'); END \$\$;
SELECT 'locked=' || (count(*) > 0)::int FROM pg_locks WHERE pid = pg_backend_pid() AND relation IN (
	SELECT indexrelid FROM pg_index WHERE indrelid = '$table'::regclass AND NOT indisprimary);
COMMIT;));
	my ($count) = $locked =~ /locked=(\d+)/;
	return $count;
}

my $session = $node->background_psql('postgres');
is(looks_by_sql($session, 'item'), 0, 'without Citus: directly');

# as in Citus's install script
my $metadata = q(
SET allow_system_table_mods = on;
CREATE TABLE pg_catalog.pg_dist_partition (logicalrelid regclass NOT NULL, partmethod "char" NOT NULL, partkey text,
	colocationid integer NOT NULL DEFAULT 0, repmodel "char" NOT NULL DEFAULT 'c', autoconverted boolean NOT NULL DEFAULT false);
CREATE UNIQUE INDEX pg_dist_partition_logical_relid_index ON pg_catalog.pg_dist_partition (logicalrelid);
CREATE TABLE pg_catalog.pg_dist_shard (logicalrelid regclass NOT NULL, shardid bigint NOT NULL, shardstorage "char" NOT NULL,
	shardminvalue text, shardmaxvalue text);
CREATE UNIQUE INDEX pg_dist_shard_shardid_index ON pg_catalog.pg_dist_shard (shardid);
CREATE TABLE pg_catalog.pg_dist_placement (placementid bigint NOT NULL, shardid bigint NOT NULL, shardstate int NOT NULL,
	shardlength bigint NOT NULL, groupid int NOT NULL);
CREATE TABLE pg_catalog.pg_dist_local_group (groupid int NOT NULL PRIMARY KEY);
INSERT INTO pg_catalog.pg_dist_local_group VALUES (0);
GRANT SELECT ON pg_catalog.pg_dist_partition, pg_catalog.pg_dist_shard TO public;
);
$node->safe_psql('postgres', $metadata);
is(looks_by_sql($session, 'item'), 0, 'with Citus, a local table: directly');

# Citus sends a relcache message with it, as does any ALTER TABLE.
$node->safe_psql(
	'postgres', q(
SET allow_system_table_mods = on;
INSERT INTO pg_catalog.pg_dist_partition (logicalrelid, partmethod) VALUES ('item', 'n'), ('part', 'n');
INSERT INTO pg_catalog.pg_dist_shard VALUES ('item', 102008, 't'), ('part', 102009, 't');
INSERT INTO pg_catalog.pg_dist_placement VALUES (1, 102008, 1, 0, 1), (2, 102009, 1, 0, 1);
ALTER TABLE item SET (fillfactor = 90);
));
is(looks_by_sql($session, 'item'), 1, 'once it is distributed: through SQL, in the session that knew it');
is(looks_by_sql($session, 'plain'), 0, 'another table: directly');
my $other = $node->background_psql('postgres');
is(looks_by_sql($other, 'item'), 1, 'in a new session likewise');
$other->quit;

# the answers stay what they are, whatever way they take
is( $node->safe_psql(
		'postgres',
		q(SELECT record, was_created FROM get_or_create_many(NULL::item, '[{"k": 5, "v": "a"}, {"k": 1}, {"k": 5}]', '{k}');
		SELECT record, was_created, was_updated FROM update_or_create(NULL::item, '{"k": 5}', '{"v": "b"}');
		SELECT kind, constraint_name, record FROM find_conflicts(NULL::item, '{"k": 5, "v": "b"}') ORDER BY 2;
		SELECT record, (error).constraint_name FROM try_create_many(NULL::item, '[{"k": 6}, {"k": 5}]'))
	),
	q{(5,a,w,)|t
(1,,w,)|f
(5,a,w,)|f
(5,b,w,)|f|t
unique_violation|item_k|(5,b,w,)
unique_violation|item_v|(5,b,w,)
(6,,w,)|
|item_k},
	'the same answers');

# The names that a worker's error has in its text.
sub classify
{
	my ($message, $detail, $sqlstate, @fields) = @_;
	my $arguments = join ', ', "message => \$m\$$message\$m\$",
	  (defined $detail ? "detail => \$d\$$detail\$d\$" : ()), "sqlstate => '$sqlstate'", @fields;
	return $node->safe_psql('postgres',
		"SELECT c.schema_name, c.table_name, c.constraint_name, c.columns, c.key_values, c.referenced_table, c.user_message FROM classify_integrity_error($arguments) AS c");
}
my $unique = 'duplicate key value violates unique constraint "item_v_102008"';
my $key = 'Key (v)=(x) already exists.';
is(classify($unique, $key, '23505'),
	'public|item|item_v|{v}|{x}||This v is taken.', 'unique, from the text');
is( classify($unique, $key, '23505', "schema_name => 'public'", "table_name => 'item_102008'", "constraint_name => 'item_v_102008'"),
	'public|item|item_v|{v}|{x}||This v is taken.',
	'unique, from the fields');
like(
	classify('null value in column "w" of relation "item_102008" violates not-null constraint', undef, '23502'),
	qr/^public\|item\|\|\{w\}\|/,
	'not null');
like(
	classify('new row for relation "item_102008" violates check constraint "item_u"', undef, '23514'),
	qr/^public\|item\|item_u\|\{u\}\|/,
	'check, whose name is the same in a shard');
like(
	classify('insert or update on table "part_102009" violates foreign key constraint "part_k_102009"',
		'Key (k)=(7) is not present in table "item_102008".', '23503'),
	qr/^public\|part\|part_k\|\{k\}\|\{7\}\|item\|/,
	'foreign key, child side');
like(
	classify('update or delete on table "item_102008" violates foreign key constraint "part_k_102009" on table "part_102009"',
		'Key (k)=(7) is still referenced from table "part_102009".', '23503'),
	qr/^public\|part\|part_k\|\{k\}\|\{7\}\|item\|/,
	'foreign key, parent side');

# A name of more than 63 bytes with its number is cut, a hash stands for the rest;
# made by Citus 13.2 from this one.
my $long = 'a_constraint_of_item_with_quite_a_long_name_that_must_be_cut_xy';
my $cut = 'a_constraint_of_item_with_quite_a_long_name_tha_ec86bfc1_102008';
$node->safe_psql('postgres', "ALTER TABLE item ADD CONSTRAINT $long UNIQUE (u)");
is( classify("duplicate key value violates unique constraint \"$cut\"", 'Key (u)=(1) already exists.', '23505'),
	"public|item|$long|{u}|{1}||An item with this u already exists.",
	'a name that was cut');

# Not a shard's: no such number, not the table's name, or the name of what is here.
my $unknown = 'An entry with this v already exists.';
foreach my $name (qw(item_v_102010 item_v_0102008 item_v102008 other_v_102008 102008 _102008
	item_v_99999999999999999999))
{
	is(classify("duplicate key value violates unique constraint \"$name\"", $key, '23505'),
		"||$name|{v}|{x}||$unknown", "$name is no shard's");
}
$node->safe_psql('postgres',
	'CREATE TABLE item_102008 (v text CONSTRAINT item_v_102008 UNIQUE); INSERT INTO item_102008 VALUES (\'x\')');
like(classify($unique, $key, '23505'),
	qr/^public\|item_102008\|item_v_102008\|/, 'a local table that is called so, from the text');
is( $node->safe_psql('postgres',
		q(SELECT (error).table_name, (error).constraint_name FROM try_create(NULL::item_102008, '{"v": "x"}'))),
	'item_102008|item_v_102008',
	'its own error');
# the coordinator may have shards itself
$node->safe_psql('postgres',
	'SET allow_system_table_mods = on; INSERT INTO pg_catalog.pg_dist_placement VALUES (3, 102008, 1, 0, 0)');
is( $node->safe_psql('postgres',
		q(SELECT (error).table_name, (error).constraint_name FROM try_create(NULL::item_102008, '{"v": "x"}'))),
	'item|item_v',
	'the error of a shard that is here');

# When Citus goes.
$node->safe_psql(
	'postgres', q(
SET allow_system_table_mods = on;
DROP TABLE pg_catalog.pg_dist_partition, pg_catalog.pg_dist_shard, pg_catalog.pg_dist_placement, pg_catalog.pg_dist_local_group;
ALTER TABLE item RESET (fillfactor);
));
is(looks_by_sql($session, 'item'), 0, 'without it again: directly');
is(classify($unique, $key, '23505'),
	'public|item_102008|item_v_102008|{v}|{x}||An entry with this v already exists.',
	'and names are what they are');

# Something else of that name is not taken for Citus's.
$node->safe_psql('postgres',
	'SET allow_system_table_mods = on; CREATE TABLE pg_catalog.pg_dist_partition (what text); CREATE VIEW pg_catalog.pg_dist_shard AS SELECT 1; ALTER TABLE item SET (fillfactor = 80)');
is(looks_by_sql($session, 'item'), 0, 'a table of another shape');
$session->quit;

$node->stop;
done_testing();
