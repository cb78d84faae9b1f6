/*
 * batch_insert.c
 *		Creates many rows with one INSERT.
 *
 * The rows are handed to the statement as a tuplestore with the columns that
 * any of them names.  Where a row does not name one of these, it gets the
 * column's default, evaluated here as COPY does it: one statement for all rows
 * cannot leave a column out of some of them.  A statement for each set of
 * columns would not do, since such statements together do not insert in key
 * order, and two sessions then deadlock.  Deparsing the default into a CASE
 * would not do for identity columns, nor for functions that the caller may
 * execute but not name.
 */
#include "postgres.h"

#include "access/xact.h"
#include "catalog/pg_type.h"
#include "executor/executor.h"
#include "executor/tuptable.h"
#include "miscadmin.h"
#include "nodes/nodeFuncs.h"
#include "optimizer/optimizer.h"
#include "rewrite/rewriteHandler.h"
#include "tcop/dest.h"
#include "utils/builtins.h"
#include "utils/datum.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/rel.h"
#include "utils/snapmgr.h"
#include "utils/tuplestore.h"

#include "batch.h"
#include "compat.h"
#include "receiver.h"

/* The columns of the statement, in the order of their numbers */
typedef struct Columns
{
	Bitmapset  *attrs;
	TupleDesc	desc;
	ExprState **defaults;		/* made when needed; NULL: none */
	bool	   *ready;
	ExprContext *econtext;
	MemoryContext context;		/* in which all this is */
} Columns;

/* Where the created rows go */
typedef struct Receiver
{
	DestReceiver pub;
	DgBatch    *batch;
	const int  *keys;			/* or rows */
	int			count;
	int			next;			/* those before it have been passed */
	int			ncreated;
	int		   *progress;		/* the same where an error may come */
	bool		lost;			/* a row was none of them */
	MemoryContext context;
} Receiver;

static void insert(DgBatch *batch, const int *rows, int nrows,
				   bool on_conflict, Receiver *receiver);
static void make_columns(DgBatch *batch, Columns *columns, const int *rows,
						 int nrows);
static Bitmapset *named_columns(DgBatch *batch, const int *rows, int nrows);
static Tuplestorestate *fill(DgBatch *batch, Columns *columns,
							 const int *rows, int nrows);
static void evaluate_defaults(DgBatch *batch, Columns *columns,
							  Bitmapset *named);
static void make_default(Relation rel, Columns *columns, int i,
						 AttrNumber attnum);
static Datum evaluate_default(Columns *columns, int i, bool *isnull);
static bool receive_by_key(TupleTableSlot *slot, DestReceiver *self);
static bool receive_in_order(TupleTableSlot *slot, DestReceiver *self);

/*
 * Inserts the first rows of these keys, which are sorted, but for those in
 * conflict.  Notes the records of those that were created, in that context.
 * Returns how many were, or -1 if a trigger gave a row another key, so that it
 * is not known whose it is.
 */
int
dg_batch_insert(DgBatch *batch, const int *keys, int nkeys,
				MemoryContext context)
{
	int		   *rows = MemoryContextAllocHuge(context, nkeys * sizeof(int));
	Receiver	receiver = {
		.batch = batch,
		.keys = keys,
		.count = nkeys,
		.context = context};

	for (int i = 0; i < nkeys; i++)
		rows[i] = batch->keys[keys[i]].first;
	dg_progress_phase(batch->progress, DG_CREATING_ROWS, nkeys);
	dg_receiver_init(&receiver.pub, receive_by_key);
	insert(batch, rows, nkeys, true, &receiver);
	pfree(rows);
	return receiver.lost ? -1 : receiver.ncreated;
}

/*
 * Inserts these rows, in their order, and notes their records in that context;
 * a conflict is an error.  ncreated counts those that have been inserted so
 * far, so that after an error it tells which row it was, unless a trigger
 * suppressed some; when they are less than they should be without an error,
 * one did.
 */
void
dg_batch_insert_all(DgBatch *batch, const int *rows, int nrows,
					MemoryContext context, int *ncreated)
{
	Receiver	receiver = {
		.batch = batch,
		.keys = rows,
		.count = nrows,
		.progress = ncreated,
		.context = context};

	*ncreated = 0;
	dg_receiver_init(&receiver.pub, receive_in_order);
	insert(batch, rows, nrows, false, &receiver);
}

/*
 * One statement for these rows.
 */
static void
insert(DgBatch *batch, const int *rows, int nrows, bool on_conflict,
	   Receiver *receiver)
{
	DgCall	   *call = &batch->call;
	Columns		columns = {0};
	Tuplestorestate *store;

	make_columns(batch, &columns, rows, nrows);
	store = fill(batch, &columns, rows, nrows);
	dg_statement_create_many(call->rel, call->shape, batch->arbiter,
							 on_conflict, columns.attrs, columns.desc, store,
							 &receiver->pub);
	tuplestore_end(store);
	FreeExprContext(columns.econtext, true);
}

/*
 * The columns that any of these rows names.
 */
static void
make_columns(DgBatch *batch, Columns *columns, const int *rows, int nrows)
{
	TupleDesc	desc = RelationGetDescr(batch->call.rel);
	int			attnum = -1;

	columns->context = CurrentMemoryContext;
	columns->attrs = named_columns(batch, rows, nrows);
	columns->desc = CreateTemplateTupleDesc(bms_num_members(columns->attrs));
	columns->defaults = palloc0(columns->desc->natts * sizeof(ExprState *));
	columns->ready = palloc0(columns->desc->natts * sizeof(bool));
	columns->econtext = CreateStandaloneExprContext();
	for (int i = 1;
		 (attnum = bms_next_member(columns->attrs, attnum)) >= 0;
		 i++)
		TupleDescCopyEntry(columns->desc, i, desc, attnum);
	TupleDescFinalize(columns->desc);
}

/*
 * The union of what these rows name and the call sets.
 */
static Bitmapset *
named_columns(DgBatch *batch, const int *rows, int nrows)
{
	DgRowNames *previous = NULL;
	Bitmapset  *attrs = bms_copy(batch->touched);

	for (int i = 0; i < nrows; i++)
	{
		DgRowNames *names = batch->rows[rows[i]].names;

		if (names != previous)
			attrs = bms_add_members(attrs, names->columns);
		previous = names;
	}
	return attrs;
}

/*
 * The rows for the statement, in this order.
 */
static Tuplestorestate *
fill(DgBatch *batch, Columns *columns, const int *rows, int nrows)
{
	Tuplestorestate *store = tuplestore_begin_heap(false, false, work_mem);
	DgCandidate *candidate = &batch->call.candidate;
	int			natts = columns->desc->natts;
	Datum	   *values = palloc(natts * sizeof(Datum));
	bool	   *nulls = palloc(natts * sizeof(bool));

	CommandCounterIncrement();
	PushActiveSnapshot(GetTransactionSnapshot());
	for (int k = 0; k < nrows; k++)
	{
		DgBatchRow *row = &batch->rows[rows[k]];
		MemoryContext old = MemoryContextSwitchTo(batch->scratch);
		int			attnum = -1;

		CHECK_FOR_INTERRUPTS();
		dg_batch_convert(batch, row, row->names->columns);
		if (!bms_equal(row->names->columns, columns->attrs))
			evaluate_defaults(batch, columns, row->names->columns);
		for (int i = 0;
			 (attnum = bms_next_member(columns->attrs, attnum)) >= 0;
			 i++)
		{
			values[i] = candidate->values[attnum - 1];
			nulls[i] = candidate->nulls[attnum - 1];
		}
		tuplestore_putvalues(store, columns->desc, values, nulls);
		MemoryContextSwitchTo(old);
		MemoryContextReset(batch->scratch);
		ResetExprContext(columns->econtext);
	}
	PopActiveSnapshot();
	batch->position = 0;
	return store;
}

/*
 * Puts the defaults of the columns that the row at hand does not name into the
 * candidate.
 */
static void
evaluate_defaults(DgBatch *batch, Columns *columns, Bitmapset *named)
{
	DgCandidate *candidate = &batch->call.candidate;
	int			attnum = -1;

	for (int i = 0;
		 (attnum = bms_next_member(columns->attrs, attnum)) >= 0;
		 i++)
	{
		if (bms_is_member(attnum, named) ||
			bms_is_member(attnum, batch->touched))
			continue;
		if (!columns->ready[i])
			make_default(batch->call.rel, columns, i, attnum);
		candidate->values[attnum - 1] =
			evaluate_default(columns, i, &candidate->nulls[attnum - 1]);
	}
}

/*
 * Makes the default of a column ready to be evaluated.
 */
static void
make_default(Relation rel, Columns *columns, int i, AttrNumber attnum)
{
	MemoryContext old = MemoryContextSwitchTo(columns->context);
	Expr	   *expr = (Expr *) build_column_default(rel, attnum);

	if (expr != NULL)
		columns->defaults[i] = ExecInitExpr(expression_planner(expr), NULL);
	columns->ready[i] = true;
	MemoryContextSwitchTo(old);
}

/*
 * One default.  Where a column has none it is NULL, which a domain may refuse.
 */
static Datum
evaluate_default(Columns *columns, int i, bool *isnull)
{
	Oid			type = TupleDescAttr(columns->desc, i)->atttypid;

	if (columns->defaults[i] != NULL)
		return ExecEvalExpr(columns->defaults[i], columns->econtext, isnull);
	*isnull = true;
	if (get_typtype(type) == TYPTYPE_DOMAIN)
		domain_check((Datum) 0, true, type, NULL, NULL);
	return (Datum) 0;
}

/*
 * Takes a row that was created.  They come in the order of the keys, without
 * those that were in conflict: so the keys are passed up to the one it has.
 */
static bool
receive_by_key(TupleTableSlot *slot, DestReceiver *self)
{
	Receiver   *receiver = (Receiver *) self;
	DgBatch    *batch = receiver->batch;
	MemoryContext old;
	Datum		record;
	bool		isnull;

	record = slot_getattr(slot, 1, &isnull);
	Assert(!isnull);
	while (receiver->next < receiver->count)
	{
		DgBatchKey *key = &batch->keys[receiver->keys[receiver->next++]];

		if (!dg_batch_has_key(batch, key, record))
			continue;
		dg_progress_done(batch->progress, receiver->next);
		old = MemoryContextSwitchTo(receiver->context);
		key->record = datumCopy(record, false, -1);
		key->created = true;
		MemoryContextSwitchTo(old);
		receiver->ncreated++;
		return true;
	}
	receiver->lost = true;
	return true;
}

/*
 * Takes the next one of all.
 */
static bool
receive_in_order(TupleTableSlot *slot, DestReceiver *self)
{
	Receiver   *receiver = (Receiver *) self;
	MemoryContext old = MemoryContextSwitchTo(receiver->context);
	DgBatchRow *row;
	bool		isnull;

	if (*receiver->progress >= receiver->count)
		elog(ERROR, "more rows were inserted than given");
	row = &receiver->batch->rows[receiver->keys[(*receiver->progress)++]];
	row->record = datumCopy(slot_getattr(slot, 1, &isnull), false, -1);
	dg_progress_done(receiver->batch->progress,
					 row - receiver->batch->rows + 1);
	MemoryContextSwitchTo(old);
	return true;
}
