/*
 * update_or_create.c
 *		The SQL function of that name.
 *
 * The row is got or created as by get_or_create (guard.c), without a lock.
 * When nothing named in defaults differs from it, that is the answer: nothing
 * was written, nothing is locked.  Otherwise the row is locked, compared once
 * more, and updated.
 *
 * What can happen between the look and the lock (READ COMMITTED; the isolation
 * specs carry these numbers):
 *
 * 1. Another session updates the row.  The lock waits for it and gives the
 *	  row as that session left it.  Only the named columns are set, so what it
 *	  did to others stays; if it has set ours to what we want, nothing differs
 *	  any more and nothing is written.
 * 2. It updates and aborts: as if it had not been there.
 * 3. The row is deleted, or its key is changed.  The lock finds nothing, and we
 *	  begin again: the next look finds another row, or creates one.
 * 4. The row is moved to another partition.  PostgreSQL cannot follow it while
 *	  it waits, so the lock is tried in a subtransaction (look.c).
 * 5. The row is not there, and another session creates it before we do.  The
 *	  guard's loop finds that row, and the steps above follow: whoever loses the
 *	  race to create, updates.
 *
 * From the lock to the end of the transaction nobody else can change the row,
 * so the UPDATE that follows finds it under the same key and loses nothing.  At
 * the higher isolation levels a row that was changed since the snapshot cannot
 * be locked: 40001, with the hint to retry the transaction.
 *
 * Each round of the loop means that somebody removed the row between our look
 * and our lock; or that the look sees a row which may not be locked, because a
 * policy lets this user see it but not update it.  So the rounds are bounded,
 * and the error says which of the two it was.
 */
#include "postgres.h"

#include "access/relation.h"
#include "access/sysattr.h"
#include "fmgr.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/rel.h"
#include "utils/rls.h"
#include "utils/snapmgr.h"

#include "answer.h"
#include "creation.h"
#include "guard.h"
#include "image.h"
#include "update_or_create.h"

#define DG_UPDATE_ROUNDS 64

PG_FUNCTION_INFO_V1(duplicate_guard_update_or_create);

static Datum update_or_create(FunctionCallInfo fcinfo);
static void read_arguments(FunctionCallInfo fcinfo, DgCall *call);
static bool differs(DgCall *call, Datum record);
static void prepare_update(DgCall *call);
static DgLockStrength lock_to_update(DgCall *call);
static DgOutcome lock_and_update(DgCall *call, DgLockStrength lock,
								 Datum *record);
pg_noreturn static void report_suppressed(Relation rel);
pg_noreturn static void report_not_lockable(DgCall *call);
static Datum make_result(FunctionCallInfo fcinfo, DgTarget *target,
						 Datum record, DgOutcome outcome);

/*
 * update_or_create(target anyelement, lookup jsonb, defaults jsonb,
 * create_defaults jsonb, touch jsonb, arbiter text, require_unique boolean)
 */
Datum
duplicate_guard_update_or_create(PG_FUNCTION_ARGS)
{
	return dg_target_bracket(fcinfo, update_or_create);
}

/*
 * The call inside its bracket.
 */
static Datum
update_or_create(FunctionCallInfo fcinfo)
{
	DgCall		call = {0};
	DgMemo	   *memo = dg_target_memo(fcinfo);
	char	   *arbiter = NULL;
	bool		require_unique = PG_ARGISNULL(6) || PG_GETARG_BOOL(6);
	DgOutcome	outcome;
	Datum		record;

	read_arguments(fcinfo, &call);
	if (!PG_ARGISNULL(5))
		arbiter = text_to_cstring(PG_GETARG_TEXT_PP(5));

	call.rel = dg_target_open(memo);
	dg_guard_open(&call, memo, arbiter, require_unique);
	outcome = dg_update_or_create(&call, &record);
	record = make_result(fcinfo, call.target, record, outcome);
	relation_close(call.rel, NoLock);
	return record;
}

/*
 * The JSON objects.  An empty create_defaults is not the same as none: the row
 * is then created without defaults.
 */
static void
read_arguments(FunctionCallInfo fcinfo, DgCall *call)
{
	call->updates = true;
	call->lookup = dg_candidate_object(fcinfo, 1, "lookup", false);
	call->defaults = dg_candidate_object(fcinfo, 2, "defaults", true);
	call->create_defaults = dg_candidate_object(fcinfo, 3, "create_defaults",
												true);
	if (PG_ARGISNULL(3))
		call->create_defaults = call->defaults;
	call->touch = dg_candidate_object(fcinfo, 4, "touch", true);
}

/*
 * The row of the lookup as the call leaves it, and what the call did.
 */
DgOutcome
dg_update_or_create(DgCall *call, Datum *record)
{
	for (int round = 0; round < DG_UPDATE_ROUNDS; round++)
	{
		DgOutcome	outcome;

		CHECK_FOR_INTERRUPTS();
		call->lock = DG_LOCK_NONE;
		if (dg_guard_get_or_create(call, record))
			return DG_CREATED;
		outcome = dg_update_found(call, record);
		if (outcome != DG_GONE)
			return outcome;
	}
	report_not_lockable(call);
}

/*
 * Updates a row that was found, if it differs.
 */
DgOutcome
dg_update_found(DgCall *call, Datum *record)
{
	if (!differs(call, *record))
		return DG_UNCHANGED;
	if (!call->may_update)
		prepare_update(call);
	return lock_and_update(call, lock_to_update(call), record);
}

/*
 * Does the row differ from defaults?  Their values are converted when the first
 * row was found.
 */
static bool
differs(DgCall *call, Datum record)
{
	if (call->changes.values == NULL)
	{
		dg_candidate_init(&call->changes, call->target->desc->natts);
		dg_candidate_convert(&call->changes, call->shape->defaults,
							 call->defaults);
	}
	return dg_image_differs(call->rel, &call->changes, call->shape->defaults,
							record);
}

/*
 * Refuses where nothing can be updated, then converts what else is set.
 */
static void
prepare_update(DgCall *call)
{
	dg_creation_check_update(call->rel);
	dg_candidate_convert(&call->changes, call->shape->touch, call->touch);
	call->may_update = true;
}

/*
 * The lock that the UPDATE will take.  To take the weaker one first, where a
 * column is set that foreign keys may point to, would invite a deadlock with
 * a session that has locked the row for its foreign key and updates it next.
 */
static DgLockStrength
lock_to_update(DgCall *call)
{
	Bitmapset  *keys;
	ListCell   *lc;

	if (!call->target->decides)
		return DG_LOCK_NO_KEY_UPDATE;
	keys = RelationGetIndexAttrBitmap(call->rel, INDEX_ATTR_BITMAP_KEY);
	foreach(lc, call->shape->updated)
	{
		if (bms_is_member(lfirst_int(lc) - FirstLowInvalidHeapAttributeNumber,
						  keys))
			return DG_LOCK_UPDATE;
	}
	return DG_LOCK_NO_KEY_UPDATE;
}

/*
 * Locks the row, and updates it if it still differs.
 */
static DgOutcome
lock_and_update(DgCall *call, DgLockStrength lock, Datum *record)
{
	call->lock = lock;
	if (!dg_guard_get(call, InvalidSnapshot, record))
		return DG_GONE;
	if (!differs(call, *record))
		return DG_UNCHANGED;
	if (!dg_statement_update(call->rel, call->shape, call->arbiter,
							 &call->candidate, &call->key, &call->changes,
							 record))
		report_suppressed(call->rel);
	return DG_UPDATED;
}

/*
 * 27000: the UPDATE of a row that we hold locked raised no error and updated
 * nothing.
 */
static void
report_suppressed(Relation rel)
{
	ereport(ERROR,
			(errcode(ERRCODE_TRIGGERED_DATA_CHANGE_VIOLATION),
			 errmsg("no row was updated in \"%s\"",
					RelationGetRelationName(rel)),
			 errdetail("A BEFORE UPDATE trigger suppressed the update."),
			 errhint("Let the trigger return the row, or raise an error that says why not."),
			 errtable(rel)));
}

/*
 * The look finds a row and the lock does not, again and again.  Where policies
 * are at work (behind a view and on a remote server they may be) it is the one
 * for UPDATE: 42501, in the words that MERGE has for it.  Elsewhere others
 * delete the row as fast as it comes: 40001.
 */
static void
report_not_lockable(DgCall *call)
{
	Relation	rel = call->rel;
	Oid			relid = RelationGetRelid(rel);

	if (!call->target->decides ||
		check_enable_rls(relid, InvalidOid, true) == RLS_ENABLED)
		ereport(ERROR,
				(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
				 errmsg("target row violates row-level security policy (USING expression) for table \"%s\"",
						RelationGetRelationName(rel)),
				 errdetail("A policy lets this user see the row, but not update it."),
				 errtable(rel)));
	ereport(ERROR,
			(errcode(ERRCODE_T_R_SERIALIZATION_FAILURE),
			 errmsg("could not update a row of \"%s\": it was deleted and created again too often",
					RelationGetRelationName(rel)),
			 errhint("Retry the whole transaction."),
			 errtable(rel)));
}

/*
 * (record, was_created, was_updated)
 */
static Datum
make_result(FunctionCallInfo fcinfo, DgTarget *target, Datum record,
			DgOutcome outcome)
{
	Datum		values[3] = {record,
					   BoolGetDatum(outcome == DG_CREATED),
					   BoolGetDatum(outcome == DG_UPDATED)};
	bool		nulls[3] = {false, false, false};

	return dg_answer_return(fcinfo, dg_target_result(target, true),
							target->desc, values, nulls);
}
