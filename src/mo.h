/*
 * mo.h
 *		Looks messages up in a compiled gettext catalogue (.mo).
 */
#ifndef DG_MO_H
#define DG_MO_H

#include "postgres.h"

/* A catalogue in memory, which must live as long. */
typedef struct DgMo
{
	const unsigned char *data;
	size_t		size;
	bool		swapped;		/* written on a machine of the other order */
	uint32		nstrings;
	uint32		originals;		/* offsets of the two tables */
	uint32		translations;
} DgMo;

extern bool dg_mo_open(DgMo *mo, const void *data, size_t size);
extern const char *dg_mo_translation(const DgMo *mo, const char *msgid);
extern bool dg_mo_charset(const DgMo *mo, char *charset, size_t size);

#endif							/* DG_MO_H */
