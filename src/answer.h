/*
 * answer.h
 *		The answer of a function for one row: a composite value, or its parts.
 */
#ifndef DG_ANSWER_H
#define DG_ANSWER_H

#include "postgres.h"

#include "fmgr.h"
#include "nodes/extensible.h"

#define DG_MAX_ANSWER 3

/*
 * The resultinfo of a caller that wants the parts.  A function that knows
 * nothing of it returns its composite value, and leaves given as it is.
 */
typedef struct DgAnswer
{
	ExtensibleNode node;
	bool		given;
	Datum		values[DG_MAX_ANSWER];
	bool		nulls[DG_MAX_ANSWER];
	TupleDesc	record;			/* of the first one; until the next call */
} DgAnswer;

extern void dg_answer_init(DgAnswer *answer);
extern Datum dg_answer_return(FunctionCallInfo fcinfo, TupleDesc desc,
							  TupleDesc record, Datum *values, bool *nulls);

#endif							/* DG_ANSWER_H */
