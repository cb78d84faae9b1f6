/*
 * wording.c
 *		Takes the text of an error apart, in whatever language and whatever
 *		clothes a client has given it.
 *
 * A text is the bare message, or it has the message somewhere: behind a
 * label, an exception's name or a whole statement, and before the DETAIL,
 * CONTEXT, statement or parameters.  It stands right behind the first ERROR:
 * that is not inside quotes, if there is one; else the first message that we
 * know, that is not inside quotes and not behind a heading, is the one.  For
 * what stands before it outside quotes was written by the client or the
 * application's programmer, and what users entered stands in quotes or behind
 * the message.
 *
 * Time is linear in the text (times the number of messages and languages),
 * whatever it holds.  Nothing here allocates, raises errors or needs the
 * server.
 */
#include "postgres.h"

#include <string.h>

#include "wording.h"

static bool whole_message(DgSpan text, const DgLanguages *languages,
						  DgWording *wording);
static bool message_inside(DgSpan text, const DgLanguages *languages,
						   DgWording *wording);
static bool plausible_end(DgSpan rest);
static bool first_unquoted(const DgPattern *pattern, DgSpan text,
						   const DgRole *roles, const DgLanguages *languages,
						   DgSpan *args, size_t *begin, size_t *end,
						   bool *unique);
static bool are_names(const DgPattern *pattern, const DgRole *roles,
					  const DgSpan *args, const DgLanguages *languages);
static void unknown_message(DgSpan text, const DgLanguages *languages,
							DgWording *wording);
static size_t behind_sqlstate(DgSpan text, size_t at);
static void find_sqlstate(DgSpan text, size_t begin, size_t end,
						  char *sqlstate);
static bool sqlstate_at(DgSpan text, size_t at, char *sqlstate);
static bool is_alphanumeric(char c);
static bool says_remote(DgSpan rest);
static bool is_remote_context(DgSpan line);

/* Takes the text apart. */
void
dg_wording_read(DgSpan text, const DgLanguages *languages, DgWording *wording)
{
	DgSpan		rest;

	memset(wording, 0, sizeof(DgWording));
	wording->site = -1;
	if (text.len == 0 || whole_message(text, languages, wording))
		return;
	if (!message_inside(text, languages, wording))
		unknown_message(text, languages, wording);
	rest = wording->rest;
	wording->foreign = says_remote(rest);
	if (wording->site >= 0 &&
		!dg_extent_of_detail(&rest, languages, &dg_sites[wording->site],
							 &wording->detail))
		return;
	if (wording->detail.start == NULL)
		wording->detail = dg_label_section(rest, DG_LABEL_DETAIL, languages);
	wording->hint = dg_label_section(rest, DG_LABEL_HINT, languages);
}

/* Whether the text is a message that we know, and nothing else. */
static bool
whole_message(DgSpan text, const DgLanguages *languages, DgWording *wording)
{
	int			i;
	int			site;

	for (i = 0; i < languages->n; i++)
	{
		for (site = 0; site < dg_nsites; site++)
		{
			const DgPattern *pattern = &languages->list[i].sites[site];

			if (pattern->literal[0].start == NULL ||
				!dg_message_is(pattern, text, dg_sites[site].roles,
							   wording->args, &wording->unique) ||
				!are_names(pattern, dg_sites[site].roles, wording->args,
						   languages))
				continue;
			wording->site = site;
			wording->language = i;
			wording->message = text;
			wording->rest = dg_span_from(text, text.len);
			return true;
		}
	}
	return false;
}

/*
 * Whether a message that we know stands in the text.  If the text has the
 * server's ERROR: that is where it must stand; else it is the first one that
 * is not quoted and not behind a heading.
 */
static bool
message_inside(DgSpan text, const DgLanguages *languages, DgWording *wording)
{
	size_t		first = text.len;
	size_t		first_end = 0;
	size_t		labelled;
	bool		has_label = dg_label_error(text, languages, &labelled);
	DgSpan		searched = text;
	int			i;
	int			site;

	if (has_label && !dg_quoting_trusts(dg_span_upto(text, labelled)))
		return false;
	if (has_label)
		labelled = behind_sqlstate(text, labelled);
	else
		searched = dg_span_upto(text, dg_label_first(text, languages));
	for (i = 0; i < languages->n; i++)
	{
		for (site = 0; site < dg_nsites; site++)
		{
			const DgPattern *pattern = &languages->list[i].sites[site];
			const DgRole *roles = dg_sites[site].roles;
			DgSpan		args[DG_SITE_ARGS] = {{0}};
			size_t		begin = labelled;
			size_t		end;
			bool		unique;

			if (pattern->literal[0].start == NULL)
				continue;
			if (has_label)
			{
				if (!dg_message_at(pattern, text, begin, DG_MAX_ARG, args,
								   &end, &unique) ||
					!are_names(pattern, roles, args, languages))
					continue;
			}
			else if (!first_unquoted(pattern, searched, roles, languages, args,
									 &begin, &end, &unique))
				continue;
			/* of two that begin at one place the longer one says more */
			if (begin > first || (begin == first && end <= first_end))
				continue;
			first = begin;
			first_end = end;
			wording->site = site;
			wording->language = i;
			wording->unique = unique;
			memcpy(wording->args, args, sizeof(args));
		}
	}
	if (wording->site < 0)
		return false;
	wording->message = dg_span_from(dg_span_upto(text, first_end), first);
	wording->rest = dg_span_from(text, first_end);
	if (!plausible_end(wording->rest))
		wording->unique = false;
	find_sqlstate(text, first, first_end, wording->sqlstate);
	return true;
}

/*
 * Whether what follows a message can be something else than the rest of a
 * name that has quotes in it.
 */
static bool
plausible_end(DgSpan rest)
{
	static const char *const beginnings[] = {
		"\n", "\r", ";", "]", ")", "  ", " (", " [", " at "};
	int			i;

	for (i = 0; i < lengthof(beginnings); i++)
	{
		if (dg_span_begins(rest, dg_span_cstring(beginnings[i])))
			return true;
	}
	return rest.len == 0;
}

/* The first place where the message stands and is not quoted. */
static bool
first_unquoted(const DgPattern *pattern, DgSpan text, const DgRole *roles,
			   const DgLanguages *languages, DgSpan *args, size_t *begin,
			   size_t *end, bool *unique)
{
	DgQuoting	quoting = {0};
	size_t		from = 0;

	quoting.text = text;
	while (dg_message_find(pattern, text, &from, DG_MAX_ARG, args, begin, end,
						   unique))
	{
		if (!dg_quoting_covers(&quoting, *begin) &&
			dg_quoting_trusts(dg_span_upto(text, *begin)) &&
			are_names(pattern, roles, args, languages))
			return true;
		if (quoting.lost)
			break;
	}
	return false;
}

/* Whether all arguments can be what they should be. */
static bool
are_names(const DgPattern *pattern, const DgRole *roles, const DgSpan *args,
		  const DgLanguages *languages)
{
	int			i;

	for (i = 0; i < pattern->nargs; i++)
	{
		int			arg = pattern->argno[i];

		if (!dg_argument_fits(args[arg], roles[arg], languages))
			return false;
	}
	return true;
}

/*
 * A message that we do not know, as a trigger may raise it: from behind the
 * label, if there is one, up to the next heading.
 */
static void
unknown_message(DgSpan text, const DgLanguages *languages, DgWording *wording)
{
	size_t		begin;

	if (!dg_label_error(text, languages, &begin) ||
		!dg_quoting_trusts(dg_span_upto(text, begin)))
		begin = 0;
	find_sqlstate(text, begin, text.len, wording->sqlstate);
	begin = behind_sqlstate(text, begin);
	wording->message = dg_label_without_section(dg_span_from(text, begin),
												languages);
	wording->rest = dg_span_from(text, begin + wording->message.len);
}

/* psql's verbose form has it before the message, its shortest instead. */
static size_t
behind_sqlstate(DgSpan text, size_t at)
{
	char		ignored[6];

	if (!sqlstate_at(text, at, ignored))
		return at;
	if (at + 5 == text.len)
		return text.len;
	if (dg_span_begins(dg_span_from(text, at + 5), dg_span_cstring(": ")))
		return dg_label_skip_blanks(text, at + 7);
	return at;
}

/*
 * The SQLSTATE that a client wrote before or right behind the message.  PDO
 * begins with it, psql's verbose form and Npgsql have it before the message,
 * pgx behind it.
 */
static void
find_sqlstate(DgSpan text, size_t begin, size_t end, char *sqlstate)
{
	DgSpan		pdo = dg_span_cstring("SQLSTATE[");
	DgSpan		pgx = dg_span_cstring(" (SQLSTATE ");

	if (dg_span_begins(text, pdo) && sqlstate_at(text, pdo.len, sqlstate))
		return;
	if (begin >= 7 && text.start[begin - 2] == ':' &&
		text.start[begin - 1] == ' ' && sqlstate_at(text, begin - 7, sqlstate))
		return;
	if (dg_span_begins(dg_span_from(text, end), pgx) &&
		sqlstate_at(text, end + pgx.len, sqlstate))
		return;
	if (sqlstate_at(text, begin, sqlstate) &&
		(begin + 5 == text.len ||
		 dg_span_begins(dg_span_from(text, begin + 5), dg_span_cstring(": "))))
		return;
	sqlstate[0] = '\0';
}

/* Whether five characters of SQLSTATE stand here, and not part of a word. */
static bool
sqlstate_at(DgSpan text, size_t at, char *sqlstate)
{
	int			digits = 0;
	int			i;

	if (at + 5 > text.len ||
		(at + 5 < text.len && is_alphanumeric(text.start[at + 5])))
		return false;
	for (i = 0; i < 5; i++)
	{
		char		c = text.start[at + i];

		if (!is_alphanumeric(c) || (c >= 'a' && c <= 'z'))
			return false;
		digits += c <= '9';
		sqlstate[i] = c;
	}
	sqlstate[5] = '\0';
	return digits >= 2;
}

/* An ASCII letter or digit. */
static bool
is_alphanumeric(char c)
{
	return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') ||
		   (c >= 'a' && c <= 'z');
}

/*
 * Whether postgres_fdw or dblink says that it passes on another server's
 * error.  Neither has translations.
 */
static bool
says_remote(DgSpan rest)
{
	size_t		at;

	for (at = 0; at < rest.len; at = dg_label_next_line(rest, at))
	{
		size_t		begin = dg_label_skip_blanks(rest, at);
		size_t		end = dg_label_next_line(rest, at);
		size_t		labelled;

		if (is_remote_context(dg_span_from(dg_span_upto(rest, end), begin)))
			return true;
		if (dg_label_any(rest, begin, &labelled) &&
			is_remote_context(dg_span_from(dg_span_upto(rest, end), labelled)))
			return true;
	}
	return false;
}

/* Whether this line of a CONTEXT is one that they write. */
static bool
is_remote_context(DgSpan line)
{
	if (dg_span_begins(line, dg_span_cstring("remote SQL command: ")))
		return true;
	return dg_span_begins(line, dg_span_cstring("while ")) &&
		   (dg_span_find(line, dg_span_cstring(" on dblink connection named \"")) != NULL ||
			dg_span_find(line, dg_span_cstring(" on unnamed dblink connection")) != NULL);
}

/*
 * Which DETAIL the text is, of those that the site can have (any for NULL),
 * or -1; then its arguments.  A text that could be two of them is none.
 * *unique: it can be read in one way only.
 */
int
dg_wording_detail(DgSpan detail, const DgLanguages *languages,
				  const DgSite *site, DgSpan *args, bool *unique)
{
	int			i;

	for (i = 0; i < languages->n; i++)
	{
		int			found = -1;
		int			form;

		for (form = 0; form < dg_ndetails; form++)
		{
			const DgPattern *pattern = &languages->list[i].details[form];
			DgSpan		these[DG_SITE_ARGS] = {{0}};

			if (pattern->literal[0].start == NULL ||
				(site != NULL && !dg_site_has_detail(site, form)) ||
				!dg_message_is(pattern, detail, dg_details[form].roles, these,
							   unique) ||
				!are_names(pattern, dg_details[form].roles, these, languages))
				continue;
			if (found >= 0)
				return -1;
			found = form;
			memcpy(args, these, sizeof(these));
		}
		if (found >= 0)
			return found;
	}
	return -1;
}
