/*
 * receiver.c
 *		Where the rows of our statements go: straight from the executor's slot
 *		to who asked, without the table of tuples that SPI would make for them.
 */
#include "postgres.h"

#include "utils/datum.h"
#include "utils/memutils.h"

#include "receiver.h"

static bool keep_first(TupleTableSlot *slot, DestReceiver *self);
static void ignore_startup(DestReceiver *self, int operation,
						   TupleDesc typeinfo);
static void ignore(DestReceiver *self);

/*
 * A receiver that hands each slot to that function.  It need not be destroyed.
 */
void
dg_receiver_init(DestReceiver *receiver,
				 bool (*receive)(TupleTableSlot *slot, DestReceiver *self))
{
	receiver->receiveSlot = receive;
	receiver->rStartup = ignore_startup;
	receiver->rShutdown = ignore;
	receiver->rDestroy = ignore;
	receiver->mydest = DestNone;
}

/*
 * A receiver that keeps the first record, in the memory context that is
 * current now, and counts the others.
 */
void
dg_receiver_expect_record(DgRecordReceiver *receiver)
{
	dg_receiver_init(&receiver->pub, keep_first);
	receiver->context = CurrentMemoryContext;
	receiver->received = 0;
	receiver->record = (Datum) 0;
}

/*
 * The function of that receiver.
 */
static bool
keep_first(TupleTableSlot *slot, DestReceiver *self)
{
	DgRecordReceiver *receiver = (DgRecordReceiver *) self;

	if (receiver->received++ == 0)
	{
		MemoryContext old = MemoryContextSwitchTo(receiver->context);
		bool		isnull;
		Datum		record = slot_getattr(slot, 1, &isnull);

		Assert(!isnull);
		receiver->record = datumCopy(record, false, -1);
		MemoryContextSwitchTo(old);
	}
	return true;
}

/*
 * Nothing to prepare.
 */
static void
ignore_startup(DestReceiver *self, int operation, TupleDesc typeinfo)
{
}

/*
 * Nothing to finish.
 */
static void
ignore(DestReceiver *self)
{
}
