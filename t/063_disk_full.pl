# The disk is full: the file system of a tablespace, or that of temporary files.
#
# Each function, its rows or its index being on the full disk, raises 53100, and
# nothing of its call stays; the session goes on, hits are answered, and when
# there is space again, so are all calls.  last_integrity_error() does not
# take it for one.  (WAL is elsewhere; a server that cannot write that panics, as
# any does.)
#
# The small file system is a tmpfs.  dev/server offers one where it may mount, in
# SMALL_DISK; otherwise this test goes on in a user and mount namespace of its
# own, which anybody may make on most systems; where not even that is allowed,
# it is skipped.

use strict;
use warnings;

# Runs this file again inside, first as root with the tmpfs and then as the user
# that we are, since the server refuses to run as root.  Returns when that is not
# allowed.  (In BEGIN, as PostgreSQL::Test::Utils takes the output over.)
sub run_inside
{
	my $dir = "$ENV{TESTDIR}/tmp_check/small_disk";
	my @namespaces = ('unshare', '--user', '--map-root-user', '--mount');
	my @back = ('unshare', '--user', "--map-user=$>", '--map-group=' . ($) + 0));
	my @mount = ('sh', '-c', 'mount -t tmpfs -o size=16m,mode=700 small "$0" && exec "$@"', $dir);

	mkdir $dir;
	return if system("@namespaces @back true >/dev/null 2>&1") != 0;
	return if system("@namespaces mount -t tmpfs small $dir >/dev/null 2>&1") != 0;
	$ENV{SMALL_DISK} = $dir;
	exec @namespaces, @mount, @back, $^X, (map { "-I$_" } grep { !ref } @INC), $0
	  or die "unshare: $!\n";
}

BEGIN
{
	run_inside() unless $ENV{SMALL_DISK};
}

use FindBin;
use lib "$FindBin::RealBin/lib";
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Session;
use Storm;
use Test::More;

plan skip_all => 'no small file system: neither dev/server nor a user namespace may mount one'
  unless $ENV{SMALL_DISK};

my $disk = "$ENV{SMALL_DISK}/tablespace";
mkdir $disk or die "$disk: $!\n";
my $node = PostgreSQL::Test::Cluster->new('disk_full');
$node->init;
$node->append_conf(
	'postgresql.conf', q(
autovacuum = off
log_statement = none
));
$node->start;

# In narrow, a row fills a page, in indexed it is the index that is on the disk.
$node->safe_psql('postgres', "CREATE TABLESPACE small LOCATION '$disk'");
$node->safe_psql(
	'postgres', q(
CREATE EXTENSION duplicate_guard;
CREATE EXTENSION amcheck;
CREATE TABLE rows_there (
	id		bigserial,
	key		text NOT NULL UNIQUE,
	value	text NOT NULL DEFAULT repeat('x', 5000)
) TABLESPACE small;
ALTER TABLE rows_there ALTER value SET STORAGE PLAIN;
CREATE TABLE parted_there (LIKE rows_there INCLUDING ALL)
	PARTITION BY HASH (key);
CREATE TABLE parted_there_0 PARTITION OF parted_there FOR VALUES WITH (MODULUS 1, REMAINDER 0)
	TABLESPACE small;
ALTER TABLE parted_there_0 ALTER value SET STORAGE PLAIN;
CREATE TABLE index_there (
	id		bigserial,
	key		text NOT NULL UNIQUE USING INDEX TABLESPACE small,
	value	text NOT NULL DEFAULT 'x'
);
ALTER TABLE index_there ALTER key SET STORAGE PLAIN;
-- an index entry that takes a third of a page, and sorts as its number does
CREATE FUNCTION wide_key(n bigint) RETURNS text LANGUAGE sql IMMUTABLE
	AS $$ SELECT lpad(n::text, 10, '0') || repeat('k', 2500) $$;
CREATE TABLE plain (id int CONSTRAINT plain_id UNIQUE);
INSERT INTO plain VALUES (1);
));

# Each makes one call that needs three new keys at the most; N is a number.
my %calls = (
	get_or_create =>
	  q(SELECT was_created FROM get_or_create(NULL::TAB, jsonb_build_object('key', wide_key(N)))),
	update_or_create =>
	  q(SELECT was_created FROM update_or_create(NULL::TAB, jsonb_build_object('key', wide_key(N)), '{"id": 0}')),
	try_create =>
	  q(SELECT was_created FROM try_create(NULL::TAB, jsonb_build_object('key', wide_key(N)))),
	get_or_create_many =>
	  q(SELECT bool_and(was_created) FROM get_or_create_many(NULL::TAB, ROWS, '{key}')),
	update_or_create_many =>
	  q(SELECT bool_and(was_created) FROM update_or_create_many(NULL::TAB, ROWS, '{key}')),
	try_create_many =>
	  q(SELECT bool_and(was_created) FROM try_create_many(NULL::TAB, ROWS)));
my $rows = q((SELECT jsonb_agg(jsonb_build_object('key', wide_key(N + i))) FROM generate_series(0, 2) AS i));

my $session = Session->new($node);
my $number = 0;

# Everything that is left of the disk goes to a file, or is given back.
sub fill_disk
{
	open my $ballast, '>', "$ENV{SMALL_DISK}/ballast" or die "ballast: $!";
	my $block = 'x' x 4096;
	1 while syswrite $ballast, $block;
	$!{ENOSPC} or die "ballast: $!";
	close $ballast;
}

sub empty_disk
{
	unlink "$ENV{SMALL_DISK}/ballast" or die "ballast: $!";
}

sub call
{
	my ($function, $tab) = @_;

	$number += 3;
	return $session->query(Storm::fill_in(Storm::fill_in($calls{$function}, ROWS => $rows),
			TAB => $tab, N => $number));
}

# The state of a table, all rows of which are read.
sub state_of
{
	my ($tab) = @_;

	return $session->value("SELECT count(*) || ' ' || coalesce(md5(string_agg(t::text, ',' ORDER BY id, key)), '') FROM $tab AS t");
}

# One function, until the disk is full and then on.  Returns what went otherwise
# than it should.
sub run_out_of_space
{
	my ($function, $tab) = @_;
	my @wrong;
	my ($result, $before);

	# The first call fills the caches; what it needs of the disk is there.
	push @wrong, 'at first' if (call($function, $tab)->{rows}[0][0] // '') ne 't';
	$session->query('INSERT INTO plain VALUES (1)');	# for last_integrity_error()
	fill_disk();

	# A page with room for one more is the exception, or is soon full.
	for (my $calls = 0; $calls < 50; $calls++)
	{
		$before = state_of($tab);
		$result = call($function, $tab);
		last if $result->{sqlstate};
		push @wrong, 'an answer without a row' if $result->{rows}[0][0] ne 't';
	}
	push @wrong, 'SQLSTATE ' . ($result->{sqlstate} // 'none') if ($result->{sqlstate} // '') ne '53100';
	push @wrong, "message: $result->{error}{M}"
	  if ($result->{error}{M} // '') !~ /^could not (?:extend|write)/;
	push @wrong, 'no hint' if ($result->{error}{H} // '') !~ /free disk space/;
	push @wrong, 'something was written' if state_of($tab) ne $before;

	# in a transaction, behind a savepoint
	$session->query('BEGIN; INSERT INTO plain VALUES (2); SAVEPOINT s');
	$result = call($function, $tab);
	push @wrong, 'behind a savepoint: ' . ($result->{sqlstate} // 'none')
	  if ($result->{sqlstate} // '') ne '53100';
	$session->query('ROLLBACK TO s');
	push @wrong, 'the transaction is lost' if ($session->value('SELECT count(*) FROM plain') // '') ne '2';
	$session->query('ROLLBACK');

	# hits need no space
	my $hit = qq(SELECT was_created FROM get_or_create(NULL::$tab,
		jsonb_build_object('key', (SELECT min(key) FROM $tab)))
		UNION ALL
		SELECT was_created FROM get_or_create_many(NULL::$tab,
		(SELECT jsonb_agg(jsonb_build_object('key', key)) FROM $tab), '{key}'));
	$result = $session->query($hit);
	push @wrong, 'a hit: ' . ($result->{sqlstate} // 'created')
	  if $result->{sqlstate} || !@{ $result->{rows} } || grep { $_->[0] ne 'f' } @{ $result->{rows} };

	# not an integrity error
	my $latest = $session->value(q(SELECT constraint_name FROM last_integrity_error())) // 'none';
	push @wrong, "last_integrity_error: $latest" if $latest ne 'plain_id';

	empty_disk();
	$before = state_of($tab);
	$number -= 3;
	$result = call($function, $tab);
	push @wrong, 'afterwards: ' . ($result->{sqlstate} // $result->{rows}[0][0])
	  if $result->{sqlstate} || $result->{rows}[0][0] ne 't';
	return @wrong;
}

foreach my $tab (qw(rows_there parted_there index_there))
{
	foreach my $function (sort keys %calls)
	{
		is(join("\n", run_out_of_space($function, $tab)), '', "$tab: $function");
	}
	is($node->safe_psql('postgres', qq{
			SET enable_indexscan = off; SET enable_indexonlyscan = off; SET enable_bitmapscan = off;
			SELECT count(*) - count(DISTINCT key) FROM $tab}),
		'0', "$tab: nothing is there twice");
}
is($node->safe_psql('postgres', q{
		SELECT count(bt_index_check(c.oid, true)) > 2 FROM pg_class AS c
		WHERE c.relkind = 'i' AND c.relname LIKE '%there%';
		SELECT c.relname, v.* FROM pg_class AS c, verify_heapam(c.oid) AS v
		WHERE c.relkind = 'r' AND c.relname LIKE '%there%'}),
	't', 'tables and indexes are sound and agree');

# An update of a row that is there needs space as well.
my $update = q(SELECT was_updated FROM update_or_create(NULL::rows_there,
	jsonb_build_object('key', (SELECT min(key) FROM rows_there)), jsonb_build_object('value', repeat('y', 6000))));
my $update_many = q(SELECT bool_and(was_updated) FROM update_or_create_many(NULL::rows_there,
	(SELECT jsonb_agg(jsonb_build_object('key', key, 'value', repeat('z', 6000))) FROM rows_there), '{key}'));
$node->safe_psql('postgres', 'VACUUM rows_there');
fill_disk();
foreach my $sql ($update_many, $update)
{
	my ($function) = $sql =~ /(update_or_create\w*)/;
	my ($before, $result);

	for (my $calls = 0; $calls < 50; $calls++)
	{
		$before = state_of('rows_there');
		$result = $session->query($sql);
		last if $result->{sqlstate};
		$sql =~ tr/yz/zy/;	# otherwise nothing would change
	}
	is($result->{sqlstate}, '53100', "$function of rows that are there");
	is(state_of('rows_there'), $before, "$function: nothing was updated");
}
empty_disk();
foreach my $sql ($update_many, $update)
{
	is($session->value($sql), 't', 'with space again, it is updated');
}

# A large batch sorts its rows, in temporary files if need be.
$session->query(q(SET temp_tablespaces = small; SET work_mem = '64kB'; CREATE TABLE many (key text PRIMARY KEY)));
my $many = q(SELECT count(*) FROM get_or_create_many(NULL::many,
	(SELECT jsonb_agg(jsonb_build_object('key', 'key ' || i || repeat('x', 100))) FROM generate_series(1, 50000) AS i), '{key}')
	WHERE was_created);
fill_disk();
is($session->query($many)->{sqlstate}, '53100', 'a batch without space for temporary files');
is($session->value('SELECT count(*) FROM many'), 0, 'nothing of the batch stays');
empty_disk();
is($session->value($many), 50000, 'with space again, the batch is created');

$session->close;
Storm::check_log($node);
$node->stop;
done_testing();
