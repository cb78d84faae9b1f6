# duplicate_guard from DBD::Pg, by example.
use strict;
use warnings;
use utf8;
use lib '.';

use DBI;
use JSON ();
use POSIX ();
use Test::More;

use Guard qw(get_or_create classify_integrity_error jsonb bytea);

sub connect_
{
	return DBI->connect('dbi:Pg:', '', '',
		{ AutoCommit => 1, RaiseError => 1, PrintError => 0 });
}

my $dbh = connect_();

subtest 'the row, and whether it is new' => sub {
	my ($product, $created) =
	  get_or_create($dbh, 'products', { name => 'xiomi_mi12' }, { price => '199.90' });
	ok($created);
	is($product->{price}, '199.90');

	my ($again, $created_again) =
	  get_or_create($dbh, 'products', { name => 'xiomi_mi12' }, { price => '249.90' });
	ok(!$created_again);
	is_deeply($again, $product);
};

subtest 'values of all types go through' => sub {
	my $photo = "\x89PNG\x00\xff";
	my ($product) = get_or_create(
		$dbh,
		'products',
		{ name => 'Ångström' },
		{
			price => '12345678.90',
			sku => 'd9428888-122b-11e1-b85c-61cd3cbb3210',
			released_on => '2024-02-29',
			photo => bytea($photo),
			tags => [ 'green', 'with "quotes", commas', 'NULL', 'ünï' ],
			properties => { size => [ 1, 2 ], deep => { null => undef } },
			note => undef,
			created_at => '2024-02-29 23:59:59.123456+02',
		});
	is($product->{name}, 'Ångström');
	is($product->{price}, '12345678.90');
	is($product->{sku}, 'd9428888-122b-11e1-b85c-61cd3cbb3210');
	is($product->{released_on}, '2024-02-29');
	ok($product->{photo} eq $photo, 'bytes');
	is_deeply($product->{tags}, [ 'green', 'with "quotes", commas', 'NULL', 'ünï' ]);
	is_deeply(JSON->new->decode($product->{properties}),
		{ size => [ 1, 2 ], deep => { null => undef } });
	is($product->{note}, undef);
	is($product->{created_at}, '2024-02-29 21:59:59.123456+00');
};

subtest 'in a transaction it is rolled back with the rest' => sub {
	$dbh->begin_work;
	my (undef, $created) = get_or_create($dbh, 'products', { name => 'undone' });
	ok($created);
	$dbh->rollback;
	is($dbh->selectrow_array("SELECT count(*) FROM products WHERE name = 'undone'"), 0);
};

subtest 'eight processes at once create each row once' => sub {
	my @names = map { "process $_" } 1 .. 20;
	my @answers;
	pipe my $gate, my $open_gate or die "pipe: $!";

	foreach my $process (1 .. 8)
	{
		my $pid = open my $answer, '-|';
		die "fork: $!" unless defined $pid;
		if ($pid)
		{
			push @answers, $answer;
			next;
		}
		$dbh->{InactiveDestroy} = 1;    # the connection is the parent's
		close $open_gate;
		my $mine = connect_();
		readline $gate;                 # until all of them are ready
		$mine->begin_work;              # one transaction for all of them
		foreach my $name (@names)
		{
			my ($product, $created) = get_or_create($mine, 'products', { name => $name });
			print "$name|$product->{id}|", $created ? 1 : 0, "\n";
		}
		$mine->selectrow_array(q{SELECT 'still usable'});
		$mine->commit;
		close STDOUT;
		POSIX::_exit(0);
	}
	sleep 1;
	close $open_gate;
	my (%ids, %created);
	foreach my $answer (@answers)
	{
		while (my $line = <$answer>)
		{
			chomp $line;
			my ($name, $id, $created) = split /\|/, $line;
			$ids{$name}{$id}++;
			$created{$name} += $created;
		}
		ok(close($answer), 'no exception');
	}
	is(scalar keys %ids, 20);
	foreach my $name (@names)
	{
		is_deeply([ values %{ $ids{$name} } ], [8], "$name is one row for all");
		is($created{$name}, 1, 'one of them created it');
	}
};

subtest 'an integrity error becomes a message of the form' => sub {
	my %errors;
	eval {
		$dbh->do('INSERT INTO products (name, price) VALUES (?, ?)', undef, 'lamp', '-1');
		1;
	} or do {
		my $problem = classify_integrity_error($dbh, $dbh->errstr, $dbh->state);
		$errors{$_} = $problem->{user_message} foreach @{ $problem->{columns} };
	};
	is_deeply(\%errors, { price => 'The price must not be negative.' });
};

subtest 'within a transaction a savepoint keeps it usable' => sub {
	my $problem;

	$dbh->begin_work;
	$dbh->pg_savepoint('form');
	eval { $dbh->do(q{INSERT INTO products (name) VALUES ('xiomi_mi12')}); 1 } or do {
		my @error = ($dbh->errstr, $dbh->state);
		$dbh->pg_rollback_to('form');
		$problem = classify_integrity_error($dbh, @error);
	};
	$dbh->commit;
	is($problem->{kind}, 'unique_violation');
	is_deeply($problem->{columns}, ['name']);
	is_deeply($problem->{key_values}, ['xiomi_mi12']);
	is($problem->{user_message}, 'A product with this name already exists.');
};

subtest 'try_create gives the error instead of raising it' => sub {
	my $form = { name => 'chair', price => 5, category_id => 7 };

	my ($created, $id, $columns, $message) = $dbh->selectrow_array(
		'SELECT was_created, (record).id, (error).columns, (error).user_message
		 FROM try_create(NULL::products, ?::jsonb)', undef, jsonb($form));
	ok(!$created);
	is($id, undef);
	is_deeply($columns, ['category_id']);
	is($message, 'This category does not exist.');
};

subtest 'a batch is one call' => sub {
	my $rows = [ { name => 'pen', price => '1.20' }, { name => 'xiomi_mi12' }, { name => 'pen' } ];

	my $answers = $dbh->selectall_arrayref(
		'SELECT (g.record).*, g.was_created
		 FROM get_or_create_many(NULL::products, ?::jsonb, key_columns => ?) AS g
		 ORDER BY g.ordinality', { Slice => {} }, jsonb($rows), ['name']);
	is_deeply([ map { $_->{was_created} ? 1 : 0 } @$answers ], [ 1, 0, 0 ]);
	is($answers->[0]{id}, $answers->[2]{id});
	is($answers->[2]{price}, '1.20');
};

subtest 'update_or_create writes only what differs' => sub {
	my $set_price = sub {
		my @answer = $dbh->selectrow_array(
			'SELECT (record).price, was_created, was_updated
			 FROM update_or_create(NULL::products, ?::jsonb, ?::jsonb)', undef,
			jsonb({ name => 'desk' }), jsonb({ price => $_[0] }));
		return [ $answer[0], map { $_ ? 1 : 0 } @answer[ 1, 2 ] ];
	};

	is_deeply($set_price->('90'), [ '90.00', 1, 0 ]);
	is_deeply($set_price->('90'), [ '90.00', 0, 0 ]);
	is_deeply($set_price->('95'), [ '95.00', 0, 1 ]);
};

# ----- what bites ------------------------------------------------------------

# The block, which shows the wrong way, fails with this message.
sub fails_with
{
	my ($message, $block) = @_;

	ok(!eval { $block->(); 1 }, 'fails');
	like($@, qr/\Q$message\E/);
}

subtest 'a parameter within jsonb_build_object needs its type' => sub {
	my $query = "SELECT was_created
	  FROM get_or_create(NULL::products, jsonb_build_object('name', ?))";

	fails_with('could not determine data type of parameter $1',
		sub { $dbh->selectrow_array($query, undef, 'bite') });
	$query =~ s/\?/?::text/;
	ok($dbh->selectrow_array($query, undef, 'bite'));
};

subtest 'the question marks of jsonb operators are placeholders' => sub {
	my $query = "SELECT count(*) FROM products WHERE properties ? 'size'";

	fails_with('execute called with an unbound placeholder',
		sub { $dbh->selectrow_array($query) });
	$query =~ s/\?/\\?/;
	is($dbh->selectrow_array($query), 1);
};

subtest 'a text that was encoded once more is no object' => sub {
	my $query = 'SELECT was_created FROM get_or_create(NULL::products, ?::jsonb)';
	my $lookup = jsonb({ name => 'bite' });

	fails_with('The JSON was encoded twice',
		sub { $dbh->selectrow_array($query, undef, JSON->new->allow_nonref->encode($lookup)) });
	ok(!$dbh->selectrow_array($query, undef, $lookup));
};

subtest 'bytes as base64 are refused, not stored as text' => sub {
	fails_with('invalid value for bytea column "photo"',
		sub { get_or_create($dbh, 'products', { name => 'photo' }, { photo => 'aGVsbG8=' }) });
	my ($product) =
	  get_or_create($dbh, 'products', { name => 'photo' }, { photo => bytea('hello') });
	is($product->{photo}, 'hello');
};

subtest 'a string of UTF-8 bytes is encoded a second time' => sub {
	my $bytes = 'Zürich';
	utf8::encode($bytes);

	my ($wrong) = get_or_create($dbh, 'products', { name => $bytes });
	isnt($wrong->{name}, 'Zürich');
	my ($right) = get_or_create($dbh, 'products', { name => 'Zürich' });
	is($right->{name}, 'Zürich');
};

subtest 'what only the application fills in must be sent' => sub {
	my @now = ('2024-02-29 12:00:00+00') x 2;

	fails_with('null value in column "created_at"',
		sub { get_or_create($dbh, 'customers', { email => 'ann@example.org' }, { state => 'new' }) });
	my (undef, $created) = get_or_create(
		$dbh, 'customers',
		{ email => 'ann@example.org' },
		{ state => 'new', created_at => $now[0], updated_at => $now[1] });
	ok($created);
};

$dbh->disconnect;
done_testing();
