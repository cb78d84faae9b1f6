/*
 * guard.h
 *		Get, create, get again.
 */
#ifndef DG_GUARD_H
#define DG_GUARD_H

#include "postgres.h"

#include "arbiter.h"
#include "candidate.h"
#include "statement.h"
#include "target.h"

/* One call: what is asked for, and how it is answered */
typedef struct DgCall
{
	Relation	rel;
	DgTarget   *target;
	DgShape    *shape;
	Jsonb	   *lookup;
	Jsonb	   *defaults;		/* NULL: none */
	DgCandidate candidate;		/* the lookup's values; the defaults' only
								 * once something is to be created */
	DgArbiter  *arbiter;		/* NULL: all lookup columns together */
	DgKey		key;
	bool		unguarded;		/* no index decides: an advisory lock does */
	DgLockStrength lock;
} DgCall;

extern void dg_guard_open(DgCall *call, DgMemo *memo,
						  const char *arbiter_name,
						  bool require_unique);
extern bool dg_guard_get_or_create(DgCall *call, Datum *record);

#endif							/* DG_GUARD_H */
