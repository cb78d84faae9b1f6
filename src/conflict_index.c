/*
 * conflict_index.c
 *		The existing rows that a row would meet in unique and exclusion
 *		indexes.
 *
 * The rows are selected from the target by the operators, collations and
 * predicate of the index, so the planner can use that index, and the caller's
 * privileges and row security decide which of the rows he sees.  An index that
 * only a partition has is asked through the target as well, with the
 * partition's bounds as a further condition.
 */
#include "postgres.h"

#include "catalog/partition.h"
#include "catalog/pg_type.h"
#include "nodes/makefuncs.h"
#include "utils/lsyscache.h"
#include "utils/multirangetypes.h"
#include "utils/partcache.h"
#include "utils/rangetypes.h"
#include "utils/rel.h"

#include "conflicts.h"
#include "statement.h"

/* What is being looked for, for the callback that takes the rows */
typedef struct Meeting
{
	DgConflicts *conflicts;
	DgIndex    *index;
	const char *constraint;		/* as declared at the root of the partitions */
	List	   *columns;
} Meeting;

static bool is_asked_above(DgIndex *index);
static int	compare_names(const ListCell *a, const ListCell *b);
static void look_in(DgConflicts *conflicts, DgRow *row, DgIndex *index);
static bool is_empty(Oid type, Datum value);
static void add_empty(DgConflicts *conflicts, DgRow *row, DgIndex *index);
static Node *bounds_of(DgConflicts *conflicts, DgRow *row);
static const char *declared_name(DgIndex *index);
static List *columns_of(Relation rel, DgIndex *index);
static void take(Datum record, void *arg);

/*
 * All indexes that an INSERT minds, those not valid yet included, by name.  A
 * partition's index that belongs to one of its parent is looked at there.
 */
void
dg_conflict_indexes(DgConflicts *conflicts)
{
	ListCell   *lc;
	ListCell   *lc2;

	foreach(lc, conflicts->rows)
	{
		DgRow	   *row = lfirst(lc);
		DgTarget   *target = dg_target_get(row->rel);
		List	   *indexes;

		dg_index_load(row->rel, target);
		indexes = list_copy(target->indexes);
		list_sort(indexes, compare_names);
		foreach(lc2, indexes)
		{
			DgIndex    *index = lfirst(lc2);

			if (index->nkeys > 0 && index->enforced &&
				(dg_conflicts_is_top(conflicts, row) || !is_asked_above(index)))
				look_in(conflicts, row, index);
		}
	}
}

/*
 * Does it belong to an index of a table above this partition that is complete,
 * so that its rows are found there?
 */
static bool
is_asked_above(DgIndex *index)
{
	ListCell   *lc;

	if (!get_rel_relispartition(index->indexoid))
		return false;
	foreach(lc, get_partition_ancestors(index->indexoid))
	{
		if (get_index_isvalid(lfirst_oid(lc)))
			return true;
	}
	return false;
}

/*
 * For list_sort.
 */
static int
compare_names(const ListCell *a, const ListCell *b)
{
	return strcmp(((DgIndex *) lfirst(a))->name,
				  ((DgIndex *) lfirst(b))->name);
}

/*
 * Reports the rows that the row would meet in one index.  None if the row
 * would not be in it, or has a null that makes it unlike any other.  An empty
 * range meets none, but WITHOUT OVERLAPS forbids it.
 */
static void
look_in(DgConflicts *conflicts, DgRow *row, DgIndex *index)
{
	Meeting		meeting = {conflicts, index, declared_name(index),
					   columns_of(row->rel, index)};
	Datum		values[INDEX_MAX_KEYS];
	bool		isnull[INDEX_MAX_KEYS];
	char		nulls[INDEX_MAX_KEYS];
	Bitmapset  *null_keys = NULL;
	char	   *sql;

	/* the predicate first, as in an INSERT: it may guard the expressions */
	if (!dg_row_enters(row, index) || !dg_row_key(row, index, values, isnull))
		return;
	if (index->temporal && !isnull[index->nkeys - 1] &&
		is_empty(index->types[index->nkeys - 1], values[index->nkeys - 1]))
	{
		add_empty(conflicts, row, index);
		return;
	}
	for (int i = 0; i < index->nkeys; i++)
	{
		if (isnull[i] && !index->nulls_not_distinct)
			return;
		if (isnull[i])
			null_keys = bms_add_member(null_keys, i);
		nulls[i] = isnull[i] ? 'n' : ' ';
	}
	sql = dg_statement_text_conflicts(conflicts->rel, row->rel, index,
									  null_keys, bounds_of(conflicts, row));
	dg_statement_each(sql, index->nkeys, index->types, values, nulls, take,
					  &meeting);
}

/*
 * Is that a range without values, or a multirange?
 */
static bool
is_empty(Oid type, Datum value)
{
	switch (get_typtype(getBaseType(type)))
	{
		case TYPTYPE_RANGE:
			return RangeIsEmpty(DatumGetRangeTypeP(value));
		case TYPTYPE_MULTIRANGE:
			return MultirangeIsEmpty(DatumGetMultirangeTypeP(value));
	}
	return false;
}

/*
 * Reports the empty range as the server does: by its column, once, without the
 * name of the constraint.
 */
static void
add_empty(DgConflicts *conflicts, DgRow *row, DgIndex *index)
{
	AttrNumber	attnum = index->attnums[index->nkeys - 1];

	if (bms_is_member(attnum, row->empty))
		return;
	row->empty = bms_add_member(row->empty, attnum);
	dg_conflicts_add(conflicts, DG_CHECK_VIOLATION, NULL,
					 dg_conflicts_column(row->rel, attnum, NIL), NULL);
}

/*
 * The bounds of the partition that has this row; NULL for the target itself.
 */
static Node *
bounds_of(DgConflicts *conflicts, DgRow *row)
{
	if (dg_conflicts_is_top(conflicts, row))
		return NULL;
	return (Node *) make_ands_explicit(RelationGetPartitionQual(row->rel));
}

/*
 * The name under which integrity_error reports it: that of the topmost index
 * that it belongs to.
 */
static const char *
declared_name(DgIndex *index)
{
	if (!get_rel_relispartition(index->indexoid))
		return index->name;
	return get_rel_name(llast_oid(get_partition_ancestors(index->indexoid)));
}

/*
 * The columns of the index's key, those inside its expressions too.
 */
static List *
columns_of(Relation rel, DgIndex *index)
{
	ListCell   *next_expr = list_head(index->stored_exprs);
	List	   *names = NIL;

	for (int i = 0; i < index->nkeys; i++)
	{
		if (index->attnums[i] != InvalidAttrNumber)
		{
			names = dg_conflicts_column(rel, index->attnums[i], names);
			continue;
		}
		names = dg_conflicts_columns(rel, lfirst(next_expr), names);
		next_expr = lnext(index->stored_exprs, next_expr);
	}
	return names;
}

/*
 * Reports one row.
 */
static void
take(Datum record, void *arg)
{
	Meeting    *meeting = arg;

	dg_conflicts_add(meeting->conflicts,
					 meeting->index->exclusion ? DG_EXCLUSION_VIOLATION :
												 DG_UNIQUE_VIOLATION,
					 meeting->constraint, meeting->columns, &record);
}
