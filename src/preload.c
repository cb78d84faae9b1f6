/*
 * preload.c
 *		What needs shared_preload_libraries: shared memory of our own.
 */
#include "postgres.h"

#include "preload.h"

/* 55000 unless it is there. */
void
dg_preload_check(bool is_preloaded)
{
	if (!is_preloaded)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("duplicate_guard must be loaded via \"shared_preload_libraries\""),
				 errhint("Add it to the libraries there in postgresql.conf, for example shared_preload_libraries = 'duplicate_guard', and restart the server.")));
}
