/*
 * flowed.h - format=flowed (RFC 3676): soft line breaks undone.
 *
 * Ownership: the input is only read; the result is appended to the caller's buffer.
 */
#ifndef CPMAIL_MAIL_FLOWED_H
#define CPMAIL_MAIL_FLOWED_H

#include "base/buf.h"

/* Append text (LF line ends) with its flowed lines joined and its space-stuffing removed; quoted lines keep their depth
 * as so many ">" and a space. delsp: the blank of a soft break goes (DelSp=yes). The signature delimiter "-- " is
 * always a line of its own. */
void mail_unflow(struct buf *out, struct slice text, bool delsp);

#endif
