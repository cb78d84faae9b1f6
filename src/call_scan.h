/*
 * call_scan.h
 *		The scan of one call in FROM.
 */
#ifndef DG_CALL_SCAN_H
#define DG_CALL_SCAN_H

extern void dg_call_scan_init(void);

#endif							/* DG_CALL_SCAN_H */
