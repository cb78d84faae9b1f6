/*
 * statement.c
 *		The SQL statements behind a call, cached with its shape; the only place
 *		that uses SPI.
 *
 * Two kinds: the look, a SELECT of the whole row by its key, and the creation,
 * an INSERT with or without ON CONFLICT DO NOTHING.  The executor does
 * everything else: privileges, row security, triggers, generated and identity
 * columns, routing to partitions, foreign keys.
 *
 * Conflict targets are inferred from columns, expressions and predicate, each
 * element with its collation and operator class, not from the constraint's
 * name: REINDEX CONCURRENTLY has two indexes for a while, and a bare column
 * could infer an index of another collation.
 *
 * search_path.  Names that we write are qualified, operators too.  Deparsed
 * expressions are qualified only as far as the search_path of the moment asks
 * for it, and PostgreSQL analyzes a cached statement again under the path of
 * the caller.  So such text remembers its path and serves no other one.
 *
 * Snapshots and command counter are SPI's for a volatile function: each
 * statement sees what came before it in this transaction and, under READ
 * COMMITTED, what others have committed.
 */
#include "postgres.h"

#include "access/xact.h"
#include "catalog/pg_class.h"
#include "catalog/pg_collation.h"
#include "catalog/pg_opclass.h"
#include "catalog/pg_operator.h"
#include "executor/spi.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/plancache.h"
#include "utils/rel.h"
#include "utils/ruleutils.h"
#include "utils/snapmgr.h"
#include "utils/syscache.h"
#include "utils/typcache.h"

#include "compat.h"
#include "statement.h"

#define DG_MAX_STATEMENTS_PER_SHAPE 16

typedef enum DgVerb
{
	DG_LOOK,
	DG_CREATE,
	DG_INSERT
} DgVerb;

/* What a statement's text follows from, besides the shape */
typedef struct StatementKey
{
	DgVerb		verb;
	DgLockStrength lock;
	DgArbiter  *arbiter;		/* NULL: by all lookup columns */
	Bitmapset  *nulls;			/* parameters asked for with IS NULL */
} StatementKey;

typedef struct DgStatement
{
	StatementKey key;
	SearchPathMatcher *path;	/* NULL: good under any */
	SPIPlanPtr	plan;
	MemoryContext context;
	MemoryContextCallback free_plan;
} DgStatement;

static DgStatement *get_statement(Relation rel, DgShape *shape,
								  StatementKey *key);
static DgStatement *prepare(Relation rel, DgShape *shape, StatementKey *key);
static void check_inference(SPIPlanPtr plan);
static void hint_view(void *arg);
static bool is_path_dependent(StatementKey *key);
static void free_plan(void *arg);
static Oid *parameter_types(Relation rel, DgShape *shape, StatementKey *key,
							int *nargs);
static char *look_text(Relation rel, DgShape *shape, StatementKey *key);
static void append_key_conditions(StringInfo sql, Relation rel,
								  const char *alias, StatementKey *key);
static void append_column_conditions(StringInfo sql, Relation rel,
									 const char *alias, DgShape *shape,
									 StatementKey *key);
static void append_comparison(StringInfo sql, Oid operator, int param,
							  bool is_null);
static char *create_text(Relation rel, DgShape *shape, StatementKey *key);
static void append_conflict_target(StringInfo sql, Relation rel,
								   DgShape *shape, DgArbiter *arbiter);
static char *deparse(Relation rel, Node *expr);
static void append_predicate(StringInfo sql, const char *lead, Relation rel,
							 DgArbiter *arbiter);
static void append_collation(StringInfo sql, Oid collation);
static void append_opclass(StringInfo sql, Oid opclass);
static const char *column_name(Relation rel, AttrNumber attnum);
static const char *free_alias(Relation rel);
static bool execute(Relation rel, DgStatement *statement, Datum *values,
					const char *nulls, Snapshot snapshot, Datum *record);
static int	run_plan(DgStatement *statement, Datum *values,
					 const char *nulls, Snapshot snapshot);
static void hint_retry(void *arg);

/*
 * Selects the row, by the arbiter's key or, without an arbiter, by all lookup
 * columns.  False when there is none; 21000 when there are several.  With a
 * snapshot it looks under that one.  The record is in the caller's memory
 * context.
 */
bool
dg_statement_look(Relation rel, DgShape *shape, DgArbiter *arbiter,
				  DgCandidate *candidate, DgKey *key, DgLockStrength lock,
				  Snapshot snapshot, Datum *record)
{
	StatementKey wanted = {DG_LOOK, lock, arbiter, NULL};
	int			n = arbiter ? arbiter->index->nkeys : shape->lookup->ncolumns;
	Datum	   *values = palloc(n * sizeof(Datum));
	char	   *nulls = palloc(n * sizeof(char));

	for (int i = 0; i < n; i++)
	{
		int			pos = arbiter ? i : shape->lookup->attnums[i] - 1;
		bool		isnull = arbiter ? key->nulls[pos] : candidate->nulls[pos];

		values[i] = arbiter ? key->values[pos] : candidate->values[pos];
		nulls[i] = isnull ? 'n' : ' ';
		if (isnull)
			wanted.nulls = bms_add_member(wanted.nulls, i);
	}
	return execute(rel, get_statement(rel, shape, &wanted), values, nulls,
				   snapshot, record);
}

/*
 * Inserts the candidate.  False when nothing was inserted: a conflict, if
 * on_conflict asks for that to be no error, or a trigger that suppressed the
 * row.
 */
bool
dg_statement_create(Relation rel, DgShape *shape, DgArbiter *arbiter,
					bool on_conflict, DgCandidate *candidate, Datum *record)
{
	StatementKey wanted = {on_conflict ? DG_CREATE : DG_INSERT,
	DG_LOCK_NONE, arbiter, NULL};
	int			nlookup = shape->lookup->ncolumns;
	int			n = nlookup + shape->defaults->ncolumns;
	Datum	   *values = palloc(n * sizeof(Datum));
	char	   *nulls = palloc(n * sizeof(char));

	for (int i = 0; i < n; i++)
	{
		AttrNumber	attnum = i < nlookup ? shape->lookup->attnums[i] :
			shape->defaults->attnums[i - nlookup];

		values[i] = candidate->values[attnum - 1];
		nulls[i] = candidate->nulls[attnum - 1] ? 'n' : ' ';
	}
	return execute(rel, get_statement(rel, shape, &wanted), values, nulls,
				   InvalidSnapshot, record);
}

/*
 * The prepared statement of that key, made if need be.
 */
static DgStatement *
get_statement(Relation rel, DgShape *shape, StatementKey *key)
{
	DgStatement *statement;
	MemoryContext old;
	ListCell   *lc;

	foreach(lc, shape->statements)
	{
		statement = lfirst(lc);
		if (statement->key.verb == key->verb &&
			statement->key.lock == key->lock &&
			statement->key.arbiter == key->arbiter &&
			bms_equal(statement->key.nulls, key->nulls) &&
			(statement->path == NULL ||
			 SearchPathMatchesCurrentEnvironment(statement->path)))
			return statement;
	}

	statement = prepare(rel, shape, key);
	if (list_length(shape->statements) >= DG_MAX_STATEMENTS_PER_SHAPE)
	{
		DgStatement *oldest = linitial(shape->statements);

		shape->statements = list_delete_first(shape->statements);
		dg_target_bury(oldest->context);
	}
	old = MemoryContextSwitchTo(shape->context);
	shape->statements = lappend(shape->statements, statement);
	MemoryContextSwitchTo(old);
	return statement;
}

/*
 * Prepares a statement for good.  A generic plan from the start: the key
 * decides the row whatever its value, so a plan per value buys nothing.
 */
static DgStatement *
prepare(Relation rel, DgShape *shape, StatementKey *key)
{
	MemoryContext context;
	DgStatement *statement;
	char	   *sql;
	Oid		   *types;
	int			nargs;

	context = AllocSetContextCreate(CurrentMemoryContext,
									"duplicate_guard statement",
									ALLOCSET_SMALL_SIZES);
	statement = MemoryContextAllocZero(context, sizeof(DgStatement));
	statement->context = context;
	statement->key = *key;
	if (key->nulls != NULL)
	{
		MemoryContext old = MemoryContextSwitchTo(context);

		statement->key.nulls = bms_copy(key->nulls);
		MemoryContextSwitchTo(old);
	}
	if (is_path_dependent(key))
		statement->path = GetSearchPathMatcher(context);

	sql = key->verb == DG_LOOK ? look_text(rel, shape, key) :
		create_text(rel, shape, key);
	types = parameter_types(rel, shape, key, &nargs);

	SPI_connect();
	statement->plan = SPI_prepare_cursor(sql, nargs, types,
										 CURSOR_OPT_GENERIC_PLAN);
	if (statement->plan == NULL)
		elog(ERROR, "could not prepare \"%s\": %s", sql,
			 SPI_result_code_string(SPI_result));
	if (rel->rd_rel->relkind == RELKIND_VIEW && key->verb == DG_CREATE)
		check_inference(statement->plan);
	SPI_keepplan(statement->plan);
	statement->free_plan.func = free_plan;
	statement->free_plan.arg = statement->plan;
	MemoryContextRegisterResetCallback(context, &statement->free_plan);
	SPI_finish();

	MemoryContextSetParent(context, shape->context);
	return statement;
}

/*
 * Plans the INSERT for a view now, to tell what to do when PostgreSQL finds no
 * unique index of the base table for the lookup columns.
 */
static void
check_inference(SPIPlanPtr plan)
{
	ErrorContextCallback callback = {
		.previous = error_context_stack,
		.callback = hint_view
	};
	CachedPlan *cached;

	error_context_stack = &callback;
	cached = SPI_plan_get_cached_plan(plan);
	if (cached != NULL)
		ReleaseCachedPlan(cached, CurrentResourceOwner);
	error_context_stack = callback.previous;
}

/*
 * Error context callback for that.
 */
static void
hint_view(void *arg)
{
	if (geterrcode() == ERRCODE_INVALID_COLUMN_REFERENCE)
		errhint("Look up a view by exactly the columns of a unique index of its base table, or call it for that table.");
}

/*
 * Does the text hold deparsed expressions?
 */
static bool
is_path_dependent(StatementKey *key)
{
	return key->verb != DG_INSERT && key->arbiter != NULL &&
		(key->arbiter->index->exprs != NIL ||
		 key->arbiter->index->predicate != NIL);
}

/*
 * Called when the statement's context goes.
 */
static void
free_plan(void *arg)
{
	SPI_freeplan((SPIPlanPtr) arg);
}

/*
 * The types of the parameters: those of the key, or of the columns.
 */
static Oid *
parameter_types(Relation rel, DgShape *shape, StatementKey *key, int *nargs)
{
	TupleDesc	desc = RelationGetDescr(rel);
	int			nlookup = shape->lookup->ncolumns;
	Oid		   *types;

	if (key->verb == DG_LOOK && key->arbiter != NULL)
	{
		*nargs = key->arbiter->index->nkeys;
		return key->arbiter->index->types;
	}
	*nargs = nlookup;
	if (key->verb != DG_LOOK)
		*nargs += shape->defaults->ncolumns;
	types = palloc(*nargs * sizeof(Oid));
	for (int i = 0; i < *nargs; i++)
	{
		AttrNumber	attnum = i < nlookup ? shape->lookup->attnums[i] :
			shape->defaults->attnums[i - nlookup];

		types[i] = TupleDescAttr(desc, attnum - 1)->atttypid;
	}
	return types;
}

/*
 * SELECT t FROM s.r AS t WHERE … [FOR … OF t]
 */
static char *
look_text(Relation rel, DgShape *shape, StatementKey *key)
{
	static const char *const locks[] = {
		[DG_LOCK_NONE] = NULL,
		[DG_LOCK_KEY_SHARE] = "KEY SHARE",
		[DG_LOCK_SHARE] = "SHARE",
		[DG_LOCK_NO_KEY_UPDATE] = "NO KEY UPDATE",
		[DG_LOCK_UPDATE] = "UPDATE"
	};
	const char *alias = free_alias(rel);
	StringInfoData sql;

	initStringInfo(&sql);
	appendStringInfo(&sql, "SELECT %s FROM %s AS %s WHERE ", alias,
					 dg_target_name(rel), alias);
	if (key->arbiter != NULL)
		append_key_conditions(&sql, rel, alias, key);
	else
		append_column_conditions(&sql, rel, alias, shape, key);
	if (key->lock != DG_LOCK_NONE)
		appendStringInfo(&sql, " FOR %s OF %s", locks[key->lock], alias);
	return sql.data;
}

/*
 * The arbiter's key and predicate, in the form in which the planner finds
 * that index.
 */
static void
append_key_conditions(StringInfo sql, Relation rel, const char *alias,
					  StatementKey *key)
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
						 DgShape *shape, StatementKey *key)
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
 * What stands behind the column: OPERATOR(pg_catalog.=) $1
 */
static void
append_comparison(StringInfo sql, Oid operator, int param, bool is_null)
{
	HeapTuple	tuple;
	Form_pg_operator form;

	if (is_null)
	{
		appendStringInfoString(sql, " IS NULL");
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
create_text(Relation rel, DgShape *shape, StatementKey *key)
{
	const char *alias = free_alias(rel);
	int			nlookup = shape->lookup->ncolumns;
	int			n = nlookup + shape->defaults->ncolumns;
	StringInfoData sql;
	StringInfoData params;

	initStringInfo(&sql);
	initStringInfo(&params);
	appendStringInfo(&sql, "INSERT INTO %s AS %s (", dg_target_name(rel),
					 alias);
	for (int i = 0; i < n; i++)
	{
		AttrNumber	attnum = i < nlookup ? shape->lookup->attnums[i] :
			shape->defaults->attnums[i - nlookup];

		appendStringInfo(&sql, "%s%s", i > 0 ? ", " : "",
						 column_name(rel, attnum));
		appendStringInfo(&params, "%s$%d", i > 0 ? ", " : "", i + 1);
	}
	appendStringInfo(&sql, ") VALUES (%s)", params.data);
	if (key->verb == DG_CREATE)
	{
		appendStringInfoString(&sql, " ON CONFLICT");
		append_conflict_target(&sql, rel, shape, key->arbiter);
		appendStringInfoString(&sql, " DO NOTHING");
	}
	appendStringInfo(&sql, " RETURNING %s", alias);
	return sql.data;
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
 * An expression over the table's columns, as text for this search_path.
 */
static char *
deparse(Relation rel, Node *expr)
{
	List	   *context = deparse_context_for(RelationGetRelationName(rel),
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

	if (!OidIsValid(collation))
		return;
	tuple = SearchSysCache1(COLLOID, ObjectIdGetDatum(collation));
	if (!HeapTupleIsValid(tuple))
		elog(ERROR, "cache lookup failed for collation %u", collation);
	form = (Form_pg_collation) GETSTRUCT(tuple);
	appendStringInfo(sql, " COLLATE %s",
					 quote_qualified_identifier(get_namespace_name(form->collnamespace),
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

	tuple = SearchSysCache1(CLAOID, ObjectIdGetDatum(opclass));
	if (!HeapTupleIsValid(tuple))
		elog(ERROR, "cache lookup failed for operator class %u", opclass);
	form = (Form_pg_opclass) GETSTRUCT(tuple);
	appendStringInfo(sql, " %s",
					 quote_qualified_identifier(get_namespace_name(form->opcnamespace),
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
												  attnum - 1)->attname));
}

/*
 * An alias for the target that no column bears: where one does, the alias
 * alone would mean the column, not the row.
 */
static const char *
free_alias(Relation rel)
{
	char	   *alias = pstrdup("t");

	for (int i = 1; get_attnum(RelationGetRelid(rel), alias) != InvalidAttrNumber; i++)
		alias = psprintf("t_%d", i);
	return alias;
}

/*
 * Runs a statement; false when it gave no row.
 */
static bool
execute(Relation rel, DgStatement *statement, Datum *values,
		const char *nulls, Snapshot snapshot, Datum *record)
{
	ErrorContextCallback callback = {
		.previous = error_context_stack,
		.callback = hint_retry
	};
	int			rc;
	bool		found;
	bool		isnull;

	error_context_stack = &callback;
	SPI_connect();
	rc = run_plan(statement, values, nulls, snapshot);
	if (rc < 0)
		elog(ERROR, "SPI_execute_plan failed: %s", SPI_result_code_string(rc));
	if (SPI_processed > 1)
		ereport(ERROR,
				(errcode(ERRCODE_CARDINALITY_VIOLATION),
				 errmsg("more than one row of \"%s\" matches the lookup",
						RelationGetRelationName(rel)),
				 errhint("Look up by columns that are unique over all of it."),
				 errtable(rel)));
	found = (SPI_processed == 1);
	if (found)
	{
		*record = SPI_getbinval(SPI_tuptable->vals[0], SPI_tuptable->tupdesc,
								1, &isnull);
		Assert(!isnull);
		*record = SPI_datumTransfer(*record, false, -1);
	}
	SPI_finish();
	error_context_stack = callback.previous;
	return found;
}

/*
 * With SPI's own snapshot, or with the given one.
 */
static int
run_plan(DgStatement *statement, Datum *values, const char *nulls,
		 Snapshot snapshot)
{
	if (snapshot == InvalidSnapshot)
		return SPI_execute_plan(statement->plan, values, nulls, false, 2);
	return SPI_execute_snapshot(statement->plan, values, nulls, snapshot,
								InvalidSnapshot, true, false, 2);
}

/*
 * Error context callback: tells what to do about a serialization failure, in
 * the place where users look for that.
 */
static void
hint_retry(void *arg)
{
	if (geterrcode() == ERRCODE_T_R_SERIALIZATION_FAILURE)
		errhint("Retry the whole transaction.");
}
