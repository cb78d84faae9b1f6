/*
 * guard.c
 *		Get, create, get again: the loop, and why it is right.
 *
 * The look comes first, so a hit costs one index search and leaves nothing
 * behind.  A miss inserts with ON CONFLICT DO NOTHING: the executor inserts
 * speculatively, so of all sessions that insert the same key at the same
 * moment exactly one creates the row, and the others wait for it and then
 * insert nothing, without an error and without a line in the log.  Whoever
 * inserted nothing looks again.
 *
 * What can happen between a session's look and its insert (READ COMMITTED; the
 * isolation specs carry these numbers):
 *
 * 1. Another session's insert is in progress, and commits.  Our insert waits
 *	  for that transaction, finds the conflict, inserts nothing.  The second
 *	  look has a snapshot taken after that commit and finds the row.
 * 2. It aborts instead.  Our insert wakes up, checks again and creates.
 * 3. The other's row was committed before our insert but after the snapshot
 *	  of our look.  The conflict check sees the latest state, whatever the
 *	  snapshot: nothing is inserted, and the second look has a newer snapshot.
 * 4. The row that our insert met is deleted before our second look.  That
 *	  look finds nothing, and the next round creates.
 * 5. A key is updated away: as 4, the row that is met has gone.  A key is
 *	  updated in: as 1 and 3, an update that changes a key enters a new index
 *	  tuple, which conflicts like an insert's.
 * 6. Two sessions miss at the same instant.  Both insert speculatively; one
 *	  sees the other's index tuple, and either waits for it or withdraws its
 *	  own and waits.  One creates, for the other it is case 1 or 2.
 * 7. With a partial index the same holds for the rows inside the predicate.  A
 *	  row that leaves the predicate is case 4, one that enters it is case 1.
 * 8. REPEATABLE READ and SERIALIZABLE look with the snapshot of the
 *	  transaction in every round.  A row that it cannot see could only be
 *	  answered wrongly, so the conflict check raises 40001, and we add the hint
 *	  to retry the transaction.  SERIALIZABLE takes predicate locks in the look,
 *	  also for the row that is not there, so write skew is caught.
 *
 * The loop ends.  Each further round means that somebody else created and
 * removed the key between two of our statements, 64 times; or that a row
 * is in the way which the look cannot see: hidden by row security, its key
 * rewritten by a BEFORE trigger, or met in another index than the one we look
 * at.  Where those can be, three rounds are enough.  Then one plain INSERT
 * creates the row or raises the error that says what is in the way.
 *
 * Where no index decides and the caller accepts that (require_unique =>
 * false), calls with the same lookup exclude each other by an advisory lock,
 * held to the end of the transaction, and look again under it.  This holds
 * among our calls only.
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "access/xact.h"
#include "mb/pg_wchar.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"
#include "utils/rls.h"
#include "utils/snapmgr.h"

#include "advisory.h"
#include "creation.h"
#include "guard.h"
#include "look.h"
#include "record.h"

/* Bytes of a value in an error message */
#define DG_VALUE_LENGTH 64

static void check_residual(DgCall *call);
static void report_difference(DgCall *call, AttrNumber attnum, Datum record);
static const char *column_text(Relation rel, AttrNumber attnum, Datum value,
							   bool isnull);
static bool get_or_create_locked(DgCall *call, Datum *record);
static bool get_lockable(DgCall *call, Datum *record);
static void prepare_creation(DgCall *call);
static bool create(DgCall *call, bool on_conflict, Datum *record);

/*
 * Makes a call ready: rel, lookup, defaults and lock are set, the rest is
 * filled in.  Everything that can be wrong with names and with the arbiter
 * is found here, so that a hit and a miss raise the same errors.
 */
void
dg_guard_open(DgCall *call, DgMemo *memo, const char *arbiter_name,
			  bool require_unique)
{
	dg_call_open(call, memo);
	dg_candidate_convert(&call->candidate, call->shape->lookup, call->lookup);
	dg_guard_choose(call, arbiter_name, require_unique);
}

/*
 * The part of it that needs the lookup's values: who decides.  A batch does it
 * for each of its rows.
 */
void
dg_guard_choose(DgCall *call, const char *arbiter_name, bool require_unique)
{
	call->arbiter = dg_arbiter_choose(call->rel, call->shape, &call->candidate,
									  arbiter_name, &call->key);
	call->unguarded = false;
	if (call->arbiter == NULL)
	{
		call->unguarded = !require_unique;
		if (require_unique && call->target->decides)
			dg_arbiter_report_none(call->rel, call->shape, &call->candidate,
								   call->is_of_batch);
	}
	else
		check_residual(call);
}

/*
 * 42883 when a lookup column that the arbiter does not decide cannot be
 * compared: on a miss too, although that would not need it yet.
 */
static void
check_residual(DgCall *call)
{
	int			attnum = -1;

	while ((attnum = bms_next_member(call->arbiter->residual, attnum)) >= 0)
		(void) dg_candidate_equality(call->rel, attnum);
}

/*
 * The row of the lookup: found, or created.  True when this call created it.
 */
bool
dg_guard_get_or_create(DgCall *call, Datum *record)
{
	int			rounds = 0;

	if (call->unguarded)
		return get_or_create_locked(call, record);

	for (int round = 0;; round++)
	{
		CHECK_FOR_INTERRUPTS();
		if (dg_guard_get(call, InvalidSnapshot, record))
			return false;
		if (round == 0)
		{
			prepare_creation(call);
			rounds = dg_creation_rounds(call->rel);
		}
		if (create(call, round < rounds, record))
			return true;
		if (round == rounds)
			dg_creation_report_suppressed(call->rel);
	}
}

/*
 * Looks for the row, with the call's lock; under that snapshot if one is given.
 * 23505 when the key is there and the rest of the lookup differs.
 */
bool
dg_guard_get(DgCall *call, Snapshot snapshot, Datum *record)
{
	if (!dg_look(call, snapshot, record))
		return false;
	dg_guard_check_found(call, *record);
	return true;
}

/*
 * 23505 when this row, found under the key, differs from the rest of the
 * lookup.
 */
void
dg_guard_check_found(DgCall *call, Datum record)
{
	AttrNumber	attnum;

	if (call->arbiter == NULL || bms_is_empty(call->arbiter->residual))
		return;
	attnum = dg_candidate_differs(call->rel, &call->candidate,
								  call->arbiter->residual, record);
	if (attnum != InvalidAttrNumber)
		report_difference(call, attnum, record);
}

/*
 * 23505: a row has the key, but is not the one that the lookup describes.  The
 * look has read the whole row, so its values may be shown.
 */
static void
report_difference(DgCall *call, AttrNumber attnum, Datum record)
{
	Relation	rel = call->rel;
	const char *column = get_attname(RelationGetRelid(rel), attnum, false);
	const char *index = call->arbiter->index->name;
	HeapTupleData tuple;
	Datum		value;
	bool		isnull;

	dg_record_open(record, &tuple);
	value = heap_getattr(&tuple, attnum, RelationGetDescr(rel), &isnull);
	ereport(ERROR,
			(errcode(ERRCODE_UNIQUE_VIOLATION),
			 errmsg("a row of \"%s\" with this key in \"%s\" exists, but differs from the lookup",
					RelationGetRelationName(rel), index),
			 errdetail("Its column \"%s\" is %s, not %s.", column,
					   column_text(rel, attnum, value, isnull),
					   column_text(rel, attnum,
								   call->candidate.values[attnum - 1],
								   call->candidate.nulls[attnum - 1])),
			 errhint("Move \"%s\" from the lookup to defaults if it does not identify the row.",
					 column),
			 errtableconstraint(rel, index)));
}

/*
 * A column's value as a quoted literal, cut as the server cuts those of a
 * failing row.
 */
static const char *
column_text(Relation rel, AttrNumber attnum, Datum value, bool isnull)
{
	Form_pg_attribute attr = TupleDescAttr(RelationGetDescr(rel), attnum - 1);
	Oid			output;
	bool		is_varlena;
	char	   *text;
	int			len;

	if (isnull)
		return "NULL";
	getTypeOutputInfo(attr->atttypid, &output, &is_varlena);
	text = OidOutputFunctionCall(output, value);
	len = strlen(text);
	if (len <= DG_VALUE_LENGTH)
		return quote_literal_cstr(text);
	text[pg_mbcliplen(text, len, DG_VALUE_LENGTH)] = '\0';
	return psprintf("%s...", quote_literal_cstr(text));
}

/*
 * The way without an index.  At the higher isolation levels the transaction's
 * snapshot cannot see what was created while we waited for the lock, so the
 * second look has the latest one; what only that one finds is 40001.
 */
static bool
get_or_create_locked(DgCall *call, Datum *record)
{
	if (dg_guard_get(call, InvalidSnapshot, record))
		return false;
	prepare_creation(call);
	dg_advisory_lock(call);
	if (get_lockable(call, record))
		return false;
	if (IsolationUsesXactSnapshot())
	{
		CommandCounterIncrement();
		call->lock = DG_LOCK_NONE;
		if (dg_guard_get(call, GetLatestSnapshot(), record))
			ereport(ERROR,
					(errcode(ERRCODE_T_R_SERIALIZATION_FAILURE),
					 errmsg("could not serialize access due to concurrent creation of a row in \"%s\"",
							RelationGetRelationName(call->rel)),
					 errhint("Retry the whole transaction."),
					 errtable(call->rel)));
	}
	if (!create(call, false, record))
		dg_creation_report_suppressed(call->rel);
	return true;
}

/*
 * Looks with the call's lock.  42501 when there is a row without it: policies
 * let this user see it, but not lock it.  No index is in the way of a second
 * one.
 */
static bool
get_lockable(DgCall *call, Datum *record)
{
	DgLockStrength lock = call->lock;
	bool		found = dg_guard_get(call, InvalidSnapshot, record);

	if (found || lock == DG_LOCK_NONE ||
		(call->target->decides &&
		 check_enable_rls(RelationGetRelid(call->rel), InvalidOid,
						  true) != RLS_ENABLED))
		return found;
	call->lock = DG_LOCK_NONE;
	found = dg_guard_get(call, InvalidSnapshot, record);
	call->lock = lock;
	/* it may have come between the two */
	if (!found || dg_guard_get(call, InvalidSnapshot, record))
		return found;
	ereport(ERROR,
			(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
			 errmsg("cannot lock the row of \"%s\" that the lookup finds",
					RelationGetRelationName(call->rel)),
			 errdetail("A policy lets this user see the row, but not lock it."),
			 errtable(call->rel)));
	return false;				/* keep compiler quiet */
}

/*
 * Refuses where nothing can be created, then converts what the row is to hold
 * besides the lookup.
 */
static void
prepare_creation(DgCall *call)
{
	dg_creation_check(call->rel);
	dg_candidate_convert(&call->candidate, call->shape->create_defaults,
						 call->create_defaults);
	if (call->shape->touch != NULL)
		dg_candidate_convert(&call->candidate, call->shape->touch,
							 call->touch);
}

/*
 * Inserts, and makes sure that the row is one which the next call will find.
 */
static bool
create(DgCall *call, bool on_conflict, Datum *record)
{
	if (!dg_statement_create(call->rel, call->shape, call->arbiter,
							 on_conflict, &call->candidate, record))
		return false;
	dg_guard_check_created(call, *record);
	return true;
}

/*
 * 22023 when the next call would not find this row, which was just created.
 */
void
dg_guard_check_created(DgCall *call, Datum record)
{
	if (call->arbiter == NULL ||
		dg_arbiter_admits(call->rel, call->target, call->arbiter, record))
		return;
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("the created row is outside of the predicate of arbiter \"%s\"",
					call->arbiter->index->name),
			 errdetail("The next call would not find it and create another one."),
			 errhint("Give values that satisfy the predicate, or name another arbiter."),
			 errtableconstraint(call->rel, call->arbiter->index->name)));
}
