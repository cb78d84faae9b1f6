/*
 * statement.c
 *		The SQL statements behind a call, executed by SPI.
 *
 * Three kinds: the look, a SELECT of the whole row by its key; the creation, an
 * INSERT with or without ON CONFLICT DO NOTHING; and the UPDATE of the row with
 * that key.  The executor does everything else: privileges, row security,
 * triggers, generated and identity columns, routing to partitions, foreign
 * keys.
 *
 * Snapshots and command counter are SPI's for a volatile function: each
 * statement sees what came before it in this transaction and, under READ
 * COMMITTED, what others have committed.
 */
#include "postgres.h"

#include "executor/spi.h"
#include "nodes/params.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"
#include "utils/snapmgr.h"

#include "receiver.h"
#include "statement.h"
#include "statement_plan.h"

#define DG_FETCH 100

static void key_parameters(DgShape *shape, DgStatementKey *wanted,
						   DgCandidate *candidate, DgKey *key, Datum *values,
						   char *nulls);
static void column_parameters(List *attnums, DgCandidate *candidate,
							  Datum *values, char *nulls);
static char *distribution_column(Relation rel, DgShape *shape,
								 DgCandidate *candidate);
static void hint_distribution(void *arg);
static bool execute(Relation rel, SPIPlanPtr plan, Datum *values,
					const char *nulls, Snapshot snapshot, Datum *record);
static void run_plan(SPIPlanPtr plan, Datum *values, const char *nulls,
					 Snapshot snapshot, DestReceiver *receiver);
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
	return execute(rel, dg_statement_plan(rel, shape, &wanted, NULL), values,
				   nulls, snapshot, record);
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
	created = execute(rel, dg_statement_plan(rel, shape, &wanted, NULL),
					  values, nulls, InvalidSnapshot, record);
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
	return execute(rel, dg_statement_plan(rel, shape, &wanted, NULL), values,
				   nulls, InvalidSnapshot, record);
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
	SPIPlanPtr	plan;
	int			rc;

	error_context_stack = &callback;
	plan = dg_statement_plan(rel, shape, &wanted, &batch);
	SPI_connect();
	dg_statement_plan_register(&batch);
	rc = SPI_execute_plan_extended(plan, &options);
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
 * Runs a statement; false when it gave no row.
 */
static bool
execute(Relation rel, SPIPlanPtr plan, Datum *values,
		const char *nulls, Snapshot snapshot, Datum *record)
{
	ErrorContextCallback callback = {
		.previous = error_context_stack,
		.callback = hint_retry};
	DgRecordReceiver receiver;

	dg_receiver_expect_record(&receiver);
	error_context_stack = &callback;
	SPI_connect();
	run_plan(plan, values, nulls, snapshot, &receiver.pub);
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
run_plan(SPIPlanPtr plan, Datum *values, const char *nulls,
		 Snapshot snapshot, DestReceiver *receiver)
{
	int			n = SPI_getargcount(plan);
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
		param->ptype = SPI_getargtypeid(plan, i);
	}
	if (snapshot != InvalidSnapshot)
		PushActiveSnapshot(snapshot);
	rc = SPI_execute_plan_extended(plan, &options);
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
