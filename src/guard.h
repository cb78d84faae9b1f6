/*
 * guard.h
 *		Get, create, get again.
 */
#ifndef DG_GUARD_H
#define DG_GUARD_H

#include "postgres.h"

#include "call.h"

extern void dg_guard_open(DgCall *call, DgMemo *memo,
						  const char *arbiter_name,
						  bool require_unique);
extern bool dg_guard_get_or_create(DgCall *call, Datum *record);

#endif							/* DG_GUARD_H */
