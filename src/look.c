/*
 * look.c
 *		The look for the row of a lookup: the probe where it is possible, else
 *		SQL, with the lock that the caller asked for.
 */
#include "postgres.h"

#include "access/xact.h"
#include "catalog/pg_class.h"
#include "miscadmin.h"
#include "utils/memutils.h"
#include "utils/rel.h"
#include "utils/resowner.h"

#include "look.h"
#include "probe.h"

/* How often to follow a row that moves to another partition */
#define DG_MOVES 64

static bool may_move(Relation rel);
static bool look_and_lock_moving(DgCall *call, Datum *record);
static bool try_lock(DgCall *call, bool *found, Datum *record);

/*
 * Looks for the row; under that snapshot if one is given.  The record is in the
 * caller's memory context.
 */
bool
dg_look(DgCall *call, Snapshot snapshot, Datum *record)
{
	bool		found;

	if (call->arbiter != NULL && call->lock == DG_LOCK_NONE &&
		dg_probe_possible(call->rel, call->target) &&
		dg_probe_look(call->rel, call->target, call->arbiter->index,
					  &call->key, record, &found))
		return found;
	if (call->lock != DG_LOCK_NONE && !IsolationUsesXactSnapshot() &&
		may_move(call->rel))
		return look_and_lock_moving(call, record);
	return dg_statement_look(call->rel, call->shape, call->arbiter,
							 &call->candidate, &call->key, call->lock,
							 snapshot, record);
}

/*
 * Can a row of it leave for another partition?  A view may have partitions
 * behind it.
 */
static bool
may_move(Relation rel)
{
	return rel->rd_rel->relkind == RELKIND_PARTITIONED_TABLE ||
		   rel->rd_rel->relkind == RELKIND_VIEW || rel->rd_rel->relispartition;
}

/*
 * A row that moves to another partition while we wait for its lock raises
 * 40001 even under READ COMMITTED, since PostgreSQL cannot follow it there.  We
 * can: the lock is tried in a subtransaction and the row looked up anew.
 */
static bool
look_and_lock_moving(DgCall *call, Datum *record)
{
	bool		found = false;

	for (int round = 0; round < DG_MOVES; round++)
	{
		CHECK_FOR_INTERRUPTS();
		if (!dg_statement_look(call->rel, call->shape, call->arbiter,
							   &call->candidate, &call->key, DG_LOCK_NONE,
							   InvalidSnapshot, record))
			return false;
		if (try_lock(call, &found, record) && found)
			return true;
	}
	return dg_statement_look(call->rel, call->shape, call->arbiter,
							 &call->candidate, &call->key, call->lock,
							 InvalidSnapshot, record);
}

/*
 * Looks and locks in a subtransaction.  False when the row moved meanwhile.
 */
static bool
try_lock(DgCall *call, bool *found, Datum *record)
{
	MemoryContext context = CurrentMemoryContext;
	ResourceOwner owner = CurrentResourceOwner;
	volatile bool moved = false;

	BeginInternalSubTransaction(NULL);
	MemoryContextSwitchTo(context);
	PG_TRY();
	{
		*found = dg_statement_look(call->rel, call->shape, call->arbiter,
								   &call->candidate, &call->key, call->lock,
								   InvalidSnapshot, record);
		ReleaseCurrentSubTransaction();
	}
	PG_CATCH();
	{
		ErrorData  *error;

		/* Whatever the error, the subtransaction must not outlive us. */
		MemoryContextSwitchTo(context);
		error = CopyErrorData();
		FlushErrorState();
		RollbackAndReleaseCurrentSubTransaction();
		MemoryContextSwitchTo(context);
		CurrentResourceOwner = owner;
		if (error->sqlerrcode != ERRCODE_T_R_SERIALIZATION_FAILURE)
			ReThrowError(error);
		FreeErrorData(error);
		moved = true;
	}
	PG_END_TRY();
	MemoryContextSwitchTo(context);
	CurrentResourceOwner = owner;
	return !moved;
}
