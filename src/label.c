/*
 * label.c
 *		The headings in the text of an error: DETAIL, HINT, CONTEXT and so on,
 *		in every language, as libpq, psql and pgjdbc write them.
 *
 * Nothing here allocates, raises errors or needs the server.
 */
#include "postgres.h"

#include <string.h>

#include "wording.h"

/* How long a heading in a language that we do not know may be. */
#define MAX_LABEL 40

static bool first_label(DgSpan text, DgSpan word, size_t *at, size_t *end);
static bool colon_at(DgSpan text, size_t at, size_t *end);
static bool begins_ignoring_case(DgSpan text, DgSpan word);
static char lower(char c);

/* What pgjdbc and psql write besides; none of them translated by the server. */
static const struct
{
	const char *word;
	DgLabel		label;
} more_labels[] = {
	{"Where", DG_LABEL_CONTEXT},
	{"Position", DG_LABEL_LOCATION},
	{"Server SQLState", DG_LABEL_LOCATION},
	{"SCHEMA NAME", DG_LABEL_LOCATION},
	{"TABLE NAME", DG_LABEL_LOCATION},
	{"COLUMN NAME", DG_LABEL_LOCATION},
	{"DATATYPE NAME", DG_LABEL_LOCATION},
	{"CONSTRAINT NAME", DG_LABEL_LOCATION}};

/* Whether a heading stands here, with its colon; *end is behind its blanks. */
bool
dg_label_at(DgSpan text, size_t at, const DgLanguages *languages,
			DgLabel *label, size_t *end)
{
	DgSpan		here = dg_span_from(text, at);
	int			i;
	int			j;

	for (i = 0; i < languages->n; i++)
	{
		for (j = 0; j < DG_NLABELS; j++)
		{
			DgSpan		word = languages->list[i].labels[j];

			if (word.len > 0 && begins_ignoring_case(here, word) &&
				colon_at(text, at + word.len, end))
			{
				*label = j;
				return true;
			}
		}
	}
	for (i = 0; i < lengthof(more_labels); i++)
	{
		DgSpan		word = dg_span_cstring(more_labels[i].word);

		if (begins_ignoring_case(here, word) &&
			colon_at(text, at + word.len, end))
		{
			*label = more_labels[i].label;
			return true;
		}
	}
	return false;
}

/*
 * Whether the server's ERROR: stands in the text, in any language and outside
 * quotes; then *end is behind the first one.  It is written in capitals as the
 * server has it, unlike a word in somebody's message.
 */
bool
dg_label_error(DgSpan text, const DgLanguages *languages, size_t *end)
{
	size_t		first = text.len;
	bool		found = false;
	int			i;

	for (i = 0; i < languages->n; i++)
	{
		DgSpan		word = languages->list[i].labels[DG_LABEL_ERROR];
		size_t		at;
		size_t		behind;

		if (word.len > 0 && first_label(dg_span_upto(text, first), word, &at,
										&behind))
		{
			first = at;
			*end = behind;
			found = true;
		}
	}
	return found;
}

/* The first place where this word stands as a heading and outside quotes. */
static bool
first_label(DgSpan text, DgSpan word, size_t *at, size_t *end)
{
	DgQuoting	quoting = {0};
	size_t		from = 0;

	quoting.text = text;
	for (;;)
	{
		const char *hit = dg_span_find(dg_span_from(text, from), word);

		if (hit == NULL)
			return false;
		*at = hit - text.start;
		from = *at + word.len;
		if ((*at == 0 || strchr(" \t\n[(", text.start[*at - 1]) != NULL) &&
			colon_at(text, from, end) && !dg_quoting_covers(&quoting, *at))
			return true;
		if (quoting.lost)
			return false;
	}
}

/* Where the first line with a heading begins, outside quotes; or the end. */
size_t
dg_label_first(DgSpan text, const DgLanguages *languages)
{
	DgQuoting	quoting = {0};
	size_t		at;

	quoting.text = text;
	for (at = dg_label_next_line(text, 0); at < text.len;
		 at = dg_label_next_line(text, at))
	{
		DgLabel		label;
		size_t		end;

		if (dg_label_at(text, dg_label_skip_blanks(text, at), languages,
						&label, &end) &&
			!dg_quoting_covers(&quoting, at))
			return at;
	}
	return text.len;
}

/*
 * Whether something like a heading stands here, in whatever language: a few
 * letters and a colon.
 */
bool
dg_label_any(DgSpan text, size_t at, size_t *end)
{
	size_t		i;

	for (i = at; i < text.len && i < at + MAX_LABEL; i++)
	{
		unsigned char c = text.start[i];

		if (i > at && colon_at(text, i, end))
			return true;
		if (!((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
			  c >= 0x80 || c == ' '))
			return false;
	}
	return false;
}

/* Whether a colon stands here, wide or narrow, perhaps behind a space. */
static bool
colon_at(DgSpan text, size_t at, size_t *end)
{
	static const char *const colons[] = {
		":", " :", "\302\240:", "\357\274\232"};
	int			i;

	for (i = 0; i < lengthof(colons); i++)
	{
		DgSpan		colon = dg_span_cstring(colons[i]);

		if (dg_span_begins(dg_span_from(text, at), colon))
		{
			*end = dg_label_skip_blanks(text, at + colon.len);
			return true;
		}
	}
	return false;
}

/* Where the next line begins; the text's end when there is none. */
size_t
dg_label_next_line(DgSpan text, size_t at)
{
	DgSpan		here = dg_span_from(text, at);
	const char *newline = here.len > 0 ?
							  memchr(here.start, '\n', here.len) :
							  NULL;

	return newline == NULL ? text.len : newline + 1 - text.start;
}

/* The first place that is no blank. */
size_t
dg_label_skip_blanks(DgSpan text, size_t at)
{
	while (at < text.len && (text.start[at] == ' ' || text.start[at] == '\t'))
		at++;
	return at;
}

/*
 * What follows the first heading of this kind at the start of a line, up to
 * the next heading; start NULL when there is none.
 */
DgSpan
dg_label_section(DgSpan text, DgLabel label, const DgLanguages *languages)
{
	DgSpan		none = {NULL, 0};
	size_t		at = 0;

	while (at < text.len)
	{
		DgLabel		found;
		size_t		end;

		if (dg_label_at(text, dg_label_skip_blanks(text, at), languages,
						&found, &end) &&
			found == label)
		{
			text = dg_label_without_section(dg_span_from(text, end), languages);
			return text.len > 0 ? text : none;
		}

		at = dg_label_next_line(text, at);
	}
	return none;
}

/*
 * The text up to the first line with a heading, without trailing white
 * space.  The text's own first line is never taken for one.
 */
DgSpan
dg_label_without_section(DgSpan text, const DgLanguages *languages)
{
	size_t		at = dg_label_next_line(text, 0);

	while (at < text.len)
	{
		DgLabel		label;
		size_t		end;

		if (dg_label_at(text, dg_label_skip_blanks(text, at), languages,
						&label, &end))
		{
			text = dg_span_upto(text, at);
			break;
		}
		at = dg_label_next_line(text, at);
	}
	while (text.len > 0 && strchr(" \t\r\n", text.start[text.len - 1]) != NULL)
		text.len--;
	return text;
}

/* Upper and lower case of ASCII letters count the same: pgjdbc has Detail. */
static bool
begins_ignoring_case(DgSpan text, DgSpan word)
{
	size_t		i;

	if (text.len < word.len)
		return false;
	for (i = 0; i < word.len; i++)
	{
		if (lower(text.start[i]) != lower(word.start[i]))
			return false;
	}
	return true;
}

/* Of ASCII letters only; the bytes of others stay as they are. */
static char
lower(char c)
{
	return c >= 'A' && c <= 'Z' ? c + ('a' - 'A') : c;
}
