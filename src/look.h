/*
 * look.h
 *		The look for the row of a lookup.
 */
#ifndef DG_LOOK_H
#define DG_LOOK_H

#include "postgres.h"

#include "call.h"
#include "utils/snapshot.h"

extern bool dg_look(DgCall *call, Snapshot snapshot, Datum *record);

#endif							/* DG_LOOK_H */
