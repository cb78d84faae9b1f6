/*
 * batch.c
 *		Get, create, get again, for many rows at once.
 *
 * The answers are those of get_or_create called for the rows one after the
 * other: of rows with the same key the first creates, the others find.  But all
 * keys are looked up first, and what is missing is created by one INSERT … ON
 * CONFLICT DO NOTHING.
 *
 * No deadlock.  A session that inserts waits for another one's uncommitted row
 * with the same key, while it holds the keys that it has inserted itself.  Two
 * batches wait for each other in two ways:
 *
 * 1. They insert in different orders.  So the rows are inserted in the order of
 *	  the arbiter's operators, all by one statement, rows that name different
 *	  columns included: whoever holds a key waits for greater ones only.
 * 2. One comes back.  A key that was met by the INSERT can be gone when it is
 *	  looked up again, since its row was deleted meanwhile.  To insert it now
 *	  would be to wait for a key while holding greater ones.  So what the INSERT
 *	  has created is undone, by rolling back the one subtransaction of the call,
 *	  which gives the keys free, and all that is missing is inserted anew.
 *
 * The keys that the transaction holds from earlier, and what triggers, foreign
 * keys and other unique indexes lock, are as for any INSERT in that order.
 *
 * The loop ends as that in guard.c does, after as many rounds.  What is left
 * then goes row by row through the guard, which raises the accurate error or
 * creates.  The same way goes everything that is no table with an arbiter of its
 * own for all rows: views, foreign tables, tables with row security, rows with
 * different arbiters; and rows whose key was rewritten by a BEFORE trigger, so
 * that nobody can say which row of the batch a created one is.
 *
 * The rounds work on a list of the keys that are missing.  A row that the look
 * has found stays the answer, whatever becomes of it: it was there during the
 * call.
 */
#include "postgres.h"

#include "access/xact.h"
#include "catalog/pg_class.h"
#include "miscadmin.h"
#include "utils/datum.h"
#include "utils/memutils.h"
#include "utils/rel.h"
#include "utils/resowner.h"
#include "utils/rls.h"

#include "batch.h"
#include "creation.h"
#include "guard.h"
#include "look.h"
#include "probe.h"

typedef enum Outcome
{
	DONE,						/* every key has its row */
	AGAIN,						/* some have none; nothing was created */
	LOST						/* a trigger rewrote a key; likewise */
} Outcome;

static int *missing_keys(DgBatch *batch, int *nmissing);
static void look(DgBatch *batch, int *keys, int nkeys);
static bool probe(DgBatch *batch, int *keys, int nkeys);
static void look_one_by_one(DgBatch *batch, int *keys, int nkeys);
static int	keep_missing(DgBatch *batch, int *keys, int nkeys);
static bool may_insert_together(Relation rel);
static bool create(DgBatch *batch, int *keys, int *nkeys);
static Outcome try_create(DgBatch *batch, int *keys, int nkeys,
						  MemoryContext context);
static Outcome create_and_look(DgBatch *batch, int *keys, int nkeys,
							   MemoryContext context);
static void forget_created(DgBatch *batch, int *keys, int nkeys);
static void check_created(DgBatch *batch, int *keys, int nkeys);
static void answer(DgBatch *batch);
static void check_found(DgBatch *batch, DgBatchRow *row);
static void go_row_by_row(DgBatch *batch);
static void go_row(DgBatch *batch, DgBatchRow *row, DgMemo *memo);

/*
 * Finds or creates every row.  The batch's call has its relation and as lookup
 * the key columns; context, scratch and the arbiter's name are set.
 */
void
dg_batch_get_or_create(DgBatch *batch, DgMemo *memo, Jsonb *rows)
{
	ErrorContextCallback callback = {
		.previous = error_context_stack,
		.callback = dg_batch_context,
		.arg = batch};
	int		   *missing;
	int			nmissing;

	batch->call.is_of_batch = true;
	dg_call_open(&batch->call, memo);
	batch->inputs = MemoryContextAllocZero(batch->context,
										   batch->call.target->desc->natts *
											   sizeof(DgInput *));
	if (rows == NULL)
		return;
	error_context_stack = &callback;
	dg_batch_read(batch, rows);
	dg_batch_fold(batch);
	if (batch->arbiter != NULL)
	{
		missing = missing_keys(batch, &nmissing);
		look(batch, missing, nmissing);
		nmissing = keep_missing(batch, missing, nmissing);
		if (nmissing > 0)
			dg_creation_check(batch->call.rel);
		if (nmissing > 0 && may_insert_together(batch->call.rel))
			(void) create(batch, missing, &nmissing);
		pfree(missing);
		answer(batch);
	}
	go_row_by_row(batch);
	error_context_stack = callback.previous;
}

/*
 * A list of all keys.
 */
static int *
missing_keys(DgBatch *batch, int *nmissing)
{
	int		   *keys = MemoryContextAllocHuge(batch->context,
									   Max(batch->nkeys, 1) * sizeof(int));

	for (int i = 0; i < batch->nkeys; i++)
		keys[i] = i;
	*nmissing = batch->nkeys;
	return keys;
}

/*
 * Looks for the rows of these keys.
 */
static void
look(DgBatch *batch, int *keys, int nkeys)
{
	if (nkeys == 0)
		return;
	if (!dg_probe_possible(batch->call.rel) || !probe(batch, keys, nkeys))
		look_one_by_one(batch, keys, nkeys);
}

/*
 * In the arbiter itself, under one snapshot.  False when that may not be used.
 */
static bool
probe(DgBatch *batch, int *keys, int nkeys)
{
	MemoryContext old = MemoryContextSwitchTo(batch->context);
	DgProbe		state;
	bool		usable;

	usable = dg_probe_begin(&state, batch->call.rel, batch->call.target,
							batch->arbiter->index);
	for (int i = 0; usable && i < nkeys; i++)
	{
		DgBatchKey *key = &batch->keys[keys[i]];

		CHECK_FOR_INTERRUPTS();
		(void) dg_probe_search(&state, key->values, key->nulls, &key->record);
	}
	if (usable)
		dg_probe_end(&state);
	MemoryContextSwitchTo(old);
	return usable;
}

/*
 * Through SQL.
 */
static void
look_one_by_one(DgBatch *batch, int *keys, int nkeys)
{
	DgCall	   *call = &batch->call;
	int			n = batch->arbiter->index->nkeys;

	call->arbiter = batch->arbiter;
	for (int i = 0; i < nkeys; i++)
	{
		DgBatchKey *key = &batch->keys[keys[i]];
		MemoryContext old = MemoryContextSwitchTo(batch->scratch);
		Datum		record;

		CHECK_FOR_INTERRUPTS();
		memcpy(call->key.values, key->values, n * sizeof(Datum));
		memcpy(call->key.nulls, key->nulls, n * sizeof(bool));
		if (dg_look(call, InvalidSnapshot, &record))
		{
			MemoryContextSwitchTo(batch->context);
			key->record = datumCopy(record, false, -1);
		}
		MemoryContextSwitchTo(old);
		MemoryContextReset(batch->scratch);
	}
}

/*
 * Drops the keys that have a row from the list; returns how many are left.
 */
static int
keep_missing(DgBatch *batch, int *keys, int nkeys)
{
	int			nmissing = 0;

	for (int i = 0; i < nkeys; i++)
	{
		if (batch->keys[keys[i]].record == (Datum) 0)
			keys[nmissing++] = keys[i];
	}
	return nmissing;
}

/*
 * May rows of that relation be created by one statement?  Where row security
 * applies, a conflict with a row that is hidden is an error that one row alone
 * should get.
 */
static bool
may_insert_together(Relation rel)
{
	return check_enable_rls(RelationGetRelid(rel), InvalidOid, true) !=
		   RLS_ENABLED;
}

/*
 * Creates the rows of these keys, or looks up what others have created.  False,
 * with the keys that have no row yet, when that did not come to an end.
 */
static bool
create(DgBatch *batch, int *keys, int *nkeys)
{
	int			rounds = dg_creation_rounds(batch->call.rel);
	MemoryContext context = AllocSetContextCreate(batch->context,
												  "duplicate_guard created rows",
												  ALLOCSET_DEFAULT_SIZES);

	dg_batch_sort(batch, keys, *nkeys);
	for (int round = 0; round < rounds; round++)
	{
		Outcome		outcome;

		CHECK_FOR_INTERRUPTS();
		outcome = try_create(batch, keys, *nkeys, context);
		if (outcome == DONE)
			return true;
		forget_created(batch, keys, *nkeys);
		MemoryContextReset(context);
		*nkeys = keep_missing(batch, keys, *nkeys);
		if (outcome == LOST)
			break;
	}
	return false;
}

/*
 * One round, in a subtransaction that stays only if it brought every key its
 * row.
 */
static Outcome
try_create(DgBatch *batch, int *keys, int nkeys, MemoryContext context)
{
	MemoryContext old = CurrentMemoryContext;
	ResourceOwner owner = CurrentResourceOwner;
	volatile Outcome outcome = AGAIN;
	ErrorData *volatile error = NULL;

	BeginInternalSubTransaction(NULL);
	MemoryContextSwitchTo(old);
	PG_TRY();
	{
		outcome = create_and_look(batch, keys, nkeys, context);
	}
	PG_CATCH();
	{
		MemoryContextSwitchTo(old);
		error = CopyErrorData();
		FlushErrorState();
	}
	PG_END_TRY();
	if (error == NULL && outcome == DONE)
		ReleaseCurrentSubTransaction();
	else
		RollbackAndReleaseCurrentSubTransaction();
	MemoryContextSwitchTo(old);
	CurrentResourceOwner = owner;
	if (error != NULL)
		ReThrowError(error);
	return outcome;
}

/*
 * What happens in it.
 */
static Outcome
create_and_look(DgBatch *batch, int *keys, int nkeys, MemoryContext context)
{
	int			ncreated = dg_batch_insert(batch, keys, nkeys, context);
	int		   *rest;
	int			nrest;

	if (ncreated < 0)
		return LOST;
	check_created(batch, keys, nkeys);
	if (ncreated == nkeys)
		return DONE;

	rest = MemoryContextAllocHuge(context, nkeys * sizeof(int));
	memcpy(rest, keys, nkeys * sizeof(int));
	nrest = keep_missing(batch, rest, nkeys);
	look(batch, rest, nrest);
	return keep_missing(batch, rest, nrest) == 0 ? DONE : AGAIN;
}

/*
 * After a rollback: what was created is missing again.
 */
static void
forget_created(DgBatch *batch, int *keys, int nkeys)
{
	for (int i = 0; i < nkeys; i++)
	{
		DgBatchKey *key = &batch->keys[keys[i]];

		if (key->created)
			key->record = (Datum) 0;
		key->created = false;
	}
}

/*
 * 22023 when one of the created rows would not be found by the next call.
 */
static void
check_created(DgBatch *batch, int *keys, int nkeys)
{
	if (batch->arbiter->index->predicate == NIL)
		return;
	batch->call.arbiter = batch->arbiter;
	for (int i = 0; i < nkeys; i++)
	{
		DgBatchKey *key = &batch->keys[keys[i]];
		MemoryContext old = MemoryContextSwitchTo(batch->scratch);

		batch->position = key->first + 1;
		if (key->created)
			dg_guard_check_created(&batch->call, key->record);
		MemoryContextSwitchTo(old);
		MemoryContextReset(batch->scratch);
	}
	batch->position = 0;
}

/*
 * Gives the rows their keys' records.
 */
static void
answer(DgBatch *batch)
{
	for (int i = 0; i < batch->nrows; i++)
	{
		DgBatchRow *row = &batch->rows[i];
		DgBatchKey *key = &batch->keys[row->key];

		row->record = key->record;
		row->created = key->created && key->first == i;
		if (row->record != (Datum) 0 && !row->created)
			check_found(batch, row);
	}
	batch->position = 0;
}

/*
 * 23505 when the row has the key, but not the other key columns' values.
 */
static void
check_found(DgBatch *batch, DgBatchRow *row)
{
	MemoryContext old;

	if (batch->arbiter->residual == NULL)
		return;
	old = MemoryContextSwitchTo(batch->scratch);
	batch->call.arbiter = batch->arbiter;
	dg_batch_convert(batch, row, batch->call.shape->lookup->attrs);
	dg_guard_check_found(&batch->call, row->record);
	MemoryContextSwitchTo(old);
	MemoryContextReset(batch->scratch);
}

/*
 * What has no answer yet, in the order of the rows.
 */
static void
go_row_by_row(DgBatch *batch)
{
	DgMemo		memo = {.relid = RelationGetRelid(batch->call.rel)};

	for (int i = 0; i < batch->nrows; i++)
	{
		DgBatchRow *row = &batch->rows[i];

		CHECK_FOR_INTERRUPTS();
		if (row->record == (Datum) 0)
			go_row(batch, row, &memo);
	}
	batch->position = 0;
}

/*
 * One row, as get_or_create does it.
 */
static void
go_row(DgBatch *batch, DgBatchRow *row, DgMemo *memo)
{
	MemoryContext old = MemoryContextSwitchTo(batch->scratch);
	DgCall		call = {.rel = batch->call.rel, .is_of_batch = true};
	Datum		record;

	batch->position = row - batch->rows + 1;
	dg_batch_split(batch, row, &call.lookup, &call.defaults);
	dg_guard_open(&call, memo, batch->arbiter_name, true);
	row->created = dg_guard_get_or_create(&call, &record);
	MemoryContextSwitchTo(batch->context);
	row->record = datumCopy(record, false, -1);
	MemoryContextSwitchTo(old);
	MemoryContextReset(batch->scratch);
}
