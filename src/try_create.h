/*
 * try_create.h
 *		An INSERT whose integrity error is an answer.
 */
#ifndef DG_TRY_CREATE_H
#define DG_TRY_CREATE_H

#include "postgres.h"

#include "call.h"

extern ErrorData *dg_try_create(DgCall *call, Datum *record);
extern bool dg_try_create_answers(ErrorData *error);
extern Datum dg_try_create_error(DgCall *call, ErrorData *error);

#endif							/* DG_TRY_CREATE_H */
