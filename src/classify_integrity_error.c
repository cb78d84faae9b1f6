/*
 * classify_integrity_error.c
 *		The SQL function: an error, as a client has it, turned into facts.
 *
 * Reads no table but the catalogs, and shows nothing but what the caller
 * passed in and what pg_catalog shows to everybody.
 */
#include "postgres.h"

#include "fmgr.h"
#include "utils/builtins.h"
#include "utils/elog.h"

#include "violation.h"

enum
{
	ARG_MESSAGE,
	ARG_DETAIL,
	ARG_SQLSTATE,
	ARG_SCHEMA,
	ARG_TABLE,
	ARG_COLUMN,
	ARG_CONSTRAINT,
	ARG_DATATYPE
};

static char *string_arg(FunctionCallInfo fcinfo, int arg);
static int	sqlerrcode_of(const char *sqlstate);

PG_FUNCTION_INFO_V1(duplicate_guard_classify_integrity_error);

/*
 * Never raises an error for what it is given: what makes no sense is unknown.
 *
 * All five names given, and all of them empty, is what GET STACKED
 * DIAGNOSTICS gives for an error in which the server named nothing: those
 * are foreign servers' errors above all, which must not be taken for ours.
 */
Datum
duplicate_guard_classify_integrity_error(PG_FUNCTION_ARGS)
{
	DgErrorFields error = {0};
	char	   *sqlstate = string_arg(fcinfo, ARG_SQLSTATE);
	int			arg;

	error.sqlerrcode = sqlerrcode_of(sqlstate);
	error.message = string_arg(fcinfo, ARG_MESSAGE);
	error.detail = string_arg(fcinfo, ARG_DETAIL);
	error.schema_name = string_arg(fcinfo, ARG_SCHEMA);
	error.table_name = string_arg(fcinfo, ARG_TABLE);
	error.column_name = string_arg(fcinfo, ARG_COLUMN);
	error.constraint_name = string_arg(fcinfo, ARG_CONSTRAINT);
	error.datatype_name = string_arg(fcinfo, ARG_DATATYPE);

	error.all_fields = true;
	for (arg = ARG_SCHEMA; arg <= ARG_DATATYPE; arg++)
	{
		if (PG_ARGISNULL(arg))
			error.all_fields = false;
	}
	PG_RETURN_DATUM(dg_violation_form(&error));
}

/* The argument as a C string, or NULL. */
static char *
string_arg(FunctionCallInfo fcinfo, int arg)
{
	if (PG_ARGISNULL(arg))
		return NULL;
	return text_to_cstring(PG_GETARG_TEXT_PP(arg));
}

/* Five characters of SQLSTATE as the server's number; else 0. */
static int
sqlerrcode_of(const char *sqlstate)
{
	const char *c;

	if (sqlstate == NULL || strlen(sqlstate) != 5)
		return 0;
	for (c = sqlstate; *c != '\0'; c++)
	{
		if (!((*c >= '0' && *c <= '9') || (*c >= 'A' && *c <= 'Z')))
			return 0;
	}
	return MAKE_SQLSTATE(sqlstate[0], sqlstate[1], sqlstate[2], sqlstate[3],
						 sqlstate[4]);
}
