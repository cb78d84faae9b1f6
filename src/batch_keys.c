/*
 * batch_keys.c
 *		The keys of a batch: which rows have the same one, and their order.
 *
 * Rows have the same key when the arbiter's own equality says so, under its
 * collations: what would conflict in the index is one key here.  They are found
 * by hashing where the types' hash functions belong to that equality, else by
 * sorting.  Either takes n log n at most.
 *
 * The order is that of the arbiter's operator class, ascending.  Any order
 * would do to insert by, as long as every session has the same and equal keys
 * are neighbours; this is also the one in which the index is filled best, and
 * in which others write ORDER BY.
 */
#include "postgres.h"

#include "access/nbtree.h"
#include "common/hashfn.h"
#include "miscadmin.h"
#include "utils/datum.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/rel.h"
#include "utils/sortsupport.h"
#include "utils/typcache.h"

#include "batch.h"
#include "guard.h"

/* What the comparison function is given */
typedef struct KeyOrder
{
	DgBatch    *batch;
	int			ncolumns;
	SortSupportData columns[INDEX_MAX_KEYS];
} KeyOrder;

/* Where the keys are by their hash: open addressing, at most half full */
typedef struct KeyTable
{
	bool		usable;
	FmgrInfo   *functions[INDEX_MAX_KEYS];
	uint32		mask;
	int		   *slots;			/* index into keys, or -1 */
} KeyTable;

static void fold_row(DgBatch *batch, KeyTable *table, DgBatchRow *row);
static void make_table(DgBatch *batch, KeyTable *table);
static int	find_or_add(DgBatch *batch, KeyTable *table, DgBatchRow *row);
static uint32 hash_key(DgIndex *index, KeyTable *table, DgKey *key);
static int	add_key(DgBatch *batch, DgBatchRow *row, uint32 hash);
static bool equals_key(DgIndex *index, DgBatchKey *key, Datum *values,
					   bool *nulls);
static void fold_by_sorting(DgBatch *batch);
static void make_order(DgBatch *batch, KeyOrder *order);
static int	compare_indexes(const void *a, const void *b, void *arg);
static int	compare_keys(KeyOrder *order, DgBatchKey *left,
						DgBatchKey *right);

/*
 * Finds the arbiter of the rows and gives every row its key.  The arbiter stays
 * NULL when no index decides (views, foreign tables) or not the same one for
 * all rows; then there are no keys.  42P10 where an index should decide and
 * none does.
 */
void
dg_batch_fold(DgBatch *batch)
{
	DgArbiter  *arbiter = NULL;
	bool		same = true;
	KeyTable	table = {0};

	batch->keys = MemoryContextAllocHuge(batch->context,
										 Max(batch->nrows, 1) *
											 sizeof(DgBatchKey));
	dg_progress_phase(batch->progress, DG_READING_KEYS, batch->nrows);
	for (int i = 0; i < batch->nrows; i++)
	{
		DgBatchRow *row = &batch->rows[i];
		MemoryContext old = MemoryContextSwitchTo(batch->scratch);

		CHECK_FOR_INTERRUPTS();
		dg_progress_done(batch->progress, i);
		dg_batch_convert(batch, row, batch->call.shape->lookup->attrs);
		dg_guard_choose(&batch->call, batch->arbiter_name, true);
		MemoryContextSwitchTo(old);
		if (i == 0)
		{
			arbiter = batch->arbiter = batch->call.arbiter;
			make_table(batch, &table);
		}
		same = same && arbiter == batch->call.arbiter;
		if (same && arbiter != NULL)
			fold_row(batch, &table, row);
		MemoryContextReset(batch->scratch);
	}
	batch->position = 0;
	if (!same)
		batch->arbiter = NULL;
	if (batch->arbiter != NULL && !table.usable)
		fold_by_sorting(batch);
}

/*
 * Gives a row its key: a new one, where sorting is to find the equal ones.
 */
static void
fold_row(DgBatch *batch, KeyTable *table, DgBatchRow *row)
{
	row->key = table->usable ? find_or_add(batch, table, row) :
							   add_key(batch, row, 0);
}

/*
 * Finds the hash functions that belong to the arbiter's equality, and if there
 * are any for all its columns makes an empty table.
 */
static void
make_table(DgBatch *batch, KeyTable *table)
{
	DgIndex    *index;
	uint32		size = 64;

	if (batch->arbiter == NULL)
		return;
	index = batch->arbiter->index;
	for (int i = 0; i < index->nkeys; i++)
	{
		TypeCacheEntry *type = lookup_type_cache(index->types[i],
												 TYPECACHE_EQ_OPR |
													 TYPECACHE_HASH_PROC_FINFO);

		if (type->eq_opr != index->operators[i] ||
			!OidIsValid(type->hash_proc))
			return;
		table->functions[i] = &type->hash_proc_finfo;
	}
	while (size / 2 < batch->nrows)
		size *= 2;
	table->mask = size - 1;
	table->slots = MemoryContextAllocHuge(batch->context, size * sizeof(int));
	memset(table->slots, 0xFF, size * sizeof(int));
	table->usable = true;
}

/*
 * The key of the row, whose values are those of the call.
 */
static int
find_or_add(DgBatch *batch, KeyTable *table, DgBatchRow *row)
{
	DgIndex    *index = batch->arbiter->index;
	DgKey	   *key = &batch->call.key;
	uint32		hash = hash_key(index, table, key);
	uint32		slot = hash & table->mask;

	while (table->slots[slot] >= 0)
	{
		DgBatchKey *other = &batch->keys[table->slots[slot]];

		if (other->hash == hash &&
			equals_key(index, other, key->values, key->nulls))
			return table->slots[slot];
		slot = (slot + 1) & table->mask;
	}
	table->slots[slot] = add_key(batch, row, hash);
	return table->slots[slot];
}

/*
 * Over all columns; mixed at the end, since a type's function may be weak.
 */
static uint32
hash_key(DgIndex *index, KeyTable *table, DgKey *key)
{
	uint32		hash = 0;

	for (int i = 0; i < index->nkeys; i++)
	{
		Datum		column = 0;

		if (!key->nulls[i])
			column = FunctionCall1Coll(table->functions[i],
									   index->collations[i], key->values[i]);
		hash = hash_combine(hash, DatumGetUInt32(column));
	}
	return murmurhash32(hash);
}

/*
 * A new key with a copy of the call's values, first seen in that row.
 */
static int
add_key(DgBatch *batch, DgBatchRow *row, uint32 hash)
{
	MemoryContext old = MemoryContextSwitchTo(batch->context);
	DgIndex    *index = batch->arbiter->index;
	DgBatchKey *key = &batch->keys[batch->nkeys];
	int			n = index->nkeys;

	key->values = palloc(n * (sizeof(Datum) + sizeof(bool)));
	key->nulls = (bool *) &key->values[n];
	key->record = (Datum) 0;
	key->hash = hash;
	key->first = row - batch->rows;
	key->created = false;
	for (int i = 0; i < n; i++)
	{
		int16		length;
		bool		by_value;

		get_typlenbyval(index->types[i], &length, &by_value);
		key->nulls[i] = batch->call.key.nulls[i];
		if (!key->nulls[i])
			key->values[i] = datumCopy(batch->call.key.values[i], by_value,
									   length);
	}
	MemoryContextSwitchTo(old);
	return batch->nkeys++;
}

/*
 * By the arbiter's equality; two NULLs are equal, since where they are not no
 * row with one has come this far.
 */
static bool
equals_key(DgIndex *index, DgBatchKey *key, Datum *values, bool *nulls)
{
	for (int i = 0; i < index->nkeys; i++)
	{
		if (key->nulls[i] != nulls[i])
			return false;
		if (!nulls[i] &&
			!DatumGetBool(FunctionCall2Coll(&index->equals[i],
											index->collations[i],
											key->values[i], values[i])))
			return false;
	}
	return true;
}

/*
 * Has this row of the table that key?
 */
bool
dg_batch_has_key(DgBatch *batch, DgBatchKey *key, Datum record)
{
	MemoryContext old = MemoryContextSwitchTo(batch->scratch);
	DgKey		other;
	bool		result;

	dg_arbiter_key(batch->call.rel, batch->call.target, batch->arbiter,
				   record, &other);
	result = equals_key(batch->arbiter->index, key, other.values, other.nulls);
	MemoryContextSwitchTo(old);
	MemoryContextReset(batch->scratch);
	return result;
}

/*
 * Makes one key of equal ones, each of which was first seen in a row of its
 * own, and closes the gaps.
 */
static void
fold_by_sorting(DgBatch *batch)
{
	int			n = batch->nkeys;
	Size		size = Max(n, 1) * sizeof(int);
	int		   *sorted = MemoryContextAllocHuge(batch->context, size);
	int			first = 0;

	for (int i = 0; i < n; i++)
		sorted[i] = i;
	dg_batch_sort(batch, sorted, n);
	for (int i = 0; i < n; i++)
	{
		DgBatchKey *key = &batch->keys[sorted[i]];

		if (i == 0 || !equals_key(batch->arbiter->index, &batch->keys[first],
								  key->values, key->nulls))
			first = sorted[i];
		batch->rows[key->first].key = first;
	}

	/* rows and keys have the same numbers so far */
	batch->nkeys = 0;
	for (int i = 0; i < n; i++)
	{
		first = batch->rows[i].key;
		if (first == i)
		{
			sorted[i] = batch->nkeys;
			batch->keys[batch->nkeys++] = batch->keys[i];
		}
		batch->rows[i].key = sorted[first];
	}
	pfree(sorted);
}

/*
 * Sorts these keys; equal ones, if there are any left, by their first rows.
 */
void
dg_batch_sort(DgBatch *batch, int *keys, int nkeys)
{
	KeyOrder	order = {.batch = batch};
	MemoryContext context = AllocSetContextCreate(batch->context,
												  "duplicate_guard sort",
												  ALLOCSET_SMALL_SIZES);
	MemoryContext old = MemoryContextSwitchTo(context);

	make_order(batch, &order);
	qsort_arg(keys, nkeys, sizeof(int), compare_indexes, &order);
	MemoryContextSwitchTo(old);
	MemoryContextDelete(context);
}

/*
 * The operator classes' comparisons.
 */
static void
make_order(DgBatch *batch, KeyOrder *order)
{
	DgIndex    *index = batch->arbiter->index;

	order->ncolumns = index->nkeys;
	for (int i = 0; i < index->nkeys; i++)
	{
		SortSupport ssup = &order->columns[i];
		Oid			family = get_opclass_family(index->opclasses[i]);
		Oid			type = get_opclass_input_type(index->opclasses[i]);
		Oid			function;

		ssup->ssup_cxt = CurrentMemoryContext;
		ssup->ssup_collation = index->collations[i];
		ssup->ssup_attno = i + 1;
		function = get_opfamily_proc(family, type, type, BTSORTSUPPORT_PROC);
		if (OidIsValid(function))
			OidFunctionCall1(function, PointerGetDatum(ssup));
		if (ssup->comparator == NULL)
		{
			function = get_opfamily_proc(family, type, type, BTORDER_PROC);
			if (!OidIsValid(function))
				elog(ERROR, "operator class %u has no comparison function",
					 index->opclasses[i]);
			PrepareSortSupportComparisonShim(function, ssup);
		}
	}
}

/*
 * Of two indexes into keys.
 */
static int
compare_indexes(const void *a, const void *b, void *arg)
{
	KeyOrder   *order = arg;
	DgBatchKey *left = &order->batch->keys[*(const int *) a];
	DgBatchKey *right = &order->batch->keys[*(const int *) b];
	int			result = compare_keys(order, left, right);

	CHECK_FOR_INTERRUPTS();
	return result != 0 ? result : left->first - right->first;
}

/*
 * Of their values.
 */
static int
compare_keys(KeyOrder *order, DgBatchKey *left, DgBatchKey *right)
{
	for (int i = 0; i < order->ncolumns; i++)
	{
		int			result = ApplySortComparator(left->values[i],
										 left->nulls[i],
										 right->values[i],
										 right->nulls[i],
										 &order->columns[i]);

		if (result != 0)
			return result;
	}
	return 0;
}
