/*
 * seven.h - a finished mail in 7-bit form, for a server without 8BITMIME (RFC 6152 3): its parts in quoted-printable or
 * base64.
 *
 * Nothing is held whole: the mail is parsed from a file and written to another.
 */
#ifndef CPMAIL_MAIL_SEVEN_H
#define CPMAIL_MAIL_SEVEN_H

#include <stdint.h>

/*
 * The mail: n octets at p, or (fd >= 0) the file from its start. Returns the descriptor of an unlinked file at its
 * start, CRLF line ends, to be closed by the caller; -1 and a reason in *why (static). Signatures over parts that are
 * encoded anew do not survive.
 */
int mail_seven_bit(const char *p, int64_t n, int fd, const char **why);

#endif
