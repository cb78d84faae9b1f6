/*
 * creation.h
 *		Where rows can be created and updated, and how often to try.
 */
#ifndef DG_CREATION_H
#define DG_CREATION_H

#include "postgres.h"

#include "utils/relcache.h"

#include "compat.h"

extern void dg_creation_check(Relation rel);
extern void dg_creation_check_update(Relation rel);
extern int	dg_creation_rounds(Relation rel);
pg_noreturn extern void dg_creation_report_suppressed(Relation rel);

#endif							/* DG_CREATION_H */
