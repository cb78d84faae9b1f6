/*
 * duplicate_guard.c
 *		Module load: one init call per topic.
 */
#include "postgres.h"

#include "fmgr.h"

PG_MODULE_MAGIC;
