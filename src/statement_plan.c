/*
 * statement_plan.c
 *		Prepared statements, kept with the shape of the calls that they serve.
 *
 * search_path.  PostgreSQL analyzes a cached statement again under the path of
 * the caller.  So text that holds deparsed expressions remembers the path that
 * it was made under and serves no other one.  Nor does it serve another role:
 * with row security that is analyzed again, too, and by then a name in the text
 * may be hidden by an object of somebody else's.
 */
#include "postgres.h"

#include "catalog/pg_class.h"
#include "executor/spi.h"
#include "miscadmin.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/plancache.h"
#include "utils/rel.h"
#include "utils/rls.h"

#include "compat.h"
#include "statement_plan.h"

#define DG_MAX_STATEMENTS_PER_SHAPE 16

typedef struct DgStatement
{
	DgStatementKey key;
	SearchPathMatcher *path;	/* NULL: good under any, and for any role */
	Oid			role;
	bool		row_security;
	SPIPlanPtr	plan;
	MemoryContext context;
	MemoryContextCallback free_plan;
} DgStatement;

static DgStatement *find_statement(DgShape *shape, DgStatementKey *key);
static bool serves(DgStatement *statement);
static void discard(DgShape *shape, DgStatement *statement);
static DgStatement *prepare(Relation rel, DgShape *shape, DgStatementKey *key,
							EphemeralNamedRelation batch);
static void check_inference(SPIPlanPtr plan);
static void hint_view(void *arg);
static void free_plan(void *arg);
static Oid *parameter_types(Relation rel, DgShape *shape, DgStatementKey *key,
							int *nargs);

/*
 * The plan of the statement of that key, prepared if need be.  It may be used
 * until the end of the caller's bracket.  A plan that has been invalidated is
 * thrown away with its text: PostgreSQL would analyze that text again, and a
 * schema or function that was renamed would make it fail, or mean another
 * table.
 */
SPIPlanPtr
dg_statement_plan(Relation rel, DgShape *shape, DgStatementKey *key,
				  EphemeralNamedRelation batch)
{
	DgStatement *statement = find_statement(shape, key);
	MemoryContext old;

	if (statement != NULL && SPI_plan_is_valid(statement->plan))
		return statement->plan;
	if (statement != NULL)
		discard(shape, statement);
	if (list_length(shape->statements) >= DG_MAX_STATEMENTS_PER_SHAPE)
		discard(shape, linitial(shape->statements));

	statement = prepare(rel, shape, key, batch);
	old = MemoryContextSwitchTo(shape->context);
	shape->statements = lappend(shape->statements, statement);
	MemoryContextSwitchTo(old);
	return statement->plan;
}

/*
 * The statement of that key for this search_path and role, or NULL.
 */
static DgStatement *
find_statement(DgShape *shape, DgStatementKey *key)
{
	ListCell   *lc;

	foreach(lc, shape->statements)
	{
		DgStatement *statement = lfirst(lc);

		if (statement->key.verb == key->verb &&
			statement->key.lock == key->lock &&
			statement->key.arbiter == key->arbiter &&
			bms_equal(statement->key.nulls, key->nulls) &&
			bms_equal(statement->key.columns, key->columns) &&
			serves(statement))
			return statement;
	}
	return NULL;
}

/*
 * Would PostgreSQL use what it has analyzed, or does the text have no names
 * that could mean something else now?
 */
static bool
serves(DgStatement *statement)
{
	return statement->path == NULL ||
		   (statement->role == GetUserId() &&
			statement->row_security == row_security &&
			SearchPathMatchesCurrentEnvironment(statement->path));
}

/*
 * Takes a statement out of the shape.  Somebody up the stack may be executing
 * it, so its memory is buried.
 */
static void
discard(DgShape *shape, DgStatement *statement)
{
	shape->statements = list_delete_ptr(shape->statements, statement);
	dg_target_bury(statement->context);
}

/*
 * Prepares a statement for good.  A generic plan from the start: the key
 * decides the row whatever its value, so a plan per value buys nothing.  But
 * Citus cannot plan for a key whose shard it does not know, and says so by the
 * plan's cost.
 */
static DgStatement *
prepare(Relation rel, DgShape *shape, DgStatementKey *key,
		EphemeralNamedRelation batch)
{
	MemoryContext context;
	DgStatement *statement;
	char	   *sql;
	Oid		   *types;
	int			nargs;

	context = AllocSetContextCreate(CurrentMemoryContext,
									"duplicate_guard statement",
									ALLOCSET_SMALL_SIZES);
	statement = MemoryContextAllocZero(context, sizeof(DgStatement));
	statement->context = context;
	statement->key = *key;
	if (key->nulls != NULL || key->columns != NULL)
	{
		MemoryContext old = MemoryContextSwitchTo(context);

		statement->key.nulls = bms_copy(key->nulls);
		statement->key.columns = bms_copy(key->columns);
		MemoryContextSwitchTo(old);
	}
	if (dg_statement_text_needs_path(key))
		statement->path = GetSearchPathMatcher(context);
	statement->role = GetUserId();
	statement->row_security = row_security;

	sql = dg_statement_text(rel, shape, key);
	types = parameter_types(rel, shape, key, &nargs);

	SPI_connect();
	dg_statement_plan_register(batch);
	statement->plan = SPI_prepare_cursor(sql, nargs, types,
										 shape->target->is_distributed ?
											 0 :
											 CURSOR_OPT_GENERIC_PLAN);
	if (statement->plan == NULL)
		elog(ERROR, "could not prepare \"%s\": %s", sql,
			 SPI_result_code_string(SPI_result));
	SPI_keepplan(statement->plan);
	statement->free_plan.func = free_plan;
	statement->free_plan.arg = statement->plan;
	MemoryContextRegisterResetCallback(context, &statement->free_plan);
	if (rel->rd_rel->relkind == RELKIND_VIEW && key->verb == DG_CREATE)
		check_inference(statement->plan);
	SPI_finish();

	MemoryContextSetParent(context, shape->context);
	return statement;
}

/*
 * Plans the INSERT for a view now, to tell what to do when PostgreSQL finds no
 * unique index of the base table for the lookup columns.
 */
static void
check_inference(SPIPlanPtr plan)
{
	ErrorContextCallback callback = {
		.previous = error_context_stack,
		.callback = hint_view};
	CachedPlan *cached;

	error_context_stack = &callback;
	cached = SPI_plan_get_cached_plan(plan);
	if (cached != NULL)
		ReleaseCachedPlan(cached, CurrentResourceOwner);
	error_context_stack = callback.previous;
}

/*
 * Error context callback for that.
 */
static void
hint_view(void *arg)
{
	if (geterrcode() == ERRCODE_INVALID_COLUMN_REFERENCE)
		errhint("Look up a view by exactly the columns of a unique index of its base table, or call it for that table.");
}

/*
 * Makes the rows of a statement for many known to SPI, in whose connection they
 * are forgotten; without rows, nothing.
 */
void
dg_statement_plan_register(EphemeralNamedRelation batch)
{
	int			rc = batch != NULL ? SPI_register_relation(batch) : 0;

	if (rc < 0)
		elog(ERROR, "SPI_register_relation failed: %s",
			 SPI_result_code_string(rc));
}

/*
 * Called when the statement's context goes.
 */
static void
free_plan(void *arg)
{
	SPI_freeplan((SPIPlanPtr) arg);
}

/*
 * The types of the parameters: those that identify the row, those that are
 * written, or both.
 */
static Oid *
parameter_types(Relation rel, DgShape *shape, DgStatementKey *key, int *nargs)
{
	TupleDesc	desc = RelationGetDescr(rel);
	bool		identifies = (key->verb == DG_LOOK || key->verb == DG_UPDATE);
	int			nkeys = 0;
	List	   *written = NIL;
	Oid		   *types;
	ListCell   *lc;

	if (identifies)
		nkeys = dg_statement_text_nkeys(shape, key->arbiter);
	if (key->verb == DG_UPDATE)
		written = shape->updated;
	else if (key->verb == DG_CREATE || key->verb == DG_INSERT)
		written = shape->inserted;
	*nargs = nkeys + list_length(written);
	types = palloc(*nargs * sizeof(Oid));
	for (int i = 0; i < nkeys; i++)
	{
		if (key->arbiter != NULL)
			types[i] = key->arbiter->index->types[i];
		else
		{
			AttrNumber	attnum = shape->lookup->attnums[i];

			types[i] = TupleDescAttr(desc, attnum - 1)->atttypid;
		}
	}
	foreach(lc, written)
		types[nkeys + foreach_current_index(lc)] =
			TupleDescAttr(desc, lfirst_int(lc) - 1)->atttypid;
	return types;
}
