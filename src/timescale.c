/*
 * timescale.c
 *		TimescaleDB's hypertables and their chunks.
 *
 * To PostgreSQL a hypertable is a parent by inheritance that has no rows, and
 * its chunks are children.  But TimescaleDB sees to it that constraints and
 * unique indexes hold over all chunks, as over partitions: each chunk has them,
 * an index under the name of the hypertable's with something before it.
 *
 * Its catalog is read as PostgreSQL's is.  Without the extension nothing is
 * asked of it.
 */
#include "postgres.h"

#include "access/genam.h"
#include "access/htup_details.h"
#include "access/table.h"
#include "catalog/index.h"
#include "catalog/indexing.h"
#include "catalog/namespace.h"
#include "catalog/pg_class.h"
#include "catalog/pg_index.h"
#include "catalog/pg_inherits.h"
#include "catalog/pg_type.h"
#include "commands/extension.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"

#include "facts.h"
#include "timescale.h"

static Oid	hypertable_of(Oid chunk);
static Oid	index_of_hypertable(Oid hypertable, Oid chunk_index);
static bool is_same_index(Oid index, Oid chunk_index);

/*
 * Does TimescaleDB's catalog have this table?
 */
bool
dg_timescale_is_hypertable(Oid relid)
{
	Oid			catalog;
	AttrNumber	schema_column;
	AttrNumber	table_column;
	NameData	schema;
	NameData	table;
	const char *namespace;
	ScanKeyData keys[2];
	Relation	rel;
	SysScanDesc scan;
	bool		found;

	if (!OidIsValid(get_extension_oid("timescaledb", true)))
		return false;
	catalog = dg_lookup_relation("_timescaledb_catalog", "hypertable");
	if (get_rel_relkind(catalog) != RELKIND_RELATION)
		return false;
	schema_column = get_attnum(catalog, "schema_name");
	table_column = get_attnum(catalog, "table_name");
	namespace = get_namespace_name(get_rel_namespace(relid));
	if (namespace == NULL || get_atttype(catalog, schema_column) != NAMEOID ||
		get_atttype(catalog, table_column) != NAMEOID)
		return false;
	namestrcpy(&schema, namespace);
	namestrcpy(&table, get_rel_name(relid));
	ScanKeyInit(&keys[0], schema_column, BTEqualStrategyNumber, F_NAMEEQ,
				NameGetDatum(&schema));
	ScanKeyInit(&keys[1], table_column, BTEqualStrategyNumber, F_NAMEEQ,
				NameGetDatum(&table));
	rel = table_open(catalog, AccessShareLock);
	scan = systable_beginscan(rel, InvalidOid, false, NULL, 2, keys);
	found = HeapTupleIsValid(systable_getnext(scan));
	systable_endscan(scan);
	table_close(rel, AccessShareLock);
	return found;
}

/*
 * The hypertable that a chunk is of, the index of the hypertable that a chunk's
 * index is of; else the relation itself.
 */
Oid
dg_timescale_origin(Oid relid)
{
	Oid			origin;

	if (get_rel_relkind(relid) == RELKIND_INDEX)
	{
		origin = hypertable_of(IndexGetRelation(relid, true));
		if (OidIsValid(origin))
			origin = index_of_hypertable(origin, relid);
	}
	else
		origin = hypertable_of(relid);
	return OidIsValid(origin) ? origin : relid;
}

/*
 * The hypertable of a chunk, or InvalidOid.
 */
static Oid
hypertable_of(Oid chunk)
{
	Oid			parent = InvalidOid;
	ScanKeyData key;
	Relation	rel;
	SysScanDesc scan;
	HeapTuple	tuple;

	ScanKeyInit(&key, Anum_pg_inherits_inhrelid, BTEqualStrategyNumber,
				F_OIDEQ, ObjectIdGetDatum(chunk));
	rel = table_open(InheritsRelationId, AccessShareLock);
	scan = systable_beginscan(rel, InheritsRelidSeqnoIndexId, true, NULL, 1,
							  &key);
	tuple = systable_getnext(scan);
	if (HeapTupleIsValid(tuple))
		parent = ((Form_pg_inherits) GETSTRUCT(tuple))->inhparent;
	systable_endscan(scan);
	table_close(rel, AccessShareLock);
	return OidIsValid(parent) && dg_timescale_is_hypertable(parent) ?
			   parent :
			   InvalidOid;
}

/*
 * The hypertable's index that the chunk's one is of, or InvalidOid.
 */
static Oid
index_of_hypertable(Oid hypertable, Oid chunk_index)
{
	Oid			found = InvalidOid;
	ScanKeyData key;
	Relation	rel;
	SysScanDesc scan;
	HeapTuple	tuple;

	ScanKeyInit(&key, Anum_pg_index_indrelid, BTEqualStrategyNumber, F_OIDEQ,
				ObjectIdGetDatum(hypertable));
	rel = table_open(IndexRelationId, AccessShareLock);
	scan = systable_beginscan(rel, IndexIndrelidIndexId, true, NULL, 1, &key);
	while (!OidIsValid(found) &&
		   HeapTupleIsValid(tuple = systable_getnext(scan)))
	{
		Oid			index = ((Form_pg_index) GETSTRUCT(tuple))->indexrelid;

		if (is_same_index(index, chunk_index))
			found = index;
	}
	systable_endscan(scan);
	table_close(rel, AccessShareLock);
	return found;
}

/*
 * Has the chunk's index the same columns, and a name that ends in _ and the
 * other's?
 */
static bool
is_same_index(Oid index, Oid chunk_index)
{
	const char *name = get_rel_name(index);
	const char *chunk_name = get_rel_name(chunk_index);
	const char *end;
	DgKey		key;
	DgKey		chunk_key;

	if (name == NULL || chunk_name == NULL ||
		strlen(chunk_name) <= strlen(name) + 1)
		return false;
	end = chunk_name + strlen(chunk_name) - strlen(name);
	if (end[-1] != '_' || strcmp(end, name) != 0)
		return false;
	dg_key_of_index(&key, index);
	dg_key_of_index(&chunk_key, chunk_index);
	return key.text != NULL && chunk_key.text != NULL &&
		   strcmp(key.text, chunk_key.text) == 0;
}
