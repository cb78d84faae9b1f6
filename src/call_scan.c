/*
 * call_scan.c
 *		The scan of one call in FROM.
 *
 * PostgreSQL's function scan is made for any number of rows of any function:
 * it looks the type of the answer up in the catalog each time a statement
 * begins, and puts the rows into a tuplestore.  For one row that costs as
 * much as the index search.  So the functions that answer with one row carry a
 * support function, by which the planner is offered this scan for them: it
 * evaluates the call as an expression and hands the answer on as it is.
 *
 * The answer is the function scan's: the call is evaluated once for each set of
 * parameters, however often the row is asked for, and EXECUTE is asked for as
 * the statement begins.  Where that scan does more it is left to it: rows that
 * are read again to recheck a locked or updated row, WITH ORDINALITY, ROWS
 * FROM, and the row as a whole, which has the names of the alias.
 *
 * The support function answers nothing; that the planner asks it has the
 * library loaded, and so the hook set, before the first plan is made.
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "access/sysattr.h"
#include "executor/executor.h"
#include "fmgr.h"
#include "nodes/extensible.h"
#include "nodes/makefuncs.h"
#include "optimizer/cost.h"
#include "optimizer/optimizer.h"
#include "optimizer/pathnode.h"
#include "optimizer/paths.h"
#include "optimizer/restrictinfo.h"
#include "optimizer/tlist.h"
#include "parser/parsetree.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/ruleutils.h"
#include "utils/typcache.h"

#include "call_scan.h"
#include "compat.h"
#include "record.h"

PG_FUNCTION_INFO_V1(duplicate_guard_single_row_support);

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
	TupleDesc	desc;			/* to be released */
	Datum	   *values;
	bool	   *nulls;
} Row;

/* A scan in execution */
typedef struct CallScan
{
	CustomScanState css;
	ExprState  *call;
	Part	   *parts;			/* one for each column of the slot */
	ExprContext *context;		/* of the call, and of the row meanwhile */
	bool		called;			/* the row is in the slot */
	bool		returned;		/* and has been handed out */
} CallScan;

static void add_path_of_call(PlannerInfo *root, RelOptInfo *rel, Index rti,
							 RangeTblEntry *rte);
static FuncExpr *single_call(RangeTblEntry *rte);
static bool may_be_rechecked(PlannerInfo *root);
static bool reads_whole_row(RelOptInfo *rel, Index rti);
static Plan *plan_scan(PlannerInfo *root, RelOptInfo *rel, CustomPath *path,
					   List *tlist, List *clauses, List *custom_plans);
static List *scan_columns(PlannerInfo *root, RelOptInfo *rel, List *tlist,
						  List *quals);
static bool is_answer(PlannerInfo *root, Index rti);
static bool is_part(Node *expr, Index rti);
static List *add_column(List *columns, Node *expr);
static Node *create_scan(CustomScan *plan);
static void begin_scan(CustomScanState *node, EState *estate, int eflags);
static TupleTableSlot *exec_scan(CustomScanState *node);
static void call_function(CallScan *scan);
static void fill_slot(CallScan *scan, Datum answer);
static void fill_field(TupleTableSlot *slot, int i, Part *part, Row *record);
static void take_apart(Datum row, Row *parts);
static void end_scan(CustomScanState *node);
static void rescan(CustomScanState *node);
static void explain_scan(CustomScanState *node, List *ancestors,
						 ExplainState *es);

static const CustomPathMethods path_methods = {
	.CustomName = "Single Call",
	.PlanCustomPath = plan_scan};

static const CustomScanMethods scan_methods = {
	.CustomName = "Single Call",
	.CreateCustomScanState = create_scan};

static const CustomExecMethods exec_methods = {
	.CustomName = "Single Call",
	.BeginCustomScan = begin_scan,
	.ExecCustomScan = exec_scan,
	.EndCustomScan = end_scan,
	.ReScanCustomScan = rescan,
	.ExplainCustomScan = explain_scan};

static set_rel_pathlist_hook_type next_hook = NULL;

/*
 * Once, at module load.
 */
void
dg_call_scan_init(void)
{
	RegisterCustomScanMethods(&scan_methods);
	next_hook = set_rel_pathlist_hook;
	set_rel_pathlist_hook = add_path_of_call;
}

/*
 * Marks the functions whose answer is one row.
 */
Datum
duplicate_guard_single_row_support(PG_FUNCTION_ARGS)
{
	PG_RETURN_POINTER(NULL);
}

/*
 * Planner hook: offers this scan beside the function scan, which it is cheaper
 * than, because nothing is stored.
 */
static void
add_path_of_call(PlannerInfo *root, RelOptInfo *rel, Index rti,
				 RangeTblEntry *rte)
{
	CustomPath *path;
	Path	   *plain;

	if (next_hook != NULL)
		next_hook(root, rel, rti, rte);
	if (rte->rtekind != RTE_FUNCTION || single_call(rte) == NULL ||
		may_be_rechecked(root) || reads_whole_row(rel, rti) ||
		list_length(rel->pathlist) != 1)
		return;
	plain = linitial(rel->pathlist);
	if (plain->pathtype != T_FunctionScan)
		return;

	path = makeNode(CustomPath);
	path->path.pathtype = T_CustomScan;
	path->path.parent = rel;
	path->path.pathtarget = rel->reltarget;
	path->path.param_info = plain->param_info;
	path->path.rows = plain->rows;
	path->path.startup_cost = plain->startup_cost;
	path->path.total_cost = plain->total_cost - cpu_operator_cost;
	path->flags = CUSTOMPATH_SUPPORT_PROJECTION;
	path->methods = &path_methods;
	add_path(rel, (Path *) path);
}

/*
 * The call of a function that carries our support function, if that is all
 * there is; else NULL.
 */
static FuncExpr *
single_call(RangeTblEntry *rte)
{
	RangeTblFunction *function = linitial(rte->functions);
	FuncExpr   *call = (FuncExpr *) function->funcexpr;
	Oid			support;
	FmgrInfo	flinfo;

	if (list_length(rte->functions) != 1 || rte->funcordinality ||
		!IsA(call, FuncExpr) || call->funcretset)
		return NULL;
	support = get_func_support(call->funcid);
	if (!OidIsValid(support))
		return NULL;
	fmgr_info(support, &flinfo);
	return flinfo.fn_addr == duplicate_guard_single_row_support ? call : NULL;
}

/*
 * Might the executor come back to the row, to check a row again which it read
 * together with it?
 */
static bool
may_be_rechecked(PlannerInfo *root)
{
	return root->rowMarks != NIL || (root->parse->commandType != CMD_SELECT &&
									 root->parse->commandType != CMD_INSERT);
}

/*
 * Does somebody refer to the row as a whole?
 */
static bool
reads_whole_row(RelOptInfo *rel, Index rti)
{
	Bitmapset  *attrs = NULL;
	ListCell   *lc;

	pull_varattnos((Node *) rel->reltarget->exprs, rti, &attrs);
	foreach(lc, rel->baserestrictinfo)
		pull_varattnos((Node *) lfirst_node(RestrictInfo, lc)->clause, rti,
					   &attrs);
	return bms_is_member(InvalidAttrNumber - FirstLowInvalidHeapAttributeNumber,
						 attrs);
}

/*
 * The plan.
 */
static Plan *
plan_scan(PlannerInfo *root, RelOptInfo *rel, CustomPath *path, List *tlist,
		  List *clauses, List *custom_plans)
{
	CustomScan *plan = makeNode(CustomScan);
	FuncExpr   *call = single_call(planner_rt_fetch(rel->relid, root));

	plan->scan.plan.targetlist = tlist;
	plan->scan.plan.qual = extract_actual_clauses(clauses, false);
	plan->scan.scanrelid = 0;	/* there is no relation to be opened */
	plan->flags = path->flags;
	plan->custom_exprs = list_make1(call);
	plan->custom_scan_tlist =
		scan_columns(root, rel, tlist, plan->scan.plan.qual);
	plan->methods = &scan_methods;
	return &plan->scan.plan;
}

/*
 * The columns of the scan tuple: those of the answer that somebody refers to.
 * Only where the answer of the query, as in SELECT (g.record).*, g.was_created,
 * consists of such columns and of their fields, they are these, in this order:
 * then nothing has to be projected, and no field selected by itself.  (The
 * planner sets that target list after this, if it is not the given one.)
 */
static List *
scan_columns(PlannerInfo *root, RelOptInfo *rel, List *tlist, List *quals)
{
	List	   *columns = NIL;
	List	   *others = list_copy(quals);
	ListCell   *lc;

	if (is_answer(root, rel->relid))
	{
		foreach(lc, root->processed_tlist)
			columns = add_column(columns,
								 (Node *) lfirst_node(TargetEntry, lc)->expr);
		foreach(lc, tlist)
		{
			TargetEntry *tle = lfirst_node(TargetEntry, lc);

			if (tlist_member(tle->expr, columns) == NULL)
				others = lappend(others, tle->expr);
		}
	}
	else
		others = list_concat(others, rel->reltarget->exprs);
	foreach(lc, pull_var_clause((Node *) others,
								PVC_RECURSE_AGGREGATES |
									PVC_RECURSE_WINDOWFUNCS |
									PVC_RECURSE_PLACEHOLDERS))
		columns = add_column(columns, lfirst(lc));
	return columns;
}

/*
 * Is the scan's target list the query's, and does that consist of columns of
 * the call's answer and of their fields?  If in doubt, no.
 */
static bool
is_answer(PlannerInfo *root, Index rti)
{
	Query	   *parse = root->parse;
	ListCell   *lc;

	if (bms_membership(root->all_baserels) != BMS_SINGLETON ||
		parse->commandType != CMD_SELECT || parse->hasAggs ||
		parse->hasWindowFuncs || parse->hasTargetSRFs ||
		parse->groupClause != NIL || parse->groupingSets != NIL ||
		parse->havingQual != NULL || parse->distinctClause != NIL ||
		parse->sortClause != NIL || parse->setOperations != NULL)
		return false;
	foreach(lc, root->processed_tlist)
	{
		if (!is_part((Node *) lfirst_node(TargetEntry, lc)->expr, rti))
			return false;
	}
	return true;
}

/*
 * Is it a column of the call's answer, or a field of one?
 */
static bool
is_part(Node *expr, Index rti)
{
	Var		   *var = (Var *) expr;

	if (IsA(expr, FieldSelect))
		var = (Var *) ((FieldSelect *) expr)->arg;
	return IsA(var, Var) && var->varno == rti && var->varlevelsup == 0 &&
		   var->varattno > 0;
}

/*
 * Appends a column to a target list unless it is there.
 */
static List *
add_column(List *columns, Node *expr)
{
	if (tlist_member((Expr *) expr, columns) != NULL)
		return columns;
	return lappend(columns, makeTargetEntry((Expr *) expr,
											list_length(columns) + 1, NULL,
											false));
}

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
	scan->call = ExecInitExpr(linitial(plan->custom_exprs), &node->ss.ps);
	scan->context = CreateExprContext(estate);
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
	MemoryContext old;
	Datum		answer;
	bool		isnull;

	ExecClearTuple(slot);
	ResetExprContext(scan->context);
	old = MemoryContextSwitchTo(scan->context->ecxt_per_tuple_memory);
	answer = ExecEvalExpr(scan->call, scan->context, &isnull);
	if (isnull)
		ExecStoreAllNullTuple(slot);
	else
	{
		fill_slot(scan, answer);
		ExecStoreVirtualTuple(slot);
	}
	MemoryContextSwitchTo(old);
	scan->called = true;
}

/*
 * The columns of the answer, and the fields of its one composite column from
 * which there are some.
 */
static void
fill_slot(CallScan *scan, Datum answer)
{
	TupleTableSlot *slot = scan->css.ss.ss_ScanTupleSlot;
	Row			columns;
	Row			record;
	AttrNumber	in_record = 0;

	take_apart(answer, &columns);
	for (int i = 0; i < slot->tts_tupleDescriptor->natts; i++)
	{
		Part	   *part = &scan->parts[i];
		int			column = part->column - 1;

		slot->tts_values[i] = columns.values[column];
		slot->tts_isnull[i] = columns.nulls[column];
		if (part->field == 0 || columns.nulls[column])
			continue;
		if (in_record != part->column)
		{
			if (in_record != 0)
				ReleaseTupleDesc(record.desc);
			take_apart(columns.values[column], &record);
			in_record = part->column;
		}
		fill_field(slot, i, part, &record);
	}
	if (in_record != 0)
		ReleaseTupleDesc(record.desc);
	ReleaseTupleDesc(columns.desc);
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
 * The values of a composite value, in the current memory context.
 */
static void
take_apart(Datum row, Row *parts)
{
	HeapTupleData tuple;

	dg_record_open(row, &tuple);
	parts->desc =
		lookup_rowtype_tupdesc(HeapTupleHeaderGetTypeId(tuple.t_data),
							   HeapTupleHeaderGetTypMod(tuple.t_data));
	parts->values = palloc(sizeof(Datum) * parts->desc->natts);
	parts->nulls = palloc(sizeof(bool) * parts->desc->natts);
	heap_deform_tuple(&tuple, parts->desc, parts->values, parts->nulls);
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
