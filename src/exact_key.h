/*
 * exact_key.h
 *		The exact values of the key that a failed INSERT collided with.
 */
#ifndef DG_EXACT_KEY_H
#define DG_EXACT_KEY_H

#include "postgres.h"

#include "call.h"
#include "violation.h"

extern void dg_exact_key_add(DgCall *call, ErrorData *error,
							 DgErrorFields *fields);

#endif							/* DG_EXACT_KEY_H */
