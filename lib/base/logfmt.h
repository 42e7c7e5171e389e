/*
 * logfmt.h - read back the lines that log.h writes.
 */
#ifndef CPMAIL_LOGFMT_H
#define CPMAIL_LOGFMT_H

#include "base/buf.h"

#include <stdint.h>

/* The next key=value of a line: its key (a slice of the line) and its unquoted value (value is overwritten). False at the end. Words without
 * '=' (a stamp that a log service put in front) are skipped. */
bool logfmt_next(struct slice *line, struct slice *key, struct buf *value);
/* The value of a key; false if the line does not have it. */
bool logfmt_get(struct slice line, const char *key, struct buf *value);
/* The time of a line, milliseconds since 1970: the last word before the first key=value. False if there is none. */
bool logfmt_time(struct slice line, int64_t *ms);

#endif
