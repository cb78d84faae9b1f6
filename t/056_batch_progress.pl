# batch_progress: what another session sees of a batch that waits for a lock in
# the middle, who sees it, and that nothing is left of a batch that has ended.
use strict;
use warnings;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = PostgreSQL::Test::Cluster->new('main');
$node->init;
$node->append_conf('postgresql.conf', q{
shared_preload_libraries = 'duplicate_guard'
autovacuum = off
});
$node->start;
$node->safe_psql('postgres', q{
CREATE EXTENSION duplicate_guard;
CREATE TABLE thing (id int PRIMARY KEY, v int);
CREATE VIEW thing_view AS SELECT * FROM thing;
CREATE TABLE inner_thing (id int PRIMARY KEY);
CREATE FUNCTION batch_within() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  PERFORM FROM get_or_create_many(NULL::inner_thing, jsonb_build_array(jsonb_build_object('id', NEW.id)), '{id}');
  RETURN NEW;
END $$;
CREATE FUNCTION items(first int, last int, v int) RETURNS jsonb LANGUAGE sql AS $$
  SELECT jsonb_agg(jsonb_build_object('id', i, 'v', v)) FROM generate_series(first, last) AS i
$$;
CREATE ROLE ann LOGIN;
CREATE ROLE bob;
CREATE ROLE reader IN ROLE pg_read_all_stats;
GRANT SELECT, INSERT, UPDATE ON thing TO ann;
});

# A psql that goes on reading; say() waits for what the statements print last.
sub connect_as
{
	my ($user) = @_;
	my $session = { input => '', output => '' };

	$session->{run} = IPC::Run::start(
		[ 'psql', '-XAtq', '-U', $user, '-d', $node->connstr('postgres'), '-f', '-' ],
		'<', \$session->{input}, '>', \$session->{output}, '2>&1',
		IPC::Run::timeout($PostgreSQL::Test::Utils::timeout_default));
	return $session;
}

sub say_to
{
	my ($session, $sql) = @_;

	$session->{input} .= "$sql\n\\echo said\n";
	$session->{run}->pump until $session->{output} =~ s/said\n//;
}

# What is seen of a batch that waits for a row.
my $progress = q{
SELECT datname, relid::regclass, command, phase, rows_total, rows_done
FROM batch_progress WHERE pid IN (SELECT pid FROM pg_stat_activity WHERE wait_event_type = 'Lock')};
my $owner = connect_as(scalar getpwuid $<);
my $batch = connect_as('ann');
say_to($batch, 'SELECT pg_backend_pid();');
my ($pid) = $batch->{output} =~ /(\d+)/;

sub waits
{
	my ($lock, $call) = @_;

	say_to($owner, "BEGIN; $lock;");
	$batch->{input} .= "SELECT count(*) FROM $call;\n\\echo said\n";
	$batch->{run}->pump_nb;
	$node->poll_query_until('postgres',
		"SELECT wait_event_type = 'Lock' FROM pg_stat_activity WHERE pid = $pid")
	  or die 'the batch does not wait';
	return;
}

sub goes_on
{
	say_to($owner, 'ROLLBACK;');
	$batch->{run}->pump until $batch->{output} =~ s/said\n//;
	is($node->safe_psql('postgres', 'SELECT count(*) FROM batch_progress'), 0, 'nothing is left of it');
}

is($node->safe_psql('postgres', 'SELECT count(*) FROM batch_progress'), 0, 'no batch');

waits('INSERT INTO thing VALUES (70000)', "get_or_create_many(NULL::thing, items(1, 100000, 1), '{id}')");
is($node->safe_psql('postgres', $progress), 'postgres|thing|get_or_create_many|creating rows|100000|69999',
	'get_or_create_many waits for a row');
my $hidden = 'SELECT pid, datname, relid, command, phase, rows_total, rows_done FROM batch_progress';
is($node->safe_psql('postgres', "SET ROLE bob; $hidden"), "$pid|postgres|||||", 'others see that there is a batch');
like($node->safe_psql('postgres', "SET ROLE reader; $hidden"), qr/\|100000\|69999$/, 'pg_read_all_stats sees it');
like($node->safe_psql('postgres', "SET ROLE ann; $hidden"), qr/\|100000\|69999$/, 'so does the same role');
goes_on();

$node->safe_psql('postgres', 'CREATE TRIGGER batch_within BEFORE INSERT ON thing FOR EACH ROW EXECUTE FUNCTION batch_within();'
	. 'GRANT ALL ON inner_thing TO ann');
waits('INSERT INTO inner_thing VALUES (100005)', "get_or_create_many(NULL::thing, items(100001, 100010, 1), '{id}')");
is($node->safe_psql('postgres', $progress), 'postgres|thing|get_or_create_many|creating rows|10|4',
	'a batch within a batch: the outer one is shown');
goes_on();
$node->safe_psql('postgres', 'DROP TRIGGER batch_within ON thing');

waits('SELECT * FROM thing WHERE id = 40 FOR UPDATE',
	"update_or_create_many(NULL::thing, items(11, 110, 2), '{id}')");
is($node->safe_psql('postgres', $progress), 'postgres|thing|update_or_create_many|updating rows|100|29',
	'update_or_create_many waits for a row');
goes_on();

waits('INSERT INTO thing VALUES (200050)', 'try_create_many(NULL::thing, items(200001, 200100, 1))');
is($node->safe_psql('postgres', $progress), 'postgres|thing|try_create_many|creating rows|100|49',
	'try_create_many waits for a row');
goes_on();

$node->safe_psql('postgres', 'GRANT ALL ON thing_view TO ann');
waits('INSERT INTO thing VALUES (300006)', "get_or_create_many(NULL::thing_view, items(300001, 300010, 1), '{id}')");
is($node->safe_psql('postgres', $progress), 'postgres|thing_view|get_or_create_many|going row by row|10|5',
	'a view is gone through row by row');
goes_on();

# ended by an error, caught and not, and shown again afterwards
say_to($batch, q{
SELECT count(*) FROM get_or_create_many(NULL::thing, '[{"id": 1}, {"id": "x"}]', '{id}');
DO $$
BEGIN
  PERFORM FROM get_or_create_many(NULL::thing, '[{"id": 1}, {"id": "x"}]', '{id}');
EXCEPTION WHEN OTHERS THEN
  NULL;
END $$;
SELECT count(*) FROM batch_progress;});
like($batch->{output}, qr/invalid input syntax.*\n.*\n0\n/s, 'nothing is left of batches that failed');
waits('INSERT INTO thing VALUES (400003)', "get_or_create_many(NULL::thing, items(400001, 400010, 1), '{id}')");
is($node->safe_psql('postgres', $progress), 'postgres|thing|get_or_create_many|creating rows|10|2',
	'and the next one is shown');

# terminated in the middle
$node->safe_psql('postgres', "SELECT pg_terminate_backend($pid)");
$node->poll_query_until('postgres', "SELECT count(*) = 0 FROM pg_stat_activity WHERE pid = $pid")
  or die 'the batch does not end';
is($node->safe_psql('postgres', 'SELECT count(*) FROM batch_progress'), 0, 'nothing is left of one that was terminated');
eval { $batch->{run}->finish };
say_to($owner, 'ROLLBACK;');
$owner->{input} .= "\\q\n";
$owner->{run}->finish;

$node->stop;
done_testing();
