/*
 * shard.c
 *		Errors that a shard of Citus's has raised, under the names of the table.
 *
 * Citus raises a worker's error anew, with its text alone, in which table,
 * index and constraint bear the shard's number.  A shard on this server has
 * raised it itself, with its own names in the fields.  Either way the table
 * that users know is another one, and its catalog entries say what was
 * violated.
 *
 * A name counts as a shard's only when Citus's metadata have that shard and
 * the table's own name, or that of one of its indexes and constraints, with
 * its number makes just this name.  A table of this server that is merely
 * called so is left alone.
 */
#include "postgres.h"

#include "access/genam.h"
#include "access/htup_details.h"
#include "access/table.h"
#include "catalog/indexing.h"
#include "catalog/pg_constraint.h"
#include "catalog/pg_index.h"
#include "utils/fmgroids.h"
#include "utils/lsyscache.h"

#include "citus.h"
#include "facts.h"

static Oid	table_of(const char *shard_name, const char *schema);
static bool is_here(const char *schema, const char *name);
static const char *name_in_table(Oid relid, const char *shard_name);
static const char *name_of_constraint(Oid relid, const char *shard_name);
static const char *name_of_index(Oid relid, const char *shard_name);
static const char *real_table(const char *shard_name);

/*
 * Gives the names in an error those of the table, if it is about a shard.
 * False, and nothing is changed, when it is not.
 */
bool
dg_shard_name_table(DgNames *names, DgReading *reading)
{
	Oid			relid = InvalidOid;
	const char *constraint = names->constraint;

	if (names->table != NULL)
		relid = table_of(names->table, names->schema);
	else if (constraint != NULL && !is_here(names->schema, constraint))
		relid = dg_citus_table_of_shard(constraint);
	if (!OidIsValid(relid) || get_rel_name(relid) == NULL)
		return false;
	if (constraint != NULL)
	{
		constraint = name_in_table(relid, constraint);
		if (constraint == NULL && names->table == NULL)
			return false;
		if (constraint == NULL)
			constraint = names->constraint;
	}
	names->schema = get_namespace_name(get_rel_namespace(relid));
	names->table = get_rel_name(relid);
	names->constraint = constraint;
	names->referenced = real_table(names->referenced);
	names->by_fields = names->schema != NULL;
	reading->named[DG_ROLE_REFERENCED] = names->referenced;
	reading->detail_table = real_table(reading->detail_table);
	return true;
}

/*
 * The table whose shard has this name, or InvalidOid.
 */
static Oid
table_of(const char *shard_name, const char *schema)
{
	Oid			relid = dg_citus_table_of_shard(shard_name);
	const char *name;
	const char *in;

	if (!OidIsValid(relid))
		return InvalidOid;
	name = get_rel_name(relid);
	in = get_namespace_name(get_rel_namespace(relid));
	if (name == NULL || in == NULL || !dg_citus_names_shard(name, shard_name) ||
		(schema != NULL && strcmp(schema, in) != 0) ||
		is_here(schema, shard_name))
		return InvalidOid;
	return relid;
}

/*
 * Is there a relation of that name on this server which is not the shard?
 */
static bool
is_here(const char *schema, const char *name)
{
	bool		exists;

	if (schema != NULL)
		exists = OidIsValid(dg_lookup_relation(schema, name));
	else
		exists = dg_lookup_relations(name) != NIL;
	return exists && !dg_citus_has_shard_here(name);
}

/*
 * The table's own constraint or index that has this name in a shard; NULL when
 * there is none.  A check constraint may have its own name there.
 */
static const char *
name_in_table(Oid relid, const char *shard_name)
{
	const char *name = name_of_constraint(relid, shard_name);

	return name != NULL ? name : name_of_index(relid, shard_name);
}

/*
 * A constraint.
 */
static const char *
name_of_constraint(Oid relid, const char *shard_name)
{
	const char *found = NULL;
	ScanKeyData key;
	Relation	rel;
	SysScanDesc scan;
	HeapTuple	tuple;

	ScanKeyInit(&key, Anum_pg_constraint_conrelid, BTEqualStrategyNumber,
				F_OIDEQ, ObjectIdGetDatum(relid));
	rel = table_open(ConstraintRelationId, AccessShareLock);
	scan = systable_beginscan(rel, ConstraintRelidTypidNameIndexId, true, NULL,
							  1, &key);
	while (found == NULL && HeapTupleIsValid(tuple = systable_getnext(scan)))
	{
		const char *name;

		name = NameStr(((Form_pg_constraint) GETSTRUCT(tuple))->conname);
		if (dg_citus_names_shard(name, shard_name))
			found = pstrdup(name);
	}
	systable_endscan(scan);
	table_close(rel, AccessShareLock);
	return found;
}

/*
 * An index.
 */
static const char *
name_of_index(Oid relid, const char *shard_name)
{
	const char *found = NULL;
	ScanKeyData key;
	Relation	rel;
	SysScanDesc scan;
	HeapTuple	tuple;

	ScanKeyInit(&key, Anum_pg_index_indrelid, BTEqualStrategyNumber, F_OIDEQ,
				ObjectIdGetDatum(relid));
	rel = table_open(IndexRelationId, AccessShareLock);
	scan = systable_beginscan(rel, IndexIndrelidIndexId, true, NULL, 1, &key);
	while (found == NULL && HeapTupleIsValid(tuple = systable_getnext(scan)))
	{
		Oid			indexid = ((Form_pg_index) GETSTRUCT(tuple))->indexrelid;
		const char *name = get_rel_name(indexid);

		if (name != NULL && dg_citus_names_shard(name, shard_name))
			found = name;
	}
	systable_endscan(scan);
	table_close(rel, AccessShareLock);
	return found;
}

/*
 * The name of the table whose shard this is, else the same name.
 */
static const char *
real_table(const char *shard_name)
{
	Oid			relid;

	if (shard_name == NULL)
		return NULL;
	relid = table_of(shard_name, NULL);
	return OidIsValid(relid) ? get_rel_name(relid) : shard_name;
}
