# Every SQL block of README.md and of doc/ runs, and prints what stands in the
# block behind it.  The blocks of a page run in one session, in order, as a
# reader would type them.
#
# Every line of a shell block is run as well: here, or, where it needs root, the
# network or all day, by CI or by dev/package; then it has to stand there.
#
# DUPLICATE_GUARD_WRITE=directory writes the pages with the true output there.
use strict;
use warnings;

use File::Basename qw(basename dirname);
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $mark = 'end of block';
my $node = PostgreSQL::Test::Cluster->new('documentation');
$node->init(extra => [ '--locale=C', '--encoding=UTF8' ]);
# for doc/statistics.md
$node->append_conf('postgresql.conf', "shared_preload_libraries = 'duplicate_guard'\n");
$node->start;

sub run
{
	my ($page, $script) = @_;
	my $database = basename($page, '.md');
	my $output = '';

	$node->safe_psql('postgres', qq(CREATE DATABASE "$database"));
	$node->safe_psql($database, 'CREATE EXTENSION duplicate_guard')
	  unless $script =~ /CREATE EXTENSION duplicate_guard/;
	IPC::Run::run([ 'psql', '-Xq', '-d', $node->connstr($database), '-f', '-' ],
		'<', \$script, '>', \$output, '2>&1');
	$output =~ s/^psql:<stdin>:\d+: //mg;
	return split /^\Q$mark\E\n/m, $output;
}

# A line of a shell block.  sudo has nothing to do here: the installation belongs
# to the user of the tests.
sub run_shell
{
	my ($page, $line) = @_;
	my $command = $line =~ s/\s+#.*//r =~ s/^sudo //r;

	if ($command =~ /^make( install)?$/)
	{
		return ok(IPC::Run::run([ split(/ /, $command), '-s', 'with_llvm=no' ]),
			"$page: $command");
	}
	my ($file, $sought) = ('.ci/run', $command);
	($file, $sought) = ('dev/package', "readme_line '$1'")
	  if $page eq 'README.md' && $command =~ /^(apt install|pgxn install) /;
	like(slurp_file($file), qr/^(?!\s*#).*\Q$sought\E/m, "$page: $file runs $command");
}

# Every link within the repository leads somewhere.
sub check_links
{
	my ($page) = @_;
	my @broken;

	foreach my $target (slurp_file($page) =~ /\]\((?!\w+:)([^)#]+)/g)
	{
		push @broken, $target unless -e dirname($page) . "/$target";
	}
	is("@broken", '', "$page: links");
}

check_links($_) foreach glob '*.md doc/*.md bench/*.md clients/*.md clients/*/*.md';

foreach my $page ('README.md', sort glob 'doc/*.md')
{
	# a fenced block's language and text, and the text up to the next block
	my @parts = split /^(```\w*\n.*?^```\n)/ms, slurp_file($page);
	my (@sql, @expected, @places);
	for (my $i = 1; $i < @parts; $i += 2)
	{
		my ($language, $text) = $parts[$i] =~ /^```(\w*)\n(.*)^```\n/ms;
		if ($language eq 'sh')
		{
			run_shell($page, $_) foreach grep { /^[^#]/ } split /\n/, $text;
		}
		next unless $language eq 'sql';
		push @sql, $text;
		my $shown = $parts[ $i + 1 ] =~ /^\s*$/ && ($parts[ $i + 2 ] // '') =~ /^```\n(.*)^```\n/ms;
		push @expected, $shown ? $1 : undef;
		push @places, $shown ? $i + 2 : undef;
	}
	next unless @sql;

	my @output = run($page, join '', map { "$_\n\\echo $mark\n" } @sql);
	is(scalar @output, scalar @sql, "$page: every block ran");
	for my $i (0 .. $#sql)
	{
		my ($first) = $sql[$i] =~ /^(.*)/;
		my $got = $output[$i] // '';

		$got =~ s/\n+\z/\n/;
		$parts[ $places[$i] ] = "```\n$got```\n" if defined $places[$i];
		is($got, $expected[$i] // '', "$page: $first");
	}
	append_to_file("$ENV{DUPLICATE_GUARD_WRITE}/" . basename($page), join '', @parts)
	  if $ENV{DUPLICATE_GUARD_WRITE};
}

$node->stop;
done_testing();
