/*
 * guard.h
 *		Get, create, get again.
 */
#ifndef DG_GUARD_H
#define DG_GUARD_H

#include "postgres.h"

#include "call.h"
#include "utils/snapshot.h"

extern void dg_guard_open(DgCall *call, DgMemo *memo,
						  const char *arbiter_name,
						  bool require_unique);
extern void dg_guard_choose(DgCall *call, const char *arbiter_name,
							bool require_unique);
extern bool dg_guard_get(DgCall *call, Snapshot snapshot, Datum *record);
extern bool dg_guard_get_or_create(DgCall *call, Datum *record);
extern void dg_guard_check_found(DgCall *call, Datum record);
extern void dg_guard_check_created(DgCall *call, Datum record);

#endif							/* DG_GUARD_H */
