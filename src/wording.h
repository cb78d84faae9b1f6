/*
 * wording.h
 *		Takes the text of an error apart, in whatever language and whatever
 *		clothes a client has given it.
 *
 * wording.c, argument.c, label.c, extent.c and quoting.c need nothing of the
 * server, so that they can be built and fuzzed by themselves.
 */
#ifndef DG_WORDING_H
#define DG_WORDING_H

#include "postgres.h"

#include "message.h"

/* The longest argument of a message inside a longer text. */
#define DG_MAX_ARG 320

/*
 * The messages in one language; a pattern whose first literal's start is NULL
 * is not translated.  Labels NULL likewise.
 */
typedef struct DgLanguage
{
	DgPattern  *sites;			/* dg_nsites of them */
	DgPattern  *details;		/* dg_ndetails of them */
	DgSpan		labels[DG_NLABELS]; /* without colon and blanks */
} DgLanguage;

/* What is known of languages. */
typedef struct DgLanguages
{
	const DgLanguage *list;
	int			n;
} DgLanguages;

/* A text taken apart; spans point into it, start NULL where it has none. */
typedef struct DgWording
{
	DgSpan		message;
	DgSpan		detail;
	DgSpan		hint;
	char		sqlstate[6];	/* empty: none in it */
	bool		foreign;		/* another server did it, says CONTEXT */
	int			site;			/* index into dg_sites, or -1 */
	int			language;		/* whose pattern matched */
	DgSpan		args[DG_SITE_ARGS];
	bool		unique;			/* they can be told apart in one way only */
	DgSpan		rest;			/* what follows the message */
} DgWording;

/* Where quoted text begins and ends; quoting.c. */
typedef struct DgQuoting
{
	DgSpan		text;
	size_t		at;				/* up to here it has been read */
	size_t		quoted_to;		/* up to here all is quoted */
	bool		lost;			/* cannot be told from here on */
} DgQuoting;

/* wording.c */
extern void dg_wording_read(DgSpan text, const DgLanguages *languages,
							DgWording *wording);
extern int	dg_wording_detail(DgSpan detail, const DgLanguages *languages,
							 const DgSite *site, DgSpan *args, bool *unique);

/* argument.c */
extern bool dg_argument_fits(DgSpan arg, DgRole role,
							 const DgLanguages *languages);

/* label.c */
extern bool dg_label_at(DgSpan text, size_t at, const DgLanguages *languages,
						DgLabel *label, size_t *end);
extern bool dg_label_error(DgSpan text, const DgLanguages *languages,
						   size_t *end);
extern size_t dg_label_first(DgSpan text, const DgLanguages *languages);
extern bool dg_label_any(DgSpan text, size_t at, size_t *end);
extern size_t dg_label_next_line(DgSpan text, size_t at);
extern size_t dg_label_skip_blanks(DgSpan text, size_t at);
extern DgSpan dg_label_section(DgSpan text, DgLabel label,
							   const DgLanguages *languages);
extern DgSpan dg_label_without_section(DgSpan text,
									   const DgLanguages *languages);

/* extent.c */
extern bool dg_extent_of_detail(DgSpan *rest, const DgLanguages *languages,
								const DgSite *site, DgSpan *detail);

/* quoting.c */
extern bool dg_quoting_covers(DgQuoting *quoting, size_t at);
extern bool dg_quoting_trusts(DgSpan prefix);

/* catalogue.c */
extern const DgLanguages *dg_catalogue_english(void);
extern const DgLanguages *dg_catalogue_languages(void);

#endif							/* DG_WORDING_H */
