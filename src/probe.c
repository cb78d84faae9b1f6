/*
 * probe.c
 *		The direct look at the arbiter: one index search, without a plan.
 *
 * An optimisation that must never change an answer.  It is taken only for
 * what the executor would do in the same way for a SELECT of one row by its
 * key: a plain local table without children, no row security for this user, no
 * permission hook.  All else goes through SQL (statement.c).  A table of
 * Citus's looks like a plain one without rows; and since Citus distributes a
 * table under a lock that lets us look at it, a call whose knowledge of the
 * table was overtaken goes on through SQL, too.  What the planner
 * and the executor would have seen to is done here: the SELECT privilege on
 * every column, an unlogged table on a standby, an index that the snapshot is
 * too old for.
 *
 * Snapshot: under READ COMMITTED a new one each time, after a
 * CommandCounterIncrement, as SPI does it for a volatile function: a SELECT
 * that calls us for two rows must see in the second call what the first
 * created.  Mostly it equals the one that is active, and is not copied onto the
 * stack again.  SERIALIZABLE takes its predicate locks on the index page and
 * the row, as for any index scan.
 *
 * Locks: AccessShareLock on the index, kept to the end of the transaction like
 * that on the table, as the executor does.  After a miss it is let go: the
 * insert that follows may have to wait for REINDEX to release the table, while
 * REINDEX waits for the index.  A transaction that has inserted already does
 * not wait for the table any more, and saves itself the trouble.
 */
#include "postgres.h"

#include "access/genam.h"
#include "access/heaptoast.h"
#include "access/htup_details.h"
#include "access/relscan.h"
#include "access/tableam.h"
#include "access/transam.h"
#include "access/xact.h"
#include "access/xlog.h"
#include "catalog/pg_class.h"
#include "executor/executor.h"
#include "miscadmin.h"
#include "storage/lmgr.h"
#include "utils/acl.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"
#include "utils/rls.h"
#include "utils/snapmgr.h"

#include "compat.h"
#include "probe.h"

static bool push_snapshot(void);
static bool is_same(Snapshot one, Snapshot other);
static bool are_same(TransactionId *one, TransactionId *other, uint32 n);
static bool index_is_too_young(Relation index);
static bool lets_index_go(DgProbe *probe);
static void make_scan_keys(ScanKey keys, DgIndex *arbiter, Datum *values,
						   bool *nulls);
static Datum whole_row(TupleTableSlot *slot);

/*
 * May this user's calls for this relation be answered by the probe?  Raises
 * 42501 when the user may not read the relation, as the executor would.
 */
bool
dg_probe_possible(Relation rel, DgTarget *target)
{
	Form_pg_class form = rel->rd_rel;
	Oid			relid = RelationGetRelid(rel);

	if (form->relkind != RELKIND_RELATION || form->relhassubclass ||
		ExecutorCheckPerms_hook != NULL)
		return false;
	if (target->is_distributed || !target->valid)
		return false;
	if (RelationGetDescr(rel)->constr != NULL &&
		dg_has_virtual_generated(RelationGetDescr(rel)->constr))
		return false;
	if (form->relrowsecurity &&
		check_enable_rls(relid, InvalidOid, true) == RLS_ENABLED)
		return false;
	if (form->relpersistence != RELPERSISTENCE_PERMANENT &&
		RecoveryInProgress())
		return false;

	if (pg_class_aclcheck(relid, GetUserId(), ACL_SELECT) != ACLCHECK_OK &&
		pg_attribute_aclcheck_all(relid, GetUserId(), ACL_SELECT,
								  ACLMASK_ALL) != ACLCHECK_OK)
		aclcheck_error(ACLCHECK_NO_PRIV, OBJECT_TABLE,
					   RelationGetRelationName(rel));
	return true;
}

/*
 * Looks one key up.  False when the index may not be used under the snapshot
 * of this transaction: look through SQL then.  The record is a composite value
 * in the current memory context.
 */
bool
dg_probe_look(Relation rel, DgTarget *target, DgIndex *arbiter, DgKey *key,
			  Datum *record, bool *found)
{
	DgProbe		probe;

	if (!dg_probe_begin(&probe, rel, target, arbiter))
		return false;
	*found = dg_probe_search(&probe, key->values, key->nulls, record);
	dg_probe_end(&probe);
	return true;
}

/*
 * Opens the arbiter for any number of searches under one snapshot.  False, with
 * nothing to be closed, when the index may not be used under it.
 */
bool
dg_probe_begin(DgProbe *probe, Relation rel, DgTarget *target,
			   DgIndex *arbiter)
{
	CommandCounterIncrement();
	probe->pushed = push_snapshot();
	probe->arbiter = arbiter;
	probe->missed = false;
	probe->index = index_open(arbiter->indexoid, AccessShareLock);
	if (index_is_too_young(probe->index))
	{
		index_close(probe->index, NoLock);
		if (probe->pushed)
			PopActiveSnapshot();
		return false;
	}
	probe->slot = MakeSingleTupleTableSlot(target->desc,
										   table_slot_callbacks(rel));
	probe->scan = dg_index_beginscan(rel, probe->index, GetActiveSnapshot(),
									 arbiter->nkeys);
	return true;
}

/*
 * Finds the one visible row under that key.  The record is a composite value
 * in the current memory context.
 */
bool
dg_probe_search(DgProbe *probe, Datum *values, bool *nulls, Datum *record)
{
	ScanKeyData keys[INDEX_MAX_KEYS];

	make_scan_keys(keys, probe->arbiter, values, nulls);
	index_rescan(probe->scan, keys, probe->arbiter->nkeys, NULL, 0);
	if (!index_getnext_slot(probe->scan, ForwardScanDirection, probe->slot))
	{
		probe->missed = true;
		return false;
	}
	*record = whole_row(probe->slot);
	return true;
}

/*
 * Must the lock on the index not outlive the searches?
 */
static bool
lets_index_go(DgProbe *probe)
{
	return probe->missed &&
		   !CheckRelationLockedByMe(probe->scan->heapRelation,
									RowExclusiveLock, true);
}

/*
 * The end of the searches.
 */
void
dg_probe_end(DgProbe *probe)
{
	LOCKMODE	release = lets_index_go(probe) ? AccessShareLock : NoLock;

	index_endscan(probe->scan);
	ExecDropSingleTupleTableSlot(probe->slot);
	index_close(probe->index, release);
	if (probe->pushed)
		PopActiveSnapshot();
}

/*
 * Lets the current snapshot be the active one.  True if it is to be popped.
 */
static bool
push_snapshot(void)
{
	Snapshot	current = GetTransactionSnapshot();

	if (ActiveSnapshotSet() && is_same(GetActiveSnapshot(), current))
		return false;
	PushActiveSnapshot(current);
	return true;
}

/*
 * Do both see the same of everything?  A copy has lost its list of
 * subtransactions when that overflowed.
 */
static bool
is_same(Snapshot one, Snapshot other)
{
	return one->snapshot_type == other->snapshot_type &&
		   one->takenDuringRecovery == other->takenDuringRecovery &&
		   !one->suboverflowed && !other->suboverflowed &&
		   one->curcid == other->curcid &&
		   one->xmin == other->xmin && one->xmax == other->xmax &&
		   one->xcnt == other->xcnt && one->subxcnt == other->subxcnt &&
		   are_same(one->xip, other->xip, one->xcnt) &&
		   are_same(one->subxip, other->subxip, one->subxcnt);
}

/*
 * The same transactions?
 */
static bool
are_same(TransactionId *one, TransactionId *other, uint32 n)
{
	return n == 0 || memcmp(one, other, n * sizeof(TransactionId)) == 0;
}

/*
 * Was the index made while broken HOT chains were about, and may the snapshot
 * see those?  The planner's rule.
 */
static bool
index_is_too_young(Relation index)
{
	HeapTupleHeader header = index->rd_indextuple->t_data;

	return index->rd_index->indcheckxmin &&
		   !TransactionIdPrecedes(HeapTupleHeaderGetXmin(header),
								  TransactionXmin);
}

/*
 * Equality on every key column.  (No error can leave a scan key half-made:
 * they live on the stack.)
 */
static void
make_scan_keys(ScanKey keys, DgIndex *arbiter, Datum *values, bool *nulls)
{
	for (int i = 0; i < arbiter->nkeys; i++)
	{
		int			flags = 0;

		if (nulls[i])
			flags = SK_ISNULL | SK_SEARCHNULL;
		ScanKeyEntryInitializeWithInfo(&keys[i], flags, i + 1,
									   flags ? InvalidStrategy :
											   BTEqualStrategyNumber,
									   InvalidOid, arbiter->collations[i],
									   &arbiter->equals[i], values[i]);
	}
}

/*
 * The row as a whole-row variable would give it: columns that were added
 * later with their default, nothing stored out of line.  A stored tuple that
 * has it all is copied as it is.
 */
static Datum
whole_row(TupleTableSlot *slot)
{
	HeapTuple	tuple;

	if (TTS_IS_BUFFERTUPLE(slot))
	{
		tuple = ((HeapTupleTableSlot *) slot)->tuple;
		if (!HeapTupleHasExternal(tuple) &&
			HeapTupleHeaderGetNatts(tuple->t_data) ==
				slot->tts_tupleDescriptor->natts)
			return heap_copy_tuple_as_datum(tuple, slot->tts_tupleDescriptor);
	}
	slot_getallattrs(slot);
	tuple = toast_build_flattened_tuple(slot->tts_tupleDescriptor,
										slot->tts_values, slot->tts_isnull);
	return HeapTupleHeaderGetDatum(tuple->t_data);
}
