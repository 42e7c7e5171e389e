/*
 * long.h - JSON lines with long strings in them (bodies), parsed without looking at each octet.
 *
 * Ownership: the caller owns what json_load_line() returns; nothing is kept of the line.
 */
#ifndef CPMAIL_RECORD_LONG_H
#define CPMAIL_RECORD_LONG_H

#include "base/buf.h"

#include <jansson.h>

/* The quote that ends the string whose first octet (behind its opening quote) is p; NULL if there is none before end. */
const char *json_string_end(const char *p, const char *end);
/* What json_loadb() returns for the line, sooner. */
json_t *json_load_line(const char *line, size_t n, size_t flags, json_error_t *err);

#endif
