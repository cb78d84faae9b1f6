/*
 * call_plan.h
 *		The planner's side of the scan of one call in FROM.
 */
#ifndef DG_CALL_PLAN_H
#define DG_CALL_PLAN_H

extern void dg_call_plan_init(void);

#endif							/* DG_CALL_PLAN_H */
