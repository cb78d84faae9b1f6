/*
 * input.c
 *		Values of single columns from JSON, for many rows.
 *
 * The conversion is the one that candidate.c asks PostgreSQL for, a column at a
 * time, so that an error can be told with its column.  For a type whose values
 * are converted by its input function alone that function is called directly:
 * this is what jsonb_to_record does for it, without the row that it makes.
 * Everything else (arrays, composites, domains, JSON, bytea with its own rule)
 * goes through candidate.c.
 */
#include "postgres.h"

#include "utils/rel.h"

#include "compat.h"
#include "input.h"

static Jsonb *single(const char *name, int namelen, JsonbValue *value);

/*
 * What is needed for a column, in the current memory context.
 */
DgInput *
dg_input_make(Relation rel, AttrNumber attnum)
{
	Form_pg_attribute attr = TupleDescAttr(RelationGetDescr(rel), attnum - 1);
	DgInput    *input = palloc0(sizeof(DgInput));

	input->attnum = attnum;
	input->name = pstrdup(NameStr(attr->attname));
	input->namelen = strlen(input->name);
	input->is_scalar = dg_scalar_is(attr->atttypid);
	if (input->is_scalar)
		dg_scalar_init(&input->scalar, attr->atttypid, attr->atttypmod);
	else
	{
		JsonbValue	null = {.type = jbvNull};
		Jsonb	   *object = single(input->name, input->namelen, &null);

		input->columns = dg_candidate_columns(rel, object);
	}
	return input;
}

/*
 * An object of that one key.
 */
static Jsonb *
single(const char *name, int namelen, JsonbValue *value)
{
	JsonbInState state = {0};
	JsonbValue	key = {.type = jbvString};

	key.val.string.val = unconstify(char *, name);
	key.val.string.len = namelen;
	pushJsonbValue(&state, WJB_BEGIN_OBJECT, NULL);
	pushJsonbValue(&state, WJB_KEY, &key);
	pushJsonbValue(&state, WJB_VALUE, value);
	pushJsonbValue(&state, WJB_END_OBJECT, NULL);
	return JsonbValueToJsonb(state.result);
}

/*
 * Adds the column's value in an object, which names it, to the candidate.  The
 * value, and what was needed to make it, is in the current memory context.
 */
void
dg_input_read(DgInput *input, JsonbContainer *object, DgCandidate *candidate)
{
	JsonbValue	value;
	int			i = input->attnum - 1;

	if (getKeyJsonValueFromContainer(object, input->name, input->namelen,
									 &value) == NULL)
		elog(ERROR, "object lacks \"%s\"", input->name);
	if (!input->is_scalar)
	{
		dg_candidate_convert(candidate, input->columns,
							 single(input->name, input->namelen, &value));
		return;
	}
	candidate->nulls[i] = (value.type == jbvNull);
	if (value.type != jbvNull)
		candidate->values[i] = dg_scalar_read(&input->scalar, &value);
}
