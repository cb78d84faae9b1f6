/*
 * citus.h
 *		What Citus keeps of a table, as its metadata has it.
 */
#ifndef DG_CITUS_H
#define DG_CITUS_H

#include "postgres.h"

#include "access/attnum.h"

extern bool dg_citus_manages(Oid relid);
extern AttrNumber dg_citus_distribution_column(Oid relid);
extern Oid	dg_citus_table_of_shard(const char *name);
extern bool dg_citus_has_shard_here(const char *name);
extern bool dg_citus_names_shard(const char *name, const char *shard_name);

#endif							/* DG_CITUS_H */
