/*
 * stats_file.c
 *		The counts of stats.c over a clean restart.
 *
 * The file is written when the server stops, read when it starts, and then
 * removed: so a base backup does not have it, and after a crash there is none,
 * as PostgreSQL throws its own statistics away then.  What goes wrong with it
 * is a LOG message; the server starts and stops all the same.
 *
 * It belongs to one build: the header tells the sizes that depend on it, and
 * whatever does not fit is thrown away.
 */
#include "postgres.h"

#include <unistd.h>

#include "catalog/pg_control.h"
#include "common/controldata_utils.h"
#include "miscadmin.h"
#include "pgstat.h"
#include "port/pg_crc32c.h"
#include "storage/fd.h"
#include "utils/memutils.h"

#include "site.h"
#include "stats.h"

#define DG_STATS_FILE	PGSTAT_STAT_PERMANENT_DIRECTORY "/duplicate_guard.stat"

/* Changes with the meaning of what follows, that of DgKind included. */
#define DG_STATS_MAGIC	0x44470100

typedef struct FileHeader
{
	uint32		magic;
	uint32		count_size;
	uint32		nkinds;
	pg_crc32c	crc;			/* of info and the counts */
	DgStatsInfo info;
	int64		ncounts;
} FileHeader;

static bool is_clean(void);
static void write_counts(void);
static pg_crc32c checksum(const FileHeader *header,
						  const DgStatsCount *counts);
static DgStatsCount *read_counts(FILE *file, FileHeader *header);

/* Writes all counts, if nothing has crashed. */
void
dg_stats_file_write(void)
{
	if (is_clean())
		write_counts();
}

/*
 * Has the server been shut down?  An immediate shutdown ends the postmaster
 * like any other one, but leaves the cluster to crash recovery.
 */
static bool
is_clean(void)
{
	bool		crc_is_right;
	ControlFileData *control = get_controlfile(DataDir, &crc_is_right);

	return crc_is_right && (control->state == DB_SHUTDOWNED ||
							control->state == DB_SHUTDOWNED_IN_RECOVERY);
}

/* Writes them. */
static void
write_counts(void)
{
	FileHeader	header = {
		.magic = DG_STATS_MAGIC,
		.count_size = sizeof(DgStatsCount),
		.nkinds = DG_OTHER + 1};
	DgStatsCount *counts = dg_stats_copy(&header.ncounts);
	FILE	   *file = AllocateFile(DG_STATS_FILE ".tmp", PG_BINARY_W);
	bool		written;

	dg_stats_get_info(&header.info);
	header.crc = checksum(&header, counts);
	written = file != NULL &&
			  fwrite(&header, sizeof(header), 1, file) == 1 &&
			  fwrite(counts, sizeof(DgStatsCount), header.ncounts, file) ==
				  header.ncounts;
	if (file != NULL && FreeFile(file) != 0)
		written = false;
	if (written)
		(void) durable_rename(DG_STATS_FILE ".tmp", DG_STATS_FILE, LOG);
	else
	{
		ereport(LOG,
				(errcode_for_file_access(),
				 errmsg("could not write file \"%s\": %m",
						DG_STATS_FILE ".tmp")));
		unlink(DG_STATS_FILE ".tmp");
	}
}

/* What tells whether the file is as it was written. */
static pg_crc32c
checksum(const FileHeader *header, const DgStatsCount *counts)
{
	pg_crc32c	crc;

	INIT_CRC32C(crc);
	COMP_CRC32C(crc, &header->info, sizeof(header->info));
	COMP_CRC32C(crc, counts, header->ncounts * sizeof(DgStatsCount));
	FIN_CRC32C(crc);
	return crc;
}

/* Reads the counts that the server had when it was stopped. */
void
dg_stats_file_read(void)
{
	FILE	   *file = AllocateFile(DG_STATS_FILE, PG_BINARY_R);
	FileHeader	header;
	DgStatsCount *counts;

	if (file == NULL)
	{
		if (errno != ENOENT)
			ereport(LOG,
					(errcode_for_file_access(),
					 errmsg("could not read file \"%s\": %m",
							DG_STATS_FILE)));
		return;
	}
	counts = read_counts(file, &header);
	FreeFile(file);
	unlink(DG_STATS_FILE);
	if (counts == NULL)
	{
		ereport(LOG,
				(errcode(ERRCODE_DATA_CORRUPTED),
				 errmsg("ignoring invalid data in file \"%s\"",
						DG_STATS_FILE)));
		return;
	}
	dg_stats_restore(&header.info, counts, header.ncounts);
	pfree(counts);
}

/* The header and what follows it; NULL when the file is not one of ours. */
static DgStatsCount *
read_counts(FILE *file, FileHeader *header)
{
	DgStatsCount *counts;
	Size		size;

	if (fread(header, sizeof(FileHeader), 1, file) != 1 ||
		header->magic != DG_STATS_MAGIC ||
		header->count_size != sizeof(DgStatsCount) ||
		header->nkinds != DG_OTHER + 1 ||
		header->ncounts < 0 ||
		header->ncounts > MaxAllocSize / sizeof(DgStatsCount))
		return NULL;
	size = header->ncounts * sizeof(DgStatsCount);
	counts = palloc_extended(Max(size, 1), MCXT_ALLOC_NO_OOM);
	if (counts == NULL)
		return NULL;
	if (fread(counts, 1, size, file) != size || fgetc(file) != EOF ||
		checksum(header, counts) != header->crc)
	{
		pfree(counts);
		return NULL;
	}
	return counts;
}
