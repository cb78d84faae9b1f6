/*
 * arbiter.h
 *		The unique index that decides whether a row exists already.
 */
#ifndef DG_ARBITER_H
#define DG_ARBITER_H

#include "postgres.h"

#include "candidate.h"
#include "nodes/pg_list.h"
#include "target.h"

/* An index of the table; only those without a flaw can be arbiters */
typedef struct DgIndex
{
	Oid			indexoid;
	const char *name;
	const char *flaw;			/* why it can never be one, or NULL */
	bool		unique;			/* or exclusion: worth naming in an error */
	bool		primary;
	bool		nulls_not_distinct;
	int			nkeys;
	AttrNumber *attnums;		/* 0: the next one of exprs */
	Oid		   *types;
	Oid		   *opclasses;
	Oid		   *operators;		/* equality */
	FmgrInfo   *equals;			/* their functions */
	Oid		   *collations;
	List	   *exprs;			/* ready to be evaluated */
	List	   *predicate;		/* likewise, implicitly ANDed */
	List	   *stored_exprs;	/* as in the catalog, to be deparsed: the
								 * others have been simplified */
	Node	   *stored_predicate;
	Bitmapset  *columns;		/* what the key is made from, by attnum */
	Bitmapset  *predicate_columns;
	Bitmapset  *generated;		/* stored generated columns of both */
} DgIndex;

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
} DgKey;

extern List *dg_arbiter_serving(Relation rel, DgTarget *target,
								DgColumns *lookup);
extern DgArbiter *dg_arbiter_choose(Relation rel, DgShape *shape,
									DgCandidate *candidate, const char *name,
									DgKey *key);
extern void dg_arbiter_report_none(Relation rel, DgShape *shape,
								   DgCandidate *candidate);
extern bool dg_arbiter_admits(Relation rel, DgTarget *target,
							  DgArbiter *arbiter, Datum record);

#endif							/* DG_ARBITER_H */
