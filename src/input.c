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

#include "catalog/pg_type.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"
#include "utils/fmgrprotos.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"

#include "input.h"

static bool is_scalar(Oid type);
static Jsonb *single(const char *name, int namelen, JsonbValue *value);
static Datum read_scalar(DgInput *input, JsonbValue *value);
static char *value_text(JsonbValue *value);

/*
 * What is needed for a column, in the current memory context.
 */
DgInput *
dg_input_make(Relation rel, AttrNumber attnum)
{
	Form_pg_attribute attr = TupleDescAttr(RelationGetDescr(rel), attnum - 1);
	DgInput    *input = palloc0(sizeof(DgInput));
	Oid			function;

	input->attnum = attnum;
	input->name = pstrdup(NameStr(attr->attname));
	input->namelen = strlen(input->name);
	input->is_scalar = is_scalar(attr->atttypid);
	if (input->is_scalar)
	{
		getTypeInputInfo(attr->atttypid, &function, &input->ioparam);
		fmgr_info(function, &input->function);
		input->is_text = (function == F_TEXTIN);
		input->typmod = attr->atttypmod;
	}
	else
	{
		JsonbValue	null = {.type = jbvNull};
		Jsonb	   *object = single(input->name, input->namelen, &null);

		input->columns = dg_candidate_columns(rel, object);
	}
	return input;
}

/*
 * Are the type's values converted by its input function alone?
 */
static bool
is_scalar(Oid type)
{
	char		kind = get_typtype(type);

	if (kind != TYPTYPE_BASE && kind != TYPTYPE_ENUM &&
		kind != TYPTYPE_RANGE && kind != TYPTYPE_MULTIRANGE)
		return false;
	return type != JSONOID && type != JSONBOID && type != BYTEAOID &&
		   !OidIsValid(get_element_type(type));
}

/*
 * An object of that one key.
 */
static Jsonb *
single(const char *name, int namelen, JsonbValue *value)
{
	JsonbParseState *state = NULL;
	JsonbValue	key = {.type = jbvString};

	key.val.string.val = unconstify(char *, name);
	key.val.string.len = namelen;
	(void) pushJsonbValue(&state, WJB_BEGIN_OBJECT, NULL);
	(void) pushJsonbValue(&state, WJB_KEY, &key);
	(void) pushJsonbValue(&state, WJB_VALUE, value);
	return JsonbValueToJsonb(pushJsonbValue(&state, WJB_END_OBJECT, NULL));
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
		candidate->values[i] = read_scalar(input, &value);
}

/*
 * By the type's input function.
 */
static Datum
read_scalar(DgInput *input, JsonbValue *value)
{
	if (input->is_text && value->type == jbvString)
		return PointerGetDatum(cstring_to_text_with_len(value->val.string.val,
														value->val.string.len));
	return InputFunctionCall(&input->function, value_text(value),
							 input->ioparam, input->typmod);
}

/*
 * What the input function is given: a string as it is, the rest as JSON.
 */
static char *
value_text(JsonbValue *value)
{
	Datum		number;

	switch (value->type)
	{
		case jbvString:
			return pnstrdup(value->val.string.val, value->val.string.len);
		case jbvNumeric:
			number = NumericGetDatum(value->val.numeric);
			return DatumGetCString(DirectFunctionCall1(numeric_out, number));
		case jbvBool:
			return pstrdup(value->val.boolean ? "true" : "false");
		case jbvBinary:
			return JsonbToCString(NULL, value->val.binary.data,
								  value->val.binary.len);
		default:
			elog(ERROR, "unexpected JSON value of type %d", (int) value->type);
			return NULL;		/* keep compiler quiet */
	}
}
