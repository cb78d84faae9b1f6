/*
 * site.h
 *		The places in the server that raise an integrity error, by the
 *		untranslated text of their message.
 *
 * Needs nothing of the server, so that the text reader can be built and
 * fuzzed by itself.
 */
#ifndef DG_SITE_H
#define DG_SITE_H

#include "postgres.h"

/* Arguments that a message or a detail has at most. */
#define DG_SITE_ARGS 3

/* Alternatives for the DETAIL of one message, at most. */
#define DG_SITE_DETAILS 4

/* What an error is; integrity_error.kind spells these. */
typedef enum DgKind
{
	DG_UNIQUE_VIOLATION,
	DG_EXCLUSION_VIOLATION,
	DG_FOREIGN_KEY_MISSING,
	DG_FOREIGN_KEY_REFERENCED,
	DG_NOT_NULL_VIOLATION,
	DG_CHECK_VIOLATION,
	DG_DOMAIN_CHECK_VIOLATION,
	DG_DOMAIN_NOT_NULL_VIOLATION,
	DG_PARTITION_NOT_FOUND,
	DG_PARTITION_CONSTRAINT_VIOLATION,
	DG_WITH_CHECK_OPTION_VIOLATION,
	DG_ROW_SECURITY_VIOLATION,
	DG_OTHER_INTEGRITY_VIOLATION,
	DG_SERIALIZATION_FAILURE,
	DG_DEADLOCK_DETECTED,
	DG_OTHER
} DgKind;

/* What an argument of a message or detail stands for. */
typedef enum DgRole
{
	DG_ROLE_NONE,
	DG_ROLE_CONSTRAINT,
	DG_ROLE_TABLE,				/* the relation that has the constraint */
	DG_ROLE_REFERENCED,			/* the table that a foreign key points to */
	DG_ROLE_PARTITION,			/* partition of the referenced table */
	DG_ROLE_COLUMN,
	DG_ROLE_DOMAIN,				/* as format_type() prints it */
	DG_ROLE_KEY,				/* (columns)=(values) of the new row */
	DG_ROLE_PARTITION_KEY,		/* (columns) = (values) */
	DG_ROLE_KEY_COLUMNS,		/* inside the first parentheses */
	DG_ROLE_KEY_VALUES,			/* inside the second ones */
	DG_ROLE_PARENTHESES,		/* of no use, but in parentheses: a row */
	DG_ROLE_OTHER				/* of no use: a policy */
} DgRole;

#define DG_NROLES (DG_ROLE_OTHER + 1)

/* One DETAIL. */
typedef struct DgDetail
{
	const char *msgid;
	DgRole		roles[DG_SITE_ARGS];
} DgDetail;

/* One message; details are indexes into dg_details, -1 ends them. */
typedef struct DgSite
{
	const char *msgid;
	DgKind		kind;
	char		sqlstate[6];
	DgRole		roles[DG_SITE_ARGS];
	int			details[DG_SITE_DETAILS];
} DgSite;

/* Headings that clients put before the parts of an error. */
typedef enum DgLabel
{
	DG_LABEL_ERROR,
	DG_LABEL_DETAIL,
	DG_LABEL_HINT,
	DG_LABEL_CONTEXT,
	DG_LABEL_QUERY,
	DG_LABEL_STATEMENT,
	DG_LABEL_LOCATION
} DgLabel;

#define DG_NLABELS (DG_LABEL_LOCATION + 1)

extern const DgSite dg_sites[];
extern const int dg_nsites;
extern const DgDetail dg_details[];
extern const int dg_ndetails;
extern const char *const dg_labels[DG_NLABELS];

extern const DgSite *dg_site_by_msgid(const char *msgid);
extern bool dg_site_has_fields(const DgSite *site);
extern bool dg_site_is_difference(const DgSite *site);
extern bool dg_site_has_detail(const DgSite *site, int detail);
extern const char *dg_kind_name(DgKind kind);

#endif							/* DG_SITE_H */
