/*
 * call.c
 *		What every call begins with: the names it gives, and what follows from
 *		them.
 *
 * A shape's key is the names in lookup and defaults; those in create_defaults
 * and touch follow where the call may update.  Each part tells its own length.
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
static bool names_these(DgShape *shape, DgCall *call);
static DgShape *get_shape(DgCall *call);
static void append_key(StringInfo key, DgCall *call);
static void draft_columns(DgShape *draft, DgCall *call);
static void refuse_overlaps(DgShape *draft, DgCall *call);
static void refuse_overlap(Relation rel, DgColumns *one, const char *one_name,
						   DgColumns *other, const char *other_name);
static const char *advice_on(const char *one, const char *other);
static List *append_columns(List *attnums, DgColumns *columns);

/*
 * Fills in target, shape and an empty candidate; rel, the JSON objects and
 * updates are set.  Everything that can be wrong with names is found here.
 */
void
dg_call_open(DgCall *call, DgMemo *memo)
{
	check_schema(call->rel);
	if (!call->updates)
		call->create_defaults = call->defaults;
	if (!recall_shape(call, memo))
	{
		call->target = dg_target_recall(memo, call->rel);
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
	if (!dg_target_memo_is_true(memo) || !names_these(memo->shape, call))
		return false;
	call->shape = memo->shape;
	call->target = memo->shape->target;
	return true;
}

/*
 * Is it the shape of the names that the call gives?
 */
static bool
names_these(DgShape *shape, DgCall *call)
{
	const char *key = shape->key;

	if (call->updates != (shape->touch != NULL))
		return false;
	key = dg_candidate_skip_key(key, call->lookup);
	if (key != NULL)
		key = dg_candidate_skip_key(key, call->defaults);
	if (key != NULL && call->updates)
		key = dg_candidate_skip_key(key, call->create_defaults);
	if (key != NULL && call->updates)
		key = dg_candidate_skip_key(key, call->touch);
	return key != NULL;
}

/*
 * The target's shape for those names.
 */
static DgShape *
get_shape(DgCall *call)
{
	StringInfoData key;
	DgShape		draft = {0};
	MemoryContext old;
	dlist_iter	iter;

	dlist_foreach(iter, &call->target->shapes)
	{
		DgShape    *shape = dlist_container(DgShape, node, iter.cur);

		if (!names_these(shape, call))
			continue;
		dlist_move_head(&call->target->shapes, &shape->node);
		return shape;
	}

	draft.context = dg_target_shape_context();
	old = MemoryContextSwitchTo(draft.context);
	draft_columns(&draft, call);
	refuse_overlaps(&draft, call);
	draft.arbiters = dg_arbiter_serving(call->rel, call->target, draft.lookup);
	MemoryContextSwitchTo(old);

	initStringInfo(&key);
	append_key(&key, call);
	return dg_target_add_shape(call->target, &draft, &key);
}

/*
 * The names, as the cache has them.
 */
static void
append_key(StringInfo key, DgCall *call)
{
	dg_candidate_append_key(key, call->lookup);
	dg_candidate_append_key(key, call->defaults);
	if (!call->updates)
		return;
	dg_candidate_append_key(key, call->create_defaults);
	dg_candidate_append_key(key, call->touch);
}

/*
 * The columns of each object, and those of the statements that write.
 */
static void
draft_columns(DgShape *draft, DgCall *call)
{
	draft->lookup = dg_candidate_columns(call->rel, call->lookup);
	draft->defaults = dg_candidate_columns(call->rel, call->defaults);
	draft->create_defaults = draft->defaults;
	if (call->updates)
	{
		if (call->create_defaults != call->defaults)
			draft->create_defaults =
				dg_candidate_columns(call->rel, call->create_defaults);
		draft->touch = dg_candidate_columns(call->rel, call->touch);
	}

	draft->inserted = append_columns(NIL, draft->lookup);
	draft->inserted = append_columns(draft->inserted, draft->create_defaults);
	draft->inserted = append_columns(draft->inserted, draft->touch);
	if (call->updates)
	{
		draft->updated = append_columns(NIL, draft->defaults);
		draft->updated = append_columns(draft->updated, draft->touch);
	}
}

/*
 * No column may be given two values for the same row.  In defaults and in
 * create_defaults it may: only one of them counts.
 */
static void
refuse_overlaps(DgShape *draft, DgCall *call)
{
	refuse_overlap(call->rel, draft->lookup, "lookup",
				   draft->defaults, "defaults");
	if (!call->updates)
		return;
	refuse_overlap(call->rel, draft->lookup, "lookup",
				   draft->create_defaults, "create_defaults");
	refuse_overlap(call->rel, draft->lookup, "lookup", draft->touch, "touch");
	refuse_overlap(call->rel, draft->defaults, "defaults",
				   draft->touch, "touch");
	refuse_overlap(call->rel, draft->create_defaults, "create_defaults",
				   draft->touch, "touch");
}

/*
 * 22023 for a column that both name: which of the two values should win is not
 * ours to guess.
 */
static void
refuse_overlap(Relation rel, DgColumns *one, const char *one_name,
			   DgColumns *other, const char *other_name)
{
	Bitmapset  *both = bms_intersect(one->attrs, other->attrs);
	AttrNumber	attnum = bms_next_member(both, -1);

	if (bms_is_empty(both))
		return;
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("column \"%s\" is in both %s and %s",
					get_attname(RelationGetRelid(rel), attnum, false),
					one_name, other_name),
			 errhint(advice_on(one_name, other_name), one_name, other_name),
			 errtablecol(rel, attnum)));
}

/*
 * What to do about a column that is in both.
 */
static const char *
advice_on(const char *one, const char *other)
{
	if (strcmp(one, "lookup") == 0)
		return gettext_noop("Give it once: in the %s if it identifies the row, else in %s.");
	if (strcmp(one, "defaults") == 0)
		return gettext_noop("Give it once: in %s if a row that differs in it is to be updated, else in %s.");
	return gettext_noop("Give it once: %s replaces defaults on creation, %s is set on creation as well.");
}

/*
 * Appends their attnums; NULL stands for no columns.
 */
static List *
append_columns(List *attnums, DgColumns *columns)
{
	for (int i = 0; columns != NULL && i < columns->ncolumns; i++)
		attnums = lappend_int(attnums, columns->attnums[i]);
	return attnums;
}
