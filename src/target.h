/*
 * target.h
 *		What is known of a target table, and of the shapes of the calls made
 *		for it.
 */
#ifndef DG_TARGET_H
#define DG_TARGET_H

#include "postgres.h"

#include "fmgr.h"
#include "lib/ilist.h"
#include "lib/stringinfo.h"
#include "utils/relcache.h"

/* What the module of a cached item keeps there is known to that module only */
struct DgColumns;

typedef struct DgTarget
{
	Oid			relid;
	bool		valid;			/* set last; invalidation only clears it */
	MemoryContext context;		/* holds it all, shapes included */
	char		relkind;
	bool		decides;		/* has indexes of its own: is no view and not
								 * foreign */
	bool		is_distributed; /* Citus answers for its rows */
	AttrNumber	distribution_column;	/* by the value of this one */
	TupleDesc	desc;			/* a copy, with missing values */
	TupleDesc	result;			/* see dg_target_result */
	TupleDesc	update_result;
	List	   *indexes;		/* of DgIndex, see arbiter.h */
	List	   *index_oids;		/* their invalidation is the target's too */
	bool		indexes_loaded;
	int			nshapes;
	dlist_head	shapes;			/* of DgShape, latest used first */
	dlist_node	lru;
} DgTarget;

/*
 * The shape of a call: the columns that its JSON objects name, and what
 * follows from them.  Never changed after it was made, but for statements.
 */
typedef struct DgShape
{
	dlist_node	node;
	DgTarget   *target;
	MemoryContext context;
	const char *key;
	struct DgColumns *lookup;
	struct DgColumns *defaults;
	struct DgColumns *create_defaults;	/* the same unless they are given */
	struct DgColumns *touch;	/* NULL where nothing is updated */
	List	   *inserted;		/* attnums: lookup, create_defaults, touch */
	List	   *updated;		/* attnums: defaults, touch */
	List	   *arbiters;		/* of DgArbiter, best first */
	List	   *statements;		/* of DgStatement */
} DgShape;

/* What a call site, one function expression of a statement, found last */
typedef struct DgMemo
{
	Oid			relid;
	DgTarget   *target;			/* alive while generation is the current one */
	DgShape    *shape;			/* of that target; the same */
	uint64		generation;
	TupleDesc	result;			/* the type of the answer, where the verb has
								 * kept it */
} DgMemo;

extern void dg_target_init(void);
extern DgMemo *dg_target_memo(FunctionCallInfo fcinfo);
extern Relation dg_target_open(DgMemo *memo);
extern bool dg_target_memo_is_true(DgMemo *memo);
extern void dg_target_memorize(DgMemo *memo, DgShape *shape);
extern DgTarget *dg_target_recall(DgMemo *memo, Relation rel);
extern DgTarget *dg_target_get(Relation rel);
extern TupleDesc dg_target_result(DgTarget *target, bool updates);
extern DgShape *dg_target_add_shape(DgTarget *target, DgShape *draft,
									StringInfo key);
extern MemoryContext dg_target_shape_context(void);
extern void dg_target_bury(MemoryContext context);
extern Datum dg_target_bracket(FunctionCallInfo fcinfo, PGFunction call);
extern char *dg_target_name(Relation rel);

#endif							/* DG_TARGET_H */
