# pg_upgrade: an application's database goes to a new cluster, with the extension
# and all that depends on it, and gives the same answers there.
#
# Here the old server is the same as the new one, which pg_upgrade allows; with
# DUPLICATE_GUARD_OLD_SERVER=/usr/lib/postgresql/15 it is that one, in which the
# extension must be installed (dev/upgrade sees to that).

use strict;
use warnings;

use FindBin;
use lib "$FindBin::RealBin/lib";
use Application;
use Cwd qw(getcwd);
use File::Basename qw(dirname);
use File::Temp;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $old_server = $ENV{DUPLICATE_GUARD_OLD_SERVER};
my $old = PostgreSQL::Test::Cluster->new('old', install_path => $old_server);
my $new = PostgreSQL::Test::Cluster->new('new');
my ($old_major, $new_major) = map { $_->pg_version =~ /^(\d+)/ } $old, $new;

# From 18 on initdb turns checksums on, and both clusters must agree.
$old->init(extra => [qw(--locale=C --encoding=UTF8)]);
$new->init(extra => [ qw(--locale=C --encoding=UTF8), $new_major >= 18 && $old_major < 18 ? '--no-data-checksums' : () ]);
note("from PostgreSQL $old_major to $new_major");

$old->start;
Application::create($old, 'application');
my $answers = Application::answers($old, 'application');
is(join("\n", $answers =~ /^ERROR: .*/mg),
	'ERROR:  42501: permission denied for function update_or_create',
	'the application has asked the old server');
$old->stop;

# It leaves files where it is run, and puts its sockets there, whose names must
# be short.
my $dir = getcwd;
my $work = File::Temp::tempdir(CLEANUP => 1);
chdir $work or die "$work: $!";
my @pg_upgrade = (
	'pg_upgrade', '--no-sync',
	'--old-datadir', $old->data_dir, '--new-datadir', $new->data_dir,
	'--old-bindir', $old_server ? "$old_server/bin" : $new->config_data('--bindir'),
	'--new-bindir', $new->config_data('--bindir'),
	'--socketdir', $work,
	'--old-port', $old->port, '--new-port', $new->port);

my $library = $new->config_data('--pkglibdir') . '/duplicate_guard.so';
SKIP:
{
	skip 'the installation is not this test\'s to change', 1 unless -w dirname($library);
	rename $library, "$library.away" or die "$library: $!";
	command_checks_all([ @pg_upgrade, '--check' ], 1,
		[qr/references loadable libraries that are missing from the\s+new installation/], [],
		'pg_upgrade says that the new server lacks the library');
	rename "$library.away", $library or die "$library: $!";
}
command_ok(\@pg_upgrade, 'pg_upgrade');
chdir $dir;

$new->start;
is(Application::answers($new, 'application'), $answers, 'every answer is the same');
like($new->safe_psql('application', q(SELECT * FROM guard.get_or_create(NULL::shop.product, '{"name": "new"}', '{"price": 1}'))),
	qr/^\(\d+,new,1\.00\)\|t$/, 'and it creates');
$new->safe_psql('application', 'ALTER EXTENSION duplicate_guard UPDATE; ALTER EXTENSION duplicate_guard SET SCHEMA shop');
is($new->safe_psql('application', q(SELECT (error).kind, shop.last_integrity_error() IS NULL FROM shop.log)),
	'unique_violation|t', 'and can be updated and moved');

$new->stop;
unlike(slurp_file($_->logfile), qr/PANIC|TRAP|XX000|terminated by signal/, $_->name . ': nothing crashed')
  foreach $old, $new;
done_testing();
