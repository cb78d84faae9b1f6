/*
 * compat.h
 *		What differs between PostgreSQL 15 and 19, under the newer names.
 *
 * The only file that may ask for PG_VERSION_NUM.
 */
#ifndef DG_COMPAT_H
#define DG_COMPAT_H

#include "postgres.h"

#if PG_VERSION_NUM < 150000
#error "duplicate_guard needs PostgreSQL 15 or newer"
#endif
#if PG_VERSION_NUM >= 200000
#error "duplicate_guard does not know this PostgreSQL version yet"
#endif

#endif							/* DG_COMPAT_H */
