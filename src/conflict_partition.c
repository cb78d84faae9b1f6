/*
 * conflict_partition.c
 *		Where a row belongs among the partitions of its table.
 *
 * The way down is the one that PostgreSQL takes, by the bounds that it keeps
 * for that; it ends where the partition key is unknown, since then nobody can
 * say in which partition the row would be.
 */
#include "postgres.h"

#include "access/table.h"
#include "catalog/partition.h"
#include "catalog/pg_class.h"
#include "nodes/makefuncs.h"
#include "partitioning/partbounds.h"
#include "partitioning/partdesc.h"
#include "utils/lsyscache.h"
#include "utils/partcache.h"
#include "utils/rel.h"

#include "conflicts.h"

static bool make_key(DgRow *row, PartitionKey key, Datum *values,
					 bool *nulls);
static Oid	partition_for(Relation rel, PartitionKey key, Datum *values,
						 bool *nulls);
static int	find_partition(PartitionKey key, PartitionBoundInfo bounds,
						  Datum *values, bool *nulls);
static List *key_columns(Relation rel, PartitionKey key);
static bool is_outside(DgRow *row);

/*
 * Adds the partitions that the row would go to, downwards, to the search; or
 * the conflict that there is none for it.  What is stored on another server
 * has no constraints here.
 */
void
dg_conflict_route(DgConflicts *conflicts)
{
	DgRow	   *row = linitial(conflicts->rows);

	while (row->rel->rd_rel->relkind == RELKIND_PARTITIONED_TABLE)
	{
		PartitionKey key = RelationGetPartitionKey(row->rel);
		Datum		values[PARTITION_MAX_KEYS];
		bool		nulls[PARTITION_MAX_KEYS];
		Oid			partition;

		if (!make_key(row, key, values, nulls))
			return;
		partition = partition_for(row->rel, key, values, nulls);
		if (!OidIsValid(partition))
		{
			dg_conflicts_add(conflicts, DG_PARTITION_NOT_FOUND, NULL,
							 key_columns(row->rel, key), NULL);
			return;
		}
		if (get_rel_relkind(partition) == RELKIND_FOREIGN_TABLE)
			return;
		row = dg_row_in_partition(row, table_open(partition, AccessShareLock));
		conflicts->rows = lappend(conflicts->rows, row);
	}
}

/*
 * The row's partition key; false when it is not known.
 */
static bool
make_key(DgRow *row, PartitionKey key, Datum *values, bool *nulls)
{
	ListCell   *next_expr = list_head(key->partexprs);

	for (int i = 0; i < key->partnatts; i++)
	{
		AttrNumber	attnum = key->partattrs[i];
		Expr	   *expr;

		if (attnum != InvalidAttrNumber)
		{
			if (!bms_is_member(attnum, row->known))
				return false;
			values[i] = dg_row_value(row, attnum, &nulls[i]);
			continue;
		}
		expr = lfirst(next_expr);
		next_expr = lnext(key->partexprs, next_expr);
		if (!dg_row_knows(row, dg_index_attributes(list_make1(expr))))
			return false;
		values[i] = dg_row_evaluate(row, expr, &nulls[i]);
	}
	return true;
}

/*
 * The partition for that key, or InvalidOid.
 */
static Oid
partition_for(Relation rel, PartitionKey key, Datum *values, bool *nulls)
{
	PartitionDesc desc = RelationGetPartitionDesc(rel, true);
	int			found = -1;

	if (desc->nparts == 0)
		return InvalidOid;
	found = find_partition(key, desc->boundinfo, values, nulls);
	if (found < 0)
		found = desc->boundinfo->default_index;
	return found < 0 ? InvalidOid : desc->oids[found];
}

/*
 * Its place in the list of partitions; -1 means that of the default partition,
 * if there is one.
 */
static int
find_partition(PartitionKey key, PartitionBoundInfo bounds, Datum *values,
			   bool *nulls)
{
	bool		equal = false;
	int			offset;

	if (key->strategy == PARTITION_STRATEGY_HASH)
	{
		uint64		hash = compute_partition_hash_value(key->partnatts,
												   key->partsupfunc,
												   key->partcollation,
												   values, nulls);

		return bounds->indexes[hash % bounds->nindexes];
	}
	if (key->strategy == PARTITION_STRATEGY_LIST)
	{
		if (nulls[0])
			return bounds->null_index;
		offset = partition_list_bsearch(key->partsupfunc, key->partcollation,
										bounds, values[0], &equal);
		return offset >= 0 && equal ? bounds->indexes[offset] : -1;
	}
	for (int i = 0; i < key->partnatts; i++)
	{
		if (nulls[i])
			return -1;
	}
	offset = partition_range_datum_bsearch(key->partsupfunc,
										   key->partcollation, bounds,
										   key->partnatts, values, &equal);
	return bounds->indexes[offset + 1];
}

/*
 * The columns that the partition key is made from.
 */
static List *
key_columns(Relation rel, PartitionKey key)
{
	ListCell   *next_expr = list_head(key->partexprs);
	List	   *names = NIL;

	for (int i = 0; i < key->partnatts; i++)
	{
		if (key->partattrs[i] != InvalidAttrNumber)
		{
			names = dg_conflicts_column(rel, key->partattrs[i], names);
			continue;
		}
		names = dg_conflicts_columns(rel, lfirst(next_expr), names);
		next_expr = lnext(key->partexprs, next_expr);
	}
	return names;
}

/*
 * The row must be one for the target when that is a partition itself.
 */
void
dg_conflict_partition(DgConflicts *conflicts)
{
	Relation	parent;

	if (!conflicts->rel->rd_rel->relispartition ||
		!is_outside(linitial(conflicts->rows)))
		return;
	parent = table_open(get_partition_parent(RelationGetRelid(conflicts->rel),
											 true),
						AccessShareLock);
	dg_conflicts_add(conflicts, DG_PARTITION_CONSTRAINT_VIOLATION, NULL,
					 key_columns(parent, RelationGetPartitionKey(parent)),
					 NULL);
	table_close(parent, NoLock);
}

/*
 * Is it certain that the row does not belong in this partition?
 */
static bool
is_outside(DgRow *row)
{
	List	   *qual = RelationGetPartitionQual(row->rel);
	bool		isnull;
	Datum		result;

	if (qual == NIL || !dg_row_knows(row, dg_index_attributes(qual)))
		return false;
	result = dg_row_evaluate(row, make_ands_explicit(qual), &isnull);
	return !isnull && !DatumGetBool(result);
}
