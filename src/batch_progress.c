/*
 * batch_progress.c
 *		The SQL function behind the view of that name: how far the calls for
 *		many rows have come.
 *
 * As in PostgreSQL's pg_stat_progress_* views everybody sees which sessions
 * have one; what it is about is for those who have the privileges of the
 * session's role, or of pg_read_all_stats.
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "catalog/pg_authid.h"
#include "fmgr.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "utils/acl.h"
#include "utils/builtins.h"
#include "utils/tuplestore.h"

#include "preload.h"
#include "progress.h"

#define NCOLUMNS 7

PG_FUNCTION_INFO_V1(duplicate_guard_batch_progress);

static void put_row(ReturnSetInfo *info, const DgProgress *progress,
					int64 rows_done);
static bool may_see(Oid role);

static const char *const commands[] = {
	[DG_GET_OR_CREATE_MANY] = "get_or_create_many",
	[DG_UPDATE_OR_CREATE_MANY] = "update_or_create_many",
	[DG_TRY_CREATE_MANY] = "try_create_many"};

static const char *const phases[] = {
	[DG_READING_ROWS] = "reading rows",
	[DG_READING_KEYS] = "reading keys",
	[DG_LOOKING_UP_ROWS] = "looking up rows",
	[DG_COMPARING_ROWS] = "comparing rows",
	[DG_CREATING_ROWS] = "creating rows",
	[DG_UPDATING_ROWS] = "updating rows",
	[DG_ROW_BY_ROW] = "going row by row"};

/*
 * batch_progress() RETURNS SETOF record
 */
Datum
duplicate_guard_batch_progress(PG_FUNCTION_ARGS)
{
	ReturnSetInfo *info = (ReturnSetInfo *) fcinfo->resultinfo;
	DgProgress	progress;
	int64		rows_done;

	dg_preload_check(dg_progress_available());
	InitMaterializedSRF(fcinfo, 0);
	for (int i = 0; i < dg_progress_count(); i++)
	{
		if (dg_progress_read(i, &progress, &rows_done))
			put_row(info, &progress, rows_done);
	}
	return (Datum) 0;
}

/* Adds a row to the answer. */
static void
put_row(ReturnSetInfo *info, const DgProgress *progress, int64 rows_done)
{
	bool		hide = !may_see(progress->role);
	Datum		values[NCOLUMNS] = {
		Int32GetDatum(progress->pid),
		ObjectIdGetDatum(progress->database),
		ObjectIdGetDatum(progress->relid),
		CStringGetTextDatum(commands[progress->command]),
		CStringGetTextDatum(phases[progress->phase]),
		Int64GetDatum(progress->rows_total),
		Int64GetDatum(rows_done)};
	bool		nulls[NCOLUMNS] = {
		false, false, hide, hide, hide, hide, hide};

	tuplestore_putvalues(info->setResult, info->setDesc, values, nulls);
}

/* May the current user see what a session of that role does? */
static bool
may_see(Oid role)
{
	return has_privs_of_role(GetUserId(), ROLE_PG_READ_ALL_STATS) ||
		   has_privs_of_role(GetUserId(), role);
}
