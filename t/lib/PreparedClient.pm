# A client of a storm that prepares its statements once and goes on with them:
# what the server keeps for them, and what the extension keeps for the tables,
# outlives whatever is done to these meanwhile.
#
#	$storm->start($node, 4, before => \&PreparedClient::become);
package PreparedClient;

use strict;
use warnings;

use PreparedSession;
use Storm;

our @ISA = ('Storm::Client');

# For "before": a client that has just been connected.
sub become
{
	my ($client) = @_;

	bless $client, __PACKAGE__;
	bless $client->{session}, 'PreparedSession';
}

# A call by a prepared statement, whose parameters are its literals; all else as
# it stands.
sub query
{
	my ($self, $sql) = @_;
	my $session = $self->{session};
	my @values;

	return $self->SUPER::query($sql) unless $sql =~ /\bNULL::/;
	$sql =~ s/'([^']*)'/push @values, $1; "\$" . @values/ge;
	my $name = $session->{prepared}{$sql};
	if (!$name)
	{
		$name = 'storm_' . (1 + keys %{ $session->{prepared} });
		my $result = $session->prepare($name, $sql);
		return $result if $result->{lost} || $result->{sqlstate};
		$session->{prepared}{$sql} = $name;
	}
	return $session->execute($name, @values);
}

1;
