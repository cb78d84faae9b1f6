/*
 * reading.c
 *		The error's own words, taken apart: which message it is, and what it
 *		names.
 *
 * message_id decides where there is one.  Else the text is compared with the
 * messages that we know, in all languages that the server has catalogues
 * for.  The text may be the bare message or all that a client made of the
 * error; wording.c finds the parts.
 */
#include "postgres.h"

#include "mb/pg_wchar.h"
#include "utils/elog.h"

#include "facts.h"
#include "wording.h"

static void read_text(DgReading *reading, const DgErrorFields *error);
static void read_known_message(DgReading *reading, const DgErrorFields *error);
static bool read_args(DgReading *reading, const char *message,
					  const DgLanguages *languages);
static void settle_sqlstate(DgReading *reading, const DgErrorFields *error,
							const char *in_text);
static bool same_error(const char *sqlstate, const char *site_sqlstate);
static void name_args(DgReading *reading, const DgRole *roles,
					  const DgSpan *args);
static void find_longer_names(DgReading *reading, const DgWording *wording,
							  const DgPattern *pattern);
static void read_detail(DgReading *reading);
static void name_detail(DgReading *reading, const DgRole *roles,
						const DgSpan *args);
static DgKind kind_of_detail(int detail_form);
static const char *copy_span(DgSpan span);

/* Takes the error's words apart. */
void
dg_reading_make(DgReading *reading, const DgErrorFields *error)
{
	memset(reading, 0, sizeof(DgReading));
	reading->detail_form = -1;
	reading->message = error->message;
	reading->detail = error->detail;
	reading->hint = error->hint;
	if (error->message_id != NULL)
		reading->site = dg_site_by_msgid(error->message_id);
	reading->by_message_id = reading->site != NULL;

	if (reading->by_message_id)
		read_known_message(reading, error);
	else if (error->message != NULL)
		read_text(reading, error);
	else
		settle_sqlstate(reading, error, "");
	read_detail(reading);
}

/*
 * The message is known: its text is needed only for what it names and no
 * field does.
 */
static void
read_known_message(DgReading *reading, const DgErrorFields *error)
{
	settle_sqlstate(reading, error, "");
	if (error->message == NULL || reading->site == NULL)
		return;
	if (!read_args(reading, error->message, dg_catalogue_english()))
		read_args(reading, error->message, dg_catalogue_languages());
}

/* What the message names, if it is worded as in one of these languages. */
static bool
read_args(DgReading *reading, const char *message,
		  const DgLanguages *languages)
{
	int			site = reading->site - dg_sites;
	DgSpan		args[DG_SITE_ARGS];
	bool		unique;
	int			i;

	for (i = 0; i < languages->n; i++)
	{
		const DgPattern *pattern = &languages->list[i].sites[site];

		if (pattern->literal[0].start != NULL &&
			dg_message_is(pattern, dg_span_cstring(message),
						  reading->site->roles, args, &unique))
		{
			name_args(reading, reading->site->roles, args);
			reading->exact_names = unique;
			return true;
		}
	}
	return false;
}

/*
 * Finds out what message the text is, or holds.  A text that is an English
 * message and nothing else needs no other language.
 */
static void
read_text(DgReading *reading, const DgErrorFields *error)
{
	const DgLanguages *languages = dg_catalogue_english();
	DgSpan		text = dg_span_cstring(error->message);
	DgWording	wording;

	dg_wording_read(text, languages, &wording);
	if (wording.site < 0 || wording.message.len < text.len)
	{
		languages = dg_catalogue_languages();
		dg_wording_read(text, languages, &wording);
	}
	if (wording.site >= 0)
		reading->site = &dg_sites[wording.site];
	reading->foreign = wording.foreign;
	reading->message = wording.message.len > 0 ?
						   copy_span(wording.message) :
						   NULL;
	if (reading->detail == NULL)
		reading->detail = copy_span(wording.detail);
	if (reading->hint == NULL)
		reading->hint = copy_span(wording.hint);

	settle_sqlstate(reading, error, wording.sqlstate);
	if (reading->site == NULL)
		return;
	name_args(reading, reading->site->roles, wording.args);
	reading->exact_names = wording.unique;
	find_longer_names(reading, &wording,
					  &languages->list[wording.language].sites[wording.site]);
}

/*
 * The SQLSTATE: the caller's, else the one in the text, else the message's.
 * A message whose SQLSTATE is another one was somebody's RAISE.
 */
static void
settle_sqlstate(DgReading *reading, const DgErrorFields *error,
				const char *in_text)
{
	if (error->sqlerrcode != 0)
		strlcpy(reading->sqlstate, unpack_sql_state(error->sqlerrcode),
				sizeof(reading->sqlstate));
	else if (in_text[0] != '\0')
		strlcpy(reading->sqlstate, in_text, sizeof(reading->sqlstate));
	else if (reading->site != NULL)
		strlcpy(reading->sqlstate, reading->site->sqlstate,
				sizeof(reading->sqlstate));
	if (reading->site != NULL &&
		!same_error(reading->sqlstate, reading->site->sqlstate))
		reading->site = NULL;
}

/* Whether the two SQLSTATEs mean the same: RESTRICT has had both. */
static bool
same_error(const char *sqlstate, const char *site_sqlstate)
{
	if (strcmp(sqlstate, site_sqlstate) == 0)
		return true;
	return (strcmp(sqlstate, "23503") == 0 ||
			strcmp(sqlstate, "23001") == 0) &&
		   (strcmp(site_sqlstate, "23503") == 0 ||
			strcmp(site_sqlstate, "23001") == 0);
}

/* Copies the arguments to what they stand for. */
static void
name_args(DgReading *reading, const DgRole *roles, const DgSpan *args)
{
	int			i;

	for (i = 0; i < DG_SITE_ARGS; i++)
	{
		if (roles[i] == DG_ROLE_NONE || roles[i] == DG_ROLE_PARENTHESES ||
			roles[i] == DG_ROLE_OTHER)
			continue;
		reading->named[roles[i]] = copy_span(args[i]);
	}
}

/*
 * In a longer text the last name ends at the first thing that can end it.  A
 * name that holds a quote was cut short then; these are the other places, as
 * far as a name can reach.
 */
static void
find_longer_names(DgReading *reading, const DgWording *wording,
				  const DgPattern *pattern)
{
	DgSpan		ending = pattern->literal[pattern->nargs];
	DgSpan		message = wording->message;
	DgSpan		name;
	DgSpan		window;
	const char *next;
	int			last;

	if (pattern->nargs == 0 || ending.len == 0 || wording->rest.len == 0)
		return;
	last = pattern->argno[pattern->nargs - 1];
	name = wording->args[last];
	reading->last_role = reading->site->roles[last];
	window.start = name.start + name.len + 1;
	window.len = wording->rest.start + wording->rest.len - window.start;
	window = dg_span_upto(window, NAMEDATALEN + ending.len);
	while ((next = dg_span_find(window, ending)) != NULL &&
		   next - name.start < NAMEDATALEN)
	{
		name.len = next - name.start;
		reading->longer_names = lappend(reading->longer_names,
										(void *) copy_span(name));
		message.len = next + ending.len - message.start;
		reading->longer_messages = lappend(reading->longer_messages,
										   (void *) copy_span(message));
		window = dg_span_from(window, next - window.start + 1);
	}
}

/* What the DETAIL names. */
static void
read_detail(DgReading *reading)
{
	DgSpan		args[DG_SITE_ARGS] = {{0}};
	DgSpan		detail = dg_span_cstring(reading->detail);

	if (reading->detail == NULL)
		return;
	reading->detail_form = dg_wording_detail(detail, dg_catalogue_english(),
											 reading->site, args,
											 &reading->exact_key);
	if (reading->detail_form < 0)
		reading->detail_form = dg_wording_detail(detail,
												 dg_catalogue_languages(),
												 reading->site, args,
												 &reading->exact_key);
	if (reading->detail_form < 0)
		return;
	reading->detail_kind = kind_of_detail(reading->detail_form);

	name_detail(reading, dg_details[reading->detail_form].roles, args);
}

/*
 * Notes what the DETAIL names.  A table that the message named otherwise has
 * not been read well.
 */
static void
name_detail(DgReading *reading, const DgRole *roles, const DgSpan *args)
{
	const char *tables[DG_NROLES];
	int			i;

	memcpy(tables, reading->named, sizeof(tables));
	name_args(reading, roles, args);
	for (i = 0; i < DG_SITE_ARGS; i++)
	{
		if (roles[i] != DG_ROLE_TABLE && roles[i] != DG_ROLE_REFERENCED)
			continue;
		reading->detail_table = reading->named[roles[i]];
		if (tables[roles[i]] != NULL &&
			strcmp(tables[roles[i]], reading->detail_table) != 0)
		{
			reading->exact_key = false;
			reading->named[roles[i]] = tables[roles[i]];
		}
	}
}

/* The kind of error that has such a DETAIL; DG_OTHER when several have. */
static DgKind
kind_of_detail(int detail_form)
{
	DgKind		kind = DG_OTHER;
	int			i;

	for (i = 0; i < dg_nsites; i++)
	{
		if (!dg_site_has_detail(&dg_sites[i], detail_form))
			continue;
		if (kind != DG_OTHER && kind != dg_sites[i].kind)
			return DG_OTHER;
		kind = dg_sites[i].kind;
	}
	return kind;
}

/* A span as a C string; NULL when there is none. */
static const char *
copy_span(DgSpan span)
{
	if (span.start == NULL)
		return NULL;
	return pnstrdup(span.start, span.len);
}
