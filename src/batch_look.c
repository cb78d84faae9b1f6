/*
 * batch_look.c
 *		The look for the rows of many keys.
 */
#include "postgres.h"

#include "miscadmin.h"
#include "utils/datum.h"
#include "utils/memutils.h"

#include "batch.h"
#include "look.h"
#include "probe.h"

static bool probe(DgBatch *batch, int *keys, int nkeys);
static void look_one_by_one(DgBatch *batch, int *keys, int nkeys);

/*
 * A list of all keys.
 */
int *
dg_batch_all_keys(DgBatch *batch)
{
	int		   *keys = MemoryContextAllocHuge(batch->context,
									   Max(batch->nkeys, 1) * sizeof(int));

	for (int i = 0; i < batch->nkeys; i++)
		keys[i] = i;
	return keys;
}

/*
 * Looks for the rows of these keys.
 */
void
dg_batch_look(DgBatch *batch, int *keys, int nkeys)
{
	if (nkeys == 0)
		return;
	dg_progress_phase(batch->progress, DG_LOOKING_UP_ROWS, nkeys);
	if (!dg_probe_possible(batch->call.rel, batch->call.target) ||
		!probe(batch, keys, nkeys))
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
		dg_progress_done(batch->progress, i);
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
		dg_progress_done(batch->progress, i);
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
int
dg_batch_keep_missing(DgBatch *batch, int *keys, int nkeys)
{
	int			nmissing = 0;

	for (int i = 0; i < nkeys; i++)
	{
		if (batch->keys[keys[i]].record == (Datum) 0)
			keys[nmissing++] = keys[i];
	}
	return nmissing;
}
