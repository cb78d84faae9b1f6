/*
 * facts.c
 *		What an error says, by its fields, its text and the catalog.
 *
 * The names come from the diagnostic fields, else from the text.  A name is
 * looked up in the catalog only if the error can be about this database, and
 * catalog facts are given only for the one object that fits; a name that
 * nothing or several things fit is passed on as the error has it, or not at
 * all.  The search itself is in resolve.c.
 */
#include "postgres.h"

#include "facts.h"

static bool has_no_names(const DgNames *names);
static DgKind kind_of_foreign_key(const DgReading *reading);
static DgKind kind_of_check(const DgReading *reading, const DgNames *names);
static bool about_this_database(const DgErrorFields *error,
								const DgReading *reading);
static void gather_names(DgNames *names, const DgErrorFields *error,
						 const DgReading *reading);
static const char *first_of(const char *a, const char *b);
static void start_with_names(DgFacts *facts, const DgNames *names);
static void rely_on_text(DgFacts *facts, DgKey *key,
						 const DgErrorFields *error, const DgReading *reading);
static void try_longer_names(DgFacts *facts, DgKey *key, const DgNames *names,
							 const DgReading *reading);
static void read_key_values(DgFacts *facts, const DgKey *key,
							const DgReading *reading);
static const char *values_text(const DgKey *key, const DgReading *reading);
static const char *values_in_any_language(const DgKey *key, const char *detail);
static void guess_key(DgFacts *facts, DgKey *key, const DgReading *reading);
static const char *without_last_paren(const char *values);
static void take_exact_values(DgFacts *facts, const DgErrorFields *error);

/* Fills in all facts; the strings live in the current context. */
void
dg_facts_gather(DgFacts *facts, const DgErrorFields *error,
				DgReading *reading)
{
	DgNames		names;
	DgKey		key;
	bool		of_shard;

	memset(facts, 0, sizeof(DgFacts));
	memset(&key, 0, sizeof(DgKey));
	gather_names(&names, error, reading);
	of_shard = dg_shard_name_table(&names, reading);
	facts->kind = dg_facts_kind(reading, &names);
	facts->message = reading->message;
	start_with_names(facts, &names);

	if (of_shard || about_this_database(error, reading))
	{
		dg_resolve(facts, &key, &names, reading);
		if (!facts->resolved)
			try_longer_names(facts, &key, &names, reading);
		if (reading->site == NULL && reading->message != NULL)
		{
			if (has_no_names(&names))
				dg_resolve_quoted(facts, &key, reading);
			else if (facts->resolved)
				dg_resolve_side(facts, &key, &names, reading);
		}
	}
	if (!facts->resolved)
		rely_on_text(facts, &key, error, reading);
	if (error->nkey_values > 0)
		take_exact_values(facts, error);
	else
		read_key_values(facts, &key, reading);
}

/* Whether neither the fields nor the text gave a name. */
static bool
has_no_names(const DgNames *names)
{
	return names->schema == NULL && names->table == NULL &&
		   names->column == NULL && names->constraint == NULL &&
		   names->datatype == NULL && names->domain_text == NULL;
}

/*
 * What the error is: by its message, else by SQLSTATE and fields.  Allocates
 * nothing, asks no catalog, raises no error.
 */
DgKind
dg_facts_kind(const DgReading *reading, const DgNames *names)
{
	const char *sqlstate = reading->sqlstate;

	if (reading->site != NULL)
		return reading->site->kind;
	if (strcmp(sqlstate, "23505") == 0)
		return DG_UNIQUE_VIOLATION;
	if (strcmp(sqlstate, "23P01") == 0)
		return DG_EXCLUSION_VIOLATION;
	if (strcmp(sqlstate, "23001") == 0)
		return DG_FOREIGN_KEY_REFERENCED;
	if (strcmp(sqlstate, "23503") == 0)
		return kind_of_foreign_key(reading);
	if (strcmp(sqlstate, "23502") == 0)
		return names->datatype != NULL && names->table == NULL ?
				   DG_DOMAIN_NOT_NULL_VIOLATION :
				   DG_NOT_NULL_VIOLATION;
	if (strcmp(sqlstate, "23514") == 0)
		return kind_of_check(reading, names);
	if (strncmp(sqlstate, "23", 2) == 0)
		return DG_OTHER_INTEGRITY_VIOLATION;
	if (strcmp(sqlstate, "44000") == 0)
		return DG_WITH_CHECK_OPTION_VIOLATION;
	if (strcmp(sqlstate, "40001") == 0)
		return DG_SERIALIZATION_FAILURE;
	if (strcmp(sqlstate, "40P01") == 0)
		return DG_DEADLOCK_DETECTED;
	return DG_OTHER;
}

/*
 * 23503 without a message that we know.  All its fields name the referencing
 * side, whichever side failed; only the DETAIL may tell.
 */
static DgKind
kind_of_foreign_key(const DgReading *reading)
{
	if (reading->detail_form < 0)
		return DG_OTHER_INTEGRITY_VIOLATION;
	if (reading->detail_kind == DG_FOREIGN_KEY_MISSING ||
		reading->detail_kind == DG_FOREIGN_KEY_REFERENCED)
		return reading->detail_kind;
	return DG_OTHER_INTEGRITY_VIOLATION;
}

/*
 * 23514 without a message that we know.  A table alone means partitions, but
 * whether the row found none or was in the wrong one only the DETAIL tells.
 */
static DgKind
kind_of_check(const DgReading *reading, const DgNames *names)
{
	if (names->datatype != NULL && names->table == NULL)
		return DG_DOMAIN_CHECK_VIOLATION;
	if (reading->detail_form >= 0 &&
		reading->detail_kind == DG_PARTITION_NOT_FOUND)
		return DG_PARTITION_NOT_FOUND;
	return DG_CHECK_VIOLATION;
}

/*
 * Whether names in the text may be looked up here.  Foreign servers' errors
 * are raised anew with the remote text and no names in their fields, while
 * this server fills in the fields for all but the few messages that
 * dg_site_has_fields() knows.
 */
static bool
about_this_database(const DgErrorFields *error, const DgReading *reading)
{
	bool		none = error->schema_name == NULL &&
				error->table_name == NULL && error->column_name == NULL &&
				error->constraint_name == NULL && error->datatype_name == NULL;

	if (!none || reading->by_message_id)
		return true;
	if (reading->foreign)
		return false;
	if (error->message_id != NULL)
		return false;
	return !error->all_fields ||
		   (reading->site != NULL && !dg_site_has_fields(reading->site));
}

/* Names from the fields, else from the text. */
static void
gather_names(DgNames *names, const DgErrorFields *error,
			 const DgReading *reading)
{
	const char *const *named = reading->named;

	names->schema = error->schema_name;
	names->table = first_of(error->table_name, named[DG_ROLE_TABLE]);
	names->column = first_of(error->column_name, named[DG_ROLE_COLUMN]);
	names->constraint = first_of(error->constraint_name,
								 named[DG_ROLE_CONSTRAINT]);
	names->datatype = error->datatype_name;
	names->domain_text = error->datatype_name == NULL ?
							 named[DG_ROLE_DOMAIN] :
							 NULL;
	names->referenced = named[DG_ROLE_REFERENCED];
	names->by_fields = error->schema_name != NULL &&
					   (error->table_name != NULL ||
						error->datatype_name != NULL);
}

/* The first one that is known. */
static const char *
first_of(const char *a, const char *b)
{
	return a != NULL ? a : b;
}

/* What the error itself says, before the catalog knows better. */
static void
start_with_names(DgFacts *facts, const DgNames *names)
{
	facts->schema_name = names->schema;
	facts->table_name = names->table;
	facts->constraint_name = names->constraint;
	facts->datatype_name = names->datatype;
	if (names->domain_text != NULL)
		dg_resolve_domain_text(names->domain_text, &facts->schema_name,
							   &facts->datatype_name);
	if (names->column != NULL)
		facts->columns = list_make1(pstrdup(names->column));
}

/*
 * The catalog did not help: what the text says has to do.  Names from one that
 * can be read in several ways are none, and a DETAIL beside a message that we
 * do not know may be part of it.
 */
static void
rely_on_text(DgFacts *facts, DgKey *key, const DgErrorFields *error,
			 const DgReading *reading)
{
	if (error->message == NULL ||
		(reading->site != NULL && reading->exact_names))
	{
		guess_key(facts, key, reading);
		return;
	}
	memset(key, 0, sizeof(DgKey));
	facts->schema_name = error->schema_name;
	facts->table_name = error->table_name;
	facts->constraint_name = error->constraint_name;
	facts->datatype_name = error->datatype_name;
	if (error->column_name == NULL)
		facts->columns = NIL;
}

/*
 * In a longer text a name with a quote in it may have been cut short: try the
 * other places where it could end.  The catalog must know exactly one.
 */
static void
try_longer_names(DgFacts *facts, DgKey *key, const DgNames *names,
				 const DgReading *reading)
{
	DgFacts		before = *facts;
	DgFacts		found = *facts;
	DgKey		found_key = *key;
	ListCell   *lc;
	ListCell   *message;

	forboth(lc, reading->longer_names, message, reading->longer_messages)
	{
		DgNames		longer = *names;

		if (reading->last_role == DG_ROLE_CONSTRAINT)
			longer.constraint = lfirst(lc);
		else if (reading->last_role == DG_ROLE_TABLE)
			longer.table = lfirst(lc);
		else
			return;
		*facts = before;
		facts->message = lfirst(message);
		start_with_names(facts, &longer);
		dg_resolve(facts, key, &longer, reading);
		if (!facts->resolved)
			continue;
		if (found.resolved)
		{
			*facts = before;	/* more than one: no telling */
			memset(key, 0, sizeof(DgKey));
			return;
		}
		found = *facts;
		found_key = *key;
	}
	*facts = found;
	*key = found_key;
}

/* The values that the DETAIL gives for the key, if they come apart safely. */
static void
read_key_values(DgFacts *facts, const DgKey *key, const DgReading *reading)
{
	const char *values = values_text(key, reading);
	int			i;

	if (values == NULL)
		return;
	facts->key_values = dg_key_split(key, values);
	if (facts->key_values == NULL)
		return;
	facts->nkey_values = key->nelements;
	if (facts->kind != DG_PARTITION_NOT_FOUND)
		return;
	for (i = 0; i < key->nelements; i++)
	{
		const char *value = facts->key_values[i];

		/* cut by the server: not the value */
		if (value != NULL && strlen(value) > 60 &&
			strcmp(value + strlen(value) - 3, "...") == 0)
			facts->key_values[i] = NULL;
	}
}

/* What stands in the second parentheses of the key, or NULL. */
static const char *
values_text(const DgKey *key, const DgReading *reading)
{
	const char *const *named = reading->named;
	const char *values;

	if (key->nelements == 0 || reading->detail == NULL)
		return NULL;
	if (reading->detail_form < 0 &&
		(reading->site == NULL || reading->by_message_id))
		return values_in_any_language(key, reading->detail);
	if (!reading->exact_key)
		return NULL;
	if (named[DG_ROLE_KEY] != NULL &&
		dg_key_begins(key, named[DG_ROLE_KEY], "=", &values))
		return without_last_paren(values);
	if (named[DG_ROLE_PARTITION_KEY] != NULL &&
		dg_key_begins(key, named[DG_ROLE_PARTITION_KEY], " = ", &values))
		return without_last_paren(values);
	if (named[DG_ROLE_KEY_COLUMNS] == NULL || key->text == NULL ||
		strcmp(named[DG_ROLE_KEY_COLUMNS], key->text) != 0)
		return NULL;
	/* the other table's name behind it must be the whole name */
	if (key->other_table != NULL &&
		(reading->detail_table == NULL ||
		 strcmp(reading->detail_table, key->other_table) != 0))
		return NULL;
	return named[DG_ROLE_KEY_VALUES];
}

/*
 * The same for a DETAIL in words that we do not know: between "(columns)=("
 * and the last parenthesis, if the former stands there only once.  Not for one
 * of a message that we do know: that one is cut short.
 */
static const char *
values_in_any_language(const DgKey *key, const char *detail)
{
	char	   *head;
	const char *begin;

	/* the other table's name may stand behind the key */
	if (key->text == NULL ||
		(key->other_table != NULL && strchr(key->other_table, ')') != NULL))
		return NULL;
	head = psprintf("(%s)=(", key->text);
	begin = strstr(detail, head);
	if (begin == NULL || strstr(begin + 1, head) != NULL)
		return NULL;
	begin += strlen(head);
	if (strrchr(begin, ')') == NULL)
		return NULL;
	return pnstrdup(begin, strrchr(begin, ')') - begin);
}

/* A copy without the last character, which must be a parenthesis. */
static const char *
without_last_paren(const char *values)
{
	size_t		len = strlen(values);

	if (len == 0 || values[len - 1] != ')')
		return NULL;
	return pnstrdup(values, len - 1);
}

/* Columns and key as the DETAIL names them, for a table that is not known. */
static void
guess_key(DgFacts *facts, DgKey *key, const DgReading *reading)
{
	const char *columns = reading->named[DG_ROLE_KEY_COLUMNS];
	const char *whole = reading->named[DG_ROLE_KEY];
	const char *between = "=";

	memset(key, 0, sizeof(DgKey));
	if (whole == NULL)
	{
		whole = reading->named[DG_ROLE_PARTITION_KEY];
		between = " = ";
	}
	if (whole != NULL && whole[0] == '(')
	{
		const char *gap = strstr(whole, psprintf(")%s(", between));

		if (gap != NULL)
			columns = pnstrdup(whole + 1, gap - whole - 1);
	}
	if (columns == NULL)
		return;
	dg_key_guess(key, columns);
	if (key->columns == NIL)
		return;
	if (facts->kind == DG_FOREIGN_KEY_REFERENCED)
		facts->referenced_columns = key->columns;
	else if (facts->columns == NIL)
		facts->columns = key->columns;
}

/* Values that the caller had exactly. */
static void
take_exact_values(DgFacts *facts, const DgErrorFields *error)
{
	int			i;

	facts->nkey_values = error->nkey_values;
	facts->key_values = palloc(sizeof(char *) * error->nkey_values);
	for (i = 0; i < error->nkey_values; i++)
		facts->key_values[i] = error->key_values[i];
}
