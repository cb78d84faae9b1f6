/*
 * statement_plan.h
 *		Prepared statements, kept with the shape of the calls that they serve.
 */
#ifndef DG_STATEMENT_PLAN_H
#define DG_STATEMENT_PLAN_H

#include "postgres.h"

#include "executor/spi.h"
#include "utils/queryenvironment.h"

#include "statement_text.h"
#include "target.h"

extern SPIPlanPtr dg_statement_plan(Relation rel, DgShape *shape,
									DgStatementKey *key,
									EphemeralNamedRelation batch);
extern void dg_statement_plan_register(EphemeralNamedRelation batch);

#endif							/* DG_STATEMENT_PLAN_H */
