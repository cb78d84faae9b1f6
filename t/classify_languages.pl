# classify_integrity_error understands the server in every language that it
# has message catalogues for, by the text alone, whatever lc_messages says;
# also in databases that are not UTF-8.
#
# The server is made to speak each language in turn (LANGUAGE, in any locale of
# UTF-8 but C.UTF-8, in which newer C libraries translate nothing), breaks each
# rule for real, and keeps what it said.  In the end a session that speaks
# English reads all of it.

use strict;
use warnings;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $pg_config = $ENV{PG_CONFIG} || 'pg_config';
my $localedir = `$pg_config --localedir`;
my $version = `$pg_config --version`;
chomp($localedir, $version);
my ($major) = $version =~ /(\d+)/;
my @languages =
  map { m{.*/([^/]+)/LC_MESSAGES} } sort glob "$localedir/*/LC_MESSAGES/postgres-$major.mo";
my $locale = utf8_locale();

plan skip_all => 'no message catalogues installed' unless @languages;
plan skip_all => 'no UTF-8 locale, and none could be made' unless $locale;

# One that is installed, else one of our own.
sub utf8_locale
{
	chomp(my @installed = grep { /\.utf-?8$/i && !/^C/ } `locale -a`);
	return $installed[0] if @installed;

	my $directory = PostgreSQL::Test::Utils::tempdir;
	system_log('localedef', '-i', 'en_US', '-f', 'UTF-8', "$directory/en_US.UTF-8") == 0
	  or return undef;
	$ENV{LOCPATH} = $directory;
	return 'en_US.UTF-8';
}

my $schema = <<'SQL';
CREATE EXTENSION duplicate_guard;
CREATE TABLE products (id int PRIMARY KEY, name text CONSTRAINT products_name UNIQUE);
INSERT INTO products VALUES (1, 'tea'), (2, 'coffee');
CREATE TABLE orders (id int PRIMARY KEY, product int CONSTRAINT orders_product REFERENCES products,
  gift int CONSTRAINT orders_gift REFERENCES products ON DELETE RESTRICT,
  price int NOT NULL CONSTRAINT price_positive CHECK (price > 0));
INSERT INTO orders VALUES (1, 1, 2, 1);
CREATE TABLE pairs (a int, b int, PRIMARY KEY (a, b));
CREATE TABLE lots (x int, y int, CONSTRAINT lots_pair FOREIGN KEY (x, y) REFERENCES pairs MATCH FULL);
CREATE TABLE bookings (during int4range, CONSTRAINT no_overlap EXCLUDE USING gist (during WITH &&));
INSERT INTO bookings VALUES ('[1,5)');
CREATE TABLE twins (a int, b int4range);
INSERT INTO twins VALUES (1, '[1,5)'), (1, '[2,6)'), (NULL, NULL);
CREATE DOMAIN positive AS int CONSTRAINT is_positive CHECK (VALUE > 0);
CREATE DOMAIN required AS text NOT NULL;
CREATE TABLE gauges (amount positive, label required DEFAULT 'x', other positive);
INSERT INTO gauges VALUES (1);
CREATE TABLE events (id int, day int) PARTITION BY RANGE (day);
CREATE TABLE events_1 PARTITION OF events FOR VALUES FROM (0) TO (10);
CREATE TABLE events_rest PARTITION OF events DEFAULT;
INSERT INTO events VALUES (1, 25);
CREATE TABLE closed (day int) PARTITION BY RANGE (day);
CREATE TABLE outside AS SELECT 25 AS day;
CREATE TABLE years (y int PRIMARY KEY) PARTITION BY LIST (y);
CREATE TABLE years_1 PARTITION OF years FOR VALUES IN (1);
INSERT INTO years VALUES (1);
CREATE TABLE reports (y int CONSTRAINT reports_year REFERENCES years);
INSERT INTO reports VALUES (1);
CREATE VIEW teas AS SELECT * FROM products WHERE name LIKE 't%' WITH CHECK OPTION;
CREATE TABLE diaries (id int PRIMARY KEY, owner name);
INSERT INTO diaries VALUES (1, 'x');
ALTER TABLE diaries ENABLE ROW LEVEL SECURITY;
ALTER TABLE diaries FORCE ROW LEVEL SECURITY;
CREATE POLICY anything ON diaries USING (true);
CREATE POLICY own ON diaries AS RESTRICTIVE FOR INSERT WITH CHECK (owner = current_user);
CREATE POLICY kept ON diaries AS RESTRICTIVE FOR UPDATE USING (owner <> 'x');
CREATE TABLE others (id int, owner name);
ALTER TABLE others ENABLE ROW LEVEL SECURITY;
CREATE POLICY own ON others USING (owner = current_user);

-- what the server said, by language
CREATE TABLE said (language text, statement text, sqlstate text, message text, detail text);
CREATE FUNCTION say(language text, statement text, who name DEFAULT current_user) RETURNS void LANGUAGE plpgsql AS $$
DECLARE state text; msg text; det text;
BEGIN
  BEGIN
    EXECUTE format('SET LOCAL ROLE %I', who);
    EXECUTE statement;
    RAISE 'not broken';
  EXCEPTION WHEN OTHERS THEN
    GET STACKED DIAGNOSTICS state = RETURNED_SQLSTATE, msg = MESSAGE_TEXT, det = PG_EXCEPTION_DETAIL;
  END;
  INSERT INTO said VALUES (language, statement, state, msg, det);
END $$;
SQL

my @statements = (
	q{INSERT INTO products VALUES (1, 'x')},
	q{CREATE UNIQUE INDEX twins_a ON twins (a)},
	q{INSERT INTO bookings VALUES ('[3,9)')},
	q{ALTER TABLE twins ADD CONSTRAINT apart EXCLUDE USING gist (b WITH &&)},
	q{INSERT INTO orders VALUES (2, 99, NULL, 1)},
	q{INSERT INTO lots VALUES (1, NULL)},
	q{DELETE FROM products WHERE id = 1},
	q{DELETE FROM products WHERE id = 2},
	q{ALTER TABLE years DETACH PARTITION years_1},
	q{INSERT INTO orders VALUES (2, NULL, NULL, NULL)},
	q{ALTER TABLE twins ALTER a SET NOT NULL},
	q{SELECT NULL::required},
	q{ALTER DOMAIN positive SET NOT NULL},
	q{ALTER DOMAIN positive ADD CHECK (VALUE > 10)},
	q{INSERT INTO gauges VALUES (-1)},
	q{INSERT INTO orders VALUES (2, NULL, NULL, 0)},
	q{ALTER TABLE twins ADD CONSTRAINT twins_check CHECK (a > 5)},
	q{INSERT INTO closed VALUES (1)},
	q{INSERT INTO events_1 VALUES (1, 99)},
	q{ALTER TABLE closed ATTACH PARTITION outside FOR VALUES FROM (0) TO (10)},
	q{CREATE TABLE events_2 PARTITION OF events FOR VALUES FROM (20) TO (30)},
	q{INSERT INTO teas VALUES (9, 'milk')},
);
my @as_writer = (
	q{INSERT INTO others VALUES (1, 'x')},
	q{INSERT INTO diaries VALUES (2, 'y')},
	q{MERGE INTO diaries USING (SELECT 1 AS i) s ON id = i WHEN MATCHED THEN UPDATE SET owner = 'regress_dg_writer'},
	q{INSERT INTO orders VALUES (3, 99, NULL, 1)},
);

# The French catalogue has the same words for a column of a table that is to
# become NOT NULL and for one of a domain that is.
my %says_the_same = (fr => 'ALTER DOMAIN positive SET NOT NULL');

my $node = PostgreSQL::Test::Cluster->new('languages');
$node->init(extra => [ '--encoding=UTF8', "--locale=$locale" ]);
$node->append_conf('postgresql.conf', "lc_messages = '$locale'");
$node->start;
$node->safe_psql('postgres', 'CREATE ROLE regress_dg_writer');

# In this database and language every rule is broken.
sub speak
{
	my ($database, $language) = @_;
	my $sql = join '', (map { "SELECT say('$language', \$q\$$_\$q\$);\n" } @statements),
	  (map { "SELECT say('$language', \$q\$$_\$q\$, 'regress_dg_writer');\n" } @as_writer);

	$node->safe_psql($database, $sql);
}

# A fresh server that speaks this language.
sub restart_in
{
	my ($language) = @_;

	local $ENV{LANGUAGE} = $language;
	$node->restart;
}

sub prepare
{
	my ($database) = @_;

	$node->safe_psql($database, $schema);
	$node->safe_psql($database,
		'GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO regress_dg_writer;'
		  . 'REVOKE SELECT ON products FROM regress_dg_writer');
	{
		local $ENV{PGOPTIONS} = '-c lc_messages=C';
		speak($database, 'C');
	}
}

# Facts of one text, but for the text itself.
my $facts = q{to_jsonb(%s) - 'message' - 'detail'};
my $as_text = q{classify_integrity_error('ERROR:  ' || %1$s.message || coalesce(E'\nDETAIL:  ' || nullif(%1$s.detail, ''), ''))};

# What differs between each language and English; nothing for most.
sub differences
{
	my ($database) = @_;
	my $of = sub { sprintf $facts, sprintf $as_text, shift };
	my $same = join ', ', map { "('$_', '$says_the_same{$_}')" } sort keys %says_the_same;
	my %differs;

	my $rows = $node->safe_psql(
		$database, qq{
SET lc_messages = 'C';
SELECT t.language, t.statement, t.message, t.detail, @{[$of->('t')]}, @{[$of->('e')]}
FROM said t JOIN said e USING (statement, sqlstate)
WHERE e.language = 'C' AND @{[$of->('t')]} <> @{[$of->('e')]}
  AND (t.language, t.statement) NOT IN ($same)});
	/^(\w+)\|/ and $differs{$1} .= "$_\n" foreach split /\n/, $rows;
	return \%differs;
}

# How many of the messages each language translates.
sub translated
{
	my ($database) = @_;

	return {
		map { split /\|/ } split /\n/, $node->safe_psql(
			$database, q{
SELECT t.language, count(*) FILTER (WHERE t.message <> e.message)
FROM said t JOIN said e USING (statement, sqlstate)
WHERE e.language = 'C' GROUP BY t.language}) };
}

prepare('postgres');
is( $node->safe_psql(
		'postgres', sprintf q{SELECT statement, said.message FROM said, %s WHERE language = 'C' AND kind = 'other'},
		sprintf $as_text, 'said'),
	'',
	'every rule was broken');

my %shown;
foreach my $language (@languages)
{
	restart_in($language);
	speak('postgres', $language);

	# all that psql shows, labels included
	local $ENV{LANGUAGE} = $language;
	local $ENV{LC_ALL} = $locale;
	(undef, undef, $shown{$language}) =
	  $node->psql('postgres', q{INSERT INTO orders VALUES (2, 99, NULL, 1)});
}

my $translated = translated('postgres');
my $differences = differences('postgres');
my $as_psql_shows = $node->safe_psql('postgres', q{SET lc_messages = 'C';} . join ' UNION ALL ', map {
		qq{SELECT '$_', kind, table_name, constraint_name, columns, key_values, referenced_table, position('(99)' in detail) > 0
FROM classify_integrity_error(\$text\$$shown{$_}\$text\$)} } @languages);
my @covered;
foreach my $language (@languages)
{
	note "$language translates $translated->{$language} of " . (@statements + @as_writer) . ' messages';
	next unless cmp_ok($translated->{$language}, '>', 0, "$language: the server speaks it");
	push @covered, $language;
	is($differences->{$language}, undef, "$language: the same facts as in English");
	like($as_psql_shows, qr/^\Q$language|foreign_key_missing|orders|orders_product|{product}|{99}|products|t\E$/m,
		"$language: as psql shows it")
	  or diag $shown{$language};
}
diag 'languages covered: ' . join ' ', @covered;

# Databases that are not UTF-8, each in a language that it can hold.
my %encoding = (LATIN1 => 'de', LATIN2 => 'pl', EUC_JP => 'ja', KOI8R => 'ru', EUC_KR => 'ko', EUC_CN => 'zh_CN');
foreach my $encoding (sort keys %encoding)
{
	my $language = $encoding{$encoding};
	my $database = lc $encoding;

  SKIP:
	{
		skip "no catalogue for $language", 2 unless grep { $_ eq $language } @languages;
		$node->safe_psql('postgres',
			"CREATE DATABASE $database TEMPLATE template0 ENCODING '$encoding' LOCALE 'C'");
		prepare($database);
		restart_in($language);
		speak($database, $language);
		local $ENV{PGCLIENTENCODING} = 'UTF8';
		cmp_ok(translated($database)->{$language}, '>', 15, "$encoding: the server speaks $language");
		is(differences($database)->{$language}, undef, "$encoding: the same facts as in English");
	}
}

# SQL_ASCII takes bytes as they are: those of a UTF-8 server.
$node->safe_psql('postgres', "CREATE DATABASE ascii TEMPLATE template0 ENCODING 'SQL_ASCII' LOCALE 'C'");
prepare('ascii');
my $statement = $node->safe_psql('postgres', q{
SELECT string_agg(format('SELECT %L, kind, constraint_name, key_values FROM classify_integrity_error(%L)',
						 language, message || E'\n' || detail), ' UNION ALL ')
FROM said WHERE statement LIKE 'DELETE%1'});
my $in_ascii = $node->safe_psql('ascii', $statement);
foreach my $language (@covered)
{
	like($in_ascii, qr/^\Q$language|foreign_key_referenced|orders_product|{1}\E$/m, "SQL_ASCII: $language");
}

$node->stop;
done_testing();
