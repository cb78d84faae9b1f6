/*
 * argument.c
 *		Whether an argument of a message can be what it stands for.
 *
 * Nothing here allocates, raises errors or needs the server.
 */
#include "postgres.h"

#include <string.h>

#include "wording.h"

static bool is_type_name(DgSpan arg);

/*
 * Whether an argument can be what its role says.  A name is at most so long,
 * and a line in it does not begin with a heading: then it is the rest of the
 * error rather.
 */
bool
dg_argument_fits(DgSpan arg, DgRole role, const DgLanguages *languages)
{
	size_t		limit = NAMEDATALEN - 1;
	size_t		at;

	if (role == DG_ROLE_KEY || role == DG_ROLE_PARTITION_KEY ||
		role == DG_ROLE_PARENTHESES)
		return dg_span_begins(arg, dg_span_cstring("(")) &&
			   dg_span_ends(arg, dg_span_cstring(")"));
	if (role == DG_ROLE_KEY_COLUMNS || role == DG_ROLE_KEY_VALUES ||
		role == DG_ROLE_OTHER)
		return true;
	if (role == DG_ROLE_DOMAIN)
		return is_type_name(arg);
	if (arg.len == 0 || arg.len > limit)
		return false;
	for (at = dg_label_next_line(arg, 0); at < arg.len;
		 at = dg_label_next_line(arg, at))
	{
		DgLabel		label;
		size_t		end;

		if (dg_label_at(arg, dg_label_skip_blanks(arg, at), languages, &label,
						&end))
			return false;
	}
	return true;
}

/* Whether it is one or two identifiers, quoted or not, with a dot between. */
static bool
is_type_name(DgSpan arg)
{
	int			nparts = 0;
	size_t		at = 0;

	if (arg.len == 0 || arg.len > DG_MAX_ARG)
		return false;
	for (;;)
	{
		size_t		begin = at;
		bool		quoted = at < arg.len && arg.start[at] == '"';

		if (quoted)
		{
			for (at++; at < arg.len; at++)
			{
				if (arg.start[at] != '"')
					continue;
				if (at + 1 >= arg.len || arg.start[at + 1] != '"')
					break;
				at++;
			}
			if (at >= arg.len)
				return false;
			at++;
		}
		while (!quoted && at < arg.len && strchr(" .:\"\n", arg.start[at]) == NULL)
			at++;
		if (at == begin || ++nparts > 2)
			return false;
		if (at == arg.len)
			return true;
		if (arg.start[at++] != '.')
			return false;
	}
}
