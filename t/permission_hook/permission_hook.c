/*
 * permission_hook.c
 *		A permission hook for the test of the same name.
 *
 * It reports every relation that it is asked about, with the privilege, as a
 * NOTICE, and refuses what the two settings say:
 *
 *	permission_hook.relation	name of a table
 *	permission_hook.privilege	select or insert
 */
#include "postgres.h"

#include "executor/executor.h"
#include "fmgr.h"
#include "nodes/parsenodes.h"
#include "utils/guc.h"
#include "utils/lsyscache.h"

PG_MODULE_MAGIC;

void		_PG_init(void);

static char *refused_relation = NULL;
static char *refused_privilege = NULL;
static ExecutorCheckPerms_hook_type previous_hook = NULL;

/*
 * Reports one relation; false if it is the refused one, and raises 42501 if
 * the caller wants that.
 */
static bool
ask(Oid relid, AclMode required, bool ereport_on_violation)
{
	char	   *name = get_rel_name(relid);
	const char *privilege;

	if (name == NULL || (required & (ACL_SELECT | ACL_INSERT)) == 0)
		return true;
	privilege = (required & ACL_INSERT) ? "insert" : "select";
	ereport(NOTICE, (errmsg("permission hook: %s on %s", privilege, name)));

	if (refused_relation == NULL || strcmp(name, refused_relation) != 0 ||
		refused_privilege == NULL || strcmp(privilege, refused_privilege) != 0)
		return true;
	if (ereport_on_violation)
		ereport(ERROR,
				(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
				 errmsg("permission hook refuses %s on %s", privilege, name)));
	return false;
}

#ifdef PERMISSIONS_IN_RANGE_TABLE

static bool
check_permissions(List *range_table, bool ereport_on_violation)
{
	ListCell   *lc;

	foreach(lc, range_table)
	{
		RangeTblEntry *rte = lfirst_node(RangeTblEntry, lc);

		if (rte->rtekind == RTE_RELATION &&
			!ask(rte->relid, rte->requiredPerms, ereport_on_violation))
			return false;
	}
	return previous_hook == NULL ||
		previous_hook(range_table, ereport_on_violation);
}

#else

static bool
check_permissions(List *range_table, List *permissions,
				  bool ereport_on_violation)
{
	ListCell   *lc;

	foreach(lc, permissions)
	{
		RTEPermissionInfo *info = lfirst_node(RTEPermissionInfo, lc);

		if (!ask(info->relid, info->requiredPerms, ereport_on_violation))
			return false;
	}
	return previous_hook == NULL ||
		previous_hook(range_table, permissions, ereport_on_violation);
}

#endif

void
_PG_init(void)
{
	DefineCustomStringVariable("permission_hook.relation",
							   "Table that is refused.", NULL,
							   &refused_relation, "", PGC_USERSET, 0,
							   NULL, NULL, NULL);
	DefineCustomStringVariable("permission_hook.privilege",
							   "Privilege that is refused: select or insert.",
							   NULL, &refused_privilege, "", PGC_USERSET, 0,
							   NULL, NULL, NULL);
	previous_hook = ExecutorCheckPerms_hook;
	ExecutorCheckPerms_hook = check_permissions;
}
