package Guard;

# duplicate_guard from DBD::Pg: copy this file.

use strict;
use warnings;
use Exporter 'import';
use JSON ();

our @EXPORT_OK = qw(get_or_create classify_integrity_error jsonb bytea);

# The text for a jsonb parameter, in characters: DBD::Pg encodes them itself.
sub jsonb
{
	return JSON->new->convert_blessed->encode($_[0]);
}

# Bytes as PostgreSQL writes them in text.
sub bytea
{
	return '\x' . unpack 'H*', $_[0];
}

# The row as a hash, and whether it was created.
sub get_or_create
{
	my ($dbh, $table, $lookup, $defaults) = @_;
	my $type = $dbh->quote_identifier($table);
	my $row = $dbh->selectrow_hashref(
		"SELECT (g.record).*, g.was_created
		 FROM get_or_create(NULL::$type, ?::jsonb, ?::jsonb) AS g",
		undef, jsonb($lookup), jsonb($defaults // {}));
	my $was_created = delete $row->{was_created};

	return ($row, $was_created);
}

# The facts of an error, as a hash.  Take errstr and state first, then roll back:
# in a failed transaction nothing can be called.
sub classify_integrity_error
{
	my ($dbh, $message, $sqlstate) = @_;

	return $dbh->selectrow_hashref(
		'SELECT * FROM classify_integrity_error(message => ?, sqlstate => ?)',
		undef, $message, $sqlstate);
}

1;
