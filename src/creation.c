/*
 * creation.c
 *		Where rows can be created and updated, and how often to try.
 */
#include "postgres.h"

#include "access/relation.h"
#include "access/xact.h"
#include "access/xlog.h"
#include "catalog/pg_class.h"
#include "commands/trigger.h"
#include "parser/parsetree.h"
#include "rewrite/prs2lock.h"
#include "rewrite/rewriteHandler.h"
#include "utils/rel.h"
#include "utils/rls.h"

#include "creation.h"

#define DG_ROUNDS 64
#define DG_ROUNDS_BLIND 3		/* where the look may be blind to a row */

static bool is_writable(Relation rel);
pg_noreturn static void report_read_only(Relation rel, const char *message,
										 const char *detail);
static void check_rules(Relation rel);
static void check_update_rules(Relation rel);
static bool has_update_rule(Relation rel);
static Relation open_base(Relation rel);

/*
 * Refuses where nothing can be created.
 */
void
dg_creation_check(Relation rel)
{
	check_rules(rel);
	if (!is_writable(rel))
		report_read_only(rel,
						 gettext_noop("cannot create a row in \"%s\" in a read-only transaction"),
						 gettext_noop("The row was not found, and this transaction cannot write."));
}

/*
 * Refuses where no row can be updated.
 */
void
dg_creation_check_update(Relation rel)
{
	check_update_rules(rel);
	if (!is_writable(rel))
		report_read_only(rel,
						 gettext_noop("cannot update a row of \"%s\" in a read-only transaction"),
						 gettext_noop("The row differs from defaults, and this transaction cannot write."));
}

/*
 * May this transaction write to the relation?
 */
static bool
is_writable(Relation rel)
{
	return !XactReadOnly || rel->rd_rel->relpersistence == RELPERSISTENCE_TEMP;
}

/*
 * 25006 in a read-only transaction or on a standby, where a call that has
 * nothing to write would have been answered.
 */
static void
report_read_only(Relation rel, const char *message, const char *detail)
{
	ereport(ERROR,
			(errcode(ERRCODE_READ_ONLY_SQL_TRANSACTION),
			 errmsg(message, RelationGetRelationName(rel)),
			 errdetail_internal("%s", _(detail)),
			 RecoveryInProgress() ?
				 errhint("Call it on the primary server; this one is a standby.") :
				 errhint("Call it in a READ WRITE transaction, on the primary server."),
			 errtable(rel)));
}

/*
 * 0A000 where an INSERT would be something else than an INSERT, in the
 * relation itself or, for a view, in the one behind it.
 */
static void
check_rules(Relation rel)
{
	const char *cause = NULL;
	Relation	base;

	if (rel->trigdesc != NULL && rel->trigdesc->trig_insert_instead_row)
		cause = gettext_noop("\"%s\" has an INSTEAD OF INSERT trigger.");
	for (int i = 0; rel->rd_rules != NULL && i < rel->rd_rules->numLocks; i++)
	{
		CmdType		event = rel->rd_rules->rules[i]->event;

		if (event == CMD_INSERT || event == CMD_UPDATE)
			cause = gettext_noop("\"%s\" has INSERT or UPDATE rules.");
	}
	if (cause != NULL)
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("cannot create a row through \"%s\"",
						RelationGetRelationName(rel)),
				 errdetail(cause, RelationGetRelationName(rel)),
				 errhint("Rows that exist are found; to create one, call it for the table behind it."),
				 errtable(rel)));

	base = open_base(rel);
	if (base != NULL)
	{
		check_rules(base);
		relation_close(base, NoLock);
	}
}

/*
 * 0A000 where an UPDATE would be something else than an UPDATE, likewise.
 */
static void
check_update_rules(Relation rel)
{
	bool		has_trigger = (rel->trigdesc != NULL &&
						rel->trigdesc->trig_update_instead_row);
	Relation	base;

	if (has_trigger || has_update_rule(rel))
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("cannot update a row through \"%s\"",
						RelationGetRelationName(rel)),
				 has_trigger ?
					 errdetail("\"%s\" has an INSTEAD OF UPDATE trigger.",
							   RelationGetRelationName(rel)) :
					 errdetail("\"%s\" has UPDATE rules.",
							   RelationGetRelationName(rel)),
				 errhint("Rows that do not differ are found; to update one, call it for the table behind it."),
				 errtable(rel)));

	base = open_base(rel);
	if (base != NULL)
	{
		check_update_rules(base);
		relation_close(base, NoLock);
	}
}

/*
 * Is there a rule for UPDATE?
 */
static bool
has_update_rule(Relation rel)
{
	for (int i = 0; rel->rd_rules != NULL && i < rel->rd_rules->numLocks; i++)
	{
		if (rel->rd_rules->rules[i]->event == CMD_UPDATE)
			return true;
	}
	return false;
}

/*
 * The one relation that a view selects from, locked; NULL for no view and for
 * one of more or of something else, which no INSERT goes through anyway.
 */
static Relation
open_base(Relation rel)
{
	List	   *from;
	RangeTblEntry *rte;
	Query	   *query;

	if (rel->rd_rel->relkind != RELKIND_VIEW)
		return NULL;
	query = get_view_query(rel);
	from = query->jointree->fromlist;
	if (list_length(from) != 1 || !IsA(linitial(from), RangeTblRef))
		return NULL;
	rte = rt_fetch(((RangeTblRef *) linitial(from))->rtindex, query->rtable);
	if (rte->rtekind != RTE_RELATION)
		return NULL;
	return relation_open(rte->relid, AccessShareLock);
}

/*
 * How often to try before the plain INSERT.
 */
int
dg_creation_rounds(Relation rel)
{
	if (rel->rd_rel->relkind == RELKIND_VIEW ||
		rel->rd_rel->relkind == RELKIND_FOREIGN_TABLE ||
		(rel->trigdesc != NULL && rel->trigdesc->trig_insert_before_row) ||
		check_enable_rls(RelationGetRelid(rel), InvalidOid,
						 true) == RLS_ENABLED)
		return DG_ROUNDS_BLIND;
	return DG_ROUNDS;
}

/*
 * 27000: a plain INSERT raised no error and inserted nothing.
 */
void
dg_creation_report_suppressed(Relation rel)
{
	ereport(ERROR,
			(errcode(ERRCODE_TRIGGERED_DATA_CHANGE_VIOLATION),
			 errmsg("no row was created in \"%s\"",
					RelationGetRelationName(rel)),
			 rel->rd_rules != NULL ?
				 errdetail("A rule or a trigger suppressed the row.") :
				 errdetail("A BEFORE INSERT trigger suppressed the row."),
			 errhint("Let the trigger return the row, or raise an error that says why not."),
			 errtable(rel)));
}
