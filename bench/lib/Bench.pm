# What the measurements have in common: the session that sets up and asks, the
# statistics, the tables.
package Bench;

use strict;
use warnings;

use Exporter 'import';
use IPC::Open2;

our @EXPORT = qw(query scalar_query read_file quantile ratio print_table rotate);

my ($from_psql, $to_psql);

# The lines that SQL answers, in one session for everything; what psql is given
# ends with a marker that it echoes.
sub query
{
	my ($sql) = @_;
	my @lines;

	open2($from_psql, $to_psql, qw(psql -X -A -t -q -v ON_ERROR_STOP=1)) unless $to_psql;
	print $to_psql "$sql\n;\n\\echo --done--\n";
	while (my $line = <$from_psql>)
	{
		chomp $line;
		return @lines if $line eq '--done--';
		push @lines, $line if $line ne '';
	}
	die "psql ended.\n";
}

sub scalar_query
{
	return (query(@_))[0];
}

sub read_file
{
	my ($file) = @_;

	open my $in, '<', $file or die "$file: $!\n";
	local $/;
	return scalar <$in>;
}

# The list, beginning with another element in every round.
sub rotate
{
	my ($round, @list) = @_;

	return map { $list[ ($_ + $round) % @list ] } 0 .. $#list;
}

# The value below which the given part of a list lies.
sub quantile
{
	my ($part, @values) = @_;

	@values = sort { $a <=> $b } @values;
	my $place = $part * $#values;
	my $low = int($place);
	my $high = $low < $#values ? $low + 1 : $low;
	return $values[$low] + ($place - $low) * ($values[$high] - $values[$low]);
}

# How many times the one the other is.  Of a quantity that is steady on one
# processor, the median of the ratios within each round, a slow moment of the
# machine falling on both sides of it.  Of rates the ratio of the medians; there
# not every round has every contender.
sub ratio
{
	my ($what, $one, $other) = @_;
	my @one = @{ $one->{$what} };
	my @other = @{ $other->{$what} };

	return quantile(0.5, @one) / quantile(0.5, @other) if $what eq 'rate';
	return quantile(0.5, map { $one[$_] / $other[$_] } 0 .. $#one);
}

# The ratio of two contenders, each of which may be written as "A / B" itself.
sub ratio_of_names
{
	my ($what, $by_name, $who, $whom) = @_;
	my @who = map { $by_name->{$_} // return } split m{ / }, $who;
	my @whom = map { $by_name->{$_} // return } split m{ / }, $whom;

	return ratio($what, $who[0], $whom[0]) if @who == 1;
	return ratio($what, @who) / ratio($what, @whom);
}

# Whether a target is reached, and what was; nothing if a contender is missing.
sub verdict
{
	my ($what, $by_name, $target) = @_;
	my $ratio = ratio_of_names($what, $by_name, $target->{who}, $target->{whom}) // return;
	my $reached = $target->{sign} eq '<=' ? $ratio <= $target->{times} : $ratio >= $target->{times};

	return sprintf "%s: %.3f times %s, to be %s %.2f: %s", $target->{who}, $ratio, $target->{whom},
	  $target->{sign} eq '<=' ? 'at most' : 'at least', $target->{times},
	  $reached ? 'reached' : 'MISSED';
}

# A table of the contenders' times, wal or rate: median, quartiles, and how many
# times that of those in the list it is.  Below it the targets.
sub print_table
{
	my ($what, $contenders, $compared, $targets) = @_;
	my %by_name = map { $_->{name} => $_ } @$contenders;
	my %seen;
	my @compared = grep { $by_name{$_} && !$seen{$_}++ } @$compared;
	my ($width) = sort { $b <=> $a } map { length $_->{name} } @$contenders;
	my $digits = $what eq 'rate' ? 0 : 2;

	printf "%-${width}s  %8s  %-17s", '', 'median', 'quartiles';
	printf "  %s", "times $_" foreach @compared;
	print "\n";
	foreach my $contender (@$contenders)
	{
		my @values = @{ $contender->{$what} };
		printf "%-${width}s  %8.${digits}f  %7.${digits}f - %7.${digits}f", $contender->{name},
		  quantile(0.5, @values), quantile(0.25, @values), quantile(0.75, @values);
		printf "  %*.2f", 6 + length $_, ratio($what, $contender, $by_name{$_}) foreach @compared;
		print "\n";
	}
	foreach my $target (@$targets)
	{
		my $verdict = verdict($what, \%by_name, $target) // next;
		print "target  $verdict\n";
	}
	return;
}

1;
