/*
 * key_values.c
 *		The values of a key, as a DETAIL has them: Key (a, b)=(1, 2).
 *
 * They are printed as their output functions do, with ", " between them and
 * neither quoted nor escaped, so a value may hold what separates values.  They
 * are taken apart only where that can be done in one way; else there are none,
 * rather than wrong ones.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "lib/stringinfo.h"
#include "utils/lsyscache.h"

#include "facts.h"

static List *split_pieces(const char *values);
static bool may_hold_comma(Oid type);
static const char *join_pieces(List *pieces, int first, int npieces);
static const char *value_of(const char *piece, const DgKeyElement *element);
static bool is_plain_name(const char *name);

/*
 * The values, one for each element, or NULL where they cannot be told apart.
 * More pieces than elements means that a value holds ", "; if only one of
 * the types can print that, it is known which.
 */
const char **
dg_key_split(const DgKey *key, const char *values)
{
	const DgKeyElement *elements = key->elements;
	int			nelements = key->nelements;
	List	   *pieces = split_pieces(values);
	int			surplus = list_length(pieces) - nelements;
	const char **split;
	int			wide = -1;
	int			i;

	if (nelements == 0 || surplus < 0)
		return NULL;
	for (i = 0; i < nelements && surplus > 0; i++)
	{
		if (!may_hold_comma(elements[i].type))
			continue;
		if (wide >= 0)
			return NULL;
		wide = i;
	}
	if (surplus > 0 && wide < 0)
		return NULL;

	split = palloc0(sizeof(char *) * nelements);
	for (i = 0; i < nelements; i++)
	{
		int			first = i + (surplus > 0 && i > wide ? surplus : 0);
		int			npieces = 1 + (i == wide ? surplus : 0);

		split[i] = value_of(join_pieces(pieces, first, npieces), &elements[i]);
	}
	return split;
}

/* Cuts at each ", ". */
static List *
split_pieces(const char *values)
{
	List	   *pieces = NIL;

	for (;;)
	{
		const char *comma = strstr(values, ", ");

		if (comma == NULL)
			return lappend(pieces, pstrdup(values));
		pieces = lappend(pieces, pnstrdup(values, comma - values));
		values = comma + 2;
	}
}

/* Whether the type's output can contain ", ". */
static bool
may_hold_comma(Oid type)
{
	switch (getBaseType(type))
	{
		case BOOLOID:
		case INT2OID:
		case INT4OID:
		case INT8OID:
		case OIDOID:
		case FLOAT4OID:
		case FLOAT8OID:
		case NUMERICOID:
		case UUIDOID:
		case DATEOID:
		case TIMEOID:
		case TIMETZOID:
		case TIMESTAMPOID:
		case TIMESTAMPTZOID:
		case INETOID:
		case CIDROID:
		case MACADDROID:
			return false;
		default:
			return true;
	}
}

/* Some of the pieces as they stood in the text. */
static const char *
join_pieces(List *pieces, int first, int npieces)
{
	StringInfoData joined;
	int			i;

	if (npieces == 1)
		return list_nth(pieces, first);
	initStringInfo(&joined);
	for (i = first; i < first + npieces; i++)
	{
		if (i > first)
			appendStringInfoString(&joined, ", ");
		appendStringInfoString(&joined, list_nth(pieces, i));
	}
	return joined.data;
}

/*
 * A printed value, or NULL for a null.  Where the column may hold both NULL
 * and the word null there is no telling them apart: NULL too, "not known".
 */
static const char *
value_of(const char *piece, const DgKeyElement *element)
{
	if (element->maybe_null && strcmp(piece, "null") == 0)
		return NULL;
	return piece;
}

/* Whether quote_identifier() would most likely leave it alone. */
static bool
is_plain_name(const char *name)
{
	const char *c;

	if (!((*name >= 'a' && *name <= 'z') || *name == '_'))
		return false;
	for (c = name; *c != '\0'; c++)
	{
		if (!((*c >= 'a' && *c <= 'z') || (*c >= '0' && *c <= '9') ||
			  *c == '_'))
			return false;
	}
	return c - name < NAMEDATALEN;
}

/* A key whose table is not known, by the names in a DETAIL: only plain ones. */
void
dg_key_guess(DgKey *key, const char *columns)
{
	List	   *names = split_pieces(columns);
	int			i;

	memset(key, 0, sizeof(DgKey));
	key->elements = palloc0(sizeof(DgKeyElement) * list_length(names));
	for (i = 0; i < list_length(names); i++)
	{
		if (!is_plain_name(list_nth(names, i)))
			return;
		key->elements[i].type = TEXTOID;
		key->elements[i].maybe_null = true;
	}
	key->nelements = list_length(names);
	key->columns = names;
	key->text = columns;
}
