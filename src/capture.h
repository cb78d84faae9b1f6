/*
 * capture.h
 *		The hooks that see every integrity error of this session.
 */
#ifndef DG_CAPTURE_H
#define DG_CAPTURE_H

#include "postgres.h"

extern void dg_capture_init(void);
extern void dg_capture_repeats(const ErrorData *edata);

#endif							/* DG_CAPTURE_H */
