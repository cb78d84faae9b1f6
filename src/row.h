/*
 * row.h
 *		The row that an INSERT of a candidate would make.
 */
#ifndef DG_ROW_H
#define DG_ROW_H

#include "postgres.h"

#include "candidate.h"
#include "executor/tuptable.h"
#include "index.h"
#include "nodes/execnodes.h"

/* A row in the making, in the layout of the table or of one of its leaves */
typedef struct DgRow
{
	Relation	rel;
	TupleTableSlot *slot;
	Bitmapset  *known;			/* columns whose value is known, by attnum */
	Bitmapset  *empty;			/* ranges reported as such */
	ExprContext *econtext;		/* with the slot as its scan tuple */
} DgRow;

extern DgRow *dg_row_make(Relation rel, DgCandidate *candidate,
						  Bitmapset *named, Bitmapset *unknown);
extern DgRow *dg_row_in_partition(DgRow *row, Relation partition);
extern bool dg_row_knows(DgRow *row, Bitmapset *attrs);
extern Datum dg_row_value(DgRow *row, AttrNumber attnum, bool *isnull);
extern Datum dg_row_evaluate(DgRow *row, Expr *expr, bool *isnull);
extern bool dg_row_key(DgRow *row, DgIndex *index, Datum *values,
					   bool *nulls);
extern bool dg_row_enters(DgRow *row, DgIndex *index);

#endif							/* DG_ROW_H */
