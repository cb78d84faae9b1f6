/*
 * statement.h
 *		The SQL statements behind a call, cached with its shape.
 */
#ifndef DG_STATEMENT_H
#define DG_STATEMENT_H

#include "postgres.h"

#include "arbiter.h"
#include "candidate.h"
#include "statement_text.h"
#include "target.h"
#include "tcop/dest.h"
#include "utils/snapshot.h"
#include "utils/tuplestore.h"

extern bool dg_statement_look(Relation rel, DgShape *shape,
							  DgArbiter *arbiter, DgCandidate *candidate,
							  DgKey *key, DgLockStrength lock,
							  Snapshot snapshot, Datum *record);
extern bool dg_statement_create(Relation rel, DgShape *shape,
								DgArbiter *arbiter, bool on_conflict,
								DgCandidate *candidate, Datum *record);
extern bool dg_statement_update(Relation rel, DgShape *shape,
								DgArbiter *arbiter, DgCandidate *candidate,
								DgKey *key, DgCandidate *changes,
								Datum *record);

extern void dg_statement_create_many(Relation rel, DgShape *shape,
									 DgArbiter *arbiter, bool on_conflict,
									 Bitmapset *columns, TupleDesc desc,
									 Tuplestorestate *rows,
									 DestReceiver *receiver);
extern void dg_statement_each(const char *sql, int nargs, Oid *types,
							  Datum *values, const char *nulls,
							  void (*take)(Datum value, void *arg),
							  void *arg);

#endif							/* DG_STATEMENT_H */
