/*
 * last_integrity_error.c
 *		last_integrity_error(): this session's latest integrity error.
 *
 * capture.c has copied the error when it was raised; the catalog is asked here,
 * now, with the caller's rights, by dg_violation_form().
 *
 * Who may see it.  An error's texts hold values of rows.  A caught one may have
 * been caught by a SECURITY DEFINER function so that its caller does not see
 * it; so all of it is shown only to those who have the privileges of the role
 * under which it was raised.  An uncaught one went to the client, and is shown
 * to the session user that the client was then, too.  (Not to a role taken by
 * SET ROLE: behind a pooler the client may be another one by now.)  Everybody
 * else learns kind and sqlstate.
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "fmgr.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "utils/acl.h"
#include "utils/typcache.h"

#include "latest.h"
#include "record.h"

static bool may_see(const DgLatestError *error);
static Datum keep_code_only(Datum error);

PG_FUNCTION_INFO_V1(duplicate_guard_last_integrity_error);

/*
 * last_integrity_error() RETURNS integrity_error
 *
 * NULL if this session has had none since the library was loaded, or since
 * DISCARD ALL.
 */
Datum
duplicate_guard_last_integrity_error(PG_FUNCTION_ARGS)
{
	const DgLatestError *last = dg_latest_get();
	Datum		error;

	if (last == NULL)
		PG_RETURN_NULL();

	error = dg_violation_form(&last->fields);
	if (!may_see(last))
		error = keep_code_only(error);
	PG_RETURN_DATUM(error);
}

/* May the current user see all of this error? */
static bool
may_see(const DgLatestError *error)
{
	if (has_privs_of_role(GetUserId(), error->user_id))
		return true;
	return error->uncaught && GetUserId() == error->session_user_id;
}

/*
 * The same integrity_error with all fields NULL but kind and sqlstate.  It has
 * to be formed whole first, as the kind is found with the help of the texts.
 */
static Datum
keep_code_only(Datum error)
{
	HeapTupleHeader header = DatumGetHeapTupleHeader(error);
	TupleDesc	desc;
	HeapTupleData tuple;
	Datum	   *values;
	bool	   *nulls;
	Datum		result;
	int			i;

	desc = lookup_rowtype_tupdesc(HeapTupleHeaderGetTypeId(header),
								  HeapTupleHeaderGetTypMod(header));
	dg_record_open(error, &tuple);

	values = palloc(desc->natts * sizeof(Datum));
	nulls = palloc(desc->natts * sizeof(bool));
	heap_deform_tuple(&tuple, desc, values, nulls);
	for (i = 0; i < desc->natts; i++)
	{
		const char *name = NameStr(TupleDescAttr(desc, i)->attname);

		if (strcmp(name, "kind") != 0 && strcmp(name, "sqlstate") != 0)
			nulls[i] = true;
	}
	result = HeapTupleGetDatum(heap_form_tuple(desc, values, nulls));
	ReleaseTupleDesc(desc);
	return result;
}
