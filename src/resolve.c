/*
 * resolve.c
 *		The catalog object that was violated, and what the catalog says of it.
 *
 * A schema and a table that the server itself named are believed; without
 * them everything of that name in any schema is a candidate, and what the
 * DETAIL says of columns and tables narrows them down.  Only one may remain.
 *
 * What a leaf partition violated is reported under the table on which it was
 * declared, since that is the one that applications know.
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "catalog/dependency.h"
#include "catalog/index.h"
#include "catalog/partition.h"
#include "catalog/pg_class.h"
#include "catalog/pg_constraint.h"
#include "catalog/pg_index.h"
#include "utils/lsyscache.h"
#include "utils/syscache.h"

#include "facts.h"

static void resolve_index(DgFacts *facts, DgKey *key, const DgNames *names,
						  const DgReading *reading);
static bool index_fits(Oid indexid, DgKind kind, const DgNames *names,
					   const DgReading *reading, DgKey *key);
static void resolve_check(DgFacts *facts, const DgNames *names);
static void resolve_unnamed_check(DgFacts *facts, DgKey *key,
								  const DgNames *names,
								  const DgReading *reading);
static void resolve_not_null(DgFacts *facts, const DgNames *names);
static void resolve_partitioning(DgFacts *facts, DgKey *key,
								 const DgNames *names,
								 const DgReading *reading);
static void resolve_table(DgFacts *facts, const DgNames *names);
static Oid	only_table(const DgNames *names, DgKind kind);
static bool table_fits(Oid relid, DgKind kind);
static Oid	declared_on(Oid relid, const char *constraint);
static const char *comment_on_index(Oid indexid);

/*
 * Finds what was violated.  When found, facts->resolved is set and *key is
 * the key that the DETAIL is about, if it has one.
 */
void
dg_resolve(DgFacts *facts, DgKey *key, const DgNames *names,
		   const DgReading *reading)
{
	switch (facts->kind)
	{
		case DG_UNIQUE_VIOLATION:
		case DG_EXCLUSION_VIOLATION:
			resolve_index(facts, key, names, reading);
			break;
		case DG_FOREIGN_KEY_MISSING:
		case DG_FOREIGN_KEY_REFERENCED:
			dg_resolve_foreign_key(facts, key, names, reading);
			break;
		case DG_OTHER_INTEGRITY_VIOLATION:
			if (strcmp(reading->sqlstate, "23503") == 0)
				dg_resolve_foreign_key(facts, key, names, reading);
			break;
		case DG_CHECK_VIOLATION:
			if (names->constraint != NULL)
				resolve_check(facts, names);
			else if (names->column != NULL)
				resolve_not_null(facts, names);
			else if (names->by_fields)
				resolve_unnamed_check(facts, key, names, reading);
			break;
		case DG_NOT_NULL_VIOLATION:
			resolve_not_null(facts, names);
			break;
		case DG_DOMAIN_CHECK_VIOLATION:
		case DG_DOMAIN_NOT_NULL_VIOLATION:
			dg_resolve_domain(facts, names);
			break;
		case DG_PARTITION_NOT_FOUND:
		case DG_PARTITION_CONSTRAINT_VIOLATION:
			resolve_partitioning(facts, key, names, reading);
			break;
		case DG_WITH_CHECK_OPTION_VIOLATION:
		case DG_ROW_SECURITY_VIOLATION:
			resolve_table(facts, names);
			break;
		case DG_SERIALIZATION_FAILURE:
		case DG_DEADLOCK_DETECTED:
		case DG_OTHER:
			break;
	}
}

/* A unique or exclusion constraint, or a bare unique index. */
static void
resolve_index(DgFacts *facts, DgKey *key, const DgNames *names,
			  const DgReading *reading)
{
	Oid			found = InvalidOid;
	Oid			root;
	Oid			root_table;
	List	   *candidates;
	ListCell   *lc;

	if (names->constraint == NULL)
		return;
	if (names->schema != NULL)
		candidates = list_make1_oid(dg_lookup_relation(names->schema,
													   names->constraint));
	else
		candidates = dg_lookup_relations(names->constraint);
	foreach(lc, candidates)
	{
		DgKey		candidate_key;

		if (!index_fits(lfirst_oid(lc), facts->kind, names, reading,
						&candidate_key))
			continue;
		if (OidIsValid(found))
			return;
		found = lfirst_oid(lc);
		*key = candidate_key;
	}
	if (!OidIsValid(found))
		return;

	root = dg_lookup_topmost(found);
	root_table = IndexGetRelation(root, true);
	dg_resolve_name_table(facts, root_table, IndexGetRelation(found, true));
	if (facts->table_name == NULL || get_rel_name(root) == NULL)
		return;
	facts->constraint_name = get_rel_name(root);
	facts->columns = key->columns;
	facts->comment = comment_on_index(root);
	if (facts->comment == NULL && root != found)
		facts->comment = comment_on_index(found);
	facts->resolved = true;
}

/* Whether the index can have raised this; then its key. */
static bool
index_fits(Oid indexid, DgKind kind, const DgNames *names,
		   const DgReading *reading, DgKey *key)
{
	HeapTuple	tuple = SearchSysCache1(INDEXRELID, ObjectIdGetDatum(indexid));
	Form_pg_index form;
	Oid			table;
	bool		fits;
	const char *rest;

	if (!HeapTupleIsValid(tuple))
		return false;
	form = (Form_pg_index) GETSTRUCT(tuple);
	table = form->indrelid;
	fits = kind == DG_UNIQUE_VIOLATION ?
			   form->indisunique :
			   form->indisexclusion;
	ReleaseSysCache(tuple);
	if (fits && names->table != NULL)
	{
		const char *name = get_rel_name(table);

		fits = name != NULL && strcmp(name, names->table) == 0;
	}
	if (!fits)
		return false;
	dg_key_of_index(key, indexid);
	if (names->by_fields || key->text == NULL || reading->detail == NULL)
		return true;
	if (reading->site == NULL && reading->detail_form < 0)
		return dg_key_may_be_in(key, reading->detail);
	if (reading->named[DG_ROLE_KEY] == NULL)
		return true;
	return dg_key_begins(key, reading->named[DG_ROLE_KEY], "=", &rest);
}

/* A check constraint of a table. */
static void
resolve_check(DgFacts *facts, const DgNames *names)
{
	const AttrNumber conkey = Anum_pg_constraint_conkey;
	List	   *found = dg_candidate_constraints(names, CONSTRAINT_CHECK);
	HeapTuple	tuple;
	Oid			violated;
	Oid			declared;
	Oid			conoid;

	if (list_length(found) != 1)
		return;
	conoid = linitial_oid(found);
	tuple = SearchSysCache1(CONSTROID, ObjectIdGetDatum(conoid));
	if (!HeapTupleIsValid(tuple))
		return;
	facts->constraint_name = names->constraint;
	violated = ((Form_pg_constraint) GETSTRUCT(tuple))->conrelid;
	facts->columns = dg_lookup_constraint_columns(tuple, conkey, violated);
	ReleaseSysCache(tuple);
	declared = declared_on(violated, names->constraint);
	dg_resolve_name_table(facts, declared, violated);
	facts->comment = dg_lookup_comment(dg_lookup_constraint(declared,
															names->constraint,
															CONSTRAINT_CHECK),
									   ConstraintRelationId);
	if (facts->comment == NULL)
		facts->comment = dg_lookup_comment(conoid, ConstraintRelationId);
	facts->resolved = true;
}

/*
 * 23514 about a table, without a constraint: this server says so only of
 * partitions, and the table tells which of the two errors it is.
 */
static void
resolve_unnamed_check(DgFacts *facts, DgKey *key, const DgNames *names,
					  const DgReading *reading)
{
	Oid			relid = dg_lookup_relation(names->schema, names->table);
	bool		is_partition = get_rel_relispartition(relid);
	bool		has_partitions;

	has_partitions = get_rel_relkind(relid) == RELKIND_PARTITIONED_TABLE;
	if (reading->site != NULL || is_partition == has_partitions)
		return;
	facts->kind = is_partition ?
					  DG_PARTITION_CONSTRAINT_VIOLATION :
					  DG_PARTITION_NOT_FOUND;
	resolve_partitioning(facts, key, names, reading);
}

/* The topmost table from which the check comes down. */
static Oid
declared_on(Oid relid, const char *constraint)
{
	Oid			declared = relid;
	ListCell   *lc;

	if (!get_rel_relispartition(relid))
		return dg_lookup_topmost(relid);
	foreach(lc, get_partition_ancestors(relid))
	{
		if (OidIsValid(dg_lookup_constraint(lfirst_oid(lc), constraint,
											CONSTRAINT_CHECK)))
			declared = lfirst_oid(lc);
	}
	return declared;
}

/*
 * A column of a table that is not null.  Of partitions the root has it too:
 * a partition's own additional NOT NULL is reported there as well.
 */
static void
resolve_not_null(DgFacts *facts, const DgNames *names)
{
	Oid			found = InvalidOid;
	Oid			root;
	ListCell   *lc;

	if (names->table == NULL || names->column == NULL)
		return;
	foreach(lc, dg_candidate_relations(names))
	{
		Oid			relid = lfirst_oid(lc);

		if (!table_fits(relid, facts->kind) ||
			get_attnum(relid, names->column) == InvalidAttrNumber)
			continue;
		if (OidIsValid(found))
			return;
		found = relid;
	}
	if (!OidIsValid(found))
		return;
	root = dg_lookup_topmost(found);
	dg_resolve_name_table(facts, root, found);
	facts->comment = dg_lookup_comment(dg_lookup_not_null(root, names->column),
									   ConstraintRelationId);
	facts->resolved = true;
}

/*
 * A partitioned table without a partition for the row, or a partition that
 * the row does not belong in.  The columns are those that decide.
 */
static void
resolve_partitioning(DgFacts *facts, DgKey *key, const DgNames *names,
					 const DgReading *reading)
{
	Oid			found = only_table(names, facts->kind);
	Oid			partitioned;

	if (!OidIsValid(found))
		return;

	partitioned = found;
	if (facts->kind == DG_PARTITION_CONSTRAINT_VIOLATION &&
		get_rel_relispartition(found))
	{
		List	   *ancestors = get_partition_ancestors(found);

		partitioned = ancestors == NIL ? InvalidOid : linitial_oid(ancestors);
	}
	dg_key_of_partitions(key, partitioned);
	facts->columns = key->columns;
	dg_resolve_name_table(facts, dg_lookup_topmost(found), found);
	facts->resolved = true;
}

/* A view with check option, or a table with row security. */
static void
resolve_table(DgFacts *facts, const DgNames *names)
{
	Oid			found = only_table(names, facts->kind);

	if (!OidIsValid(found))
		return;
	dg_resolve_name_table(facts, found, found);
	facts->resolved = true;
}

/*
 * The one relation that the names fit and that can raise this kind of error.
 */
static Oid
only_table(const DgNames *names, DgKind kind)
{
	Oid			found = InvalidOid;
	ListCell   *lc;

	foreach(lc, dg_candidate_relations(names))
	{
		if (!table_fits(lfirst_oid(lc), kind))
			continue;
		if (OidIsValid(found))
			return InvalidOid;
		found = lfirst_oid(lc);
	}
	return found;
}

/* Whether the relation is one that can raise this kind of error. */
static bool
table_fits(Oid relid, DgKind kind)
{
	HeapTuple	tuple = SearchSysCache1(RELOID, ObjectIdGetDatum(relid));
	Form_pg_class form;
	bool		fits;

	if (!HeapTupleIsValid(tuple))
		return false;
	form = (Form_pg_class) GETSTRUCT(tuple);
	fits = form->relkind == RELKIND_RELATION ||
		   form->relkind == RELKIND_PARTITIONED_TABLE ||
		   form->relkind == RELKIND_FOREIGN_TABLE;
	if (kind == DG_WITH_CHECK_OPTION_VIOLATION)
		fits = form->relkind == RELKIND_VIEW;
	else if (kind == DG_ROW_SECURITY_VIOLATION)
		fits = fits && form->relrowsecurity;
	else if (kind == DG_PARTITION_NOT_FOUND)
		fits = form->relkind == RELKIND_PARTITIONED_TABLE;
	ReleaseSysCache(tuple);
	return fits;
}

/* Notes schema and table where it was declared, and the partition it hit. */
void
dg_resolve_name_table(DgFacts *facts, Oid declared, Oid violated)
{
	Oid			namespace = get_rel_namespace(declared);

	facts->table_name = get_rel_name(declared);
	facts->schema_name = OidIsValid(namespace) ?
							 get_namespace_name(namespace) :
							 NULL;
	if (declared != violated)
		facts->partition_name = dg_lookup_regclass(violated);
}

/* The comment on the index's constraint, else on the index. */
static const char *
comment_on_index(Oid indexid)
{
	const char *comment = dg_lookup_comment(get_index_constraint(indexid),
											ConstraintRelationId);

	if (comment == NULL)
		comment = dg_lookup_comment(indexid, RelationRelationId);
	return comment;
}
