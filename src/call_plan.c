/*
 * call_plan.c
 *		The planner's side of the scan of one call in FROM.
 *
 * The functions that answer with one row carry a support function.  It answers
 * nothing; that the planner asks it has the library loaded, and so the hook
 * set, before the first plan is made.  By the support function the hook knows
 * the calls for which it offers our scan (call_scan.c).
 *
 * Where PostgreSQL's function scan does more it is left to it: rows that are
 * read again to recheck a locked or updated row, WITH ORDINALITY, ROWS FROM,
 * and the row as a whole, which has the names of the alias.
 */
#include "postgres.h"

#include "access/sysattr.h"
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
#include "utils/lsyscache.h"

#include "call_plan.h"
#include "call_scan.h"

PG_FUNCTION_INFO_V1(duplicate_guard_single_row_support);

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

static const CustomPathMethods path_methods = {
	.CustomName = "Single Call",
	.PlanCustomPath = plan_scan};

static set_rel_pathlist_hook_type next_hook = NULL;

/*
 * Once, at module load.
 */
void
dg_call_plan_init(void)
{
	RegisterCustomScanMethods(&dg_call_scan_methods);
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
	plan->methods = &dg_call_scan_methods;
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
