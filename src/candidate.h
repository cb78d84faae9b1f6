/*
 * candidate.h
 *		JSON objects keyed by column name, as typed column values.
 */
#ifndef DG_CANDIDATE_H
#define DG_CANDIDATE_H

#include "postgres.h"

#include "access/tupdesc.h"
#include "fmgr.h"
#include "funcapi.h"
#include "nodes/bitmapset.h"
#include "utils/jsonb.h"
#include "utils/relcache.h"
#include "utils/typcache.h"

#include "scalar.h"

/* The columns that a JSON object names, and how to convert their values */
typedef struct DgColumns
{
	int			ncolumns;
	AttrNumber *attnums;
	Bitmapset  *attrs;			/* the same as a set, of attnum */
	Bitmapset  *bytea;			/* those that are bytea below their domains */
	TupleDesc	desc;			/* of these columns only */
	DgScalar   *scalars;		/* NULL unless all are */
	bool		keep_converter; /* its state stays true between calls */
	bool		converting;		/* somebody up the stack uses it */
	bool		usable;			/* no error has left it half-made */
	FmgrInfo	converter;
	MemoryContext converter_context;
} DgColumns;

/* One value a column of the table, valid where the candidate names it */
typedef struct DgCandidate
{
	Datum	   *values;			/* by attnum - 1 */
	bool	   *nulls;
} DgCandidate;

extern Jsonb *dg_candidate_object(FunctionCallInfo fcinfo, int argno,
								  const char *argname, bool optional);
extern void dg_candidate_append_key(StringInfo key, Jsonb *object);
extern const char *dg_candidate_skip_key(const char *key, Jsonb *object);
extern DgColumns *dg_candidate_columns(Relation rel, Jsonb *object);
extern Bitmapset *dg_candidate_attributes(Relation rel,
										  JsonbContainer *object);
extern void dg_candidate_init(DgCandidate *candidate, int natts);
extern void dg_candidate_convert(DgCandidate *candidate, DgColumns *columns,
								 Jsonb *object);
extern TypeCacheEntry *dg_candidate_equality(Relation rel, AttrNumber attnum);
extern AttrNumber dg_candidate_differs(Relation rel, DgCandidate *candidate,
									   Bitmapset *attrs, Datum record);

#endif							/* DG_CANDIDATE_H */
