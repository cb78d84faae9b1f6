/*
 * index.c
 *		The definitions of a table's indexes, as far as they decide uniqueness.
 *
 * Read once for a cached target.  Expressions are kept twice: simplified by the
 * planner, to be evaluated, and as the catalog has them, to be deparsed.  The
 * simplified ones would not be recognised as those of the index again.
 */
#include "postgres.h"

#include "access/genam.h"
#include "access/sysattr.h"
#include "catalog/pg_am.h"
#include "catalog/pg_class.h"
#include "catalog/pg_index.h"
#include "nodes/nodeFuncs.h"
#include "optimizer/optimizer.h"
#include "rewrite/rewriteHandler.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/rel.h"
#include "utils/syscache.h"

#include "index.h"

static DgIndex *load_index(Relation rel, Relation index);
static Node *stored_node(Relation index, AttrNumber attnum);
static const char *find_flaw(Form_pg_index form, Oid accessmethod);
static bool has_operators(Form_pg_index form, Oid accessmethod);
static void load_keys(DgIndex *result, Relation index);
static void load_operators(DgIndex *result, Relation index);
static void collect_columns(DgIndex *index, Relation rel);
static Bitmapset *replace_generated(DgIndex *index, Relation rel,
									Bitmapset *attrs);

/*
 * Reads the definitions of all indexes, once, into the target's context.
 */
void
dg_index_load(Relation rel, DgTarget *target)
{
	MemoryContext old;
	ListCell   *lc;

	if (target->indexes_loaded)
		return;
	old = MemoryContextSwitchTo(target->context);
	target->indexes = NIL;
	target->index_oids = RelationGetIndexList(rel);
	foreach(lc, target->index_oids)
	{
		Relation	index = index_open(lfirst_oid(lc), AccessShareLock);

		target->indexes = lappend(target->indexes, load_index(rel, index));
		index_close(index, AccessShareLock);
	}
	target->indexes_loaded = true;
	MemoryContextSwitchTo(old);
}

/*
 * What has to be known of one index.
 */
static DgIndex *
load_index(Relation rel, Relation index)
{
	Form_pg_index form = index->rd_index;
	DgIndex    *result = palloc0(sizeof(DgIndex));

	result->indexoid = RelationGetRelid(index);
	result->name = pstrdup(RelationGetRelationName(index));
	result->flaw = find_flaw(form, index->rd_rel->relam);
	result->unique = form->indisunique || form->indisexclusion;
	result->exclusion = form->indisexclusion;
	result->temporal = form->indisunique && form->indisexclusion;
	result->enforced = index->rd_rel->relkind == RELKIND_PARTITIONED_INDEX ?
						   form->indisvalid :
						   form->indisready && form->indislive;
	result->primary = form->indisprimary;
	result->nulls_not_distinct = form->indnullsnotdistinct;
	if (!has_operators(form, index->rd_rel->relam))
		return result;
	result->nkeys = form->indnkeyatts;
	result->exprs = RelationGetIndexExpressions(index);
	result->predicate = RelationGetIndexPredicate(index);
	result->stored_exprs = (List *) stored_node(index,
												Anum_pg_index_indexprs);
	result->stored_predicate = stored_node(index, Anum_pg_index_indpred);
	load_keys(result, index);
	collect_columns(result, rel);
	return result;
}

/*
 * An expression of pg_index as it was written; NULL when there is none.
 */
static Node *
stored_node(Relation index, AttrNumber attnum)
{
	bool		isnull;
	Datum		tree = SysCacheGetAttr(INDEXRELID, index->rd_indextuple, attnum,
								 &isnull);

	return isnull ? NULL : stringToNode(TextDatumGetCString(tree));
}

/*
 * Why an index can decide nothing, whatever the lookup; NULL if it can.
 */
static const char *
find_flaw(Form_pg_index form, Oid accessmethod)
{
	if (form->indisexclusion)
		return gettext_noop("it belongs to an exclusion constraint");
	if (!form->indisunique)
		return gettext_noop("it is not unique");
	if (!form->indimmediate)
		return gettext_noop("its constraint is deferrable");
	if (!form->indisvalid || !form->indisready || !form->indislive)
		return gettext_noop("it is not valid");
	if (accessmethod != BTREE_AM_OID)
		return gettext_noop("it is not a btree index");
	return NULL;
}

/*
 * Is it known by which operators two of its keys conflict?
 */
static bool
has_operators(Form_pg_index form, Oid accessmethod)
{
	return form->indisexclusion ||
		   (form->indisunique && accessmethod == BTREE_AM_OID);
}

/*
 * The key columns with the operators that make them conflict.
 */
static void
load_keys(DgIndex *result, Relation index)
{
	int			n = result->nkeys;
	Datum		datum;
	bool		isnull;
	oidvector  *opclasses;

	datum = SysCacheGetAttr(INDEXRELID, index->rd_indextuple,
							Anum_pg_index_indclass, &isnull);
	Assert(!isnull);
	opclasses = (oidvector *) DatumGetPointer(datum);

	result->attnums = palloc(n * sizeof(AttrNumber));
	result->types = palloc(n * sizeof(Oid));
	result->opclasses = palloc(n * sizeof(Oid));
	result->equals = palloc(n * sizeof(FmgrInfo));
	result->collations = palloc(n * sizeof(Oid));
	for (int i = 0; i < n; i++)
	{
		result->attnums[i] = index->rd_index->indkey.values[i];
		result->opclasses[i] = opclasses->values[i];
		result->collations[i] = index->rd_indcollation[i];
	}
	load_operators(result, index);
	for (int i = 0; i < n; i++)
		fmgr_info(get_opcode(result->operators[i]), &result->equals[i]);
}

/*
 * Equality, or those of the exclusion constraint.
 */
static void
load_operators(DgIndex *result, Relation index)
{
	Oid		   *procs;
	uint16	   *strategies;

	if (result->exclusion)
	{
		RelationGetExclusionInfo(index, &result->operators, &procs,
								 &strategies);
		return;
	}
	result->operators = palloc(result->nkeys * sizeof(Oid));
	for (int i = 0; i < result->nkeys; i++)
	{
		result->operators[i] = get_opfamily_member(index->rd_opfamily[i],
												   index->rd_opcintype[i],
												   index->rd_opcintype[i],
												   BTEqualStrategyNumber);
		if (!OidIsValid(result->operators[i]))
			elog(ERROR, "missing equality operator for type %u in opfamily %u",
				 index->rd_opcintype[i], index->rd_opfamily[i]);
	}
}

/*
 * The columns that the key, the expressions and the predicate are made from.
 */
static void
collect_columns(DgIndex *index, Relation rel)
{
	ListCell   *next_expr = list_head(index->exprs);
	Bitmapset  *attrs = dg_index_attributes(index->exprs);

	for (int i = 0; i < index->nkeys; i++)
	{
		AttrNumber	attnum = index->attnums[i];

		if (attnum != InvalidAttrNumber)
		{
			index->types[i] = TupleDescAttr(RelationGetDescr(rel),
											attnum - 1)
								  ->atttypid;
			attrs = bms_add_member(attrs, attnum);
			continue;
		}
		index->types[i] = exprType(lfirst(next_expr));
		next_expr = lnext(index->exprs, next_expr);
	}
	index->columns = replace_generated(index, rel, attrs);
	index->predicate_columns =
		replace_generated(index, rel, dg_index_attributes(index->predicate));
}

/*
 * The columns of the table in these expressions, by attnum.  The whole row and
 * tableoid, which an index may contain too, count as attnum 0: no lookup names
 * that.
 */
Bitmapset *
dg_index_attributes(List *exprs)
{
	Bitmapset  *offset = NULL;
	Bitmapset  *attrs = NULL;
	int			i = -1;

	pull_varattnos((Node *) exprs, 1, &offset);
	while ((i = bms_next_member(offset, i)) >= 0)
		attrs = bms_add_member(attrs,
							   Max(i + FirstLowInvalidHeapAttributeNumber, 0));
	return attrs;
}

/*
 * The same set with each stored generated column, which no lookup can name,
 * replaced by the columns that it is generated from.
 */
static Bitmapset *
replace_generated(DgIndex *index, Relation rel, Bitmapset *attrs)
{
	Bitmapset  *result = bms_copy(attrs);
	int			attnum = -1;

	while ((attnum = bms_next_member(attrs, attnum)) >= 0)
	{
		Node	   *expr;

		if (attnum == 0 ||
			!TupleDescAttr(RelationGetDescr(rel), attnum - 1)->attgenerated)
			continue;
		index->generated = bms_add_member(index->generated, attnum);
		expr = build_column_default(rel, attnum);
		result = bms_del_member(result, attnum);
		result = bms_add_members(result, dg_index_attributes(list_make1(expr)));
	}
	return result;
}
