/*
 * postgres.h
 *		What the text reader needs of the server's header of this name, so
 *		that it can be built without the server.
 */
#ifndef POSTGRES_H
#define POSTGRES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

typedef uint32_t uint32;

#define NAMEDATALEN 64
#define lengthof(array) (sizeof(array) / sizeof((array)[0]))

#endif							/* POSTGRES_H */
