/*
 * tail.h - the end of a mail that nobody wrote: signature, "Sent from my phone", disclaimer, the footer of a list.
 *
 * Ownership: nothing is kept.
 */
#ifndef CPMAIL_MAIL_TAIL_H
#define CPMAIL_MAIL_TAIL_H

#include "mail/quote.h"

/* Where the text of the lines [first, end) ends without such things, and without blank lines: first if nothing else is
 * there. */
size_t reply_tail(const struct reply_lines *l, size_t first, size_t end);
/* The same without blank lines only. */
size_t reply_trim(const struct reply_lines *l, size_t first, size_t end);

#endif
