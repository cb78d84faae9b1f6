/*
 * statement.h
 *		The SQL statements behind a call, cached with its shape.
 */
#ifndef DG_STATEMENT_H
#define DG_STATEMENT_H

#include "postgres.h"

#include "arbiter.h"
#include "candidate.h"
#include "target.h"
#include "utils/snapshot.h"

typedef enum DgLockStrength
{
	DG_LOCK_NONE,
	DG_LOCK_KEY_SHARE,
	DG_LOCK_SHARE,
	DG_LOCK_NO_KEY_UPDATE,
	DG_LOCK_UPDATE
} DgLockStrength;

extern bool dg_statement_look(Relation rel, DgShape *shape,
							  DgArbiter *arbiter, DgCandidate *candidate,
							  DgKey *key, DgLockStrength lock,
							  Snapshot snapshot, Datum *record);
extern bool dg_statement_create(Relation rel, DgShape *shape,
								DgArbiter *arbiter, bool on_conflict,
								DgCandidate *candidate, Datum *record);

#endif							/* DG_STATEMENT_H */
