/*
 * stats.h
 *		How often each constraint was violated, for all sessions.
 */
#ifndef DG_STATS_H
#define DG_STATS_H

#include "postgres.h"

#include "datatype/timestamp.h"

/*
 * What is counted together.  Names are those of the error's fields, as the
 * catalog cannot be asked in an aborted transaction; empty where the error has
 * none.  It is compared by memcmp, so all of it is zeroed first.
 */
typedef struct DgStatsKey
{
	Oid			database;
	int			encoding;		/* of the names: the database's */
	int			sqlerrcode;
	int			kind;			/* DgKind */
	NameData	schema_name;
	NameData	table_name;
	NameData	column_name;
	NameData	constraint_name;
	NameData	datatype_name;
} DgStatsKey;

/* A count; one still to be added may be negative on one side. */
typedef struct DgStatsCount
{
	DgStatsKey	key;			/* must be first */
	int64		caught;
	int64		uncaught;
	TimestampTz first_raised;
	TimestampTz last_raised;
} DgStatsCount;

/* What there is about the counts themselves. */
typedef struct DgStatsInfo
{
	int64		dealloc;		/* entries that had to make room */
	TimestampTz stats_reset;
} DgStatsInfo;

/* stats.c */
extern void dg_stats_init(void);
extern bool dg_stats_available(void);
extern void dg_stats_add(const DgStatsCount *count);
extern DgStatsCount *dg_stats_copy(int64 *ncounts);
extern void dg_stats_get_info(DgStatsInfo *info);
extern void dg_stats_forget_database(Oid database);
extern void dg_stats_reset(void);
extern void dg_stats_restore(const DgStatsInfo *info,
							 const DgStatsCount *counts, int64 ncounts);

/* stats_file.c */
extern void dg_stats_file_read(void);
extern void dg_stats_file_write(void);

#endif							/* DG_STATS_H */
