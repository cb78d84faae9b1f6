/*
 * row.c
 *		The row that an INSERT of a candidate would make, as far as that is
 *		known without writing.
 *
 * Columns that the candidate does not name have their defaults, and generated
 * columns are computed.  A default that calls a volatile function is not
 * evaluated: nextval() must burn no value here, and would give another one to
 * the INSERT.  Such a column is unknown, and so is what is generated from it.
 * Triggers are not anticipated.
 *
 * A domain's constraints are not checked here: the values are those of its
 * base type.
 *
 * Memory: all of it in the context that was current in dg_row_make.
 */
#include "postgres.h"

#include "executor/executor.h"
#include "nodes/primnodes.h"
#include "optimizer/optimizer.h"
#include "rewrite/rewriteHandler.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"

#include "row.h"

static DgRow *make_empty(Relation rel);
static void set_value(DgRow *row, AttrNumber attnum, Datum value, bool isnull);
static void set_default(DgRow *row, AttrNumber attnum);
static void generate_columns(DgRow *row);
static Expr *below_domain(Expr *expr);

/*
 * The row for a candidate that names those columns, and others of which nothing
 * is known.  Evaluating defaults and
 * generated columns raises what it raises in the INSERT.
 */
DgRow *
dg_row_make(Relation rel, DgCandidate *candidate, Bitmapset *named,
			Bitmapset *unknown)
{
	DgRow	   *row = make_empty(rel);
	TupleDesc	desc = RelationGetDescr(rel);

	for (int i = 0; i < desc->natts; i++)
	{
		Form_pg_attribute attr = TupleDescAttr(desc, i);

		if (attr->attisdropped || attr->attgenerated ||
			bms_is_member(attr->attnum, unknown))
			continue;
		if (bms_is_member(attr->attnum, named))
			set_value(row, attr->attnum, candidate->values[i],
					  candidate->nulls[i]);
		else
			set_default(row, attr->attnum);
	}
	generate_columns(row);
	return row;
}

/*
 * The same row as it would be stored in a partition, whose columns may stand
 * in another order.  The caller has that open and locked.
 */
DgRow *
dg_row_in_partition(DgRow *row, Relation partition)
{
	DgRow	   *result = make_empty(partition);
	TupleDesc	desc = RelationGetDescr(partition);

	for (int i = 0; i < desc->natts; i++)
	{
		Form_pg_attribute attr = TupleDescAttr(desc, i);
		AttrNumber	above;
		Datum		value;
		bool		isnull;

		if (attr->attisdropped || attr->attgenerated)
			continue;
		above = get_attnum(RelationGetRelid(row->rel), NameStr(attr->attname));
		if (!bms_is_member(above, row->known))
			continue;
		value = dg_row_value(row, above, &isnull);
		set_value(result, attr->attnum, value, isnull);
	}
	generate_columns(result);
	return result;
}

/*
 * A row of which nothing is known but its table.  Here no column is
 * generated, since expressions may not read one that is virtual.
 */
static DgRow *
make_empty(Relation rel)
{
	DgRow	   *row = palloc0(sizeof(DgRow));
	TupleDesc	desc = CreateTupleDescCopyConstr(RelationGetDescr(rel));

	for (int i = 0; i < desc->natts; i++)
		TupleDescAttr(desc, i)->attgenerated = '\0';
	row->rel = rel;
	row->slot = MakeSingleTupleTableSlot(desc, &TTSOpsVirtual);
	memset(row->slot->tts_isnull, true, desc->natts * sizeof(bool));
	ExecStoreVirtualTuple(row->slot);
	row->slot->tts_tableOid = RelationGetRelid(rel);
	row->econtext = CreateStandaloneExprContext();
	row->econtext->ecxt_scantuple = row->slot;
	return row;
}

/*
 * From now on the column is known.
 */
static void
set_value(DgRow *row, AttrNumber attnum, Datum value, bool isnull)
{
	row->slot->tts_values[attnum - 1] = value;
	row->slot->tts_isnull[attnum - 1] = isnull;
	row->known = bms_add_member(row->known, attnum);
}

/*
 * The column gets its default, if that is the same whoever evaluates it.
 */
static void
set_default(DgRow *row, AttrNumber attnum)
{
	Expr	   *expr = (Expr *) build_column_default(row->rel, attnum);
	Datum		value = (Datum) 0;
	bool		isnull = true;

	if (expr != NULL)
	{
		if (contain_volatile_functions((Node *) expr))
			return;
		value = dg_row_evaluate(row, below_domain(expr), &isnull);
	}
	set_value(row, attnum, value, isnull);
}

/*
 * Computes the generated columns that are made from known ones.  None is made
 * from another generated column.
 */
static void
generate_columns(DgRow *row)
{
	TupleDesc	desc = RelationGetDescr(row->rel);

	for (AttrNumber attnum = 1; attnum <= desc->natts; attnum++)
	{
		Form_pg_attribute attr = TupleDescAttr(desc, attnum - 1);
		Expr	   *expr;
		Datum		value;
		bool		isnull;

		if (attr->attisdropped || !attr->attgenerated)
			continue;
		expr = (Expr *) build_column_default(row->rel, attnum);
		if (!dg_row_knows(row, dg_index_attributes(list_make1(expr))))
			continue;
		value = dg_row_evaluate(row, below_domain(expr), &isnull);
		set_value(row, attnum, value, isnull);
	}
}

/*
 * The expression without the check of the domain that its value is for.
 */
static Expr *
below_domain(Expr *expr)
{
	while (IsA(expr, CoerceToDomain))
		expr = ((CoerceToDomain *) expr)->arg;
	return expr;
}

/*
 * Are all these columns known?  Number 0 stands for the whole row.
 */
bool
dg_row_knows(DgRow *row, Bitmapset *attrs)
{
	TupleDesc	desc = row->slot->tts_tupleDescriptor;
	int			attnum = -1;

	while ((attnum = bms_next_member(attrs, attnum)) >= 0)
	{
		if (attnum > 0 && !bms_is_member(attnum, row->known))
			return false;
		for (int i = 0; attnum == 0 && i < desc->natts; i++)
		{
			if (!TupleDescAttr(desc, i)->attisdropped &&
				!bms_is_member(i + 1, row->known))
				return false;
		}
	}
	return true;
}

/*
 * The value of a column that is known.
 */
Datum
dg_row_value(DgRow *row, AttrNumber attnum, bool *isnull)
{
	Assert(bms_is_member(attnum, row->known));
	*isnull = row->slot->tts_isnull[attnum - 1];
	return row->slot->tts_values[attnum - 1];
}

/*
 * The value of an expression over known columns, as the catalog has it.
 */
Datum
dg_row_evaluate(DgRow *row, Expr *expr, bool *isnull)
{
	ExprState  *state = ExecInitExpr(expression_planner(expr), NULL);

	return ExecEvalExpr(state, row->econtext, isnull);
}

/*
 * The row's key in an index of its table; false when it is not known.
 */
bool
dg_row_key(DgRow *row, DgIndex *index, Datum *values, bool *nulls)
{
	ListCell   *next_expr = list_head(index->exprs);

	if (!dg_row_knows(row, index->columns))
		return false;
	for (int i = 0; i < index->nkeys; i++)
	{
		if (index->attnums[i] != InvalidAttrNumber)
		{
			values[i] = slot_getattr(row->slot, index->attnums[i], &nulls[i]);
			continue;
		}
		values[i] = ExecEvalExpr(ExecInitExpr(lfirst(next_expr), NULL),
								 row->econtext, &nulls[i]);
		next_expr = lnext(index->exprs, next_expr);
	}
	return true;
}

/*
 * Would the row be in this index?  False also when that is not known.
 */
bool
dg_row_enters(DgRow *row, DgIndex *index)
{
	if (index->predicate == NIL)
		return true;
	if (!dg_row_knows(row, index->predicate_columns))
		return false;
	return ExecQual(ExecInitQual(index->predicate, NULL), row->econtext);
}
