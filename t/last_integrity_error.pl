# last_integrity_error() where it takes a server of its own: preloading, other
# modules' hooks in either order, parallel and background workers, the
# transaction that loads the library, a log that does not get the errors.
use strict;
use warnings;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

# The extended protocol with statements that were parsed long ago, and fast-path
# function calls: spoken here, since psql cannot.
package Client
{
	use IO::Socket::UNIX;

	sub new
	{
		my ($class, $node, $user, %statements) = @_;

		my $self = bless {}, $class;
		$self->{socket} = IO::Socket::UNIX->new($node->host . '/.s.PGSQL.' . $node->port)
		  or die "cannot connect: $!";
		my $startup = pack 'N Z* Z* Z* Z* x', 196608, user => $user, database => 'postgres';
		$self->{socket}->print(pack('N', 4 + length $startup) . $startup);
		$self->answer;
		$self->put('P', pack 'Z* Z* n', $_, $statements{$_}, 0) foreach sort keys %statements;
		$self->put('S', '');
		$self->answer;
		return $self;
	}

	sub put
	{
		my ($self, $type, $content) = @_;

		$self->{socket}->print($type . pack('N', 4 + length $content) . $content);
	}

	# Values and SQLSTATEs up to ReadyForQuery.
	sub answer
	{
		my ($self) = @_;
		my @answer;

		$self->{socket}->flush;
		while (1)
		{
			$self->{socket}->read(my $head, 5) == 5 or die 'the server hung up';
			my ($type, $length) = unpack 'A N', $head;
			my $content = '';
			$self->{socket}->read($content, $length - 4) if $length > 4;
			push @answer, unpack 'x2 N/a', $content if $type eq 'D';
			push @answer, unpack 'N/a', $content if $type eq 'V';
			push @answer, $content =~ /\0C(\w{5})/ if $type eq 'E';
			return join ';', @answer if $type eq 'Z';
		}
	}

	sub execute
	{
		my ($self, @statements) = @_;

		return join ' ', map {
			$self->put('B', pack 'Z* Z* n n n', '', $_, 0, 0, 0);
			$self->put('E', pack 'Z* N', '', 0);
			$self->put('S', '');
			$self->answer } @statements;
	}

	sub call
	{
		my ($self, $oid) = @_;

		$self->put('F', pack 'N n n n', $oid, 0, 0, 0);
		return $self->answer;
	}
}

my $node = PostgreSQL::Test::Cluster->new('main');
$node->init(allows_streaming => 'logical');
$node->append_conf('postgresql.conf', q{
max_prepared_transactions = 5
autovacuum = off
lc_messages = 'C'
});
$node->start;
$node->safe_psql('postgres', q{
CREATE EXTENSION duplicate_guard;
CREATE VIEW latest AS
  SELECT concat_ws('|', kind, sqlstate, table_name, constraint_name, detail)
  FROM last_integrity_error();
CREATE TABLE item (
  id int CONSTRAINT item_pk PRIMARY KEY,
  n int CONSTRAINT item_n UNIQUE DEFERRABLE INITIALLY DEFERRED,
  m int CONSTRAINT item_m UNIQUE DEFERRABLE);
INSERT INTO item VALUES (1, 1, 1);
CREATE DOMAIN positive AS int CONSTRAINT is_positive CHECK (VALUE > 0);
CREATE TYPE pair AS (a positive, b int);
});

my $duplicate_id = 'unique_violation|23505|item|item_pk|Key (id)=(1) already exists.';
my $duplicate_n = 'unique_violation|23505|item|item_n|Key (n)=(1) already exists.';
my $duplicate_m = 'unique_violation|23505|item|item_m|Key (m)=(1) already exists.';
my $not_positive = 'domain_check_violation|23514|is_positive';

# What a session prints that runs these statements and goes on after errors.
sub session
{
	my ($sql, %options) = @_;
	my $output = '';

	$node->psql('postgres', $sql, stdout => \$output, on_error_stop => 0,
		%options);
	return $output;
}

sub preload
{
	my ($variable, @libraries) = @_;

	$node->append_conf('postgresql.conf',
		"session_preload_libraries = ''\nshared_preload_libraries = ''\n"
		  . "$variable = '" . join(', ', @libraries) . "'\n");
	$node->restart;
}

# Everything that needs no call of a function of ours beforehand.
sub check_from_the_start
{
	my ($how) = @_;

	is(session('SELECT * FROM latest'), '', "$how: none yet");
	is(session(q{
			INSERT INTO item VALUES (1);
			SELECT * FROM latest}),
		$duplicate_id, "$how: the session's first statement");
	{
		local $ENV{PGOPTIONS} = '-c log_min_messages=fatal';
		is(session(q{
				SELECT '(0,0)'::pair;
				SELECT * FROM latest}),
			$not_positive, "$how: the session's first statement, while it is parsed");
	}
	is(session(q{
			SET log_min_messages = fatal;
			SELECT * FROM nowhere;
			SELECT '(0,0)'::pair;
			SELECT * FROM latest}),
		$not_positive, "$how: a statement after another error, while it is parsed");
	is(session(q{
			BEGIN;
			INSERT INTO item VALUES (2, 1);
			COMMIT;
			SELECT * FROM latest}),
		$duplicate_n, "$how: the first transaction's COMMIT");
	is(session(q{
			INSERT INTO item VALUES (2, 1);
			SELECT * FROM latest}),
		$duplicate_n, "$how: the implicit commit");
	is(session(q{
			BEGIN;
			INSERT INTO item VALUES (2, 1);
			PREPARE TRANSACTION 'x';
			SELECT * FROM latest}),
		$duplicate_n, "$how: PREPARE TRANSACTION");
	is(session(q{
			SET log_min_messages = fatal;
			INSERT INTO item VALUES (2, 1);
			SELECT * FROM latest}),
		$duplicate_n, "$how: a commit, without the log");
	is(session(q{
			SET log_min_messages = fatal;
			BEGIN;
			SELECT * FROM nowhere;
			SELECT * FROM nowhere;
			ROLLBACK;
			BEGIN;
			INSERT INTO item VALUES (2, 1);
			COMMIT;
			SELECT * FROM latest}),
		$duplicate_n, "$how: a commit after errors of other kinds");
	is(session(q{
			DO $$
			BEGIN
			  INSERT INTO item VALUES (1);
			EXCEPTION WHEN unique_violation THEN
			  NULL;
			END $$;
			SELECT * FROM latest}),
		$duplicate_id, "$how: caught by a block");
	is(session(q{
			DO $$
			DECLARE
			  p positive := 1;
			BEGIN
			  p := -1;
			EXCEPTION WHEN check_violation THEN
			  NULL;
			END $$;
			SELECT * FROM latest}),
		$not_positive, "$how: a domain check in an assignment, caught");
	is(session(q{
			ALTER TABLE item ADD CHECK (id > 1);
			SELECT kind, sqlstate FROM last_integrity_error()}),
		'check_violation|23514', "$how: DDL");
	is(session(q{
			INSERT INTO item VALUES (1);
			DISCARD ALL;
			SELECT * FROM latest}),
		'', "$how: forgotten with DISCARD ALL");
}

# not preloaded

is(session(q{
		INSERT INTO item VALUES (1);
		SELECT * FROM latest}),
	'', 'nothing is known of the time before the library was loaded');
is(session(q{
		BEGIN;
		SELECT * FROM latest;
		INSERT INTO item VALUES (2, 1);
		COMMIT;
		SELECT * FROM latest}),
	"\n$duplicate_n", 'the COMMIT of the transaction that loaded the library');
is(session(q{
		DO $$
		DECLARE
		  none boolean;
		BEGIN
		  FOR i IN 1 .. 2 LOOP
		    BEGIN
		      IF i = 2 THEN
		        none := last_integrity_error() IS NULL;	-- without an executor run
		      END IF;
		      RAISE unique_violation;
		    EXCEPTION WHEN unique_violation THEN
		      NULL;
		    END;
		  END LOOP;
		END $$;
		SELECT * FROM latest}),
	'unique_violation|23505', 'caught in the statement that loaded the library');

# Who saw it, when the log cannot tell, in the transaction that loads the library:
# an error that was caught there, and another one when it commits.
$node->safe_psql('postgres', q{
CREATE ROLE ann LOGIN;
CREATE ROLE bob;
CREATE FUNCTION fail() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  RAISE EXCEPTION 'the commit fails';
END $$;
CREATE TABLE failing (a int);
CREATE CONSTRAINT TRIGGER fail AFTER INSERT ON failing
  DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION fail();
CREATE FUNCTION caught_by_bob(OUT t text) SECURITY DEFINER
LANGUAGE plpgsql AS $$
BEGIN
  t := 'caught';
  RAISE unique_violation USING DETAIL = 'a secret of bob';
EXCEPTION WHEN unique_violation THEN
  NULL;
END $$;
ALTER FUNCTION caught_by_bob() OWNER TO bob;
CREATE FUNCTION not_caught_by_bob() RETURNS void SECURITY DEFINER
LANGUAGE plpgsql AS $$
BEGIN
  RAISE unique_violation USING DETAIL = 'no secret of bob';
END $$;
ALTER FUNCTION not_caught_by_bob() OWNER TO bob;
CREATE FUNCTION deny() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  RAISE unique_violation;
END $$;
CREATE TABLE denied (a int);
CREATE CONSTRAINT TRIGGER deny AFTER INSERT ON denied
  DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION deny();
CREATE FUNCTION insert_and_catch(OUT t text) LANGUAGE plpgsql AS $$
BEGIN
  INSERT INTO failing VALUES (1);
  t := caught_by_bob();
END $$;
GRANT INSERT ON failing, denied TO ann;
GRANT SELECT ON latest TO ann;
});
is(session(q{
		SET log_min_messages = fatal;
		SET SESSION AUTHORIZATION ann;
		DO $$
		DECLARE
		  t text;
		BEGIN
		  INSERT INTO failing VALUES (1);
		  PERFORM last_integrity_error();
		  t := caught_by_bob();
		END $$;
		SELECT * FROM latest}),
	'unique_violation|23505', 'caught in the transaction that loaded the library');
is(session(q{
		SET SESSION AUTHORIZATION ann;
		BEGIN;
		SELECT * FROM latest;
		SELECT not_caught_by_bob();
		ROLLBACK;
		SELECT * FROM latest}),
	"\nunique_violation|23505|no secret of bob",
	'uncaught in the transaction that loaded the library');

# The same with another error that differs only in what ann must not see.
is(session(q{
		SET SESSION AUTHORIZATION ann;
		DO $$
		DECLARE
		  t text;
		BEGIN
		  INSERT INTO denied VALUES (1);
		  PERFORM last_integrity_error();
		  t := caught_by_bob();
		END $$;
		SELECT * FROM latest}),
	'unique_violation|23505', 'caught, and at COMMIT another one like it, uncaught');

# Statements that were parsed before the library was loaded.
my %statements = (
	begin => 'BEGIN',
	commit => 'COMMIT',
	rollback => 'ROLLBACK',
	divide => 'SELECT 1 / (random() * 0)::int',
	insert => 'INSERT INTO item VALUES (1)',
	insert_n => 'INSERT INTO item VALUES (2, 1)',
	insert_m => 'INSERT INTO item VALUES (2, 2, 1)',
	do => 'DO $$BEGIN RAISE check_violation; END$$',
	latest => 'SELECT * FROM latest',
	log => "SET log_min_messages = 'warning'",
	nolog => "SET log_min_messages = 'fatal'");
foreach (
	[ 'a statement', '23505', $duplicate_id, qw(begin latest), 'insert', 'rollback' ],
	[ 'a command', '23514', 'check_violation|23514', qw(begin latest), 'do', 'rollback' ],
	[ 'the next COMMIT', '23505', $duplicate_n, qw(begin latest commit begin insert_n), 'commit' ])
{
	my ($what, $sqlstate, $error, @statements) = @$_;

	like(Client->new($node, 'postgres', %statements)->execute('nolog', @statements, 'latest'),
		qr/ $sqlstate *\Q$error\E$/, "parsed before the library was loaded: $what");
}

# preloaded

preload('session_preload_libraries', 'duplicate_guard');
check_from_the_start('session_preload_libraries');

preload('shared_preload_libraries', 'duplicate_guard');
check_from_the_start('shared_preload_libraries');
is(session(q{
		SET log_min_messages = fatal;
		SET SESSION AUTHORIZATION ann;
		SELECT not_caught_by_bob();
		SELECT * FROM latest;
		SELECT caught_by_bob();
		SELECT * FROM latest}),
	"unique_violation|23505|no secret of bob\ncaught\nunique_violation|23505",
	'without the log, uncaught and caught are told apart');

# The extended protocol, with the watcher in place from the start or put back.
foreach (
	[ 'the implicit commit', $duplicate_n, qw(insert_n) ],
	[ 'COMMIT', $duplicate_n, qw(begin insert_n commit) ],
	[ 'COMMIT after an error', $duplicate_n, qw(insert begin insert_n commit) ],
	[ 'COMMIT after errors in an aborted transaction, the log being on', $duplicate_n,
		qw(log begin divide divide rollback begin insert_n commit) ],
	[ 'COMMIT after such that were logged', $duplicate_n,
		qw(log begin divide divide rollback nolog begin insert_n commit) ],
	[ 'a statement after such that were not', $duplicate_id,
		qw(begin divide divide rollback insert) ],
	[ 'a command after such that were not', 'check_violation|23514',
		qw(begin divide divide rollback do) ])
{
	my ($what, $error, @statements) = @$_;

	like(Client->new($node, 'postgres', %statements)->execute('nolog', @statements, 'latest'),
		qr/ \Q$error\E$/, "extended protocol: $what");
}

my $client = Client->new($node, 'postgres', %statements);
my %oid = map { $_ => $node->safe_psql('postgres', "SELECT '$_'::regproc::oid") }
  qw(caught_by_bob not_caught_by_bob);
is($client->call($oid{caught_by_bob}), 'caught', 'fast path: caught');
is($client->execute('latest'), 'unique_violation|23505|a secret of bob', 'fast path: caught, known');
is($client->call($oid{not_caught_by_bob}), '23505', 'fast path: uncaught');
is($client->execute('latest'), 'unique_violation|23505|no secret of bob', 'fast path: uncaught, known');

# A fast-path call passes no hook, so that without the log nothing proves that
# the error was not caught.
$node->safe_psql('postgres', q{ALTER ROLE ann SET log_min_messages = 'fatal'});
$client = Client->new($node, 'ann', %statements, both => 'SELECT insert_and_catch()');
is($client->call($oid{not_caught_by_bob}), '23505', 'fast path, no log: uncaught');
is($client->execute('latest'), 'unique_violation|23505', 'fast path, no log: counts as caught');

# Caught, and then an implicit commit fails that nobody watches.
is($client->execute(qw(begin divide divide rollback both latest)),
	' 22012 25P02  caught;P0001 unique_violation|23505',
	'extended protocol: caught, and another error at the implicit commit');

# A parallel worker's error: CONTEXT says that it was raised in one.
$node->safe_psql('postgres', q{
CREATE TABLE numbers AS SELECT 5 - i AS a FROM generate_series(1, 5) AS i;
CREATE FUNCTION positive_only(int) RETURNS boolean PARALLEL SAFE
LANGUAGE plpgsql AS $$
BEGIN
  IF $1 > 0 THEN
    RETURN true;
  END IF;
  RAISE check_violation USING CONSTRAINT = 'made_up', DETAIL = 'it is ' || $1;
END $$});
my $stderr = '';
my $output = session(q{
	SET force_parallel_mode = on;	-- up to 15
	SET debug_parallel_query = on;	-- from 16 on
	SELECT a FROM numbers WHERE positive_only(a);
	SELECT * FROM latest;
	INSERT INTO item VALUES (1);
	DO $$
	BEGIN
	  PERFORM a FROM numbers WHERE positive_only(a);
	EXCEPTION WHEN check_violation THEN
	  RAISE NOTICE 'caught';
	END $$;
	SELECT * FROM latest},
	stderr => \$stderr);
like($stderr, qr/it is 0.*\n.*CONTEXT: .*\n.*parallel worker/, 'a parallel worker raised it');
like($stderr, qr/NOTICE:  caught/, 'it is caught in the leader');
is($output, join("\n", ('check_violation|23514|made_up|it is 0') x 2),
	'the leader knows an error of a parallel worker');

# other modules' hooks

my $pkglibdir = $node->safe_psql('postgres', q{SELECT setting FROM pg_config WHERE name = 'PKGLIBDIR'});
foreach my $other (qw(pg_stat_statements auto_explain pgaudit))
{
  SKIP:
	{
		skip "$other is not installed", 1 unless -e "$pkglibdir/$other.so";
		foreach my $libraries ([ $other, 'duplicate_guard' ], [ 'duplicate_guard', $other ])
		{
			my $how = join ', ', @$libraries;

			$node->append_conf('postgresql.conf', {
				pg_stat_statements => "pg_stat_statements.track = all\n",
				auto_explain => "auto_explain.log_min_duration = 0\n"
				  . "auto_explain.log_nested_statements = on\n",
				pgaudit => "pgaudit.log = 'all'\n" }->{$other})
			  if $other eq $libraries->[0];
			preload('shared_preload_libraries', @$libraries);
			check_from_the_start($how);
			my $offset = -s $node->logfile;
			session(q{
				DO $$
				BEGIN
				  INSERT INTO item VALUES (1);
				EXCEPTION WHEN unique_violation THEN
				  INSERT INTO item VALUES (2, 2);
				END $$;
				DELETE FROM item WHERE id = 2});
			my $log = slurp_file($node->logfile, $offset);
			if ($other eq 'pg_stat_statements')
			{
				is($node->safe_psql('postgres', q{
						CREATE EXTENSION IF NOT EXISTS pg_stat_statements;
						SELECT count(*) FROM pg_stat_statements
						WHERE query LIKE 'DELETE FROM item%' AND calls = 1;
						SELECT pg_stat_statements_reset()}) =~ /^(\d+)/ ? $1 : '',
					1, "$how: the other one works");
			}
			elsif ($other eq 'auto_explain')
			{
				like($log, qr/Query Text: INSERT INTO item VALUES \(2, 2\)/,
					"$how: the other one works");
				like(Client->new($node, 'postgres', %statements)->execute(
						qw(nolog begin divide divide rollback insert_m latest)),
					qr/ 23505 \Q$duplicate_m\E$/, "$how: AFTER triggers");
			}
			else
			{
				like($log, qr/AUDIT: .*INSERT INTO item VALUES \(2, 2\)/,
					"$how: the other one works");
			}
		}
	}
}

# Background workers, and a walsender: a subscription in the same server, whose
# apply worker fires a trigger that catches.
preload('shared_preload_libraries', 'duplicate_guard');
$node->safe_psql('postgres', q{
CREATE TABLE source (a int PRIMARY KEY);
CREATE PUBLICATION p FOR TABLE source});
$node->safe_psql('postgres', 'CREATE DATABASE other');
$node->safe_psql('other', q{
CREATE EXTENSION duplicate_guard;
CREATE TABLE source (a int PRIMARY KEY);
CREATE TABLE caught (t text);
CREATE FUNCTION catch() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  BEGIN
    INSERT INTO public.caught SELECT (public.last_integrity_error()).detail;
    RAISE unique_violation USING DETAIL = 'in the worker, ' || NEW.a;
  EXCEPTION WHEN unique_violation THEN
    INSERT INTO public.caught SELECT (public.last_integrity_error()).detail;
  END;
  RETURN NEW;
END $$;
CREATE TRIGGER catch BEFORE INSERT ON source
  FOR EACH ROW EXECUTE FUNCTION catch();
ALTER TABLE source ENABLE ALWAYS TRIGGER catch});
$node->safe_psql('postgres',
	q{SELECT pg_create_logical_replication_slot('s', 'pgoutput')});
$node->safe_psql('other',
	'CREATE SUBSCRIPTION s CONNECTION $$' . $node->connstr('postgres')
	  . '$$ PUBLICATION p WITH (create_slot = false, copy_data = false)');
$node->safe_psql('postgres', 'INSERT INTO source VALUES (1)');
$node->wait_for_catchup('s');
is($node->safe_psql('other', 'SELECT string_agg(t, $$;$$) FROM caught'),
	'in the worker, 1', 'caught in a background worker');
my $offset = -s $node->logfile;
$node->safe_psql('other', 'INSERT INTO source VALUES (2)');
$node->safe_psql('postgres', 'INSERT INTO source VALUES (2)');
# from 18 on in other words
$node->wait_for_log(
	qr/duplicate key value violates unique constraint "source_pkey"|conflict=insert_exists/, $offset);
$node->safe_psql('other', 'DELETE FROM source WHERE a = 2');
$node->wait_for_catchup('s');
is($node->safe_psql('other', 'SELECT count(*) FROM source'), 2,
	'an apply worker fails and starts again');
$node->safe_psql('other', 'DROP SUBSCRIPTION s');

$node->stop;
unlike(slurp_file($node->logfile), qr/PANIC|TRAP|terminated by signal/, 'nothing crashed');

done_testing();
