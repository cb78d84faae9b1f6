/*
 * compat.h
 *		What differs between PostgreSQL 15 and 19, under the newer names.
 *
 * The only file that may ask for PG_VERSION_NUM.
 */
#ifndef DG_COMPAT_H
#define DG_COMPAT_H

#include "postgres.h"

#include "access/genam.h"
#include "catalog/namespace.h"
#include "catalog/pg_namespace.h"
#include "catalog/pg_proc.h"
#include "utils/acl.h"
#include "utils/jsonb.h"

#if PG_VERSION_NUM < 150000
#error "duplicate_guard needs PostgreSQL 15 or newer"
#endif
#if PG_VERSION_NUM >= 200000
#error "duplicate_guard does not know this PostgreSQL version yet"
#endif

/* 16: one function for the privileges on every kind of object */
#if PG_VERSION_NUM < 160000
#define object_aclcheck(classid, objectid, roleid, mode) \
	(AssertMacro((classid) == ProcedureRelationId || \
				 (classid) == NamespaceRelationId), \
	 (classid) == ProcedureRelationId ? \
		 pg_proc_aclcheck(objectid, roleid, mode) : \
		 pg_namespace_aclcheck(objectid, roleid, mode))
#endif

/* 17: the "override" search path became a matcher */
#if PG_VERSION_NUM < 170000
typedef OverrideSearchPath SearchPathMatcher;
#define GetSearchPathMatcher(context) GetOverrideSearchPath(context)
#define SearchPathMatchesCurrentEnvironment(path) \
	OverrideSearchPathMatchesCurrent(path)
#endif

/* 18: a prefix instead of a suffix */
#if PG_VERSION_NUM < 180000
#define pg_noreturn pg_attribute_noreturn()
#endif

/* 18: EXPLAIN's instrumentation; 19: flags for the table scan */
#if PG_VERSION_NUM >= 190000
#define dg_index_beginscan(heap, index, snapshot, nkeys) \
	index_beginscan(heap, index, snapshot, NULL, nkeys, 0, 0)
#elif PG_VERSION_NUM >= 180000
#define dg_index_beginscan(heap, index, snapshot, nkeys) \
	index_beginscan(heap, index, snapshot, NULL, nkeys, 0)
#else
#define dg_index_beginscan(heap, index, snapshot, nkeys) \
	index_beginscan(heap, index, snapshot, nkeys, 0)
#endif

/* 18: generated columns that are stored nowhere */
#if PG_VERSION_NUM >= 180000
#define dg_has_virtual_generated(constr) ((constr)->has_generated_virtual)
#else
#define dg_has_virtual_generated(constr) false
#endif

/* 18: constraints that are declared only, foreign keys over periods */
#if PG_VERSION_NUM >= 180000
#define dg_check_is_enforced(check) ((check)->ccenforced)
#define dg_constraint_is_enforced(form) ((form)->conenforced)
#define dg_constraint_is_temporal(form) ((form)->conperiod)
#else
#define dg_check_is_enforced(check) true
#define dg_constraint_is_enforced(form) true
#define dg_constraint_is_temporal(form) false
#endif

/* 18: EXPLAIN's output has a header of its own */
#if PG_VERSION_NUM >= 180000
#include "commands/explain_format.h"
#else
#include "commands/explain.h"
#endif

/* 18: ExecutorRun lost its last parameter */
#if PG_VERSION_NUM >= 180000
#define DG_EXECUTOR_RUN_PARAMETERS \
	QueryDesc *queryDesc, ScanDirection direction, uint64 count
#define DG_EXECUTOR_RUN_ARGUMENTS queryDesc, direction, count
#else
#define DG_EXECUTOR_RUN_PARAMETERS \
	QueryDesc *queryDesc, ScanDirection direction, uint64 count, \
		bool execute_once
#define DG_EXECUTOR_RUN_ARGUMENTS queryDesc, direction, count, execute_once
#endif

/* 19: a descriptor that was filled in by hand must be finished */
#if PG_VERSION_NUM < 190000
#define TupleDescFinalize(desc) ((void) (desc))
#endif

/* 19: jsonb is built in a struct that holds the result */
#if PG_VERSION_NUM < 190000
typedef struct JsonbInState
{
	JsonbValue *result;			/* NULL until complete */
	JsonbParseState *parseState;
} JsonbInState;

static inline void
dg_push_jsonb_value(JsonbInState *state, JsonbIteratorToken token,
					JsonbValue *value)
{
	state->result = pushJsonbValue(&state->parseState, token, value);
}
#define pushJsonbValue(state, token, value) \
	dg_push_jsonb_value(state, token, value)
#endif

/* 19: a hash table in shared memory has one size */
#if PG_VERSION_NUM >= 190000
#define dg_shmem_init_hash(name, size, info, flags) \
	ShmemInitHash(name, size, info, flags)
#else
#define dg_shmem_init_hash(name, size, info, flags) \
	ShmemInitHash(name, size, size, info, flags)
#endif

/* 19: post_parse_analyze_hook may not change it */
#if PG_VERSION_NUM >= 190000
#define DG_JUMBLE_STATE const JumbleState
#else
#define DG_JUMBLE_STATE JumbleState
#endif

#endif							/* DG_COMPAT_H */
