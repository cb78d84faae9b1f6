/*
 * extent.c
 *		Where the DETAIL begins and ends in the rest of an error's text.
 *
 * The DETAIL holds what users entered, and that may look like the end of the
 * DETAIL, a heading, or another DETAIL; what stands behind it may as well.
 * So it is the first line that reads like one, and all places where it could
 * end are looked at: one of them must be the only one, or the end of the
 * text.  Otherwise there is no telling, and the error goes without a DETAIL.
 *
 * Nothing here allocates, raises errors or needs the server.
 */
#include "postgres.h"

#include <string.h>

#include "wording.h"

/* So many places where a DETAIL may end are looked at. */
#define MAX_ENDS 64

static DgSpan detail_at(DgSpan rest, size_t at, const DgLanguages *languages,
						const DgSite *site);
static bool may_have(const DgSite *site, int detail);
static DgSpan extent_at(DgSpan rest, const DgPattern *pattern,
						const DgDetail *detail, const DgLanguages *languages);
static bool is_detail(const DgPattern *pattern, const DgDetail *detail,
					  DgSpan text, const DgLanguages *languages);
static DgSpan cut_appendices(DgSpan rest);
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
	DgSpan		text = trimmed(cut_appendices(*rest));
	size_t		at;

	for (at = 0; at < text.len; at = dg_label_next_line(text, at))
	{
		size_t		begin = dg_label_skip_blanks(text, at);
		size_t		labelled;

		*detail = detail_at(text, begin, languages, site);
		if (detail->start == NULL && dg_label_any(text, begin, &labelled))
			*detail = detail_at(text, labelled, languages, site);
		if (detail->start == NULL)
			continue;
		if (detail->len == 0)
		{
			detail->start = NULL;
			return false;
		}
		*rest = dg_span_from(text, detail->start + detail->len - text.start);
		return true;
	}
	*rest = text;
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
		  const DgSite *site)
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

			if (pattern->literal[0].start == NULL || !may_have(site, form) ||
				!dg_span_begins(here, pattern->literal[0]))
				continue;
			detail = extent_at(here, pattern, &dg_details[form], languages);
			if (detail.start != NULL)
				return detail;
		}
	}
	return none;
}

/* Whether this message can come with this DETAIL. */
static bool
may_have(const DgSite *site, int detail)
{
	int			i;

	for (i = 0; i < DG_SITE_DETAILS && site->details[i] >= 0; i++)
	{
		if (site->details[i] == detail)
			return true;
	}
	return false;
}

/* The extent of this DETAIL, as detail_at() returns it. */
static DgSpan
extent_at(DgSpan rest, const DgPattern *pattern, const DgDetail *detail,
		  const DgLanguages *languages)
{
	DgSpan		ending = pattern->literal[pattern->nargs];
	DgSpan		found = {NULL, 0};
	int			nfound = 0;
	int			ntried = 0;
	size_t		at = 0;

	/* usually it is the end of the text as well */
	if (is_detail(pattern, detail, rest, languages))
		return rest;
	if (ending.len == 0)
		ending = dg_span_cstring("\n");
	while (at < rest.len)
	{
		const char *hit = dg_span_find(dg_span_from(rest, at), ending);
		DgSpan		candidate;

		if (hit == NULL)
			break;
		at = hit - rest.start + ending.len;
		candidate = dg_span_upto(rest, ending.start[0] == '\n' ?
										   hit - rest.start :
										   at);
		if (!is_detail(pattern, detail, candidate, languages))
			continue;
		if (++ntried > MAX_ENDS || ++nfound > 1)
		{
			found.len = 0;
			break;
		}
		found = candidate;
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

		if (!dg_wording_is_name(args[arg], detail->roles[arg], languages))
			return false;
	}
	return true;
}

/* Without what SQLAlchemy appends: statement and parameters. */
static DgSpan
cut_appendices(DgSpan rest)
{
	static const char *const appendices[] = {"\n[SQL: ", "\n[parameters: "};
	int			i;

	for (i = 0; i < lengthof(appendices); i++)
	{
		const char *found = dg_span_find(rest, dg_span_cstring(appendices[i]));

		if (found != NULL)
			rest = dg_span_upto(rest, found - rest.start);
	}
	return rest;
}

/* Without white space at its end. */
static DgSpan
trimmed(DgSpan text)
{
	while (text.len > 0 && strchr(" \t\r\n", text.start[text.len - 1]) != NULL)
		text.len--;
	return text;
}
