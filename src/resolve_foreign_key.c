/*
 * resolve_foreign_key.c
 *		The foreign key that was violated, and both its sides.
 *
 * The diagnostic fields name the referencing table and the constraint,
 * whichever side failed.  Partitions on either side have foreign keys of
 * their own, each with the one above as its parent; reported is the topmost.
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "catalog/pg_constraint.h"
#include "utils/lsyscache.h"
#include "utils/syscache.h"

#include "facts.h"

static bool foreign_key_fits(Oid conoid, DgKind kind, const DgNames *names,
							 const DgReading *reading);
static void describe_foreign_key(DgFacts *facts, DgKey *key, Oid conoid);

/* A foreign key, whichever side failed. */
void
dg_resolve_foreign_key(DgFacts *facts, DgKey *key, const DgNames *names,
					   const DgReading *reading)
{
	Oid			found = InvalidOid;
	ListCell   *lc;

	foreach(lc, dg_candidate_constraints(names, CONSTRAINT_FOREIGN))
	{
		if (!foreign_key_fits(lfirst_oid(lc), facts->kind, names, reading))
			continue;
		if (OidIsValid(found))
			return;
		found = lfirst_oid(lc);
	}
	if (OidIsValid(found))
		describe_foreign_key(facts, key, found);
}

/*
 * Whether this foreign key can have raised the error, by the columns and the
 * referenced table that the text names.
 */
static bool
foreign_key_fits(Oid conoid, DgKind kind, const DgNames *names,
				 const DgReading *reading)
{
	const char *key_text = reading->named[DG_ROLE_KEY_COLUMNS];
	HeapTuple	tuple;
	Form_pg_constraint form;
	const char *parent;
	Oid			side;
	AttrNumber	column;
	DgKey		key;

	if (names->by_fields)
		return true;
	tuple = SearchSysCache1(CONSTROID, ObjectIdGetDatum(conoid));
	if (!HeapTupleIsValid(tuple))
		return false;
	form = (Form_pg_constraint) GETSTRUCT(tuple);
	parent = get_rel_name(form->confrelid);
	side = form->conrelid;
	column = Anum_pg_constraint_conkey;
	if (kind == DG_FOREIGN_KEY_REFERENCED)
	{
		side = form->confrelid;
		column = Anum_pg_constraint_confkey;
	}
	dg_key_of_columns(&key, side,
					  dg_lookup_constraint_columns(tuple, column, side));
	ReleaseSysCache(tuple);
	if (parent == NULL || key.nelements == 0)
		return false;
	if (names->referenced != NULL && strcmp(names->referenced, parent) != 0)
		return false;
	return key_text == NULL || strcmp(key_text, key.text) == 0;
}

/* Both sides of the foreign key, as declared at the root. */
static void
describe_foreign_key(DgFacts *facts, DgKey *key, Oid conoid)
{
	const AttrNumber conkey = Anum_pg_constraint_conkey;
	const AttrNumber confkey = Anum_pg_constraint_confkey;
	Oid			violated = InvalidOid;
	const char *other_table = NULL;
	HeapTuple	tuple;
	Form_pg_constraint form;
	Oid			referenced;

	for (;;)
	{
		tuple = SearchSysCache1(CONSTROID, ObjectIdGetDatum(conoid));
		if (!HeapTupleIsValid(tuple))
			return;
		form = (Form_pg_constraint) GETSTRUCT(tuple);
		if (!OidIsValid(violated))
		{
			violated = form->conrelid;
			other_table = get_rel_name(form->confrelid);
			if (facts->kind == DG_FOREIGN_KEY_REFERENCED)
				other_table = get_rel_name(violated);
		}
		if (!OidIsValid(form->conparentid))
			break;
		conoid = form->conparentid;
		ReleaseSysCache(tuple);
	}
	referenced = form->confrelid;
	facts->constraint_name = pstrdup(NameStr(form->conname));
	facts->columns = dg_lookup_constraint_columns(tuple, conkey,
												  form->conrelid);
	facts->referenced_columns = dg_lookup_constraint_columns(tuple, confkey,
															 referenced);
	dg_resolve_name_table(facts, form->conrelid, violated);
	if (facts->kind == DG_FOREIGN_KEY_REFERENCED)
		dg_key_of_columns(key, referenced, facts->referenced_columns);
	else
		dg_key_of_columns(key, form->conrelid, facts->columns);
	ReleaseSysCache(tuple);
	key->other_table = other_table;
	facts->referenced_table = dg_lookup_regclass(referenced);
	facts->referenced_noun = get_rel_name(referenced);
	facts->comment = dg_lookup_comment(conoid, ConstraintRelationId);
	facts->resolved = true;
}
