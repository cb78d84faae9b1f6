/*
 * index.h
 *		The definitions of a table's indexes.
 */
#ifndef DG_INDEX_H
#define DG_INDEX_H

#include "postgres.h"

#include "fmgr.h"
#include "nodes/bitmapset.h"
#include "nodes/pg_list.h"
#include "target.h"

/*
 * An index of the table; only those without a flaw can be arbiters.  nkeys and
 * what follows is filled in for unique and exclusion indexes only.
 */
typedef struct DgIndex
{
	Oid			indexoid;
	const char *name;
	const char *flaw;			/* why it can never be one, or NULL */
	bool		unique;			/* or exclusion: worth naming in an error */
	bool		exclusion;
	bool		temporal;		/* WITHOUT OVERLAPS of the last column (18) */
	bool		enforced;		/* INSERT minds it, whether valid or not; of a
								 * partitioned one all partitions have theirs */
	bool		primary;
	bool		nulls_not_distinct;
	int			nkeys;
	AttrNumber *attnums;		/* 0: the next one of exprs */
	Oid		   *types;
	Oid		   *opclasses;
	Oid		   *operators;		/* equality, or the exclusion's */
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

extern void dg_index_load(Relation rel, DgTarget *target);
extern Bitmapset *dg_index_attributes(List *exprs);

#endif							/* DG_INDEX_H */
