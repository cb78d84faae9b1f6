/*
 * wording.c
 *		Takes the text of an error apart, in whatever language and whatever
 *		clothes a client has given it.
 *
 * A text is the bare message, or it has the message somewhere: behind a
 * label, an exception's name or a whole statement, and before the DETAIL,
 * CONTEXT, statement or parameters.  The first message that we know and that
 * is not inside quotes is the one: what stands before it outside quotes was
 * written by the client or the application's programmer, and what users
 * entered stands in quotes or behind the message.
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
static bool first_unquoted(const DgPattern *pattern, DgSpan text,
						   const DgRole *roles, const DgLanguages *languages,
						   DgSpan *args, size_t *begin, size_t *end);
static bool are_names(const DgPattern *pattern, const DgRole *roles,
					  const DgSpan *args, const DgLanguages *languages);
static bool is_type_name(DgSpan arg);
static void unknown_message(DgSpan text, const DgLanguages *languages,
							DgWording *wording);
static size_t behind_error_label(DgSpan text, const DgLanguages *languages);
static bool error_label_at(DgSpan text, size_t at,
						   const DgLanguages *languages, size_t *end);
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
	bool		unique;

	for (i = 0; i < languages->n; i++)
	{
		for (site = 0; site < dg_nsites; site++)
		{
			const DgPattern *pattern = &languages->list[i].sites[site];

			if (pattern->literal[0].start == NULL ||
				!dg_message_is(pattern, text, dg_sites[site].roles,
							   wording->args, &unique) ||
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
 * Whether a message that we know stands in the text; the first one that is
 * not quoted.
 */
static bool
message_inside(DgSpan text, const DgLanguages *languages, DgWording *wording)
{
	size_t		first = text.len;
	size_t		first_end = 0;
	int			i;
	int			site;

	for (i = 0; i < languages->n; i++)
	{
		for (site = 0; site < dg_nsites; site++)
		{
			const DgPattern *pattern = &languages->list[i].sites[site];
			DgSpan		args[DG_SITE_ARGS] = {{0}};
			size_t		begin;
			size_t		end;

			if (pattern->literal[0].start == NULL ||
				!first_unquoted(pattern, text, dg_sites[site].roles, languages,
								args, &begin, &end))
				continue;
			/* of two that begin at one place the longer one says more */
			if (begin > first || (begin == first && end <= first_end))
				continue;
			first = begin;
			first_end = end;
			wording->site = site;
			wording->language = i;
			memcpy(wording->args, args, sizeof(args));
		}
	}
	if (wording->site < 0)
		return false;
	wording->message = dg_span_from(dg_span_upto(text, first_end), first);
	wording->rest = dg_span_from(text, first_end);
	find_sqlstate(text, first, first_end, wording->sqlstate);
	return true;
}

/* The first place where the message stands and is not quoted. */
static bool
first_unquoted(const DgPattern *pattern, DgSpan text, const DgRole *roles,
			   const DgLanguages *languages, DgSpan *args, size_t *begin,
			   size_t *end)
{
	DgQuoting	quoting = {0};
	size_t		from = 0;

	quoting.text = text;
	while (dg_message_find(pattern, text, &from, DG_MAX_ARG, args, begin, end))
	{
		if (!dg_quoting_covers(&quoting, *begin) &&
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

		if (!dg_wording_is_name(args[arg], roles[arg], languages))
			return false;
	}
	return true;
}

/*
 * Whether an argument can be what its role says.  A name is at most so long,
 * and a line in it does not begin with a heading: then it is the rest of the
 * error rather.
 */
bool
dg_wording_is_name(DgSpan arg, DgRole role, const DgLanguages *languages)
{
	size_t		limit = NAMEDATALEN - 1;
	size_t		at;

	if (role == DG_ROLE_KEY || role == DG_ROLE_PARTITION_KEY ||
		role == DG_ROLE_PARENTHESES)
		return dg_span_begins(arg, dg_span_cstring("(")) &&
			   dg_span_ends(arg, dg_span_cstring(")"));
	if (role == DG_ROLE_KEY_COLUMNS || role == DG_ROLE_KEY_VALUES ||
		role == DG_ROLE_OTHER)
		return true;
	if (role == DG_ROLE_DOMAIN)
		return is_type_name(arg);
	if (arg.len == 0 || arg.len > limit)
		return false;
	for (at = dg_label_next_line(arg, 0); at < arg.len;
		 at = dg_label_next_line(arg, at))
	{
		DgLabel		label;
		size_t		end;

		if (dg_label_at(arg, dg_label_skip_blanks(arg, at), languages, &label,
						&end))
			return false;
	}
	return true;
}

/* Whether it is one or two identifiers, quoted or not, with a dot between. */
static bool
is_type_name(DgSpan arg)
{
	int			nparts = 0;
	size_t		at = 0;

	if (arg.len == 0 || arg.len > DG_MAX_ARG)
		return false;
	for (;;)
	{
		size_t		begin = at;
		bool		quoted = at < arg.len && arg.start[at] == '"';

		if (quoted)
		{
			for (at++; at < arg.len; at++)
			{
				if (arg.start[at] != '"')
					continue;
				if (at + 1 >= arg.len || arg.start[at + 1] != '"')
					break;
				at++;
			}
			if (at >= arg.len)
				return false;
			at++;
		}
		while (!quoted && at < arg.len && strchr(" .:\"\n", arg.start[at]) == NULL)
			at++;
		if (at == begin || ++nparts > 2)
			return false;
		if (at == arg.len)
			return true;
		if (arg.start[at++] != '.')
			return false;
	}
}

/*
 * A message that we do not know, as a trigger may raise it: from behind the
 * label, if there is one, up to the next heading.
 */
static void
unknown_message(DgSpan text, const DgLanguages *languages, DgWording *wording)
{
	size_t		begin = behind_error_label(text, languages);
	char		ignored[6];

	find_sqlstate(text, begin, text.len, wording->sqlstate);
	if (sqlstate_at(text, begin, ignored))
	{
		/* psql's verbose form, and Npgsql's; or psql's shortest form */
		if (dg_span_begins(dg_span_from(text, begin + 5), dg_span_cstring(": ")))
			begin = dg_label_skip_blanks(text, begin + 7);
		else if (begin + 5 == text.len)
			begin += 5;
	}
	wording->message = dg_label_without_section(dg_span_from(text, begin),
												languages);
	wording->rest = dg_span_from(text, begin + wording->message.len);
}

/* Behind ERROR: and what may stand before it in the first line, or 0. */
static size_t
behind_error_label(DgSpan text, const DgLanguages *languages)
{
	DgQuoting	quoting = {0};
	size_t		line = dg_label_next_line(text, 0);
	size_t		at;

	quoting.text = text;
	if (line > 200)
		line = 200;
	for (at = 0; at < line; at++)
	{
		size_t		end;

		if (at > 0 && text.start[at - 1] != ' ')
			continue;
		if (error_label_at(text, at, languages, &end))
			return dg_quoting_covers(&quoting, at) ? 0 : end;
	}
	return 0;
}

/* ERROR: in capitals, as the server writes it, in any language. */
static bool
error_label_at(DgSpan text, size_t at, const DgLanguages *languages,
			   size_t *end)
{
	int			i;

	for (i = 0; i < languages->n; i++)
	{
		DgSpan		word = languages->list[i].labels[DG_LABEL_ERROR];
		DgLabel		label;

		if (word.len > 0 && dg_span_begins(dg_span_from(text, at), word) &&
			dg_label_at(text, at, languages, &label, end))
			return true;
	}
	return false;
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
 * Which DETAIL the text is, or -1; then its arguments.  *unique: it can be
 * read in one way only.
 */
int
dg_wording_detail(DgSpan detail, const DgLanguages *languages, DgSpan *args,
				  bool *unique)
{
	int			i;
	int			form;

	for (i = 0; i < languages->n; i++)
	{
		for (form = 0; form < dg_ndetails; form++)
		{
			const DgPattern *pattern = &languages->list[i].details[form];

			if (pattern->literal[0].start != NULL &&
				dg_message_is(pattern, detail, dg_details[form].roles, args,
							  unique) &&
				are_names(pattern, dg_details[form].roles, args, languages))
				return form;
		}
	}
	return -1;
}
