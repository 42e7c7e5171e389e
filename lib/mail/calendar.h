/*
 * calendar.h - an appointment (text/calendar, RFC 5545) in three lines for a person.
 *
 * Ownership: the input is only read; the result is appended to the caller's buffer.
 */
#ifndef CPMAIL_MAIL_CALENDAR_H
#define CPMAIL_MAIL_CALENDAR_H

#include "base/buf.h"

/* Append what, when and where of the first event in the calendar (UTF-8); of one without an event "[appointment]".
 * Times stand as they are written, with their zone. */
void mail_calendar_put(struct buf *out, struct slice calendar);

#endif
