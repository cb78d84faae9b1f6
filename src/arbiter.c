/*
 * arbiter.c
 *		The unique index that decides whether a row exists already.
 *
 * Which indexes serve a set of lookup columns, and in which order they are
 * preferred, follows from the catalog and is kept with the shape of the call.
 * Which of them decides this call depends on the values as well: an index
 * does not decide for a NULL key unless it is NULLS NOT DISTINCT, and a partial
 * one only inside its predicate.
 *
 * Expressions and predicates are evaluated on the candidate alone, with the
 * columns that it does not name as NULL.  That is sound since an index serves
 * only when the candidate names every column of its expressions, and its
 * predicate is looked at only when all columns of that are named.
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "catalog/pg_constraint.h"
#include "executor/executor.h"
#include "optimizer/optimizer.h"
#include "rewrite/rewriteHandler.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"

#include "arbiter.h"
#include "record.h"

static int	compare_arbiters(const ListCell *a, const ListCell *b);
static DgArbiter *choose_named(Relation rel, DgShape *shape,
							   DgCandidate *candidate, const char *name,
							   DgKey *key);
static bool lacks_distribution_column(DgShape *shape);
static const char *why_not(Relation rel, DgShape *shape, DgIndex *index,
						   DgCandidate *candidate, DgKey *key);
static const char *missing_column(Relation rel, DgShape *shape,
								  DgIndex *index);
static const char *null_column(Relation rel, DgIndex *index, DgKey *key);
static bool make_key(Relation rel, DgTarget *target, DgArbiter *arbiter,
					 DgCandidate *candidate, DgKey *key);
static TupleTableSlot *candidate_slot(Relation rel, DgTarget *target,
									  DgIndex *index, DgCandidate *candidate,
									  ExprContext *econtext);
static void deform(DgTarget *target, Datum record, DgCandidate *row);
static bool has_null(DgIndex *index, DgKey *key);
static char *column_list(Relation rel, Bitmapset *attrs);

/*
 * The arbiters for those lookup columns, best first, in the current context.
 */
List *
dg_arbiter_serving(Relation rel, DgTarget *target, DgColumns *lookup)
{
	List	   *arbiters = NIL;
	ListCell   *lc;

	if (!target->decides)
		return NIL;
	dg_index_load(rel, target);
	foreach(lc, target->indexes)
	{
		DgIndex    *index = lfirst(lc);
		DgArbiter  *arbiter;

		if (index->flaw != NULL ||
			!bms_is_subset(index->columns, lookup->attrs))
			continue;
		arbiter = palloc(sizeof(DgArbiter));
		arbiter->index = index;
		arbiter->residual = bms_difference(lookup->attrs, index->columns);
		arbiter->predicate_named = bms_is_subset(index->predicate_columns,
												 lookup->attrs);
		arbiters = lappend(arbiters, arbiter);
	}
	list_sort(arbiters, compare_arbiters);
	return arbiters;
}

/*
 * Order of preference: exactly the lookup columns; primary key; not partial;
 * no expressions; fewest columns; name.
 */
static int
compare_arbiters(const ListCell *a, const ListCell *b)
{
	DgArbiter  *left = lfirst(a);
	DgArbiter  *right = lfirst(b);
	DgIndex    *l = left->index;
	DgIndex    *r = right->index;

#define PREFER(condition_left, condition_right) \
	do \
	{ \
		if ((condition_left) != (condition_right)) \
			return (condition_left) ? -1 : 1; \
	} \
	while (0)

	PREFER(l->predicate == NIL, r->predicate == NIL);
	PREFER(bms_is_empty(left->residual), bms_is_empty(right->residual));
	PREFER(l->primary, r->primary);
	PREFER(l->exprs == NIL, r->exprs == NIL);
#undef PREFER
	if (bms_num_members(l->columns) != bms_num_members(r->columns))
		return bms_num_members(l->columns) - bms_num_members(r->columns);
	return strcmp(l->name, r->name);
}

/*
 * The arbiter of this call, and the candidate's key in it; NULL when no index
 * decides.  42704 and 42P10 when the caller named one that is not there or does
 * not serve.
 */
DgArbiter *
dg_arbiter_choose(Relation rel, DgShape *shape, DgCandidate *candidate,
				  const char *name, DgKey *key)
{
	DgArbiter  *chosen = NULL;
	DgKey		other;
	ListCell   *lc;

	if (name != NULL)
		return choose_named(rel, shape, candidate, name, key);

	foreach(lc, shape->arbiters)
	{
		DgArbiter  *arbiter = lfirst(lc);

		if (!make_key(rel, shape->target, arbiter, candidate,
					  chosen == NULL ? key : &other))
			continue;
		if (arbiter->index->predicate == NIL)
			return arbiter;
		/* a partial one only if it is the only candidate */
		if (chosen != NULL)
			return NULL;
		chosen = arbiter;
	}
	return chosen;
}

/*
 * The index or constraint that the caller named.  A unique constraint and its
 * index always bear the same name.
 */
static DgArbiter *
choose_named(Relation rel, DgShape *shape, DgCandidate *candidate,
			 const char *name, DgKey *key)
{
	Oid			indexoid = get_relname_relid(name, RelationGetNamespace(rel));
	DgIndex    *named = NULL;
	const char *reason;
	ListCell   *lc;

	foreach(lc, shape->target->indexes)
	{
		DgIndex    *index = lfirst(lc);

		if (OidIsValid(indexoid) && index->indexoid == indexoid)
			named = index;
	}
	if (named == NULL &&
		!OidIsValid(get_relation_constraint_oid(RelationGetRelid(rel), name,
												true)))
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_OBJECT),
				 errmsg("arbiter \"%s\" is neither a constraint nor an index of \"%s\"",
						name, RelationGetRelationName(rel)),
				 errtable(rel)));

	foreach(lc, shape->arbiters)
	{
		DgArbiter  *arbiter = lfirst(lc);

		if (arbiter->index == named &&
			make_key(rel, shape->target, arbiter, candidate, key))
			return arbiter;
	}
	reason = named != NULL ?
				 why_not(rel, shape, named, candidate, key) :
				 _("it is not a unique constraint");
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_COLUMN_REFERENCE),
			 errmsg("arbiter \"%s\" does not decide on the lookup columns (%s)",
					name, column_list(rel, shape->lookup->attrs)),
			 errdetail("\"%s\": %s.", name, reason),
			 errtable(rel)));
	return NULL;				/* keep compiler quiet */
}

/*
 * 42P10 that says of every unique index why it does not decide this call.
 */
void
dg_arbiter_report_none(Relation rel, DgShape *shape, DgCandidate *candidate,
					   bool needed)
{
	StringInfoData detail;
	const char *ambiguous = NULL;
	char	   *columns = column_list(rel, shape->lookup->attrs);
	bool		has_nulls = false;
	int			attnum = -1;
	ListCell   *lc;

	while ((attnum = bms_next_member(shape->lookup->attrs, attnum)) >= 0)
		has_nulls |= candidate->nulls[attnum - 1];

	initStringInfo(&detail);
	foreach(lc, shape->target->indexes)
	{
		DgIndex    *index = lfirst(lc);
		DgKey		key;
		const char *reason;

		if (!index->unique)
			continue;
		reason = why_not(rel, shape, index, candidate, &key);
		if (reason == NULL)
		{
			ambiguous = index->name;
			reason = _("it is partial, and not the only one that would serve");
		}
		appendStringInfo(&detail, "%s\"%s\": %s.",
						 detail.len > 0 ? "\n" : "", index->name, reason);
	}
	if (detail.len == 0)
		appendStringInfoString(&detail, _("The table has no unique index."));

	ereport(ERROR,
			(errcode(ERRCODE_INVALID_COLUMN_REFERENCE),
			 errmsg("no unique index of \"%s\" decides on the lookup columns (%s)",
					RelationGetRelationName(rel), columns),
			 errdetail_internal("%s", detail.data),
			 ambiguous != NULL ?
				 errhint("Name one of them, for example arbiter => %s.",
						 quote_literal_cstr(ambiguous)) :
			 lacks_distribution_column(shape) ?
				 errhint("Add the distribution column \"%s\": in a table that Citus distributes no key is unique without it.",
						 get_attname(RelationGetRelid(rel),
									 shape->target->distribution_column,
									 false)) :
				 errhint("Run CREATE UNIQUE INDEX ON %s (%s)%s%s.",
						 dg_target_name(rel), columns,
						 has_nulls ? " NULLS NOT DISTINCT" : "",
						 needed ? "" :
								  _("; or call with require_unique => false")),
			 errtable(rel)));
}

/*
 * Could no unique index decide on these columns, since Citus would not have it?
 */
static bool
lacks_distribution_column(DgShape *shape)
{
	AttrNumber	attnum = shape->target->distribution_column;

	return attnum != InvalidAttrNumber &&
		   !bms_is_member(attnum, shape->lookup->attrs);
}

/*
 * Why that index does not decide this call, as the end of a sentence; NULL
 * when it does.
 */
static const char *
why_not(Relation rel, DgShape *shape, DgIndex *index, DgCandidate *candidate,
		DgKey *key)
{
	ListCell   *lc;

	if (index->flaw != NULL)
		return _(index->flaw);
	foreach(lc, shape->arbiters)
	{
		DgArbiter  *arbiter = lfirst(lc);

		if (arbiter->index != index)
			continue;
		if (make_key(rel, shape->target, arbiter, candidate, key))
			return NULL;
		if (key->outside)
			return _("the lookup is outside of its predicate");
		return null_column(rel, index, key);
	}
	return missing_column(rel, shape, index);
}

/*
 * Names the first column that the index needs and the lookup lacks.
 */
static const char *
missing_column(Relation rel, DgShape *shape, DgIndex *index)
{
	Bitmapset  *missing = bms_difference(index->columns,
										shape->lookup->attrs);
	int			attnum = bms_next_member(missing, -1);

	if (attnum == 0)
		return _("its expression needs the whole row");
	return psprintf(_("column \"%s\" is not in the lookup"),
					NameStr(TupleDescAttr(RelationGetDescr(rel),
										  attnum - 1)
								->attname));
}

/*
 * Names the key column that is NULL.
 */
static const char *
null_column(Relation rel, DgIndex *index, DgKey *key)
{
	int			i = 0;

	while (!key->nulls[i])
		i++;
	if (index->attnums[i] == InvalidAttrNumber)
		return _("its expression is null for the lookup and it is not NULLS NOT DISTINCT");
	return psprintf(_("column \"%s\" is null in the lookup and it is not NULLS NOT DISTINCT"),
					NameStr(TupleDescAttr(RelationGetDescr(rel),
										  index->attnums[i] - 1)
								->attname));
}

/*
 * Fills in the candidate's key.  False when the index does not decide for it:
 * a NULL in the key of an index that lets NULLs repeat, or a row outside of
 * the predicate, whose expressions are not evaluated then, as in an INSERT.
 */
static bool
make_key(Relation rel, DgTarget *target, DgArbiter *arbiter,
		 DgCandidate *candidate, DgKey *key)
{
	DgIndex    *index = arbiter->index;
	bool		test_predicate = (index->predicate != NIL &&
						   arbiter->predicate_named);
	ExprContext *econtext;
	ListCell   *next_expr = list_head(index->exprs);

	key->outside = false;
	if (index->exprs == NIL && index->generated == NULL && !test_predicate)
	{
		for (int i = 0; i < index->nkeys; i++)
		{
			key->values[i] = candidate->values[index->attnums[i] - 1];
			key->nulls[i] = candidate->nulls[index->attnums[i] - 1];
		}
		return index->nulls_not_distinct || !has_null(index, key);
	}

	econtext = CreateStandaloneExprContext();
	econtext->ecxt_scantuple = candidate_slot(rel, target, index, candidate,
											  econtext);
	if (test_predicate)
		key->outside = !ExecQual(ExecInitQual(index->predicate, NULL),
								 econtext);
	for (int i = 0; i < index->nkeys; i++)
	{
		if (key->outside)
		{
			key->nulls[i] = true;
			continue;
		}
		if (index->attnums[i] != InvalidAttrNumber)
		{
			key->values[i] = slot_getattr(econtext->ecxt_scantuple,
										  index->attnums[i], &key->nulls[i]);
			continue;
		}
		key->values[i] = ExecEvalExpr(ExecInitExpr(lfirst(next_expr), NULL),
									  econtext, &key->nulls[i]);
		next_expr = lnext(index->exprs, next_expr);
	}
	FreeExprContext(econtext, true);
	return !key->outside &&
		   (index->nulls_not_distinct || !has_null(index, key));
}

/*
 * The candidate as a row, with the generated columns that this index needs.
 */
static TupleTableSlot *
candidate_slot(Relation rel, DgTarget *target, DgIndex *index,
			   DgCandidate *candidate, ExprContext *econtext)
{
	TupleTableSlot *slot = MakeSingleTupleTableSlot(target->desc,
													&TTSOpsVirtual);
	int			natts = target->desc->natts;
	int			attnum = -1;

	memcpy(slot->tts_values, candidate->values, natts * sizeof(Datum));
	memcpy(slot->tts_isnull, candidate->nulls, natts * sizeof(bool));
	ExecStoreVirtualTuple(slot);
	econtext->ecxt_scantuple = slot;
	while ((attnum = bms_next_member(index->generated, attnum)) >= 0)
	{
		Expr	   *expr = (Expr *) build_column_default(rel, attnum);

		slot->tts_values[attnum - 1] =
			ExecEvalExpr(ExecInitExpr(expression_planner(expr), NULL),
						 econtext, &slot->tts_isnull[attnum - 1]);
	}
	return slot;
}

/*
 * Would this row, one of the table's own type, be in the arbiter's index?
 */
bool
dg_arbiter_admits(Relation rel, DgTarget *target, DgArbiter *arbiter,
				  Datum record)
{
	DgCandidate row;
	ExprContext *econtext;
	bool		admits;

	if (arbiter->index->predicate == NIL)
		return true;

	deform(target, record, &row);
	econtext = CreateStandaloneExprContext();
	(void) candidate_slot(rel, target, arbiter->index, &row, econtext);
	admits = ExecQual(ExecInitQual(arbiter->index->predicate, NULL), econtext);
	FreeExprContext(econtext, true);
	return admits;
}

/*
 * The key of such a row.
 */
void
dg_arbiter_key(Relation rel, DgTarget *target, DgArbiter *arbiter,
			   Datum record, DgKey *key)
{
	DgCandidate row;

	deform(target, record, &row);
	(void) make_key(rel, target, arbiter, &row, key);
}

/*
 * The columns of a row as a candidate has them.
 */
static void
deform(DgTarget *target, Datum record, DgCandidate *row)
{
	HeapTupleData tuple;

	dg_record_open(record, &tuple);
	dg_candidate_init(row, target->desc->natts);
	heap_deform_tuple(&tuple, target->desc, row->values, row->nulls);
}

/*
 * Is a column of the key NULL?
 */
static bool
has_null(DgIndex *index, DgKey *key)
{
	for (int i = 0; i < index->nkeys; i++)
	{
		if (key->nulls[i])
			return true;
	}
	return false;
}

/*
 * Column names as in SQL, separated by commas.
 */
static char *
column_list(Relation rel, Bitmapset *attrs)
{
	StringInfoData buf;
	int			attnum = -1;

	initStringInfo(&buf);
	while ((attnum = bms_next_member(attrs, attnum)) >= 0)
		appendStringInfo(&buf, "%s%s", buf.len > 0 ? ", " : "",
						 quote_identifier(get_attname(RelationGetRelid(rel),
													  attnum, false)));
	return buf.data;
}
