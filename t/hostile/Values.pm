# JSON values for columns: such that fit, few of each, so that rows are found as often
# as they are not; and such that no column expects.
package Values;

use strict;
use warnings;

use Exporter 'import';
our @EXPORT_OK = qw(%types pick chance value json_string odd_value odd_argument);

# type		as in SQL; a %s is the schema
# values	JSON texts
# texts		what some of the values look like as text in the server, for predicates
# mutable	the cast to text depends on settings or on the catalog
our %types = (
	smallint => { values => [qw(1 2 "2" 0 -3 32767)], texts => [qw(1 2)], number => 1 },
	integer => { values => [qw(1 2 "2" 3 0 -1 2147483647 1e0)], texts => [qw(1 2)], number => 1 },
	bigint => { values => [qw(1 2 "1" 0 -5)], texts => [qw(1 2)], number => 1 },
	'numeric(6,2)' => { values => [qw(1 1.0 "1.00" 1.004 2.5 0 -2.50 "NaN" 9999.99)], texts => [qw(1.00 2.50)], number => 1 },
	numeric => { values => [qw(1 1.0 "1.00" 2 0 -1 "NaN" "Infinity" 1e-30 1E3)], texts => [qw(1 2)], number => 1 },
	'double precision' => { values => [qw(1 1.0 -0.0 0 "-0" "NaN" "-Infinity" 1e300 0.1)], texts => [qw(1 0)], number => 1 },
	text => { values => [qw("a" "A" "b" "" 1 true "\u00e9" "e\u0301" "\ud83d\ude00"), '"a "'], texts => [qw(a b)], text => 1 },
	'character varying(5)' => { values => [qw("a" "A" "b" "" 12345 "abcde"), '"a "'], texts => [qw(a b)], text => 1 },
	'character(3)' => { values => [qw("a" "A" "b" "" "abc"), '"a "', '"a   "'], texts => [qw(a b)], text => 1 },
	'public.citext' => { values => [qw("a" "A" "b" "B" "" "\u00c9" "\u00e9")], texts => [qw(a b)], text => 1, odd => 'citext' },
	bytea => { values => ['"\\\\x01"', '"\\\\x"', '"\\\\xFF"', '"\\\\xff"'], texts => ['\x01'] },
	jsonb => { values => ['{"a": 1}', '{"a": 1.0}', '[1, 2]', '"a"', '1', '{"a": 2, "a": 1}', '[]'], texts => ['{"a": 1}'], jsonb => 1 },
	json => { values => ['{"a": 1}', '[1]'], texts => ['1'], no_key => 1 },
	uuid => { values => ['"00000000-0000-0000-0000-000000000001"', '"{00000000000000000000000000000001}"', '"00000000-0000-0000-0000-00000000000A"', '"00000000-0000-0000-0000-00000000000a"'],
			  texts => ['00000000-0000-0000-0000-000000000001'] },
	'timestamp with time zone' => { mutable => 1, values => ['"2024-01-01 00:00:00+00"', '"2024-01-01T01:00:00+01:00"', '"2024-06-01"', '"infinity"', '"epoch"'], texts => ['infinity'] },
	date => { mutable => 1, values => [qw("2024-01-01" "20240101" "infinity" "2024-02-29")], texts => ['infinity'] },
	boolean => { values => [qw(true false "t" "no" "on")], texts => [qw(true)], boolean => 1 },
	inet => { values => [qw("10.0.0.1" "10.0.0.1/32" "10.0.0.1/8" "::1")], texts => [qw(10.0.0.1/32)] },
	interval => { mutable => 1, values => ['"1 day"', '"24 hours"', '"1 mon"', '"30 days"'], texts => ['1 day'] },
	int4range => { mutable => 1, values => ['"[1,2)"', '"[1,1]"', '"(0,2)"', '"empty"', '"[,)"'], texts => ['empty'] },
	'integer[]' => { mutable => 1, values => ['[1, 2]', '"{1,2}"', '[]', '[null]', '[[1], [2]]', '"[0:1]={1,2}"'], texts => ['{1,2}'] },
	'text[]' => { mutable => 1, values => ['["a", "b"]', '"{a,b}"', '["null"]', '[null]', '[]'], texts => ['{a,b}'] },
	'%s.mood' => { mutable => 1, values => [qw("sad" "ok" "ok" "H\u0103ppy")], texts => [qw(ok)], odd => 'enum' },
	'%s.pair' => { mutable => 1, values => ['{"x": 1, "y": "a"}', '{"x": 1.0}', '{}', '{"y": "a", "x": 1}', '"(1,a)"'], texts => ['(1,a)'], odd => 'composite', no_partition => 1 },
	'%s.positive' => { values => [qw(1 2 "2" 3 1 2 0)], texts => [qw(1 2)], number => 1, odd => 'domain' },
	'%s.short' => { values => [qw("a" "A" "b" "abc" "a" "b" "abcd")], texts => [qw(a b)], text => 1, odd => 'domain' },
);

sub pick
{
	return $_[int rand @_];
}

sub chance
{
	return rand() < $_[0];
}

sub json_string
{
	my ($text) = @_;

	$text =~ s/([\\"])/\\$1/g;
	$text =~ s/([\x00-\x1f])/sprintf '\\u%04x', ord $1/ge;
	return qq("$text");
}

# A value for a column of that type: mostly one that fits.
sub value
{
	my ($type, $odd) = @_;

	return odd_value() if chance($odd);
	return 'null' if chance(0.06);
	return pick(@{ $types{$type}{values} });
}

# What no column expects, though some can take it.
sub odd_value
{
	my $depth = pick(10, 500, 3000);
	my @odd = (
		'{}', '[]', 'true', '""', '" "', '0', '-1', '1e400', '-1e400', '1e-400', '99999999999999999999999', '-9223372036854775809',
		'2147483648', '32768', '0.000000000000000000000000000000001', '"1e400"', '"NaN"', '"-Infinity"', '"null"', '"\\\\N"', '"{"', '"(,)"',
		'"\ud83d\ude00\u200d\ud83d\udc69"', '"e\u0301\u0301\u0301"', '"\u202eabc\u202c"', '"\ufeff"', '"\uffff"', '"\u0001\u0002"', '"a\u00a0"',
		'"\u0130\u0131"', '"\u00df"', '"\u1e9e"', '"' . chr(0x1F468) . chr(0x200D) . chr(0x10FFFF) . '"',
		'{"a": 1, "a": 2, "a": {"a": 1, "a": [1, 1]}}', '{"x": 99999999999, "y": "a"}', '{"x": {"x": 1}}', '[{"x": 1}, 1, [2]]', '[1, [2, 3]]',
		'"' . ('x' x 3000) . '"', '"' . join('', map { chr(97 + int rand 26) } 1 .. 9000) . '"', '"' . ("\x{e9}" x 2100) . '"',
		('[' x $depth) . (']' x $depth), ('{"a":' x $depth) . '1' . ('}' x $depth),
		'1' . ('0' x 500), '0.' . ('0' x 500) . '1', "\"'; DROP TABLE x; --\"", '"$1"', '"\\\\x0"', '"aGVsbG8="', '"\\\\xzz"', '"2024-02-30"', '"now"', '"tomorrow"');
	return pick(@odd);
}

# What is no object, or no JSON at all; undef is SQL's NULL.
sub odd_argument
{
	my ($json) = @_;

	return pick(undef, undef, 'null', '1', 'true', '[]', '{}', '[{}]', '""', '[1, {"a": 2}]', defined $json ? json_string($json) : '"{}"',
		'{"a": "\u0000"}', '{"a": "\ud83d"}', '{"a": 1e99999999}', '{"a": NaN}', '{', '', '[[]]', '[null]', '{"": 1}', '{"ctid": 1}', '{"........pg.dropped.1........": 1}',
		'{"' . ('k' x 64) . '": 1}', '{"' . ('n' x 300) . '": 1}');
}

1;
