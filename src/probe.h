/*
 * probe.h
 *		The direct look at the arbiter.
 */
#ifndef DG_PROBE_H
#define DG_PROBE_H

#include "postgres.h"

#include "access/genam.h"
#include "executor/tuptable.h"

#include "arbiter.h"
#include "target.h"

/* An arbiter that is open for searches under one snapshot */
typedef struct DgProbe
{
	DgIndex    *arbiter;
	bool		pushed;			/* a snapshot, which is to be popped */
	bool		missed;			/* some key was not found */
	Relation	index;
	IndexScanDesc scan;
	TupleTableSlot *slot;
} DgProbe;

extern bool dg_probe_possible(Relation rel, DgTarget *target);
extern bool dg_probe_begin(DgProbe *probe, Relation rel, DgTarget *target,
						   DgIndex *arbiter);
extern bool dg_probe_search(DgProbe *probe, Datum *values, bool *nulls,
							Datum *record);
extern void dg_probe_end(DgProbe *probe);
extern bool dg_probe_look(Relation rel, DgTarget *target, DgIndex *index,
						  DgKey *key, Datum *record, bool *found);

#endif							/* DG_PROBE_H */
