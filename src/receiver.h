/*
 * receiver.h
 *		Where the rows of our statements go.
 */
#ifndef DG_RECEIVER_H
#define DG_RECEIVER_H

#include "postgres.h"

#include "executor/tuptable.h"
#include "tcop/dest.h"

/* Keeps the first row of a statement whose one column is a record */
typedef struct DgRecordReceiver
{
	DestReceiver pub;
	MemoryContext context;		/* of who asked */
	uint64		received;
	Datum		record;
} DgRecordReceiver;

extern void dg_receiver_init(DestReceiver *receiver,
							 bool (*receive)(TupleTableSlot *slot,
											 DestReceiver *self));
extern void dg_receiver_expect_record(DgRecordReceiver *receiver);

#endif							/* DG_RECEIVER_H */
