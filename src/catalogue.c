/*
 * catalogue.c
 *		The server's translations.
 */
#include "postgres.h"

#include "utils/memutils.h"

#include "wording.h"

static DgLanguage english;

const DgLanguage *
dg_catalogue_languages(int *nlanguages)
{
	int			i;

	*nlanguages = 1;
	if (english.sites != NULL)
		return &english;
	english.details = MemoryContextAllocZero(TopMemoryContext, sizeof(DgPattern) * dg_ndetails);
	english.sites = MemoryContextAllocZero(TopMemoryContext, sizeof(DgPattern) * dg_nsites);
	for (i = 0; i < dg_nsites; i++)
		dg_pattern_make(&english.sites[i], dg_sites[i].msgid);
	for (i = 0; i < dg_ndetails; i++)
		dg_pattern_make(&english.details[i], dg_details[i].msgid);
	for (i = 0; i < DG_NLABELS; i++)
		english.labels[i] = dg_labels[i];
	return &english;
}
