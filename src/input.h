/*
 * input.h
 *		Values of single columns from JSON.
 */
#ifndef DG_INPUT_H
#define DG_INPUT_H

#include "postgres.h"

#include "candidate.h"
#include "scalar.h"

/* How the values of a column are read; see input.c */
typedef struct DgInput
{
	AttrNumber	attnum;
	const char *name;
	int			namelen;
	bool		is_scalar;
	DgScalar	scalar;
	DgColumns  *columns;		/* of that column only, if it is no scalar */
} DgInput;

extern DgInput *dg_input_make(Relation rel, AttrNumber attnum);
extern void dg_input_read(DgInput *input, JsonbContainer *object,
						  DgCandidate *candidate);

#endif							/* DG_INPUT_H */
