# Random schemas, and random calls for what is in them.  All randomness is Perl's rand,
# so that a seed gives the same again.
package Generator;

use strict;
use warnings;

use Values qw(%types pick chance value odd_value odd_argument json_string);

my @names = (
	'k', 'v', 'w', 't', 't_1', 'record', 'was_created', 'select', 'user', 'Key', 'excluded', 'batch', 'a.b', 'sp ace', 'quo"te', "apo'strophe", 'back\\slash',
	'$1', '%s', '"', '1st', "\x{43a}\x{43b}\x{44e}\x{447}", "e\x{301}", "\x{e9}", "\x{1F600}", 'l' x 63, ("\x{e9}" x 31) . 'x', ' ', 'NULL', 'null', 'lookup', 'x', 'y', 'id');

sub new
{
	my ($class, $number) = @_;
	my $self = bless { number => $number, sql => [], tables => [], targets => [] }, $class;

	$self->{schema} = identifier(pick('h', 'H "', 'sch.ema ', "\x{448} ") . $number);
	$self->make_schema;
	return $self;
}

sub identifier
{
	my ($name) = @_;

	$name =~ s/"/""/g;
	return qq("$name");
}

sub literal
{
	my ($text) = @_;

	return 'NULL' unless defined $text;
	$text =~ s/'/''/g;
	$text =~ s/\\/\\\\/g;
	return "E'$text'";
}

sub array
{
	return 'ARRAY[' . join(', ', map { literal($_) } @_) . ']::text[]';
}

sub add
{
	my ($self, @sql) = @_;

	push @{ $self->{sql} }, @sql;
}

# Different names of the list, for one relation.
sub distinct_names
{
	my ($n) = @_;
	my %seen;

	while (keys %seen < $n)
	{
		$seen{ pick(@names) } //= keys %seen;
	}
	return sort { $seen{$a} <=> $seen{$b} } keys %seen;
}

sub make_schema
{
	my ($self) = @_;
	my $schema = $self->{schema};
	my @table_names = distinct_names(8);

	$self->add(
		"CREATE SCHEMA $schema",
		"CREATE TYPE $schema.mood AS ENUM ('sad', 'ok', E'H\x{103}ppy')",
		"CREATE TYPE $schema.pair AS (x integer, y text)",
		"CREATE DOMAIN $schema.positive AS integer CHECK (VALUE > 0)",
		"CREATE DOMAIN $schema.short AS text CHECK (length(VALUE) < 4)",
		"CREATE COLLATION $schema.nocase (provider = icu, locale = 'und-u-ks-level2', deterministic = false)",
		"CREATE TABLE $schema.parent (k integer PRIMARY KEY)",
		"INSERT INTO $schema.parent VALUES (1), (2), (3)");
	$self->make_table(shift @table_names) foreach 1 .. 4;
	foreach my $table (grep { chance(0.4) } @{ $self->{tables} })
	{
		$self->make_view($table, shift @table_names);
	}
	$self->grant;
	$self->add("CREATE MATERIALIZED VIEW $schema.frozen AS SELECT 1 AS k");
	push @{ $self->{targets} },
	  map { { sql => $_, columns => [ { name => 'k', type => 'integer' } ], indexes => [], features => ['no_table'], weight => 0.01 } }
	  "$schema.frozen", "$schema.pair", "integer", "$schema.positive", "$schema.mood";
	foreach my $target (grep { $_->{is_relation} } @{ $self->{targets} })
	{
		$self->learn($target);
	}
}

sub make_columns
{
	my ($self, $partitioned) = @_;
	my $n = 3 + int rand 4;
	my @columns;

	foreach my $name (distinct_names($n))
	{
		my $i = @columns;
		my $type = pick(sort keys %types);
		# The first one is the key, most often of a simple type.
		$type = pick('integer', 'text', 'text', 'public.citext', 'numeric', 'bigint', pick(grep { !$types{$_}{no_key} } sort keys %types)) if $i == 0;
		$type = pick('integer', 'text', 'uuid', 'numeric', 'timestamp with time zone') if $i == 0 && $partitioned;
		my %column = (name => $name, type => $type, id => identifier($name), %{ $types{$type} });
		if ($column{text} && $type ne 'public.citext')
		{
			$column{coll} = pick('', '', '', 'COLLATE "C"', "COLLATE $self->{schema}.nocase");
			$column{coll} = '' if $type eq '%s.short';
		}
		$column{coll} //= '';
		push @columns, \%column;
		next if $i == 0;
		$column{not_null} = 1 if chance(0.15);
		if ($column{number} && chance(0.3) && $type =~ /^(?:integer|bigint)$/)
		{
			$column{identity} = pick('ALWAYS', 'BY DEFAULT', 'BY DEFAULT');
			$column{extra} = "GENERATED $column{identity} AS IDENTITY (START 1000000)";
			$column{not_null} = 0;
		}
		elsif (chance(0.25) && @{ $column{texts} })
		{
			$column{default} = 1;
			$column{extra} = "DEFAULT " . literal($column{texts}[0]);
		}
		elsif ($type eq 'integer' && chance(0.4))
		{
			$column{references} = 1;
			$column{extra} = "REFERENCES $self->{schema}.parent";
		}
		elsif ($column{number} && chance(0.3))
		{
			$column{check} = "$column{id} > -2";
		}
	}
	if (chance(0.3))
	{
		my ($from) = grep { $_->{text} || $_->{number} } @columns;
		my ($name) = grep { my $name = $_; !grep { $_->{name} eq $name } @columns } distinct_names(@columns + 1);
		if ($from && !$from->{identity})
		{
			push @columns, {
				name => $name, id => identifier($name), generated_from => $from, type => $from->{text} ? 'text' : 'numeric', texts => ['a'],
				coll => $from->{text} ? 'COLLATE "C"' : '', text => $from->{text}, number => $from->{number}, values => ['1'],
				extra => 'GENERATED ALWAYS AS (' . ($from->{text} ? "upper($from->{id}::text)" : "($from->{id})::numeric + 1") . ') STORED' };
		}
	}
	return @columns;
}

sub type_sql
{
	my ($self, $column) = @_;
	my $type = $column->{type};

	$type =~ s/%s/$self->{schema}/;
	return $type;
}

sub make_table
{
	my ($self, $name) = @_;
	my $partitioned = chance(0.2);
	my @columns = $self->make_columns($partitioned);
	my %table = (
		sql => "$self->{schema}." . identifier($name), columns => \@columns, is_relation => 1, indexes => [], checks => [], weight => 1,
		names => { map { $_ => 1 } qw(frozen counter parent) });
	my @features = map { $_->{odd} // () } @columns;
	my @lines;

	push @features, 'partitioned' if $partitioned;
	push @features, 'odd_name' if grep { $_->{name} !~ /^[a-z_]+$/ } @columns;
	push @features, 'nocase' if grep { $_->{coll} =~ /nocase/ } @columns;
	push @features, map { "identity_$_->{identity}" } grep { $_->{identity} } @columns;
	push @features, 'generated' if grep { $_->{generated_from} } @columns;
	push @features, 'foreign_key' if grep { $_->{references} } @columns;
	foreach my $column (@columns)
	{
		push @lines, '"~gone" integer' if !@lines && chance(0.15) && !$partitioned && push @features, 'dropped_column';
		push @lines, join ' ', $column->{id}, $self->type_sql($column), $column->{coll}, $column->{extra} // (), $column->{not_null} ? 'NOT NULL' : ();
		if ($column->{check})
		{
			my $check = 'check_' . @{ $table{checks} };
			push @lines, "CONSTRAINT $check CHECK ($column->{check})";
			push @{ $table{checks} }, { name => $check, formula => $column->{check}, column => $column->{name} };
			push @features, 'check';
		}
	}
	my $strategy = pick('HASH', 'LIST');
	$self->add("CREATE TABLE $table{sql} (" . join(', ', @lines) . ')' . ($partitioned ? " PARTITION BY $strategy ($columns[0]{id})" : ''));
	my @partitions = $partitioned ? $self->make_partitions(\%table, $strategy) : ();
	$self->add("ALTER TABLE $table{sql} DROP COLUMN \"~gone\"") if grep { $_ eq 'dropped_column' } @features;
	$self->make_index(\%table, $_, $partitioned) foreach 0 .. int rand 4;
	push @features, map { @{ $_->{features} } } @{ $table{indexes} };
	if (chance(0.2))
	{
		push @features, $self->make_trigger(\%table, $partitioned);
	}
	if (chance(0.2))
	{
		$self->make_policies(\%table);
		push @features, 'row_security';
	}
	foreach my $partition (@partitions)
	{
		$self->make_own_constraints($partition);
		my @own = map { @{ $_->{features} } } @{ $partition->{indexes} };
		$partition->{features} = [ 'partition', @own, grep { !/^(?:partitioned|row_security)$/ } @features ];
		push @{ $partition->{indexes} }, @{ $table{indexes} };
		push @features, grep { $_ eq 'deferrable' } @own;
	}
	$table{features} = \@features;
	push @{ $self->{tables} }, \%table;
	push @{ $self->{targets} }, \%table, @partitions;
}

# Two partitions, not always for all rows.
sub make_partitions
{
	my ($self, $table, $strategy) = @_;
	my @columns = @{ $table->{columns} };
	my @texts = map { literal($_) } @{ $columns[0]{texts} };
	my $modulus = pick(2, 3);
	my @bounds = ("FOR VALUES IN ($texts[0])", @texts > 1 && chance(0.5) ? "FOR VALUES IN ($texts[1], NULL)" : 'DEFAULT');
	@bounds = map { "FOR VALUES WITH (MODULUS $modulus, REMAINDER $_)" } 0, 1 if $strategy eq 'HASH';
	my $name = "part " . @{ $self->{targets} };
	my @partitions = map { { sql => "$self->{schema}." . identifier("$name $_"), part_of => $table, indexes => [], checks => [], weight => 0.5, is_relation => 1,
			columns => $table->{columns}, names => $table->{names} } } 0, 1;

	$self->add("CREATE TABLE $partitions[0]{sql} PARTITION OF $table->{sql} $bounds[0]");
	# one of them with its columns in another order, and without defaults
	my @lines = map { join ' ', $_->{id}, $self->type_sql($_), $_->{coll}, $_->{generated_from} ? $_->{extra} : (), $_->{not_null} || $_->{identity} ? 'NOT NULL' : () }
	  reverse @columns;
	unshift @lines, '"~gone" integer';
	push @lines, map { "CONSTRAINT $_->{name} CHECK ($_->{formula})" } @{ $table->{checks} };
	$self->add("CREATE TABLE $partitions[1]{sql} (" . join(', ', @lines) . ')', "ALTER TABLE $partitions[1]{sql} DROP COLUMN \"~gone\"",
		"ALTER TABLE $table->{sql} ATTACH PARTITION $partitions[1]{sql} $bounds[1]");
	return @partitions;
}

# What a partition has and its table has not.
sub make_own_constraints
{
	my ($self, $partition) = @_;
	my $column = pick(@{ $partition->{columns} });

	$partition->{primary} = $partition->{part_of}{primary};
	$self->make_index($partition, 'own') if chance(0.5);
	$self->add("ALTER TABLE $partition->{sql} ALTER COLUMN $column->{id} SET NOT NULL") if chance(0.2) && !$column->{identity};
	if ($column->{number} && chance(0.5))
	{
		$self->add("ALTER TABLE $partition->{sql} ADD CONSTRAINT own_check CHECK ($column->{id} > -1)");
		push @{ $partition->{checks} }, { name => 'own_check', formula => "$column->{id} > -1", column => $column->{name} };
	}
}

# The elements that a unique index may have: expression, the columns in it, collation.
sub make_element
{
	my ($self, $column, $plain) = @_;
	my %from = map { $_->{name} => 1 } $column->{generated_from} // $column;
	my %element = (key => $column->{id}, columns => [ sort keys %from ], coll => '', column => $column);

	if ($column->{text} || $column->{type} eq '%s.short')
	{
		$element{coll} = $column->{coll} || 'COLLATE "default"';
		# ON CONFLICT never ends where citext has a collation that is not deterministic.
		$element{coll} = $element{stated} = pick('COLLATE "C"', "COLLATE $self->{schema}.nocase") if !$plain && chance(0.1) && $column->{type} ne 'public.citext';
	}
	# What a sequence gives is not the same for the model.
	return \%element if $plain || $column->{generated_from} || $column->{identity} || chance(0.7);
	if ($column->{text})
	{
		$element{key} = pick("lower($column->{id}::text)", "upper($column->{id}::text)", "COALESCE($column->{id}::text, 'a')", "left($column->{id}::text, 1)");
		$element{stated} = $element{coll} = 'COLLATE "C"';
		$element{expression} = 1;
	}
	elsif ($column->{type} =~ /^(?:integer|smallint|bigint)$/)
	{
		$element{key} = pick("abs($column->{id})", "(100 / $column->{id})", "($column->{id} % 2)", "(100 / $column->{id})");
		$element{expression} = 1;
		$element{divides} = $element{key} =~ m{100 /};
	}
	elsif ($column->{jsonb})
	{
		$element{key} = "($column->{id} ->> 'a')";
		$element{stated} = $element{coll} = 'COLLATE "C"';
		$element{expression} = 1;
	}
	return \%element;
}

sub make_predicate
{
	my ($self, $column) = @_;

	return "$column->{id} IS NOT NULL" if chance(0.2) || $column->{mutable};
	return "($column->{id} IS NULL)" if chance(0.1);
	return $column->{id} if $column->{boolean};
	return "$column->{id} > " . pick(0, 1) . "::numeric" if $column->{number} && $column->{type} =~ /int|numeric/;
	return "$column->{id}::text COLLATE \"C\" <> " . literal($column->{texts}[0]);
}

sub make_index
{
	my ($self, $table, $n, $partitioned) = @_;
	my @columns = grep { !$_->{no_key} } @{ $table->{columns} };
	my @chosen = chance(0.6) || $partitioned ? ($columns[0]) : ();
	my (%seen, @elements, @features);

	push @chosen, pick(@columns) while !@chosen || chance(0.3);
	@chosen = grep { !$seen{ $_->{name} }++ } @chosen;
	my $constraint = chance(0.3);
	my $primary = $constraint && !$table->{primary} && chance(0.4) && !grep { $_->{generated_from} } @chosen;
	foreach my $column (@chosen)
	{
		push @elements, $self->make_element($column, $constraint || ($partitioned && $column == $columns[0]));
	}
	my $predicate_column = pick(@{ $table->{columns} });
	$predicate_column = $elements[0]{column} if grep { $_->{divides} } @elements;
	my $predicate = !$constraint && (chance(0.2) || (chance(0.5) && grep { $_->{divides} } @elements)) ? $self->make_predicate($predicate_column) : undef;
	if ($predicate && grep { $_->{divides} } @elements)
	{
		($predicate_column) = map { $_->{column} } grep { $_->{divides} } @elements;
		$predicate = "$predicate_column->{id} > 0";
		push @features, 'guarded_expression';
	}
	my $nulls_equal = !$primary && chance(0.2);
	my $deferrable = $constraint && chance(0.25) ? pick('DEFERRABLE', 'DEFERRABLE INITIALLY DEFERRED') : '';
	my $name = pick('i', 'I ', "index'", "\x{438}", 'in"dex', 'l' x 50) . $n;
	return if $table->{names}{$name}++;
	# index names are the schema's
	$name .= '_' . scalar @{ $self->{tables} };
	my @include = !$partitioned && chance(0.1) ? grep { !$seen{ $_->{name} } && $_->{type} !~ /^json|mood|range/ } pick(@columns) : ();
	my $include = @include ? " INCLUDE ($include[0]{id})" : '';
	my $nulls = $nulls_equal ? ' NULLS NOT DISTINCT' : '';

	if ($constraint)
	{
		$self->add("ALTER TABLE $table->{sql} ADD CONSTRAINT " . identifier($name) . ($primary ? ' PRIMARY KEY' : " UNIQUE$nulls") . ' ('
			. join(', ', map { $_->{column}{id} } @elements) . ")$include $deferrable");
		$table->{primary} = 1 if $primary;
		if ($primary)
		{
			$_->{not_null} = 1 foreach @chosen;
		}
		# a constraint has the column's collation
		$_->{coll} = $_->{column}{coll} || ($_->{coll} ? 'COLLATE "default"' : '') foreach @elements;
	}
	else
	{
		$self->add('CREATE UNIQUE INDEX ' . identifier($name) . " ON $table->{sql} ("
			. join(', ', map { ($_->{expression} ? "($_->{key})" : $_->{key}) . ($_->{stated} ? " $_->{stated}" : '') } @elements)
			. ")$include$nulls" . ($predicate ? " WHERE $predicate" : ''));
	}
	push @features, 'partial' if $predicate;
	push @features, 'expression' if grep { $_->{expression} } @elements;
	push @features, 'nulls_equal' if $nulls_equal;
	push @features, 'deferrable' if $deferrable;
	push @features, 'include' if $include;
	push @features, 'several_columns' if @elements > 1;
	push @features, 'over_generated' if grep { $_->{column}{generated_from} } @elements;
	my %columns = map { $_ => 1 } map { @{ $_->{columns} } } @elements;
	$predicate_column = $predicate_column->{generated_from} // $predicate_column;
	push @{ $table->{indexes} },
	  { name => $name, elements => \@elements, predicate => $predicate, predicate_columns => $predicate ? [ $predicate_column->{name} ] : [],
		columns => [ sort keys %columns ], primary => $primary, deferrable => $deferrable, nulls_equal => $nulls_equal, features => \@features };
}

sub make_trigger
{
	my ($self, $table, $partitioned) = @_;
	my $key = $table->{columns}[0];
	my $last = $table->{columns}[-1]{generated_from} ? $table->{columns}[-2] : $table->{columns}[-1];
	my $kind = pick('nothing', 'rewrite', 'suppress', 'suppress');
	my $action = 'NULL;';

	$kind = 'nothing' if $kind eq 'rewrite' && ($partitioned || !($key->{text} && $key->{type} ne '%s.short'));
	$action = "NEW.$key->{id} := upper(NEW.$key->{id});" if $kind eq 'rewrite';
	$action = "IF NEW.$last->{id}::text = " . literal($last->{texts}[-1]) . ' THEN RETURN NULL; END IF;' if $kind eq 'suppress';
	my $function = "$self->{schema}.trigger" . @{ $self->{tables} };
	$self->add("CREATE FUNCTION $function() RETURNS trigger LANGUAGE plpgsql AS \$trigger\$ BEGIN $action RETURN NEW; END \$trigger\$",
		"CREATE TRIGGER trigger BEFORE INSERT" . pick('', ' OR UPDATE') . " ON $table->{sql} FOR EACH ROW EXECUTE FUNCTION $function()");
	return "trigger_$kind";
}

sub make_policies
{
	my ($self, $table) = @_;
	my @columns = @{ $table->{columns} };
	my $condition = sub {
		my $column = pick(@columns);
		return "$column->{id}::text COLLATE \"C\" IS DISTINCT FROM " . literal(pick(@{ $column->{texts} }));
	};

	$table->{rls} = 1;
	$self->add("ALTER TABLE $table->{sql} ENABLE ROW LEVEL SECURITY");
	$self->add("CREATE POLICY see ON $table->{sql} FOR SELECT USING (" . (chance(0.7) ? $condition->() : 'true') . ')');
	$self->add("CREATE POLICY make ON $table->{sql} FOR INSERT WITH CHECK (" . (chance(0.5) ? $condition->() : 'true') . ')');
	$self->add("CREATE POLICY change ON $table->{sql} FOR UPDATE USING (" . (chance(0.5) ? $condition->() : 'true') . ')') if chance(0.9);
}

sub make_view
{
	my ($self, $table, $name) = @_;
	my @columns = @{ $table->{columns} };
	my @shown = chance(0.7) ? @columns : ($columns[0], grep { chance(0.7) } @columns[ 1 .. $#columns ]);
	my $view = "$self->{schema}." . identifier("v $name");
	my $where = '';
	my @features = ('view', @{ $table->{features} });

	if (chance(0.4))
	{
		my $column = pick(@columns);
		$where = " WHERE $column->{id}::text COLLATE \"C\" IS DISTINCT FROM " . literal($column->{texts}[0]);
		$where .= ' WITH CHECK OPTION' if chance(0.5) && push @features, 'check_option';
	}
	my $invoker = chance(0.3) ? ' WITH (security_invoker = true)' : '';
	$self->add("CREATE VIEW $view$invoker AS SELECT " . join(', ', map { $_->{id} } @shown) . " FROM $table->{sql}$where");
	push @{ $self->{targets} },
	  { sql => $view, base => $table->{sql}, columns => \@shown, indexes => $table->{indexes}, features => \@features, weight => 0.7, is_relation => 1, rls => $table->{rls} };
}

# hostile_full may do everything; hostile_some what it is given here.
sub grant
{
	my ($self) = @_;
	my $schema = $self->{schema};

	$self->add("GRANT USAGE ON SCHEMA $schema TO hostile_full", "GRANT ALL ON ALL TABLES IN SCHEMA $schema TO hostile_full");
	$self->add("GRANT USAGE ON SCHEMA $schema TO hostile_some") if chance(0.95);
	foreach my $target (grep { $_->{is_relation} } @{ $self->{targets} })
	{
		foreach my $right (qw(SELECT INSERT UPDATE))
		{
			my $columns = chance(0.15) ? ' (' . join(', ', grep { chance(0.6) } map { $_->{id} } @{ $target->{columns} }) . ')' : '';
			next if $columns eq ' ()' || chance(0.15);
			# the model asks in which partition a row is
			$columns =~ s/\)$/, tableoid)/ if $right eq 'SELECT' && !$target->{base};
			$self->add("GRANT $right$columns ON $target->{sql} TO hostile_some");
		}
	}
}

# What the model has to know.
sub learn
{
	my ($self, $target) = @_;
	my $tab = literal($target->{sql});

	$self->add("SELECT hostile.learn($tab, " . literal($target->{base}) . ', ' . ($target->{rls} ? 'true' : 'false') . ')');
	return if $target->{base};
	$self->add("SELECT hostile.inherit($tab, " . literal($target->{part_of}{sql}) . ')') if $target->{part_of};
	foreach my $index (@{ $target->{indexes} })
	{
		next if $target->{part_of} && grep { $_ == $index } @{ $target->{part_of}{indexes} };
		my @elements = @{ $index->{elements} };
		$self->add("INSERT INTO hostile.idx VALUES ($tab, " . join(', ',
			literal($index->{name}), array(map { $_->{key} } @elements), array(map { $_->{coll} } @elements), array(@{ $index->{columns} }), literal($index->{predicate}),
			array(@{ $index->{predicate_columns} }), map { $_ ? 'true' : 'false' } $index->{primary}, scalar(grep { $_->{expression} } @elements), $index->{deferrable}, $index->{nulls_equal})
			. ', ' . literal($index->{name}) . ')');
	}
	foreach my $check (@{ $target->{checks} })
	{
		$self->add("INSERT INTO hostile.chk VALUES ($tab, " . join(', ', literal($check->{name}), literal($check->{formula}), array($check->{column})) . ')');
	}
	foreach my $column (grep { $_->{references} && !$target->{part_of} } @{ $target->{columns} })
	{
		$self->add("INSERT INTO hostile.fk SELECT $tab, conname, " . literal($column->{name}) . ', ' . literal("$self->{schema}.parent") . ", 'k' FROM pg_constraint WHERE conrelid = ${tab}::regclass AND contype = 'f' AND conkey = ARRAY[(SELECT attnum FROM pg_attribute WHERE attrelid = conrelid AND attname = " . literal($column->{name}) . ")]");
	}
}

sub statements
{
	my ($self) = @_;

	return @{ $self->{sql} };
}

# Those that are about one of these relations.
sub statements_on
{
	my ($self, @relations) = @_;

	return grep { my $sql = $_; $sql !~ /^(?:SELECT|INSERT)/ && grep { index($sql, $_) >= 0 } @relations } $self->statements;
}

sub drop
{
	my ($self) = @_;

	return ("SET client_min_messages = warning", "DROP SCHEMA $self->{schema} CASCADE", "RESET client_min_messages",
		'TRUNCATE ' . join(', ', map { "hostile.$_" } qw(rel col idx dflt chk fk call)));
}

# Now and then the tables are emptied in part.
sub thin_out
{
	my ($self) = @_;

	return map { "DELETE FROM $_->{sql} AS \"~t\" WHERE hashtext(\"~t\"::text) % 2 = 0" } grep { chance(0.4) } @{ $self->{tables} };
}

sub object
{
	my ($columns, $odd, %given) = @_;
	my @pairs = map { json_string($_->{name}) . ': ' . ($given{ $_->{name} } // value($_->{base_type} // $_->{type}, $odd)) } @$columns;

	push @pairs, pick(@pairs) if @pairs && chance(0.02);    # duplicate key
	return '{' . join(', ', @pairs) . '}';
}

sub choose_target
{
	my ($self) = @_;

	while (1)
	{
		my $target = pick(@{ $self->{targets} });
		return $target if chance($target->{weight});
	}
}

# The columns of a lookup: mostly those of an index.
sub lookup_columns
{
	my ($self, $target) = @_;
	my @columns = @{ $target->{columns} };
	my @wanted;

	if (@{ $target->{indexes} } && chance(0.85))
	{
		my $index = pick(@{ $target->{indexes} });
		my %wanted = map { $_ => 1 } @{ $index->{columns} }, chance(0.4) ? @{ $index->{predicate_columns} } : ();
		@wanted = grep { $wanted{ $_->{name} } } @columns;
	}
	push @wanted, pick(@columns) while !@wanted || chance(0.12);
	my %seen;
	return grep { !$seen{ $_->{name} }++ && (!$_->{generated_from} || chance(0.05)) } @wanted;
}

# The columns of an index that a row can name.
sub named_in
{
	my ($target, $index) = @_;
	my %wanted = map { $_ => 1 } @{ $index->{columns} };

	return grep { $wanted{ $_->{name} } && !$_->{generated_from} } @{ $target->{columns} };
}

# The other columns of a new row.
sub other_columns
{
	my ($self, $target, @lookup) = @_;
	my %taken = map { $_->{name} => 1 } @lookup;
	my @others;

	foreach my $column (@{ $target->{columns} })
	{
		my $wish = $column->{generated_from} ? 0.02 : $column->{identity} ? 0.1 : $column->{not_null} ? 0.9 : 0.4;
		$wish = 0.02 if $taken{ $column->{name} };
		push @others, $column if chance($wish);
	}
	return @others;
}

sub misspelt
{
	my ($json) = @_;

	return $json unless chance(0.02);
	return $json eq '{}' ? '{"nothing": 1}' : $json =~ s/^\{/'{"' . pick('nothing', 'K', 'ctid', 'n' x 63, "\x{e9}\x{301}", 'xmin') . '": 1, '/er;
}

sub call
{
	my ($self, $number) = @_;
	my $target = $self->choose_target;
	my $func = pick(('get_or_create') x 6, ('update_or_create') x 6, ('get_or_create_many') x 2, ('update_or_create_many') x 2, ('try_create') x 2, 'try_create_many', ('find_conflicts') x 2);
	my %call = (no => $number, schema => $self->{schema}, rel => $target->{sql}, func => $func, features => $target->{features});
	my $odd = chance(0.25) ? 0.15 : 0.005;
	my @lookup = $self->lookup_columns($target);
	my @others = $self->other_columns($target, @lookup);

	if ($func =~ /_many$/)
	{
		my @rows;
		my @deciding = grep { !$_->{deferrable} && !$_->{predicate} } @{ $target->{indexes} };
		if ($func =~ /^update/ && @deciding && @{ $target->{indexes} } > 1 && chance(0.5))
		{
			# rows that pass on values of another unique index
			my ($one, $other) = (pick(@deciding), pick(@{ $target->{indexes} }));
			@lookup = named_in($target, $one);
			my %key = map { $_->{name} => 1 } @lookup;
			@others = grep { !$key{ $_->{name} } } named_in($target, $other);
			$odd = 0;
		}
		foreach (1 .. pick(0, 1, 2, 3, 5, 8))
		{
			my @named = @lookup;
			my %key = map { $_->{name} => 1 } @lookup;
			push @named, grep { !$key{ $_->{name} } } chance(0.5) ? @others : $self->other_columns($target, @lookup);
			pop @named if chance(0.005);
			push @rows, misspelt(object(\@named, $odd / 3));
			push @rows, odd_argument() // 'null' if chance(0.003);
		}
		$call{lookup} = '[' . join(', ', @rows) . ']';
		if ($func ne 'try_create_many')
		{
			$call{key_columns} = [ map { $_->{name} } @lookup ];
			push @{ $call{key_columns} }, pick(undef, 'nothing', $lookup[0] ? $lookup[0]{name} : '') if chance(0.01);
			$call{key_columns} = pick(undef, []) if chance(0.01);
		}
	}
	elsif ($func =~ /^(?:get|update)/)
	{
		$call{lookup} = misspelt(object(\@lookup, $odd));
		$call{defaults} = misspelt(object(\@others, $odd)) if chance(0.8);
		$call{lock_strength} = pick('key share', 'share', 'NO KEY UPDATE', 'update', 'nonsense') if $func =~ /^get/ && chance(0.12);
		$call{require_unique} = pick(0, 1) if chance(0.15);
	}
	else
	{
		$call{lookup} = misspelt(object([ @lookup, @others ], $odd));
	}
	if ($func =~ /^update/)
	{
		if (chance(0.3))
		{
			my %in_defaults = map { $_->{name} => 1 } @others, @lookup;
			my @touch = grep { !$in_defaults{ $_->{name} } && !$_->{generated_from} && !$_->{identity} } @{ $target->{columns} };
			@touch = (pick(@{ $target->{columns} })) if chance(0.05);
			splice @touch, 1;
			$call{touch} = object(\@touch, $odd);
		}
		$call{create_defaults} = object([ $self->other_columns($target, @lookup) ], $odd) if $func !~ /many/ && chance(0.2);
	}
	if ($func =~ /^(?:get|update)/ && chance(0.12))
	{
		$call{arbiter} = @{ $target->{indexes} } && chance(0.8) ? pick(@{ $target->{indexes} })->{name} : pick('nothing', 'check_0', '', 'l' x 70);
	}
	foreach my $argument (qw(lookup defaults create_defaults touch))
	{
		next unless exists $call{$argument} && chance(0.012);
		$call{$argument} = odd_argument($call{$argument});
	}
	$call{role} = $target->{rls} ? pick('hostile_full', 'hostile_full', 'hostile_some', undef) : pick((undef) x 6, 'hostile_full', 'hostile_full', 'hostile_some', 'hostile_some');
	$call{read_only} = chance(0.06) ? 1 : 0;
	return \%call;
}

my @fields = qw(no schema rel func lookup defaults create_defaults touch key_columns arbiter lock_strength require_unique role read_only features);

# The call as a line of COPY.
sub line
{
	my ($call) = @_;

	return join("\t", map { copied($call->{$_}) } @fields) . "\n";
}

sub copied
{
	my ($value) = @_;

	return '\N' unless defined $value;
	if (ref $value)
	{
		$value = '{' . join(',', map { my $element = $_; defined $element ? do { $element =~ s/(["\\])/\\$1/g; qq("$element") } : 'NULL' } @$value) . '}';
	}
	$value =~ s/\\/\\\\/g;
	$value =~ s/\t/\\t/g;
	$value =~ s/\n/\\n/g;
	return $value;
}

sub fields
{
	return join ', ', @fields;
}

1;
