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
 * creates.  The same way goes everything that is no table with an arbiter of
 * its own for all rows: views, foreign tables, tables with row security, those
 * that Citus manages, rows with different arbiters; and rows whose key a BEFORE
 * trigger rewrote, so that nobody can say which row of the batch a created one
 * is.
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

static void create(DgBatch *batch, int *keys, int nkeys);
static void forget_created(DgBatch *batch, int *keys, int nkeys);
static void check_created(DgBatch *batch, int *keys, int nkeys);
static void check_found(DgBatch *batch, DgBatchRow *row);
static void go_row_by_row(DgBatch *batch);
static void go_row(DgBatch *batch, DgBatchRow *row);

/*
 * Finds or creates every row of a batch that has been read and folded.
 */
void
dg_batch_get_or_create(DgBatch *batch)
{
	if (batch->arbiter != NULL)
	{
		int		   *missing = dg_batch_all_keys(batch);
		int			nmissing;

		dg_batch_look(batch, missing, batch->nkeys);
		nmissing = dg_batch_keep_missing(batch, missing, batch->nkeys);
		if (nmissing > 0)
			dg_creation_check(batch->call.rel);
		if (nmissing > 0 && dg_batch_may_insert(batch))
			create(batch, missing, nmissing);
		pfree(missing);
		dg_batch_answer(batch);
	}
	go_row_by_row(batch);
}

/*
 * May rows of the relation be created by one statement?  Where row security
 * applies, a conflict with a row that is hidden is an error that one row alone
 * should get.  Citus does not know the rows of a tuplestore.
 */
bool
dg_batch_may_insert(DgBatch *batch)
{
	return !batch->call.target->is_distributed &&
		   check_enable_rls(RelationGetRelid(batch->call.rel), InvalidOid,
							true) != RLS_ENABLED;
}

/*
 * Creates the rows of these keys, or looks up what others have created.  Keys
 * have no row afterwards when that did not come to an end.
 */
static void
create(DgBatch *batch, int *keys, int nkeys)
{
	int			rounds = dg_creation_rounds(batch->call.rel);
	MemoryContext context = AllocSetContextCreate(batch->context,
												  "duplicate_guard created rows",
												  ALLOCSET_DEFAULT_SIZES);

	dg_batch_sort(batch, keys, nkeys);
	for (int round = 0; round < rounds; round++)
	{
		DgBatchOutcome outcome;

		CHECK_FOR_INTERRUPTS();
		outcome = dg_batch_try(batch, dg_batch_create, keys, nkeys, context);
		if (outcome == DG_BATCH_DONE)
			return;
		forget_created(batch, keys, nkeys);
		MemoryContextReset(context);
		nkeys = dg_batch_keep_missing(batch, keys, nkeys);
		if (outcome == DG_BATCH_LOST)
			return;
	}
}

/*
 * One round, in a subtransaction that stays only if the step brought every key
 * its row.
 */
DgBatchOutcome
dg_batch_try(DgBatch *batch, DgBatchStep step, int *keys, int nkeys,
			 MemoryContext context)
{
	MemoryContext old = CurrentMemoryContext;
	ResourceOwner owner = CurrentResourceOwner;
	volatile DgBatchOutcome outcome = DG_BATCH_AGAIN;
	ErrorData *volatile error = NULL;

	BeginInternalSubTransaction(NULL);
	MemoryContextSwitchTo(old);
	PG_TRY();
	{
		outcome = step(batch, keys, nkeys, context);
	}
	PG_CATCH();
	{
		MemoryContextSwitchTo(old);
		error = CopyErrorData();
		FlushErrorState();
	}
	PG_END_TRY();
	if (error == NULL && outcome == DG_BATCH_DONE)
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
 * The step that creates the rows of these keys, which are sorted and have none,
 * and looks for those that others have created meanwhile.  Created records are
 * in that context.
 */
DgBatchOutcome
dg_batch_create(DgBatch *batch, int *keys, int nkeys, MemoryContext context)
{
	int			ncreated = dg_batch_insert(batch, keys, nkeys, context);
	int		   *rest;
	int			nrest;

	if (ncreated < 0)
		return DG_BATCH_LOST;
	check_created(batch, keys, nkeys);
	if (ncreated == nkeys)
		return DG_BATCH_DONE;

	rest = MemoryContextAllocHuge(context, nkeys * sizeof(int));
	memcpy(rest, keys, nkeys * sizeof(int));
	nrest = dg_batch_keep_missing(batch, rest, nkeys);
	dg_batch_look(batch, rest, nrest);
	return dg_batch_keep_missing(batch, rest, nrest) == 0 ? DG_BATCH_DONE :
															DG_BATCH_AGAIN;
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
 * Gives the rows that have no record yet that of their key, if it has one.
 */
void
dg_batch_answer(DgBatch *batch)
{
	for (int i = 0; i < batch->nrows; i++)
	{
		DgBatchRow *row = &batch->rows[i];
		DgBatchKey *key = &batch->keys[row->key];

		if (row->record == (Datum) 0)
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

	if (bms_is_empty(batch->arbiter->residual))
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
	for (int i = 0; i < batch->nrows; i++)
	{
		DgBatchRow *row = &batch->rows[i];

		CHECK_FOR_INTERRUPTS();
		if (row->record == (Datum) 0)
			go_row(batch, row);
	}
	batch->position = 0;
}

/*
 * One row, as get_or_create does it.
 */
static void
go_row(DgBatch *batch, DgBatchRow *row)
{
	MemoryContext old = MemoryContextSwitchTo(batch->scratch);
	DgCall		call = {.rel = batch->call.rel, .is_of_batch = true};
	Datum		record;

	batch->position = row - batch->rows + 1;
	dg_progress_phase(batch->progress, DG_ROW_BY_ROW, batch->nrows);
	dg_progress_done(batch->progress, batch->position - 1);
	dg_batch_split(batch, row, &call.lookup, &call.defaults);
	dg_guard_open(&call, &batch->memo, batch->arbiter_name, true);
	row->created = dg_guard_get_or_create(&call, &record);
	MemoryContextSwitchTo(batch->context);
	row->record = datumCopy(record, false, -1);
	MemoryContextSwitchTo(old);
	MemoryContextReset(batch->scratch);
}
