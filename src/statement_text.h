/*
 * statement_text.h
 *		The text of the SQL statements behind a call.
 */
#ifndef DG_STATEMENT_TEXT_H
#define DG_STATEMENT_TEXT_H

#include "postgres.h"

#include "arbiter.h"
#include "candidate.h"
#include "target.h"

typedef enum DgLockStrength
{
	DG_LOCK_NONE,
	DG_LOCK_KEY_SHARE,
	DG_LOCK_SHARE,
	DG_LOCK_NO_KEY_UPDATE,
	DG_LOCK_UPDATE
} DgLockStrength;

typedef enum DgVerb
{
	DG_LOOK,					/* SELECT */
	DG_CREATE,					/* INSERT … ON CONFLICT DO NOTHING */
	DG_INSERT,					/* INSERT */
	DG_UPDATE,					/* UPDATE */
	DG_CREATE_MANY,				/* the two INSERTs, of all rows of DG_BATCH */
	DG_INSERT_MANY
} DgVerb;

/* The rows that a statement for many is given, under this name */
#define DG_BATCH "duplicate_guard_batch"

/* What a statement's text follows from, besides the shape */
typedef struct DgStatementKey
{
	DgVerb		verb;
	DgLockStrength lock;
	DgArbiter  *arbiter;		/* NULL: by all lookup columns */
	Bitmapset  *nulls;			/* parameters asked for with IS NULL */
	Bitmapset  *columns;		/* of DG_BATCH, by attnum */
} DgStatementKey;

extern char *dg_statement_text(Relation rel, DgShape *shape,
							   DgStatementKey *key);
extern int	dg_statement_text_nkeys(DgShape *shape, DgArbiter *arbiter);
extern bool dg_statement_text_needs_path(DgStatementKey *key);
extern char *dg_statement_text_conflicts(Relation rel, Relation partition,
										 DgIndex *index, Bitmapset *nulls,
										 Node *bounds);
extern char *dg_statement_text_parent(Relation rel, int nkeys,
									  const AttrNumber *attnums,
									  const Oid *operators);

#endif							/* DG_STATEMENT_TEXT_H */
