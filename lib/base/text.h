/*
 * text.h - UTF-8, hex, base32, base64: what several subjects need of plain text.
 */
#ifndef CPMAIL_TEXT_H
#define CPMAIL_TEXT_H

#include "base/buf.h"

#include <stdint.h>

/* Well-formed UTF-8 (no surrogates, no overlong forms); NUL is allowed. */
bool utf8_valid(const char *p, size_t n);
/* Append s as valid UTF-8 without NUL: each bad octet and each NUL becomes U+FFFD. Returns false if something was replaced. */
bool utf8_scrub(struct buf *out, const char *p, size_t n);

/*
 * The one sanitiser for a value that crosses into a header line of any protocol (8.5): CR, LF, NUL and all other C0/C1
 * controls become a space, runs of blanks collapse, ends are trimmed, invalid UTF-8 becomes U+FFFD, the whole is cut to
 * at most max octets at a character's edge. Decode first, then sanitise, then encode for the target.
 */
void text_sanitise(struct buf *out, struct slice in, size_t max);

bool is_ascii(const char *p, size_t n);
/* RFC 3261/2045-like token octets only, at least one. */
bool is_token(const char *p, size_t n);

/* First n hex digits (lower case) of the octets. */
void hex_put(struct buf *out, const uint8_t *p, size_t digits);
/* First n characters of RFC 4648 base32 of the octets, lower case. */
void b32_put(struct buf *out, const uint8_t *p, size_t octets, size_t chars);
void base64_put(struct buf *out, const void *p, size_t n);
/* Strict: one padded value, no white space; false otherwise. */
bool base64_get(struct buf *out, const char *p, size_t n);
/* Value of a hex digit, -1 if it is none. */
int hex_value(char c);
/* Percent-decode (out may then hold any octet); false on a bad escape. */
bool percent_decode(struct buf *out, struct slice in);

#endif
