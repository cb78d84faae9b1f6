/*
 * pending.c
 *		This session's errors that the statistics do not know yet.
 *
 * An error is noted here while it is being reported, where no lock may be
 * taken, and goes to the shared counts at the end of the transaction, committed
 * or not.  Within a transaction that has many different errors the notes are
 * also handed over after the rollback of a subtransaction, before they are
 * full.  Between the two nothing is lost: a session that is terminated aborts
 * its transaction first, and what the error of a background worker adds on
 * its way out is handed over when the process ends.  A crash takes all.
 *
 * An error is noted as caught.  That it went to the client is known only later,
 * perhaps after it was handed over; then one moves from one number to the
 * other, so what is handed over may be negative on one side.
 *
 * Memory: reserved when the server starts, for DG_PENDING_MAX different errors.
 * Every error rolls something back, so more of them at once are possible only
 * in a module that breaks that rule; those are not counted.
 */
#include "postgres.h"

#include "mb/pg_wchar.h"
#include "miscadmin.h"
#include "storage/ipc.h"
#include "utils/memutils.h"
#include "utils/timestamp.h"

#include "facts.h"
#include "message.h"
#include "pending.h"
#include "stats.h"

#define DG_PENDING_MAX	32

static DgStatsCount *pending = NULL;	/* NULL: nothing is counted */
static int	npending = 0;

static DgStatsKey latest;		/* of the error noted last */
static bool have_latest = false;

static bool at_exit = false;	/* is flush_at_exit() going to be called? */

static void make_key(DgStatsKey *key, const ErrorData *edata,
					 const char *message_id);
static DgKind kind_of(const ErrorData *edata, const DgSite *site);
static void set_name(NameData *name, const char *text, size_t len);
static void read_message(DgStatsKey *key, const DgSite *site,
						 const ErrorData *edata);
static DgStatsCount *find_or_add(const DgStatsKey *key);
static void flush_at_exit(int code, Datum arg);

/* Called once, when the library is loaded. */
void
dg_pending_init(void)
{
	if (process_shared_preload_libraries_in_progress)
		pending = MemoryContextAlloc(TopMemoryContext,
									 DG_PENDING_MAX * sizeof(DgStatsCount));
}

/*
 * Notes an error, as a caught one so far.  message_id is NULL if it is not
 * known.  Called while the error is being reported: takes no lock, allocates
 * nothing, raises no error.
 */
void
dg_pending_add(const ErrorData *edata, const char *message_id)
{
	DgStatsCount *count;

	if (pending == NULL || !OidIsValid(MyDatabaseId))
		return;
	make_key(&latest, edata, message_id);
	count = find_or_add(&latest);
	have_latest = (count != NULL);
	if (!have_latest)
		return;
	count->caught++;
	count->last_raised = GetCurrentTimestamp();
	if (count->first_raised == 0)
		count->first_raised = count->last_raised;
}

/* An error that is not counted. */
void
dg_pending_add_none(void)
{
	have_latest = false;
}

/* What the error is about, by its own words. */
static void
make_key(DgStatsKey *key, const ErrorData *edata, const char *message_id)
{
	const DgSite *site = message_id != NULL ? dg_site_by_msgid(message_id) :
											  NULL;
	struct
	{
		NameData   *name;
		const char *text;
	} names[] = {
		{&key->schema_name, edata->schema_name},
		{&key->table_name, edata->table_name},
		{&key->column_name, edata->column_name},
		{&key->constraint_name, edata->constraint_name},
		{&key->datatype_name, edata->datatype_name}};

	memset(key, 0, sizeof(*key));
	key->database = MyDatabaseId;
	key->encoding = GetDatabaseEncoding();
	key->sqlerrcode = edata->sqlerrcode;
	key->kind = kind_of(edata, site);
	for (int i = 0; i < lengthof(names); i++)
	{
		if (names[i].text != NULL)
			set_name(names[i].name, names[i].text, strlen(names[i].text));
	}
	if (site != NULL && !dg_site_has_fields(site))
		read_message(key, site, edata);
}

/* The kind that integrity_error would have without a look at the DETAIL. */
static DgKind
kind_of(const ErrorData *edata, const DgSite *site)
{
	DgReading	reading = {.site = site, .detail_form = -1};
	DgNames		names = {
		.table = edata->table_name,
		.datatype = edata->datatype_name};

	strlcpy(reading.sqlstate, unpack_sql_state(edata->sqlerrcode),
			sizeof(reading.sqlstate));
	return dg_facts_kind(&reading, &names);
}

/* The server's own names fit; what a user's RAISE gives is cut. */
static void
set_name(NameData *name, const char *text, size_t len)
{
	if (len >= NAMEDATALEN)
		len = pg_mbcliplen(text, Min(len, NAMEDATALEN + MAX_MULTIBYTE_CHAR_LEN),
						   NAMEDATALEN - 1);
	memcpy(NameStr(*name), text, len);
}

/*
 * A few messages have the name of the table only in their text.  They are in
 * this session's language, so the server's own translation tells where.
 */
static void
read_message(DgStatsKey *key, const DgSite *site, const ErrorData *edata)
{
	DgPattern	pattern;
	DgSpan		args[DG_SITE_ARGS];
	bool		unique;

	if (edata->message == NULL || edata->domain == NULL ||
		!dg_pattern_make(&pattern, dgettext(edata->domain, site->msgid)) ||
		!dg_message_is(&pattern, dg_span_cstring(edata->message), site->roles,
					   args, &unique) ||
		!unique)
		return;
	for (int i = 0; i < pattern.nargs; i++)
	{
		if (site->roles[i] == DG_ROLE_TABLE)
			set_name(&key->table_name, args[i].start, args[i].len);
		else if (site->roles[i] == DG_ROLE_COLUMN)
			set_name(&key->column_name, args[i].start, args[i].len);
	}
}

/* The note with that key, which may be new; NULL when there is no room. */
static DgStatsCount *
find_or_add(const DgStatsKey *key)
{
	DgStatsCount *count;

	for (int i = npending - 1; i >= 0; i--)
	{
		if (memcmp(&pending[i].key, key, sizeof(*key)) == 0)
			return &pending[i];
	}
	if (npending >= DG_PENDING_MAX)
		return NULL;
	count = &pending[npending++];
	memset(count, 0, sizeof(*count));
	count->key = *key;
	return count;
}

/* The error noted last went to the client.  Call it once for an error. */
void
dg_pending_set_uncaught(void)
{
	DgStatsCount *count = have_latest ? find_or_add(&latest) : NULL;

	if (count == NULL)
		return;
	count->caught--;
	count->uncaught++;
}

/* The error noted last is not to be counted. */
void
dg_pending_take_back(void)
{
	DgStatsCount *count = have_latest ? find_or_add(&latest) : NULL;

	if (count == NULL)
		return;
	count->caught--;
	have_latest = false;
}

/*
 * Hands everything over.  Called at the end of transactions.
 */
void
dg_pending_flush(void)
{
	if (npending == 0)
		return;
	if (!at_exit)
	{
		before_shmem_exit(flush_at_exit, (Datum) 0);
		at_exit = true;
	}
	for (int i = 0; i < npending; i++)
	{
		if (pending[i].caught != 0 || pending[i].uncaught != 0)
			dg_stats_add(&pending[i]);
	}
	npending = 0;
}

/* Hands everything over if there is not much room left. */
void
dg_pending_make_room(void)
{
	if (npending >= DG_PENDING_MAX / 2)
		dg_pending_flush();
}

/* before_shmem_exit callback: what came after the last transaction. */
static void
flush_at_exit(int code, Datum arg)
{
	dg_pending_flush();
}
