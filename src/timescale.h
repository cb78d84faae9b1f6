/*
 * timescale.h
 *		TimescaleDB's hypertables and their chunks.
 */
#ifndef DG_TIMESCALE_H
#define DG_TIMESCALE_H

#include "postgres.h"

extern bool dg_timescale_is_hypertable(Oid relid);
extern Oid	dg_timescale_origin(Oid relid);

#endif							/* DG_TIMESCALE_H */
