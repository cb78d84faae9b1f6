/*
 * conflict_check.c
 *		What a row's own values break: domains, NOT NULL, CHECK.
 *
 * A CHECK may call functions that are declared volatile, often only because
 * nobody declared them otherwise.  Such a one runs in a read-only
 * subtransaction that is rolled back; one that tries to write is unknown.
 *
 * A partition's constraint that its parent has too is found at the parent.
 */
#include "postgres.h"

#include "access/xact.h"
#include "catalog/pg_type.h"
#include "executor/executor.h"
#include "nodes/nodeFuncs.h"
#include "optimizer/optimizer.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/rel.h"
#include "utils/resowner.h"
#include "utils/typcache.h"

#include "compat.h"
#include "conflicts.h"

static void check_domain(DgConflicts *conflicts, DgRow *row,
						 Form_pg_attribute attr);
static bool is_not_null_above(DgConflicts *conflicts, DgRow *row,
							  const char *column);
static void check_constraints(DgConflicts *conflicts, DgRow *row);
static bool is_check_above(DgConflicts *conflicts, DgRow *row,
						   const char *name);
static bool is_violated(DgRow *row, Expr *expr);
static bool is_false(ExprState *state, ExprContext *econtext);
static bool is_false_without_writing(ExprState *state, ExprContext *econtext);

/*
 * The constraints of the columns' domains, and of the domains below them.  A
 * column that nobody named has them too.
 */
void
dg_conflict_domains(DgConflicts *conflicts)
{
	DgRow	   *row = linitial(conflicts->rows);
	TupleDesc	desc = RelationGetDescr(row->rel);

	for (int i = 0; i < desc->natts; i++)
	{
		Form_pg_attribute attr = TupleDescAttr(desc, i);

		if (!attr->attisdropped && bms_is_member(i + 1, row->known) &&
			get_typtype(attr->atttypid) == TYPTYPE_DOMAIN)
			check_domain(conflicts, row, attr);
	}
}

/*
 * Every constraint of one column's domain.  The reference is the context's,
 * which lets go of it when it is reset.
 */
static void
check_domain(DgConflicts *conflicts, DgRow *row, Form_pg_attribute attr)
{
	DomainConstraintRef *ref = palloc(sizeof(DomainConstraintRef));
	List	   *columns = list_make1(NameStr(attr->attname));
	ListCell   *lc;

	row->econtext->domainValue_datum =
		dg_row_value(row, attr->attnum, &row->econtext->domainValue_isNull);
	InitDomainConstraintRef(attr->atttypid, ref, CurrentMemoryContext, true);
	foreach(lc, ref->constraints)
	{
		DomainConstraintState *constraint = lfirst(lc);

		if (constraint->constrainttype == DOM_CONSTRAINT_NOTNULL)
		{
			if (row->econtext->domainValue_isNull)
				dg_conflicts_add(conflicts, DG_DOMAIN_NOT_NULL_VIOLATION, NULL,
								 columns, NULL);
		}
		else if (contain_volatile_functions((Node *) constraint->check_expr) ?
					 is_false_without_writing(constraint->check_exprstate,
											  row->econtext) :
					 is_false(constraint->check_exprstate, row->econtext))
			dg_conflicts_add(conflicts, DG_DOMAIN_CHECK_VIOLATION,
							 constraint->name, columns, NULL);
	}
}

/*
 * The columns that must not be null, by their number.
 */
void
dg_conflict_not_null(DgConflicts *conflicts)
{
	ListCell   *lc;

	foreach(lc, conflicts->rows)
	{
		DgRow	   *row = lfirst(lc);
		TupleDesc	desc = RelationGetDescr(row->rel);

		for (int i = 0; i < desc->natts; i++)
		{
			Form_pg_attribute attr = TupleDescAttr(desc, i);
			bool		isnull;

			if (attr->attisdropped || !attr->attnotnull ||
				!bms_is_member(i + 1, row->known))
				continue;
			(void) dg_row_value(row, i + 1, &isnull);
			if (isnull &&
				!is_not_null_above(conflicts, row, NameStr(attr->attname)))
				dg_conflicts_add(conflicts, DG_NOT_NULL_VIOLATION, NULL,
								 list_make1(NameStr(attr->attname)), NULL);
		}
	}
}

/*
 * Is the column not null in a table above this partition too?
 */
static bool
is_not_null_above(DgConflicts *conflicts, DgRow *row, const char *column)
{
	ListCell   *lc;

	foreach(lc, conflicts->rows)
	{
		DgRow	   *above = lfirst(lc);
		TupleDesc	desc = RelationGetDescr(above->rel);
		AttrNumber	attnum;

		if (above == row)
			return false;
		attnum = get_attnum(RelationGetRelid(above->rel), column);
		if (TupleDescAttr(desc, attnum - 1)->attnotnull)
			return true;
	}
	return false;
}

/*
 * The tables' checks, by name.
 */
void
dg_conflict_checks(DgConflicts *conflicts)
{
	ListCell   *lc;

	foreach(lc, conflicts->rows)
		check_constraints(conflicts, lfirst(lc));
}

/*
 * Those of one table.  The relcache has them sorted by name.
 */
static void
check_constraints(DgConflicts *conflicts, DgRow *row)
{
	TupleConstr *constr = RelationGetDescr(row->rel)->constr;

	for (int i = 0; constr != NULL && i < constr->num_check; i++)
	{
		ConstrCheck *check = &constr->check[i];
		Expr	   *expr;

		if (!dg_check_is_enforced(check) ||
			is_check_above(conflicts, row, check->ccname))
			continue;
		expr = stringToNode(check->ccbin);
		if (is_violated(row, expr))
			dg_conflicts_add(conflicts, DG_CHECK_VIOLATION, check->ccname,
							 dg_conflicts_columns(row->rel, (Node *) expr, NIL),
							 NULL);
	}
}

/*
 * Does a table above this partition have a check of that name?  It is the same
 * check then.
 */
static bool
is_check_above(DgConflicts *conflicts, DgRow *row, const char *name)
{
	ListCell   *lc;

	foreach(lc, conflicts->rows)
	{
		DgRow	   *above = lfirst(lc);
		TupleConstr *constr = RelationGetDescr(above->rel)->constr;

		if (above == row)
			return false;
		for (int i = 0; constr != NULL && i < constr->num_check; i++)
		{
			if (strcmp(constr->check[i].ccname, name) == 0)
				return true;
		}
	}
	return false;
}

/*
 * Is the check false for the row?  Not if that is unknown.
 */
static bool
is_violated(DgRow *row, Expr *expr)
{
	ExprState  *state;

	if (!dg_row_knows(row, dg_index_attributes(list_make1(expr))))
		return false;
	state = ExecInitExpr(expression_planner(expr), NULL);
	return contain_volatile_functions((Node *) expr) ?
			   is_false_without_writing(state, row->econtext) :
			   is_false(state, row->econtext);
}

/*
 * As an INSERT takes it: NULL is not false.
 */
static bool
is_false(ExprState *state, ExprContext *econtext)
{
	bool		isnull;
	Datum		result = ExecEvalExpr(state, econtext, &isnull);

	return !isnull && !DatumGetBool(result);
}

/*
 * The same in a read-only subtransaction, of which nothing stays.  What it
 * raises because it may not write means that the result is unknown; other
 * errors are those of the INSERT.
 */
static bool
is_false_without_writing(ExprState *state, ExprContext *econtext)
{
	MemoryContext context = CurrentMemoryContext;
	ResourceOwner owner = CurrentResourceOwner;
	volatile bool result = false;
	ErrorData *volatile error = NULL;

	BeginInternalSubTransaction(NULL);
	MemoryContextSwitchTo(context);
	PG_TRY();
	{
		XactReadOnly = true;
		result = is_false(state, econtext);
	}
	PG_CATCH();
	{
		MemoryContextSwitchTo(context);
		error = CopyErrorData();
		FlushErrorState();
	}
	PG_END_TRY();
	RollbackAndReleaseCurrentSubTransaction();
	MemoryContextSwitchTo(context);
	CurrentResourceOwner = owner;

	if (error != NULL &&
		error->sqlerrcode != ERRCODE_READ_ONLY_SQL_TRANSACTION)
		ReThrowError(error);
	return result;
}
