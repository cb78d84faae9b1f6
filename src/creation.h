/*
 * creation.h
 *		Where rows can be created, and how often to try.
 */
#ifndef DG_CREATION_H
#define DG_CREATION_H

#include "postgres.h"

#include "utils/relcache.h"

extern void dg_creation_check(Relation rel);
extern int	dg_creation_rounds(Relation rel);
extern void dg_creation_report_suppressed(Relation rel) pg_attribute_noreturn();

#endif							/* DG_CREATION_H */
