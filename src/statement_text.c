/*
 * statement_text.c
 *		The text of the SQL statements behind a call.
 *
 * Names that we write are quoted and qualified, operators too.  Deparsed
 * expressions are qualified only as far as the search_path of the moment asks
 * for it: dg_statement_text_needs_path says whether a text holds any.
 *
 * Conflict targets are inferred from columns, expressions and predicate, each
 * element with its collation and operator class, not from the constraint's
 * name: REINDEX CONCURRENTLY has two indexes for a while, and a bare column
 * could infer an index of another collation.
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "access/sysattr.h"
#include "catalog/pg_class.h"
#include "catalog/pg_collation.h"
#include "catalog/pg_opclass.h"
#include "catalog/pg_operator.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"
#include "utils/ruleutils.h"
#include "utils/syscache.h"

#include "citus.h"
#include "statement_text.h"
#include "timescale.h"

static char *look_text(Relation rel, DgShape *shape, DgStatementKey *key);
static char *update_text(Relation rel, DgShape *shape, DgStatementKey *key);
static void append_conditions(StringInfo sql, Relation rel, const char *alias,
							  DgShape *shape, DgStatementKey *key);
static char *create_text(Relation rel, DgShape *shape,
						 DgStatementKey *key);
static void append_values(StringInfo sql, Relation rel, DgShape *shape);
static char *create_many_text(Relation rel, DgShape *shape,
							  DgStatementKey *key);
static void append_key_conditions(StringInfo sql, Relation rel,
								  const char *alias, DgStatementKey *key);
static void append_column_conditions(StringInfo sql, Relation rel,
									 const char *alias, DgShape *shape,
									 DgStatementKey *key);
static void append_comparison(StringInfo sql, Oid operator, int param,
							  bool is_null);
static void append_on_conflict(StringInfo sql, Relation rel, DgShape *shape,
							   DgArbiter *arbiter);
static void append_conflict_target(StringInfo sql, Relation rel,
								   DgShape *shape, DgArbiter *arbiter);
static const char *only(Relation rel);
static char *deparse(Relation rel, Node *expr);
static void append_predicate(StringInfo sql, const char *lead, Relation rel,
							 DgArbiter *arbiter);
static void append_collation(StringInfo sql, Oid collation);
static void append_opclass(StringInfo sql, Oid opclass);
static const char *column_name(Relation rel, AttrNumber attnum);
static const char *free_alias(Relation rel);
static const char *whole_row(Relation rel, const char *alias);

/*
 * The text for that key, in the current memory context.
 */
char *
dg_statement_text(Relation rel, DgShape *shape, DgStatementKey *key)
{
	switch (key->verb)
	{
		case DG_LOOK:
			return look_text(rel, shape, key);
		case DG_UPDATE:
			return update_text(rel, shape, key);
		case DG_CREATE_MANY:
		case DG_INSERT_MANY:
			return create_many_text(rel, shape, key);
		default:
			return create_text(rel, shape, key);
	}
}

/*
 * Does the text hold deparsed expressions?
 */
bool
dg_statement_text_needs_path(DgStatementKey *key)
{
	return key->verb != DG_INSERT && key->verb != DG_INSERT_MANY &&
		   key->arbiter != NULL &&
		   (key->arbiter->index->exprs != NIL ||
			key->arbiter->index->predicate != NIL);
}

/*
 * SELECT t FROM s.r AS t WHERE … [FOR … OF t]
 */
static char *
look_text(Relation rel, DgShape *shape, DgStatementKey *key)
{
	static const char *const locks[] = {
		[DG_LOCK_NONE] = NULL,
		[DG_LOCK_KEY_SHARE] = "KEY SHARE",
		[DG_LOCK_SHARE] = "SHARE",
		[DG_LOCK_NO_KEY_UPDATE] = "NO KEY UPDATE",
		[DG_LOCK_UPDATE] = "UPDATE"};
	const char *alias = free_alias(rel);
	StringInfoData sql;

	initStringInfo(&sql);
	appendStringInfo(&sql, "SELECT %s FROM %s AS %s WHERE ",
					 whole_row(rel, alias), dg_target_name(rel), alias);
	append_conditions(&sql, rel, alias, shape, key);
	if (key->lock != DG_LOCK_NONE)
		appendStringInfo(&sql, " FOR %s OF %s", locks[key->lock], alias);
	return sql.data;
}

/*
 * UPDATE s.r AS t SET … WHERE … RETURNING t
 *
 * The key's parameters come first, as in a look.
 */
static char *
update_text(Relation rel, DgShape *shape, DgStatementKey *key)
{
	const char *alias = free_alias(rel);
	int			nkeys = dg_statement_text_nkeys(shape, key->arbiter);
	StringInfoData sql;

	initStringInfo(&sql);
	appendStringInfo(&sql, "UPDATE %s AS %s SET ", dg_target_name(rel), alias);
	for (int i = 0; i < list_length(shape->updated); i++)
		appendStringInfo(&sql, "%s%s = $%d", i > 0 ? ", " : "",
						 column_name(rel, list_nth_int(shape->updated, i)),
						 nkeys + i + 1);
	appendStringInfoString(&sql, " WHERE ");
	append_conditions(&sql, rel, alias, shape, key);
	appendStringInfo(&sql, " RETURNING %s", whole_row(rel, alias));
	return sql.data;
}

/*
 * How many parameters the row is identified by.
 */
int
dg_statement_text_nkeys(DgShape *shape, DgArbiter *arbiter)
{
	return arbiter != NULL ? arbiter->index->nkeys : shape->lookup->ncolumns;
}

/*
 * What identifies the row.
 */
static void
append_conditions(StringInfo sql, Relation rel, const char *alias,
				  DgShape *shape, DgStatementKey *key)
{
	if (key->arbiter != NULL)
		append_key_conditions(sql, rel, alias, key);
	else
		append_column_conditions(sql, rel, alias, shape, key);
}

/*
 * The arbiter's key and predicate, in the form in which the planner finds
 * that index.
 */
static void
append_key_conditions(StringInfo sql, Relation rel, const char *alias,
					  DgStatementKey *key)
{
	DgIndex    *index = key->arbiter->index;
	ListCell   *next_expr = list_head(index->stored_exprs);

	for (int i = 0; i < index->nkeys; i++)
	{
		if (i > 0)
			appendStringInfoString(sql, " AND ");
		if (index->attnums[i] != InvalidAttrNumber)
			appendStringInfo(sql, "%s.%s", alias,
							 column_name(rel, index->attnums[i]));
		else
		{
			appendStringInfo(sql, "(%s)", deparse(rel, lfirst(next_expr)));
			next_expr = lnext(index->stored_exprs, next_expr);
		}
		append_collation(sql, index->collations[i]);
		append_comparison(sql, index->operators[i], i + 1,
						  bms_is_member(i, key->nulls));
	}
	append_predicate(sql, " AND ", rel, key->arbiter);
}

/*
 * Every lookup column by its type's default equality.
 */
static void
append_column_conditions(StringInfo sql, Relation rel, const char *alias,
						 DgShape *shape, DgStatementKey *key)
{
	for (int i = 0; i < shape->lookup->ncolumns; i++)
	{
		AttrNumber	attnum = shape->lookup->attnums[i];

		appendStringInfo(sql, "%s%s.%s", i > 0 ? " AND " : "", alias,
						 column_name(rel, attnum));
		append_comparison(sql, dg_candidate_equality(rel, attnum)->eq_opr,
						  i + 1, bms_is_member(i, key->nulls));
	}
}

/*
 * What stands behind the column: OPERATOR(pg_catalog.=) $1.  For NULL it is not
 * IS NULL, which holds for a composite value of NULLs as well; PostgreSQL makes
 * the same plan of it.
 */
static void
append_comparison(StringInfo sql, Oid operator, int param, bool is_null)
{
	HeapTuple	tuple;
	Form_pg_operator form;

	if (is_null)
	{
		appendStringInfoString(sql, " IS NOT DISTINCT FROM NULL");
		return;
	}
	tuple = SearchSysCache1(OPEROID, ObjectIdGetDatum(operator));
	if (!HeapTupleIsValid(tuple))
		elog(ERROR, "cache lookup failed for operator %u", operator);
	form = (Form_pg_operator) GETSTRUCT(tuple);
	appendStringInfo(sql, " OPERATOR(%s.%s) $%d",
					 quote_identifier(get_namespace_name(form->oprnamespace)),
					 NameStr(form->oprname), param);
	ReleaseSysCache(tuple);
}

/*
 * INSERT INTO s.r AS t (…) VALUES (…) [ON CONFLICT … DO NOTHING] RETURNING t
 */
static char *
create_text(Relation rel, DgShape *shape, DgStatementKey *key)
{
	const char *alias = free_alias(rel);
	StringInfoData sql;

	initStringInfo(&sql);
	appendStringInfo(&sql, "INSERT INTO %s AS %s ", dg_target_name(rel),
					 alias);
	append_values(&sql, rel, shape);
	if (key->verb == DG_CREATE)
		append_on_conflict(&sql, rel, shape, key->arbiter);
	appendStringInfo(&sql, " RETURNING %s", whole_row(rel, alias));
	return sql.data;
}

/*
 * (…) VALUES ($1, …), or DEFAULT VALUES where no column is named.
 */
static void
append_values(StringInfo sql, Relation rel, DgShape *shape)
{
	StringInfoData params;

	if (shape->inserted == NIL)
	{
		appendStringInfoString(sql, "DEFAULT VALUES");
		return;
	}
	initStringInfo(&params);
	appendStringInfoChar(sql, '(');
	for (int i = 0; i < list_length(shape->inserted); i++)
	{
		appendStringInfo(sql, "%s%s", i > 0 ? ", " : "",
						 column_name(rel, list_nth_int(shape->inserted, i)));
		appendStringInfo(&params, "%s$%d", i > 0 ? ", " : "", i + 1);
	}
	appendStringInfo(sql, ") VALUES (%s)", params.data);
}

/*
 * INSERT INTO s.r AS t (…) SELECT … FROM batch [ON CONFLICT …] RETURNING t
 *
 * The batch is scanned in its order, so the rows are inserted in that order.
 */
static char *
create_many_text(Relation rel, DgShape *shape, DgStatementKey *key)
{
	const char *alias = free_alias(rel);
	StringInfoData sql;
	StringInfoData names;
	int			attnum = -1;

	initStringInfo(&sql);
	initStringInfo(&names);
	while ((attnum = bms_next_member(key->columns, attnum)) >= 0)
		appendStringInfo(&names, "%s%s", names.len > 0 ? ", " : "",
						 column_name(rel, attnum));
	appendStringInfo(&sql, "INSERT INTO %s AS %s", dg_target_name(rel), alias);
	if (names.len > 0)
		appendStringInfo(&sql, " (%s)", names.data);
	appendStringInfo(&sql, " SELECT %s FROM %s", names.data, DG_BATCH);
	if (key->verb == DG_CREATE_MANY)
		append_on_conflict(&sql, rel, shape, key->arbiter);
	appendStringInfo(&sql, " RETURNING %s", whole_row(rel, alias));
	return sql.data;
}

/*
 * ON CONFLICT … DO NOTHING
 */
static void
append_on_conflict(StringInfo sql, Relation rel, DgShape *shape,
				   DgArbiter *arbiter)
{
	appendStringInfoString(sql, " ON CONFLICT");
	append_conflict_target(sql, rel, shape, arbiter);
	appendStringInfoString(sql, " DO NOTHING");
}

/*
 * The inference clause.  A foreign table can have none; that of a view is the
 * lookup columns, which PostgreSQL resolves on the base table.
 */
static void
append_conflict_target(StringInfo sql, Relation rel, DgShape *shape,
					   DgArbiter *arbiter)
{
	DgIndex    *index;
	ListCell   *next_expr;

	if (rel->rd_rel->relkind == RELKIND_FOREIGN_TABLE)
		return;
	appendStringInfoString(sql, " (");
	if (arbiter == NULL)
	{
		for (int i = 0; i < shape->lookup->ncolumns; i++)
			appendStringInfo(sql, "%s%s", i > 0 ? ", " : "",
							 column_name(rel, shape->lookup->attnums[i]));
		appendStringInfoChar(sql, ')');
		return;
	}

	index = arbiter->index;
	next_expr = list_head(index->stored_exprs);
	for (int i = 0; i < index->nkeys; i++)
	{
		if (i > 0)
			appendStringInfoString(sql, ", ");
		if (index->attnums[i] != InvalidAttrNumber)
			appendStringInfoString(sql, column_name(rel, index->attnums[i]));
		else
		{
			appendStringInfo(sql, "(%s)", deparse(rel, lfirst(next_expr)));
			next_expr = lnext(index->stored_exprs, next_expr);
		}
		append_collation(sql, index->collations[i]);
		append_opclass(sql, index->opclasses[i]);
	}
	appendStringInfoChar(sql, ')');
	append_predicate(sql, " WHERE ", rel, arbiter);
}

/*
 * SELECT t FROM [ONLY] s.r AS t WHERE … ORDER BY …
 *
 * All rows that a row with that key would meet in an index of the table; or in
 * one of that partition of it, when its bounds are given: columns have the same
 * names there.  Without a primary key the rows are ordered by their text.
 */
char *
dg_statement_text_conflicts(Relation rel, Relation partition, DgIndex *index,
							Bitmapset *nulls, Node *bounds)
{
	DgArbiter	arbiter = {.index = index};
	DgStatementKey key = {.verb = DG_LOOK, .arbiter = &arbiter, .nulls = nulls};
	const char *alias = free_alias(rel);
	Bitmapset  *primary;
	int			i = -1;
	StringInfoData sql;

	primary = RelationGetIndexAttrBitmap(rel, INDEX_ATTR_BITMAP_PRIMARY_KEY);
	initStringInfo(&sql);
	appendStringInfo(&sql, "SELECT %s FROM %s%s AS %s WHERE ",
					 whole_row(rel, alias), only(rel), dg_target_name(rel),
					 alias);
	append_key_conditions(&sql, partition, alias, &key);
	if (bounds != NULL)
		appendStringInfo(&sql, " AND (%s)", deparse(partition, bounds));
	appendStringInfoString(&sql, " ORDER BY ");
	while ((i = bms_next_member(primary, i)) >= 0)
		appendStringInfo(&sql, "%s.%s, ", alias,
						 column_name(rel,
									 i + FirstLowInvalidHeapAttributeNumber));
	appendStringInfo(&sql, "%s::pg_catalog.text COLLATE pg_catalog.\"C\"",
					 whole_row(rel, alias));
	return sql.data;
}

/*
 * SELECT true FROM [ONLY] s.r AS t WHERE … LIMIT 1
 *
 * Whether a table has a row with these values in these columns.
 */
char *
dg_statement_text_parent(Relation rel, int nkeys, const AttrNumber *attnums,
						 const Oid *operators)
{
	const char *alias = free_alias(rel);
	StringInfoData sql;

	initStringInfo(&sql);
	appendStringInfo(&sql, "SELECT true FROM %s%s AS %s WHERE ", only(rel),
					 dg_target_name(rel), alias);
	for (int i = 0; i < nkeys; i++)
	{
		appendStringInfo(&sql, "%s%s.%s", i > 0 ? " AND " : "", alias,
						 column_name(rel, attnums[i]));
		append_comparison(&sql, operators[i], i + 1, false);
	}
	appendStringInfoString(&sql, " LIMIT 1");
	return sql.data;
}

/*
 * Constraints do not reach down to children, unless these are partitions, or
 * chunks of a hypertable.
 */
static const char *
only(Relation rel)
{
	return rel->rd_rel->relkind == RELKIND_PARTITIONED_TABLE ||
				   (rel->rd_rel->relhassubclass &&
					dg_timescale_is_hypertable(RelationGetRelid(rel))) ?
			   "" :
			   "ONLY ";
}

/*
 * An expression over the table's columns, as text for this search_path, for a
 * statement in which the table has its free alias.
 */
static char *
deparse(Relation rel, Node *expr)
{
	List	   *context = deparse_context_for(free_alias(rel),
										RelationGetRelid(rel));

	return deparse_expression(expr, context, false, false);
}

/*
 * The predicate of a partial arbiter behind that word; nothing for another.
 */
static void
append_predicate(StringInfo sql, const char *lead, Relation rel,
				 DgArbiter *arbiter)
{
	if (arbiter->index->stored_predicate == NULL)
		return;
	appendStringInfo(sql, "%s(%s)", lead,
					 deparse(rel, arbiter->index->stored_predicate));
}

/*
 * COLLATE with a qualified name, where the key has a collation.
 */
static void
append_collation(StringInfo sql, Oid collation)
{
	HeapTuple	tuple;
	Form_pg_collation form;
	char	   *schema;

	if (!OidIsValid(collation))
		return;
	tuple = SearchSysCache1(COLLOID, ObjectIdGetDatum(collation));
	if (!HeapTupleIsValid(tuple))
		elog(ERROR, "cache lookup failed for collation %u", collation);
	form = (Form_pg_collation) GETSTRUCT(tuple);
	schema = get_namespace_name(form->collnamespace);
	appendStringInfo(sql, " COLLATE %s",
					 quote_qualified_identifier(schema,
												NameStr(form->collname)));
	ReleaseSysCache(tuple);
}

/*
 * A qualified operator class.
 */
static void
append_opclass(StringInfo sql, Oid opclass)
{
	HeapTuple	tuple;
	Form_pg_opclass form;
	char	   *schema;

	tuple = SearchSysCache1(CLAOID, ObjectIdGetDatum(opclass));
	if (!HeapTupleIsValid(tuple))
		elog(ERROR, "cache lookup failed for operator class %u", opclass);
	form = (Form_pg_opclass) GETSTRUCT(tuple);
	schema = get_namespace_name(form->opcnamespace);
	appendStringInfo(sql, " %s",
					 quote_qualified_identifier(schema,
												NameStr(form->opcname)));
	ReleaseSysCache(tuple);
}

/*
 * A column's name, quoted.
 */
static const char *
column_name(Relation rel, AttrNumber attnum)
{
	return quote_identifier(NameStr(TupleDescAttr(RelationGetDescr(rel),
												  attnum - 1)
										->attname));
}

/*
 * An alias for the target that no column bears: where one does, the alias
 * alone would mean the column, not the row.
 */
static const char *
free_alias(Relation rel)
{
	char	   *alias = pstrdup("t");

	for (int i = 1;
		 get_attnum(RelationGetRelid(rel), alias) != InvalidAttrNumber;
		 i++)
		alias = psprintf("t_%d", i);
	return alias;
}

/*
 * The row of the target with that alias.  Citus sends the alias alone to a
 * shard as a cast from the shard's row type to the table's, which does not
 * exist; so its columns are given.
 */
static const char *
whole_row(Relation rel, const char *alias)
{
	TupleDesc	desc = RelationGetDescr(rel);
	StringInfoData sql;

	if (!dg_citus_manages(RelationGetRelid(rel)))
		return alias;
	initStringInfo(&sql);
	for (AttrNumber attnum = 1; attnum <= desc->natts; attnum++)
	{
		if (!TupleDescAttr(desc, attnum - 1)->attisdropped)
			appendStringInfo(&sql, "%s%s.%s", sql.len > 0 ? ", " : "ROW(",
							 alias, column_name(rel, attnum));
	}
	appendStringInfo(&sql, "%s)::%s", sql.len > 0 ? "" : "ROW(",
					 dg_target_name(rel));
	return sql.data;
}
