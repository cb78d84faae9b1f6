/*
 * stats.c
 *		How often each constraint was violated: counts in shared memory.
 *
 * There are none unless the library is in shared_preload_libraries; then
 * everything here but dg_stats_init() and dg_stats_available() must not be
 * called.
 *
 * Locks.  shared->lock protects which entries there are, and info: it is held
 * in shared mode to look an entry up, in exclusive mode to add or remove one.
 * An entry's own spinlock protects its numbers; whoever holds shared->lock
 * exclusively needs it not.  The lock is never held while something can be
 * waited for or an error be raised, except for memory in dg_stats_copy(); no
 * other lock is taken under it.  dg_stats_add() is called at the end of
 * transactions, where an error would be a calamity: it allocates nothing and
 * raises none.
 *
 * Memory: room for max_entries, reserved when the server starts.  When a new
 * entry finds no room, the rarest one goes.  How rare one is says its usage,
 * the number of its errors, of which all entries lose a hundredth whenever one
 * goes, so that what was frequent long ago does not stay for ever.  Looking for
 * the rarest takes a pass over all entries, which a server whose constraints
 * have room never makes.
 */
#include "postgres.h"

#include "miscadmin.h"
#include "storage/ipc.h"
#include "storage/lwlock.h"
#include "storage/shmem.h"
#include "storage/spin.h"
#include "utils/guc.h"
#include "utils/hsearch.h"
#include "utils/timestamp.h"

#include "compat.h"
#include "stats.h"

#define DG_STATS_NAME	"duplicate_guard"
#define DG_USAGE_DECAY	0.99

typedef struct StatsEntry
{
	DgStatsCount count;			/* must be first: its key is the hash key */
	double		usage;
	slock_t		mutex;
} StatsEntry;

typedef struct SharedStats
{
	LWLock	   *lock;
	DgStatsInfo info;
} SharedStats;

static int	max_entries = 1000;

static SharedStats *shared = NULL;
static HTAB *entries = NULL;

static shmem_request_hook_type prev_shmem_request = NULL;
static shmem_startup_hook_type prev_shmem_startup = NULL;

static void request_memory(void);
static void start_up(void);
static void shut_down(int code, Datum arg);
static StatsEntry *add_entry(const DgStatsKey *key);
static void evict_rarest(void);
static void add_numbers(StatsEntry *entry, const DgStatsCount *count);
static void remove_entries(Oid database);

/* Reserves the memory, when the server starts; else does nothing. */
void
dg_stats_init(void)
{
	if (!process_shared_preload_libraries_in_progress)
		return;
	DefineCustomIntVariable("duplicate_guard.max_integrity_error_stats",
							"Sets the maximum number of rows of integrity_error_stats.",
							"When there are more, those with the fewest errors are dropped.",
							&max_entries, 1000, 10, 1000000, PGC_POSTMASTER,
							0, NULL, NULL, NULL);
	prev_shmem_request = shmem_request_hook;
	shmem_request_hook = request_memory;
	prev_shmem_startup = shmem_startup_hook;
	shmem_startup_hook = start_up;
}

/* Is anything counted? */
bool
dg_stats_available(void)
{
	return shared != NULL;
}

/* shmem_request_hook */
static void
request_memory(void)
{
	if (prev_shmem_request)
		prev_shmem_request();
	RequestAddinShmemSpace(add_size(MAXALIGN(sizeof(SharedStats)),
									hash_estimate_size(max_entries,
													   sizeof(StatsEntry))));
	RequestNamedLWLockTranche(DG_STATS_NAME, 1);
}

/*
 * shmem_startup_hook: finds the memory or, in a server that starts, fills it
 * from the file.  After a crash of a session the server starts anew as well;
 * there is no file then.
 */
static void
start_up(void)
{
	HASHCTL		info = {
		.keysize = sizeof(DgStatsKey),
		.entrysize = sizeof(StatsEntry)};
	bool		found;

	if (prev_shmem_startup)
		prev_shmem_startup();

	LWLockAcquire(AddinShmemInitLock, LW_EXCLUSIVE);
	shared = ShmemInitStruct(DG_STATS_NAME, sizeof(SharedStats), &found);
	entries = dg_shmem_init_hash(DG_STATS_NAME " counts", max_entries, &info,
								 HASH_ELEM | HASH_BLOBS);
	if (!found)
	{
		shared->lock = &GetNamedLWLockTranche(DG_STATS_NAME)->lock;
		shared->info.dealloc = 0;
		shared->info.stats_reset = GetCurrentTimestamp();
	}
	LWLockRelease(AddinShmemInitLock);

	if (!IsUnderPostmaster)
		on_shmem_exit(shut_down, (Datum) 0);
	if (!found)
		dg_stats_file_read();
}

/* The server stops; nothing is kept of one that crashed. */
static void
shut_down(int code, Datum arg)
{
	if (code == 0)
		dg_stats_file_write();
}

/* Adds these numbers to what has been counted. */
void
dg_stats_add(const DgStatsCount *count)
{
	StatsEntry *entry;

	LWLockAcquire(shared->lock, LW_SHARED);
	entry = hash_search(entries, &count->key, HASH_FIND, NULL);
	if (entry == NULL && count->caught + count->uncaught > 0)
	{
		LWLockRelease(shared->lock);
		LWLockAcquire(shared->lock, LW_EXCLUSIVE);
		entry = add_entry(&count->key);
	}
	if (entry != NULL)
	{
		SpinLockAcquire(&entry->mutex);
		add_numbers(entry, count);
		SpinLockRelease(&entry->mutex);
	}
	LWLockRelease(shared->lock);
}

/*
 * The entry of that key, which may be new.  NULL when there is no memory for
 * it.  The lock is held exclusively, or the server is starting.
 */
static StatsEntry *
add_entry(const DgStatsKey *key)
{
	StatsEntry *entry = hash_search(entries, key, HASH_FIND, NULL);

	if (entry != NULL)
		return entry;
	if (hash_get_num_entries(entries) >= max_entries)
		evict_rarest();
	entry = hash_search(entries, key, HASH_ENTER_NULL, NULL);
	if (entry == NULL)
		return NULL;
	entry->count.caught = 0;
	entry->count.uncaught = 0;
	entry->count.first_raised = 0;
	entry->count.last_raised = 0;
	entry->usage = 0;
	SpinLockInit(&entry->mutex);
	return entry;
}

/* Makes room for one entry.  The lock is held exclusively. */
static void
evict_rarest(void)
{
	HASH_SEQ_STATUS status;
	StatsEntry *entry;
	StatsEntry *rarest = NULL;

	hash_seq_init(&status, entries);
	while ((entry = hash_seq_search(&status)) != NULL)
	{
		if (rarest == NULL || entry->usage < rarest->usage)
			rarest = entry;
		entry->usage *= DG_USAGE_DECAY;
	}
	if (rarest != NULL)
		hash_search(entries, &rarest->count.key, HASH_REMOVE, NULL);
	shared->info.dealloc++;
}

/*
 * Adds to the numbers of an entry.  One that has taken a number back may come
 * after a reset.
 */
static void
add_numbers(StatsEntry *entry, const DgStatsCount *count)
{
	DgStatsCount *sum = &entry->count;
	bool		is_new = (sum->caught + sum->uncaught == 0);

	sum->caught = Max(sum->caught + count->caught, 0);
	sum->uncaught = Max(sum->uncaught + count->uncaught, 0);
	entry->usage += count->caught + count->uncaught;
	if (is_new || count->first_raised < sum->first_raised)
		sum->first_raised = count->first_raised;
	if (is_new || count->last_raised > sum->last_raised)
		sum->last_raised = count->last_raised;
}

/* A copy of all counts, in the current memory context. */
DgStatsCount *
dg_stats_copy(int64 *ncounts)
{
	DgStatsCount *counts;
	HASH_SEQ_STATUS status;
	StatsEntry *entry;
	int64		n = 0;

	LWLockAcquire(shared->lock, LW_SHARED);
	*ncounts = hash_get_num_entries(entries);
	/* of no counts as well, since fwrite() takes no NULL */
	counts = palloc_extended(*ncounts * sizeof(DgStatsCount), MCXT_ALLOC_HUGE);
	hash_seq_init(&status, entries);
	while ((entry = hash_seq_search(&status)) != NULL)
	{
		SpinLockAcquire(&entry->mutex);
		counts[n++] = entry->count;
		SpinLockRelease(&entry->mutex);
	}
	LWLockRelease(shared->lock);
	return counts;
}

/* What there is about the counts. */
void
dg_stats_get_info(DgStatsInfo *info)
{
	LWLockAcquire(shared->lock, LW_SHARED);
	*info = shared->info;
	LWLockRelease(shared->lock);
}

/* Drops what was counted in that database. */
void
dg_stats_forget_database(Oid database)
{
	LWLockAcquire(shared->lock, LW_EXCLUSIVE);
	remove_entries(database);
	LWLockRelease(shared->lock);
}

/* Drops everything. */
void
dg_stats_reset(void)
{
	LWLockAcquire(shared->lock, LW_EXCLUSIVE);
	remove_entries(InvalidOid);
	shared->info.dealloc = 0;
	shared->info.stats_reset = GetCurrentTimestamp();
	LWLockRelease(shared->lock);
}

/*
 * Removes the entries of a database, or all if it is InvalidOid.  The lock is
 * held exclusively.
 */
static void
remove_entries(Oid database)
{
	HASH_SEQ_STATUS status;
	StatsEntry *entry;

	hash_seq_init(&status, entries);
	while ((entry = hash_seq_search(&status)) != NULL)
	{
		if (!OidIsValid(database) || entry->count.key.database == database)
			hash_search(entries, &entry->count.key, HASH_REMOVE, NULL);
	}
}

/*
 * Takes over what this server counted before it was stopped.  Called when
 * nobody else is there yet.
 */
void
dg_stats_restore(const DgStatsInfo *info, const DgStatsCount *counts,
				 int64 ncounts)
{
	shared->info = *info;
	for (int64 i = 0; i < ncounts; i++)
	{
		StatsEntry *entry = add_entry(&counts[i].key);

		if (entry != NULL)
			add_numbers(entry, &counts[i]);
	}
}
