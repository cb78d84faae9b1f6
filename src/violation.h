/*
 * violation.h
 *		An error, live or as text, turned into facts (type integrity_error).
 */
#ifndef DG_VIOLATION_H
#define DG_VIOLATION_H

#include "postgres.h"

#include "error_fields.h"

/* The integrity_error value; allocated in the current memory context. */
extern Datum dg_violation_form(const DgErrorFields *error);

#endif							/* DG_VIOLATION_H */
