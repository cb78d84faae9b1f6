# Every SQL block of README.md runs, and prints what stands in the block behind
# it.  All of them run in one session, in order, as a reader would type them.
#
# README_WRITE=file writes README.md with the true output to that file.
use strict;
use warnings;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $readme = PostgreSQL::Test::Utils::slurp_file('README.md');
my $mark = 'end of block';

# A fenced block's language and text, and the text up to the next block.
my @parts = split /^(```\w*\n.*?^```\n)/ms, $readme;
my (@sql, @expected, @places);
for (my $i = 1; $i < @parts; $i += 2)
{
	my ($language, $text) = $parts[$i] =~ /^```(\w*)\n(.*)^```\n/ms;
	next unless $language eq 'sql';
	push @sql, $text;
	my $next = $parts[ $i + 2 ] // '';
	my $shown = $parts[ $i + 1 ] =~ /^\s*$/ && $next =~ /^```\n(.*)^```\n/ms;
	push @expected, $shown ? $1 : undef;
	push @places, $shown ? $i + 2 : undef;
}
cmp_ok(scalar @sql, '>', 5, 'the README has SQL blocks');

my $node = PostgreSQL::Test::Cluster->new('readme');
$node->init(extra => [ '--locale=C', '--encoding=UTF8' ]);
$node->start;

my $script = join '', map { "$_\n\\echo $mark\n" } @sql;
my $output = '';
IPC::Run::run(
	[ 'psql', '-Xq', '-d', $node->connstr('postgres'), '-f', '-' ],
	'<', \$script, '>', \$output, '2>&1');
$output =~ s/^psql:<stdin>:\d+: //mg;
my @output = split /^\Q$mark\E\n/m, $output;
is(scalar @output, scalar @sql, 'every block ran');

for my $i (0 .. $#sql)
{
	my ($first) = $sql[$i] =~ /^(.*)/;
	my $got = $output[$i] // '';

	$got =~ s/\n+\z/\n/;
	$parts[ $places[$i] ] = "```\n$got```\n" if defined $places[$i];
	is($got, $expected[$i] // $got, "output of: $first");
	unlike($got, qr/^ERROR/m, "no error in: $first") unless defined $expected[$i];
}
append_to_file($ENV{README_WRITE}, join '', @parts) if $ENV{README_WRITE};

done_testing();
