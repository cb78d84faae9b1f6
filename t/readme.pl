# Every SQL block of README.md and of the pages in doc/ runs, and prints what
# stands in the block behind it.  Those of a page run in one session, in order,
# as a reader would type them.  Pages that show transcripts with a prompt are left
# out.
#
# README_WRITE=directory writes the pages with the true output to that directory.
use strict;
use warnings;

use File::Basename qw(basename);
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $mark = 'end of block';
my $node = PostgreSQL::Test::Cluster->new('readme');
$node->init(extra => [ '--locale=C', '--encoding=UTF8' ]);
$node->start;
check($_) foreach 'README.md', grep { slurp_file($_) !~ /^=# /m } sort glob 'doc/*.md';
done_testing();

# A database of its own for each page.
sub check
{
	my ($page) = @_;

	# A fenced block's language and text, and the text up to the next block.
	my @parts = split /^(```\w*\n.*?^```\n)/ms, slurp_file($page);
	my (@sql, @expected, @places);
	for (my $i = 1; $i < @parts; $i += 2)
	{
		my ($language, $text) = $parts[$i] =~ /^```(\w*)\n(.*)^```\n/ms;
		next unless $language eq 'sql';
		push @sql, $text;
		my $next = $parts[ $i + 2 ] // '';
		my $shown = ($parts[ $i + 1 ] // '') =~ /^\s*$/ && $next =~ /^```\n(.*)^```\n/ms;
		push @expected, $shown ? $1 : undef;
		push @places, $shown ? $i + 2 : undef;
	}
	cmp_ok(scalar @sql, '>', 5, 'the README has SQL blocks') if $page eq 'README.md';

	my $database = basename($page, '.md') =~ tr/A-Z-/a-z_/r;
	my $script = join '', map { "$_\n\\echo $mark\n" } @sql;
	my $output = '';
	$node->safe_psql('postgres', "CREATE DATABASE $database");
	$node->safe_psql($database, 'CREATE EXTENSION duplicate_guard')
	  unless grep { /CREATE EXTENSION/ } @sql;
	IPC::Run::run(
		[ 'psql', '-Xq', '-d', $node->connstr($database), '-f', '-' ],
		'<', \$script, '>', \$output, '2>&1');
	$output =~ s/^psql:<stdin>:\d+: //mg;
	my @output = split /^\Q$mark\E\n/m, $output;
	is(scalar @output, scalar @sql, "$page: every block ran");

	for my $i (0 .. $#sql)
	{
		my ($first) = $sql[$i] =~ /^(.*)/;
		my $got = $output[$i] // '';

		$got =~ s/\n+\z/\n/;
		$parts[ $places[$i] ] = "```\n$got```\n" if defined $places[$i];
		is($got, $expected[$i] // $got, "$page: output of: $first");
		unlike($got, qr/^ERROR/m, "$page: no error in: $first") unless defined $expected[$i];
	}
	append_to_file("$ENV{README_WRITE}/" . basename($page), join '', @parts)
	  if $ENV{README_WRITE};
}
