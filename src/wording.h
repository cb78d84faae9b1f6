/*
 * wording.h
 *		Takes the text of an error apart, in whatever language and whatever
 *		clothes a client has given it.
 */
#ifndef DG_WORDING_H
#define DG_WORDING_H

#include "postgres.h"

#include "message.h"

/*
 * The messages in one language; a pattern whose first literal's start is NULL
 * is not translated.  Labels NULL likewise.
 */
typedef struct DgLanguage
{
	DgPattern  *sites;			/* dg_nsites of them */
	DgPattern  *details;		/* dg_ndetails of them */
	const char *labels[DG_NLABELS];
} DgLanguage;

/* A text taken apart; spans point into it, start NULL where it has none. */
typedef struct DgWording
{
	DgSpan		message;
	DgSpan		detail;
	DgSpan		hint;
	char		sqlstate[6];	/* empty: none in it */
	bool		foreign;		/* its CONTEXT says that another server did it */
	int			site;			/* index into dg_sites, or -1 */
	int			language;		/* whose pattern matched */
	DgSpan		args[DG_SITE_ARGS];
	DgSpan		rest;			/* what follows the message */
} DgWording;

extern void dg_wording_read(DgSpan text, const DgLanguage *languages,
							int nlanguages, DgWording *wording);
extern int	dg_wording_detail(DgSpan detail, const DgLanguage *languages,
							 int nlanguages, DgSpan *args, bool *unique);

/* catalogue.c */
extern const DgLanguage *dg_catalogue_languages(int *nlanguages);

#endif							/* DG_WORDING_H */
