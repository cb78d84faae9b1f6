/*
 * message.c
 *		Finds a printf-like message in a text and hands back its arguments.
 *
 * A translation is free to reorder the arguments (%3$s before %1$s), so a
 * pattern keeps for each gap which argument stands there.  Only %s is known:
 * none of the messages that we look for has anything else, and a catalogue
 * that says otherwise is not to be trusted.
 *
 * All of it is linear in the text: literals are found with memmem, an
 * argument inside a longer text is limited to max_arg bytes, and nothing is
 * ever tried twice at the same place.
 *
 * Nothing here allocates, raises errors or needs the server.
 */
#include "postgres.h"

#include <string.h>

#include "message.h"

static bool next_argument(const char **cursor, int implied, int *argno);
static const char *end_of_line(DgSpan text);
static bool begin_of(const DgPattern *pattern, DgSpan text, size_t hit,
					 size_t max_arg, size_t *begin);

/*
 * Cuts a format at its arguments.  False when it has other conversions than
 * %s, too many of them, one twice, or next to no text of its own (such a
 * "translation" would match anything).
 */
bool
dg_pattern_make(DgPattern *pattern, const char *format)
{
	const char *cursor = format;
	unsigned	seen = 0;
	int			i;

	memset(pattern, 0, sizeof(DgPattern));
	pattern->literal[0].start = format;
	while (*cursor != '\0')
	{
		int			argno;

		if (*cursor != '%')
		{
			cursor++;
			continue;
		}
		pattern->literal[pattern->nargs].len =
			cursor - pattern->literal[pattern->nargs].start;
		if (pattern->nargs == DG_SITE_ARGS ||
			!next_argument(&cursor, pattern->nargs, &argno) ||
			(seen & (1u << argno)) != 0)
			return false;
		seen |= 1u << argno;
		pattern->argno[pattern->nargs++] = argno;
		pattern->literal[pattern->nargs].start = cursor;
	}
	pattern->literal[pattern->nargs].len =
		cursor - pattern->literal[pattern->nargs].start;

	for (i = 1; i <= pattern->nargs; i++)
	{
		if (pattern->literal[i].len > pattern->literal[pattern->longest].len)
			pattern->longest = i;
		/* between two arguments something must stand */
		if (i < pattern->nargs && pattern->literal[i].len == 0)
			return false;
	}
	return pattern->literal[pattern->longest].len >= 3;
}

/* Steps over %s or %2$s; implied is the number of a plain one. */
static bool
next_argument(const char **cursor, int implied, int *argno)
{
	const char *c = *cursor + 1;

	*argno = implied;
	if (c[0] >= '1' && c[0] <= '9' && c[1] == '$')
	{
		*argno = c[0] - '1';
		c += 2;
	}
	if (*c != 's' || *argno >= DG_SITE_ARGS)
		return false;
	*cursor = c + 1;
	return true;
}

/* Whether both take the same arguments: a message and its translation must. */
bool
dg_pattern_same_args(const DgPattern *a, const DgPattern *b)
{
	unsigned	in_a = 0;
	unsigned	in_b = 0;
	int			i;

	for (i = 0; i < a->nargs; i++)
		in_a |= 1u << a->argno[i];
	for (i = 0; i < b->nargs; i++)
		in_b |= 1u << b->argno[i];
	return in_a == in_b;
}

/*
 * Whether the whole text is this message; then its arguments.  roles say what
 * they are: the values of a key may hold anything and take as much as they
 * can, all others as little.  *unique is false when another one could end in
 * more than one place.
 */
bool
dg_message_is(const DgPattern *pattern, DgSpan text, const DgRole *roles,
			  DgSpan *args, bool *unique)
{
	DgSpan		last = pattern->literal[pattern->nargs];
	int			i;

	*unique = true;
	if (!dg_span_begins(text, pattern->literal[0]))
		return false;
	text = dg_span_from(text, pattern->literal[0].len);
	if (pattern->nargs == 0)
		return text.len == 0;
	if (!dg_span_ends(text, last))
		return false;
	text = dg_span_upto(text, text.len - last.len);

	for (i = 0; i < pattern->nargs - 1; i++)
	{
		DgSpan		literal = pattern->literal[i + 1];
		DgRole		role = roles[pattern->argno[i]];
		const char *found = dg_span_find(text, literal);

		if (found == NULL)
			return false;
		if (role == DG_ROLE_KEY_VALUES)
			found = dg_span_find_last(text, literal);
		else if (role != DG_ROLE_KEY_COLUMNS &&
				 dg_span_find_last(text, literal) != found)
			*unique = false;
		args[pattern->argno[i]] = dg_span_upto(text, found - text.start);
		text = dg_span_from(text, found - text.start + literal.len);
	}
	args[pattern->argno[i]] = text;
	return true;
}

/*
 * Whether the message begins at this place; then its arguments, each as short
 * as can be and at most max_arg bytes, and where it ends.  *unique is false
 * when one that is not the last could also end later.
 */
bool
dg_message_at(const DgPattern *pattern, DgSpan text, size_t at, size_t max_arg,
			  DgSpan *args, size_t *end, bool *unique)
{
	int			i;

	*unique = true;
	if (!dg_span_begins(dg_span_from(text, at), pattern->literal[0]))
		return false;
	at += pattern->literal[0].len;
	for (i = 0; i < pattern->nargs; i++)
	{
		DgSpan		literal = pattern->literal[i + 1];
		DgSpan		window = dg_span_from(text, at);
		const char *found;

		if (window.len > max_arg + literal.len)
			window.len = max_arg + literal.len;
		if (literal.len == 0)
			found = end_of_line(window);
		else
			found = dg_span_find(window, literal);
		if (found == NULL)
			return false;
		args[pattern->argno[i]] = dg_span_upto(window, found - window.start);
		if (i < pattern->nargs - 1 &&
			dg_span_find(dg_span_from(window, found - window.start + 1),
						 literal) != NULL)
			*unique = false;
		at = found - text.start + literal.len;
	}
	*end = at;
	return true;
}

/* Where a message ends that ends with an argument: with the line. */
static const char *
end_of_line(DgSpan text)
{
	const char *newline = text.len > 0 ?
							  memchr(text.start, '\n', text.len) :
							  NULL;

	return newline != NULL ? newline : text.start + text.len;
}

/*
 * The next occurrence of the message whose longest literal stands at *from or
 * later.  *from moves behind that literal, so that a caller may go on.
 */
bool
dg_message_find(const DgPattern *pattern, DgSpan text, size_t *from,
				size_t max_arg, DgSpan *args, size_t *begin, size_t *end,
				bool *unique)
{
	DgSpan		literal = pattern->literal[pattern->longest];

	while (*from < text.len)
	{
		const char *found = dg_span_find(dg_span_from(text, *from), literal);

		if (found == NULL)
			break;
		*from = found - text.start + literal.len;
		if (begin_of(pattern, text, found - text.start, max_arg, begin) &&
			dg_message_at(pattern, text, *begin, max_arg, args, end, unique))
			return true;
	}
	*from = text.len;
	return false;
}

/*
 * Goes back from the longest literal to where the message begins.  One that
 * begins with an argument begins behind a line's start or a colon.
 */
static bool
begin_of(const DgPattern *pattern, DgSpan text, size_t hit, size_t max_arg,
		 size_t *begin)
{
	int			i;

	for (i = pattern->longest - 1; i >= 0; i--)
	{
		DgSpan		window = dg_span_upto(text, hit);
		DgSpan		literal = pattern->literal[i];
		const char *found;

		if (window.len > max_arg + literal.len)
			window = dg_span_from(window, window.len - max_arg - literal.len);
		if (literal.len > 0)
			found = dg_span_find_last(window, literal);
		else
		{
			found = window.start + window.len;
			while (found > window.start && found[-1] != '\n' &&
				   !(found[-1] == ' ' && found - 1 > window.start &&
					 (found[-2] == ':' || found[-2] == ' ')))
				found--;
		}
		if (found == NULL)
			return false;
		hit = found - text.start;
	}
	*begin = hit;
	return true;
}
