/*
 * call_scan.h
 *		The scan of one call in FROM.
 */
#ifndef DG_CALL_SCAN_H
#define DG_CALL_SCAN_H

#include "postgres.h"

#include "nodes/extensible.h"

extern const CustomScanMethods dg_call_scan_methods;

#endif							/* DG_CALL_SCAN_H */
