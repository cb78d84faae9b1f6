/*
 * span.c
 *		Small services for stretches of text that are not NUL-terminated.
 *
 * Nothing here allocates, raises errors or needs the server.
 */
#include "postgres.h"

#include <string.h>

#include "message.h"

static const char *find_far(DgSpan text, DgSpan word);

/*
 * Where the word first stands in the text, or NULL.  memmem() is not in every
 * C library that the server runs on.  The words are the literals of messages,
 * at most some hundred bytes.
 */
const char *
dg_span_find(DgSpan text, DgSpan word)
{
	const char *at = text.start;
	size_t		left = text.len;

	if (word.len == 0 || word.len > left)
		return NULL;
	if (word.len > 3 && left > 1000)
		return find_far(text, word);
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

/*
 * The same for long texts (Horspool's way): most bytes are never looked at,
 * and a text full of the word's first byte costs no more than others.
 */
static const char *
find_far(DgSpan text, DgSpan word)
{
	size_t		shift[256];
	size_t		last = word.len - 1;
	size_t		at;
	size_t		i;

	for (i = 0; i < lengthof(shift); i++)
		shift[i] = word.len;
	for (i = 0; i < last; i++)
		shift[(unsigned char) word.start[i]] = last - i;
	for (at = 0; at + last < text.len;
		 at += shift[(unsigned char) text.start[at + last]])
	{
		if (text.start[at + last] == word.start[last] &&
			memcmp(text.start + at, word.start, last) == 0)
			return text.start + at;
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
