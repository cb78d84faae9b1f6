/*
 * conflicts.h
 *		What find_conflicts has found, and who looks for it.
 */
#ifndef DG_CONFLICTS_H
#define DG_CONFLICTS_H

#include "postgres.h"

#include "nodes/execnodes.h"
#include "row.h"
#include "site.h"

/* A search for what a candidate would break */
typedef struct DgConflicts
{
	Relation	rel;			/* the target */
	List	   *rows;			/* of DgRow: the candidate as the target has it,
								 * then as the partitions that it would go to
								 * have it, downwards */
	ReturnSetInfo *result;
} DgConflicts;

/* find_conflicts.c */
extern void dg_conflicts_add(DgConflicts *conflicts, DgKind kind,
							 const char *constraint, List *columns,
							 Datum *record);
extern List *dg_conflicts_columns(Relation rel, Node *expr, List *names);
extern List *dg_conflicts_column(Relation rel, AttrNumber attnum, List *names);
extern bool dg_conflicts_is_top(DgConflicts *conflicts, DgRow *row);

/* conflict_value.c */
extern Bitmapset *dg_conflict_values(DgConflicts *conflicts,
									 DgCandidate *candidate,
									 DgColumns *columns, Jsonb *object);

/* conflict_check.c */
extern void dg_conflict_domains(DgConflicts *conflicts);
extern void dg_conflict_not_null(DgConflicts *conflicts);
extern void dg_conflict_checks(DgConflicts *conflicts);

/* conflict_partition.c */
extern void dg_conflict_route(DgConflicts *conflicts);
extern void dg_conflict_partition(DgConflicts *conflicts);

/* conflict_index.c */
extern void dg_conflict_indexes(DgConflicts *conflicts);

/* conflict_foreign.c */
extern void dg_conflict_foreign_keys(DgConflicts *conflicts);

#endif							/* DG_CONFLICTS_H */
