/*
 * latest.c
 *		The latest integrity error of this session: one copy, replaced by the
 *		next error.
 *
 * Everything here but dg_latest_init() may be called while an error is being
 * reported: it takes no lock, looks into no catalog and raises no error; a text
 * for which there is no memory is left out.
 *
 * Memory: the texts, each up to DG_LATEST_TEXT_MAX, in a context of their own
 * that is emptied for the next error.
 */
#include "postgres.h"

#include "mb/pg_wchar.h"
#include "miscadmin.h"
#include "utils/memutils.h"

#include "latest.h"

/* Longer texts are cut, at a character boundary. */
#define DG_LATEST_TEXT_MAX	(64 * 1024)

static DgLatestError latest;
static bool have_latest = false;
static MemoryContext latest_context = NULL;

static const char *keep_text(const char *text);
static bool is_kept(const char *kept, const char *text);

/* Called once, when the library is loaded. */
void
dg_latest_init(void)
{
	latest_context = AllocSetContextCreate(TopMemoryContext,
										   "duplicate_guard latest error",
										   ALLOCSET_SMALL_SIZES);
}

/* The error, or NULL.  It is ours, and changes with the session's next one. */
const DgLatestError *
dg_latest_get(void)
{
	return have_latest ? &latest : NULL;
}

/*
 * Make this the session's latest error, as a caught one so far.
 */
void
dg_latest_set(const ErrorData *edata, const char *message_id)
{
	int			sec_context;

	dg_latest_forget();
	latest.fields.sqlerrcode = edata->sqlerrcode;
	latest.fields.all_fields = edata->message != NULL;
	latest.fields.message_id = keep_text(message_id);
	latest.fields.message = keep_text(edata->message);
	latest.fields.detail = keep_text(edata->detail);
	latest.fields.hint = keep_text(edata->hint);
	latest.fields.schema_name = keep_text(edata->schema_name);
	latest.fields.table_name = keep_text(edata->table_name);
	latest.fields.column_name = keep_text(edata->column_name);
	latest.fields.constraint_name = keep_text(edata->constraint_name);
	latest.fields.datatype_name = keep_text(edata->datatype_name);

	GetUserIdAndSecContext(&latest.user_id, &sec_context);
	if (OidIsValid(latest.user_id))
		latest.session_user_id = GetSessionUserId();
	have_latest = true;
}

/* It has reached the client.  False when there is none or this was known. */
bool
dg_latest_set_uncaught(void)
{
	if (!have_latest || latest.uncaught)
		return false;
	latest.uncaught = true;
	return true;
}

/*
 * Is this the error that we already have?  Everything that a user might not be
 * allowed to read is compared, so that nobody can get a caught error declared
 * uncaught by raising another one that resembles it.
 */
bool
dg_latest_is(const ErrorData *edata)
{
	const DgErrorFields *last = &latest.fields;

	return have_latest &&
		   last->sqlerrcode == edata->sqlerrcode &&
		   is_kept(last->message, edata->message) &&
		   is_kept(last->detail, edata->detail) &&
		   is_kept(last->hint, edata->hint) &&
		   is_kept(last->schema_name, edata->schema_name) &&
		   is_kept(last->table_name, edata->table_name) &&
		   is_kept(last->column_name, edata->column_name) &&
		   is_kept(last->constraint_name, edata->constraint_name) &&
		   is_kept(last->datatype_name, edata->datatype_name);
}

/* There is no latest error any more. */
void
dg_latest_forget(void)
{
	have_latest = false;
	memset(&latest, 0, sizeof(latest));
	MemoryContextReset(latest_context);
}

/* A copy in latest_context, cut if it is very long; NULL for nothing. */
static const char *
keep_text(const char *text)
{
	int			length;
	char	   *copy;

	if (text == NULL)
		return NULL;
	length = strnlen(text, DG_LATEST_TEXT_MAX + 1);
	if (length > DG_LATEST_TEXT_MAX)
		length = pg_mbcliplen(text, length, DG_LATEST_TEXT_MAX);
	copy = MemoryContextAllocExtended(latest_context, length + 1,
									  MCXT_ALLOC_NO_OOM);
	if (copy == NULL)
	{
		latest.fields.all_fields = false;
		return NULL;
	}
	memcpy(copy, text, length);
	copy[length] = '\0';
	return copy;
}

/* Is kept what keep_text() makes of text? */
static bool
is_kept(const char *kept, const char *text)
{
	size_t		length;

	if (kept == NULL || text == NULL)
		return kept == text;
	length = strlen(kept);
	return strncmp(kept, text, length) == 0 &&
		   (text[length] == '\0' ||
			length > DG_LATEST_TEXT_MAX - MAX_MULTIBYTE_CHAR_LEN);
}
