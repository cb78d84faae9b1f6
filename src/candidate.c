/*
 * candidate.c
 *		JSON objects keyed by column name, as typed column values.
 *
 * The conversion is PostgreSQL's own, jsonb_to_record, so that arrays,
 * composites, domains and numbers behave as users know them.  It is called
 * with the descriptor of only the named columns: jsonb_populate_record would
 * check the domains of the others too, as NULL.
 *
 * Columns of scalar types are read one by one, without the row that
 * jsonb_to_record makes of them (scalar.c).
 *
 * The converter keeps the input functions that it looked up for as long as its
 * FmgrInfo lives, which in PostgreSQL is one statement.  Here it lives with the
 * shape of the call, except where a composite type is involved: that type can
 * be altered without a word to the table that we watch.
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "catalog/pg_type.h"
#include "lib/stringinfo.h"
#include "miscadmin.h"
#include "nodes/execnodes.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/rel.h"
#include "utils/varlena.h"

#include "candidate.h"
#include "compat.h"
#include "record.h"
#include "target.h"

static void refuse_object(Jsonb *json, const char *argname);
static Size entries_size(Jsonb *object);
static char *characters(Jsonb *object);
static AttrNumber resolve_name(Relation rel, const char *name, int len);
static void report_unknown_column(Relation rel, const char *name);
static const char *nearest_column(Relation rel, const char *name);
static void report_generated_column(Relation rel, const char *name);
static void add_column(DgColumns *columns, Relation rel, AttrNumber attnum);
static bool contains_composite(Oid type);
static void read_scalars(DgCandidate *candidate, DgColumns *columns,
						 Jsonb *object);
static void check_bytea(DgColumns *columns, Jsonb *object);
static Datum run_converter(DgColumns *columns, Jsonb *object);
static Datum call_converter(FmgrInfo *converter, TupleDesc desc,
							Jsonb *object);

/*
 * The JSON object given as that argument; NULL when it is optional and empty,
 * that is, SQL NULL or an empty array (which is what PHP sends for an empty
 * map).  22004 and 22023 otherwise.
 */
Jsonb *
dg_candidate_object(FunctionCallInfo fcinfo, int argno, const char *argname,
					bool optional)
{
	Jsonb	   *json;

	if (PG_ARGISNULL(argno))
	{
		if (optional)
			return NULL;
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("%s must not be null", argname),
				 errhint("Give a JSON object keyed by column name.")));
	}
	json = PG_GETARG_JSONB_P(argno);
	if (!JB_ROOT_IS_OBJECT(json))
	{
		if (optional && JB_ROOT_IS_ARRAY(json) && !JB_ROOT_IS_SCALAR(json) &&
			JB_ROOT_COUNT(json) == 0)
			return NULL;
		refuse_object(json, argname);
	}
	if (JB_ROOT_COUNT(json) == 0)
	{
		if (optional)
			return NULL;
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("%s must name at least one column", argname)));
	}
	return json;
}

/*
 * 22023 for what is no object.
 */
static void
refuse_object(Jsonb *json, const char *argname)
{
	JsonbValue	value;
	bool		is_string = (JB_ROOT_IS_SCALAR(json) &&
					  JsonbExtractScalar(&json->root, &value) &&
					  value.type == jbvString);

	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("%s must be a JSON object keyed by column name", argname),
			 errdetail("It is a JSON %s.",
					   JB_ROOT_IS_SCALAR(json) ?
						   JsonbTypeName(&value) :
						   "array"),
			 is_string ?
				 errhint("The JSON was encoded twice: pass the object itself, not its text as a JSON string.") :
				 0));
}

/*
 * Appends the column names of an object to a cache key.  jsonb keeps its keys
 * sorted and unique in front of the values, so equal sets of names have equal
 * bytes: the container's header, one entry for each key, their characters.
 * (Keys are always stored in the same way: their entries are those of strings,
 * their offsets count from the first.)
 */
void
dg_candidate_append_key(StringInfo key, Jsonb *object)
{
	static const uint32 none = 0;

	if (object == NULL)
	{
		appendBinaryStringInfo(key, (const char *) &none, sizeof(none));
		return;
	}
	appendBinaryStringInfo(key, (char *) &object->root,
						   entries_size(object));
	appendBinaryStringInfo(key, characters(object),
						   getJsonbOffset(&object->root,
										  JB_ROOT_COUNT(object)));
}

/*
 * The end of the key's part for this object, or NULL when it names others.
 */
const char *
dg_candidate_skip_key(const char *key, Jsonb *object)
{
	uint32		count = 0;
	Size		size;

	if (object == NULL)
		return memcmp(key, &count, sizeof(count)) == 0 ?
				   key + sizeof(count) :
				   NULL;
	if (memcmp(key, &object->root.header, sizeof(uint32)) != 0)
		return NULL;
	size = entries_size(object);
	if (memcmp(key, &object->root, size) != 0)
		return NULL;
	key += size;
	size = getJsonbOffset(&object->root, JB_ROOT_COUNT(object));
	return memcmp(key, characters(object), size) == 0 ? key + size : NULL;
}

/*
 * The size of the container's header and of its entries for the keys.
 */
static Size
entries_size(Jsonb *object)
{
	return offsetof(JsonbContainer, children) +
		   JB_ROOT_COUNT(object) * sizeof(JEntry);
}

/*
 * Where the keys' characters begin.
 */
static char *
characters(Jsonb *object)
{
	return (char *) &object->root.children[2 * JB_ROOT_COUNT(object)];
}

/*
 * The columns that an object names, in the current memory context.  42703
 * and 428C9 for names that will not do.
 */
DgColumns *
dg_candidate_columns(Relation rel, Jsonb *object)
{
	DgColumns  *columns = palloc0(sizeof(DgColumns));
	int			max = object != NULL ? JB_ROOT_COUNT(object) : 0;
	JsonbIterator *it;
	JsonbIteratorToken token;
	JsonbValue	value;

	columns->converter_context =
		AllocSetContextCreate(CurrentMemoryContext,
							  "duplicate_guard converter",
							  ALLOCSET_SMALL_SIZES);
	columns->attnums = palloc(Max(max, 1) * sizeof(AttrNumber));
	columns->desc = CreateTemplateTupleDesc(max);
	columns->scalars = palloc0(Max(max, 1) * sizeof(DgScalar));
	columns->keep_converter = true;
	if (object == NULL)
		return columns;

	it = JsonbIteratorInit(&object->root);
	while ((token = JsonbIteratorNext(&it, &value, true)) != WJB_DONE)
	{
		if (token == WJB_KEY)
			add_column(columns, rel,
					   resolve_name(rel, value.val.string.val,
									value.val.string.len));
	}
	Assert(columns->ncolumns == max);
	TupleDescFinalize(columns->desc);
	return columns;
}

/*
 * The same as a set only, by attnum, for an object inside of another.
 */
Bitmapset *
dg_candidate_attributes(Relation rel, JsonbContainer *object)
{
	Bitmapset  *attrs = NULL;
	JsonbIterator *it = JsonbIteratorInit(object);
	JsonbIteratorToken token;
	JsonbValue	value;

	while ((token = JsonbIteratorNext(&it, &value, true)) != WJB_DONE)
	{
		if (token == WJB_KEY)
			attrs = bms_add_member(attrs,
								   resolve_name(rel, value.val.string.val,
												value.val.string.len));
	}
	return attrs;
}

/*
 * The column of that name, which is not null-terminated.
 */
static AttrNumber
resolve_name(Relation rel, const char *name, int len)
{
	TupleDesc	desc = RelationGetDescr(rel);
	char	   *wanted = pnstrdup(name, len);

	for (int i = 0; i < desc->natts; i++)
	{
		Form_pg_attribute attr = TupleDescAttr(desc, i);

		if (attr->attisdropped || strcmp(NameStr(attr->attname), wanted) != 0)
			continue;
		if (attr->attgenerated != '\0')
			report_generated_column(rel, wanted);
		pfree(wanted);
		return attr->attnum;
	}
	report_unknown_column(rel, wanted);
	return InvalidAttrNumber;	/* keep compiler quiet */
}

/*
 * 42703, with the name that was probably meant.
 */
static void
report_unknown_column(Relation rel, const char *name)
{
	const char *nearest = nearest_column(rel, name);

	ereport(ERROR,
			(errcode(ERRCODE_UNDEFINED_COLUMN),
			 errmsg("column \"%s\" of relation \"%s\" does not exist",
					name, RelationGetRelationName(rel)),
			 nearest != NULL ?
				 errhint("Perhaps you meant the column \"%s\".", nearest) :
				 0,
			 errtable(rel)));
}

/*
 * The column whose name is closest to the given one, or NULL when none is
 * close.  (Distance and limit as in the server's parser.)
 */
static const char *
nearest_column(Relation rel, const char *name)
{
	TupleDesc	desc = RelationGetDescr(rel);
	int			len = strlen(name);
	int			best = len / 2;
	const char *nearest = NULL;

	if (len >= NAMEDATALEN)
		return NULL;
	for (int i = 0; i < desc->natts; i++)
	{
		Form_pg_attribute attr = TupleDescAttr(desc, i);
		const char *other = NameStr(attr->attname);
		int			distance;

		if (attr->attisdropped)
			continue;
		distance = varstr_levenshtein_less_equal(name, len,
												 other, strlen(other),
												 1, 1, 1, best, true);
		if (distance <= best && (nearest == NULL || distance < best))
		{
			best = distance;
			nearest = other;
		}
	}
	return nearest;
}

/*
 * 428C9: a generated column takes no value, not even in a lookup, where it
 * could contradict the columns it is made from.
 */
static void
report_generated_column(Relation rel, const char *name)
{
	ereport(ERROR,
			(errcode(ERRCODE_GENERATED_ALWAYS),
			 errmsg("column \"%s\" of relation \"%s\" is a generated column",
					name, RelationGetRelationName(rel)),
			 errhint("Name the columns that it is generated from instead."),
			 errtable(rel)));
}

/*
 * Appends a column to the set and to the descriptor for the converter.
 */
static void
add_column(DgColumns *columns, Relation rel, AttrNumber attnum)
{
	Form_pg_attribute attr = TupleDescAttr(RelationGetDescr(rel), attnum - 1);
	int			n = columns->ncolumns++;

	columns->attnums[n] = attnum;
	columns->attrs = bms_add_member(columns->attrs, attnum);
	TupleDescInitEntry(columns->desc, n + 1, NameStr(attr->attname),
					   attr->atttypid, attr->atttypmod, attr->attndims);
	TupleDescInitEntryCollation(columns->desc, n + 1, attr->attcollation);
	if (getBaseType(attr->atttypid) == BYTEAOID)
		columns->bytea = bms_add_member(columns->bytea, n);
	if (contains_composite(attr->atttypid))
		columns->keep_converter = false;
	if (!dg_scalar_is(attr->atttypid))
		columns->scalars = NULL;
	if (columns->scalars != NULL)
		dg_scalar_init(&columns->scalars[n], attr->atttypid, attr->atttypmod);
}

/*
 * Is there a composite type in a domain or array of this type?
 */
static bool
contains_composite(Oid type)
{
	Oid			base = getBaseType(type);
	Oid			element = get_element_type(base);

	if (OidIsValid(element))
		return contains_composite(element);
	return get_typtype(base) == TYPTYPE_COMPOSITE || base == RECORDOID;
}

/*
 * Makes room for one value a column.  They count as NULL until converted.
 */
void
dg_candidate_init(DgCandidate *candidate, int natts)
{
	candidate->values = palloc0(natts * (sizeof(Datum) + sizeof(bool)));
	candidate->nulls = (bool *) (candidate->values + natts);
	memset(candidate->nulls, true, natts * sizeof(bool));
}

/*
 * Adds the values of an object, whose columns these are, to the candidate.
 * They live in the current memory context.
 */
void
dg_candidate_convert(DgCandidate *candidate, DgColumns *columns,
					 Jsonb *object)
{
	HeapTupleData tuple;
	Datum	   *values;
	bool	   *nulls;

	if (columns->ncolumns == 0)
		return;
	if (columns->scalars != NULL)
	{
		read_scalars(candidate, columns, object);
		return;
	}
	if (columns->bytea != NULL)
		check_bytea(columns, object);
	dg_record_open(run_converter(columns, object), &tuple);

	values = palloc(columns->ncolumns * sizeof(Datum));
	nulls = palloc(columns->ncolumns * sizeof(bool));
	heap_deform_tuple(&tuple, columns->desc, values, nulls);
	for (int i = 0; i < columns->ncolumns; i++)
	{
		candidate->values[columns->attnums[i] - 1] = values[i];
		candidate->nulls[columns->attnums[i] - 1] = nulls[i];
	}
}

/*
 * The short way, for columns that all have scalar types.
 */
static void
read_scalars(DgCandidate *candidate, DgColumns *columns, Jsonb *object)
{
	for (int i = 0; i < columns->ncolumns; i++)
	{
		const char *name = NameStr(TupleDescAttr(columns->desc, i)->attname);
		AttrNumber	attnum = columns->attnums[i];
		JsonbValue	value;

		if (getKeyJsonValueFromContainer(&object->root, name, strlen(name),
										 &value) == NULL)
			elog(ERROR, "object lacks \"%s\"", name);
		candidate->nulls[attnum - 1] = (value.type == jbvNull);
		if (value.type != jbvNull)
			candidate->values[attnum - 1] =
				dg_scalar_read(&columns->scalars[i], &value);
	}
}

/*
 * 22P02 for a bytea value that is no hexadecimal text.  A client that sends
 * base64 would otherwise store that text as bytes, without a word.
 */
static void
check_bytea(DgColumns *columns, Jsonb *object)
{
	int			n = -1;

	while ((n = bms_next_member(columns->bytea, n)) >= 0)
	{
		const char *name = NameStr(TupleDescAttr(columns->desc, n)->attname);
		JsonbValue	value;

		if (getKeyJsonValueFromContainer(&object->root, name, strlen(name),
										 &value) == NULL ||
			value.type == jbvNull)
			continue;
		if (value.type == jbvString && value.val.string.len >= 2 &&
			memcmp(value.val.string.val, "\\x", 2) == 0)
			continue;
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_TEXT_REPRESENTATION),
				 errmsg("invalid value for bytea column \"%s\"", name),
				 errdetail("A bytea value must be a JSON string that begins with \\x."),
				 errhint("Encode the bytes as hexadecimal digits, for example \"\\\\x6869\", not as base64.")));
	}
}

/*
 * Calls the kept converter, or a fresh one where that must not be used: by a
 * domain's CHECK that calls us while we check it.
 */
static Datum
run_converter(DgColumns *columns, Jsonb *object)
{
	Datum		record;
	FmgrInfo	fresh;

	if (!columns->keep_converter || columns->converting)
	{
		fmgr_info(F_JSONB_TO_RECORD, &fresh);
		return call_converter(&fresh, columns->desc, object);
	}

	if (!columns->usable)
	{
		MemoryContextReset(columns->converter_context);
		fmgr_info_cxt(F_JSONB_TO_RECORD, &columns->converter,
					  columns->converter_context);
	}
	columns->usable = false;
	columns->converting = true;
	PG_TRY();
	{
		record = call_converter(&columns->converter, columns->desc, object);
		columns->usable = true;
	}
	PG_FINALLY();
	{
		columns->converting = false;
	}
	PG_END_TRY();
	return record;
}

/*
 * Calls jsonb_to_record as a query with a column definition list would.
 */
static Datum
call_converter(FmgrInfo *converter, TupleDesc desc, Jsonb *object)
{
	LOCAL_FCINFO(fcinfo, 1);
	ReturnSetInfo info = {0};
	Datum		result;

	info.type = T_ReturnSetInfo;
	info.expectedDesc = desc;
	info.allowedModes = SFRM_ValuePerCall;
	InitFunctionCallInfoData(*fcinfo, converter, 1, InvalidOid, NULL,
							 (Node *) &info);
	fcinfo->args[0].value = JsonbPGetDatum(object);
	fcinfo->args[0].isnull = false;
	result = FunctionCallInvoke(fcinfo);
	Assert(!fcinfo->isnull);
	return result;
}

/*
 * The default equality of a column's type; 42883 for a type without one.
 */
TypeCacheEntry *
dg_candidate_equality(Relation rel, AttrNumber attnum)
{
	Form_pg_attribute attr = TupleDescAttr(RelationGetDescr(rel), attnum - 1);
	TypeCacheEntry *type = lookup_type_cache(attr->atttypid,
											 TYPECACHE_EQ_OPR |
												 TYPECACHE_EQ_OPR_FINFO);

	if (!OidIsValid(type->eq_opr_finfo.fn_oid))
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_FUNCTION),
				 errmsg("column \"%s\" cannot be looked up: type %s has no default equality operator",
						NameStr(attr->attname), format_type_be(attr->atttypid)),
				 errhint("Move it from the lookup to defaults."),
				 errtablecol(rel, attnum)));
	return type;
}

/*
 * The first of these columns in which the record, a row of the table, is not
 * equal to the candidate; InvalidAttrNumber when it is in all.  Two NULLs are
 * equal.
 */
AttrNumber
dg_candidate_differs(Relation rel, DgCandidate *candidate, Bitmapset *attrs,
					 Datum record)
{
	TupleDesc	desc = RelationGetDescr(rel);
	HeapTupleData tuple;
	int			attnum = -1;

	dg_record_open(record, &tuple);
	while ((attnum = bms_next_member(attrs, attnum)) >= 0)
	{
		bool		isnull;
		Datum		value = heap_getattr(&tuple, attnum, desc, &isnull);
		bool		wanted_null = candidate->nulls[attnum - 1];
		TypeCacheEntry *type = dg_candidate_equality(rel, attnum);
		Oid			collation = TupleDescAttr(desc, attnum - 1)->attcollation;

		if (isnull && wanted_null)
			continue;
		if (isnull || wanted_null ||
			!DatumGetBool(FunctionCall2Coll(&type->eq_opr_finfo, collation,
											value,
											candidate->values[attnum - 1])))
			return attnum;
	}
	return InvalidAttrNumber;
}
