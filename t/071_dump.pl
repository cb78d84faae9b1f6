# pg_dump and restore, as a script and in the custom format, into the same
# server: the extension, what depends on it, who may use it, and every answer.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::RealBin/lib";
use Application;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = PostgreSQL::Test::Cluster->new('dump');
$node->init;
$node->start;
Application::create($node, 'application');
my $answers = Application::answers($node, 'application');
my $dir = PostgreSQL::Test::Utils::tempdir();

like($answers, qr/^There is such a product already\./m, 'the application has asked');
is(join("\n", $answers =~ /^ERROR: .*/mg),
	'ERROR:  42501: permission denied for function update_or_create',
	'and has got one error, which it should get');

$node->command_ok([ 'pg_dump', '--file', "$dir/plain.sql", 'application' ], 'dumped as a script');
$node->command_ok([ 'pg_dump', '--format=custom', '--file', "$dir/custom", 'application' ],
	'dumped in the custom format');
$node->safe_psql('postgres', 'CREATE DATABASE plain OWNER application_owner; CREATE DATABASE custom OWNER application_owner; CREATE DATABASE jobs OWNER application_owner');
$node->command_ok([ 'psql', '-X', '-q', '-v', 'ON_ERROR_STOP=1', '-d', 'plain', '-f', "$dir/plain.sql" ],
	'restored from the script');
$node->command_ok([ 'pg_restore', '--exit-on-error', '-d', 'custom', "$dir/custom" ],
	'restored from the custom format');
$node->command_ok([ 'pg_restore', '--exit-on-error', '--jobs=2', '-d', 'jobs', "$dir/custom" ],
	'restored by several sessions at once');

foreach my $database (qw(plain custom jobs))
{
	is(Application::answers($node, $database), $answers, "$database: every answer is the same");
}

# A dump of the dump is the dump.
$node->safe_psql('postgres', 'CREATE DATABASE untouched OWNER application_owner');
$node->command_ok([ 'pg_restore', '--exit-on-error', '-d', 'untouched', "$dir/custom" ], 'restored once more');
$node->command_ok([ 'pg_dump', '--file', "$dir/again.sql", 'untouched' ], 'dumped again');
my ($first, $again) = map { [ grep { !/^\\(?:un)?restrict / } split /\n/, slurp_file("$dir/$_.sql") ] } qw(plain again);
is_deeply($again, $first, 'the dump of what was restored is the dump');

# The owner of the database restores it without being a superuser; what is not
# an owner's to say about a trusted extension is its comment.
$node->safe_psql('postgres', 'CREATE DATABASE owned OWNER application_owner');
$node->command_ok([ 'pg_restore', '--exit-on-error', '--no-comments', '-U', 'application_owner', '-d', 'owned', "$dir/custom" ],
	'restored by the owner of the database');
is($node->safe_psql('owned', q(SELECT extowner::regrole, (SELECT (error).kind FROM shop.log) FROM pg_extension WHERE extname = 'duplicate_guard')),
	'application_owner|unique_violation', 'it is the owner\'s');

$node->stop;
unlike(slurp_file($node->logfile), qr/PANIC|TRAP|XX000|terminated by signal/, 'nothing crashed');
done_testing();
