/*
 * quoting.c
 *		Which parts of a text are inside quotes.
 *
 * Some clients put the statement before the error, and what a user entered
 * may stand in it, worded like an error.  It stands in quotes, though, so the
 * text is read by the rules of SQL as far as the place in question.  Where
 * those rules leave a doubt (a backslash before a quote is an escape in one
 * kind of literal and none in the other) everything behind counts as quoted.
 *
 * The text is read once, from left to right; nothing allocates, raises errors
 * or needs the server.
 */
#include "postgres.h"

#include <string.h>

#include "wording.h"

/* Spelled out, so that nothing takes them for what they mean. */
static const char comment_begin[] = {'/', '*', '\0'};
static const char comment_end[] = {'*', '/', '\0'};

/* So long may be what a client writes before a message. */
#define MAX_DECORATION 300

static DgSpan behind_comment(DgSpan text);
static bool is_verb(DgSpan text, size_t at);
static void step(DgQuoting *quoting);
static void skip_quoted(DgQuoting *quoting, char quote);
static void skip_to(DgQuoting *quoting, DgSpan ending, size_t from);
static void step_dollar(DgQuoting *quoting);
static bool is_apostrophe(DgSpan text, size_t at);
static bool is_letter(DgSpan text, size_t at);
static bool is_quote_prefix(char c);

/*
 * Whether the byte at this place is inside quotes.  Places must be asked for
 * in ascending order; quoting starts as zeroes but for the text.
 */
bool
dg_quoting_covers(DgQuoting *quoting, size_t at)
{
	while (!quoting->lost && quoting->at < at)
		step(quoting);
	return quoting->lost || quoting->quoted_to > at;
}

/*
 * Whether what stands before a message can be a client's words and statement.
 * Another message of the server can not: it has what a user entered in double
 * quotes, unescaped, and the user may have closed them.  So a double quote,
 * or a second line, is only for statements, whose verb comes first.
 */
bool
dg_quoting_trusts(DgSpan prefix)
{
	const char *quote;
	size_t		at;

	prefix = behind_comment(prefix);
	quote = prefix.len > 0 ? memchr(prefix.start, '"', prefix.len) : NULL;

	if (quote == NULL && prefix.len <= MAX_DECORATION &&
		dg_span_find(prefix, dg_span_cstring("\n")) == NULL)
		return true;
	if (quote != NULL)
		prefix = dg_span_upto(prefix, quote - prefix.start);
	for (at = 0; at < prefix.len; at++)
	{
		if ((at == 0 || !is_letter(prefix, at - 1)) && is_verb(prefix, at))
			return true;
	}
	return false;
}

/* The text without a comment at its beginning: some put one there. */
static DgSpan
behind_comment(DgSpan text)
{
	const char *ending;

	if (!dg_span_begins(text, dg_span_cstring(comment_begin)))
		return text;
	ending = dg_span_find(text, dg_span_cstring(comment_end));
	return ending == NULL ? text : dg_span_from(text, ending + 2 - text.start);
}

/* Whether a statement begins here, in upper or lower case. */
static bool
is_verb(DgSpan text, size_t at)
{
	static const char *const verbs[] = {
		"insert", "update", "delete", "merge", "copy", "with", "select",
		"call", "alter", "create"};
	int			i;

	for (i = 0; i < lengthof(verbs); i++)
	{
		size_t		len = strlen(verbs[i]);
		size_t		j = 0;

		while (j < len && at + j < text.len &&
			   (text.start[at + j] | 0x20) == verbs[i][j])
			j++;
		if (j == len && !is_letter(text, at + len))
			return true;
	}
	return false;
}

/* Reads one byte outside quotes, or one quoted stretch. */
static void
step(DgQuoting *quoting)
{
	DgSpan		text = quoting->text;
	size_t		at = quoting->at;
	DgSpan		here = dg_span_from(text, at);

	if (text.start[at] == '"')
		skip_quoted(quoting, '"');
	else if (text.start[at] == '\'' && !is_apostrophe(text, at))
		skip_quoted(quoting, '\'');
	else if (text.start[at] == '$')
		step_dollar(quoting);
	else if (dg_span_begins(here, dg_span_cstring("--")))
		skip_to(quoting, dg_span_cstring("\n"), at + 2);
	else if (dg_span_begins(here, dg_span_cstring(comment_begin)))
		skip_to(quoting, dg_span_cstring(comment_end),
				at + 2);
	else
		quoting->at++;
}

/* Reads a literal or a quoted identifier; a doubled quote just begins again. */
static void
skip_quoted(DgQuoting *quoting, char quote)
{
	DgSpan		rest = dg_span_from(quoting->text, quoting->at + 1);
	const char *ending = memchr(rest.start, quote, rest.len);

	if (ending == NULL ||
		(quote == '\'' && ending > rest.start && ending[-1] == '\\'))
	{
		quoting->lost = true;
		return;
	}
	quoting->at = ending + 1 - quoting->text.start;
	quoting->quoted_to = quoting->at;
}

/* Reads up to and with an ending. */
static void
skip_to(DgQuoting *quoting, DgSpan ending, size_t from)
{
	const char *found = dg_span_find(dg_span_from(quoting->text, from), ending);

	if (found == NULL)
	{
		quoting->lost = true;
		return;
	}
	quoting->at = found - quoting->text.start + ending.len;
	quoting->quoted_to = quoting->at;
}

/* Reads a dollar-quoted string, if that is what begins here. */
static void
step_dollar(DgQuoting *quoting)
{
	DgSpan		tag = dg_span_from(quoting->text, quoting->at);
	size_t		len = 1;

	while (len < tag.len && len < 64 &&
		   (is_letter(tag, len) || tag.start[len] == '_' ||
			(len > 1 && tag.start[len] >= '0' && tag.start[len] <= '9')))
		len++;
	if (len < tag.len && tag.start[len] == '$')
		skip_to(quoting, dg_span_upto(tag, len + 1), quoting->at + len + 1);
	else
		quoting->at++;
}

/*
 * Whether this single quote is an apostrophe of some human language, as in
 * "L'instruction ... a été annulé": between letters, the first of which is
 * not the prefix of a literal.
 */
static bool
is_apostrophe(DgSpan text, size_t at)
{
	if (at == 0 || !is_letter(text, at - 1) || !is_letter(text, at + 1))
		return false;
	return !is_quote_prefix(text.start[at - 1]) ||
		   (at >= 2 && is_letter(text, at - 2));
}

/* An ASCII letter, or a byte of any other one. */
static bool
is_letter(DgSpan text, size_t at)
{
	unsigned char c;

	if (at >= text.len)
		return false;
	c = text.start[at];
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c >= 0x80;
}

/* E'', N'', B'', X'' */
static bool
is_quote_prefix(char c)
{
	return strchr("eEnNbBxX", c) != NULL;
}
