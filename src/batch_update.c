/*
 * batch_update.c
 *		Get, update, create, for many rows at once.
 *
 * The answers are those of update_or_create called for the elements one after
 * the other: the first one with a key creates or updates, a later one updates
 * what the earlier ones left, so that its values win.
 *
 * All keys are looked up first, without a lock.  Where nothing differs that is
 * the answer, and costs no more.  What is missing is created by one INSERT in
 * key order (batch.c); then the rows that differ are locked, compared again and
 * updated, in key order, too.
 *
 * No deadlock among such batches.  Whoever inserts holds new keys and waits for
 * greater ones, or for somebody who is updating; whoever updates waits for
 * greater rows that others are updating, and for nobody who is inserting, since
 * their new rows are not visible yet.  Nobody goes back from updating to
 * inserting: when a row has gone before it could be locked, all that the call
 * has written is undone, and what is not settled is looked up again.
 *
 * What does not come to an end in this way goes row by row, as in batch.c.
 */
#include "postgres.h"

#include "miscadmin.h"
#include "utils/datum.h"
#include "utils/memutils.h"
#include "utils/rel.h"

#include "batch.h"
#include "creation.h"
#include "guard.h"
#include "image.h"
#include "update_or_create.h"

static void link_rows(DgBatch *batch);
static void convert_touch(DgBatch *batch);
static void settle(DgBatch *batch, int *keys, int nkeys);
static int	keep_unsettled(DgBatch *batch, int *keys, int nkeys);
static bool key_differs(DgBatch *batch, DgBatchKey *key);
static bool row_differs(DgBatch *batch, DgBatchRow *row, Datum record);
static DgColumns *other_columns(DgBatch *batch, DgRowNames *names);
static void check_possible(DgBatch *batch, int *keys, int nkeys);
static DgBatchOutcome write_rows(DgBatch *batch, int *keys, int nkeys,
								 MemoryContext context);
static DgBatchOutcome update_key(DgBatch *batch, DgBatchKey *key,
								 MemoryContext context);
static bool update_row(DgBatch *batch, DgBatchRow *row, DgBatchKey *key,
					   MemoryContext context);
static void forget(DgBatch *batch, int *keys, int nkeys);
static void go_row_by_row(DgBatch *batch);
static void go_row(DgBatch *batch, DgBatchRow *row);
static void make_call(DgBatch *batch, DgBatchRow *row, DgCall *call);

/*
 * Finds, updates or creates every row of a batch that has been read and folded.
 */
void
dg_batch_update_or_create(DgBatch *batch)
{
	if (batch->arbiter != NULL && dg_batch_may_insert(batch))
	{
		int		   *keys = dg_batch_all_keys(batch);

		link_rows(batch);
		settle(batch, keys, batch->nkeys);
		pfree(keys);
		dg_batch_answer(batch);
	}
	go_row_by_row(batch);
}

/*
 * Links the rows with the same key, in their order.
 */
static void
link_rows(DgBatch *batch)
{
	Size		size = Max(batch->nrows, 1) * sizeof(int);
	int		   *latest = MemoryContextAllocHuge(batch->context,
										 Max(batch->nkeys, 1) *
											 sizeof(int));

	batch->next = MemoryContextAllocHuge(batch->context, size);
	for (int i = 0; i < batch->nkeys; i++)
		latest[i] = -1;
	for (int i = batch->nrows - 1; i >= 0; i--)
	{
		batch->next[i] = latest[batch->rows[i].key];
		latest[batch->rows[i].key] = i;
	}
	pfree(latest);
}

/*
 * The values that all created rows get, once and for all; not before something
 * is to be written.
 */
static void
convert_touch(DgBatch *batch)
{
	MemoryContext old = MemoryContextSwitchTo(batch->context);

	if (batch->touched != NULL)
		dg_candidate_convert(&batch->call.candidate, batch->call.shape->touch,
							 batch->call.touch);
	MemoryContextSwitchTo(old);
}

/*
 * Brings every key its row, as the elements want it.  Keys have none afterwards
 * when that did not come to an end.
 */
static void
settle(DgBatch *batch, int *keys, int nkeys)
{
	int			rounds = dg_creation_rounds(batch->call.rel);
	MemoryContext context = AllocSetContextCreate(batch->context,
												  "duplicate_guard written rows",
												  ALLOCSET_DEFAULT_SIZES);

	for (int round = 0; round < rounds; round++)
	{
		DgBatchOutcome outcome;

		CHECK_FOR_INTERRUPTS();
		dg_batch_look(batch, keys, nkeys);
		nkeys = keep_unsettled(batch, keys, nkeys);
		if (nkeys == 0)
			return;
		check_possible(batch, keys, nkeys);
		if (round == 0)
		{
			convert_touch(batch);
			dg_batch_sort(batch, keys, nkeys);
		}
		outcome = dg_batch_try(batch, write_rows, keys, nkeys, context);
		if (outcome == DG_BATCH_DONE)
			return;
		forget(batch, keys, nkeys);
		MemoryContextReset(context);
		if (outcome == DG_BATCH_LOST)
			return;
	}
}

/*
 * Drops the keys whose row is as it should be from the list; returns how many
 * are left.
 */
static int
keep_unsettled(DgBatch *batch, int *keys, int nkeys)
{
	int			nunsettled = 0;

	dg_progress_phase(batch->progress, DG_COMPARING_ROWS, nkeys);
	for (int i = 0; i < nkeys; i++)
	{
		DgBatchKey *key = &batch->keys[keys[i]];

		CHECK_FOR_INTERRUPTS();
		dg_progress_done(batch->progress, i);
		if (key->record == (Datum) 0 || key_differs(batch, key))
			keys[nunsettled++] = keys[i];
	}
	batch->position = 0;
	return nunsettled;
}

/*
 * Does the row differ from what any of its elements wants?
 */
static bool
key_differs(DgBatch *batch, DgBatchKey *key)
{
	for (int i = key->first; i >= 0; i = batch->next[i])
	{
		if (row_differs(batch, &batch->rows[i], key->record))
			return true;
	}
	return false;
}

/*
 * Does the record differ from this element?
 */
static bool
row_differs(DgBatch *batch, DgBatchRow *row, Datum record)
{
	DgColumns  *columns = other_columns(batch, row->names);
	MemoryContext old = MemoryContextSwitchTo(batch->scratch);
	bool		result;

	dg_batch_convert(batch, row, columns->attrs);
	result = dg_image_differs(batch->call.rel, &batch->call.candidate,
							  columns, record);
	MemoryContextSwitchTo(old);
	MemoryContextReset(batch->scratch);
	return result;
}

/*
 * The columns that a row names besides those of the key.
 */
static DgColumns *
other_columns(DgBatch *batch, DgRowNames *names)
{
	DgColumns  *columns = &names->others;
	MemoryContext old;
	int			attnum = -1;

	if (columns->attnums != NULL)
		return columns;
	old = MemoryContextSwitchTo(batch->context);
	columns->attrs = bms_difference(names->columns,
									batch->call.shape->lookup->attrs);
	columns->attnums = palloc((bms_num_members(columns->attrs) + 1) *
							  sizeof(AttrNumber));
	while ((attnum = bms_next_member(columns->attrs, attnum)) >= 0)
		columns->attnums[columns->ncolumns++] = attnum;
	MemoryContextSwitchTo(old);
	return columns;
}

/*
 * Refuses where nothing can be created, if some rows are missing, or updated,
 * if some are there.
 */
static void
check_possible(DgBatch *batch, int *keys, int nkeys)
{
	bool		create = false;
	bool		update = false;

	for (int i = 0; i < nkeys && !(create && update); i++)
	{
		if (batch->keys[keys[i]].record == (Datum) 0)
			create = true;
		else
			update = true;
	}
	if (create)
		dg_creation_check(batch->call.rel);
	if (update)
		dg_creation_check_update(batch->call.rel);
}

/*
 * The step that creates what is missing and updates what differs.
 */
static DgBatchOutcome
write_rows(DgBatch *batch, int *keys, int nkeys, MemoryContext context)
{
	int		   *missing = MemoryContextAllocHuge(context, nkeys * sizeof(int));
	int			nmissing;
	DgBatchOutcome outcome = DG_BATCH_DONE;

	memcpy(missing, keys, nkeys * sizeof(int));
	nmissing = dg_batch_keep_missing(batch, missing, nkeys);
	if (nmissing > 0)
		outcome = dg_batch_create(batch, missing, nmissing, context);
	if (outcome == DG_BATCH_DONE)
		dg_progress_phase(batch->progress, DG_UPDATING_ROWS, nkeys);
	for (int i = 0; i < nkeys && outcome == DG_BATCH_DONE; i++)
	{
		CHECK_FOR_INTERRUPTS();
		dg_progress_done(batch->progress, i);
		outcome = update_key(batch, &batch->keys[keys[i]], context);
	}
	batch->position = 0;
	return outcome;
}

/*
 * Lets the elements of a key update its row, one after the other, but for the
 * one that has created it, and gives each the row as it left it.  Again when
 * the row has gone.  When an element itself took it out of the arbiter's
 * predicate, or a trigger of its update did, the next round would do no better.
 */
static DgBatchOutcome
update_key(DgBatch *batch, DgBatchKey *key, MemoryContext context)
{
	bool		updated = false;

	for (int i = key->first; i >= 0; i = batch->next[i])
	{
		DgBatchRow *row = &batch->rows[i];
		bool		is_creator = key->created && i == key->first;

		if (updated && !dg_arbiter_admits(batch->call.rel, batch->call.target,
										  batch->arbiter, key->record))
			return DG_BATCH_LOST;
		if (!is_creator && row_differs(batch, row, key->record))
		{
			if (!update_row(batch, row, key, context))
				return updated ? DG_BATCH_LOST : DG_BATCH_AGAIN;
			updated = true;
		}
		row->record = key->record;
	}
	return DG_BATCH_DONE;
}

/*
 * One of them.
 */
static bool
update_row(DgBatch *batch, DgBatchRow *row, DgBatchKey *key,
		   MemoryContext context)
{
	MemoryContext old = MemoryContextSwitchTo(batch->scratch);
	Datum		record = key->record;
	DgCall		call;
	DgOutcome	outcome;

	make_call(batch, row, &call);
	outcome = dg_update_found(&call, &record);
	if (outcome != DG_GONE)
	{
		MemoryContextSwitchTo(context);
		key->record = datumCopy(record, false, -1);
		row->updated = (outcome == DG_UPDATED);
	}
	MemoryContextSwitchTo(old);
	MemoryContextReset(batch->scratch);
	return outcome != DG_GONE;
}

/*
 * After a rollback: nothing is known of these keys.
 */
static void
forget(DgBatch *batch, int *keys, int nkeys)
{
	for (int i = 0; i < nkeys; i++)
	{
		DgBatchKey *key = &batch->keys[keys[i]];

		key->record = (Datum) 0;
		key->created = false;
		for (int j = key->first; j >= 0; j = batch->next[j])
		{
			batch->rows[j].record = (Datum) 0;
			batch->rows[j].updated = false;
		}
	}
}

/*
 * What has no answer yet, in the order of the rows.
 */
static void
go_row_by_row(DgBatch *batch)
{
	for (int i = 0; i < batch->nrows; i++)
	{
		CHECK_FOR_INTERRUPTS();
		if (batch->rows[i].record == (Datum) 0)
			go_row(batch, &batch->rows[i]);
	}
	batch->position = 0;
}

/*
 * One row, as update_or_create does it.
 */
static void
go_row(DgBatch *batch, DgBatchRow *row)
{
	MemoryContext old = MemoryContextSwitchTo(batch->scratch);
	DgCall		call;
	Datum		record;
	DgOutcome	outcome;

	dg_progress_phase(batch->progress, DG_ROW_BY_ROW, batch->nrows);
	dg_progress_done(batch->progress, row - batch->rows);
	make_call(batch, row, &call);
	outcome = dg_update_or_create(&call, &record);
	row->created = (outcome == DG_CREATED);
	row->updated = (outcome == DG_UPDATED);
	MemoryContextSwitchTo(batch->context);
	row->record = datumCopy(record, false, -1);
	MemoryContextSwitchTo(old);
	MemoryContextReset(batch->scratch);
}

/*
 * The row as a call of its own, in the current memory context.
 */
static void
make_call(DgBatch *batch, DgBatchRow *row, DgCall *call)
{
	memset(call, 0, sizeof(DgCall));
	call->rel = batch->call.rel;
	call->is_of_batch = true;
	call->updates = true;
	call->touch = batch->call.touch;
	batch->position = row - batch->rows + 1;
	dg_batch_split(batch, row, &call->lookup, &call->defaults);
	call->create_defaults = call->defaults;
	dg_guard_open(call, &batch->memo, batch->arbiter_name, true);
}
