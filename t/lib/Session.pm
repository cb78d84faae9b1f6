# One session with a server, spoken in the frontend/backend protocol.
#
# Of psql and pgbench one can hardly learn how a statement ended.  Here it ends in
# exactly one of three ways: with its answer, with an error of which every field
# is known, or with a lost connection.  If none of them comes within $patience
# seconds, that is a hang, and it dies of it.
package Session;

use strict;
use warnings;

use IO::Select;
use IO::Socket::UNIX;
use Time::HiRes;

our $patience = 60;

# Connects; {lost} is true when that failed, and {sqlstate} says why if the server
# did.  Of options, "options" are the server's command line options.
sub new
{
	my ($class, $node, %options) = @_;
	my $self = bless { lost => 0, input => '' }, $class;

	local $SIG{PIPE} = 'IGNORE';
	$self->{socket} =
	  IO::Socket::UNIX->new($node->host . '/.s.PGSQL.' . $node->port);
	if (!$self->{socket})
	{
		$self->{lost} = 1;
		return $self;
	}
	my %startup = (user => (getpwuid($<))[0], database => 'postgres',
		application_name => 'storm', client_encoding => 'UTF8', %options);
	my $content = pack 'N (Z* Z*)* x', 196608, %startup;
	$self->write(pack('N', 4 + length $content) . $content);
	$self->{sqlstate} = $self->receive->{sqlstate};
	return $self;
}

# Runs the statements of a query string; see receive.
sub query
{
	my ($self, $sql) = @_;

	$self->send($sql);
	return $self->receive;
}

# The only value of its only row, or undef.
sub value
{
	my ($self, $sql) = @_;
	my $rows = $self->query($sql)->{rows};

	return @$rows ? $rows->[-1][0] : undef;
}

sub send
{
	my ($self, $sql) = @_;

	$self->write('Q' . pack('N', 5 + length $sql) . "$sql\0");
}

# Is there something to be received within that time?
sub is_ready
{
	my ($self, $seconds) = @_;

	return 1 if length $self->{input} || $self->{lost};
	return scalar IO::Select->new($self->{socket})->can_read($seconds);
}

# Everything up to the next ReadyForQuery:
#	rows		of all statements, as arrays of text
#	tags		of the statements that were completed
#	sqlstate	of the error, if there was one, and error, its fields; or what the
#				server said before it hung up
#	notices		the fields of each
#	status		I, T or E: outside of a transaction, in one, in a failed one
#	lost		the connection ended
sub receive
{
	my ($self) = @_;
	my %result = (rows => [], tags => [], notices => []);

	while (!$self->{lost})
	{
		my ($type, $content) = $self->message or last;
		if ($type eq 'D')
		{
			push @{ $result{rows} }, [ values_of($content) ];
		}
		elsif ($type eq 'C')
		{
			push @{ $result{tags} }, unpack 'Z*', $content;
		}
		elsif ($type eq 'E')
		{
			$result{error} = fields_of($content);
			$result{sqlstate} = $result{error}{C};
		}
		elsif ($type eq 'N')
		{
			push @{ $result{notices} }, fields_of($content);
		}
		elsif ($type eq 'K')
		{
			($self->{pid}) = unpack 'N', $content;
		}
		elsif ($type eq 'Z')
		{
			$result{lost} = 0;
			$result{status} = $content;
			return \%result;
		}
	}
	# A server that hangs up says why in a notice.
	$result{lost} = 1;
	$result{sqlstate} //= $result{notices}[-1]{C} if @{ $result{notices} };
	return \%result;
}

# Ends the session as a client does that goes away.
sub close
{
	my ($self) = @_;

	$self->write('X' . pack('N', 4)) unless $self->{lost};
	$self->{socket}->close if $self->{socket};
	$self->{lost} = 1;
}

sub write
{
	my ($self, $bytes) = @_;

	local $SIG{PIPE} = 'IGNORE';
	while (!$self->{lost} && length $bytes)
	{
		my $n = $self->{socket}->syswrite($bytes);
		next if !defined $n && $!{EINTR};
		# What the server said before it hung up is still to be read.
		return unless defined $n;
		substr $bytes, 0, $n, '';
	}
}

# One message; nothing when the connection has ended.
sub message
{
	my ($self) = @_;

	$self->fill(5) or return;
	my ($type, $length) = unpack 'A N', $self->{input};
	$self->fill(1 + $length) or return;
	my $content = substr $self->{input}, 5, $length - 4;
	substr $self->{input}, 0, 1 + $length, '';
	return ($type, $content);
}

# Reads until so many bytes are there.
sub fill
{
	my ($self, $wanted) = @_;
	my $end = Time::HiRes::time() + $patience;
	my $reset = 0;

	while (length $self->{input} < $wanted)
	{
		my $left = $end - Time::HiRes::time();
		die "no answer for $patience seconds\n" if $left <= 0;
		IO::Select->new($self->{socket})->can_read($left) or next;
		my $n = $self->{socket}->sysread($self->{input}, 65536, length $self->{input});
		next if !defined $n && $!{EINTR};
		# What the server said before it hung up comes after that.
		next if !defined $n && $!{ECONNRESET} && !$reset++;
		if (!$n)
		{
			$self->{lost} = 1;
			return 0;
		}
	}
	return 1;
}

sub values_of
{
	my ($content) = @_;
	my ($n) = unpack 'n', $content;
	my $position = 2;
	my @values;

	foreach (1 .. $n)
	{
		my $length = unpack 'l>', substr $content, $position, 4;
		$position += 4;
		push @values, $length < 0 ? undef : substr $content, $position, $length;
		$position += $length if $length > 0;
	}
	return @values;
}

sub fields_of
{
	my ($content) = @_;

	return { map { substr($_, 0, 1) => substr($_, 1) } grep { length } split /\0/, $content };
}

1;
