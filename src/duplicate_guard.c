/*
 * duplicate_guard.c
 *		Module load: one init call per topic.
 */
#include "postgres.h"

#include "fmgr.h"
#include "miscadmin.h"
#include "utils/guc.h"

#include "call_plan.h"
#include "capture.h"
#include "progress.h"
#include "stats.h"
#include "target.h"

PG_MODULE_MAGIC;

void		_PG_init(void);

void
_PG_init(void)
{
	dg_target_init();
	dg_stats_init();
	dg_progress_init();
	dg_capture_init();
	dg_call_plan_init();
	if (process_shared_preload_libraries_in_progress)
		MarkGUCPrefixReserved("duplicate_guard");
}
