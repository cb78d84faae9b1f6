/*
 * lookup.c
 *		Catalog objects by the names that an error gives.
 *
 * Reads catalogs only, under catalog snapshots, and locks no relation but
 * the catalogs themselves.  So what it finds may be gone a moment later; all
 * that follows takes a missing object for one that was never there.
 *
 * A name without a schema is looked for in all schemas, whatever search_path
 * says: the error may come from a session with another one.  Temporary
 * objects of other sessions are never found.
 */
#include "postgres.h"

#include "access/genam.h"
#include "access/htup_details.h"
#include "access/table.h"
#include "catalog/indexing.h"
#include "catalog/namespace.h"
#include "catalog/partition.h"
#include "catalog/pg_class.h"
#include "catalog/pg_constraint.h"
#include "catalog/pg_depend.h"
#include "catalog/pg_extension.h"
#include "catalog/pg_type.h"
#include "commands/comment.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"
#include "utils/syscache.h"

#include "facts.h"
#include "timescale.h"

static List *scan_by_name(Oid catalog, Oid index, AttrNumber name_column,
						  const char *name,
						  Oid (*accept)(HeapTuple tuple, char kind),
						  char kind);
static Oid	accept_relation(HeapTuple tuple, char kind);
static Oid	accept_domain(HeapTuple tuple, char kind);
static Oid	accept_constraint(HeapTuple tuple, char kind);

/* The relation of this name in this schema, or InvalidOid. */
Oid
dg_lookup_relation(const char *schema, const char *name)
{
	Oid			namespace = get_namespace_oid(schema, true);

	if (!OidIsValid(namespace) || isOtherTempNamespace(namespace))
		return InvalidOid;
	return get_relname_relid(name, namespace);
}

/* All relations of this name, indexes included. */
List *
dg_lookup_relations(const char *name)
{
	return scan_by_name(RelationRelationId, ClassNameNspIndexId,
						Anum_pg_class_relname, name, accept_relation, 0);
}

/* The domain of this name in this schema, or InvalidOid. */
Oid
dg_lookup_domain(const char *schema, const char *name)
{
	Oid			namespace = get_namespace_oid(schema, true);
	Oid			type;

	if (!OidIsValid(namespace) || isOtherTempNamespace(namespace))
		return InvalidOid;
	type = GetSysCacheOid2(TYPENAMENSP, Anum_pg_type_oid,
						   PointerGetDatum(name), ObjectIdGetDatum(namespace));
	if (OidIsValid(type) && get_typtype(type) != TYPTYPE_DOMAIN)
		return InvalidOid;
	return type;
}

/* All domains of this name. */
List *
dg_lookup_domains(const char *name)
{
	return scan_by_name(TypeRelationId, TypeNameNspIndexId,
						Anum_pg_type_typname, name, accept_domain, 0);
}

/* All constraints of tables with this name and contype. */
List *
dg_lookup_constraints(const char *name, char contype)
{
	return scan_by_name(ConstraintRelationId, ConstraintNameNspIndexId,
						Anum_pg_constraint_conname, name, accept_constraint,
						contype);
}

/*
 * The objects of one name in a catalog, in whatever schema, that accept()
 * lets through.
 */
static List *
scan_by_name(Oid catalog, Oid index, AttrNumber name_column, const char *name,
			 Oid (*accept)(HeapTuple tuple, char kind), char kind)
{
	List	   *found = NIL;
	NameData	key;
	Relation	rel;
	ScanKeyData scankey;
	SysScanDesc scan;
	HeapTuple	tuple;

	if (strlen(name) >= NAMEDATALEN)
		return NIL;
	namestrcpy(&key, name);
	ScanKeyInit(&scankey, name_column, BTEqualStrategyNumber, F_NAMEEQ,
				NameGetDatum(&key));
	rel = table_open(catalog, AccessShareLock);
	scan = systable_beginscan(rel, index, true, NULL, 1, &scankey);
	while (HeapTupleIsValid(tuple = systable_getnext(scan)))
	{
		Oid			oid = accept(tuple, kind);

		if (OidIsValid(oid))
			found = lappend_oid(found, oid);
	}
	systable_endscan(scan);
	table_close(rel, AccessShareLock);
	return found;
}

/* For pg_class: not another session's. */
static Oid
accept_relation(HeapTuple tuple, char kind)
{
	Form_pg_class form = (Form_pg_class) GETSTRUCT(tuple);

	if (form->relpersistence == RELPERSISTENCE_TEMP &&
		isOtherTempNamespace(form->relnamespace))
		return InvalidOid;
	return form->oid;
}

/* For pg_type: a domain, not another session's. */
static Oid
accept_domain(HeapTuple tuple, char kind)
{
	Form_pg_type form = (Form_pg_type) GETSTRUCT(tuple);

	if (form->typtype != TYPTYPE_DOMAIN ||
		isOtherTempNamespace(form->typnamespace))
		return InvalidOid;
	return form->oid;
}

/* For pg_constraint: of a table, of this contype, not another session's. */
static Oid
accept_constraint(HeapTuple tuple, char kind)
{
	Form_pg_constraint form = (Form_pg_constraint) GETSTRUCT(tuple);

	if (form->contype != kind || !OidIsValid(form->conrelid) ||
		isOtherTempNamespace(form->connamespace))
		return InvalidOid;
	return form->oid;
}

/* The relation's constraint of this name and contype, or InvalidOid. */
Oid
dg_lookup_constraint(Oid relid, const char *name, char contype)
{
	Oid			conoid;
	HeapTuple	tuple;
	bool		fits;

	if (strlen(name) >= NAMEDATALEN)
		return InvalidOid;
	conoid = get_relation_constraint_oid(relid, name, true);
	if (!OidIsValid(conoid))
		return InvalidOid;
	tuple = SearchSysCache1(CONSTROID, ObjectIdGetDatum(conoid));
	if (!HeapTupleIsValid(tuple))
		return InvalidOid;
	fits = ((Form_pg_constraint) GETSTRUCT(tuple))->contype == contype;
	ReleaseSysCache(tuple);
	return fits ? conoid : InvalidOid;
}

/*
 * The relation's not-null constraint on this column, or InvalidOid: they are
 * in pg_constraint from 18 on.
 */
Oid
dg_lookup_not_null(Oid relid, const char *column)
{
	AttrNumber	attnum = get_attnum(relid, column);
	Oid			found = InvalidOid;
	Relation	rel;
	ScanKeyData scankey;
	SysScanDesc scan;
	HeapTuple	tuple;

	ScanKeyInit(&scankey, Anum_pg_constraint_conrelid, BTEqualStrategyNumber,
				F_OIDEQ, ObjectIdGetDatum(relid));
	rel = table_open(ConstraintRelationId, AccessShareLock);
	scan = systable_beginscan(rel, ConstraintRelidTypidNameIndexId, true, NULL,
							  1, &scankey);
	while (HeapTupleIsValid(tuple = systable_getnext(scan)))
	{
		Form_pg_constraint form = (Form_pg_constraint) GETSTRUCT(tuple);
		bool		isnull;
		Datum		conkey = heap_getattr(tuple, Anum_pg_constraint_conkey,
									RelationGetDescr(rel), &isnull);

		if (form->contype != 'n' || isnull)
			continue;
		if (*(int16 *) ARR_DATA_PTR(DatumGetArrayTypeP(conkey)) == attnum)
			found = form->oid;
	}
	systable_endscan(scan);
	table_close(rel, AccessShareLock);
	return found;
}

/*
 * The columns that are declared with the domain, as pairs of relation and
 * attribute number in one list of int; of a partitioned table only the
 * topmost.  Read from pg_depend, which has an index where pg_attribute has
 * none.
 */
List *
dg_lookup_domain_columns(Oid domain)
{
	List	   *found = NIL;
	Relation	rel;
	ScanKeyData scankey[2];
	SysScanDesc scan;
	HeapTuple	tuple;

	ScanKeyInit(&scankey[0], Anum_pg_depend_refclassid, BTEqualStrategyNumber,
				F_OIDEQ, ObjectIdGetDatum(TypeRelationId));
	ScanKeyInit(&scankey[1], Anum_pg_depend_refobjid, BTEqualStrategyNumber,
				F_OIDEQ, ObjectIdGetDatum(domain));
	rel = table_open(DependRelationId, AccessShareLock);
	scan = systable_beginscan(rel, DependReferenceIndexId, true, NULL, 2,
							  scankey);
	while (HeapTupleIsValid(tuple = systable_getnext(scan)))
	{
		Form_pg_depend form = (Form_pg_depend) GETSTRUCT(tuple);
		char		relkind;

		if (form->classid != RelationRelationId || form->objsubid == 0)
			continue;
		relkind = get_rel_relkind(form->objid);
		if ((relkind != RELKIND_RELATION && relkind != RELKIND_FOREIGN_TABLE &&
			 relkind != RELKIND_PARTITIONED_TABLE) ||
			get_rel_relispartition(form->objid) ||
			isOtherTempNamespace(get_rel_namespace(form->objid)))
			continue;
		found = lappend_oid(found, form->objid);
		found = lappend_oid(found, (Oid) form->objsubid);
	}
	systable_endscan(scan);
	table_close(rel, AccessShareLock);
	return found;
}

/* The schema that this extension lives in; InvalidOid while it is dropped. */
Oid
dg_lookup_extension_schema(void)
{
	Oid			namespace = InvalidOid;
	Relation	rel;
	ScanKeyData scankey;
	SysScanDesc scan;
	HeapTuple	tuple;

	ScanKeyInit(&scankey, Anum_pg_extension_extname, BTEqualStrategyNumber,
				F_NAMEEQ, CStringGetDatum("duplicate_guard"));
	rel = table_open(ExtensionRelationId, AccessShareLock);
	scan = systable_beginscan(rel, ExtensionNameIndexId, true, NULL, 1,
							  &scankey);
	tuple = systable_getnext(scan);
	if (HeapTupleIsValid(tuple))
	namespace = ((Form_pg_extension) GETSTRUCT(tuple))->extnamespace;
	systable_endscan(scan);
	table_close(rel, AccessShareLock);
	return namespace;
}

/*
 * The root of the partition tree that the relation or index is in, or the
 * hypertable that it is a chunk of; itself.
 */
Oid
dg_lookup_topmost(Oid relid)
{
	List	   *ancestors;

	if (!get_rel_relispartition(relid))
		return dg_timescale_origin(relid);
	ancestors = get_partition_ancestors(relid);
	return ancestors == NIL ? relid : llast_oid(ancestors);
}

/*
 * The relation's name as regclass prints it: qualified unless visible.  NULL
 * when it is gone.
 */
char *
dg_lookup_regclass(Oid relid)
{
	HeapTuple	tuple = SearchSysCache1(RELOID, ObjectIdGetDatum(relid));
	Form_pg_class form;
	char	   *schema = NULL;
	char	   *name;

	if (!HeapTupleIsValid(tuple))
		return NULL;
	form = (Form_pg_class) GETSTRUCT(tuple);
	if (!RelationIsVisible(relid))
		schema = get_namespace_name(form->relnamespace);
	name = quote_qualified_identifier(schema, NameStr(form->relname));
	ReleaseSysCache(tuple);
	return name;
}

/* The type's bare name, or NULL when it is gone. */
char *
dg_lookup_type_name(Oid type)
{
	HeapTuple	tuple = SearchSysCache1(TYPEOID, ObjectIdGetDatum(type));
	char	   *name;

	if (!HeapTupleIsValid(tuple))
		return NULL;
	name = pstrdup(NameStr(((Form_pg_type) GETSTRUCT(tuple))->typname));
	ReleaseSysCache(tuple);
	return name;
}

/* Names of the columns in conkey or confkey; NIL when there are none. */
List *
dg_lookup_constraint_columns(HeapTuple tuple, AttrNumber column, Oid relid)
{
	List	   *names = NIL;
	bool		isnull;
	Datum		value = SysCacheGetAttr(CONSTROID, tuple, column, &isnull);
	ArrayType  *array;
	int			i;

	if (isnull)
		return NIL;
	array = DatumGetArrayTypeP(value);
	for (i = 0; i < ArrayGetNItems(ARR_NDIM(array), ARR_DIMS(array)); i++)
	{
		char	   *name = get_attname(relid,
								 ((int16 *) ARR_DATA_PTR(array))[i],
								 true);

		if (name == NULL)
			return NIL;
		names = lappend(names, name);
	}
	return names;
}

/* The comment on an object without subobject, or NULL. */
const char *
dg_lookup_comment(Oid object, Oid catalog)
{
	return OidIsValid(object) ? GetComment(object, catalog, 0) : NULL;
}
