# integrity_error_stats: what is counted and how, who may read it, what a clean
# restart, a crash, too many constraints, a reset and a dropped database do to it;
# and duplicate_guard.log_integrity_errors.
use strict;
use warnings;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = PostgreSQL::Test::Cluster->new('main');
$node->init(allows_streaming => 'logical', extra => [ '--locale=C', '--encoding=UTF8' ]);
$node->append_conf('postgresql.conf', q{
shared_preload_libraries = 'duplicate_guard'
max_prepared_transactions = 5
autovacuum = off
restart_after_crash = on
});
$node->start;
$node->safe_psql('postgres', q{
CREATE EXTENSION duplicate_guard;
CREATE VIEW counted AS
  SELECT concat_ws('|', kind, sqlstate, schema_name, table_name, column_name, constraint_name,
    datatype_name) AS what, caught, uncaught
  FROM integrity_error_stats WHERE datname = current_database();
CREATE DOMAIN grade AS int CONSTRAINT grade_positive CHECK (VALUE > 0);
CREATE TABLE parent (id int CONSTRAINT parent_pk PRIMARY KEY);
CREATE TABLE thing (
  id int CONSTRAINT thing_pk PRIMARY KEY,
  name text NOT NULL,
  n int CONSTRAINT thing_n UNIQUE DEFERRABLE INITIALLY DEFERRED,
  parent int CONSTRAINT thing_parent REFERENCES parent,
  grade grade,
  price int CONSTRAINT thing_price CHECK (price > 0),
  during int4range,
  CONSTRAINT thing_during EXCLUDE USING gist (during WITH &&));
CREATE VIEW cheap AS SELECT * FROM thing WHERE price < 10 WITH CHECK OPTION;
CREATE TABLE parted (id int PRIMARY KEY) PARTITION BY RANGE (id);
CREATE TABLE parted_1 PARTITION OF parted FOR VALUES FROM (1) TO (10);
CREATE TABLE guarded (id int);
ALTER TABLE guarded ENABLE ROW LEVEL SECURITY;
CREATE ROLE ann LOGIN;
CREATE ROLE reader LOGIN IN ROLE pg_read_all_stats;
GRANT INSERT ON guarded TO ann;
INSERT INTO parent VALUES (1);
INSERT INTO parted VALUES (1);
INSERT INTO thing VALUES (1, 'pen', 1, 1, 1, 1, '[1,5)');
});

# What a session prints that runs these statements and goes on after errors.
sub session
{
	my ($sql, %options) = @_;
	my $output = '';

	$node->psql($options{database} // 'postgres', $sql, stdout => \$output, on_error_stop => 0);
	return $output;
}

sub counted
{
	return $node->safe_psql('postgres', 'SELECT * FROM counted');
}

sub reset_stats
{
	$node->safe_psql('postgres', 'SELECT integrity_error_stats_reset()');
}

# What is counted after these statements, and nothing else.
sub counts_as
{
	my ($what, $sql, @expected) = @_;

	session("SELECT integrity_error_stats_reset(); $sql");
	is(join("\n", sort split /\n/, counted()), join("\n", sort @expected), $what);
}

my $catch = q{
DO $$
BEGIN
  %s;
EXCEPTION WHEN integrity_constraint_violation OR with_check_option_violation THEN
  NULL;
END $$;
};

sub caught
{
	my ($statement) = @_;

	return sprintf $catch, $statement;
}

# A session that has run these statements and sleeps now.
sub asleep
{
	my ($sql) = @_;
	my ($output, $session) = ('', {});

	$session->{run} = IPC::Run::start(
		[ 'psql', '-XAtq', '-d', $node->connstr('postgres'), '-f', '-' ],
		'<', \"$sql\nSELECT pg_backend_pid();\nSELECT pg_sleep(600);\n", '>', \$output, '2>', '/dev/null');
	$session->{run}->pump until $output =~ /(\d+)\n/;
	$session->{pid} = $1;
	$node->poll_query_until('postgres',
		"SELECT wait_event = 'PgSleep' FROM pg_stat_activity WHERE pid = $session->{pid}")
	  or die 'the session does not sleep';
	return $session;
}

# every kind, by what it is counted under

my $pk = 'unique_violation|23505|public|thing|thing_pk';
my $duplicate = q{INSERT INTO thing VALUES (1, 'ink')};
my @kinds = (
	[ $pk, $duplicate ],
	[ 'exclusion_violation|23P01|public|thing|thing_during',
		q{INSERT INTO thing (id, name, during) VALUES (2, 'ink', '[4,6)')} ],
	[ 'foreign_key_missing|23503|public|thing|thing_parent',
		q{INSERT INTO thing (id, name, parent) VALUES (2, 'ink', 2)} ],
	[ 'foreign_key_referenced|23503|public|thing|thing_parent', 'DELETE FROM parent' ],
	[ 'not_null_violation|23502|public|thing|name', 'INSERT INTO thing (id) VALUES (2)' ],
	[ 'check_violation|23514|public|thing|thing_price',
		q{INSERT INTO thing (id, name, price) VALUES (2, 'ink', 0)} ],
	[ 'domain_check_violation|23514|public|grade_positive|grade',
		q{INSERT INTO thing (id, name, grade) VALUES (2, 'ink', 0)} ],
	[ 'partition_not_found|23514|public|parted', 'INSERT INTO parted VALUES (10)' ],
	[ 'unique_violation|23505|public|parted_1|parted_1_pkey', 'INSERT INTO parted VALUES (1)' ],
	[ 'partition_constraint_violation|23514|public|parted_1', 'INSERT INTO parted_1 VALUES (10)' ],
	[ 'with_check_option_violation|44000|cheap',
		q{INSERT INTO cheap (id, name, price) VALUES (2, 'ink', 10)} ],
	[ 'row_security_violation|42501|guarded', 'SET ROLE ann; INSERT INTO guarded VALUES (1)' ],
	[ 'unique_violation|23505|made_up', q{DO 'BEGIN RAISE unique_violation USING CONSTRAINT = $$made_up$$; END'} ],
	[ 'other_integrity_violation|23000', q{DO 'BEGIN RAISE integrity_constraint_violation; END'} ],
	[ 'unique_violation|23505|' . ('ä' x 31),
		q{DO 'BEGIN RAISE unique_violation USING CONSTRAINT = repeat($$ä$$, 40); END'} ]);
foreach my $kind (@kinds)
{
	my ($what, $statement) = @$kind;

	counts_as("uncaught: $what", $statement, "$what|0|1");
	next if $statement =~ /^(?:SET|DO)/;
	counts_as("caught: $what", caught($statement), "$what|1|0");
}
counts_as('the catalogue of another language knows the view',
	q{SET lc_messages = 'de_DE.utf8'; INSERT INTO cheap (id, name, price) VALUES (2, 'ink', 10)},
	'with_check_option_violation|44000|cheap|0|1');

# what is none

counts_as('errors of other kinds', q{
	SELECT 1 / 0;
	SELECT * FROM nowhere;
	SET ROLE ann;
	SELECT * FROM thing;
	DO 'BEGIN RAISE serialization_failure; END';
	DO 'BEGIN RAISE deadlock_detected; END'});
counts_as('messages that are no errors', q{
	DO $$BEGIN RAISE NOTICE 'x' USING ERRCODE = 'unique_violation'; END$$});

# when and how often

counts_as('caught and uncaught apart', caught($duplicate) . "$duplicate;$duplicate;" . caught($duplicate) x 3,
	"$pk|4|2");
reset_stats();
is(session(q{
		BEGIN;} . caught($duplicate) . q{
		SELECT count(*) FROM counted;
		COMMIT;
		SELECT * FROM counted}),
	"0\n$pk|1|0", 'counted at the end of the transaction');
counts_as('rolled back', 'BEGIN;' . caught($duplicate) . 'ROLLBACK', "$pk|1|0");
counts_as('prepared', 'BEGIN;' . caught($duplicate) . q{PREPARE TRANSACTION 'x'; ROLLBACK PREPARED 'x'},
	"$pk|1|0");
counts_as('behind a savepoint', "BEGIN; SAVEPOINT s; $duplicate; ROLLBACK TO s; COMMIT", "$pk|0|1");
counts_as('the log does not get it',
	"SET log_min_messages = fatal; $duplicate; BEGIN; SAVEPOINT s; $duplicate; ROLLBACK TO s; COMMIT;"
	  . caught($duplicate), "$pk|1|2");
counts_as('at COMMIT', q{BEGIN; INSERT INTO thing VALUES (2, 'ink', 1); COMMIT},
	'unique_violation|23505|public|thing|thing_n|0|1');
counts_as('caught and raised again', q{
	DO $$
	BEGIN
	  INSERT INTO thing VALUES (1, 'ink');
	EXCEPTION WHEN unique_violation THEN
	  RAISE;
	END $$}, "$pk|0|1");
counts_as('more different errors in one transaction than are kept apart', q{
	DO $$
	BEGIN
	  FOR i IN 1 .. 200 LOOP
	    BEGIN
	      RAISE unique_violation USING CONSTRAINT = 'c' || (i % 100);
	    EXCEPTION WHEN unique_violation THEN
	      NULL;
	    END;
	  END LOOP;
	  RAISE check_violation;
	END $$}, 'check_violation|23514|0|1', map { "unique_violation|23505|c$_|2|0" } 0 .. 99);
counts_as('raised again after the notes were handed over', q{
	DO $$
	BEGIN
	  FOR i IN 1 .. 15 LOOP
	    BEGIN
	      RAISE unique_violation USING CONSTRAINT = 'c';
	    EXCEPTION WHEN unique_violation THEN
	      NULL;
	    END;
	    BEGIN
	      RAISE unique_violation USING CONSTRAINT = 'c' || i;
	    EXCEPTION WHEN unique_violation THEN
	      IF i = 15 THEN
	        RAISE;
	      END IF;
	    END;
	  END LOOP;
	END $$}, 'unique_violation|23505|c|15|0',
	(map { "unique_violation|23505|c$_|1|0" } 1 .. 14), 'unique_violation|23505|c15|0|1');

# our own functions

counts_as('try_create', q{
	SELECT t.was_created FROM generate_series(1, 3) AS i,
	LATERAL try_create(NULL::thing, jsonb_build_object('id', i, 'name', 'ink', 'price', 2 - i)) AS t},
	'check_violation|23514|public|thing|thing_price|2|0', "$pk|1|0");
$node->safe_psql('postgres', 'DELETE FROM thing WHERE id > 1');
counts_as('try_create_many: each failing row once', q{
	SELECT count(*) FROM try_create_many(NULL::thing, (
	  SELECT jsonb_agg(jsonb_build_object('id', i, 'name', 'ink', 'price', i % 10))
	  FROM generate_series(1, 100) AS i))},
	'check_violation|23514|public|thing|thing_price|10|0', "$pk|1|0");
$node->safe_psql('postgres', 'DELETE FROM thing WHERE id > 1');
counts_as('get_or_create: a hit is no error', q{
	SELECT was_created FROM get_or_create(NULL::thing, '{"id": 1}');
	SELECT was_created FROM get_or_create(NULL::thing, '{"id": 2}', '{"name": "ink"}');
	SELECT was_created FROM get_or_create(NULL::thing, '{"id": 3}', '{"name": "ink", "price": 0}')},
	'check_violation|23514|public|thing|thing_price|0|1');

# times

reset_stats();
session("$duplicate; SELECT pg_sleep(0.01); $duplicate");
is($node->safe_psql('postgres', q{
		SELECT first_raised < last_raised, last_raised < now(), first_raised > stats_reset, dealloc
		FROM integrity_error_stats, integrity_error_stats_info}),
	't|t|t|0', 'the first time, the last time, the beginning');

# privileges

my $error = '';
$node->psql('postgres', 'SELECT * FROM integrity_error_stats', stderr => \$error,
	extra_params => [ '-U', 'ann' ]);
like($error, qr/permission denied for view integrity_error_stats/, 'not everybody reads it');
is(session("SET ROLE reader; SELECT * FROM counted"), '', 'a view gives nothing that its owner did not grant');
is(session('SET ROLE reader; SELECT uncaught FROM integrity_error_stats'), 2, 'pg_read_all_stats does');
session('SET ROLE reader; SELECT integrity_error_stats_reset()');
is(counted(), "$pk|0|2", 'and does not reset it');
session(q{
	GRANT EXECUTE ON FUNCTION integrity_error_stats_reset() TO ann;
	SET ROLE ann;
	SELECT integrity_error_stats_reset()});
is(counted(), '', 'whoever was granted that does');

# another process than a client's

$node->safe_psql('postgres', q{
CREATE TABLE source (a int PRIMARY KEY);
CREATE PUBLICATION p FOR TABLE source;
CREATE DATABASE other});
$node->safe_psql('other', q{
CREATE TABLE source (a int PRIMARY KEY CONSTRAINT positive CHECK (a > 0))});
$node->safe_psql('postgres', q{SELECT pg_create_logical_replication_slot('s', 'pgoutput')});
$node->safe_psql('other',
	'CREATE SUBSCRIPTION s CONNECTION $$' . $node->connstr('postgres')
	  . '$$ PUBLICATION p WITH (create_slot = false, copy_data = false, disable_on_error = true)');
$node->safe_psql('postgres', 'INSERT INTO source VALUES (0)');
$node->poll_query_until('other', q{SELECT NOT subenabled FROM pg_subscription})
  or die 'the subscription goes on';
ok($node->poll_query_until('postgres', q{
		SELECT (datname, kind, constraint_name, caught, uncaught) = ('other', 'check_violation', 'positive', 0, 1)
		FROM integrity_error_stats}), 'an apply worker that an error ended');
$node->safe_psql('other', q{
ALTER SUBSCRIPTION s SET (slot_name = NONE);
DROP SUBSCRIPTION s});
$node->safe_psql('postgres', q{SELECT pg_drop_replication_slot('s')});

# terminated in the middle

reset_stats();
my $session = asleep('BEGIN;' . caught($duplicate));
$node->safe_psql('postgres', "SELECT pg_terminate_backend($session->{pid})");
$session->{run}->finish;
is(counted(), "$pk|1|0", 'what it had caught is counted');

# many sessions at once lose nothing

reset_stats();
$node->pgbench('--client=8 --transactions=200 --no-vacuum', 0, [qr/processed: 1600/], [qr/^$/],
	'eight sessions',
	{ '055_caught' => caught($duplicate) . caught('INSERT INTO parted VALUES (1)') });
is(join("\n", sort split /\n/, counted()),
	"unique_violation|23505|public|parted_1|parted_1_pkey|1600|0\n$pk|1600|0", 'nothing is lost');

# over a restart

my $file = $node->data_dir . '/pg_stat/duplicate_guard.stat';
my $everything = 'SELECT * FROM integrity_error_stats, integrity_error_stats_info ORDER BY last_raised';
my $before = $node->safe_psql('postgres', $everything);
$node->stop;
ok(-e $file, 'the server has stopped: there is a file');
my $content = slurp_file($file);
$node->start;
is($node->safe_psql('postgres', $everything), $before, 'all is there after a clean restart');
ok(!-e $file, 'the file is not');
ok(!-e "$file.tmp", 'nor any other');

$node->stop('immediate');
ok(!-e $file, 'the server was stopped at once: there is no file');
$node->start;
is(counted(), '', 'nothing is there after a crash');

session($duplicate);
$session = asleep('');
my $offset = -s $node->logfile;
kill 'KILL', $session->{pid};
$node->wait_for_log(qr/database system is ready to accept connections/, $offset);
$session->{run}->finish;
$node->poll_query_until('postgres', 'SELECT true') or die 'no recovery';
is(counted(), '', 'nor after that of a session');

# files that are not what was written
foreach (
	[ 'cut', sub { substr $_[0], 0, -1 } ],
	[ 'longer', sub { "$_[0]x" } ],
	[ 'empty', sub { '' } ],
	[ 'of another version', sub { 'x' . substr $_[0], 1 } ],
	[ 'with a bit that changed', sub { my $c = shift; substr($c, -20, 1) ^= "\1"; $c } ])
{
	my ($how, $change) = @$_;

	$node->stop;
	open my $output, '>:raw', $file or die "$file: $!";
	print $output $change->($content);
	close $output;
	$offset = -s $node->logfile;
	$node->start;
	is(counted(), '', "the file is $how: no counts");
	like(slurp_file($node->logfile, $offset),
		qr{LOG:  ignoring invalid data in file "pg_stat/duplicate_guard.stat"}, 'and a line in the log');
}

# a directory where the file should be: the server stops and starts all the same
mkdir "$file.tmp" or die "$file.tmp: $!";
$offset = -s $node->logfile;
$node->stop;
like(slurp_file($node->logfile, $offset),
	qr{LOG:  could not write file "pg_stat/duplicate_guard.stat.tmp"}, 'the file cannot be written');
rmdir "$file.tmp" or die "$file.tmp: $!";
$node->start;

# dropped databases, and names in another encoding

$node->safe_psql('postgres', q{
CREATE DATABASE latin ENCODING 'LATIN1' TEMPLATE template0;
CREATE DATABASE cyrillic ENCODING 'WIN1251' TEMPLATE template0;
CREATE DATABASE ascii ENCODING 'SQL_ASCII' TEMPLATE template0});
reset_stats();
session(q{
	SET client_encoding = 'UTF8';
	CREATE TABLE t (a int CONSTRAINT "tä" CHECK (false));
	INSERT INTO t VALUES (1)}, database => $_)
  foreach qw(latin ascii);
session(q{
	SET client_encoding = 'UTF8';
	CREATE TABLE "я" (a int CONSTRAINT "яa" CHECK (false));
	INSERT INTO "я" VALUES (1)}, database => 'cyrillic');
my $by_database = q{
	SELECT datname, table_name, constraint_name, uncaught FROM integrity_error_stats ORDER BY datname};
is($node->safe_psql('postgres', $by_database),
	"ascii|t|t??|1\ncyrillic|я|яa|1\nlatin|t|tä|1", 'names of databases with other encodings');
is($node->safe_psql('latin', q{CREATE EXTENSION duplicate_guard; SET client_encoding = 'UTF8';} . $by_database),
	"ascii|t|t??|1\ncyrillic|?|?a|1\nlatin|t|tä|1", 'in a database that cannot say them');
$node->safe_psql('postgres', 'DROP DATABASE cyrillic; DROP DATABASE latin');
is($node->safe_psql('postgres', $by_database), "ascii|t|t??|1",
	'what is about a dropped database goes with it');

# too many constraints

$node->append_conf('postgresql.conf', 'duplicate_guard.max_integrity_error_stats = 10');
$node->restart;
reset_stats();
sub raise_often
{
	my ($name, $times) = @_;

	return "DO \$\$BEGIN FOR i IN 1 .. $times LOOP BEGIN RAISE unique_violation USING CONSTRAINT = '$name';"
	  . ' EXCEPTION WHEN unique_violation THEN NULL; END; END LOOP; END$$;';
}
session(join '', map { raise_often("c$_", $_ == 5 ? 1 : 20 + $_) } 0 .. 9);
is($node->safe_psql('postgres', 'SELECT count(*), dealloc FROM counted, integrity_error_stats_info GROUP BY dealloc'),
	'10|0', 'as many as there is room for');
session(raise_often('new', 3));
is($node->safe_psql('postgres', q{
		SELECT count(*), bool_or(what ~ 'new'), bool_or(what ~ 'c5'), dealloc
		FROM counted, integrity_error_stats_info GROUP BY dealloc}),
	'10|t|f|1', 'one more: the rarest goes');
session(join '', map { raise_often("flood$_", 1) } 1 .. 30);
is($node->safe_psql('postgres', q{
		SELECT count(*), count(*) FILTER (WHERE what ~ 'c\d$'), dealloc
		FROM counted, integrity_error_stats_info GROUP BY dealloc}),
	'10|9|31', 'the frequent ones outlive a flood of others');
$node->append_conf('postgresql.conf', 'duplicate_guard.max_integrity_error_stats = 20');
$node->restart;
is($node->safe_psql('postgres', 'SELECT count(*) FROM counted'), 10, 'more room after a restart');
session(join '', map { raise_often("c1$_", 10) } 0 .. 9);
$node->append_conf('postgresql.conf', 'duplicate_guard.max_integrity_error_stats = 10');
$node->restart;
is($node->safe_psql('postgres', q{SELECT count(*), count(*) FILTER (WHERE what ~ '\|c\d$') FROM counted}),
	'10|9', 'less room: the most frequent ones stay');

# a standby counts its own

$node->safe_psql('postgres', 'SELECT integrity_error_stats_reset()');
session($duplicate);
$node->backup('backup');
my $standby = PostgreSQL::Test::Cluster->new('standby');
$standby->init_from_backup($node, 'backup', has_streaming => 1);
$standby->start;
$standby->psql('postgres', q{DO 'BEGIN RAISE unique_violation; END'});
is($standby->safe_psql('postgres', 'SELECT * FROM counted'), 'unique_violation|23505|0|1', 'a standby');
$standby->restart;
is($standby->safe_psql('postgres', 'SELECT * FROM counted'), 'unique_violation|23505|0|1',
	'a standby that was restarted');
$standby->stop;

# the log

sub logged
{
	my ($sql) = @_;
	my $begin = -s $node->logfile;
	my ($status, $out, $err) = $node->psql('postgres', $sql, on_error_stop => 0);

	return (slurp_file($node->logfile, $begin), $err);
}
my ($log, $client) = logged("$duplicate;");
like($log, qr/ERROR:  duplicate key.*\n.*DETAIL/, 'integrity violations are logged');
my $off = 'SET duplicate_guard.log_integrity_errors = off;';
foreach my $kind (@kinds)
{
	my ($what, $statement) = @$kind;

	($log, $client) = logged("$off $statement;");
	if ($what =~ /42501/)
	{
		like($log, qr/ERROR/, 'not logged: row security is, all the same');
	}
	else
	{
		unlike($log, qr/ERROR|DETAIL|STATEMENT/, "not logged: $what");
	}
	like($client, qr/ERROR/, 'but sent to the client');
}
($log, $client) = logged("$off BEGIN; INSERT INTO thing VALUES (5, 'ink', 1); COMMIT;");
unlike($log, qr/ERROR/, 'not logged: an error at COMMIT');
like($client, qr/ERROR.*thing_n/, 'but sent to the client');
foreach my $statement ('SELECT 1 / 0', 'SELECT * FROM nowhere', 'SELECT 1 +',
	q{DO 'BEGIN RAISE serialization_failure; END'},
	q{DO 'BEGIN RAISE deadlock_detected; END'})
{
	($log) = logged("$off $statement;");
	like($log, qr/ERROR/, "logged: $statement");
}
$node->safe_psql('postgres', 'GRANT INSERT, SELECT ON thing TO ann');
sub logged_of_ann
{
	my ($sql) = @_;
	my $begin = -s $node->logfile;
	my ($status, $out, $err) =
	  $node->psql('postgres', $sql, on_error_stop => 0, extra_params => [ '-U', 'ann' ]);

	return (slurp_file($node->logfile, $begin), $err);
}
($log, $client) = logged_of_ann("$off $duplicate;");
like($client, qr/permission denied to set parameter/, 'not everybody switches it off');
like($log, qr/ERROR:  duplicate key/, 'so it is logged');
$node->safe_psql('postgres', 'ALTER ROLE ann SET duplicate_guard.log_integrity_errors = off');
($log, $client) = logged_of_ann("$duplicate;");
unlike($log, qr/ERROR/, 'off for a role');
like($client, qr/ERROR:  duplicate key/, 'whose client gets it');
$node->safe_psql('postgres', 'ALTER ROLE ann RESET ALL; ALTER DATABASE postgres SET duplicate_guard.log_integrity_errors = off');
($log) = logged_of_ann("$duplicate;");
unlike($log, qr/ERROR/, 'off for a database');
$node->safe_psql('postgres', q{
	ALTER DATABASE postgres RESET ALL;
	GRANT SET ON PARAMETER duplicate_guard.log_integrity_errors TO ann});
($log) = logged_of_ann("$off $duplicate;");
unlike($log, qr/ERROR/, 'whoever was granted that switches it off');
reset_stats();
session("$off $duplicate");
is(counted(), "$pk|0|1", 'what is not logged is counted');
($log, $client) = logged('SET duplicate_guard.log_integrity_error = off;');
like($client, qr/invalid configuration parameter name/, 'a wrong name is an error');

$node->stop;
unlike(slurp_file($node->logfile), qr/PANIC|TRAP/, 'nothing crashed by itself');

done_testing();
