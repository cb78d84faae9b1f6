/*
 * target.c
 *		What is known of a target table, and the only cache of the extension.
 *
 * A session keeps, for every table it calls us for, a DgTarget: descriptor,
 * unique indexes, type of the answer.  Below it hangs one DgShape for each
 * set of column names that calls have used: converters, arbiters, prepared
 * statements.  Nothing per user and nothing per value is kept: privileges and
 * row security are asked on every call.
 *
 * Lifetime.  Both are bounded and leave in the order of their last use.  A
 * trigger of the target may call us again, and the invalidation messages
 * that it takes in may be for the entry that the outer call holds.  So
 * invalidation only clears a flag, and whatever is thrown away is buried: the
 * memory is freed when no call of ours is on the stack, which is why all of
 * them go through dg_target_bracket.
 *
 * Locks.  The table is locked before its entry is looked at, so an entry that
 * is found valid stays true for the whole call: whoever changes the table's
 * columns or drops an index waits for our lock.
 */
#include "postgres.h"

#include "access/relation.h"
#include "access/table.h"
#include "access/tupdesc.h"
#include "catalog/pg_class.h"
#include "catalog/pg_type.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "nodes/pg_list.h"
#include "storage/lmgr.h"
#include "utils/builtins.h"
#include "utils/hsearch.h"
#include "utils/inval.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/rel.h"
#include "utils/syscache.h"

#include "citus.h"
#include "compat.h"
#include "target.h"

#define DG_MAX_TARGETS 256
#define DG_MAX_SHAPES_PER_TARGET 64

typedef struct CacheEntry
{
	Oid			rowtype;		/* hash key; a call names its table by it */
	DgTarget   *target;
} CacheEntry;

static MemoryContext cache_context = NULL;
static HTAB *targets = NULL;
static dlist_head targets_lru = DLIST_STATIC_INIT(targets_lru);
static int	calls_in_progress = 0;
static List *graveyard = NIL;	/* contexts to delete when nobody is inside */
static uint64 generation = 1;	/* counts the times it was emptied */

static void begin_memo(DgMemo *memo, Oid type);
static bool stands(DgMemo *memo);
static void refuse_kind(Relation rel);
static DgTarget *find_target(Oid rowtype);
static DgTarget *make_target(Relation rel);
static DgTarget *build_target(Relation rel);
static void empty_graveyard(void);
static void forget_target(DgTarget *target);
static void make_cache(void);
static void invalidate(Datum arg, Oid relid);
static void invalidate_names(Datum arg, int cacheid, uint32 hashvalue);

/*
 * Registers for invalidation.  Once, at module load.
 */
void
dg_target_init(void)
{
	CacheRegisterRelcacheCallback(invalidate, (Datum) 0);
	CacheRegisterSyscacheCallback(COLLOID, invalidate_names, (Datum) 0);
	CacheRegisterSyscacheCallback(CLAOID, invalidate_names, (Datum) 0);
}

/*
 * The memo of this call site.  Its first call finds the relation whose row
 * type the first argument has; the argument's value is never looked at.
 */
DgMemo *
dg_target_memo(FunctionCallInfo fcinfo)
{
	DgMemo	   *memo = fcinfo->flinfo->fn_extra;

	if (memo != NULL)
		return memo;
	memo = MemoryContextAllocZero(fcinfo->flinfo->fn_mcxt, sizeof(DgMemo));
	begin_memo(memo, get_fn_expr_argtype(fcinfo->flinfo, 0));
	fcinfo->flinfo->fn_extra = memo;
	return memo;
}

/*
 * Of a row type that calls have named before, the catalog is not asked.
 */
static void
begin_memo(DgMemo *memo, Oid type)
{
	DgTarget   *target = find_target(type);

	if (target != NULL && target->valid)
	{
		memo->relid = target->relid;
		memo->target = target;
		memo->generation = generation;
		return;
	}
	memo->relid = OidIsValid(type) ? get_typ_typrelid(type) : InvalidOid;
	if (!OidIsValid(memo->relid))
		ereport(ERROR,
				(errcode(ERRCODE_WRONG_OBJECT_TYPE),
				 errmsg("target is of type %s, which is not the row type of a table",
						OidIsValid(type) ? format_type_be(type) : "unknown"),
				 errhint("Write NULL::your_table as the target.")));
}

/*
 * Does the memo's target still stand?  To be asked with the table locked.
 */
static bool
stands(DgMemo *memo)
{
	return memo->target != NULL && memo->generation == generation &&
		   memo->target->valid;
}

/*
 * Does the memo's shape still stand?  To be asked with the table locked.
 */
bool
dg_target_memo_is_true(DgMemo *memo)
{
	return memo->shape != NULL && stands(memo);
}

/*
 * Remembers the shape for the next call from the same place.
 */
void
dg_target_memorize(DgMemo *memo, DgShape *shape)
{
	memo->target = shape->target;
	memo->shape = shape;
	memo->generation = generation;
}

/*
 * The target, locked to the end of the transaction, with the lock under which
 * a plain SELECT would read it.  Dropping it would have invalidated what the
 * memo remembers; otherwise the catalog is asked whether it is still there.
 */
Relation
dg_target_open(DgMemo *memo)
{
	Relation	rel;

	LockRelationOid(memo->relid, AccessShareLock);
	if (stands(memo))
		rel = relation_open(memo->relid, NoLock);
	else
		rel = try_relation_open(memo->relid, NoLock);
	if (rel == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_TABLE),
				 errmsg("the target table does not exist any more"),
				 errdetail("It was dropped after the statement had been analyzed.")));
	refuse_kind(rel);
	return rel;
}

/*
 * 42809 unless rows can be looked up and created in that kind of relation.
 */
static void
refuse_kind(Relation rel)
{
	switch (rel->rd_rel->relkind)
	{
		case RELKIND_RELATION:
		case RELKIND_PARTITIONED_TABLE:
		case RELKIND_VIEW:
		case RELKIND_FOREIGN_TABLE:
			return;
		case RELKIND_COMPOSITE_TYPE:
			ereport(ERROR,
					(errcode(ERRCODE_WRONG_OBJECT_TYPE),
					 errmsg("target \"%s\" is a composite type without a table",
							RelationGetRelationName(rel)),
					 errhint("Write NULL::your_table as the target.")));
			break;
		default:
			ereport(ERROR,
					(errcode(ERRCODE_WRONG_OBJECT_TYPE),
					 errmsg("cannot create rows in \"%s\"",
							RelationGetRelationName(rel)),
					 errdetail_relkind_not_supported(rel->rd_rel->relkind),
					 errhint("Write NULL::your_table as the target.")));
	}
}

/*
 * The entry of the memo's relation, which the caller has open and locked.  It
 * may be used until the end of the caller's bracket.
 */
DgTarget *
dg_target_recall(DgMemo *memo, Relation rel)
{
	if (!stands(memo))
		return dg_target_get(rel);
	dlist_move_head(&targets_lru, &memo->target->lru);
	return memo->target;
}

/*
 * The same for any relation.
 */
DgTarget *
dg_target_get(Relation rel)
{
	DgTarget   *target = find_target(rel->rd_rel->reltype);

	if (target != NULL && !target->valid)
	{
		forget_target(target);
		target = NULL;
	}
	if (target == NULL)
		return make_target(rel);
	dlist_move_head(&targets_lru, &target->lru);
	return target;
}

/*
 * The entry for that row type, whether it is valid or not; or NULL.
 */
static DgTarget *
find_target(Oid rowtype)
{
	CacheEntry *entry;

	if (targets == NULL)
		return NULL;
	entry = hash_search(targets, &rowtype, HASH_FIND, NULL);
	return entry == NULL ? NULL : entry->target;
}

/*
 * A new entry.  It is built in a context that dies with an error and enters
 * the cache whole.
 */
static DgTarget *
make_target(Relation rel)
{
	DgTarget   *target = build_target(rel);
	CacheEntry *entry;
	bool		found;

	if (targets == NULL)
		make_cache();
	while (hash_get_num_entries(targets) >= DG_MAX_TARGETS)
		forget_target(dlist_tail_element(DgTarget, lru, &targets_lru));

	entry = hash_search(targets, &target->desc->tdtypeid, HASH_ENTER, &found);
	Assert(!found);
	entry->target = target;
	MemoryContextSetParent(target->context, cache_context);
	dlist_push_head(&targets_lru, &target->lru);
	target->valid = true;
	return target;
}

/*
 * What the relcache knows, copied.
 */
static DgTarget *
build_target(Relation rel)
{
	MemoryContext context;
	MemoryContext old;
	DgTarget   *target;

	context = AllocSetContextCreate(CurrentMemoryContext,
									"duplicate_guard target",
									ALLOCSET_SMALL_SIZES);
	MemoryContextCopyAndSetIdentifier(context, RelationGetRelationName(rel));
	old = MemoryContextSwitchTo(context);
	target = palloc0(sizeof(DgTarget));
	target->relid = RelationGetRelid(rel);
	target->context = context;
	target->relkind = rel->rd_rel->relkind;
	target->decides = (target->relkind == RELKIND_RELATION ||
					   target->relkind == RELKIND_PARTITIONED_TABLE);
	target->is_distributed = dg_citus_manages(target->relid);
	if (target->is_distributed)
		target->distribution_column =
			dg_citus_distribution_column(target->relid);
	target->desc = CreateTupleDescCopyConstr(RelationGetDescr(rel));
	dlist_init(&target->shapes);
	MemoryContextSwitchTo(old);
	return target;
}

/*
 * The type of the answer: (record, was_created), and was_updated where rows are
 * updated.  Blessed once, because finding the result type anew costs more than
 * the index search; and only when asked for, because what is blessed stays for
 * the rest of the session.
 */
TupleDesc
dg_target_result(DgTarget *target, bool updates)
{
	TupleDesc  *result = updates ? &target->update_result : &target->result;
	MemoryContext old;

	if (*result != NULL)
		return *result;

	old = MemoryContextSwitchTo(target->context);
	*result = CreateTemplateTupleDesc(updates ? 3 : 2);
	TupleDescInitEntry(*result, 1, "record", target->desc->tdtypeid, -1, 0);
	TupleDescInitEntry(*result, 2, "was_created", BOOLOID, -1, 0);
	if (updates)
		TupleDescInitEntry(*result, 3, "was_updated", BOOLOID, -1, 0);
	TupleDescFinalize(*result);
	BlessTupleDesc(*result);
	MemoryContextSwitchTo(old);
	return *result;
}

/*
 * A context in which to draft a shape; it dies with an error.
 */
MemoryContext
dg_target_shape_context(void)
{
	return AllocSetContextCreate(CurrentMemoryContext,
								 "duplicate_guard shape",
								 ALLOCSET_SMALL_SIZES);
}

/*
 * Takes over a draft that was made in its own context.
 */
DgShape *
dg_target_add_shape(DgTarget *target, DgShape *draft, StringInfo key)
{
	DgShape    *shape;

	while (target->nshapes >= DG_MAX_SHAPES_PER_TARGET)
	{
		DgShape    *oldest = dlist_tail_element(DgShape, node,
											 &target->shapes);

		dlist_delete(&oldest->node);
		target->nshapes--;
		dg_target_bury(oldest->context);
	}

	shape = MemoryContextAlloc(draft->context, sizeof(DgShape));
	*shape = *draft;
	shape->target = target;
	shape->key = memcpy(MemoryContextAlloc(draft->context, key->len),
						key->data, key->len);
	MemoryContextSetParent(shape->context, target->context);
	dlist_push_head(&target->shapes, &shape->node);
	target->nshapes++;
	return shape;
}

/*
 * Has a context deleted as soon as no call is on the stack that might hold
 * what is in it.  It leaves its parent, which may be buried next and must not
 * take it along: it would be deleted twice.
 */
void
dg_target_bury(MemoryContext context)
{
	MemoryContext old = MemoryContextSwitchTo(cache_context);

	MemoryContextSetParent(context, cache_context);
	graveyard = lappend(graveyard, context);
	MemoryContextSwitchTo(old);
}

/*
 * Runs a call in the bracket that keeps what it holds from being freed under
 * it.  What earlier calls left behind goes when the outermost one begins.
 */
Datum
dg_target_bracket(FunctionCallInfo fcinfo, PGFunction call)
{
	volatile Datum result = (Datum) 0;

	if (calls_in_progress == 0 && graveyard != NIL)
		empty_graveyard();
	calls_in_progress++;
	PG_TRY();
	{
		result = call(fcinfo);
	}
	PG_FINALLY();
	{
		calls_in_progress--;
	}
	PG_END_TRY();
	return result;
}

/*
 * Frees what was buried.
 */
static void
empty_graveyard(void)
{
	generation++;
	while (graveyard != NIL)
	{
		MemoryContext context = llast(graveyard);

		graveyard = list_delete_last(graveyard);
		MemoryContextDelete(context);
	}
}

/*
 * The table's name as a user would write it, for messages: qualified, quoted.
 */
char *
dg_target_name(Relation rel)
{
	char	   *schema = get_namespace_name(RelationGetNamespace(rel));

	return quote_qualified_identifier(schema, RelationGetRelationName(rel));
}

/*
 * Takes an entry out of the cache; its memory stays for those who hold it.
 * Invalidation does not reach it any more, so no memo may find it valid.
 */
static void
forget_target(DgTarget *target)
{
	MemoryContext context = target->context;

	target->valid = false;
	dlist_delete(&target->lru);
	hash_search(targets, &target->desc->tdtypeid, HASH_REMOVE, NULL);
	dg_target_bury(context);
}

/*
 * The hash table, in a context of its own.
 */
static void
make_cache(void)
{
	HASHCTL		info = {0};

	if (cache_context == NULL)
		cache_context = AllocSetContextCreate(CacheMemoryContext,
											  "duplicate_guard",
											  ALLOCSET_DEFAULT_SIZES);
	info.keysize = sizeof(Oid);
	info.entrysize = sizeof(CacheEntry);
	info.hcxt = cache_context;
	targets = hash_create("duplicate_guard targets", 64, &info,
						  HASH_ELEM | HASH_BLOBS | HASH_CONTEXT);
}

/*
 * Relcache callback.  Clears flags only: somebody up the stack may hold the
 * entry, and the catalog must not be asked here.  An index that becomes valid
 * or is renamed sends a message for itself, none for its table.
 */
static void
invalidate(Datum arg, Oid relid)
{
	CacheEntry *entry;
	HASH_SEQ_STATUS status;

	if (targets == NULL)
		return;
	hash_seq_init(&status, targets);
	while ((entry = hash_seq_search(&status)) != NULL)
	{
		DgTarget   *target = entry->target;

		if (!OidIsValid(relid) || target->relid == relid ||
			list_member_oid(target->index_oids, relid))
			target->valid = false;
	}
}

/*
 * Syscache callback for collations and operator classes: their names are in
 * the texts of statements, and PostgreSQL's plan cache does not watch them.
 */
static void
invalidate_names(Datum arg, int cacheid, uint32 hashvalue)
{
	invalidate(arg, InvalidOid);
}
