/*
 * record.h
 *		A composite value as a tuple.
 */
#ifndef DG_RECORD_H
#define DG_RECORD_H

#include "postgres.h"

#include "access/htup_details.h"
#include "fmgr.h"

/*
 * Lets the tuple point to the record, for heap_deform_tuple and heap_getattr.
 */
static inline void
dg_record_open(Datum record, HeapTuple tuple)
{
	HeapTupleHeader header = DatumGetHeapTupleHeader(record);

	tuple->t_len = HeapTupleHeaderGetDatumLength(header);
	ItemPointerSetInvalid(&tuple->t_self);
	tuple->t_tableOid = InvalidOid;
	tuple->t_data = header;
}

#endif							/* DG_RECORD_H */
