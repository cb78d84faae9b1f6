/*
 * arbiter.h
 *		The unique index that decides whether a row exists already.
 */
#ifndef DG_ARBITER_H
#define DG_ARBITER_H

#include "postgres.h"

#include "candidate.h"
#include "index.h"
#include "target.h"

/* An index that serves a set of lookup columns */
typedef struct DgArbiter
{
	DgIndex    *index;
	Bitmapset  *residual;		/* lookup columns that it does not decide */
	bool		predicate_named;	/* the lookup names all its columns */
} DgArbiter;

/* The key under which the arbiter would store the candidate */
typedef struct DgKey
{
	Datum		values[INDEX_MAX_KEYS];
	bool		nulls[INDEX_MAX_KEYS];
	bool		outside;		/* of its predicate: there is no key */
} DgKey;

extern List *dg_arbiter_serving(Relation rel, DgTarget *target,
								DgColumns *lookup);
extern DgArbiter *dg_arbiter_choose(Relation rel, DgShape *shape,
									DgCandidate *candidate, const char *name,
									DgKey *key);
extern void dg_arbiter_report_none(Relation rel, DgShape *shape,
								   DgCandidate *candidate, bool needed);
extern bool dg_arbiter_admits(Relation rel, DgTarget *target,
							  DgArbiter *arbiter, Datum record);
extern void dg_arbiter_key(Relation rel, DgTarget *target,
						   DgArbiter *arbiter, Datum record, DgKey *key);

#endif							/* DG_ARBITER_H */
