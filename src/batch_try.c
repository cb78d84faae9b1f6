/*
 * batch_try.c
 *		Creates rows of which some may not be possible.
 *
 * The rows are inserted in their order, as many as possible by one statement in
 * one subtransaction, so that good rows cost no subtransaction each.  When
 * that fails, it is undone.  Mostly it is known which row failed, since the
 * rows that the statement has returned so far are those before it: these are
 * inserted again, the failing one is tried alone, which gives its error with
 * all that belongs to it, and the next statement begins behind it.  Otherwise
 * (triggers that run at the end of the statement, as those of foreign keys do)
 * the rows are halved until it is.
 *
 * How many rows are taken at once follows from how it went: half as many after
 * a failure, twice as many after a success.  So what is done in vain is never
 * more than a multiple of what is done, however many rows fail.
 *
 * The answers are those of try_create called for the rows one after the other,
 * but that a statement checks what triggers check at its end, with all its rows
 * in place: rows may refer to one another.
 *
 * Views and tables with rules go row by row.
 */
#include "postgres.h"

#include "access/xact.h"
#include "catalog/pg_class.h"
#include "miscadmin.h"
#include "utils/datum.h"
#include "utils/memutils.h"
#include "utils/rel.h"
#include "utils/resowner.h"

#include "batch.h"
#include "capture.h"
#include "try_create.h"

static bool may_insert_together(DgBatch *batch);
static void create_range(DgBatch *batch, int from, int to);
static int	create_some(DgBatch *batch, int from, int to);
static ErrorData *insert_range(DgBatch *batch, int from, int to,
							   int *ncreated, int *failing);
static void note_created(DgBatch *batch, int from, int to);
static void forget(DgBatch *batch, int from, int to);
static void create_one(DgBatch *batch, int i);

/*
 * Gives every row of a batch that has been read its record or its error.
 */
void
dg_batch_try_create(DgBatch *batch)
{
	dg_progress_phase(batch->progress, DG_CREATING_ROWS, batch->nrows);
	if (may_insert_together(batch))
		create_range(batch, 0, batch->nrows);
	else
	{
		for (int i = 0; i < batch->nrows; i++)
			create_one(batch, i);
	}
	batch->position = 0;
}

/*
 * May rows of that relation be created by one statement, and are they the rows
 * that it returns?
 */
static bool
may_insert_together(DgBatch *batch)
{
	Relation	rel = batch->call.rel;

	return rel->rd_rules == NULL && !batch->call.target->is_distributed &&
		   (rel->rd_rel->relkind == RELKIND_RELATION ||
			rel->rd_rel->relkind == RELKIND_PARTITIONED_TABLE);
}

/*
 * The rows of that range, the end of which is not in it.
 */
static void
create_range(DgBatch *batch, int from, int to)
{
	int			size = to - from;

	check_stack_depth();
	while (from < to)
	{
		int			some = Min(size, to - from);
		int			done;

		CHECK_FOR_INTERRUPTS();
		done = create_some(batch, from, from + some);
		size = done == some ? Max(size, some * 2) : Max(size / 2, 1);
		from += done;
	}
}

/*
 * As many of them as are done after one failure; returns how many.
 */
static int
create_some(DgBatch *batch, int from, int to)
{
	int			ncreated = 0;
	int			failing = -1;
	ErrorData  *error;

	if (to - from == 1)
	{
		create_one(batch, from);
		return 1;
	}
	error = insert_range(batch, from, to, &ncreated, &failing);
	if (error == NULL && ncreated == to - from)
	{
		note_created(batch, from, to);
		return to - from;
	}
	forget(batch, from, to);
	if (failing < 0 && ncreated < to - from)
		failing = from + ncreated;
	if (error == NULL || failing < 0)
	{
		/* a row was suppressed, or one failed at the end: nobody knows which */
		failing = from + (to - from) / 2;
		create_range(batch, from, failing);
		return failing - from;
	}
	FreeErrorData(error);
	if (failing > from)
		create_range(batch, from, failing);
	create_one(batch, failing);
	return failing + 1 - from;
}

/*
 * Inserts the rows in a subtransaction.  Returns the error that ended it, if it
 * is one that we return; failing is the row whose values could not be converted
 * for it.  The subtransaction stays only if all rows came back.
 */
static ErrorData *
insert_range(DgBatch *batch, int from, int to, int *ncreated, int *failing)
{
	MemoryContext old = CurrentMemoryContext;
	ResourceOwner owner = CurrentResourceOwner;
	ErrorData *volatile error = NULL;
	int		   *rows = MemoryContextAllocHuge(batch->context,
									   (to - from) * sizeof(int));

	for (int i = from; i < to; i++)
		rows[i - from] = i;
	BeginInternalSubTransaction(NULL);
	MemoryContextSwitchTo(old);
	PG_TRY();
	{
		dg_batch_insert_all(batch, rows, to - from, batch->context, ncreated);
	}
	PG_CATCH();
	{
		MemoryContextSwitchTo(old);
		error = CopyErrorData();
		FlushErrorState();
	}
	PG_END_TRY();
	if (error == NULL && *ncreated == to - from)
		ReleaseCurrentSubTransaction();
	else
		RollbackAndReleaseCurrentSubTransaction();
	MemoryContextSwitchTo(old);
	CurrentResourceOwner = owner;

	if (error != NULL && !dg_try_create_answers(error))
		ReThrowError(error);
	if (error != NULL)
		dg_capture_repeats(error);
	*failing = batch->position - 1;
	batch->position = 0;
	batch->column = NULL;
	pfree(rows);
	return error;
}

/*
 * What came back stays.
 */
static void
note_created(DgBatch *batch, int from, int to)
{
	for (int i = from; i < to; i++)
		batch->rows[i].created = true;
}

/*
 * What came back was undone.
 */
static void
forget(DgBatch *batch, int from, int to)
{
	for (int i = from; i < to && batch->rows[i].record != (Datum) 0; i++)
	{
		pfree(DatumGetPointer(batch->rows[i].record));
		batch->rows[i].record = (Datum) 0;
	}
}

/*
 * One row, as try_create does it.
 */
static void
create_one(DgBatch *batch, int i)
{
	MemoryContext old = MemoryContextSwitchTo(batch->scratch);
	DgBatchRow *row = &batch->rows[i];
	DgCall		call = {.rel = batch->call.rel, .is_of_batch = true};
	ErrorData  *error;
	Datum		record;
	Datum		answer;

	CHECK_FOR_INTERRUPTS();
	batch->position = i + 1;
	dg_progress_done(batch->progress, i);
	dg_batch_split(batch, row, &call.lookup, &call.defaults);
	call.lookup = NULL;
	dg_call_open(&call, &batch->memo);
	error = dg_try_create(&call, &record);
	answer = error != NULL ? dg_try_create_error(&call, error) : record;
	MemoryContextSwitchTo(batch->context);
	answer = datumCopy(answer, false, -1);
	if (error != NULL)
		row->error = answer;
	else
		row->record = answer;
	row->created = (error == NULL);
	batch->position = 0;
	MemoryContextSwitchTo(old);
	MemoryContextReset(batch->scratch);
}
