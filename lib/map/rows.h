/*
 * rows.h - what the mapping tables are made of: rows of element, source, condition and converter, walked by one small
 * engine, whatever the tables map.
 *
 * A row yields a value when its condition holds, its source has something and its converter takes it. Of the rows of
 * one element, which stand together, the first that yields wins. A family of tables shares its sources and conditions.
 */
#ifndef CPMAIL_MAP_ROWS_H
#define CPMAIL_MAP_ROWS_H

#include "base/buf.h"

#include <stdio.h>

/* A converter of any family; the family calls it by its true type. */
typedef void map_function(void);

struct map_row {
	const char *element;
	char status; /* M always, C on a condition, O optional, - never written here */
	int source, when;
	map_function *convert; /* NULL: never written here */
	const char *converter; /* its name; or who writes the element */
	const char *clause;
};

/* A converter and its name; f must be of the type. */
#define MAP_CONVERT(type, f) (map_function *)(1 ? (f) : (type *)0), #f

struct map_family {
	const char *const *sources, *const *whens; /* names, for people */
	/* Append the row's value to out, or say that it has none. m: what is mapped. */
	bool (*yields)(void *m, const struct map_row *row, struct buf *out);
};

/* Walk the rows of one element; false: no row yields. */
bool rows_element(const struct map_family *f, void *m, const struct map_row *rows, size_t n, const char *element,
		  struct buf *out);
/* Takes the value of an element. */
typedef void rows_put(void *ctx, const struct map_row *row, struct slice value);
/* Walk all rows in order, each element once; false: an element that must be (M) has no value. */
bool rows_each(const struct map_family *f, void *m, const struct map_row *rows, size_t n, rows_put *put, void *ctx);
void rows_print(FILE *to, const char *title, const struct map_family *f, const struct map_row *rows, size_t n);

#endif
