/*
 * span.c
 *		Small services for stretches of text that are not NUL-terminated.
 *
 * Nothing here allocates, raises errors or needs the server.
 */
#include "postgres.h"

#include <string.h>

#include "message.h"

/* Where the word first stands in the text, or NULL. */
const char *
dg_span_find(DgSpan text, DgSpan word)
{
	const char *at = text.start;
	size_t		left = text.len;

	if (word.len == 0 || word.len > left)
		return NULL;

	/*
	 * memmem() is not in every C library that the server runs on.  The words
	 * are the literals of messages, at most some hundred bytes, so this stays
	 * linear in the text.
	 */
	while (left >= word.len)
	{
		const char *hit = memchr(at, word.start[0], left - word.len + 1);

		if (hit == NULL)
			return NULL;
		if (memcmp(hit, word.start, word.len) == 0)
			return hit;
		left -= hit + 1 - at;
		at = hit + 1;
	}
	return NULL;
}

/* Where the word last stands in the text, or NULL. */
const char *
dg_span_find_last(DgSpan text, DgSpan word)
{
	size_t		at;

	if (word.len == 0 || word.len > text.len)
		return NULL;
	for (at = text.len - word.len + 1; at-- > 0;)
	{
		if (text.start[at] == word.start[0] &&
			memcmp(text.start + at, word.start, word.len) == 0)
			return text.start + at;
	}
	return NULL;
}

/* Whether the text begins with the word. */
bool
dg_span_begins(DgSpan text, DgSpan word)
{
	return text.len >= word.len &&
		   memcmp(text.start, word.start, word.len) == 0;
}

/* Whether the text ends with the word. */
bool
dg_span_ends(DgSpan text, DgSpan word)
{
	return text.len >= word.len &&
		   memcmp(text.start + text.len - word.len, word.start, word.len) == 0;
}

/* The text without its first bytes. */
DgSpan
dg_span_from(DgSpan text, size_t at)
{
	DgSpan		rest;

	if (at > text.len)
		at = text.len;
	rest.start = text.start + at;
	rest.len = text.len - at;
	return rest;
}

/* The first bytes of the text. */
DgSpan
dg_span_upto(DgSpan text, size_t at)
{
	text.len = at < text.len ? at : text.len;
	return text;
}

/* A C string as a span; NULL gives the empty one. */
DgSpan
dg_span_cstring(const char *string)
{
	DgSpan		span;

	span.start = string;
	span.len = string != NULL ? strlen(string) : 0;
	return span;
}
