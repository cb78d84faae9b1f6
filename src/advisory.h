/*
 * advisory.h
 *		Calls with the same lookup exclude each other where no index does it.
 */
#ifndef DG_ADVISORY_H
#define DG_ADVISORY_H

#include "postgres.h"

#include "call.h"

extern void dg_advisory_lock(DgCall *call);

#endif							/* DG_ADVISORY_H */
