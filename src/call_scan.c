/*
 * call_scan.c
 *		The scan of one call in FROM.
 *
 * PostgreSQL's function scan is made for any number of rows of any function:
 * it looks the type of the answer up in the catalog each time a statement
 * begins, and puts the rows into a tuplestore.  For one row that costs as
 * much as the index search.  So the planner is offered this scan (call_plan.c)
 * for functions that answer with one row: it calls the function, and lets the
 * columns point to the parts of its answer.
 *
 * The answer is the function scan's: the call is evaluated once for each set of
 * parameters, however often the row is asked for, and EXECUTE is asked for as
 * the statement begins.
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "catalog/objectaccess.h"
#include "catalog/pg_proc.h"
#include "executor/execExpr.h"
#include "executor/executor.h"
#include "fmgr.h"
#include "miscadmin.h"
#include "pgstat.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/ruleutils.h"
#include "utils/typcache.h"

#include "answer.h"
#include "call_scan.h"
#include "compat.h"
#include "record.h"

/* A column of the scan tuple: one of the answer, or a field of one */
typedef struct Part
{
	AttrNumber	column;
	AttrNumber	field;			/* 0: the column itself */
	Oid			type;			/* of the field */
} Part;

/* A composite value in parts */
typedef struct Row
{
	TupleDesc	desc;
	bool		is_pinned;		/* desc is to be released */
	Datum	   *values;
	bool	   *nulls;
} Row;

/* A parameter of the statement, or else an expression; no constant */
typedef struct Argument
{
	NullableDatum *value;		/* its place in the call */
	Param	   *parameter;
	ExprState  *state;
} Argument;

/* A scan in execution */
typedef struct CallScan
{
	CustomScanState css;
	FmgrInfo	function;
	FunctionCallInfo fcinfo;	/* with the constant arguments */
	Argument   *arguments;		/* those that are no constants */
	int			narguments;
	DgAnswer	answer;
	Part	   *parts;			/* one for each column of the slot */
	MemoryContext context;		/* of the latest call; its row is there */
	bool		called;			/* the row is in the slot */
	bool		returned;		/* and has been handed out */
} CallScan;

static Node *create_scan(CustomScan *plan);
static void begin_scan(CustomScanState *node, EState *estate, int eflags);
static TupleTableSlot *exec_scan(CustomScanState *node);
static void prepare_call(CallScan *scan, FuncExpr *call);
static void prepare_argument(CallScan *scan, Expr *arg, NullableDatum *value);
static void call_function(CallScan *scan);
static MemoryContext context_of_call(CallScan *scan);
static Datum invoke(CallScan *scan);
static void evaluate(Argument *argument, ExprContext *context);
static void fill_slot(CallScan *scan, Row *columns);
static void fill_field(TupleTableSlot *slot, int i, Part *part, Row *record);
static void take_apart(Datum row, TupleDesc desc, Row *parts);
static void release(Row *parts);
static void end_scan(CustomScanState *node);
static void rescan(CustomScanState *node);
static void explain_scan(CustomScanState *node, List *ancestors,
						 ExplainState *es);

const CustomScanMethods dg_call_scan_methods = {
	.CustomName = "Single Call",
	.CreateCustomScanState = create_scan};

static const CustomExecMethods exec_methods = {
	.CustomName = "Single Call",
	.BeginCustomScan = begin_scan,
	.ExecCustomScan = exec_scan,
	.EndCustomScan = end_scan,
	.ReScanCustomScan = rescan,
	.ExplainCustomScan = explain_scan};

/*
 * The state of a scan.
 */
static Node *
create_scan(CustomScan *plan)
{
	CallScan   *scan = (CallScan *) newNode(sizeof(CallScan),
										  T_CustomScanState);

	scan->css.methods = &exec_methods;
	return (Node *) scan;
}

/*
 * Makes the call ready; asks for EXECUTE.
 */
static void
begin_scan(CustomScanState *node, EState *estate, int eflags)
{
	CallScan   *scan = (CallScan *) node;
	CustomScan *plan = (CustomScan *) node->ss.ps.plan;
	Part	   *part;
	ListCell   *lc;

	part = scan->parts = palloc0(sizeof(Part) *
								 list_length(plan->custom_scan_tlist));
	foreach(lc, plan->custom_scan_tlist)
	{
		Node	   *expr = (Node *) lfirst_node(TargetEntry, lc)->expr;

		if (IsA(expr, FieldSelect))
		{
			part->field = ((FieldSelect *) expr)->fieldnum;
			part->type = ((FieldSelect *) expr)->resulttype;
			expr = (Node *) ((FieldSelect *) expr)->arg;
		}
		part->column = castNode(Var, expr)->varattno;
		part++;
	}
	prepare_call(scan, linitial_node(FuncExpr, plan->custom_exprs));
}

/*
 * As the executor does it for a function scan.
 */
static void
prepare_call(CallScan *scan, FuncExpr *call)
{
	AclResult	result = object_aclcheck(ProcedureRelationId, call->funcid,
									   GetUserId(), ACL_EXECUTE);
	int			nargs = list_length(call->args);

	if (result != ACLCHECK_OK)
		aclcheck_error(result, OBJECT_FUNCTION, get_func_name(call->funcid));
	InvokeFunctionExecuteHook(call->funcid);

	fmgr_info(call->funcid, &scan->function);
	fmgr_info_set_expr((Node *) call, &scan->function);
	dg_answer_init(&scan->answer);
	scan->fcinfo = palloc0(SizeForFunctionCallInfo(nargs));
	InitFunctionCallInfoData(*scan->fcinfo, &scan->function, nargs,
							 call->inputcollid, NULL, (Node *) &scan->answer);
	scan->arguments = palloc(sizeof(Argument) * nargs);
	for (int i = 0; i < nargs; i++)
		prepare_argument(scan, list_nth(call->args, i), &scan->fcinfo->args[i]);
}

/*
 * Constants, which the arguments are that the caller has left out, are put
 * into the call once.  Parameters, which clients send, need no expression.
 */
static void
prepare_argument(CallScan *scan, Expr *arg, NullableDatum *value)
{
	Argument   *argument;

	if (IsA(arg, Const))
	{
		value->value = ((Const *) arg)->constvalue;
		value->isnull = ((Const *) arg)->constisnull;
		return;
	}
	argument = &scan->arguments[scan->narguments++];
	argument->value = value;
	argument->parameter = NULL;
	argument->state = NULL;
	if (IsA(arg, Param) && ((Param *) arg)->paramkind == PARAM_EXTERN)
		argument->parameter = (Param *) arg;
	else
		argument->state = ExecInitExpr(arg, &scan->css.ss.ps);
}

/*
 * The row, once, if it passes the filter.
 */
static TupleTableSlot *
exec_scan(CustomScanState *node)
{
	CallScan   *scan = (CallScan *) node;
	ExprContext *context = node->ss.ps.ps_ExprContext;

	if (scan->returned)
		return NULL;
	scan->returned = true;
	if (!scan->called)
		call_function(scan);
	ResetExprContext(context);
	context->ecxt_scantuple = node->ss.ss_ScanTupleSlot;
	if (!ExecQual(node->ss.ps.qual, context))
		return NULL;
	if (node->ss.ps.ps_ProjInfo != NULL)
		return ExecProject(node->ss.ps.ps_ProjInfo);
	return node->ss.ss_ScanTupleSlot;
}

/*
 * Calls, and lets the slot point to the parts of the answer.
 */
static void
call_function(CallScan *scan)
{
	TupleTableSlot *slot = scan->css.ss.ss_ScanTupleSlot;
	DgAnswer   *answer = &scan->answer;
	MemoryContext old;
	Row			columns = {0};
	Datum		value;

	ExecClearTuple(slot);
	old = MemoryContextSwitchTo(context_of_call(scan));
	value = invoke(scan);
	if (answer->given)
	{
		columns.values = answer->values;
		columns.nulls = answer->nulls;
	}
	else if (!scan->fcinfo->isnull)
		take_apart(value, NULL, &columns);

	if (columns.values == NULL)
		ExecStoreAllNullTuple(slot);
	else
	{
		fill_slot(scan, &columns);
		ExecStoreVirtualTuple(slot);
	}
	release(&columns);
	MemoryContextSwitchTo(old);
	scan->called = true;
}

/*
 * Empty memory for a call and its row.  The first call, mostly the only one,
 * has the statement's; a context is made only for those that follow.
 */
static MemoryContext
context_of_call(CallScan *scan)
{
	MemoryContext query = scan->css.ss.ps.state->es_query_cxt;

	if (scan->context == NULL)
		scan->context = query;
	else if (scan->context == query)
		scan->context = AllocSetContextCreate(query, "Single Call",
											  ALLOCSET_DEFAULT_SIZES);
	else
		MemoryContextReset(scan->context);
	return scan->context;
}

/*
 * Evaluates the arguments, and calls.
 */
static Datum
invoke(CallScan *scan)
{
	FunctionCallInfo fcinfo = scan->fcinfo;
	PgStat_FunctionCallUsage usage;
	Datum		value;

	for (int i = 0; i < scan->narguments; i++)
		evaluate(&scan->arguments[i], scan->css.ss.ps.ps_ExprContext);
	fcinfo->isnull = false;
	scan->answer.given = false;
	pgstat_init_function_usage(fcinfo, &usage);
	value = FunctionCallInvoke(fcinfo);
	pgstat_end_function_usage(&usage, true);
	return value;
}

/*
 * Puts the value of an argument into the call.  A parameter is evaluated by
 * what its step in an expression would call.
 */
static void
evaluate(Argument *argument, ExprContext *context)
{
	NullableDatum *value = argument->value;
	ExprEvalStep step;

	if (argument->state != NULL)
	{
		value->value = ExecEvalExpr(argument->state, context, &value->isnull);
		return;
	}
	step.resvalue = &value->value;
	step.resnull = &value->isnull;
	step.d.param.paramid = argument->parameter->paramid;
	step.d.param.paramtype = argument->parameter->paramtype;
	ExecEvalParamExtern(NULL, &step, context);
}

/*
 * The columns of the answer, and the fields of those columns from which there
 * are some.
 */
static void
fill_slot(CallScan *scan, Row *columns)
{
	TupleTableSlot *slot = scan->css.ss.ss_ScanTupleSlot;
	Row			record = {0};
	AttrNumber	in_record = 0;

	for (int i = 0; i < slot->tts_tupleDescriptor->natts; i++)
	{
		Part	   *part = &scan->parts[i];
		int			column = part->column - 1;

		slot->tts_values[i] = columns->values[column];
		slot->tts_isnull[i] = columns->nulls[column];
		if (part->field == 0 || columns->nulls[column])
			continue;
		if (in_record != part->column)
		{
			bool		is_record = scan->answer.given && part->column == 1;

			release(&record);
			take_apart(columns->values[column],
					   is_record ? scan->answer.record : NULL, &record);
			in_record = part->column;
		}
		fill_field(slot, i, part, &record);
	}
	release(&record);
}

/*
 * One field, with the executor's care: the type may have been altered since
 * the plan was made.
 */
static void
fill_field(TupleTableSlot *slot, int i, Part *part, Row *record)
{
	int			field = part->field - 1;
	Form_pg_attribute attr;

	if (field >= record->desc->natts)
		elog(ERROR, "attribute number %d exceeds number of columns %d",
			 part->field, record->desc->natts);
	attr = TupleDescAttr(record->desc, field);
	slot->tts_isnull[i] = attr->attisdropped || record->nulls[field];
	slot->tts_values[i] = record->values[field];
	if (!attr->attisdropped && attr->atttypid != part->type)
		ereport(ERROR,
				(errcode(ERRCODE_DATATYPE_MISMATCH),
				 errmsg("attribute %d has wrong type", part->field),
				 errdetail("Table has type %s, but query expects %s.",
						   format_type_be(attr->atttypid),
						   format_type_be(part->type))));
}

/*
 * The values of a composite value, in the current memory context.  Its
 * descriptor is looked up unless it is known.
 */
static void
take_apart(Datum row, TupleDesc desc, Row *parts)
{
	HeapTupleData tuple;

	dg_record_open(row, &tuple);
	parts->is_pinned = (desc == NULL);
	if (desc == NULL)
		desc = lookup_rowtype_tupdesc(HeapTupleHeaderGetTypeId(tuple.t_data),
									  HeapTupleHeaderGetTypMod(tuple.t_data));
	parts->desc = desc;
	parts->values = palloc((sizeof(Datum) + sizeof(bool)) * desc->natts);
	parts->nulls = (bool *) (parts->values + desc->natts);
	heap_deform_tuple(&tuple, desc, parts->values, parts->nulls);
}

/*
 * Lets the descriptor go that was looked up for them.
 */
static void
release(Row *parts)
{
	if (parts->is_pinned)
		ReleaseTupleDesc(parts->desc);
	parts->is_pinned = false;
}

/*
 * Contexts and slots go with the executor's state.
 */
static void
end_scan(CustomScanState *node)
{
}

/*
 * From the beginning; with another call only if its parameters have changed.
 */
static void
rescan(CustomScanState *node)
{
	CallScan   *scan = (CallScan *) node;

	scan->returned = false;
	if (node->ss.ps.chgParam != NULL)
		scan->called = false;
}

/*
 * EXPLAIN VERBOSE says what is called, as for a function scan.
 */
static void
explain_scan(CustomScanState *node, List *ancestors, ExplainState *es)
{
	CustomScan *plan = (CustomScan *) node->ss.ps.plan;
	List	   *context;

	if (!es->verbose)
		return;
	context = set_deparse_context_plan(es->deparse_cxt, &plan->scan.plan,
									   ancestors);
	ExplainPropertyText("Function Call",
						deparse_expression(linitial(plan->custom_exprs),
										   context, true, false),
						es);
}
