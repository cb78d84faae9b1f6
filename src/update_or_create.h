/*
 * update_or_create.h
 *		Get, update, create.
 */
#ifndef DG_UPDATE_OR_CREATE_H
#define DG_UPDATE_OR_CREATE_H

#include "postgres.h"

#include "call.h"

/* What became of a call */
typedef enum DgOutcome
{
	DG_UNCHANGED,
	DG_CREATED,
	DG_UPDATED,
	DG_GONE						/* the row, before it could be locked */
} DgOutcome;

extern DgOutcome dg_update_or_create(DgCall *call, Datum *record);
extern DgOutcome dg_update_found(DgCall *call, Datum *record);

#endif							/* DG_UPDATE_OR_CREATE_H */
