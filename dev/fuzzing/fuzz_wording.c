/*
 * fuzz_wording.c
 *		Feeds anything to the text reader and to the reader of message
 *		catalogues; dev/fuzz builds and runs it with libFuzzer.
 *
 * Besides not crashing, what comes out must lie inside what went in, and the
 * same text must be read the same way twice.
 */
#include "postgres.h"

#include <stdio.h>
#include <stdlib.h>

#include "mo.h"
#include "wording.h"

#define NLANGUAGES 3

static DgLanguage languages_list[NLANGUAGES];
static DgLanguages languages = {languages_list, NLANGUAGES};

int			LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* As catalogue.c has them: bare words. */
static DgSpan
bare(const char *label)
{
	DgSpan		span = dg_span_cstring(label);

	while (span.len > 0 && strchr(" :", span.start[span.len - 1]) != NULL)
		span.len--;
	return span;
}

/*
 * English, and two made-up languages: one begins with the arguments and turns
 * them around, the other has next to no words between them.
 */
static void
make_languages(void)
{
	int			i;

	for (i = 0; i < NLANGUAGES; i++)
	{
		languages_list[i].sites = calloc(dg_nsites, sizeof(DgPattern));
		languages_list[i].details = calloc(dg_ndetails, sizeof(DgPattern));
	}
	for (i = 0; i < dg_nsites; i++)
	{
		if (!dg_pattern_make(&languages_list[0].sites[i], dg_sites[i].msgid))
			abort();
	}
	for (i = 0; i < dg_ndetails; i++)
	{
		if (!dg_pattern_make(&languages_list[0].details[i],
							 dg_details[i].msgid))
			abort();
	}
	for (i = 0; i < DG_NLABELS; i++)
		languages_list[0].labels[i] = bare(dg_labels[i]);
	languages_list[1].labels[DG_LABEL_DETAIL] = dg_span_cstring("d");
	if (!dg_pattern_make(&languages_list[1].sites[0], "\"%1$s\" zweimal") ||
		!dg_pattern_make(&languages_list[1].sites[5], "%3$s von %1$s \"%2$s\" benutzt") ||
		!dg_pattern_make(&languages_list[1].details[0], "%1$s gibt es") ||
		!dg_pattern_make(&languages_list[1].details[10], "Tafel %3$s hat (%1$s)=(%2$s)") ||
		!dg_pattern_make(&languages_list[2].sites[4], "%2$s, %1$s;;;") ||
		!dg_pattern_make(&languages_list[2].details[3], "%2$s, %1$s;;;"))
		abort();
}

static void
must_be_inside(DgSpan span, DgSpan text)
{
	if (span.start != NULL &&
		(span.start < text.start ||
		 span.start + span.len > text.start + text.len))
		abort();
}

static void
read_wording(DgSpan text)
{
	DgWording	once;
	DgWording	twice;
	int			i;

	dg_wording_read(text, &languages, &once);
	dg_wording_read(text, &languages, &twice);
	if (memcmp(&once, &twice, sizeof(once)) != 0)
		abort();
	must_be_inside(once.message, text);
	must_be_inside(once.detail, text);
	must_be_inside(once.hint, text);
	must_be_inside(once.rest, text);
	if (strlen(once.sqlstate) != 0 && strlen(once.sqlstate) != 5)
		abort();
	if (once.site >= dg_nsites)
		abort();
	if (once.site >= 0)
	{
		for (i = 0; i < DG_SITE_ARGS; i++)
			must_be_inside(once.args[i], text);
	}
	if (getenv("DG_FUZZ_SHOW") != NULL)
		printf("site %d sqlstate %s foreign %d\nmessage <%.*s>\ndetail <%.*s>\nhint <%.*s>\n",
			   once.site, once.sqlstate, once.foreign,
			   (int) once.message.len, once.message.start,
			   (int) once.detail.len, once.detail.start,
			   (int) once.hint.len, once.hint.start);
}

static void
read_detail(DgSpan text)
{
	DgSpan		args[DG_SITE_ARGS] = {{0}};
	bool		unique;
	int			i;

	if (dg_wording_detail(text, &languages, NULL, args, &unique) < 0)
		return;
	for (i = 0; i < DG_SITE_ARGS; i++)
		must_be_inside(args[i], text);
}

/* A catalogue, and its translations as patterns. */
static void
read_catalogue(const char *data, size_t size)
{
	DgMo		mo;
	char		charset[32];
	int			i;

	if (!dg_mo_open(&mo, data, size))
		return;
	dg_mo_charset(&mo, charset, sizeof(charset));
	for (i = 0; i < dg_nsites; i++)
	{
		const char *translation = dg_mo_translation(&mo, dg_sites[i].msgid);
		DgPattern	pattern;
		DgPattern	original;

		if (translation != NULL && dg_pattern_make(&pattern, translation) &&
			dg_pattern_make(&original, dg_sites[i].msgid))
			dg_pattern_same_args(&pattern, &original);
	}
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char	   *copy;
	DgSpan		text;

	if (languages_list[0].sites == NULL)
		make_languages();
	copy = malloc(size + 1);	/* of its exact size, to see each overrun */
	memcpy(copy, data, size);
	copy[size] = '\0';
	if (size > 4 && (memcmp(copy, "\xde\x12\x04\x95", 4) == 0 ||
					 memcmp(copy, "\x95\x04\x12\xde", 4) == 0))
	{
		char	   *exact = malloc(size);

		memcpy(exact, data, size);
		read_catalogue(exact, size);
		free(exact);
	}
	text.start = copy;
	text.len = strlen(copy);	/* texts of the server hold no zero bytes */
	read_wording(text);
	read_detail(text);
	free(copy);
	return 0;
}
