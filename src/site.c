/*
 * site.c
 *		The places in the server, and in this extension, that raise an integrity
 *		error, by the untranslated text of their message.
 *
 * The text is what ErrorData.message_id holds and what the server's message
 * catalogues are keyed by.  It has been the same from 15 to 19 but for the
 * additions of 18 (RESTRICT, WITHOUT OVERLAPS); a release that words one of
 * them anew needs one more entry here, never a change of an old one.
 */
#include "postgres.h"

#include "site.h"

/* Indexes into dg_details. */
enum
{
	KEY_EXISTS,
	KEY_IS_DUPLICATED,
	DUPLICATES_EXIST,
	KEY_CONFLICTS,
	CONFLICTS,
	KEY_CONFLICTS_IN_BUILD,
	CONFLICTS_EXIST,
	KEY_NOT_PRESENT,
	NOT_PRESENT,
	MATCH_FULL,
	KEY_STILL_REFERENCED,
	STILL_REFERENCED,
	KEY_REFERENCED,
	REFERENCED,
	FAILING_ROW,
	PARTITION_KEY
};

#define CONSTRAINT DG_ROLE_CONSTRAINT
#define TABLE DG_ROLE_TABLE
#define COLUMN DG_ROLE_COLUMN
#define DOMAIN DG_ROLE_DOMAIN

const DgDetail dg_details[] = {
	{"Key %s already exists.", {DG_ROLE_KEY}},
	{"Key %s is duplicated.", {DG_ROLE_KEY}},
	{"Duplicate keys exist.", {DG_ROLE_NONE}},
	{"Key %s conflicts with existing key %s.", {DG_ROLE_KEY, DG_ROLE_PARENTHESES}},
	{"Key conflicts with existing key.", {DG_ROLE_NONE}},
	{"Key %s conflicts with key %s.", {DG_ROLE_KEY, DG_ROLE_PARENTHESES}},
	{"Key conflicts exist.", {DG_ROLE_NONE}},
	{"Key (%s)=(%s) is not present in table \"%s\".",
	 {DG_ROLE_KEY_COLUMNS, DG_ROLE_KEY_VALUES, DG_ROLE_REFERENCED}},
	{"Key is not present in table \"%s\".", {DG_ROLE_REFERENCED}},
	{"MATCH FULL does not allow mixing of null and nonnull key values.",
	 {DG_ROLE_NONE}},
	{"Key (%s)=(%s) is still referenced from table \"%s\".",
	 {DG_ROLE_KEY_COLUMNS, DG_ROLE_KEY_VALUES, TABLE}},
	{"Key is still referenced from table \"%s\".", {TABLE}},
	{"Key (%s)=(%s) is referenced from table \"%s\".",
	 {DG_ROLE_KEY_COLUMNS, DG_ROLE_KEY_VALUES, TABLE}},
	{"Key is referenced from table \"%s\".", {TABLE}},
	{"Failing row contains %s.", {DG_ROLE_PARENTHESES}},
	{"Partition key of the failing row contains %s.", {DG_ROLE_PARTITION_KEY}}};
const int	dg_ndetails = lengthof(dg_details);

const DgSite dg_sites[] = {
	/* unique */
	{"duplicate key value violates unique constraint \"%s\"",
	 DG_UNIQUE_VIOLATION,
	 "23505",
	 {CONSTRAINT},
	 {KEY_EXISTS, -1}},
	{"could not create unique index \"%s\"",
	 DG_UNIQUE_VIOLATION,
	 "23505",
	 {CONSTRAINT},
	 {KEY_IS_DUPLICATED, DUPLICATES_EXIST, -1}},

	/* exclusion */
	{"conflicting key value violates exclusion constraint \"%s\"",
	 DG_EXCLUSION_VIOLATION,
	 "23P01",
	 {CONSTRAINT},
	 {KEY_CONFLICTS, CONFLICTS, -1}},
	{"could not create exclusion constraint \"%s\"",
	 DG_EXCLUSION_VIOLATION,
	 "23P01",
	 {CONSTRAINT},
	 {KEY_CONFLICTS_IN_BUILD, CONFLICTS_EXIST, -1}},

	/* foreign keys; the second is 23503 for RESTRICT too, up to 17 */
	{"insert or update on table \"%s\" violates foreign key constraint \"%s\"",
	 DG_FOREIGN_KEY_MISSING,
	 "23503",
	 {TABLE, CONSTRAINT},
	 {KEY_NOT_PRESENT, NOT_PRESENT, MATCH_FULL, -1}},
	{"update or delete on table \"%s\" violates foreign key constraint \"%s\" on table \"%s\"",
	 DG_FOREIGN_KEY_REFERENCED,
	 "23503",
	 {DG_ROLE_REFERENCED, CONSTRAINT, TABLE},
	 {KEY_STILL_REFERENCED, STILL_REFERENCED, -1}},
	{"update or delete on table \"%s\" violates RESTRICT setting of foreign key constraint \"%s\" on table \"%s\"",
	 DG_FOREIGN_KEY_REFERENCED,
	 "23001",
	 {DG_ROLE_REFERENCED, CONSTRAINT, TABLE},
	 {KEY_REFERENCED, REFERENCED, -1}},
	{"removing partition \"%s\" violates foreign key constraint \"%s\"",
	 DG_FOREIGN_KEY_REFERENCED,
	 "23503",
	 {DG_ROLE_PARTITION, CONSTRAINT},
	 {KEY_STILL_REFERENCED, -1}},

	/* not null */
	{"null value in column \"%s\" of relation \"%s\" violates not-null constraint",
	 DG_NOT_NULL_VIOLATION,
	 "23502",
	 {COLUMN, TABLE},
	 {FAILING_ROW, -1}},
	{"column \"%s\" of relation \"%s\" contains null values",
	 DG_NOT_NULL_VIOLATION,
	 "23502",
	 {COLUMN, TABLE},
	 {-1}},

	/* domains; the middle ones come from ALTER DOMAIN */
	{"domain %s does not allow null values",
	 DG_DOMAIN_NOT_NULL_VIOLATION,
	 "23502",
	 {DOMAIN},
	 {-1}},
	{"column \"%s\" of table \"%s\" contains null values",
	 DG_DOMAIN_NOT_NULL_VIOLATION,
	 "23502",
	 {COLUMN, TABLE},
	 {-1}},
	{"column \"%s\" of table \"%s\" contains values that violate the new constraint",
	 DG_DOMAIN_CHECK_VIOLATION,
	 "23514",
	 {COLUMN, TABLE},
	 {-1}},
	{"value for domain %s violates check constraint \"%s\"",
	 DG_DOMAIN_CHECK_VIOLATION,
	 "23514",
	 {DOMAIN, CONSTRAINT},
	 {-1}},

	/* checks of tables */
	{"new row for relation \"%s\" violates check constraint \"%s\"",
	 DG_CHECK_VIOLATION,
	 "23514",
	 {TABLE, CONSTRAINT},
	 {FAILING_ROW, -1}},
	{"check constraint \"%s\" of relation \"%s\" is violated by some row",
	 DG_CHECK_VIOLATION,
	 "23514",
	 {CONSTRAINT, TABLE},
	 {-1}},
	{"empty WITHOUT OVERLAPS value found in column \"%s\" in relation \"%s\"",
	 DG_CHECK_VIOLATION,
	 "23514",
	 {COLUMN, TABLE},
	 {-1}},

	/* partitions */
	{"no partition of relation \"%s\" found for row",
	 DG_PARTITION_NOT_FOUND,
	 "23514",
	 {TABLE},
	 {PARTITION_KEY, -1}},
	{"new row for relation \"%s\" violates partition constraint",
	 DG_PARTITION_CONSTRAINT_VIOLATION,
	 "23514",
	 {TABLE},
	 {FAILING_ROW, -1}},
	{"partition constraint of relation \"%s\" is violated by some row",
	 DG_PARTITION_CONSTRAINT_VIOLATION,
	 "23514",
	 {TABLE},
	 {-1}},
	{"updated partition constraint for default partition \"%s\" would be violated by some row",
	 DG_PARTITION_CONSTRAINT_VIOLATION,
	 "23514",
	 {TABLE},
	 {-1}},

	/* views and row security */
	{"new row violates check option for view \"%s\"",
	 DG_WITH_CHECK_OPTION_VIOLATION,
	 "44000",
	 {TABLE},
	 {FAILING_ROW, -1}},
	{"new row violates row-level security policy \"%s\" for table \"%s\"",
	 DG_ROW_SECURITY_VIOLATION,
	 "42501",
	 {DG_ROLE_OTHER, TABLE},
	 {-1}},
	{"new row violates row-level security policy for table \"%s\"",
	 DG_ROW_SECURITY_VIOLATION,
	 "42501",
	 {TABLE},
	 {-1}},
	{"new row violates row-level security policy \"%s\" (USING expression) for table \"%s\"",
	 DG_ROW_SECURITY_VIOLATION,
	 "42501",
	 {DG_ROLE_OTHER, TABLE},
	 {-1}},
	{"new row violates row-level security policy (USING expression) for table \"%s\"",
	 DG_ROW_SECURITY_VIOLATION,
	 "42501",
	 {TABLE},
	 {-1}},
	{"target row violates row-level security policy \"%s\" (USING expression) for table \"%s\"",
	 DG_ROW_SECURITY_VIOLATION,
	 "42501",
	 {DG_ROLE_OTHER, TABLE},
	 {-1}},
	{"target row violates row-level security policy (USING expression) for table \"%s\"",
	 DG_ROW_SECURITY_VIOLATION,
	 "42501",
	 {TABLE},
	 {-1}},

	/* neighbours */
	{"could not serialize access due to concurrent update",
	 DG_SERIALIZATION_FAILURE,
	 "40001",
	 {DG_ROLE_NONE},
	 {-1}},
	{"could not serialize access due to concurrent delete",
	 DG_SERIALIZATION_FAILURE,
	 "40001",
	 {DG_ROLE_NONE},
	 {-1}},
	{"could not serialize access due to read/write dependencies among transactions",
	 DG_SERIALIZATION_FAILURE,
	 "40001",
	 {DG_ROLE_NONE},
	 {-1}},
	{"tuple to be locked was already moved to another partition due to concurrent update",
	 DG_SERIALIZATION_FAILURE,
	 "40001",
	 {DG_ROLE_NONE},
	 {-1}},
	{"tuple to be deleted was already moved to another partition due to concurrent update",
	 DG_SERIALIZATION_FAILURE,
	 "40001",
	 {DG_ROLE_NONE},
	 {-1}},
	{"canceling statement due to conflict with recovery",
	 DG_SERIALIZATION_FAILURE,
	 "40001",
	 {DG_ROLE_NONE},
	 {-1}},
	{"deadlock detected",
	 DG_DEADLOCK_DETECTED,
	 "40P01",
	 {DG_ROLE_NONE},
	 {-1}},

	/* our own, of guard.c and update_or_create.c; in no catalogue */
	{"a row of \"%s\" with this key in \"%s\" exists, but differs from the lookup",
	 DG_UNIQUE_VIOLATION,
	 "23505",
	 {TABLE, CONSTRAINT},
	 {-1}},
	{"could not serialize access due to concurrent creation of a row in \"%s\"",
	 DG_SERIALIZATION_FAILURE,
	 "40001",
	 {DG_ROLE_OTHER},
	 {-1}},
	{"could not update a row of \"%s\": it was deleted and created again too often",
	 DG_SERIALIZATION_FAILURE,
	 "40001",
	 {DG_ROLE_OTHER},
	 {-1}}};
const int	dg_nsites = lengthof(dg_sites);

/* As the server's catalogues have them; the first one without its colon. */
const char *const dg_labels[DG_NLABELS] = {
	"ERROR", "DETAIL:  ", "HINT:  ", "CONTEXT:  ", "QUERY:  ", "STATEMENT:  ",
	"LOCATION:  "};

static const char *const kind_names[] = {
	"unique_violation",
	"exclusion_violation",
	"foreign_key_missing",
	"foreign_key_referenced",
	"not_null_violation",
	"check_violation",
	"domain_check_violation",
	"domain_not_null_violation",
	"partition_not_found",
	"partition_constraint_violation",
	"with_check_option_violation",
	"row_security_violation",
	"other_integrity_violation",
	"serialization_failure",
	"deadlock_detected",
	"other"};

/* The site that raises this message_id, or NULL. */
const DgSite *
dg_site_by_msgid(const char *msgid)
{
	int			i;

	for (i = 0; i < dg_nsites; i++)
	{
		if (strcmp(dg_sites[i].msgid, msgid) == 0)
			return &dg_sites[i];
	}
	return NULL;
}

/* Whether the server fills in schema, table and so on for this message. */
bool
dg_site_has_fields(const DgSite *site)
{
	return strncmp(site->sqlstate, "23", 2) == 0 &&
		   strncmp(site->msgid, "empty WITHOUT OVERLAPS", 22) != 0;
}

/*
 * Is it get_or_create's, that the row is there but differs from the lookup?
 * site may be NULL.
 */
bool
dg_site_is_difference(const DgSite *site)
{
	return site != NULL && strncmp(site->msgid, "a row of", 8) == 0;
}

/* Whether this message can come with this DETAIL. */
bool
dg_site_has_detail(const DgSite *site, int detail)
{
	int			i;

	for (i = 0; i < DG_SITE_DETAILS && site->details[i] >= 0; i++)
	{
		if (site->details[i] == detail)
			return true;
	}
	return false;
}

/* What integrity_error.kind calls it. */
const char *
dg_kind_name(DgKind kind)
{
	return kind_names[kind];
}
