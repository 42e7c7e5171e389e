/*
 * charset.h - text of a declared, missing or wrong charset to UTF-8 (iconv).
 */
#ifndef CPMAIL_BASE_CHARSET_H
#define CPMAIL_BASE_CHARSET_H

#include "base/buf.h"

/*
 * Append in as valid UTF-8. No or an unknown charset: UTF-8 if it is valid, else windows-1252 (peers send UTF-8
 * text without a charset); ISO-8859-1 and other names are taken for the supersets that senders mean. Octets that the
 * declared charset does not have become U+FFFD, and false is returned.
 */
bool charset_to_utf8(struct buf *out, struct slice in, struct slice charset);

#endif
