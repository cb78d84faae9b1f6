/*
 * capture.h
 *		The hooks that see every integrity error of this session.
 */
#ifndef DG_CAPTURE_H
#define DG_CAPTURE_H

extern void dg_capture_init(void);

#endif							/* DG_CAPTURE_H */
