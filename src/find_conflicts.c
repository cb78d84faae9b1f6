/*
 * find_conflicts.c
 *		The SQL function of that name: every constraint that a candidate would
 *		break, without trying it.
 *
 * PostgreSQL stops at the first violation, and stopping is an error.  Here the
 * row that the INSERT would make is computed (row.c) and held against one kind
 * of constraint after the other, in the order in which an INSERT meets them.
 * Nothing is written: no sequence value is used, no trigger fires, no lock on a
 * row is taken, so that it also works in a read-only transaction and on a
 * standby.
 *
 * Rows are looked for by SQL with the caller's rights, all under one snapshot.
 * What cannot be told without writing is left out, never guessed: constraints
 * on columns with a volatile default, what triggers would do, foreign keys to
 * tables that the caller may not read.
 */
#include "postgres.h"

#include "access/relation.h"
#include "access/xact.h"
#include "catalog/objectaddress.h"
#include "catalog/pg_class.h"
#include "catalog/pg_type.h"
#include "fmgr.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "optimizer/optimizer.h"
#include "utils/acl.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"
#include "utils/snapmgr.h"

#include "call.h"
#include "conflicts.h"

PG_FUNCTION_INFO_V1(duplicate_guard_find_conflicts);

static Datum find_conflicts(FunctionCallInfo fcinfo);
static void refuse_kind(Relation rel);
static void check_select(Relation rel);
static DgRow *make_row(DgConflicts *conflicts, DgCall *call);
static void find_all(DgConflicts *conflicts);
static Datum name_array(List *names);

/*
 * find_conflicts(target anyelement, candidate jsonb)
 */
Datum
duplicate_guard_find_conflicts(PG_FUNCTION_ARGS)
{
	return dg_target_bracket(fcinfo, find_conflicts);
}

/*
 * The call inside its bracket.  Like a statement in a volatile function it sees
 * what came before it in this transaction and, under READ COMMITTED, what
 * others have committed.
 */
static Datum
find_conflicts(FunctionCallInfo fcinfo)
{
	DgCall		call = {0};
	DgMemo	   *memo = dg_target_memo(fcinfo);
	DgConflicts conflicts = {0};

	call.defaults = dg_candidate_object(fcinfo, 1, "candidate",
										!PG_ARGISNULL(1));
	InitMaterializedSRF(fcinfo, 0);
	call.rel = dg_target_open(memo);
	refuse_kind(call.rel);
	dg_call_open(&call, memo);
	check_select(call.rel);

	CommandCounterIncrement();
	PushActiveSnapshot(GetTransactionSnapshot());
	conflicts.rel = call.rel;
	conflicts.result = (ReturnSetInfo *) fcinfo->resultinfo;
	conflicts.rows = list_make1(make_row(&conflicts, &call));
	find_all(&conflicts);
	PopActiveSnapshot();
	relation_close(call.rel, NoLock);
	return (Datum) 0;
}

/*
 * 0A000 where the constraints are another relation's or another server's.  An
 * empty answer would say that there is no conflict.
 */
static void
refuse_kind(Relation rel)
{
	if (rel->rd_rel->relkind == RELKIND_VIEW)
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("cannot find the conflicts of view \"%s\"",
						RelationGetRelationName(rel)),
				 errhint("Call it for the table behind the view."),
				 errtable(rel)));
	if (rel->rd_rel->relkind == RELKIND_FOREIGN_TABLE)
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("cannot find the conflicts of foreign table \"%s\"",
						RelationGetRelationName(rel)),
				 errdetail("Its constraints are the remote server's."),
				 errtable(rel)));
}

/*
 * 42501 for a caller who may not read whole rows.  Asked beforehand, so that
 * it does not depend on what the candidate would meet.
 */
static void
check_select(Relation rel)
{
	Oid			relid = RelationGetRelid(rel);

	if (pg_class_aclcheck(relid, GetUserId(), ACL_SELECT) != ACLCHECK_OK &&
		pg_attribute_aclcheck_all(relid, GetUserId(), ACL_SELECT,
								  ACLMASK_ALL) != ACLCHECK_OK)
		aclcheck_error(ACLCHECK_NO_PRIV,
					   get_relkind_objtype(rel->rd_rel->relkind),
					   RelationGetRelationName(rel));
}

/*
 * The row that the INSERT would make.
 */
static DgRow *
make_row(DgConflicts *conflicts, DgCall *call)
{
	Bitmapset  *converted = dg_conflict_values(conflicts, &call->candidate,
											  call->shape->defaults,
											  call->defaults);
	Bitmapset  *refused = bms_difference(call->shape->defaults->attrs,
										converted);

	return dg_row_make(call->rel, &call->candidate, converted, refused);
}

/*
 * In the order in which an INSERT meets them.
 */
static void
find_all(DgConflicts *conflicts)
{
	ListCell   *lc;

	dg_conflict_domains(conflicts);
	dg_conflict_route(conflicts);
	dg_conflict_not_null(conflicts);
	dg_conflict_checks(conflicts);
	dg_conflict_partition(conflicts);
	dg_conflict_indexes(conflicts);
	dg_conflict_foreign_keys(conflicts);

	for_each_from(lc, conflicts->rows, 1)
		relation_close(((DgRow *) lfirst(lc))->rel, NoLock);
}

/*
 * Adds a conflict to the answer.  Without a name constraint is NULL, without
 * an existing row record is.
 */
void
dg_conflicts_add(DgConflicts *conflicts, DgKind kind, const char *constraint,
				 List *columns, Datum *record)
{
	Datum		values[4] = {0};
	bool		nulls[4] = {false, constraint == NULL, columns == NIL,
					 record == NULL};

	values[0] = CStringGetTextDatum(dg_kind_name(kind));
	if (constraint != NULL)
		values[1] = CStringGetTextDatum(constraint);
	if (columns != NIL)
		values[2] = name_array(columns);
	if (record != NULL)
		values[3] = *record;
	tuplestore_putvalues(conflicts->result->setResult,
						 conflicts->result->setDesc, values, nulls);
}

/*
 * Names as text[].
 */
static Datum
name_array(List *names)
{
	Datum	   *elements = palloc(list_length(names) * sizeof(Datum));
	int			n = 0;
	ListCell   *lc;

	foreach(lc, names)
		elements[n++] = CStringGetTextDatum(lfirst(lc));
	return PointerGetDatum(construct_array(elements, n, TEXTOID, -1, false,
										   TYPALIGN_INT));
}

/*
 * The names with those of the columns in the expression behind them, each
 * once.
 */
List *
dg_conflicts_columns(Relation rel, Node *expr, List *names)
{
	ListCell   *lc;

	foreach(lc, pull_var_clause(expr, 0))
	{
		Var		   *var = lfirst(lc);

		if (var->varattno > 0)
			names = dg_conflicts_column(rel, var->varattno, names);
	}
	return names;
}

/*
 * The same with one column.
 */
List *
dg_conflicts_column(Relation rel, AttrNumber attnum, List *names)
{
	Form_pg_attribute attr = TupleDescAttr(RelationGetDescr(rel), attnum - 1);
	ListCell   *lc;

	foreach(lc, names)
	{
		if (strcmp(lfirst(lc), NameStr(attr->attname)) == 0)
			return names;
	}
	return lappend(names, pstrdup(NameStr(attr->attname)));
}

/*
 * Is it the row as the target has it, and not as a partition?
 */
bool
dg_conflicts_is_top(DgConflicts *conflicts, DgRow *row)
{
	return row == linitial(conflicts->rows);
}
