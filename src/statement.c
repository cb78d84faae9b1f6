/*
 * statement.c
 *		The SQL statements behind a call, cached with its shape; the only place
 *		that uses SPI.
 *
 * Three kinds: the look, a SELECT of the whole row by its key; the creation, an
 * INSERT with or without ON CONFLICT DO NOTHING; and the UPDATE of the row with
 * that key.  The executor does everything else: privileges, row security,
 * triggers, generated and identity columns, routing to partitions, foreign
 * keys.
 *
 * search_path.  PostgreSQL analyzes a cached statement again under the path of
 * the caller.  So text that holds deparsed expressions remembers the path that
 * it was made under and serves no other one.  Nor does it serve another role:
 * with row security that is analyzed again, too, and by then a name in the text
 * may be hidden by an object of somebody else's.
 *
 * Snapshots and command counter are SPI's for a volatile function: each
 * statement sees what came before it in this transaction and, under READ
 * COMMITTED, what others have committed.
 */
#include "postgres.h"

#include "access/xact.h"
#include "catalog/pg_class.h"
#include "executor/spi.h"
#include "miscadmin.h"
#include "nodes/params.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/plancache.h"
#include "utils/rel.h"
#include "utils/rls.h"
#include "utils/snapmgr.h"

#include "compat.h"
#include "receiver.h"
#include "statement.h"

#define DG_MAX_STATEMENTS_PER_SHAPE 16
#define DG_FETCH 100

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

static void key_parameters(DgShape *shape, DgStatementKey *wanted,
						   DgCandidate *candidate, DgKey *key, Datum *values,
						   char *nulls);
static void column_parameters(List *attnums, DgCandidate *candidate,
							  Datum *values, char *nulls);
static char *distribution_column(Relation rel, DgShape *shape,
								 DgCandidate *candidate);
static void hint_distribution(void *arg);
static DgStatement *get_statement(Relation rel, DgShape *shape,
								  DgStatementKey *key,
								  EphemeralNamedRelation batch);
static DgStatement *find_statement(DgShape *shape, DgStatementKey *key);
static bool serves(DgStatement *statement);
static void discard(DgShape *shape, DgStatement *statement);
static DgStatement *prepare(Relation rel, DgShape *shape, DgStatementKey *key,
							EphemeralNamedRelation batch);
static void register_batch(EphemeralNamedRelation batch);
static void check_inference(SPIPlanPtr plan);
static void hint_view(void *arg);
static void free_plan(void *arg);
static Oid *parameter_types(Relation rel, DgShape *shape, DgStatementKey *key,
							int *nargs);
static bool execute(Relation rel, DgStatement *statement, Datum *values,
					const char *nulls, Snapshot snapshot, Datum *record);
static void run_plan(DgStatement *statement, Datum *values,
					 const char *nulls, Snapshot snapshot,
					 DestReceiver *receiver);
static void hint_retry(void *arg);

/*
 * Selects the row, by the arbiter's key or, without an arbiter, by all lookup
 * columns.  False when there is none; 21000 when there are several.  With a
 * snapshot it looks under that one.  The record is in the caller's memory
 * context.
 */
bool
dg_statement_look(Relation rel, DgShape *shape, DgArbiter *arbiter,
				  DgCandidate *candidate, DgKey *key, DgLockStrength lock,
				  Snapshot snapshot, Datum *record)
{
	DgStatementKey wanted = {DG_LOOK, lock, arbiter};
	int			n = dg_statement_text_nkeys(shape, arbiter);
	Datum	   *values = palloc(n * sizeof(Datum));
	char	   *nulls = palloc(n * sizeof(char));

	key_parameters(shape, &wanted, candidate, key, values, nulls);
	return execute(rel, get_statement(rel, shape, &wanted, NULL), values, nulls,
				   snapshot, record);
}

/*
 * Inserts the candidate.  False when nothing was inserted: a conflict, if
 * on_conflict asks for that to be no error, or a trigger that suppressed the
 * row.
 */
bool
dg_statement_create(Relation rel, DgShape *shape, DgArbiter *arbiter,
					bool on_conflict, DgCandidate *candidate, Datum *record)
{
	DgStatementKey wanted = {on_conflict ? DG_CREATE : DG_INSERT,
							 DG_LOCK_NONE, arbiter};
	int			n = list_length(shape->inserted);
	Datum	   *values = palloc(n * sizeof(Datum));
	char	   *nulls = palloc(n * sizeof(char));

	ErrorContextCallback callback = {
		.previous = error_context_stack,
		.callback = hint_distribution,
		.arg = distribution_column(rel, shape, candidate)};
	bool		created;

	column_parameters(shape->inserted, candidate, values, nulls);
	error_context_stack = &callback;
	created = execute(rel, get_statement(rel, shape, &wanted, NULL), values,
					  nulls, InvalidSnapshot, record);
	error_context_stack = callback.previous;
	return created;
}

/*
 * The name of the column by which Citus distributes the table, when the
 * candidate has no value for it; else NULL.
 */
static char *
distribution_column(Relation rel, DgShape *shape, DgCandidate *candidate)
{
	AttrNumber	attnum = shape->target->distribution_column;

	if (attnum == InvalidAttrNumber ||
		(list_member_int(shape->inserted, attnum) &&
		 !candidate->nulls[attnum - 1]))
		return NULL;
	return get_attname(RelationGetRelid(rel), attnum, false);
}

/*
 * Error context callback for Citus's refusal to insert without it.
 */
static void
hint_distribution(void *arg)
{
	if (arg != NULL && geterrcode() == ERRCODE_NULL_VALUE_NOT_ALLOWED)
		errhint("Give a value for the distribution column \"%s\", in the lookup if there is no other way to tell the row.",
				(char *) arg);
}

/*
 * Sets the columns that the shape updates to their values in changes, in the
 * row of the key or lookup, which the caller has found and locked.  False when
 * nothing was updated, by the will of a trigger.
 */
bool
dg_statement_update(Relation rel, DgShape *shape, DgArbiter *arbiter,
					DgCandidate *candidate, DgKey *key, DgCandidate *changes,
					Datum *record)
{
	DgStatementKey wanted = {DG_UPDATE, DG_LOCK_NONE, arbiter};
	int			nkeys = dg_statement_text_nkeys(shape, arbiter);
	int			n = nkeys + list_length(shape->updated);
	Datum	   *values = palloc(n * sizeof(Datum));
	char	   *nulls = palloc(n * sizeof(char));

	key_parameters(shape, &wanted, candidate, key, values, nulls);
	column_parameters(shape->updated, changes, values + nkeys, nulls + nkeys);
	return execute(rel, get_statement(rel, shape, &wanted, NULL), values, nulls,
				   InvalidSnapshot, record);
}

/*
 * Inserts the rows of a tuplestore, in its order, by one statement.  Each row
 * that was inserted goes to the receiver, in the same order, as a slot with the
 * whole row in its first column.  desc is that of the tuplestore and of the
 * columns; it must live until the end of the call only.
 */
void
dg_statement_create_many(Relation rel, DgShape *shape, DgArbiter *arbiter,
						 bool on_conflict, Bitmapset *columns, TupleDesc desc,
						 Tuplestorestate *rows, DestReceiver *receiver)
{
	DgStatementKey wanted = {
		.verb = on_conflict ? DG_CREATE_MANY : DG_INSERT_MANY,
		.arbiter = arbiter,
		.columns = columns};
	EphemeralNamedRelationData batch = {
		.md.name = DG_BATCH,
		.md.tupdesc = desc,
		.md.enrtype = ENR_NAMED_TUPLESTORE,
		.md.enrtuples = tuplestore_tuple_count(rows),
		.reldata = rows};
	ErrorContextCallback callback = {
		.previous = error_context_stack,
		.callback = hint_retry};
	SPIExecuteOptions options = {.dest = receiver};
	DgStatement *statement;
	int			rc;

	error_context_stack = &callback;
	statement = get_statement(rel, shape, &wanted, &batch);
	SPI_connect();
	register_batch(&batch);
	rc = SPI_execute_plan_extended(statement->plan, &options);
	if (rc < 0)
		elog(ERROR, "SPI_execute_plan_extended failed: %s",
			 SPI_result_code_string(rc));
	SPI_finish();
	error_context_stack = callback.previous;
}

/*
 * The parameters that identify the row.  Which of them are NULL decides on the
 * statement that is wanted.
 */
static void
key_parameters(DgShape *shape, DgStatementKey *wanted, DgCandidate *candidate,
			   DgKey *key, Datum *values, char *nulls)
{
	DgArbiter  *arbiter = wanted->arbiter;
	int			n = dg_statement_text_nkeys(shape, arbiter);

	for (int i = 0; i < n; i++)
	{
		int			pos = arbiter ? i : shape->lookup->attnums[i] - 1;
		bool		isnull = arbiter ? key->nulls[pos] : candidate->nulls[pos];

		values[i] = arbiter ? key->values[pos] : candidate->values[pos];
		nulls[i] = isnull ? 'n' : ' ';
		if (isnull)
			wanted->nulls = bms_add_member(wanted->nulls, i);
	}
}

/*
 * The candidate's values of those columns.
 */
static void
column_parameters(List *attnums, DgCandidate *candidate, Datum *values,
				  char *nulls)
{
	ListCell   *lc;

	foreach(lc, attnums)
	{
		int			i = foreach_current_index(lc);
		AttrNumber	attnum = lfirst_int(lc);

		values[i] = candidate->values[attnum - 1];
		nulls[i] = candidate->nulls[attnum - 1] ? 'n' : ' ';
	}
}

/*
 * The prepared statement of that key, made if need be.  A plan that has been
 * invalidated is thrown away with its text: PostgreSQL would analyze that text
 * again, and a schema or function that was renamed would make it fail, or mean
 * another table.
 */
static DgStatement *
get_statement(Relation rel, DgShape *shape, DgStatementKey *key,
			  EphemeralNamedRelation batch)
{
	DgStatement *statement = find_statement(shape, key);
	MemoryContext old;

	if (statement != NULL && SPI_plan_is_valid(statement->plan))
		return statement;
	if (statement != NULL)
		discard(shape, statement);
	if (list_length(shape->statements) >= DG_MAX_STATEMENTS_PER_SHAPE)
		discard(shape, linitial(shape->statements));

	statement = prepare(rel, shape, key, batch);
	old = MemoryContextSwitchTo(shape->context);
	shape->statements = lappend(shape->statements, statement);
	MemoryContextSwitchTo(old);
	return statement;
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
	register_batch(batch);
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
 * Makes the rows of a statement for many known to it.
 */
static void
register_batch(EphemeralNamedRelation batch)
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

/*
 * Runs a statement; false when it gave no row.
 */
static bool
execute(Relation rel, DgStatement *statement, Datum *values,
		const char *nulls, Snapshot snapshot, Datum *record)
{
	ErrorContextCallback callback = {
		.previous = error_context_stack,
		.callback = hint_retry};
	DgRecordReceiver receiver;

	dg_receiver_expect_record(&receiver);
	error_context_stack = &callback;
	SPI_connect();
	run_plan(statement, values, nulls, snapshot, &receiver.pub);
	SPI_finish();
	error_context_stack = callback.previous;
	if (receiver.received > 1)
		ereport(ERROR,
				(errcode(ERRCODE_CARDINALITY_VIOLATION),
				 errmsg("more than one row of \"%s\" matches the lookup",
						RelationGetRelationName(rel)),
				 errhint("Look up by columns that are unique over all of it."),
				 errtable(rel)));
	*record = receiver.record;
	return receiver.received == 1;
}

/*
 * With SPI's own snapshot, or with the given one.
 */
static void
run_plan(DgStatement *statement, Datum *values, const char *nulls,
		 Snapshot snapshot, DestReceiver *receiver)
{
	int			n = SPI_getargcount(statement->plan);
	SPIExecuteOptions options = {
		.params = makeParamList(n),
		.read_only = snapshot != InvalidSnapshot,
		.tcount = 2,
		.dest = receiver};
	int			rc;

	for (int i = 0; i < n; i++)
	{
		ParamExternData *param = &options.params->params[i];

		param->value = values[i];
		param->isnull = nulls[i] == 'n';
		param->pflags = PARAM_FLAG_CONST;
		param->ptype = SPI_getargtypeid(statement->plan, i);
	}
	if (snapshot != InvalidSnapshot)
		PushActiveSnapshot(snapshot);
	rc = SPI_execute_plan_extended(statement->plan, &options);
	if (rc < 0)
		elog(ERROR, "SPI_execute_plan_extended failed: %s",
			 SPI_result_code_string(rc));
	if (snapshot != InvalidSnapshot)
		PopActiveSnapshot();
}

/*
 * Runs a SELECT once, under the active snapshot, and hands the first column of
 * each row to a function, in whose memory context the caller's is current.
 * Nothing is kept of the statement.
 */
void
dg_statement_each(const char *sql, int nargs, Oid *types, Datum *values,
				  const char *nulls, void (*take)(Datum value, void *arg),
				  void *arg)
{
	MemoryContext context = CurrentMemoryContext;
	ErrorContextCallback callback = {
		.previous = error_context_stack,
		.callback = hint_retry};
	Portal		portal;

	error_context_stack = &callback;
	SPI_connect();
	portal = SPI_cursor_open_with_args(NULL, sql, nargs, types, values, nulls,
									   true, 0);
	do
	{
		SPI_cursor_fetch(portal, true, DG_FETCH);
		MemoryContextSwitchTo(context);
		for (uint64 i = 0; i < SPI_processed; i++)
		{
			bool		isnull;
			Datum		value = SPI_getbinval(SPI_tuptable->vals[i],
										SPI_tuptable->tupdesc, 1,
										&isnull);

			Assert(!isnull);
			take(value, arg);
		}
		SPI_freetuptable(SPI_tuptable);
	}
	while (SPI_processed > 0);
	SPI_cursor_close(portal);
	SPI_finish();
	error_context_stack = callback.previous;
}

/*
 * Error context callback: tells what to do about a serialization failure, in
 * the place where users look for that.
 */
static void
hint_retry(void *arg)
{
	if (geterrcode() == ERRCODE_T_R_SERIALIZATION_FAILURE)
		errhint("Retry the whole transaction.");
}
