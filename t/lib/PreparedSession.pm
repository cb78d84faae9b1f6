# A session that can also use prepared statements, by the extended protocol, as
# drivers and poolers do.
package PreparedSession;

use strict;
use warnings;

use Session;

our @ISA = ('Session');

# Prepares a statement; the types of its parameters are the server's to find.
sub prepare
{
	my ($self, $name, $sql) = @_;

	$self->write_messages([ 'P', pack 'Z* Z* n', $name, $sql, 0 ], [ 'S', '' ]);
	return $self->receive;
}

# Executes it with these values, text or undef.
sub execute
{
	my ($self, $name, @values) = @_;

	$self->write_messages(execution($name, @values), [ 'S', '' ]);
	return $self->receive;
}

# Prepares and executes without a name, in one round trip.
sub run_unnamed
{
	my ($self, $sql, @values) = @_;

	$self->write_messages([ 'P', pack 'Z* Z* n', '', $sql, 0 ], execution('', @values), [ 'S', '' ]);
	return $self->receive;
}

# Bind and Execute.
sub execution
{
	my ($name, @values) = @_;
	my $values = join '', map { defined $_ ? pack 'N/a*', $_ : pack 'N', 0xffffffff } @values;

	return ([ 'B', pack('Z* Z* n n', '', $name, 0, scalar @values) . $values . pack('n', 0) ],
		[ 'E', pack 'Z* N', '', 0 ]);
}

sub write_messages
{
	my ($self, @messages) = @_;

	$self->write(join '', map { $_->[0] . pack('N', 4 + length $_->[1]) . $_->[1] } @messages);
}

# What psql -At would print of a result; of an error, SQLSTATE and message.
sub text_of
{
	my ($result) = @_;
	my @lines = map { join '|', map { $_ // '' } @$_ } @{ $result->{rows} };

	push @lines, "$result->{sqlstate} $result->{error}{M}" if $result->{sqlstate};
	push @lines, 'connection lost' if $result->{lost};
	return join "\n", @lines;
}

# The same of a query, and of a prepared statement.
sub ask
{
	my ($self, $sql) = @_;

	return text_of($self->query($sql));
}

sub run
{
	my ($self, $name, @values) = @_;

	return text_of($self->execute($name, @values));
}

1;
