/*
 * image.c
 *		Does a row hold exactly these values?
 *
 * Compared as record images, like the operator *=: the bytes of the value
 * itself, not what its type calls equal.  1.0 and 1.00, 0 and -0, 'a' and 'A'
 * under a case-insensitive collation, {"a":1} and {"a": 1} as json are different,
 * since a user could see the difference.  How a value is stored, in the row or
 * out of line, compressed or not, makes none.
 *
 * The reverse does not hold: two images of a composite or array value may
 * differ although they look the same.  That costs a write that was not needed,
 * never one that was.
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "utils/datum.h"
#include "utils/rel.h"

#include "image.h"
#include "record.h"

/*
 * Does the record, a row of the table, differ from the candidate in one of
 * these columns?  Two NULLs do not differ.
 */
bool
dg_image_differs(Relation rel, DgCandidate *candidate, DgColumns *columns,
				 Datum record)
{
	TupleDesc	desc = RelationGetDescr(rel);
	HeapTupleData tuple;

	dg_record_open(record, &tuple);
	for (int i = 0; i < columns->ncolumns; i++)
	{
		AttrNumber	attnum = columns->attnums[i];
		Form_pg_attribute attr = TupleDescAttr(desc, attnum - 1);
		bool		isnull;
		Datum		value = heap_getattr(&tuple, attnum, desc, &isnull);

		if (isnull != candidate->nulls[attnum - 1])
			return true;
		if (!isnull &&
			!datum_image_eq(value, candidate->values[attnum - 1],
							attr->attbyval, attr->attlen))
			return true;
	}
	return false;
}
