/*
 * progress.h
 *		How far each session's batch has come.
 */
#ifndef DG_PROGRESS_H
#define DG_PROGRESS_H

#include "postgres.h"

#include "port/atomics.h"
#include "storage/spin.h"

typedef enum DgCommand
{
	DG_GET_OR_CREATE_MANY,
	DG_UPDATE_OR_CREATE_MANY,
	DG_TRY_CREATE_MANY
} DgCommand;

typedef enum DgPhase
{
	DG_READING_ROWS,
	DG_READING_KEYS,
	DG_LOOKING_UP_ROWS,
	DG_COMPARING_ROWS,
	DG_CREATING_ROWS,
	DG_UPDATING_ROWS,
	DG_ROW_BY_ROW
} DgPhase;

/* One session's, in shared memory; numbers are of the present phase. */
typedef struct DgProgress
{
	slock_t		mutex;			/* for all but rows_done */
	int			pid;			/* 0: there is no batch */
	Oid			database;
	Oid			role;			/* the session's */
	Oid			relid;
	DgCommand	command;
	DgPhase		phase;
	int64		rows_total;
	pg_atomic_uint64 rows_done; /* written without the lock */
} DgProgress;

extern void dg_progress_init(void);
extern bool dg_progress_available(void);
extern DgProgress *dg_progress_begin(DgCommand command, Oid relid);
extern void dg_progress_phase(DgProgress *progress, DgPhase phase,
							  int64 rows_total);
extern void dg_progress_end(DgProgress *progress);
extern int	dg_progress_count(void);
extern bool dg_progress_read(int n, DgProgress *copy, int64 *rows_done);

/* So many rows of the phase are done; nothing if progress is NULL. */
static inline void
dg_progress_done(DgProgress *progress, int64 rows_done)
{
	if (progress != NULL)
		pg_atomic_write_u64(&progress->rows_done, rows_done);
}

#endif							/* DG_PROGRESS_H */
