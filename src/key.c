/*
 * key.c
 *		The key in a DETAIL: Key (columns)=(values) already exists.
 *
 * The server prints columns as pg_get_indexdef does, and so can we; that makes
 * it certain where the values begin.  For these see key_values.c.
 *
 * Expressions are deparsed, which must not happen while somebody drops the
 * table: that alone needs a lock, and where it cannot be had at once the key
 * stays unknown.
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "access/sysattr.h"
#include "catalog/pg_index.h"
#include "catalog/pg_partitioned_table.h"
#include "nodes/nodeFuncs.h"
#include "optimizer/optimizer.h"
#include "storage/lmgr.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/ruleutils.h"
#include "utils/syscache.h"

#include "facts.h"

static void add_elements(DgKey *key, Oid relid, const int16 *attnums, int natts,
						 List *expressions);
static bool add_column(DgKey *key, Oid relid, AttrNumber attnum);
static void add_expression(DgKey *key, Oid relid, Node *expr);
static List *expressions_of(int cache, HeapTuple tuple, AttrNumber column);
static const char *text_of_columns(const DgKey *key);
static const char *text_of_index(Oid relid, Oid indexid, int natts);
static const char *text_of_partitions(Oid relid);
static List *append_name(List *names, const char *name);

/* The key of an index, without INCLUDE columns. */
void
dg_key_of_index(DgKey *key, Oid indexid)
{
	HeapTuple	tuple = SearchSysCache1(INDEXRELID, ObjectIdGetDatum(indexid));
	Form_pg_index form;
	List	   *expressions;
	int			i;

	memset(key, 0, sizeof(DgKey));
	if (!HeapTupleIsValid(tuple))
		return;
	form = (Form_pg_index) GETSTRUCT(tuple);
	expressions = expressions_of(INDEXRELID, tuple, Anum_pg_index_indexprs);
	add_elements(key, form->indrelid, form->indkey.values, form->indnkeyatts,
				 expressions);
	if (expressions == NIL)
		key->text = text_of_columns(key);
	else
		key->text = text_of_index(form->indrelid, indexid, form->indnkeyatts);
	for (i = 0; i < key->nelements; i++)
	{
		if (!form->indnullsnotdistinct)
			key->elements[i].maybe_null = false;	/* nulls never conflict */
	}
	ReleaseSysCache(tuple);
}

/* What a partitioned table is partitioned by. */
void
dg_key_of_partitions(DgKey *key, Oid relid)
{
	HeapTuple	tuple = SearchSysCache1(PARTRELID, ObjectIdGetDatum(relid));
	Form_pg_partitioned_table form;
	List	   *expressions;
	int			i;

	memset(key, 0, sizeof(DgKey));
	if (!HeapTupleIsValid(tuple))
		return;
	form = (Form_pg_partitioned_table) GETSTRUCT(tuple);
	expressions = expressions_of(PARTRELID, tuple,
								 Anum_pg_partitioned_table_partexprs);
	add_elements(key, relid, form->partattrs.values, form->partnatts,
				 expressions);
	for (i = 0; i < key->nelements; i++)
		key->elements[i].maybe_null = true; /* routed before NOT NULL */
	key->text = expressions == NIL ? text_of_columns(key) :
									 text_of_partitions(relid);
	ReleaseSysCache(tuple);
}

/* Columns of a foreign key, whose names the server prints without quotes. */
void
dg_key_of_columns(DgKey *key, Oid relid, List *columns)
{
	ListCell   *lc;

	memset(key, 0, sizeof(DgKey));
	key->elements = palloc0(sizeof(DgKeyElement) * (list_length(columns) + 1));
	foreach(lc, columns)
	{
		Oid			type = get_atttype(relid, get_attnum(relid, lfirst(lc)));

		if (!OidIsValid(type))
		{
			key->nelements = 0;
			return;
		}
		key->elements[key->nelements++].type = type;
	}
	key->columns = columns;
	key->text = dg_key_join(columns);
}

/* Elements by their attribute numbers; 0 takes the next expression. */
static void
add_elements(DgKey *key, Oid relid, const int16 *attnums, int natts,
			 List *expressions)
{
	ListCell   *next = list_head(expressions);
	int			i;

	key->elements = palloc0(sizeof(DgKeyElement) * natts);
	for (i = 0; i < natts; i++)
	{
		if (attnums[i] != 0)
		{
			if (!add_column(key, relid, attnums[i]))
				break;
			continue;
		}
		if (next == NULL)
			break;
		add_expression(key, relid, lfirst(next));
		next = lnext(expressions, next);
	}
	if (i < natts)				/* dropped in between */
	{
		key->nelements = 0;
		key->columns = NIL;
	}
}

/* One plain column; false when it is gone. */
static bool
add_column(DgKey *key, Oid relid, AttrNumber attnum)
{
	DgKeyElement *element = &key->elements[key->nelements++];
	HeapTuple	tuple = SearchSysCache2(ATTNUM, ObjectIdGetDatum(relid),
									  Int16GetDatum(attnum));
	Form_pg_attribute form;

	if (!HeapTupleIsValid(tuple))
		return false;
	form = (Form_pg_attribute) GETSTRUCT(tuple);
	element->type = form->atttypid;
	element->maybe_null = !form->attnotnull;
	key->columns = append_name(key->columns, NameStr(form->attname));
	ReleaseSysCache(tuple);
	return true;
}

/* One expression, and the columns inside it. */
static void
add_expression(DgKey *key, Oid relid, Node *expr)
{
	DgKeyElement *element = &key->elements[key->nelements++];
	Bitmapset  *attnums = NULL;
	int			member = -1;

	pull_varattnos(expr, 1, &attnums);
	while ((member = bms_next_member(attnums, member)) >= 0)
	{
		AttrNumber	attnum = member + FirstLowInvalidHeapAttributeNumber;
		char	   *name = get_attname(relid, attnum, true);

		if (name != NULL)
			key->columns = append_name(key->columns, name);
	}
	element->type = exprType(expr);
	element->maybe_null = true;
}

/* The expressions stored in a catalog row, or NIL. */
static List *
expressions_of(int cache, HeapTuple tuple, AttrNumber column)
{
	bool		isnull;
	Datum		stored = SysCacheGetAttr(cache, tuple, column, &isnull);

	if (isnull)
		return NIL;
	return castNode(List, stringToNode(TextDatumGetCString(stored)));
}

/* The text of a key that consists of columns: quoted where need be. */
static const char *
text_of_columns(const DgKey *key)
{
	StringInfoData text;
	ListCell   *lc;

	/* an index may name a column twice; then go without */
	if (list_length(key->columns) != key->nelements)
		return NULL;
	initStringInfo(&text);
	foreach(lc, key->columns)
	{
		if (text.len > 0)
			appendStringInfoString(&text, ", ");
		appendStringInfoString(&text, quote_identifier(lfirst(lc)));
	}
	return text.data;
}

/*
 * The text of an index with expressions, or NULL.  Deparsing raises an error
 * for a table that is gone, so its lock is taken, but never waited for: we
 * would rather know less than wait for somebody's ALTER TABLE.
 */
static const char *
text_of_index(Oid relid, Oid indexid, int natts)
{
	StringInfoData buf;
	int			keyno;

	if (!ConditionalLockRelationOid(relid, AccessShareLock))
		return NULL;
	initStringInfo(&buf);
	for (keyno = 1; keyno <= natts; keyno++)
	{
		LOCAL_FCINFO(fcinfo, 3);
		Datum		result;

		InitFunctionCallInfoData(*fcinfo, NULL, 3, InvalidOid, NULL, NULL);
		fcinfo->args[0].value = ObjectIdGetDatum(indexid);
		fcinfo->args[0].isnull = false;
		fcinfo->args[1].value = Int32GetDatum(keyno);
		fcinfo->args[1].isnull = false;
		fcinfo->args[2].value = BoolGetDatum(true);
		fcinfo->args[2].isnull = false;
		result = pg_get_indexdef_ext(fcinfo);
		if (fcinfo->isnull)
			break;
		if (buf.len > 0)
			appendStringInfoString(&buf, ", ");
		appendStringInfoString(&buf, TextDatumGetCString(result));
	}
	UnlockRelationOid(relid, AccessShareLock);
	return keyno > natts ? buf.data : NULL;
}

/* The same for a partition key. */
static const char *
text_of_partitions(Oid relid)
{
	const char *text = NULL;

	if (!ConditionalLockRelationOid(relid, AccessShareLock))
		return NULL;
	if (SearchSysCacheExists1(PARTRELID, ObjectIdGetDatum(relid)))
		text = pg_get_partkeydef_columns(relid, true);
	UnlockRelationOid(relid, AccessShareLock);
	return text;
}

/* Appends a name that is not in the list yet. */
static List *
append_name(List *names, const char *name)
{
	ListCell   *lc;

	foreach(lc, names)
	{
		if (strcmp(lfirst(lc), name) == 0)
			return names;
	}
	return lappend(names, pstrdup(name));
}

/*
 * Whether the text begins with the key's own text in parentheses and
 * "between", as in "(a, b)=(1, 2)"; then *values is what follows.
 */
bool
dg_key_begins(const DgKey *key, const char *text, const char *between,
			  const char **values)
{
	char	   *head;

	if (key->nelements == 0 || key->text == NULL)
		return false;
	head = psprintf("(%s)%s(", key->text, between);
	if (strncmp(text, head, strlen(head)) != 0)
		return false;
	*values = text + strlen(head);
	return true;
}

/*
 * Whether a DETAIL in words that we do not know can be about this key: its
 * columns stand there as the server prints them, or none do.
 */
bool
dg_key_may_be_in(const DgKey *key, const char *detail)
{
	if (key->text == NULL || strstr(detail, ")=(") == NULL)
		return true;
	return strstr(detail, psprintf("(%s)=(", key->text)) != NULL;
}

/* Names with commas between them, as the server prints a foreign key's. */
char *
dg_key_join(List *names)
{
	StringInfoData joined;
	ListCell   *lc;

	initStringInfo(&joined);
	foreach(lc, names)
	{
		if (joined.len > 0)
			appendStringInfoString(&joined, ", ");
		appendStringInfoString(&joined, lfirst(lc));
	}
	return joined.data;
}
