/*
 * citus.c
 *		What Citus keeps of a table, as its metadata has it.
 *
 * To PostgreSQL a table that Citus has distributed, replicated or put under
 * its management is a plain local table without a row: the rows are in shards,
 * on other servers mostly, and Citus's planner sends statements there.  Its
 * metadata are tables in pg_catalog, where nobody but a superuser can
 * put any.  They are the same on the coordinator and on workers that have been
 * given the metadata.
 *
 * Names of shards, of their indexes and of their constraints end in _ and the
 * shard's number.  A long name is cut, and a hash of it stands before that.
 *
 * The tables are read as catalogs are.  Nothing here raises an error, and
 * without Citus each question costs one search of the syscache, which
 * remembers that there is nothing.
 */
#include "postgres.h"

#include "access/genam.h"
#include "access/htup_details.h"
#include "access/table.h"
#include "catalog/pg_namespace.h"
#include "catalog/pg_type.h"
#include "common/hashfn.h"
#include "mb/pg_wchar.h"
#include "nodes/primnodes.h"
#include "nodes/readfuncs.h"
#include "utils/builtins.h"
#include "utils/datum.h"
#include "utils/fmgroids.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"

#include "citus.h"

#define DG_PARTITION "pg_dist_partition"
#define DG_PARTITION_INDEX "pg_dist_partition_logical_relid_index"
#define DG_SHARD "pg_dist_shard"
#define DG_SHARD_INDEX "pg_dist_shard_shardid_index"
#define DG_PLACEMENT "pg_dist_placement"
#define DG_GROUP "pg_dist_local_group"

/* Their columns, which they have had ever since */
#define DG_LOGICAL_RELID 1
#define DG_PARTITION_KEY 3
#define DG_SHARD_ID 2
#define DG_PLACEMENT_SHARD_ID 2
#define DG_PLACEMENT_GROUP 5
#define DG_LOCAL_GROUP 1

/* A column of a metadata table */
typedef struct Column
{
	AttrNumber	attnum;
	Oid			type;
} Column;

static bool find_table(Oid relid, Column wanted, Datum *result);
static bool find(const char *table, const char *index, ScanKey keys,
				 int nkeys, Column wanted, Datum *result);
static bool has_column(Relation rel, AttrNumber attnum, Oid type);
static Oid	argument_type(ScanKey key);
static bool shard_of_name(const char *name, int64 *shard);
static const char *shard_suffix(const char *name);

/*
 * Does Citus answer for the rows of this relation?  To be asked when the cache
 * entry of a relation is made: Citus sends a relcache message for it whenever
 * the answer changes.
 */
bool
dg_citus_manages(Oid relid)
{
	Column		wanted = {DG_LOGICAL_RELID, REGCLASSOID};
	Datum		result;

	return find_table(relid, wanted, &result);
}

/*
 * The column whose value tells a row's shard.  InvalidAttrNumber where there is
 * none: in reference tables, those of one shard, and those of others.
 */
AttrNumber
dg_citus_distribution_column(Oid relid)
{
	Column		wanted = {DG_PARTITION_KEY, TEXTOID};
	Datum		key;
	Node	   *node;

	if (!find_table(relid, wanted, &key))
		return InvalidAttrNumber;
	node = stringToNode(TextDatumGetCString(key));
	return node != NULL && IsA(node, Var) ? ((Var *) node)->varattno :
											InvalidAttrNumber;
}

/*
 * The wanted column of the metadata for this relation.
 */
static bool
find_table(Oid relid, Column wanted, Datum *result)
{
	ScanKeyData key;

	ScanKeyInit(&key, DG_LOGICAL_RELID, BTEqualStrategyNumber, F_OIDEQ,
				ObjectIdGetDatum(relid));
	return find(DG_PARTITION, DG_PARTITION_INDEX, &key, 1, wanted, result);
}

/*
 * The table whose shard the end of this name tells; InvalidOid when it does
 * not, or when there is no such shard.
 */
Oid
dg_citus_table_of_shard(const char *name)
{
	Column		wanted = {DG_LOGICAL_RELID, REGCLASSOID};
	int64		shard;
	ScanKeyData key;
	Datum		relid;

	if (!shard_of_name(name, &shard))
		return InvalidOid;
	ScanKeyInit(&key, DG_SHARD_ID, BTEqualStrategyNumber, F_INT8EQ,
				Int64GetDatum(shard));
	if (!find(DG_SHARD, DG_SHARD_INDEX, &key, 1, wanted, &relid))
		return InvalidOid;
	return DatumGetObjectId(relid);
}

/*
 * Is the shard that the end of this name tells on this server?
 */
bool
dg_citus_has_shard_here(const char *name)
{
	Column		wanted = {DG_LOCAL_GROUP, INT4OID};
	int64		shard;
	ScanKeyData keys[2];
	Datum		group;

	if (!shard_of_name(name, &shard) ||
		!find(DG_GROUP, NULL, NULL, 0, wanted, &group))
		return false;
	ScanKeyInit(&keys[0], DG_PLACEMENT_SHARD_ID, BTEqualStrategyNumber,
				F_INT8EQ, Int64GetDatum(shard));
	ScanKeyInit(&keys[1], DG_PLACEMENT_GROUP, BTEqualStrategyNumber, F_INT4EQ,
				group);
	wanted.attnum = DG_PLACEMENT_GROUP;
	return find(DG_PLACEMENT, NULL, keys, 2, wanted, &group);
}

/*
 * Is that the name which this one of a table, index or constraint has for a
 * shard?
 */
bool
dg_citus_names_shard(const char *name, const char *shard_name)
{
	const char *suffix = shard_suffix(shard_name);
	int			len = strlen(name);
	int			room;

	if (suffix == NULL)
		return false;
	room = NAMEDATALEN - (int) strlen(suffix);
	if (len >= room)
	{
		uint32		hash = hash_bytes((const unsigned char *) name, len);

		len = pg_mbcliplen(name, len, room - 10);
		name = psprintf("%.*s_%.8x", len, name, hash);
		len = strlen(name);
	}
	return suffix - shard_name == len && memcmp(name, shard_name, len) == 0;
}

/*
 * Where the _ and the digits at the end of a name begin; NULL without them.
 */
static const char *
shard_suffix(const char *name)
{
	const char *end = name + strlen(name);
	const char *digits = end;

	while (digits > name && digits[-1] >= '0' && digits[-1] <= '9')
		digits--;
	if (digits == end || *digits == '0' || digits - name < 2 ||
		digits[-1] != '_')
		return NULL;
	return digits - 1;
}

/*
 * The number at the end of a name.
 */
static bool
shard_of_name(const char *name, int64 *shard)
{
	const char *suffix = shard_suffix(name);

	if (suffix == NULL)
		return false;
	errno = 0;
	*shard = strtoi64(suffix + 1, NULL, 10);
	return errno == 0;
}

/*
 * The wanted column of the first row that the keys fit, copied; they are those
 * of the index, if one is given.  False without such a row, when it is NULL,
 * and when the table is not there or is not what Citus makes.
 */
static bool
find(const char *table, const char *index, ScanKey keys, int nkeys,
	 Column wanted, Datum *result)
{
	Oid			relid = get_relname_relid(table, PG_CATALOG_NAMESPACE);
	Oid			indexid = InvalidOid;
	Relation	rel;
	SysScanDesc scan;
	HeapTuple	tuple;
	bool		isnull = true;
	bool		is_citus;

	if (!OidIsValid(relid))
		return false;
	rel = try_table_open(relid, AccessShareLock);
	if (rel == NULL)
		return false;
	is_citus = has_column(rel, wanted.attnum, wanted.type);
	for (int i = 0; i < nkeys; i++)
		is_citus = is_citus &&
				   has_column(rel, keys[i].sk_attno, argument_type(&keys[i]));
	if (!is_citus)
	{
		table_close(rel, AccessShareLock);
		return false;
	}
	if (index != NULL)
		indexid = get_relname_relid(index, PG_CATALOG_NAMESPACE);
	scan = systable_beginscan(rel, indexid, OidIsValid(indexid), NULL, nkeys,
							  keys);
	tuple = systable_getnext(scan);
	if (HeapTupleIsValid(tuple))
		*result = heap_getattr(tuple, wanted.attnum, RelationGetDescr(rel),
							   &isnull);
	if (!isnull)
		*result = datumCopy(*result, get_typbyval(wanted.type),
							get_typlen(wanted.type));
	systable_endscan(scan);
	table_close(rel, AccessShareLock);
	return !isnull;
}

/*
 * Does it have such a column?
 */
static bool
has_column(Relation rel, AttrNumber attnum, Oid type)
{
	TupleDesc	desc = RelationGetDescr(rel);

	return attnum <= desc->natts &&
		   TupleDescAttr(desc, attnum - 1)->atttypid == type;
}

/*
 * The type of the column that a key of ours is for.
 */
static Oid
argument_type(ScanKey key)
{
	switch (key->sk_func.fn_oid)
	{
		case F_OIDEQ:
			return REGCLASSOID;
		case F_INT8EQ:
			return INT8OID;
		default:
			return INT4OID;
	}
}
