/*
 * conflict_foreign.c
 *		The parents that a row would miss.
 *
 * The parent is looked for by SQL with the caller's rights.  The server itself
 * looks with the rights of the parent table's owner and past row security, so
 * where the caller may not read the parent's key, or row security applies to
 * him there, nothing is said.  Neither is anything about temporal foreign keys
 * (PERIOD).
 *
 * A row may be its own parent.
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "access/table.h"
#include "catalog/partition.h"
#include "catalog/pg_constraint.h"
#include "catalog/pg_operator.h"
#include "miscadmin.h"
#include "parser/parse_coerce.h"
#include "utils/acl.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"
#include "utils/rls.h"
#include "utils/syscache.h"

#include "compat.h"
#include "conflicts.h"
#include "statement.h"

/* Whether a row is its own parent */
typedef enum Selfhood
{
	SELF_NO,
	SELF_YES,
	SELF_UNKNOWN
} Selfhood;

/* A foreign key of one of the tables that would have the row */
typedef struct ForeignKey
{
	ForeignKeyCacheInfo *info;
	char	   *name;
	char		matchtype;
	DgRow	   *row;
} ForeignKey;

static List *load_keys(DgConflicts *conflicts, DgRow *row);
static bool is_to_be_checked(DgConflicts *conflicts, DgRow *row,
							 HeapTuple tuple);
static char *declared_name(Oid conoid);
static Oid	get_parent(Oid conoid);
static int	compare_names(const ListCell *a, const ListCell *b);
static bool lacks_parent(DgConflicts *conflicts, ForeignKey *key);
static int	count_nulls(ForeignKey *key);
static bool may_read(Oid parent, ForeignKeyCacheInfo *info);
static bool exists(ForeignKey *key);
static void found(Datum record, void *arg);
static Selfhood is_own_parent(DgConflicts *conflicts, ForeignKey *key);
static bool has_row(DgConflicts *conflicts, Oid relid);
static Selfhood equals_own(DgConflicts *conflicts, ForeignKey *key, int i);
static List *columns_of(ForeignKey *key);

/*
 * All foreign keys, by name, those that a partition alone has behind the
 * others.
 */
void
dg_conflict_foreign_keys(DgConflicts *conflicts)
{
	ListCell   *lc;
	ListCell   *lc2;

	foreach(lc, conflicts->rows)
	{
		List	   *keys = load_keys(conflicts, lfirst(lc));

		list_sort(keys, compare_names);
		foreach(lc2, keys)
		{
			ForeignKey *key = lfirst(lc2);

			if (lacks_parent(conflicts, key))
				dg_conflicts_add(conflicts, DG_FOREIGN_KEY_MISSING, key->name,
								 columns_of(key), NULL);
		}
	}
}

/*
 * The foreign keys of that row's table that an INSERT would check.
 */
static List *
load_keys(DgConflicts *conflicts, DgRow *row)
{
	List	   *keys = NIL;
	ListCell   *lc;

	foreach(lc, copyObject(RelationGetFKeyList(row->rel)))
	{
		ForeignKeyCacheInfo *info = lfirst(lc);
		HeapTuple	tuple = SearchSysCache1(CONSTROID,
										  ObjectIdGetDatum(info->conoid));

		if (!HeapTupleIsValid(tuple))
			elog(ERROR, "cache lookup failed for constraint %u", info->conoid);
		if (is_to_be_checked(conflicts, row, tuple))
		{
			ForeignKey *key = palloc(sizeof(ForeignKey));

			key->info = info;
			key->name = declared_name(info->conoid);
			key->matchtype =
				((Form_pg_constraint) GETSTRUCT(tuple))->confmatchtype;
			key->row = row;
			keys = lappend(keys, key);
		}
		ReleaseSysCache(tuple);
	}
	return keys;
}

/*
 * Not those that are not enforced, and each only once: PostgreSQL has further
 * entries for the partitions of the referenced table, whose parent belongs to
 * the same table, and for the partitions of the referencing one.
 */
static bool
is_to_be_checked(DgConflicts *conflicts, DgRow *row, HeapTuple tuple)
{
	Form_pg_constraint form = (Form_pg_constraint) GETSTRUCT(tuple);
	HeapTuple	parent;
	bool		inherited;

	if (!dg_constraint_is_enforced(form) || dg_constraint_is_temporal(form))
		return false;
	if (!OidIsValid(form->conparentid))
		return true;
	parent = SearchSysCache1(CONSTROID, ObjectIdGetDatum(form->conparentid));
	if (!HeapTupleIsValid(parent))
		elog(ERROR, "cache lookup failed for constraint %u",
			 form->conparentid);
	inherited = ((Form_pg_constraint) GETSTRUCT(parent))->conrelid !=
				form->conrelid;
	ReleaseSysCache(parent);
	return inherited && dg_conflicts_is_top(conflicts, row);
}

/*
 * The name under which integrity_error reports it: that of the topmost
 * constraint that it was made from.
 */
static char *
declared_name(Oid conoid)
{
	while (OidIsValid(get_parent(conoid)))
		conoid = get_parent(conoid);
	return get_constraint_name(conoid);
}

/*
 * The constraint that this one was made from, or InvalidOid.
 */
static Oid
get_parent(Oid conoid)
{
	HeapTuple	tuple = SearchSysCache1(CONSTROID, ObjectIdGetDatum(conoid));
	Oid			parent;

	if (!HeapTupleIsValid(tuple))
		elog(ERROR, "cache lookup failed for constraint %u", conoid);
	parent = ((Form_pg_constraint) GETSTRUCT(tuple))->conparentid;
	ReleaseSysCache(tuple);
	return parent;
}

/*
 * For list_sort.
 */
static int
compare_names(const ListCell *a, const ListCell *b)
{
	return strcmp(((ForeignKey *) lfirst(a))->name,
				  ((ForeignKey *) lfirst(b))->name);
}

/*
 * Is it certain that the row breaks this foreign key?  With a null in it only
 * MATCH FULL can be broken, by one that is null in part.
 */
static bool
lacks_parent(DgConflicts *conflicts, ForeignKey *key)
{
	ForeignKeyCacheInfo *info = key->info;
	int			nnulls;

	for (int i = 0; i < info->nkeys; i++)
	{
		if (!bms_is_member(info->conkey[i], key->row->known))
			return false;
	}
	nnulls = count_nulls(key);
	if (nnulls > 0)
		return key->matchtype == FKCONSTR_MATCH_FULL && nnulls < info->nkeys;
	if (!may_read(info->confrelid, info) || exists(key))
		return false;
	return is_own_parent(conflicts, key) == SELF_NO;
}

/*
 * How many of its columns are null in the row?
 */
static int
count_nulls(ForeignKey *key)
{
	int			nnulls = 0;

	for (int i = 0; i < key->info->nkeys; i++)
	{
		bool		isnull;

		(void) dg_row_value(key->row, key->info->conkey[i], &isnull);
		nnulls += isnull ? 1 : 0;
	}
	return nnulls;
}

/*
 * May the caller read the key of every row of the parent?
 */
static bool
may_read(Oid parent, ForeignKeyCacheInfo *info)
{
	if (object_aclcheck(NamespaceRelationId, get_rel_namespace(parent),
						GetUserId(), ACL_USAGE) != ACLCHECK_OK ||
		check_enable_rls(parent, InvalidOid, true) == RLS_ENABLED)
		return false;
	if (pg_class_aclcheck(parent, GetUserId(), ACL_SELECT) == ACLCHECK_OK)
		return true;
	for (int i = 0; i < info->nkeys; i++)
	{
		if (pg_attribute_aclcheck(parent, info->confkey[i], GetUserId(),
								  ACL_SELECT) != ACLCHECK_OK)
			return false;
	}
	return true;
}

/*
 * Is the parent there?
 */
static bool
exists(ForeignKey *key)
{
	ForeignKeyCacheInfo *info = key->info;
	TupleDesc	desc = RelationGetDescr(key->row->rel);
	Relation	parent = table_open(info->confrelid, AccessShareLock);
	Datum		values[INDEX_MAX_KEYS];
	Oid			types[INDEX_MAX_KEYS];
	char		nulls[INDEX_MAX_KEYS];
	bool		result = false;
	char	   *sql;

	for (int i = 0; i < info->nkeys; i++)
	{
		bool		isnull;

		values[i] = dg_row_value(key->row, info->conkey[i], &isnull);
		types[i] = TupleDescAttr(desc, info->conkey[i] - 1)->atttypid;
		nulls[i] = ' ';
	}
	sql = dg_statement_text_parent(parent, info->nkeys, info->confkey,
								   info->conpfeqop);
	dg_statement_each(sql, info->nkeys, types, values, nulls, found, &result);
	table_close(parent, NoLock);
	return result;
}

/*
 * Called when it is.
 */
static void
found(Datum record, void *arg)
{
	*((bool *) arg) = true;
}

/*
 * Would the row itself be the parent?
 */
static Selfhood
is_own_parent(DgConflicts *conflicts, ForeignKey *key)
{
	Selfhood	result = SELF_YES;

	if (!has_row(conflicts, key->info->confrelid))
		return SELF_NO;
	for (int i = 0; i < key->info->nkeys; i++)
	{
		Selfhood	equal = equals_own(conflicts, key, i);

		if (equal == SELF_NO)
			return SELF_NO;
		if (equal == SELF_UNKNOWN)
			result = SELF_UNKNOWN;
	}
	return result;
}

/*
 * Would the row be in that table: the target, a partition of it that it goes
 * to, or a table that the target is a partition of?
 */
static bool
has_row(DgConflicts *conflicts, Oid relid)
{
	Oid			ours = RelationGetRelid(conflicts->rel);
	ListCell   *lc;

	foreach(lc, conflicts->rows)
	{
		if (RelationGetRelid(((DgRow *) lfirst(lc))->rel) == relid)
			return true;
	}
	return (conflicts->rel->rd_rel->relispartition &&
			list_member_oid(get_partition_ancestors(ours), relid)) ||
		   (get_rel_relispartition(relid) &&
			list_member_oid(get_partition_ancestors(relid), ours));
}

/*
 * Is the row's own referenced column equal to its referencing one?  Unknown
 * where a cast would be needed to compare them.
 */
static Selfhood
equals_own(DgConflicts *conflicts, ForeignKey *key, int i)
{
	ForeignKeyCacheInfo *info = key->info;
	DgRow	   *row = key->row;
	char	   *column = get_attname(info->confrelid, info->confkey[i], false);
	AttrNumber	own = get_attnum(RelationGetRelid(row->rel), column);
	TupleDesc	desc = RelationGetDescr(row->rel);
	Oid			collation;
	Oid			left;
	Oid			right;
	Datum		parent;
	Datum		child;
	bool		isnull;

	if (!bms_is_member(own, row->known))
		return SELF_UNKNOWN;
	op_input_types(info->conpfeqop[i], &left, &right);
	if (!IsBinaryCoercible(TupleDescAttr(desc, own - 1)->atttypid, left) ||
		!IsBinaryCoercible(TupleDescAttr(desc, info->conkey[i] - 1)->atttypid,
						   right))
		return SELF_UNKNOWN;
	parent = dg_row_value(row, own, &isnull);
	if (isnull)
		return SELF_NO;
	child = dg_row_value(row, info->conkey[i], &isnull);
	collation = TupleDescAttr(desc, own - 1)->attcollation;
	return DatumGetBool(OidFunctionCall2Coll(get_opcode(info->conpfeqop[i]),
											 collation, parent, child)) ?
			   SELF_YES :
			   SELF_NO;
}

/*
 * The names of its columns.
 */
static List *
columns_of(ForeignKey *key)
{
	List	   *names = NIL;

	for (int i = 0; i < key->info->nkeys; i++)
		names = dg_conflicts_column(key->row->rel, key->info->conkey[i],
									names);
	return names;
}
