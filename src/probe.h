/*
 * probe.h
 *		The direct look at the arbiter.
 */
#ifndef DG_PROBE_H
#define DG_PROBE_H

#include "postgres.h"

#include "arbiter.h"
#include "target.h"

extern bool dg_probe_possible(Relation rel);
extern bool dg_probe_look(Relation rel, DgTarget *target, DgIndex *index,
						  DgKey *key, Datum *record, bool *found);

#endif							/* DG_PROBE_H */
