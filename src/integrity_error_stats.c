/*
 * integrity_error_stats.c
 *		The SQL functions behind the views integrity_error_stats and
 *		integrity_error_stats_info, and the one that begins anew.
 *
 * Names are shown as the errors had them: no catalog is asked, since most rows
 * can be about other databases.  Rows of databases that are gone are not shown,
 * and are dropped by whoever looks first.
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "catalog/namespace.h"
#include "commands/dbcommands.h"
#include "fmgr.h"
#include "funcapi.h"
#include "mb/pg_wchar.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/timestamp.h"
#include "utils/tuplestore.h"

#include "preload.h"
#include "site.h"
#include "stats.h"

PG_FUNCTION_INFO_V1(duplicate_guard_integrity_error_stats);
PG_FUNCTION_INFO_V1(duplicate_guard_integrity_error_stats_info);
PG_FUNCTION_INFO_V1(duplicate_guard_integrity_error_stats_reset);

#define NCOLUMNS 13

static void put_row(ReturnSetInfo *info, const DgStatsCount *count,
					char *database);
static Datum name_datum(const char *name);
static const char *readable_name(const NameData *name, int encoding);
static bool convert_name(const char *name, int encoding, char *result,
						 int size);

/*
 * integrity_error_stats() RETURNS SETOF record
 */
Datum
duplicate_guard_integrity_error_stats(PG_FUNCTION_ARGS)
{
	ReturnSetInfo *info = (ReturnSetInfo *) fcinfo->resultinfo;
	DgStatsCount *counts;
	int64		ncounts;

	dg_preload_check(dg_stats_available());
	InitMaterializedSRF(fcinfo, 0);
	counts = dg_stats_copy(&ncounts);
	for (int64 i = 0; i < ncounts; i++)
	{
		char	   *database = get_database_name(counts[i].key.database);

		if (database == NULL)
			dg_stats_forget_database(counts[i].key.database);
		else
			put_row(info, &counts[i], database);
	}
	return (Datum) 0;
}

/* Adds a row to the answer. */
static void
put_row(ReturnSetInfo *info, const DgStatsCount *count, char *database)
{
	const DgStatsKey *key = &count->key;
	const NameData *names[] = {
		&key->schema_name, &key->table_name, &key->column_name,
		&key->constraint_name, &key->datatype_name};
	Datum		values[NCOLUMNS];
	bool		nulls[NCOLUMNS] = {false};
	int			n = 0;

	values[n++] = ObjectIdGetDatum(key->database);
	values[n++] = name_datum(database);
	values[n++] = CStringGetTextDatum(dg_kind_name(key->kind));
	values[n++] = CStringGetTextDatum(unpack_sql_state(key->sqlerrcode));
	for (int i = 0; i < lengthof(names); i++, n++)
	{
		nulls[n] = (NameStr(*names[i])[0] == '\0');
		values[n] = name_datum(readable_name(names[i], key->encoding));
	}
	values[n++] = Int64GetDatum(count->caught);
	values[n++] = Int64GetDatum(count->uncaught);
	values[n++] = TimestampTzGetDatum(count->first_raised);
	values[n++] = TimestampTzGetDatum(count->last_raised);
	Assert(n == NCOLUMNS);
	tuplestore_putvalues(info->setResult, info->setDesc, values, nulls);
}

/* As a value of type name. */
static Datum
name_datum(const char *name)
{
	return DirectFunctionCall1(namein, CStringGetDatum(name));
}

/*
 * A name from a database that may have another encoding, in this one's.  What
 * cannot be said here gets question marks: it must not be an error, or one
 * database could hide the others' counts.
 */
static const char *
readable_name(const NameData *name, int encoding)
{
	char		converted[NAMEDATALEN * MAX_CONVERSION_GROWTH + 1];
	char	   *result;

	if (encoding == GetDatabaseEncoding())
		return NameStr(*name);
	if (convert_name(NameStr(*name), encoding, converted, sizeof(converted)))
		return pstrdup(converted);
	result = pstrdup(NameStr(*name));
	for (char *c = result; *c != '\0'; c++)
	{
		if (IS_HIGHBIT_SET(*c))
			*c = '?';
	}
	return result;
}

/* Converts a name, if that can be done. */
static bool
convert_name(const char *name, int encoding, char *result, int size)
{
	int			len = strlen(name);
	Oid			function = FindDefaultConversionProc(encoding,
											 GetDatabaseEncoding());

	return OidIsValid(function) &&
		   pg_do_encoding_conversion_buf(function, encoding,
										 GetDatabaseEncoding(),
										 (unsigned char *) name, len,
										 (unsigned char *) result, size,
										 true) == len;
}

/*
 * integrity_error_stats_info(OUT dealloc bigint, OUT stats_reset timestamptz)
 */
Datum
duplicate_guard_integrity_error_stats_info(PG_FUNCTION_ARGS)
{
	DgStatsInfo about;
	TupleDesc	desc;
	Datum		values[2];
	bool		nulls[2] = {false, false};

	dg_preload_check(dg_stats_available());
	if (get_call_result_type(fcinfo, NULL, &desc) != TYPEFUNC_COMPOSITE)
		elog(ERROR, "return type must be a row type");
	dg_stats_get_info(&about);
	values[0] = Int64GetDatum(about.dealloc);
	values[1] = TimestampTzGetDatum(about.stats_reset);
	return HeapTupleGetDatum(heap_form_tuple(BlessTupleDesc(desc), values,
											 nulls));
}

/*
 * integrity_error_stats_reset() RETURNS void
 */
Datum
duplicate_guard_integrity_error_stats_reset(PG_FUNCTION_ARGS)
{
	dg_preload_check(dg_stats_available());
	dg_stats_reset();
	PG_RETURN_VOID();
}
