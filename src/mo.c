/*
 * mo.c
 *		Looks messages up in a compiled gettext catalogue (.mo).
 *
 * The C library's gettext() only speaks the language of the process, and
 * changing that would change what the server says, so the files are read
 * directly.  The format is in the gettext manual: a header, a table of the
 * original strings, sorted, and one of the translations.
 *
 * The file may be truncated or hostile: every offset is checked, every string
 * must end inside the file.  Nothing here allocates, raises errors or needs
 * the server.
 */
#include "postgres.h"

#include <string.h>

#include "mo.h"

#define MO_MAGIC			0x950412de
#define MO_MAGIC_SWAPPED	0xde120495
#define MO_HEADER_SIZE		28

static uint32 number_at(const DgMo *mo, size_t offset);
static bool table_fits(const DgMo *mo, uint32 offset);
static const char *string_of(const DgMo *mo, uint32 table, uint32 i);

/* Reads the header; false when this is no catalogue. */
bool
dg_mo_open(DgMo *mo, const void *data, size_t size)
{
	uint32		magic;

	memset(mo, 0, sizeof(DgMo));
	mo->data = data;
	mo->size = size;
	if (size < MO_HEADER_SIZE)
		return false;
	magic = number_at(mo, 0);
	if (magic == MO_MAGIC_SWAPPED)
		mo->swapped = true;
	else if (magic != MO_MAGIC)
		return false;
	if ((number_at(mo, 4) >> 16) > 1)
		return false;			/* a format that is not known yet */
	mo->nstrings = number_at(mo, 8);
	mo->originals = number_at(mo, 12);
	mo->translations = number_at(mo, 16);
	return table_fits(mo, mo->originals) && table_fits(mo, mo->translations);
}

/* The number at an offset inside the file, in the file's byte order. */
static uint32
number_at(const DgMo *mo, size_t offset)
{
	uint32		number;

	memcpy(&number, mo->data + offset, sizeof(number));
	if (mo->swapped)
		number = (number >> 24) | ((number >> 8) & 0xff00) |
				 ((number << 8) & 0xff0000) | (number << 24);
	return number;
}

/* Whether a table of all strings can begin at this offset. */
static bool
table_fits(const DgMo *mo, uint32 offset)
{
	return offset <= mo->size && mo->nstrings <= (mo->size - offset) / 8;
}

/* One string of a table, or NULL if it does not end inside the file. */
static const char *
string_of(const DgMo *mo, uint32 table, uint32 i)
{
	size_t		len = number_at(mo, (size_t) table + (size_t) i * 8);
	size_t		offset = number_at(mo, (size_t) table + (size_t) i * 8 + 4);

	if (offset >= mo->size || len >= mo->size - offset ||
		mo->data[offset + len] != '\0')
		return NULL;
	return (const char *) mo->data + offset;
}

/* The translation of a message; NULL when there is none. */
const char *
dg_mo_translation(const DgMo *mo, const char *msgid)
{
	uint32		low = 0;
	uint32		high = mo->nstrings;

	while (low < high)
	{
		uint32		middle = low + (high - low) / 2;
		const char *original = string_of(mo, mo->originals, middle);
		int			order;

		if (original == NULL)
			return NULL;
		order = strcmp(msgid, original);
		if (order == 0)
		{
			const char *found = string_of(mo, mo->translations, middle);

			/* the header is the translation of the empty string */
			return found != NULL && *found != '\0' ? found : NULL;
		}
		if (order < 0)
			high = middle;
		else
			low = middle + 1;
	}
	return NULL;
}

/* The charset that the catalogue's header names; false when it has none. */
bool
dg_mo_charset(const DgMo *mo, char *charset, size_t size)
{
	const char *header = dg_mo_translation(mo, "");
	const char *found = header != NULL ? strstr(header, "charset=") : NULL;
	size_t		len;

	if (found == NULL)
		return false;
	found += strlen("charset=");
	len = strcspn(found, " \t\r\n;");
	if (len == 0 || len >= size)
		return false;
	memcpy(charset, found, len);
	charset[len] = '\0';
	return true;
}
