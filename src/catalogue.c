/*
 * catalogue.c
 *		The few messages that we look for, in all languages of the server.
 *
 * They are read from the message catalogues that are installed with the
 * server (LC_MESSAGES/postgres-NN.mo), whatever lc_messages says: the error
 * may come from another session, or from years ago.
 *
 * This happens once in a backend, when the first text has to be understood
 * that is more than a bare English message; it reads a megabyte or so for
 * each language and keeps some kilobytes of it, in a memory context of its
 * own.  A catalogue that cannot be read, or a message that this database's
 * encoding cannot hold, is left out without a word.
 */
#include "postgres.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "catalog/namespace.h"
#include "mb/pg_wchar.h"
#include "miscadmin.h"
#include "port.h"
#include "storage/fd.h"
#include "utils/memutils.h"

#include "mo.h"
#include "wording.h"

#define MAX_LANGUAGES		64
#define MAX_CATALOGUE_SIZE	(32 * 1024 * 1024)

static MemoryContext empty_context(MemoryContext *kept, const char *name);
static void load_english(DgLanguage *language);
static void load_installed(DgLanguages *languages, DgLanguage *list);
static int	compare_names(const ListCell *a, const ListCell *b);
static bool load_catalogue(DgLanguage *language, const char *path);
static char *read_file(const char *path, size_t *size);
static void load_language(DgLanguage *language, const DgMo *mo, int encoding);
static bool load_pattern(DgPattern *pattern, const DgMo *mo, int encoding,
						 const char *msgid);
static const char *translate(const DgMo *mo, int encoding, const char *msgid);
static char *converted(const char *text, int encoding);
static DgSpan without_colon(const char *label);

static MemoryContext context = NULL;
static DgLanguages *all_languages = NULL;
static MemoryContext english_context = NULL;
static DgLanguages *english = NULL;

/*
 * English alone, which needs no file.  What it returns lives as long as the
 * backend.
 */
const DgLanguages *
dg_catalogue_english(void)
{
	MemoryContext old;
	DgLanguages *languages;
	DgLanguage *list;

	if (english != NULL)
		return english;
	old = MemoryContextSwitchTo(empty_context(&english_context,
											  "duplicate_guard messages"));
	languages = palloc0(sizeof(DgLanguages));
	list = palloc0(sizeof(DgLanguage));
	load_english(list);
	languages->list = list;
	languages->n = 1;
	MemoryContextSwitchTo(old);
	english = languages;
	return english;
}

/* All languages, English first; as long-lived. */
const DgLanguages *
dg_catalogue_languages(void)
{
	MemoryContext old;
	DgLanguages *languages;
	DgLanguage *list;

	if (all_languages != NULL)
		return all_languages;
	old = MemoryContextSwitchTo(empty_context(&context,
											  "duplicate_guard message catalogues"));
	languages = palloc0(sizeof(DgLanguages));
	list = palloc0(sizeof(DgLanguage) * MAX_LANGUAGES);
	load_english(&list[0]);
	languages->list = list;
	languages->n = 1;
	load_installed(languages, list);
	MemoryContextSwitchTo(old);
	all_languages = languages;
	return all_languages;
}

/* A context of our own that lives on; empty, if filling it failed before. */
static MemoryContext
empty_context(MemoryContext *kept, const char *name)
{
	if (*kept == NULL)
		*kept = AllocSetContextCreateInternal(CacheMemoryContext, name,
											  ALLOCSET_SMALL_SIZES);
	else
		MemoryContextReset(*kept);
	return *kept;
}

/* What the server says untranslated. */
static void
load_english(DgLanguage *language)
{
	int			i;

	language->sites = palloc0(sizeof(DgPattern) * dg_nsites);
	language->details = palloc0(sizeof(DgPattern) * dg_ndetails);
	for (i = 0; i < dg_nsites; i++)
	{
		if (!dg_pattern_make(&language->sites[i], dg_sites[i].msgid))
			elog(ERROR, "cannot read message \"%s\"", dg_sites[i].msgid);
	}
	for (i = 0; i < dg_ndetails; i++)
	{
		if (!dg_pattern_make(&language->details[i], dg_details[i].msgid))
			elog(ERROR, "cannot read message \"%s\"", dg_details[i].msgid);
	}
	for (i = 0; i < DG_NLABELS; i++)
		language->labels[i] = without_colon(dg_labels[i]);
}

/* Every language in the server's locale directory, in the order of names. */
static void
load_installed(DgLanguages *languages, DgLanguage *list)
{
	char		localedir[MAXPGPATH];
	DIR		   *dir;
	struct dirent *entry;
	List	   *names = NIL;
	ListCell   *lc;

	get_locale_path(my_exec_path, localedir);
	dir = AllocateDir(localedir);
	while ((entry = ReadDirExtended(dir, localedir, DEBUG1)) != NULL)
	{
		if (entry->d_name[0] != '.' && list_length(names) < 2000)
			names = lappend(names, pstrdup(entry->d_name));
	}
	if (dir != NULL)
		FreeDir(dir);

	list_sort(names, compare_names);
	foreach(lc, names)
	{
		char		path[MAXPGPATH];

		CHECK_FOR_INTERRUPTS();
		if (languages->n == MAX_LANGUAGES)
			break;
		if (snprintf(path, sizeof(path), "%s/%s/LC_MESSAGES/%s.mo", localedir,
					 (char *) lfirst(lc), PG_TEXTDOMAIN("postgres")) >= sizeof(path))
			continue;
		if (load_catalogue(&list[languages->n], path))
			languages->n++;
	}
	list_free_deep(names);
}

/* For list_sort(): by bytes, so that the order is the same everywhere. */
static int
compare_names(const ListCell *a, const ListCell *b)
{
	return strcmp(lfirst(a), lfirst(b));
}

/* One language; false when there is no catalogue that could be used. */
static bool
load_catalogue(DgLanguage *language, const char *path)
{
	size_t		size;
	char	   *data = read_file(path, &size);
	DgMo		mo;
	char		charset[64];
	int			encoding;
	bool		usable;

	if (data == NULL)
		return false;
	usable = dg_mo_open(&mo, data, size) &&
			 dg_mo_charset(&mo, charset, sizeof(charset));
	encoding = usable ? pg_char_to_encoding(charset) : -1;
	if (encoding >= 0)
		load_language(language, &mo, encoding);
	pfree(data);
	return encoding >= 0;
}

/* The whole file, or NULL. */
static char *
read_file(const char *path, size_t *size)
{
	int			fd = OpenTransientFile(path, O_RDONLY | PG_BINARY);
	struct stat status;
	char	   *data = NULL;

	if (fd < 0)
		return NULL;
	if (fstat(fd, &status) == 0 && S_ISREG(status.st_mode) &&
		status.st_size > 0 && status.st_size <= MAX_CATALOGUE_SIZE)
	{
		size_t		done = 0;

		data = palloc(status.st_size);
		while (done < status.st_size)
		{
			ssize_t		now = read(fd, data + done, status.st_size - done);

			if (now < 0 && errno == EINTR)
				continue;
			if (now <= 0)
				break;			/* shorter than it was: so be it */
			done += now;
		}
		*size = done;
	}
	CloseTransientFile(fd);
	return data;
}

/* All messages of one catalogue. */
static void
load_language(DgLanguage *language, const DgMo *mo, int encoding)
{
	int			i;

	language->sites = palloc0(sizeof(DgPattern) * dg_nsites);
	language->details = palloc0(sizeof(DgPattern) * dg_ndetails);
	for (i = 0; i < dg_nsites; i++)
	{
		if (!load_pattern(&language->sites[i], mo, encoding, dg_sites[i].msgid))
			language->sites[i].literal[0].start = NULL;
	}
	for (i = 0; i < dg_ndetails; i++)
	{
		if (!load_pattern(&language->details[i], mo, encoding,
						  dg_details[i].msgid))
			language->details[i].literal[0].start = NULL;
	}
	for (i = 0; i < DG_NLABELS; i++)
	{
		const char *label = translate(mo, encoding, dg_labels[i]);

		if (label != NULL)
			language->labels[i] = without_colon(label);
	}
}

/* One message; false when it is not translated, or not in the same terms. */
static bool
load_pattern(DgPattern *pattern, const DgMo *mo, int encoding,
			 const char *msgid)
{
	const char *translation = translate(mo, encoding, msgid);
	DgPattern	original;

	return translation != NULL && strcmp(translation, msgid) != 0 &&
		   dg_pattern_make(&original, msgid) &&
		   dg_pattern_make(pattern, translation) &&
		   dg_pattern_same_args(pattern, &original);
}

/* The translation in this database's encoding, or NULL. */
static const char *
translate(const DgMo *mo, int encoding, const char *msgid)
{
	const char *translation = dg_mo_translation(mo, msgid);

	return translation == NULL ? NULL : converted(translation, encoding);
}

/*
 * A copy in this database's encoding; NULL when the text is not valid, or has
 * characters that the encoding has not.  SQL_ASCII takes the bytes as they
 * are.
 */
static char *
converted(const char *text, int encoding)
{
	int			target = GetDatabaseEncoding();
	int			len = strlen(text);
	Oid			proc;
	char	   *result;

	if (len > 10000 || !pg_verify_mbstr(encoding, text, len, true))
		return NULL;
	if (encoding == target || target == PG_SQL_ASCII)
		return pstrdup(text);
	proc = FindDefaultConversionProc(encoding, target);
	if (!OidIsValid(proc))
		return NULL;
	result = palloc0(len * MAX_CONVERSION_GROWTH + 1);
	if (pg_do_encoding_conversion_buf(proc, encoding, target,
									  (unsigned char *) text, len,
									  (unsigned char *) result,
									  len * MAX_CONVERSION_GROWTH + 1,
									  true) < len)
		return NULL;
	return result;
}

/* A heading as it is compared: without what follows the word. */
static DgSpan
without_colon(const char *label)
{
	static const char *const endings[] = {
		" ", ":", "\357\274\232", "\302\240"};
	DgSpan		span = dg_span_cstring(label);
	int			i = 0;

	while (i < lengthof(endings))
	{
		DgSpan		ending = dg_span_cstring(endings[i]);

		if (dg_span_ends(span, ending))
		{
			span.len -= ending.len;
			i = 0;
		}
		else
			i++;
	}
	return span;
}
