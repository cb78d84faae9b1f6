/*
 * resolve_quoted.c
 *		What was violated, by the quoted names in a message in words that we do
 *		not know.
 *
 * A catalogue may not be installed, or the error may come from another
 * release.  Whatever the language, names stand in quotes of some kind, and
 * the catalog knows which of them are a constraint and its table.  Only the
 * SQLSTATE says what kind of rule it was, so it must be known; and there must
 * be only one reading.
 *
 * Which side of a foreign key failed shows as well: the message about the
 * referenced side names that table too, the other one does not.
 */
#include "postgres.h"

#include "facts.h"
#include "message.h"

/* So many quoted names are looked at. */
#define MAX_NAMES 6

static List *quoted_names(const char *message);
static bool next_quoted(DgSpan *text, DgSpan *name);
static int	count_name(List *names, const char *name);
static List *distinct(List *names);
static bool try_names(DgFacts *facts, DgKey *key, const DgNames *names,
					  const DgReading *reading);
static bool detail_fits(const DgFacts *facts, const DgKey *key,
						const char *detail);

/* Opening and closing quotes, in ASCII and UTF-8. */
static const char *const quotes[][2] = {
	{"\"", "\""},
	{"\302\273", "\302\253"},	/* guillemets, inwards */
	{"\302\253", "\302\273"},	/* and outwards */
	{"\342\200\236", "\342\200\234"},	/* low and high */
	{"\342\200\236", "\342\200\235"},
	{"\342\200\234", "\342\200\235"},	/* both high */
	{"\342\200\230", "\342\200\231"},	/* single */
	{"\343\200\214", "\343\200\215"},	/* corners */
	{"\343\200\216", "\343\200\217"}};

/*
 * Finds what was violated, as dg_resolve() does, for a message without a site
 * and an error without names.
 */
void
dg_resolve_quoted(DgFacts *facts, DgKey *key, const DgReading *reading)
{
	List	   *quoted = quoted_names(reading->message);
	List	   *tables = list_make1(NULL);
	DgFacts		before = *facts;
	DgFacts		found = *facts;
	DgKey		found_key = *key;
	DgNames		found_names = {0};
	ListCell   *first;
	ListCell   *second;

	/* messages about indexes do not name the table, all others do */
	if (facts->kind != DG_UNIQUE_VIOLATION &&
		facts->kind != DG_EXCLUSION_VIOLATION)
		tables = distinct(quoted);
	foreach(first, distinct(quoted))
	{
		foreach(second, tables)
		{
			DgNames		names = {0};

			names.table = lfirst(second);
			if (facts->kind == DG_NOT_NULL_VIOLATION)
				names.column = lfirst(first);
			else
				names.constraint = lfirst(first);
			*facts = before;
			if (!try_names(facts, key, &names, reading))
				continue;
			if (found.resolved)
			{
				*facts = before;	/* more than one reading */
				memset(key, 0, sizeof(DgKey));
				return;
			}
			found = *facts;
			found_key = *key;
			found_names = names;
		}
	}
	*facts = found;
	*key = found_key;
	if (facts->resolved)
		dg_resolve_side(facts, key, &found_names, reading);
}

/*
 * Tells which side of a resolved foreign key failed, by the names in a message
 * without a site: all messages name the referencing table and the constraint,
 * and the referenced table too, if that side failed.
 */
void
dg_resolve_side(DgFacts *facts, DgKey *key, const DgNames *names,
				const DgReading *reading)
{
	List	   *quoted = quoted_names(reading->message);
	int			mentions;

	if (facts->kind != DG_OTHER_INTEGRITY_VIOLATION ||
		key->other_table == NULL || names->table == NULL ||
		names->constraint == NULL || count_name(quoted, names->table) == 0 ||
		count_name(quoted, names->constraint) == 0)
		return;
	mentions = count_name(quoted, key->other_table);
	if (strcmp(key->other_table, names->table) == 0)
		mentions--;
	if (mentions > 0)
		facts->kind = DG_FOREIGN_KEY_REFERENCED;
	else if (list_length(quoted) == 2)
		facts->kind = DG_FOREIGN_KEY_MISSING;
	else
		return;
	dg_resolve(facts, key, names, reading);
}

/* Whether the catalog knows just this, and the DETAIL is not about another. */
static bool
try_names(DgFacts *facts, DgKey *key, const DgNames *names,
		  const DgReading *reading)
{
	memset(key, 0, sizeof(DgKey));
	if (names->column != NULL)
		facts->columns = list_make1((void *) names->column);
	dg_resolve(facts, key, names, reading);
	return facts->resolved && detail_fits(facts, key, reading->detail);
}

/*
 * Whether the DETAIL has the key's columns, if it has any.  Of a foreign key
 * it may be about either side.
 */
static bool
detail_fits(const DgFacts *facts, const DgKey *key, const char *detail)
{
	DgKey		referenced = {0};

	if (detail == NULL || dg_key_may_be_in(key, detail))
		return true;
	if (facts->referenced_columns == NIL)
		return false;
	dg_key_guess(&referenced, dg_key_join(facts->referenced_columns));
	return referenced.text != NULL && dg_key_may_be_in(&referenced, detail);
}

/* The quoted names of a message, in their order; NIL for too many. */
static List *
quoted_names(const char *message)
{
	List	   *names = NIL;
	DgSpan		text = dg_span_cstring(message);
	DgSpan		name;

	while (next_quoted(&text, &name))
	{
		if (list_length(names) == MAX_NAMES)
			return NIL;
		if (name.len > 0 && name.len < NAMEDATALEN)
			names = lappend(names, pnstrdup(name.start, name.len));
	}
	return names;
}

/* The next quoted name; the text becomes what follows it. */
static bool
next_quoted(DgSpan *text, DgSpan *name)
{
	for (; text->len > 0; *text = dg_span_from(*text, 1))
	{
		int			i;

		for (i = 0; i < lengthof(quotes); i++)
		{
			DgSpan		opening = dg_span_cstring(quotes[i][0]);
			DgSpan		closing = dg_span_cstring(quotes[i][1]);
			DgSpan		rest = dg_span_from(*text, opening.len);
			const char *end;

			if (!dg_span_begins(*text, opening))
				continue;
			end = dg_span_find(dg_span_upto(rest, 2 * NAMEDATALEN), closing);
			if (end == NULL)
				continue;
			*name = dg_span_upto(rest, end - rest.start);
			*text = dg_span_from(rest, name->len + closing.len);
			/* French puts spaces inside */
			while (name->len > 0 && strchr(" \302\240", name->start[0]) != NULL)
				*name = dg_span_from(*name, 1);
			while (name->len > 0 &&
				   strchr(" \302\240", name->start[name->len - 1]) != NULL)
				name->len--;
			return true;
		}
	}
	return false;
}

/* How often the name is among them. */
static int
count_name(List *names, const char *name)
{
	ListCell   *lc;
	int			n = 0;

	foreach(lc, names)
		n += strcmp(lfirst(lc), name) == 0;
	return n;
}

/* Each of the names once. */
static List *
distinct(List *names)
{
	List	   *once = NIL;
	ListCell   *lc;

	foreach(lc, names)
	{
		if (count_name(once, lfirst(lc)) == 0)
			once = lappend(once, lfirst(lc));
	}
	return once;
}
