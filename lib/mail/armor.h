/*
 * armor.h - OpenPGP within the text of a mail (RFC 9580 6 and 7): no multipart tells of it.
 *
 * Ownership: the text is the caller's, changed in place.
 */
#ifndef CPMAIL_MAIL_ARMOR_H
#define CPMAIL_MAIL_ARMOR_H

#include "base/buf.h"

/* Is all of the text (but for blanks) one encrypted block? */
bool armor_encrypted(struct slice text);
/* Text (LF line ends) that is clear-signed loses its armor, its signature and its dash escapes. Returns false and
 * changes nothing if it is not. */
bool armor_unsign(struct buf *text);

#endif
