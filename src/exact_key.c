/*
 * exact_key.c
 *		The exact values of the key that a failed INSERT collided with.
 *
 * The DETAIL of a unique or exclusion violation prints the key without quotes,
 * so that its values cannot always be told apart.  Who made the row can
 * compute them: from the candidate, through the violated index.
 *
 * A trigger may have changed the row, or have run into the same index with a
 * row of its own.  So the computed values are used only if they, printed as
 * the server does it, are what the DETAIL says.
 *
 * Who may see them.  The server leaves the DETAIL out for a caller who may not
 * read the key columns.  Then only a key that is made from nothing but the
 * values that the caller gave himself is shown, and only if no BEFORE
 * trigger could have made it something else.  What he learns besides, that
 * such a row exists, is what the error says anyway.
 */
#include "postgres.h"

#include "access/relation.h"
#include "access/table.h"
#include "catalog/index.h"
#include "catalog/namespace.h"
#include "catalog/partition.h"
#include "catalog/pg_class.h"
#include "commands/trigger.h"
#include "lib/stringinfo.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"
#include "utils/ruleutils.h"

#include "exact_key.h"
#include "row.h"

static Oid	violated_index(ErrorData *error);
static bool is_of(Relation rel, Oid table);
static DgIndex *find_index(Relation rel, Oid indexoid);
static bool is_certain(DgCall *call, DgRow *row, DgIndex *index,
					   DgRow *stored);
static Bitmapset *columns_by_name(DgRow *row, DgRow *stored,
								  Bitmapset *attrs);
static bool may_be_changed(Relation rel);
static const char **print_key(DgRow *row, DgIndex *index);
static bool is_printed(const char *detail, DgIndex *index,
					   const char **values);

/*
 * Adds the key values to the fields of an error that an INSERT of the call's
 * candidate has raised, if they are certain.
 */
void
dg_exact_key_add(DgCall *call, ErrorData *error, DgErrorFields *fields)
{
	Oid			indexoid = violated_index(error);
	Oid			table = InvalidOid;
	Relation	rel;
	DgIndex    *index;

	if (OidIsValid(indexoid))
		table = IndexGetRelation(indexoid, true);
	if (!OidIsValid(table) || !is_of(call->rel, table))
		return;
	rel = try_relation_open(table, AccessShareLock);
	if (rel == NULL)
		return;
	index = find_index(rel, indexoid);
	if (index != NULL)
	{
		DgRow	   *row = dg_row_make(call->rel, &call->candidate,
								 call->shape->defaults->attrs, NULL);
		DgRow	   *stored = dg_row_in_partition(row, rel);
		const char **values = print_key(stored, index);

		if (values != NULL &&
			(error->detail != NULL ?
				 is_printed(error->detail, index, values) :
				 is_certain(call, row, index, stored)))
		{
			fields->nkey_values = index->nkeys;
			fields->key_values = values;
		}
	}
	relation_close(rel, NoLock);
}

/*
 * The index that the server names in a unique or exclusion violation.
 */
static Oid
violated_index(ErrorData *error)
{
	Oid			schema;

	if ((error->sqlerrcode != ERRCODE_UNIQUE_VIOLATION &&
		 error->sqlerrcode != ERRCODE_EXCLUSION_VIOLATION) ||
		error->schema_name == NULL || error->constraint_name == NULL)
		return InvalidOid;
	schema = get_namespace_oid(error->schema_name, true);
	if (!OidIsValid(schema))
		return InvalidOid;
	return get_relname_relid(error->constraint_name, schema);
}

/*
 * Is that the table itself or one of its partitions?
 */
static bool
is_of(Relation rel, Oid table)
{
	if (table == RelationGetRelid(rel))
		return true;
	return rel->rd_rel->relkind == RELKIND_PARTITIONED_TABLE &&
		   get_rel_relispartition(table) &&
		   list_member_oid(get_partition_ancestors(table),
						   RelationGetRelid(rel));
}

/*
 * The definition of that index of the table, or NULL.
 */
static DgIndex *
find_index(Relation rel, Oid indexoid)
{
	DgTarget   *target = dg_target_get(rel);
	ListCell   *lc;

	dg_index_load(rel, target);
	foreach(lc, target->indexes)
	{
		DgIndex    *index = lfirst(lc);

		if (index->indexoid == indexoid)
			return index->nkeys > 0 ? index : NULL;
	}
	return NULL;
}

/*
 * Is the key made from what the caller gave, and from nothing else?
 */
static bool
is_certain(DgCall *call, DgRow *row, DgIndex *index, DgRow *stored)
{
	return !may_be_changed(row->rel) && !may_be_changed(stored->rel) &&
		   bms_is_subset(columns_by_name(row, stored, index->columns),
						 call->shape->defaults->attrs);
}

/*
 * The numbers in the target of these columns of a partition; 0 for what is no
 * column.
 */
static Bitmapset *
columns_by_name(DgRow *row, DgRow *stored, Bitmapset *attrs)
{
	Bitmapset  *result = NULL;
	int			attnum = -1;

	while ((attnum = bms_next_member(attrs, attnum)) >= 0)
	{
		const char *name;

		if (attnum == 0)
		{
			result = bms_add_member(result, 0);
			continue;
		}
		name = NameStr(TupleDescAttr(RelationGetDescr(stored->rel),
									 attnum - 1)
						   ->attname);
		result = bms_add_member(result,
								get_attnum(RelationGetRelid(row->rel), name));
	}
	return result;
}

/*
 * Could a BEFORE trigger make another row of it?
 */
static bool
may_be_changed(Relation rel)
{
	return rel->trigdesc != NULL && rel->trigdesc->trig_insert_before_row;
}

/*
 * The key as the types' output functions write it; NULL when it is not known.
 */
static const char **
print_key(DgRow *row, DgIndex *index)
{
	Datum		values[INDEX_MAX_KEYS];
	bool		nulls[INDEX_MAX_KEYS];
	const char **texts;

	if (!dg_row_key(row, index, values, nulls))
		return NULL;
	texts = palloc(index->nkeys * sizeof(char *));
	for (int i = 0; i < index->nkeys; i++)
	{
		Oid			output;
		bool		is_varlena;

		getTypeOutputInfo(index->types[i], &output, &is_varlena);
		texts[i] = nulls[i] ? NULL : OidOutputFunctionCall(output, values[i]);
	}
	return texts;
}

/*
 * Does the DETAIL, in whatever language, speak of these values?
 */
static bool
is_printed(const char *detail, DgIndex *index, const char **values)
{
	char	   *columns = psprintf("(%s)=(",
							 pg_get_indexdef_columns(index->indexoid, true));
	const char *begin = strstr(detail, columns);
	StringInfoData key;

	if (begin == NULL)
		return false;
	initStringInfo(&key);
	for (int i = 0; i < index->nkeys; i++)
		appendStringInfo(&key, "%s%s", i > 0 ? ", " : "",
						 values[i] != NULL ? values[i] : "null");
	appendStringInfoChar(&key, ')');
	return strncmp(begin + strlen(columns), key.data, key.len) == 0;
}
