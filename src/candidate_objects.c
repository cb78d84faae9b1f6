/*
 * candidate_objects.c
 *		What the names in an error can mean.
 *
 * With a schema there is one relation of a name, or none; without it there
 * may be one in each schema.  Whoever calls this sees to it that only one is
 * left.
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "catalog/pg_constraint.h"
#include "utils/lsyscache.h"
#include "utils/syscache.h"

#include "facts.h"

static bool is_in_schema(Oid conoid, const char *schema);

/* The relations that the error's table name can mean. */
List *
dg_candidate_relations(const DgNames *names)
{
	Oid			relid;

	if (names->table == NULL)
		return NIL;
	if (names->schema == NULL)
		return dg_lookup_relations(names->table);
	relid = dg_lookup_relation(names->schema, names->table);
	return OidIsValid(relid) ? list_make1_oid(relid) : NIL;
}

/* The constraints that the error's names can mean. */
List *
dg_candidate_constraints(const DgNames *names, char contype)
{
	List	   *found = NIL;
	ListCell   *lc;

	if (names->constraint == NULL)
		return NIL;
	if (names->table == NULL)
	{
		foreach(lc, dg_lookup_constraints(names->constraint, contype))
		{
			if (names->schema == NULL ||
				is_in_schema(lfirst_oid(lc), names->schema))
				found = lappend_oid(found, lfirst_oid(lc));
		}
		return found;
	}
	foreach(lc, dg_candidate_relations(names))
	{
		Oid			conoid = dg_lookup_constraint(lfirst_oid(lc),
										  names->constraint, contype);

		if (OidIsValid(conoid))
			found = lappend_oid(found, conoid);
	}
	return found;
}

/* Whether the constraint is in the schema of this name. */
static bool
is_in_schema(Oid conoid, const char *schema)
{
	HeapTuple	tuple = SearchSysCache1(CONSTROID, ObjectIdGetDatum(conoid));
	Form_pg_constraint form;
	char	   *name;

	if (!HeapTupleIsValid(tuple))
		return false;
	form = (Form_pg_constraint) GETSTRUCT(tuple);
	name = get_namespace_name(form->connamespace);
	ReleaseSysCache(tuple);
	return name != NULL && strcmp(name, schema) == 0;
}
