/*
 * error_fields.h
 *		An error as its reporter gives it: DgErrorFields.
 */
#ifndef DG_ERROR_FIELDS_H
#define DG_ERROR_FIELDS_H

#include "postgres.h"

/*
 * What is known of an error before the catalog is asked.  NULL: not known;
 * an empty string counts as NULL.  message_id is the untranslated format
 * string that ErrorData carries; message may be a whole text as a client
 * words it, when that is all there is.
 */
typedef struct DgErrorFields
{
	int			sqlerrcode;		/* 0: not known */
	const char *message_id;
	const char *message;
	const char *detail;
	const char *hint;
	const char *schema_name;
	const char *table_name;
	const char *column_name;
	const char *constraint_name;
	const char *datatype_name;
	int			nkey_values;	/* exact values, where the caller has them */
	const char *const *key_values;	/* element NULL: SQL NULL */
	bool		all_fields;		/* a NULL name above means that the error
								 * has none; implied by message_id */
} DgErrorFields;

#endif							/* DG_ERROR_FIELDS_H */
