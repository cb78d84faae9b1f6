/*
 * progress.c
 *		How far each session's batch has come, for other sessions to see.
 *
 * PostgreSQL's own pg_stat_progress_* views have a fixed list of commands, to
 * which an extension cannot add; a wait event says only that a session waits.
 * So this is the same in shared memory of our own: one place for each session,
 * written by that session alone.  There is none unless the library is in
 * shared_preload_libraries.
 *
 * What changes seldom is under the place's spinlock; the number of rows that
 * are done is a plain store, so that telling it costs next to nothing.  A
 * reader can see it a row late.
 *
 * A batch within a batch (called by a trigger) is not shown: the place belongs
 * to the outer one.  It is given free by whoever has taken it, also after an
 * error, and when the process ends.
 */
#include "postgres.h"

#include "miscadmin.h"
#include "storage/ipc.h"
#include "storage/lwlock.h"
#include "storage/proc.h"
#include "storage/shmem.h"

#include "progress.h"

#define DG_PROGRESS_NAME	"duplicate_guard progress"

static DgProgress *places = NULL;
static DgProgress *mine = NULL; /* NULL until it is needed */
static bool in_use = false;

static shmem_request_hook_type prev_shmem_request = NULL;
static shmem_startup_hook_type prev_shmem_startup = NULL;

static void request_memory(void);
static void start_up(void);
static void leave_at_exit(int code, Datum arg);

/* Reserves the memory, when the server starts; else does nothing. */
void
dg_progress_init(void)
{
	if (!process_shared_preload_libraries_in_progress)
		return;
	prev_shmem_request = shmem_request_hook;
	shmem_request_hook = request_memory;
	prev_shmem_startup = shmem_startup_hook;
	shmem_startup_hook = start_up;
}

/* Is progress shown? */
bool
dg_progress_available(void)
{
	return places != NULL;
}

/* shmem_request_hook */
static void
request_memory(void)
{
	if (prev_shmem_request)
		prev_shmem_request();
	RequestAddinShmemSpace(mul_size(MaxBackends, sizeof(DgProgress)));
}

/* shmem_startup_hook */
static void
start_up(void)
{
	bool		found;

	if (prev_shmem_startup)
		prev_shmem_startup();

	LWLockAcquire(AddinShmemInitLock, LW_EXCLUSIVE);
	places = ShmemInitStruct(DG_PROGRESS_NAME,
							 mul_size(MaxBackends, sizeof(DgProgress)),
							 &found);
	for (int i = 0; !found && i < MaxBackends; i++)
	{
		memset(&places[i], 0, sizeof(DgProgress));
		SpinLockInit(&places[i].mutex);
		pg_atomic_init_u64(&places[i].rows_done, 0);
	}
	LWLockRelease(AddinShmemInitLock);
}

/* The place for a batch that begins; NULL if it is not shown. */
DgProgress *
dg_progress_begin(DgCommand command, Oid relid)
{
	if (places == NULL || in_use)
		return NULL;
	if (mine == NULL)
	{
		int			number = MyProc - ProcGlobal->allProcs;

		/* processes that can run SQL come first */
		if (number >= MaxBackends)
			return NULL;
		before_shmem_exit(leave_at_exit, (Datum) 0);
		mine = &places[number];
	}
	in_use = true;
	SpinLockAcquire(&mine->mutex);
	mine->pid = MyProcPid;
	mine->database = MyDatabaseId;
	mine->role = GetSessionUserId();
	mine->relid = relid;
	mine->command = command;
	mine->phase = DG_READING_ROWS;
	mine->rows_total = 0;
	pg_atomic_write_u64(&mine->rows_done, 0);
	SpinLockRelease(&mine->mutex);
	return mine;
}

/*
 * A phase begins, in which there are so many rows to do.  Nothing if that is
 * known, or progress is NULL.
 */
void
dg_progress_phase(DgProgress *progress, DgPhase phase, int64 rows_total)
{
	if (progress == NULL ||
		(progress->phase == phase && progress->rows_total == rows_total))
		return;
	SpinLockAcquire(&progress->mutex);
	progress->phase = phase;
	progress->rows_total = rows_total;
	pg_atomic_write_u64(&progress->rows_done, 0);
	SpinLockRelease(&progress->mutex);
}

/* The batch has ended, in whatever way.  progress may be NULL. */
void
dg_progress_end(DgProgress *progress)
{
	if (progress == NULL)
		return;
	SpinLockAcquire(&progress->mutex);
	progress->pid = 0;
	SpinLockRelease(&progress->mutex);
	in_use = false;
}

/* before_shmem_exit callback: a session that is terminated in a batch. */
static void
leave_at_exit(int code, Datum arg)
{
	if (in_use)
		dg_progress_end(mine);
}

/* How many places there are. */
int
dg_progress_count(void)
{
	return MaxBackends;
}

/* A copy of one of them, from 0; false if there is no batch. */
bool
dg_progress_read(int n, DgProgress *copy, int64 *rows_done)
{
	DgProgress *place = &places[n];

	SpinLockAcquire(&place->mutex);
	*copy = *place;
	*rows_done = pg_atomic_read_u64(&place->rows_done);
	SpinLockRelease(&place->mutex);
	return copy->pid != 0;
}
