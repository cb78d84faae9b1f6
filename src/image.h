/*
 * image.h
 *		Does a row hold exactly these values?
 */
#ifndef DG_IMAGE_H
#define DG_IMAGE_H

#include "postgres.h"

#include "candidate.h"
#include "utils/relcache.h"

extern bool dg_image_differs(Relation rel, DgCandidate *candidate,
							 DgColumns *columns, Datum record);

#endif							/* DG_IMAGE_H */
