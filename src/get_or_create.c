/*
 * get_or_create.c
 *		The SQL function of that name.
 */
#include "postgres.h"

#include "access/relation.h"
#include "fmgr.h"
#include "utils/builtins.h"

#include "answer.h"
#include "guard.h"

PG_FUNCTION_INFO_V1(duplicate_guard_get_or_create);

static Datum get_or_create(FunctionCallInfo fcinfo);
static DgLockStrength parse_lock_strength(const char *name);
static Datum make_result(FunctionCallInfo fcinfo, DgTarget *target,
						 Datum record, bool was_created);

/*
 * get_or_create(target anyelement, lookup jsonb, defaults jsonb, arbiter text,
 * lock_strength text, require_unique boolean)
 */
Datum
duplicate_guard_get_or_create(PG_FUNCTION_ARGS)
{
	return dg_target_bracket(fcinfo, get_or_create);
}

/*
 * The call inside its bracket.
 */
static Datum
get_or_create(FunctionCallInfo fcinfo)
{
	DgCall		call = {0};
	DgMemo	   *memo = dg_target_memo(fcinfo);
	char	   *arbiter = NULL;
	bool		require_unique = PG_ARGISNULL(5) || PG_GETARG_BOOL(5);
	bool		was_created;
	Datum		record;

	call.lookup = dg_candidate_object(fcinfo, 1, "lookup", false);
	call.defaults = dg_candidate_object(fcinfo, 2, "defaults", true);
	if (!PG_ARGISNULL(3))
		arbiter = text_to_cstring(PG_GETARG_TEXT_PP(3));
	if (!PG_ARGISNULL(4))
		call.lock =
			parse_lock_strength(text_to_cstring(PG_GETARG_TEXT_PP(4)));

	call.rel = dg_target_open(memo);
	dg_guard_open(&call, memo, arbiter, require_unique);
	was_created = dg_guard_get_or_create(&call, &record);
	record = make_result(fcinfo, call.target, record, was_created);
	relation_close(call.rel, NoLock);
	return record;
}

/*
 * 22023 for a word that SELECT … FOR does not know.
 */
static DgLockStrength
parse_lock_strength(const char *name)
{
	static const struct
	{
		const char *name;
		DgLockStrength strength;
	} strengths[] = {
		{"key share", DG_LOCK_KEY_SHARE},
		{"share", DG_LOCK_SHARE},
		{"no key update", DG_LOCK_NO_KEY_UPDATE},
		{"update", DG_LOCK_UPDATE}};

	for (int i = 0; i < lengthof(strengths); i++)
	{
		if (pg_strcasecmp(name, strengths[i].name) == 0)
			return strengths[i].strength;
	}
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("unrecognized lock_strength \"%s\"", name),
			 errhint("Use 'key share', 'share', 'no key update' or 'update', or NULL for no lock.")));
	return DG_LOCK_NONE;		/* keep compiler quiet */
}

/*
 * (record, was_created)
 */
static Datum
make_result(FunctionCallInfo fcinfo, DgTarget *target, Datum record,
			bool was_created)
{
	Datum		values[2] = {record, BoolGetDatum(was_created)};
	bool		nulls[2] = {false, false};

	return dg_answer_return(fcinfo, dg_target_result(target, false),
							target->desc, values, nulls);
}
