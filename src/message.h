/*
 * message.h
 *		Finds a printf-like message in a text and hands back its arguments.
 */
#ifndef DG_MESSAGE_H
#define DG_MESSAGE_H

#include "postgres.h"

#include "site.h"

/* A stretch of somebody else's text; start NULL: nothing. */
typedef struct DgSpan
{
	const char *start;
	size_t		len;
} DgSpan;

/*
 * A format cut at its arguments: literal[0] argno[0] literal[1] ...  The
 * literals point into the format, which must live as long.
 */
typedef struct DgPattern
{
	int			nargs;
	int			argno[DG_SITE_ARGS];	/* 0-based; any order */
	DgSpan		literal[DG_SITE_ARGS + 1];
	int			longest;		/* the longest of the literals */
} DgPattern;

extern bool dg_pattern_make(DgPattern *pattern, const char *format);
extern bool dg_pattern_same_args(const DgPattern *a, const DgPattern *b);
extern bool dg_message_is(const DgPattern *pattern, DgSpan text,
						  const DgRole *roles, DgSpan *args, bool *unique);
extern bool dg_message_at(const DgPattern *pattern, DgSpan text, size_t at,
						  size_t max_arg, DgSpan *args, size_t *end,
						  bool *unique);
extern bool dg_message_find(const DgPattern *pattern, DgSpan text, size_t *from,
							size_t max_arg, DgSpan *args, size_t *begin,
							size_t *end, bool *unique);

/* span.c: small services for stretches of text */
extern const char *dg_span_find(DgSpan text, DgSpan word);
extern const char *dg_span_find_last(DgSpan text, DgSpan word);
extern bool dg_span_begins(DgSpan text, DgSpan word);
extern bool dg_span_ends(DgSpan text, DgSpan word);
extern DgSpan dg_span_from(DgSpan text, size_t at);
extern DgSpan dg_span_upto(DgSpan text, size_t at);
extern DgSpan dg_span_cstring(const char *string);

#endif							/* DG_MESSAGE_H */
