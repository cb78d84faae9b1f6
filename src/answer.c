/*
 * answer.c
 *		The answer of a function for one row: a composite value, or its parts.
 *
 * PostgreSQL's call convention makes one value of the record and the flags.
 * Our own scan (call_scan.c), which takes that apart again at once, asks for
 * the parts instead.
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "funcapi.h"

#include "answer.h"

/* Known by its address: another library may have a node of the same name. */
static const char answer_name[] = "duplicate_guard answer";

static DgAnswer *wanted_answer(FunctionCallInfo fcinfo);

/*
 * To be passed as resultinfo.
 */
void
dg_answer_init(DgAnswer *answer)
{
	memset(answer, 0, sizeof(DgAnswer));
	answer->node.type = T_ExtensibleNode;
	answer->node.extnodename = answer_name;
}

/*
 * Answers with these columns, of which the first is a record.  Its descriptor
 * must outlive the call.
 */
Datum
dg_answer_return(FunctionCallInfo fcinfo, TupleDesc desc, TupleDesc record,
				 Datum *values, bool *nulls)
{
	DgAnswer   *answer = wanted_answer(fcinfo);

	if (answer == NULL)
		return HeapTupleGetDatum(heap_form_tuple(desc, values, nulls));
	Assert(desc->natts <= DG_MAX_ANSWER);
	memcpy(answer->values, values, sizeof(Datum) * desc->natts);
	memcpy(answer->nulls, nulls, sizeof(bool) * desc->natts);
	answer->record = record;
	answer->given = true;
	return (Datum) 0;
}

/*
 * Where the caller wants the parts, if it does.
 */
static DgAnswer *
wanted_answer(FunctionCallInfo fcinfo)
{
	ExtensibleNode *node = (ExtensibleNode *) fcinfo->resultinfo;

	if (node == NULL || !IsA(node, ExtensibleNode) ||
		node->extnodename != answer_name)
		return NULL;
	return (DgAnswer *) node;
}
