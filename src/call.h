/*
 * call.h
 *		One call, as all who work on it see it.
 */
#ifndef DG_CALL_H
#define DG_CALL_H

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
	Jsonb	   *lookup;			/* NULL: none */
	Jsonb	   *defaults;		/* NULL: none */
	Jsonb	   *create_defaults;	/* where rows are updated, else defaults */
	Jsonb	   *touch;			/* where rows are updated; NULL: none */
	bool		updates;		/* a row that differs is updated */
	DgCandidate candidate;		/* the lookup's values; those of the defaults
								 * only once something is to be created */
	DgCandidate changes;		/* the values to update with, once a row is
								 * there */
	DgArbiter  *arbiter;		/* NULL: all lookup columns together */
	DgKey		key;
	bool		may_update;		/* so touch is in changes */
	bool		is_of_batch;	/* so it has no require_unique */
	bool		unguarded;		/* no index decides: an advisory lock does */
	DgLockStrength lock;
} DgCall;

extern void dg_call_open(DgCall *call, DgMemo *memo);

#endif							/* DG_CALL_H */
