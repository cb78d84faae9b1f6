/*
 * many.c
 *		The SQL functions that take many rows.
 *
 * They answer in Materialize mode: everything is done when the function
 * returns, however many rows of the answer are fetched.
 */
#include "postgres.h"

#include "access/relation.h"
#include "catalog/pg_type.h"
#include "fmgr.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/memutils.h"
#include "utils/rel.h"
#include "utils/tuplestore.h"

#include "batch.h"
#include "compat.h"

PG_FUNCTION_INFO_V1(duplicate_guard_get_or_create_many);
PG_FUNCTION_INFO_V1(duplicate_guard_update_or_create_many);
PG_FUNCTION_INFO_V1(duplicate_guard_try_create_many);

static Datum get_or_create_many(FunctionCallInfo fcinfo);
static Datum update_or_create_many(FunctionCallInfo fcinfo);
static Datum try_create_many(FunctionCallInfo fcinfo);
static DgBatch *begin_batch(FunctionCallInfo fcinfo);
static Datum run(FunctionCallInfo fcinfo, DgBatch *batch, DgCommand command,
				 void (*work)(DgBatch *));
static void work_visibly(DgBatch *batch, Jsonb *rows, DgCommand command,
						 void (*work)(DgBatch *));
static void read_and_work(DgBatch *batch, Jsonb *rows,
						  void (*work)(DgBatch *));
static void answer_row(ReturnSetInfo *info, int ordinality, DgBatchRow *row,
					   bool tried);
static Jsonb *key_columns(FunctionCallInfo fcinfo, int argno);
static void check_key_columns(ArrayType *array, Datum *names, bool *nulls,
							  int nnames);
static void check_repeated(Datum *names, int nnames);
static void begin_answer(FunctionCallInfo fcinfo);

/*
 * get_or_create_many(target anyelement, rows jsonb, key_columns text[],
 * arbiter text)
 */
Datum
duplicate_guard_get_or_create_many(PG_FUNCTION_ARGS)
{
	return dg_target_bracket(fcinfo, get_or_create_many);
}

/*
 * The call inside its bracket.
 */
static Datum
get_or_create_many(FunctionCallInfo fcinfo)
{
	DgBatch    *batch = begin_batch(fcinfo);

	batch->call.lookup = key_columns(fcinfo, 2);
	if (!PG_ARGISNULL(3))
		batch->arbiter_name = text_to_cstring(PG_GETARG_TEXT_PP(3));
	return run(fcinfo, batch, DG_GET_OR_CREATE_MANY, dg_batch_get_or_create);
}

/*
 * update_or_create_many(target anyelement, rows jsonb, key_columns text[],
 * touch jsonb, arbiter text)
 */
Datum
duplicate_guard_update_or_create_many(PG_FUNCTION_ARGS)
{
	return dg_target_bracket(fcinfo, update_or_create_many);
}

/*
 * The call inside its bracket.
 */
static Datum
update_or_create_many(FunctionCallInfo fcinfo)
{
	DgBatch    *batch = begin_batch(fcinfo);

	batch->call.updates = true;
	batch->call.lookup = key_columns(fcinfo, 2);
	batch->call.touch = dg_candidate_object(fcinfo, 3, "touch", true);
	if (!PG_ARGISNULL(4))
		batch->arbiter_name = text_to_cstring(PG_GETARG_TEXT_PP(4));
	return run(fcinfo, batch, DG_UPDATE_OR_CREATE_MANY,
			   dg_batch_update_or_create);
}

/*
 * try_create_many(target anyelement, rows jsonb)
 */
Datum
duplicate_guard_try_create_many(PG_FUNCTION_ARGS)
{
	return dg_target_bracket(fcinfo, try_create_many);
}

/*
 * The call inside its bracket.
 */
static Datum
try_create_many(FunctionCallInfo fcinfo)
{
	return run(fcinfo, begin_batch(fcinfo), DG_TRY_CREATE_MANY,
			   dg_batch_try_create);
}

/*
 * An empty batch, with the store of its answer.
 */
static DgBatch *
begin_batch(FunctionCallInfo fcinfo)
{
	DgBatch    *batch = palloc0(sizeof(DgBatch));

	(void) dg_target_memo(fcinfo);	/* the target is checked first */
	begin_answer(fcinfo);
	batch->context = AllocSetContextCreate(CurrentMemoryContext,
										   "duplicate_guard batch",
										   ALLOCSET_DEFAULT_SIZES);
	batch->scratch = AllocSetContextCreate(batch->context,
										   "duplicate_guard batch row",
										   ALLOCSET_DEFAULT_SIZES);
	return batch;
}

/*
 * Does the work on the rows, argument 1 of all three, and answers.
 */
static Datum
run(FunctionCallInfo fcinfo, DgBatch *batch, DgCommand command,
	void (*work)(DgBatch *))
{
	ReturnSetInfo *info = (ReturnSetInfo *) fcinfo->resultinfo;
	DgMemo	   *memo = dg_target_memo(fcinfo);
	Jsonb	   *rows = PG_ARGISNULL(1) ? NULL : PG_GETARG_JSONB_P(1);

	batch->call.rel = dg_target_open(memo);
	dg_batch_open(batch, memo);
	if (rows != NULL)
		work_visibly(batch, rows, command, work);
	for (int i = 0; i < batch->nrows; i++)
		answer_row(info, i + 1, &batch->rows[i],
				   command == DG_TRY_CREATE_MANY);
	relation_close(batch->call.rel, NoLock);
	MemoryContextDelete(batch->context);
	return (Datum) 0;
}

/*
 * Reads the rows and does the work, while others can see how far it has come.
 */
static void
work_visibly(DgBatch *batch, Jsonb *rows, DgCommand command,
			 void (*work)(DgBatch *))
{
	batch->progress = dg_progress_begin(command,
										RelationGetRelid(batch->call.rel));
	PG_TRY();
	{
		read_and_work(batch, rows, work);
	}
	PG_FINALLY();
	{
		dg_progress_end(batch->progress);
	}
	PG_END_TRY();
}

/*
 * The same, with the row at hand as the context of errors.
 */
static void
read_and_work(DgBatch *batch, Jsonb *rows, void (*work)(DgBatch *))
{
	ErrorContextCallback callback = {
		.previous = error_context_stack,
		.callback = dg_batch_context,
		.arg = batch};

	error_context_stack = &callback;
	dg_batch_read(batch, rows);
	if (batch->call.lookup != NULL)
		dg_batch_fold(batch);
	work(batch);
	error_context_stack = callback.previous;
}

/*
 * (ordinality, record, was_created), and then was_updated where rows may be
 * updated, or the error where creating them was only tried.
 */
static void
answer_row(ReturnSetInfo *info, int ordinality, DgBatchRow *row, bool tried)
{
	Datum		values[4] = {
		Int32GetDatum(ordinality),
		row->record,
		BoolGetDatum(row->created),
		tried ? row->error : BoolGetDatum(row->updated)};
	bool		nulls[4] = {
		false,
		tried && !row->created,
		false,
		tried && row->created};

	tuplestore_putvalues(info->setResult, info->setDesc, values, nulls);
}

/*
 * The names given as key_columns, as an object that names these columns.  22004
 * and 22023 for what names none.
 */
static Jsonb *
key_columns(FunctionCallInfo fcinfo, int argno)
{
	ArrayType  *array;
	JsonbInState state = {0};
	JsonbValue	null = {.type = jbvNull};
	Datum	   *names;
	bool	   *nulls;
	int			nnames;

	if (PG_ARGISNULL(argno))
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("key_columns must not be null"),
				 errhint("Give the names of the columns that identify a row, for example ARRAY['name'].")));
	array = PG_GETARG_ARRAYTYPE_P(argno);
	deconstruct_array(array, TEXTOID, -1, false, TYPALIGN_INT, &names, &nulls,
					  &nnames);
	check_key_columns(array, names, nulls, nnames);

	pushJsonbValue(&state, WJB_BEGIN_OBJECT, NULL);
	for (int i = 0; i < nnames; i++)
	{
		JsonbValue	name = {.type = jbvString};

		name.val.string.val = TextDatumGetCString(names[i]);
		name.val.string.len = strlen(name.val.string.val);
		pushJsonbValue(&state, WJB_KEY, &name);
		pushJsonbValue(&state, WJB_VALUE, &null);
	}
	pushJsonbValue(&state, WJB_END_OBJECT, NULL);
	return JsonbValueToJsonb(state.result);
}

/*
 * 22023 unless it is a list of names.
 */
static void
check_key_columns(ArrayType *array, Datum *names, bool *nulls, int nnames)
{
	if (nnames == 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("key_columns must name at least one column")));
	if (ARR_NDIM(array) > 1)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("key_columns must be a one-dimensional array")));
	for (int i = 0; i < nnames; i++)
	{
		if (nulls[i])
			ereport(ERROR,
					(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
					 errmsg("key_columns must not contain nulls")));
	}
	check_repeated(names, nnames);
}

/*
 * 22023 for a column that is named twice.
 */
static void
check_repeated(Datum *names, int nnames)
{
	for (int i = 0; i < nnames; i++)
	{
		char	   *name = TextDatumGetCString(names[i]);

		for (int j = 0; j < i; j++)
		{
			if (strcmp(name, TextDatumGetCString(names[j])) == 0)
				ereport(ERROR,
						(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
						 errmsg("key_columns names column \"%s\" twice",
								name)));
		}
	}
}

/*
 * The store of the answer, which lives as long as the query.
 */
static void
begin_answer(FunctionCallInfo fcinfo)
{
	ReturnSetInfo *info = (ReturnSetInfo *) fcinfo->resultinfo;
	MemoryContext old;
	TupleDesc	desc;
	bool		random_access;

	if (info == NULL || !IsA(info, ReturnSetInfo) ||
		(info->allowedModes & SFRM_Materialize) == 0)
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("set-valued function called in context that cannot accept a set"),
				 errhint("Call it in FROM.")));
	old = MemoryContextSwitchTo(info->econtext->ecxt_per_query_memory);
	if (get_call_result_type(fcinfo, NULL, &desc) != TYPEFUNC_COMPOSITE)
		elog(ERROR, "return type must be a row type");
	random_access = (info->allowedModes & SFRM_Materialize_Random) != 0;
	info->setResult = tuplestore_begin_heap(random_access, false, work_mem);
	info->setDesc = BlessTupleDesc(desc);
	info->returnMode = SFRM_Materialize;
	MemoryContextSwitchTo(old);
}
