/*
 * scalar.h
 *		Values from JSON for types whose input function alone converts them.
 */
#ifndef DG_SCALAR_H
#define DG_SCALAR_H

#include "postgres.h"

#include "fmgr.h"
#include "utils/jsonb.h"

typedef struct DgScalar
{
	FmgrInfo	function;
	Oid			ioparam;
	int32		typmod;
	bool		is_text;		/* its input function only copies */
} DgScalar;

extern bool dg_scalar_is(Oid type);
extern void dg_scalar_init(DgScalar *scalar, Oid type, int32 typmod);
extern Datum dg_scalar_read(DgScalar *scalar, JsonbValue *value);

#endif							/* DG_SCALAR_H */
