#include "postgres.h"

#include <string.h>

#include "wording.h"

static bool whole_message(DgSpan text, const DgLanguage *languages, int nlanguages, DgWording *wording);

void
dg_wording_read(DgSpan text, const DgLanguage *languages, int nlanguages,
				DgWording *wording)
{
	memset(wording, 0, sizeof(DgWording));
	wording->site = -1;
	if (whole_message(text, languages, nlanguages, wording))
		return;
}

static bool
whole_message(DgSpan text, const DgLanguage *languages, int nlanguages,
			  DgWording *wording)
{
	int			i;
	int			site;
	bool		unique;

	for (i = 0; i < nlanguages; i++)
	{
		for (site = 0; site < dg_nsites; site++)
		{
			const DgPattern *pattern = &languages[i].sites[site];

			if (pattern->literal[0].start != NULL &&
				dg_message_is(pattern, text, dg_sites[site].roles,
							  wording->args, &unique))
			{
				wording->site = site;
				wording->language = i;
				wording->message = text;
				return true;
			}
		}
	}
	return false;
}

int
dg_wording_detail(DgSpan detail, const DgLanguage *languages, int nlanguages,
				  DgSpan *args, bool *unique)
{
	int			i;
	int			form;

	for (i = 0; i < nlanguages; i++)
	{
		for (form = 0; form < dg_ndetails; form++)
		{
			const DgPattern *pattern = &languages[i].details[form];

			if (pattern->literal[0].start != NULL &&
				dg_message_is(pattern, detail, dg_details[form].roles, args,
							  unique))
				return form;
		}
	}
	return -1;
}
