/*
 * latest.h
 *		The latest integrity error of this session.
 */
#ifndef DG_LATEST_H
#define DG_LATEST_H

#include "violation.h"

typedef struct DgLatestError
{
	DgErrorFields fields;		/* as raised; no catalog was asked */
	Oid			user_id;		/* in force when it was raised */
	Oid			session_user_id;	/* of the session at that time */
	bool		uncaught;		/* known to have reached the client */
} DgLatestError;

extern void dg_latest_init(void);
extern const DgLatestError *dg_latest_get(void);
extern void dg_latest_set(const ErrorData *edata, const char *message_id);
extern bool dg_latest_set_uncaught(void);
extern bool dg_latest_is(const ErrorData *edata);
extern void dg_latest_forget(void);

#endif							/* DG_LATEST_H */
