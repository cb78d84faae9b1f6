/*
 * creation.c
 *		Where rows can be created, and how often to try.
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

static void check_writable(Relation rel);
static void check_rules(Relation rel);
static Relation open_base(Relation rel);

/*
 * Refuses where nothing can be created.
 */
void
dg_creation_check(Relation rel)
{
	check_rules(rel);
	check_writable(rel);
}

/*
 * 25006 in a read-only transaction or on a standby, where a hit would have
 * been answered.
 */
static void
check_writable(Relation rel)
{
	if (!XactReadOnly || rel->rd_rel->relpersistence == RELPERSISTENCE_TEMP)
		return;
	ereport(ERROR,
			(errcode(ERRCODE_READ_ONLY_SQL_TRANSACTION),
			 errmsg("cannot create a row in \"%s\" in a read-only transaction",
					RelationGetRelationName(rel)),
			 errdetail("The row was not found, and this transaction cannot write."),
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
