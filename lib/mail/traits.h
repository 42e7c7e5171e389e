/*
 * traits.h - what a line has in it that tells of a date, a time, an address: for the finding of quotes.
 *
 * Ownership: nothing is kept. Each function is linear in the length of the text.
 */
#ifndef CPMAIL_MAIL_TRAITS_H
#define CPMAIL_MAIL_TRAITS_H

#include "base/buf.h"

/* A year from 1990 to 2099 (or of the Buddhist era, 25..), or 05.03.26 and the like. */
bool trait_date(struct slice s);
/* 10:15, 10.15, 10h15 */
bool trait_time(struct slice s);
/* octet@octet */
bool trait_address(struct slice s);
/* any digit */
bool trait_digit(struct slice s);
/* Take a final ":" off. */
bool trait_cut_colon(struct slice *s);
/* The offset behind the last place of the words (ASCII in either case), -1 if there is none; ASCII words stand free.
 * last: only at the end of s. */
ptrdiff_t trait_behind_last(struct slice s, const char *words, bool last);

#endif
