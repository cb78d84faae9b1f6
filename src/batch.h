/*
 * batch.h
 *		The rows of one call for many.
 */
#ifndef DG_BATCH_H
#define DG_BATCH_H

#include "postgres.h"

#include "call.h"
#include "input.h"
#include "progress.h"

#define DG_NAMES_BUCKETS 256

/* A set of columns that rows name */
typedef struct DgRowNames
{
	struct DgRowNames *next;	/* in the same bucket */
	uint32		hash;
	JsonbContainer *example;	/* a row that names them */
	Bitmapset  *columns;		/* by attnum */
	DgColumns	others;			/* numbers only, of those that are no key
								 * columns; made when needed */
} DgRowNames;

/* One element of rows, and its answer */
typedef struct DgBatchRow
{
	JsonbContainer *object;
	DgRowNames *names;
	Datum		record;			/* 0: none */
	Datum		error;			/* likewise */
	int			key;			/* index into keys */
	bool		created;
	bool		updated;
} DgBatchRow;

/* One distinct key of the batch */
typedef struct DgBatchKey
{
	Datum	   *values;			/* as the arbiter has it */
	bool	   *nulls;
	Datum		record;			/* 0: no row known yet */
	uint32		hash;
	int			first;			/* the row that creates it */
	bool		created;
} DgBatchKey;

typedef struct DgBatch
{
	DgCall		call;			/* lookup: the key columns; candidate and key:
								 * of the row at hand */
	const char *arbiter_name;
	DgArbiter  *arbiter;		/* NULL: none, or not the same for all */
	MemoryContext context;		/* all that lives as long as the batch */
	MemoryContext scratch;		/* for the row at hand */
	Bitmapset  *touched;		/* columns that the call sets in all rows */
	DgInput   **inputs;			/* by attnum - 1, made when needed */
	DgRowNames *names;			/* of the latest row */
	DgRowNames *buckets[DG_NAMES_BUCKETS];
	int			nrows;
	DgBatchRow *rows;
	int			nkeys;
	DgBatchKey *keys;
	int		   *next;			/* the next row with the same key, or -1 */
	DgMemo		memo;			/* for the calls of single rows */
	DgProgress *progress;		/* NULL: not shown */
	int			position;		/* of the row at hand from 1, or 0 */
	const char *column;			/* being converted, or NULL */
} DgBatch;

typedef enum DgBatchOutcome
{
	DG_BATCH_DONE,				/* every key has its row */
	DG_BATCH_AGAIN,				/* some have none; nothing was written */
	DG_BATCH_LOST				/* a row we wrote lost its key; likewise */
} DgBatchOutcome;

typedef DgBatchOutcome (*DgBatchStep)(DgBatch *batch, int *keys, int nkeys,
									  MemoryContext context);

/* batch.c */
extern void dg_batch_get_or_create(DgBatch *batch);
extern bool dg_batch_may_insert(DgBatch *batch);
extern DgBatchOutcome dg_batch_try(DgBatch *batch, DgBatchStep step,
								   int *keys, int nkeys,
								   MemoryContext context);
extern DgBatchOutcome dg_batch_create(DgBatch *batch, int *keys, int nkeys,
									  MemoryContext context);
extern void dg_batch_answer(DgBatch *batch);

/* batch_update.c */
extern void dg_batch_update_or_create(DgBatch *batch);

/* batch_look.c */
extern int *dg_batch_all_keys(DgBatch *batch);
extern void dg_batch_look(DgBatch *batch, int *keys, int nkeys);
extern int	dg_batch_keep_missing(DgBatch *batch, int *keys, int nkeys);

/* batch_rows.c */
extern void dg_batch_open(DgBatch *batch, DgMemo *memo);
extern void dg_batch_read(DgBatch *batch, Jsonb *rows);
extern void dg_batch_convert(DgBatch *batch, DgBatchRow *row,
							 Bitmapset *columns);
extern void dg_batch_split(DgBatch *batch, DgBatchRow *row, Jsonb **lookup,
						   Jsonb **defaults);
extern void dg_batch_context(void *arg);

/* batch_keys.c */
extern void dg_batch_fold(DgBatch *batch);
extern void dg_batch_sort(DgBatch *batch, int *keys, int nkeys);
extern bool dg_batch_has_key(DgBatch *batch, DgBatchKey *key, Datum record);

/* batch_insert.c */
extern int	dg_batch_insert(DgBatch *batch, const int *keys, int nkeys,
						   MemoryContext context);
extern void dg_batch_insert_all(DgBatch *batch, const int *rows, int nrows,
								MemoryContext context, int *ncreated);

/* batch_try.c */
extern void dg_batch_try_create(DgBatch *batch);

#endif							/* DG_BATCH_H */
