/*
 * resolve_domain.c
 *		The domain that was violated, and the columns that it may have been in.
 *
 * The server names the domain and never the column: a domain is checked where
 * a value is made, which need not be for a table at all.  So the columns are
 * candidates: all columns of that domain, if they are in one table.
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "catalog/pg_constraint.h"
#include "catalog/pg_type.h"
#include "commands/comment.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/syscache.h"

#include "lib/stringinfo.h"

#include "facts.h"

static void resolve_column_of_domain(DgFacts *facts, const DgNames *names);
static Oid	named_domain(const DgNames *names);
static bool parse_qualified(const char *text, char **schema, char **name);
static const char *parse_identifier(const char *text, char **name);
static const char *domain_comment(Oid domain, const char *constraint,
								  bool *found);
static void find_candidate_columns(DgFacts *facts, Oid domain);

/* Fills in the facts for both kinds of domain errors. */
void
dg_resolve_domain(DgFacts *facts, const DgNames *names)
{
	Oid			domain;
	bool		found = true;
	HeapTuple	tuple;
	Form_pg_type form;

	/* ALTER DOMAIN names the table's column instead */
	if (names->table != NULL && names->column != NULL)
	{
		resolve_column_of_domain(facts, names);
		return;
	}
	domain = named_domain(names);
	tuple = SearchSysCache1(TYPEOID, ObjectIdGetDatum(domain));
	if (!HeapTupleIsValid(tuple))
		return;
	form = (Form_pg_type) GETSTRUCT(tuple);
	facts->datatype_name = pstrdup(NameStr(form->typname));
	facts->schema_name = get_namespace_name(form->typnamespace);
	ReleaseSysCache(tuple);
	if (names->constraint != NULL)
		facts->comment = domain_comment(domain, names->constraint, &found);
	facts->resolved = found;
	find_candidate_columns(facts, domain);
}

/* The one table of that name that has the column, and the column's domain. */
static void
resolve_column_of_domain(DgFacts *facts, const DgNames *names)
{
	List	   *tables = NIL;
	ListCell   *lc;
	Oid			relid = InvalidOid;
	Oid			type;

	if (names->schema == NULL)
		tables = dg_lookup_relations(names->table);
	else
		tables = list_make1_oid(dg_lookup_relation(names->schema,
												   names->table));
	foreach(lc, tables)
	{
		type = get_atttype(lfirst_oid(lc),
						   get_attnum(lfirst_oid(lc), names->column));
		if (!OidIsValid(type) || get_typtype(type) != TYPTYPE_DOMAIN)
			continue;
		if (OidIsValid(relid))
			return;
		relid = lfirst_oid(lc);
	}
	if (!OidIsValid(relid))
		return;
	type = get_atttype(relid, get_attnum(relid, names->column));
	facts->datatype_name = dg_lookup_type_name(type);
	facts->schema_name = get_namespace_name(get_rel_namespace(relid));
	facts->table_name = get_rel_name(relid);
	facts->resolved = true;
}

/* The one domain that the error can mean, or InvalidOid. */
static Oid
named_domain(const DgNames *names)
{
	List	   *found;
	char	   *schema = NULL;
	char	   *name = NULL;

	if (names->datatype != NULL)
	{
		schema = names->schema != NULL ? pstrdup(names->schema) : NULL;
		name = pstrdup(names->datatype);
	}
	else if (names->domain_text == NULL ||
			 !parse_qualified(names->domain_text, &schema, &name))
		return InvalidOid;
	if (schema != NULL)
		return dg_lookup_domain(schema, name);
	found = dg_lookup_domains(name);
	return list_length(found) == 1 ? linitial_oid(found) : InvalidOid;
}

/* The domain as the message has it; both stay as they were if it is none. */
void
dg_resolve_domain_text(const char *text, const char **schema,
					   const char **name)
{
	char	   *parsed_schema = NULL;
	char	   *parsed_name = NULL;

	if (!parse_qualified(text, &parsed_schema, &parsed_name))
		return;
	*schema = parsed_schema;
	*name = parsed_name;
}

/* Reads what format_type() printed: name or schema.name, quoted or not. */
static bool
parse_qualified(const char *text, char **schema, char **name)
{
	text = parse_identifier(text, name);
	if (text == NULL)
		return false;
	if (*text == '\0')
		return true;
	if (*text != '.')
		return false;
	*schema = *name;
	text = parse_identifier(text + 1, name);
	return text != NULL && *text == '\0';
}

/* One identifier; returns what follows, or NULL. */
static const char *
parse_identifier(const char *text, char **name)
{
	StringInfoData buf;

	initStringInfo(&buf);
	if (*text != '"')
	{
		while (*text != '\0' && *text != '.' && *text != '"')
			appendStringInfoChar(&buf, *text++);
	}
	else
	{
		for (text++; text[0] != '"' || text[1] == '"'; text++)
		{
			if (*text == '\0')
				return NULL;
			if (*text == '"')
				text++;
			appendStringInfoChar(&buf, *text);
		}
		text++;
	}
	*name = buf.data;
	return buf.len > 0 ? text : NULL;
}

/*
 * The comment on a constraint of the domain, or of the domain that it is
 * made from; *found: whether there is such a constraint.
 */
static const char *
domain_comment(Oid domain, const char *constraint, bool *found)
{
	*found = false;
	if (strlen(constraint) >= NAMEDATALEN)
		return NULL;
	while (get_typtype(domain) == TYPTYPE_DOMAIN)
	{
		Oid			conoid;
		HeapTuple	tuple;

		conoid = get_domain_constraint_oid(domain, constraint, true);
		if (OidIsValid(conoid))
		{
			*found = true;
			return GetComment(conoid, ConstraintRelationId, 0);
		}
		tuple = SearchSysCache1(TYPEOID, ObjectIdGetDatum(domain));
		if (!HeapTupleIsValid(tuple))
			break;
		domain = ((Form_pg_type) GETSTRUCT(tuple))->typbasetype;
		ReleaseSysCache(tuple);
	}
	return NULL;
}

/* All columns of the domain, if they are in one table. */
static void
find_candidate_columns(DgFacts *facts, Oid domain)
{
	List	   *pairs = dg_lookup_domain_columns(domain);
	List	   *columns = NIL;
	Oid			table = InvalidOid;
	int			i;

	for (i = 0; i < list_length(pairs); i += 2)
	{
		Oid			relid = list_nth_oid(pairs, i);
		char	   *name = get_attname(relid, list_nth_oid(pairs, i + 1), true);

		if (name == NULL)
			continue;
		if (OidIsValid(table) && table != relid)
			return;
		table = relid;
		columns = lappend(columns, name);
	}
	if (!OidIsValid(table) || get_rel_name(table) == NULL)
		return;
	facts->table_name = get_rel_name(table);
	facts->schema_name = get_namespace_name(get_rel_namespace(table));
	facts->columns = columns;
}
