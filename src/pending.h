/*
 * pending.h
 *		This session's errors that the statistics do not know yet.
 */
#ifndef DG_PENDING_H
#define DG_PENDING_H

#include "postgres.h"

extern void dg_pending_init(void);
extern void dg_pending_add(const ErrorData *edata, const char *message_id);
extern void dg_pending_add_none(void);
extern void dg_pending_set_uncaught(void);
extern void dg_pending_take_back(void);
extern void dg_pending_flush(void);
extern void dg_pending_make_room(void);

#endif							/* DG_PENDING_H */
