/*
 * call.c
 *		What every call begins with: the names it gives, and what follows from
 *		them.
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "miscadmin.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"

#include "call.h"
#include "compat.h"

static void check_schema(Relation rel);
static bool recall_shape(DgCall *call, DgMemo *memo);
static DgShape *get_shape(DgCall *call);
static void report_repeated_column(DgShape *draft, Relation rel);

/*
 * Fills in target, shape and an empty candidate; rel, lookup and defaults are
 * set.  Everything that can be wrong with names is found here.
 */
void
dg_call_open(DgCall *call, DgMemo *memo)
{
	check_schema(call->rel);
	if (!recall_shape(call, memo))
	{
		call->target = dg_target_get(call->rel);
		call->shape = get_shape(call);
		dg_target_memorize(memo, call->shape);
	}
	dg_candidate_init(&call->candidate, call->target->desc->natts);
}

/*
 * 42501 without USAGE on the schema.  Asked on every call, since a statement
 * that was analyzed for one role may be run by another.
 */
static void
check_schema(Relation rel)
{
	Oid			schema = RelationGetNamespace(rel);
	AclResult	result = object_aclcheck(NamespaceRelationId, schema,
									   GetUserId(), ACL_USAGE);

	if (result != ACLCHECK_OK)
		aclcheck_error(result, OBJECT_SCHEMA, get_namespace_name(schema));
}

/*
 * The shape that the last call from the same place had, if this one names the
 * same columns.
 */
static bool
recall_shape(DgCall *call, DgMemo *memo)
{
	const char *key;

	if (!dg_target_memo_is_true(memo))
		return false;
	key = dg_candidate_skip_key(memo->shape->key, call->lookup);
	if (key == NULL || dg_candidate_skip_key(key, call->defaults) == NULL)
		return false;
	call->shape = memo->shape;
	call->target = memo->shape->target;
	return true;
}

/*
 * What follows from the names in lookup and defaults.
 */
static DgShape *
get_shape(DgCall *call)
{
	StringInfoData key;
	DgShape    *shape;
	DgShape		draft = {0};
	MemoryContext old;

	initStringInfo(&key);
	dg_candidate_append_key(&key, call->lookup);
	dg_candidate_append_key(&key, call->defaults);
	shape = dg_target_find_shape(call->target, &key);
	if (shape != NULL)
		return shape;

	draft.context = dg_target_shape_context();
	old = MemoryContextSwitchTo(draft.context);
	draft.lookup = dg_candidate_columns(call->rel, call->lookup);
	draft.defaults = dg_candidate_columns(call->rel, call->defaults);
	if (bms_overlap(draft.lookup->attrs, draft.defaults->attrs))
		report_repeated_column(&draft, call->rel);
	draft.arbiters = dg_arbiter_serving(call->rel, call->target, draft.lookup);
	MemoryContextSwitchTo(old);
	return dg_target_add_shape(call->target, &draft, &key);
}

/*
 * 22023: which of the two values should win is not ours to guess.
 */
static void
report_repeated_column(DgShape *draft, Relation rel)
{
	Bitmapset  *both = bms_intersect(draft->lookup->attrs,
									draft->defaults->attrs);
	AttrNumber	attnum = bms_next_member(both, -1);

	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("column \"%s\" is in both lookup and defaults",
					get_attname(RelationGetRelid(rel), attnum, false)),
			 errhint("Give it once: in the lookup if it identifies the row, else in defaults."),
			 errtablecol(rel, attnum)));
}
