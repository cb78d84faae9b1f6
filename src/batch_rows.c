/*
 * batch_rows.c
 *		The rows of a batch: read from JSON, and their columns' values.
 *
 * The names of a row are resolved once for each set of names: jsonb keeps the
 * keys of an object sorted and in front of the values, so rows that name the
 * same columns have equal bytes there, and mostly follow one another.
 *
 * Values are converted when they are needed: those of the key columns at once,
 * those of the others only for a row that is to be created, as get_or_create
 * does with its defaults.
 */
#include "postgres.h"

#include "common/hashfn.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/rel.h"

#include "batch.h"
#include "compat.h"

static JsonbContainer *element_object(DgBatch *batch, JsonbValue *element);
static void refuse_rows(Jsonb *rows);
static DgRowNames *find_names(DgBatch *batch, JsonbContainer *object);
static bool same_names(JsonbContainer *left, JsonbContainer *right);
static char *key_characters(JsonbContainer *object);
static DgRowNames *add_names(DgBatch *batch, JsonbContainer *object,
							 uint32 hash);
static void check_key_columns(DgBatch *batch, Bitmapset *columns);
static void check_touched(DgBatch *batch, Bitmapset *columns);
static bool is_key_column(DgBatch *batch, JsonbValue *name);

/*
 * Makes a batch ready to be read.  Its call has the relation and, as lookup,
 * the key columns; context, scratch and the arbiter's name are set.
 */
void
dg_batch_open(DgBatch *batch, DgMemo *memo)
{
	batch->call.is_of_batch = true;
	dg_call_open(&batch->call, memo);
	batch->memo.relid = RelationGetRelid(batch->call.rel);
	if (batch->call.touch != NULL)
		batch->touched = batch->call.shape->touch->attrs;
	batch->inputs = MemoryContextAllocZero(batch->context,
										   batch->call.target->desc->natts *
											   sizeof(DgInput *));
}

/*
 * Makes a row of each element.  22023 for what is no array of objects, or lacks
 * a key column; 42703 and 428C9 for names that will not do.
 */
void
dg_batch_read(DgBatch *batch, Jsonb *rows)
{
	MemoryContext old = MemoryContextSwitchTo(batch->context);
	JsonbIterator *it;
	JsonbIteratorToken token;
	JsonbValue	value;

	if (!JB_ROOT_IS_ARRAY(rows) || JB_ROOT_IS_SCALAR(rows))
		refuse_rows(rows);
	batch->rows = MemoryContextAllocHuge(batch->context,
										 Max(JB_ROOT_COUNT(rows), 1) *
											 sizeof(DgBatchRow));
	dg_progress_phase(batch->progress, DG_READING_ROWS, JB_ROOT_COUNT(rows));
	it = JsonbIteratorInit(&rows->root);
	while ((token = JsonbIteratorNext(&it, &value, true)) != WJB_DONE)
	{
		DgBatchRow *row = &batch->rows[batch->nrows];

		if (token != WJB_ELEM)
			continue;
		CHECK_FOR_INTERRUPTS();
		batch->position = ++batch->nrows;
		dg_progress_done(batch->progress, batch->nrows);
		row->object = element_object(batch, &value);
		row->names = find_names(batch, row->object);
		row->record = (Datum) 0;
		row->error = (Datum) 0;
		row->created = false;
		row->updated = false;
		row->key = -1;
	}
	batch->position = 0;
	MemoryContextSwitchTo(old);
}

/*
 * 22023 unless the element is an object.
 */
static JsonbContainer *
element_object(DgBatch *batch, JsonbValue *element)
{
	bool		is_container = (element->type == jbvBinary);

	if (is_container && JsonContainerIsObject(element->val.binary.data))
		return element->val.binary.data;
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("element %d of rows must be a JSON object keyed by column name",
					batch->position),
			 errdetail("It is a JSON %s.",
					   is_container ? "array" : JsonbTypeName(element)),
			 element->type == jbvString ?
				 errhint("The JSON was encoded twice: pass the object itself, not its text as a JSON string.") :
				 0));
	return NULL;				/* keep compiler quiet */
}

/*
 * 22023 for what is no array.
 */
static void
refuse_rows(Jsonb *rows)
{
	JsonbValue	value;
	bool		is_scalar = (JB_ROOT_IS_SCALAR(rows) &&
					  JsonbExtractScalar(&rows->root, &value));

	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("rows must be a JSON array of objects keyed by column name"),
			 errdetail("It is a JSON %s.",
					   is_scalar ? JsonbTypeName(&value) : "object"),
			 is_scalar && value.type == jbvString ?
				 errhint("The JSON was encoded twice: pass the array itself, not its text as a JSON string.") :
				 0));
}

/*
 * The names of a row: mostly those of the row before it.
 */
static DgRowNames *
find_names(DgBatch *batch, JsonbContainer *object)
{
	DgRowNames *names = batch->names;
	Size		size;
	uint32		hash;

	if (names != NULL && same_names(names->example, object))
		return names;

	size = getJsonbOffset(object, JsonContainerSize(object));
	hash = hash_bytes((unsigned char *) key_characters(object), size);
	for (names = batch->buckets[hash % DG_NAMES_BUCKETS]; names != NULL;
		 names = names->next)
	{
		if (names->hash == hash && same_names(names->example, object))
			break;
	}
	if (names == NULL)
		names = add_names(batch, object, hash);
	batch->names = names;
	return names;
}

/*
 * Do two objects have the same keys?  Headers hold the counts, the first
 * entries the keys' lengths; the characters follow all the entries.
 */
static bool
same_names(JsonbContainer *left, JsonbContainer *right)
{
	int			count = JsonContainerSize(left);
	Size		entries = offsetof(JsonbContainer, children) +
				   count * sizeof(JEntry);

	return left->header == right->header &&
		   memcmp(left, right, entries) == 0 &&
		   memcmp(key_characters(left), key_characters(right),
				  getJsonbOffset(left, count)) == 0;
}

/*
 * Where the keys' characters begin.
 */
static char *
key_characters(JsonbContainer *object)
{
	return (char *) &object->children[2 * JsonContainerSize(object)];
}

/*
 * Resolves a set of names that is new to this batch.
 */
static DgRowNames *
add_names(DgBatch *batch, JsonbContainer *object, uint32 hash)
{
	DgRowNames *names = palloc0(sizeof(DgRowNames));

	names->columns = dg_candidate_attributes(batch->call.rel, object);
	check_key_columns(batch, names->columns);
	check_touched(batch, names->columns);
	names->example = object;
	names->hash = hash;
	names->next = batch->buckets[hash % DG_NAMES_BUCKETS];
	batch->buckets[hash % DG_NAMES_BUCKETS] = names;
	return names;
}

/*
 * 22023 for a row without one of the key columns.
 */
static void
check_key_columns(DgBatch *batch, Bitmapset *columns)
{
	DgColumns  *wanted = batch->call.shape->lookup;

	for (int i = 0; i < wanted->ncolumns; i++)
	{
		AttrNumber	attnum = wanted->attnums[i];

		if (!bms_is_member(attnum, columns))
			ereport(ERROR,
					(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
					 errmsg("element %d of rows lacks the key column \"%s\"",
							batch->position,
							NameStr(TupleDescAttr(wanted->desc, i)->attname)),
					 errhint("Name every key column in every row, with null where there is no value."),
					 errtablecol(batch->call.rel, attnum)));
	}
}

/*
 * 22023 for a row that names a column which touch sets.
 */
static void
check_touched(DgBatch *batch, Bitmapset *columns)
{
	Bitmapset  *both = bms_intersect(columns, batch->touched);
	int			attnum = bms_next_member(both, -1);

	if (attnum >= 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("column \"%s\" is in both element %d of rows and touch",
						get_attname(RelationGetRelid(batch->call.rel), attnum,
									false),
						batch->position),
				 errtablecol(batch->call.rel, attnum)));
}

/*
 * Converts these columns of a row, which names them all, into the candidate of
 * the call.  The values are in the current memory context.
 */
void
dg_batch_convert(DgBatch *batch, DgBatchRow *row, Bitmapset *columns)
{
	int			attnum = -1;

	batch->position = row - batch->rows + 1;
	while ((attnum = bms_next_member(columns, attnum)) >= 0)
	{
		DgInput    *input = batch->inputs[attnum - 1];

		if (input == NULL)
		{
			MemoryContext old = MemoryContextSwitchTo(batch->context);

			input = dg_input_make(batch->call.rel, attnum);
			batch->inputs[attnum - 1] = input;
			MemoryContextSwitchTo(old);
		}
		batch->column = input->name;
		dg_input_read(input, row->object, &batch->call.candidate);
	}
	batch->column = NULL;
}

/*
 * The row's key columns and its others as the two objects that get_or_create
 * takes, the latter NULL when there are none.
 */
void
dg_batch_split(DgBatch *batch, DgBatchRow *row, Jsonb **lookup,
			   Jsonb **defaults)
{
	JsonbInState states[2] = {0};
	JsonbIterator *it = JsonbIteratorInit(row->object);
	JsonbIteratorToken token;
	JsonbValue	value;
	int			part = 0;
	int			ndefaults = 0;

	for (int i = 0; i < 2; i++)
		pushJsonbValue(&states[i], WJB_BEGIN_OBJECT, NULL);
	while ((token = JsonbIteratorNext(&it, &value, true)) != WJB_DONE)
	{
		if (token == WJB_KEY)
		{
			part = is_key_column(batch, &value) ? 0 : 1;
			ndefaults += part;
		}
		if (token == WJB_KEY || token == WJB_VALUE)
			pushJsonbValue(&states[part], token, &value);
	}
	for (int i = 0; i < 2; i++)
		pushJsonbValue(&states[i], WJB_END_OBJECT, NULL);
	*lookup = JsonbValueToJsonb(states[0].result);
	*defaults = ndefaults == 0 ? NULL : JsonbValueToJsonb(states[1].result);
}

/*
 * Is that the name of a key column?
 */
static bool
is_key_column(DgBatch *batch, JsonbValue *name)
{
	if (batch->call.lookup == NULL)
		return false;
	return getKeyJsonValueFromContainer(&batch->call.lookup->root,
										name->val.string.val,
										name->val.string.len, NULL) != NULL;
}

/*
 * Error context callback: the row at hand, and its column.
 */
void
dg_batch_context(void *arg)
{
	DgBatch    *batch = arg;

	if (batch->column != NULL)
		errcontext("element %d of rows, column \"%s\"", batch->position,
				   batch->column);
	else if (batch->position > 0)
		errcontext("element %d of rows", batch->position);
}
