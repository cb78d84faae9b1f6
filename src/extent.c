/*
 * extent.c
 *		Where the DETAIL begins and ends in the rest of an error's text.
 *
 * The DETAIL holds what users entered, and that may look like the end of the
 * DETAIL, a heading, or another DETAIL; what stands behind it may as well.
 * So it is the first line that reads like one, and all places where it could
 * end are looked at: there must be only one.  Otherwise there is no telling,
 * and the error goes without a DETAIL.
 *
 * Nothing here allocates, raises errors or needs the server.
 */
#include "postgres.h"

#include <string.h>

#include "wording.h"

/*
 * So many places where a DETAIL may begin or end are looked at, lest the time
 * grow with the square of the text.
 */
#define MAX_BEGINNINGS	64
#define MAX_ENDS		256

static DgSpan detail_at(DgSpan rest, size_t at, const DgLanguages *languages,
						const DgSite *site, int *tries);
static DgSpan extent_at(DgSpan rest, const DgPattern *pattern,
						const DgDetail *detail, const DgLanguages *languages);
static bool is_detail(const DgPattern *pattern, const DgDetail *detail,
					  DgSpan text, const DgLanguages *languages);
static DgSpan detail_of_line(DgSpan rest, const DgPattern *pattern,
							 const DgDetail *detail,
							 const DgLanguages *languages);
static size_t begin_of_appendices(DgSpan text);
static DgSpan trimmed(DgSpan text);

/*
 * The DETAIL in what follows a message; *detail gets start NULL when there is
 * none that the site can have.  *rest becomes what follows the DETAIL.  False
 * when there is one but its end is in doubt: then nothing behind it can be
 * believed either.
 */
bool
dg_extent_of_detail(DgSpan *rest, const DgLanguages *languages,
					const DgSite *site, DgSpan *detail)
{
	DgSpan		text = trimmed(*rest);
	size_t		limit = begin_of_appendices(text);
	int			tries = 0;
	size_t		at;

	for (at = 0; at < limit; at = dg_label_next_line(text, at))
	{
		size_t		begin = dg_label_skip_blanks(text, at);
		size_t		labelled;

		*detail = detail_at(text, begin, languages, site, &tries);
		if (detail->start == NULL && dg_label_any(text, begin, &labelled))
			*detail = detail_at(text, labelled, languages, site, &tries);
		if (detail->start == NULL)
			continue;
		if (detail->len == 0)
		{
			detail->start = NULL;
			return false;
		}
		*rest = dg_span_from(text, detail->start + detail->len - text.start);
		*rest = dg_span_upto(*rest, begin_of_appendices(*rest));
		return true;
	}
	*rest = dg_span_upto(text, limit);
	detail->start = NULL;
	detail->len = 0;
	return true;
}

/*
 * The DETAIL that begins here; start NULL when none does, len 0 when one does
 * but its end is in doubt.
 */
static DgSpan
detail_at(DgSpan rest, size_t at, const DgLanguages *languages,
		  const DgSite *site, int *tries)
{
	DgSpan		none = {NULL, 0};
	DgSpan		here = dg_span_from(rest, at);
	int			i;
	int			form;

	for (i = 0; i < languages->n; i++)
	{
		for (form = 0; form < dg_ndetails; form++)
		{
			const DgPattern *pattern = &languages->list[i].details[form];
			DgSpan		detail;

			if (pattern->literal[0].start == NULL ||
				!dg_site_has_detail(site, form) ||
				!dg_span_begins(here, pattern->literal[0]))
				continue;
			if (++*tries > MAX_BEGINNINGS)
				return none;
			detail = extent_at(here, pattern, &dg_details[form], languages);
			if (detail.start != NULL)
				return detail;
		}
	}
	return none;
}

/* The extent of this DETAIL, as detail_at() returns it. */
static DgSpan
extent_at(DgSpan rest, const DgPattern *pattern, const DgDetail *detail,
		  const DgLanguages *languages)
{
	DgSpan		ending = pattern->literal[pattern->nargs];
	DgSpan		found = {NULL, 0};
	int			ntried = 0;
	size_t		at = 0;

	/* one that ends with a name or a key: with its line, or the text */
	if (ending.len == 0)
		return detail_of_line(rest, pattern, detail, languages);
	while (at < rest.len)
	{
		const char *hit = dg_span_find(dg_span_from(rest, at), ending);
		DgSpan		candidate;

		if (hit == NULL)
			break;
		at = hit - rest.start + ending.len;
		candidate = dg_span_upto(rest, at);
		if (++ntried <= MAX_ENDS &&
			!is_detail(pattern, detail, candidate, languages))
			continue;
		if (found.start != NULL || ntried > MAX_ENDS)
		{
			found.start = rest.start;
			found.len = 0;
			break;
		}
		found = candidate;
	}
	return found;
}

/* The extent of a DETAIL that has no words of its own at its end. */
static DgSpan
detail_of_line(DgSpan rest, const DgPattern *pattern, const DgDetail *detail,
			   const DgLanguages *languages)
{
	DgSpan		found = {NULL, 0};
	DgSpan		line = trimmed(dg_span_upto(rest, dg_label_next_line(rest, 0)));

	if (is_detail(pattern, detail, rest, languages))
		found = rest;
	if (line.len < rest.len && is_detail(pattern, detail, line, languages))
	{
		if (found.start != NULL)
			line.len = 0;		/* either */
		found = line;
	}
	return found;
}

/* Whether the text is this DETAIL, with names that can be names. */
static bool
is_detail(const DgPattern *pattern, const DgDetail *detail, DgSpan text,
		  const DgLanguages *languages)
{
	DgSpan		args[DG_SITE_ARGS];
	bool		unique;
	int			i;

	if (!dg_message_is(pattern, text, detail->roles, args, &unique))
		return false;
	for (i = 0; i < pattern->nargs; i++)
	{
		int			arg = pattern->argno[i];

		if (!dg_argument_fits(args[arg], detail->roles[arg], languages))
			return false;
	}
	return true;
}

/* Where SQLAlchemy's statement and parameters begin, or the text's end. */
static size_t
begin_of_appendices(DgSpan text)
{
	static const char *const appendices[] = {"\n[SQL: ", "\n[parameters: "};
	int			i;

	for (i = 0; i < lengthof(appendices); i++)
	{
		const char *found = dg_span_find(text, dg_span_cstring(appendices[i]));

		if (found != NULL)
			text = dg_span_upto(text, found - text.start);
	}
	return text.len;
}

/* Without white space at its end. */
static DgSpan
trimmed(DgSpan text)
{
	while (text.len > 0 && strchr(" \t\r\n", text.start[text.len - 1]) != NULL)
		text.len--;
	return text;
}
