/*
 * preload.h
 *		What needs shared_preload_libraries.
 */
#ifndef DG_PRELOAD_H
#define DG_PRELOAD_H

#include "postgres.h"

extern void dg_preload_check(bool is_preloaded);

#endif							/* DG_PRELOAD_H */
