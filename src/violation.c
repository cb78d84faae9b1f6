/*
 * violation.c
 *		An error turned into the value of type integrity_error.
 *
 * The way of an error: reading.c takes its words apart, facts.c and below
 * look up in the catalog what they name, advice.c says what to do about it.
 * Only memory of the current context is used.  No lock is waited for, and no
 * error is raised but for want of memory, or when the extension is gone.
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "catalog/pg_type.h"
#include "funcapi.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/syscache.h"
#include "utils/typcache.h"

#include "facts.h"
#include "violation.h"

#define NFIELDS 19

/* A tuple in the making: fields are set in their order. */
typedef struct Builder
{
	int			next;
	Datum		values[NFIELDS];
	bool		nulls[NFIELDS];
} Builder;

static DgErrorFields without_empty_strings(const DgErrorFields *error);
static void add_text(Builder *builder, const char *value);
static void add_name_array(Builder *builder, List *names);
static void add_value_array(Builder *builder, const char **values, int nvalues);
static Datum text_array(Datum *elements, bool *nulls, int nelements);
static Datum form_composite(Builder *builder);

/* The integrity_error value; allocated in the current memory context. */
Datum
dg_violation_form(const DgErrorFields *error)
{
	DgErrorFields fields = without_empty_strings(error);
	DgReading	reading;
	DgFacts		facts;
	Builder		builder = {0};

	dg_reading_make(&reading, &fields);
	dg_facts_gather(&facts, &fields, &reading);

	add_text(&builder, dg_kind_name(facts.kind));
	add_text(&builder, reading.sqlstate[0] != '\0' ? reading.sqlstate : NULL);
	add_text(&builder, dg_advice_condition(reading.sqlstate));
	add_text(&builder, facts.message);
	add_text(&builder, reading.detail);
	add_text(&builder, reading.hint);
	add_text(&builder, facts.schema_name);
	add_text(&builder, facts.table_name);
	add_text(&builder, facts.partition_name);
	add_text(&builder, facts.constraint_name);
	add_name_array(&builder, facts.columns);
	add_value_array(&builder, facts.key_values, facts.nkey_values);
	add_text(&builder, facts.referenced_table);
	add_name_array(&builder, facts.referenced_columns);
	add_text(&builder, facts.datatype_name);
	add_text(&builder, dg_advice_retry(facts.kind, &reading));
	builder.values[builder.next++] =
		Int32GetDatum(dg_advice_http_status(facts.kind));
	add_text(&builder, dg_advice_remedy(facts.kind, &reading));
	add_text(&builder, dg_advice_user_message(&facts, &reading));
	return form_composite(&builder);
}

/* The same fields, with NULL for each empty string. */
static DgErrorFields
without_empty_strings(const DgErrorFields *error)
{
	DgErrorFields fields = *error;
	const char **strings[] = {
		&fields.message_id, &fields.message, &fields.detail, &fields.hint,
		&fields.schema_name, &fields.table_name, &fields.column_name,
		&fields.constraint_name, &fields.datatype_name};
	int			i;

	for (i = 0; i < lengthof(strings); i++)
	{
		if (*strings[i] != NULL && **strings[i] == '\0')
			*strings[i] = NULL;
	}
	return fields;
}

/* The next field: a text. */
static void
add_text(Builder *builder, const char *value)
{
	builder->nulls[builder->next] = value == NULL;
	if (value != NULL)
		builder->values[builder->next] = CStringGetTextDatum(value);
	builder->next++;
}

/* NIL, which means not known, becomes NULL. */
static void
add_name_array(Builder *builder, List *names)
{
	int			nnames = list_length(names);
	const char **values = palloc(sizeof(char *) * Max(nnames, 1));
	int			i;

	for (i = 0; i < nnames; i++)
		values[i] = list_nth(names, i);
	add_value_array(builder, values, nnames);
}

/* The next field: an array, in which elements may be NULL; empty is NULL. */
static void
add_value_array(Builder *builder, const char **values, int nvalues)
{
	Datum	   *elements = palloc0(sizeof(Datum) * Max(nvalues, 1));
	bool	   *nulls = palloc0(sizeof(bool) * Max(nvalues, 1));
	int			i;

	for (i = 0; i < nvalues; i++)
	{
		nulls[i] = values[i] == NULL;
		if (values[i] != NULL)
			elements[i] = CStringGetTextDatum(values[i]);
	}
	builder->nulls[builder->next] = nvalues == 0;
	builder->values[builder->next++] =
		nvalues == 0 ? (Datum) 0 : text_array(elements, nulls, nvalues);
}

/* An array of text. */
static Datum
text_array(Datum *elements, bool *nulls, int nelements)
{
	int			lower = 1;

	return PointerGetDatum(construct_md_array(elements, nulls, 1, &nelements,
											  &lower, TEXTOID, -1, false,
											  TYPALIGN_INT));
}

/*
 * The composite Datum.  The type is looked up by name in the extension's
 * schema, since callers at the end of a transaction have no fcinfo to ask.
 *
 * Library and type need not be of the same version: new packages come before
 * ALTER EXTENSION UPDATE, and sessions that are open keep the old library after
 * it.  Versions add fields at the end only, so the first ones are those of
 * both; a field that this library does not know is NULL.
 */
static Datum
form_composite(Builder *builder)
{
	Oid			type = GetSysCacheOid2(TYPENAMENSP, Anum_pg_type_oid,
							   CStringGetDatum("integrity_error"),
							   ObjectIdGetDatum(dg_lookup_extension_schema()));
	TupleDesc	tupdesc;
	Datum	   *values;
	bool	   *nulls;

	if (!OidIsValid(type))
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_OBJECT),
				 errmsg("type \"integrity_error\" of extension duplicate_guard does not exist"),
				 errhint("Run CREATE EXTENSION duplicate_guard in this database.")));
	tupdesc = BlessTupleDesc(lookup_rowtype_tupdesc_copy(type, -1));
	values = palloc0(tupdesc->natts * sizeof(Datum));
	nulls = palloc(tupdesc->natts * sizeof(bool));
	for (int i = 0; i < tupdesc->natts; i++)
	{
		nulls[i] = i >= NFIELDS || builder->nulls[i];
		if (!nulls[i])
			values[i] = builder->values[i];
	}
	return HeapTupleGetDatum(heap_form_tuple(tupdesc, values, nulls));
}
