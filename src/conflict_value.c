/*
 * conflict_value.c
 *		The values of a candidate, converted past the domains of their columns.
 *
 * Conversion to a domain raises its first violation.  So a column of a domain
 * is converted to the base type, and conflict_check.c holds the value against
 * the domain.  That does not help for a domain inside of another type, the
 * element of an array or the attribute of a composite: such a column is
 * converted by itself in a subtransaction, and when a domain refuses it, that
 * is a conflict, the only one that is found in that value, and the column is
 * unknown from then on.
 */
#include "postgres.h"

#include "access/xact.h"
#include "catalog/pg_type.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/rel.h"
#include "utils/resowner.h"
#include "utils/typcache.h"

#include "compat.h"
#include "conflicts.h"

static DgColumns *below_domain(DgColumns *columns, AttrNumber attnum);
static bool contains_domain(Oid type);
static bool is_or_contains_domain(Oid type);
static bool composite_contains_domain(Oid type);
static bool try_conversion(DgConflicts *conflicts, DgCandidate *candidate,
						   DgColumns *column, Jsonb *object);
static void report(DgConflicts *conflicts, ErrorData *error,
				   DgColumns *column);

/*
 * Converts the values of an object, whose columns these are.  Returns those
 * columns that have a value now, by attnum; reports what domains refused.
 */
Bitmapset *
dg_conflict_values(DgConflicts *conflicts, DgCandidate *candidate,
				   DgColumns *columns, Jsonb *object)
{
	Bitmapset  *converted = NULL;
	int			attnum = -1;

	while ((attnum = bms_next_member(columns->attrs, attnum)) >= 0)
	{
		DgColumns  *column = below_domain(columns, attnum);

		if (contains_domain(TupleDescAttr(column->desc, 0)->atttypid))
		{
			if (!try_conversion(conflicts, candidate, column, object))
				continue;
		}
		else
			dg_candidate_convert(candidate, column, object);
		converted = bms_add_member(converted, attnum);
	}
	return converted;
}

/*
 * One of the columns, with the base type of its domain, for one conversion.
 */
static DgColumns *
below_domain(DgColumns *columns, AttrNumber attnum)
{
	DgColumns  *result = palloc0(sizeof(DgColumns));
	Form_pg_attribute attr;
	int32		typmod;
	Oid			type;
	int			i = 0;

	while (columns->attnums[i] != attnum)
		i++;
	attr = TupleDescAttr(columns->desc, i);
	typmod = attr->atttypmod;
	type = getBaseTypeAndTypmod(attr->atttypid, &typmod);
	result->ncolumns = 1;
	result->attnums = &columns->attnums[i];
	if (bms_is_member(i, columns->bytea))
		result->bytea = bms_make_singleton(0);
	result->desc = CreateTemplateTupleDesc(1);
	TupleDescInitEntry(result->desc, 1, NameStr(attr->attname), type, typmod,
					   attr->attndims);
	TupleDescInitEntryCollation(result->desc, 1, attr->attcollation);
	TupleDescFinalize(result->desc);
	return result;
}

/*
 * Is there a domain inside of this type?
 */
static bool
contains_domain(Oid type)
{
	Oid			inner = get_element_type(type);

	if (!OidIsValid(inner))
		inner = get_multirange_range(type);
	if (!OidIsValid(inner))
		inner = get_range_subtype(type);
	if (OidIsValid(inner))
		return is_or_contains_domain(inner);
	return get_typtype(type) == TYPTYPE_COMPOSITE &&
		   composite_contains_domain(type);
}

/*
 * The same for a type that is itself inside of another one.
 */
static bool
is_or_contains_domain(Oid type)
{
	return get_typtype(type) == TYPTYPE_DOMAIN || contains_domain(type);
}

/*
 * Does an attribute of that composite type?
 */
static bool
composite_contains_domain(Oid type)
{
	TupleDesc	desc = lookup_rowtype_tupdesc_copy(type, -1);

	for (int i = 0; i < desc->natts; i++)
	{
		Form_pg_attribute attr = TupleDescAttr(desc, i);

		if (!attr->attisdropped && is_or_contains_domain(attr->atttypid))
			return true;
	}
	return false;
}

/*
 * Converts a column in a subtransaction, of which nothing stays but the value.
 * False when a domain refused it, which is reported; other errors are raised.
 */
static bool
try_conversion(DgConflicts *conflicts, DgCandidate *candidate,
			   DgColumns *column, Jsonb *object)
{
	MemoryContext context = CurrentMemoryContext;
	ResourceOwner owner = CurrentResourceOwner;
	ErrorData *volatile error = NULL;

	BeginInternalSubTransaction(NULL);
	MemoryContextSwitchTo(context);
	PG_TRY();
	{
		XactReadOnly = true;
		dg_candidate_convert(candidate, column, object);
	}
	PG_CATCH();
	{
		MemoryContextSwitchTo(context);
		error = CopyErrorData();
		FlushErrorState();
	}
	PG_END_TRY();
	RollbackAndReleaseCurrentSubTransaction();
	MemoryContextSwitchTo(context);
	CurrentResourceOwner = owner;

	if (error != NULL)
		report(conflicts, error, column);
	return error == NULL;
}

/*
 * Reports what a domain has raised; raises again what is not a domain's.
 */
static void
report(DgConflicts *conflicts, ErrorData *error, DgColumns *column)
{
	const DgSite *site = error->message_id != NULL ?
							 dg_site_by_msgid(error->message_id) :
							 NULL;
	char	   *name = NameStr(TupleDescAttr(column->desc, 0)->attname);

	if (site == NULL || (site->kind != DG_DOMAIN_CHECK_VIOLATION &&
						 site->kind != DG_DOMAIN_NOT_NULL_VIOLATION))
		ReThrowError(error);
	dg_conflicts_add(conflicts, site->kind, error->constraint_name,
					 list_make1(name), NULL);
}
