/*
 * try_create.c
 *		The SQL function of that name: an INSERT whose integrity error is an
 *		answer.
 *
 * The INSERT runs in a subtransaction.  When it fails, that is rolled back
 * with all that triggers have written, so the transaction goes on as if it had
 * not been tried, and no line goes to the server log, since nobody but us has
 * seen the error.  (capture.c sees it, as it sees every error.)
 *
 * Which errors are an answer: those about what the row says, class 23, a view's
 * check option and row security.  All others are raised as usual, after the
 * subtransaction was rolled back: whoever catches the error further up rolls
 * back one subtransaction and expects that to be his own.
 *
 * Deferred constraints are checked when the transaction commits, so their
 * violations are not seen here.
 */
#include "postgres.h"

#include "access/relation.h"
#include "access/xact.h"
#include "fmgr.h"
#include "funcapi.h"
#include "utils/memutils.h"
#include "utils/resowner.h"

#include "answer.h"
#include "creation.h"
#include "exact_key.h"
#include "site.h"
#include "try_create.h"
#include "violation.h"

PG_FUNCTION_INFO_V1(duplicate_guard_try_create);

static Datum try_create(FunctionCallInfo fcinfo);
static void create(DgCall *call, Datum *record);
static TupleDesc result_desc(FunctionCallInfo fcinfo, DgMemo *memo);

/*
 * try_create(target anyelement, candidate jsonb)
 */
Datum
duplicate_guard_try_create(PG_FUNCTION_ARGS)
{
	return dg_target_bracket(fcinfo, try_create);
}

/*
 * The call inside its bracket.  A candidate without columns is the row that
 * INSERT … DEFAULT VALUES makes; SQL NULL is none.
 */
static Datum
try_create(FunctionCallInfo fcinfo)
{
	DgCall		call = {0};
	DgMemo	   *memo = dg_target_memo(fcinfo);
	TupleDesc	desc = result_desc(fcinfo, memo);
	Datum		values[3] = {0};
	bool		nulls[3] = {true, false, true};
	ErrorData  *error;

	call.defaults = dg_candidate_object(fcinfo, 1, "candidate",
										!PG_ARGISNULL(1));
	call.rel = dg_target_open(memo);
	dg_call_open(&call, memo);

	error = dg_try_create(&call, &values[0]);
	nulls[0] = (error != NULL);
	values[1] = BoolGetDatum(error == NULL);
	nulls[2] = (error == NULL);
	if (error != NULL)
		values[2] = dg_try_create_error(&call, error);
	relation_close(call.rel, NoLock);
	return dg_answer_return(fcinfo, desc, call.target->desc, values, nulls);
}

/*
 * Creates the row in a subtransaction.  NULL when that succeeded; else the
 * error, if it is one that we return.  Both live in the caller's context.
 */
ErrorData *
dg_try_create(DgCall *call, Datum *record)
{
	MemoryContext context = CurrentMemoryContext;
	ResourceOwner owner = CurrentResourceOwner;
	ErrorData *volatile error = NULL;

	BeginInternalSubTransaction(NULL);
	MemoryContextSwitchTo(context);
	PG_TRY();
	{
		create(call, record);
		ReleaseCurrentSubTransaction();
	}
	PG_CATCH();
	{
		MemoryContextSwitchTo(context);
		error = CopyErrorData();
		FlushErrorState();
		RollbackAndReleaseCurrentSubTransaction();
	}
	PG_END_TRY();
	MemoryContextSwitchTo(context);
	CurrentResourceOwner = owner;

	if (error != NULL && !dg_try_create_answers(error))
		ReThrowError(error);
	return error;
}

/*
 * Converts the candidate, which may violate a domain, and inserts it.  27000
 * when nothing came of it.
 */
static void
create(DgCall *call, Datum *record)
{
	dg_candidate_convert(&call->candidate, call->shape->defaults,
						 call->defaults);
	if (!dg_statement_create(call->rel, call->shape, NULL, false,
							 &call->candidate, record))
		dg_creation_report_suppressed(call->rel);
}

/*
 * Is the error one that we return?  42501 is mostly a missing privilege; that
 * it is about the row is certain only by the message that the server uses for
 * that, whatever its language.
 */
bool
dg_try_create_answers(ErrorData *error)
{
	const DgSite *site;

	if (ERRCODE_TO_CATEGORY(error->sqlerrcode) ==
			ERRCODE_INTEGRITY_CONSTRAINT_VIOLATION ||
		error->sqlerrcode == ERRCODE_WITH_CHECK_OPTION_VIOLATION)
		return true;
	if (error->sqlerrcode != ERRCODE_INSUFFICIENT_PRIVILEGE ||
		error->message_id == NULL)
		return false;
	site = dg_site_by_msgid(error->message_id);
	return site != NULL && site->kind == DG_ROW_SECURITY_VIOLATION;
}

/*
 * The error as an integrity_error.
 */
Datum
dg_try_create_error(DgCall *call, ErrorData *error)
{
	DgErrorFields fields = {
		.sqlerrcode = error->sqlerrcode,
		.message_id = error->message_id,
		.message = error->message,
		.detail = error->detail,
		.hint = error->hint,
		.schema_name = error->schema_name,
		.table_name = error->table_name,
		.column_name = error->column_name,
		.constraint_name = error->constraint_name,
		.datatype_name = error->datatype_name,
		.all_fields = true};

	dg_exact_key_add(call, error, &fields);
	return dg_violation_form(&fields);
}

/*
 * The type of the answer, (record, was_created, error); found once for a call
 * site.
 */
static TupleDesc
result_desc(FunctionCallInfo fcinfo, DgMemo *memo)
{
	TupleDesc	desc;
	MemoryContext old;

	if (memo->result != NULL)
		return memo->result;
	if (get_call_result_type(fcinfo, NULL, &desc) != TYPEFUNC_COMPOSITE)
		elog(ERROR, "try_create does not return a record");
	old = MemoryContextSwitchTo(fcinfo->flinfo->fn_mcxt);
	memo->result = BlessTupleDesc(CreateTupleDescCopy(desc));
	MemoryContextSwitchTo(old);
	return memo->result;
}
