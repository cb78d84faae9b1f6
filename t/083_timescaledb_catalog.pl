# What is known of TimescaleDB by its catalog alone, without TimescaleDB: that
# constraints of a hypertable hold over its chunks, and whose a chunk's names
# are.  The catalog is made by hand, of the shape that TimescaleDB gives it.  With
# TimescaleDB itself: 084_timescaledb.pl.

use strict;
use warnings;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = PostgreSQL::Test::Cluster->new('catalog');
$node->init;
$node->start;
$node->safe_psql(
	'postgres', q(
CREATE EXTENSION duplicate_guard;
CREATE TABLE reading (sensor int, at int, value int CONSTRAINT reading_value CHECK (value > 0), note text NOT NULL DEFAULT 'n',
	CONSTRAINT reading_key UNIQUE (sensor, at));
CREATE UNIQUE INDEX reading_bare ON reading (at, lower(note), sensor);
COMMENT ON CONSTRAINT reading_key ON reading IS 'This reading is there.';
CREATE TABLE chunk (CONSTRAINT "1_1_reading_key" UNIQUE (sensor, at)) INHERITS (reading);
CREATE UNIQUE INDEX chunk_reading_bare ON chunk (at, lower(note), sensor);
CREATE UNIQUE INDEX other_reading_key ON chunk (value);
INSERT INTO chunk VALUES (1, 1, 5);
));

sub classify
{
	my ($name, $detail) = @_;
	return $node->safe_psql('postgres',
		qq(SELECT table_name, constraint_name, partition_name, key_values, user_message FROM classify_integrity_error(
			'duplicate key value violates unique constraint "$name"', 'Key $detail already exists.', '23505')));
}
my $conflicts = q(SELECT kind, constraint_name FROM find_conflicts(NULL::reading, '{"sensor": 1, "at": 1, "value": 5}'));

is($node->safe_psql('postgres', $conflicts), '', 'a child by inheritance: no constraint reaches it');
is( classify('1_1_reading_key', '(sensor, at)=(1, 1)'),
	'chunk|1_1_reading_key||{1,1}|A chunk with this sensor and at already exists.', 'and its names are its own');

my $catalog = q(
CREATE SCHEMA _timescaledb_catalog;
CREATE TABLE _timescaledb_catalog.hypertable (id int PRIMARY KEY, schema_name name NOT NULL, table_name name NOT NULL);
INSERT INTO _timescaledb_catalog.hypertable VALUES (1, 'public', 'reading');
);
$node->safe_psql('postgres', $catalog);
is($node->safe_psql('postgres', $conflicts), '', 'a schema of that name alone means nothing');
$node->safe_psql(
	'postgres', q(
SET allow_system_table_mods = on;
INSERT INTO pg_extension SELECT 1, 'timescaledb', extowner, extnamespace, false, '2.22.1' FROM pg_extension WHERE extname = 'plpgsql';
));
is( $node->safe_psql('postgres', $conflicts),
	"unique_violation|reading_bare\nunique_violation|reading_key",
	'a hypertable: they do');
is(classify('1_1_reading_key', '(sensor, at)=(1, 1)'),
	'reading|reading_key|chunk|{1,1}|This reading is there.', 'constraint');
is( classify('chunk_reading_bare', '(at, lower(note), sensor)=(1, n, 1)'),
	'reading|reading_bare|chunk|{1,n,1}|A reading with this at, note and sensor already exists.',
	'index');
is( classify('other_reading_key', '(value)=(5)'),
	'chunk|other_reading_key||{5}|A chunk with this value already exists.', "an index that only the chunk has");
is( $node->safe_psql('postgres',
		q(SELECT (e).table_name, (e).constraint_name, (e).partition_name FROM (SELECT (try_create(NULL::chunk, '{"sensor": 1, "at": 2, "value": -1}')).error AS e) AS t)),
	'reading|reading_value|chunk',
	'check');
is( $node->safe_psql('postgres',
		q(SELECT (e).table_name, (e).columns, (e).partition_name FROM (SELECT (try_create(NULL::chunk, '{"sensor": 1, "at": 2, "note": null}')).error AS e) AS t)),
	'reading|{note}|chunk',
	'not null');

$node->stop;
done_testing();
