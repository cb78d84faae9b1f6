/*
 * duplicate_guard.c
 *		Module load: one init call per topic.
 */
#include "postgres.h"

#include "fmgr.h"

#include "capture.h"
#include "target.h"

PG_MODULE_MAGIC;

void		_PG_init(void);

void
_PG_init(void)
{
	dg_target_init();
	dg_capture_init();
}
