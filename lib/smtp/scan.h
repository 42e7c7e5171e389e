/*
 * scan.h - one look over a finished mail before it is sent: is it canonical, and what does it need of the server?
 */
#ifndef CPMAIL_SMTP_SCAN_H
#define CPMAIL_SMTP_SCAN_H

#include "smtp/smtp.h"

#include <sys/types.h>

struct smtp_scan {
	bool bare;	   /* a CR without LF, an LF without CR, or a NUL: must not be sent (8.5, smuggling) */
	bool unterminated; /* the last line has no CRLF */
	bool eight_bit;	   /* an octet over 127 */
	bool long_line;	   /* a line over 998 octets */
	bool headers;	   /* begins with a header line */
	bool dots;	   /* a line begins with a dot */
	int64_t size;
};

/* Read the whole body once, in pieces. false with errno: the file cannot be read. */
bool smtp_scan_body(const struct smtp_body *b, struct smtp_scan *out);
/* Up to n octets from offset: the count, 0 at the end, -1 with errno. */
ssize_t smtp_body_read(const struct smtp_body *b, int64_t offset, char *p, size_t n);

#endif
