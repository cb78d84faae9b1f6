/*
 * advice.c
 *		What to do about an error: retry, HTTP status, a sentence for the
 *		developer and one for the person who filled in the form.
 *
 * The person's sentence names tables and columns in words only where they
 * make words; a name that does not is better left out than shown.
 */
#include "postgres.h"

#include "lib/stringinfo.h"

#include "facts.h"

static const char *sentence_for_key(const DgFacts *facts);
static const char *sentence_for_columns(const DgFacts *facts,
										const char *one, const char *many,
										const char *none);
static bool readable(const char *name);
static char *in_words(const char *name);
static char *list_in_words(List *names);
static char *singular(const char *name);
static bool ends_with(const char *word, const char *ending);
static const char *article(const char *noun);

static const struct
{
	const char *sqlstate;
	const char *name;
} conditions[] = {
	{"21000", "cardinality_violation"},
	{"22000", "data_exception"},
	{"22001", "string_data_right_truncation"},
	{"22003", "numeric_value_out_of_range"},
	{"22004", "null_value_not_allowed"},
	{"22023", "invalid_parameter_value"},
	{"22P02", "invalid_text_representation"},
	{"23000", "integrity_constraint_violation"},
	{"23001", "restrict_violation"},
	{"23502", "not_null_violation"},
	{"23503", "foreign_key_violation"},
	{"23505", "unique_violation"},
	{"23514", "check_violation"},
	{"23P01", "exclusion_violation"},
	{"25006", "read_only_sql_transaction"},
	{"25P02", "in_failed_sql_transaction"},
	{"27000", "triggered_data_change_violation"},
	{"40000", "transaction_rollback"},
	{"40001", "serialization_failure"},
	{"40002", "transaction_integrity_constraint_violation"},
	{"40003", "statement_completion_unknown"},
	{"40P01", "deadlock_detected"},
	{"42501", "insufficient_privilege"},
	{"42P10", "invalid_column_reference"},
	{"44000", "with_check_option_violation"},
	{"54000", "program_limit_exceeded"},
	{"55000", "object_not_in_prerequisite_state"},
	{"55P03", "lock_not_available"},
	{"57014", "query_canceled"},
	{"P0001", "raise_exception"}};

/* PL/pgSQL's name of the SQLSTATE, for integrity errors and neighbours. */
const char *
dg_advice_condition(const char *sqlstate)
{
	int			i;

	for (i = 0; i < lengthof(conditions); i++)
	{
		if (strcmp(conditions[i].sqlstate, sqlstate) == 0)
			return conditions[i].name;
	}
	return NULL;
}

/* What may succeed when it is tried again: statement, transaction or no. */
const char *
dg_advice_retry(DgKind kind, const DgReading *reading)
{
	if (dg_site_is_difference(reading->site))
		return "no";
	switch (kind)
	{
		case DG_UNIQUE_VIOLATION:
			return "statement";
		case DG_SERIALIZATION_FAILURE:
		case DG_DEADLOCK_DETECTED:
			return "transaction";
		default:
			return "no";
	}
}

/* What a web application would answer. */
int
dg_advice_http_status(DgKind kind)
{
	switch (kind)
	{
		case DG_UNIQUE_VIOLATION:
		case DG_EXCLUSION_VIOLATION:
		case DG_FOREIGN_KEY_REFERENCED:
			return 409;
		case DG_FOREIGN_KEY_MISSING:
		case DG_NOT_NULL_VIOLATION:
		case DG_CHECK_VIOLATION:
		case DG_DOMAIN_CHECK_VIOLATION:
		case DG_DOMAIN_NOT_NULL_VIOLATION:
		case DG_PARTITION_NOT_FOUND:
		case DG_PARTITION_CONSTRAINT_VIOLATION:
		case DG_WITH_CHECK_OPTION_VIOLATION:
			return 422;
		case DG_ROW_SECURITY_VIOLATION:
			return 403;
		case DG_SERIALIZATION_FAILURE:
		case DG_DEADLOCK_DETECTED:
			return 503;
		case DG_OTHER_INTEGRITY_VIOLATION:
		case DG_OTHER:
			break;
	}
	return 500;
}

/* One sentence for the developer, or NULL. */
const char *
dg_advice_remedy(DgKind kind, const DgReading *reading)
{
	if (dg_site_is_difference(reading->site))
		return "Move the column that differs from the lookup to defaults if it does not identify the row.";
	switch (kind)
	{
		case DG_UNIQUE_VIOLATION:
			return "Use get_or_create() or update_or_create() to take the existing row, or find_conflicts() to see which it is.";
		case DG_EXCLUSION_VIOLATION:
			return "Use find_conflicts() to see the rows that the new one conflicts with.";
		case DG_FOREIGN_KEY_MISSING:
			return "Create the referenced row first, for instance with get_or_create(), or make the constraint DEFERRABLE.";
		case DG_FOREIGN_KEY_REFERENCED:
			return "Delete or change the referencing rows first, or declare what ON DELETE and ON UPDATE shall do with them.";
		case DG_NOT_NULL_VIOLATION:
			return "Supply a value for the column, or give it a default.";
		case DG_CHECK_VIOLATION:
			return "Check the values before they are sent; find_conflicts() names every check that a row would fail.";
		case DG_DOMAIN_CHECK_VIOLATION:
			return "Check the value before it is sent; find_conflicts() names every domain check that a row would fail.";
		case DG_DOMAIN_NOT_NULL_VIOLATION:
			return "Supply a value wherever the domain is used, or drop its NOT NULL.";
		case DG_PARTITION_NOT_FOUND:
			return "Create a partition for the value, or a DEFAULT partition.";
		case DG_PARTITION_CONSTRAINT_VIOLATION:
			return "Insert into the partitioned table instead of the partition, so that the row is routed.";
		case DG_WITH_CHECK_OPTION_VIOLATION:
			return "Write only rows that the view shows, or write to the table below it.";
		case DG_ROW_SECURITY_VIOLATION:
			return "Write only rows that the table's policies allow, or change the policies.";
		case DG_SERIALIZATION_FAILURE:
		case DG_DEADLOCK_DETECTED:
			return "Run the whole transaction again from its beginning, not only the statement.";
		case DG_OTHER_INTEGRITY_VIOLATION:
			return "See the message; nothing more is known about the rule that was broken.";
		case DG_OTHER:
			break;
	}
	return NULL;
}

/*
 * The sentence for a person: the rule's comment, a trigger's own message, or
 * one of ours.  NULL for errors that are not about what the person entered.
 */
const char *
dg_advice_user_message(const DgFacts *facts, const DgReading *reading)
{
	if (facts->comment != NULL)
		return facts->comment;
	if (!facts->resolved && reading->site == NULL && reading->message != NULL &&
		strncmp(reading->sqlstate, "23", 2) == 0)
		return reading->message;
	switch (facts->kind)
	{
		case DG_UNIQUE_VIOLATION:
			return sentence_for_key(facts);
		case DG_EXCLUSION_VIOLATION:
			if (facts->table_name != NULL &&
				singular(facts->table_name) != NULL)
				return psprintf("This conflicts with an existing %s.",
								singular(facts->table_name));
			return "This conflicts with an existing entry.";
		case DG_FOREIGN_KEY_MISSING:
			if (facts->referenced_noun != NULL &&
				singular(facts->referenced_noun) != NULL)
				return psprintf("This %s does not exist.",
								singular(facts->referenced_noun));
			return "This refers to something that does not exist.";
		case DG_FOREIGN_KEY_REFERENCED:
			if (facts->referenced_noun != NULL &&
				singular(facts->referenced_noun) != NULL)
				return psprintf("This %s is still in use.",
								singular(facts->referenced_noun));
			return "This is still in use.";
		case DG_NOT_NULL_VIOLATION:
		case DG_DOMAIN_NOT_NULL_VIOLATION:
			return sentence_for_columns(facts, "The %s must be filled in.",
										"Something that is required has not been filled in.",
										"Something that is required has not been filled in.");
		case DG_CHECK_VIOLATION:
		case DG_DOMAIN_CHECK_VIOLATION:
			return sentence_for_columns(facts, "This %s is not allowed.",
										"These values of %s are not allowed.",
										"This value is not allowed.");
		case DG_PARTITION_NOT_FOUND:
		case DG_PARTITION_CONSTRAINT_VIOLATION:
			return sentence_for_columns(facts, "This %s is not allowed here.",
										"These values of %s are not allowed here.",
										"This entry is not allowed here.");
		case DG_WITH_CHECK_OPTION_VIOLATION:
			return "This entry is not allowed here.";
		case DG_ROW_SECURITY_VIOLATION:
			return "You are not allowed to save this entry.";
		case DG_SERIALIZATION_FAILURE:
		case DG_DEADLOCK_DETECTED:
			return "Somebody else was changing the same data. Please try again.";
		case DG_OTHER_INTEGRITY_VIOLATION:
			return "This entry is not allowed.";
		case DG_OTHER:
			break;
	}
	return NULL;
}

/* A product with this name already exists. */
static const char *
sentence_for_key(const DgFacts *facts)
{
	char	   *noun = NULL;
	char	   *columns = list_in_words(facts->columns);

	if (facts->table_name != NULL)
		noun = singular(facts->table_name);
	if (columns != NULL && noun != NULL)
		return psprintf("%s %s with this %s already exists.",
						article(noun), noun, columns);
	if (columns != NULL)
		return psprintf("An entry with this %s already exists.", columns);
	if (noun != NULL)
		return psprintf("Such %s %s already exists.",
						article(noun)[1] == 'n' ? "an" : "a", noun);
	return "Such an entry already exists.";
}

/* The sentence for one column, for several, or for none that makes words. */
static const char *
sentence_for_columns(const DgFacts *facts, const char *one, const char *many,
					 const char *none)
{
	char	   *columns = list_in_words(facts->columns);

	if (columns == NULL)
		return none;
	return psprintf(list_length(facts->columns) == 1 ? one : many, columns);
}

/* Whether the name is made of plain lower-case words. */
static bool
readable(const char *name)
{
	const char *c;

	if (name[0] < 'a' || name[0] > 'z')
		return false;
	for (c = name; *c != '\0'; c++)
	{
		if (!((*c >= 'a' && *c <= 'z') || *c == '_'))
			return false;
	}
	return c[-1] != '_';
}

/* created_at as words, or NULL. */
static char *
in_words(const char *name)
{
	char	   *words;
	char	   *c;

	if (!readable(name))
		return NULL;
	words = pstrdup(name);
	for (c = words; *c != '\0'; c++)
	{
		if (*c == '_')
			*c = ' ';
	}
	return words;
}

/* "name", "name and size", "name, size and colour"; NULL if one is no word. */
static char *
list_in_words(List *names)
{
	StringInfoData buf;
	int			i;

	if (names == NIL)
		return NULL;
	initStringInfo(&buf);
	for (i = 0; i < list_length(names); i++)
	{
		char	   *words = in_words(list_nth(names, i));

		if (words == NULL)
			return NULL;
		if (i > 0)
			appendStringInfoString(&buf, i == list_length(names) - 1 ?
											 " and " :
											 ", ");
		appendStringInfoString(&buf, words);
	}
	return buf.data;
}

/*
 * What one row of the table is called: products is a product, and so are a
 * few more endings.  NULL where English is less regular than that; a name
 * that is no plural is taken for a singular.
 */
static char *
singular(const char *name)
{
	static const char *const irregular[] = {
		"data", "people", "children", "men", "women", "media", "criteria",
		"series", "species", "news", "indices", "analyses", "shelves",
		"halves", "leaves", "lives", "wives", "movies", "cookies", "ties",
		"pies", "zombies", "calories", "geese", "mice", "feet", "teeth",
		"buses", "gases", "lenses", "quizzes", "caches", "axes", "aches"};
	char	   *words = in_words(name);
	const char *last;
	size_t		len;
	int			i;

	if (words == NULL)
		return NULL;
	last = strrchr(words, ' ') != NULL ? strrchr(words, ' ') + 1 : words;
	len = strlen(words);
	for (i = 0; i < lengthof(irregular); i++)
	{
		if (strcmp(last, irregular[i]) == 0)
			return NULL;
	}
	if (ends_with(last, "ss") || ends_with(last, "us") ||
		ends_with(last, "is") || !ends_with(last, "s"))
		return words;
	if (strlen(last) < 4)
		return NULL;
	if (ends_with(last, "ies"))
		strcpy(words + len - 3, "y");
	else if (ends_with(last, "sses") || ends_with(last, "shes") ||
			 ends_with(last, "ches") || ends_with(last, "xes"))
		words[len - 2] = '\0';
	else if (ends_with(last, "uses") || ends_with(last, "ises") ||
			 ends_with(last, "oes") || ends_with(last, "zes") ||
			 ends_with(last, "ves"))
		return NULL;
	else
		words[len - 1] = '\0';
	return words;
}

/* Whether the word has this ending. */
static bool
ends_with(const char *word, const char *ending)
{
	size_t		len = strlen(word);

	return len >= strlen(ending) &&
		   strcmp(word + len - strlen(ending), ending) == 0;
}

/* A or An, by the first letter; words that sound otherwise take part. */
static const char *
article(const char *noun)
{
	static const char *const sounds_like_a[] = {
		"uni", "use", "usa", "eu", "one", "once", "ut", "ur"};
	int			i;

	if (strncmp(noun, "hour", 4) == 0 || strncmp(noun, "honor", 5) == 0 ||
		strncmp(noun, "heir", 4) == 0)
		return "An";
	for (i = 0; i < lengthof(sounds_like_a); i++)
	{
		if (strncmp(noun, sounds_like_a[i], strlen(sounds_like_a[i])) == 0)
			return "A";
	}
	return strchr("aeiou", noun[0]) != NULL ? "An" : "A";
}
