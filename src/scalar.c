/*
 * scalar.c
 *		Values from JSON for types whose input function alone converts them.
 *
 * For those, calling that function is what jsonb_to_record does, less the row
 * that it makes.  Everything else (arrays, composites, domains, JSON, and bytea
 * with its own rule) is left to jsonb_to_record itself, see candidate.c.  So
 * are ranges: their bounds may be domains, and a domain's CHECK that calls us
 * again must not meet the state of the input function that runs it.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"
#include "utils/fmgrprotos.h"
#include "utils/lsyscache.h"

#include "scalar.h"

static char *value_text(JsonbValue *value);

/*
 * Are the type's values converted by its input function alone?
 */
bool
dg_scalar_is(Oid type)
{
	char		kind = get_typtype(type);

	if (kind != TYPTYPE_BASE && kind != TYPTYPE_ENUM)
		return false;
	return type != JSONOID && type != JSONBOID && type != BYTEAOID &&
		   !OidIsValid(get_element_type(type));
}

/*
 * What is needed for such a type.  The function's state goes to the current
 * memory context.
 */
void
dg_scalar_init(DgScalar *scalar, Oid type, int32 typmod)
{
	Oid			function;

	getTypeInputInfo(type, &function, &scalar->ioparam);
	fmgr_info(function, &scalar->function);
	scalar->typmod = typmod;
	scalar->is_text = (function == F_TEXTIN);
}

/*
 * The value, which is no JSON null, in the current memory context.
 */
Datum
dg_scalar_read(DgScalar *scalar, JsonbValue *value)
{
	if (scalar->is_text && value->type == jbvString)
		return PointerGetDatum(cstring_to_text_with_len(value->val.string.val,
														value->val.string.len));
	return InputFunctionCall(&scalar->function, value_text(value),
							 scalar->ioparam, scalar->typmod);
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
