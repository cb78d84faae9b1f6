/*
 * advisory.c
 *		Calls with the same lookup exclude each other where no index does it.
 *
 * The locks have a key space of their own beside those of SQL's advisory lock
 * functions, and are held to the end of the transaction.
 */
#include "postgres.h"

#include "catalog/partition.h"
#include "common/hashfn.h"
#include "miscadmin.h"
#include "storage/lmgr.h"
#include "storage/lock.h"
#include "utils/rel.h"
#include "utils/typcache.h"

#include "advisory.h"

/* SQL's functions have 1 and 2 here */
#define DG_ADVISORY_SPACE 3

static uint64 hash_lookup(DgCall *call);

/*
 * Waits for the transactions that hold the same lookup.
 */
void
dg_advisory_lock(DgCall *call)
{
	uint64		hash = hash_lookup(call);
	LOCKTAG		tag;

	SET_LOCKTAG_ADVISORY(tag, MyDatabaseId, (uint32) (hash >> 32),
						 (uint32) hash, DG_ADVISORY_SPACE);
	(void) LockAcquire(&tag, ExclusiveLock, false, false);
}

/*
 * Equal lookups hash equal, through whichever partition they come: the root
 * table, the names of the columns, the values by their types' own functions.
 * A value whose type has none contributes nothing, so that calls wait more
 * often than they need to, but never less.
 */
static uint64
hash_lookup(DgCall *call)
{
	Relation	rel = call->rel;
	Oid			root = RelationGetRelid(rel);
	uint64		hash;

	if (rel->rd_rel->relispartition)
		root = llast_oid(get_partition_ancestors(root));
	hash = hash_bytes_uint32_extended(root, 0);
	for (int i = 0; i < call->shape->lookup->ncolumns; i++)
	{
		AttrNumber	attnum = call->shape->lookup->attnums[i];
		Form_pg_attribute attr = TupleDescAttr(RelationGetDescr(rel),
											   attnum - 1);
		TypeCacheEntry *type;
		Datum		value;

		hash = hash_bytes_extended((unsigned char *) NameStr(attr->attname),
								   strlen(NameStr(attr->attname)), hash);
		if (call->candidate.nulls[attnum - 1])
			continue;
		type = lookup_type_cache(attr->atttypid,
								 TYPECACHE_HASH_EXTENDED_PROC_FINFO);
		if (!OidIsValid(type->hash_extended_proc_finfo.fn_oid))
			continue;
		value = FunctionCall2Coll(&type->hash_extended_proc_finfo,
								  attr->attcollation,
								  call->candidate.values[attnum - 1],
								  UInt64GetDatum(hash));
		hash = DatumGetUInt64(value);
	}
	return hash;
}
