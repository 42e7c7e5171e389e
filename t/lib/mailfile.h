/*
 * mailfile.h - files of test mails: read as they are on the wire, with CRLF line ends.
 */
#ifndef CPMAIL_MAILFILE_H
#define CPMAIL_MAILFILE_H

#include "base/buf.h"

#include <stdio.h>
#include <stdlib.h>

/* Append the octets of a file; false if it cannot be read. */
static inline bool file_read(const char *path, struct buf *out)
{
	FILE *f = fopen(path, "rb");
	char piece[4096];
	size_t n;
	if (!f)
		return false;
	while ((n = fread(piece, 1, sizeof piece, f)) > 0)
		buf_put(out, piece, n);
	fclose(f);
	return true;
}

/* The same with LF as CRLF, if no CR is in the file. */
static inline bool mail_read(const char *path, struct buf *out)
{
	struct buf raw = {0};
	bool good = file_read(path, &raw);
	if (good && raw.n && memchr(raw.p, '\r', raw.n))
		buf_put(out, raw.p, raw.n);
	else
		for (size_t i = 0; i < raw.n; i++) {
			if (raw.p[i] == '\n')
				buf_putc(out, '\r');
			buf_putc(out, raw.p[i]);
		}
	buf_free(&raw);
	return good;
}

/* "NAME.eml" to "NAME.txt", in a directory; the caller frees it. */
static inline char *expected_path(const char *eml)
{
	return xasprintf("%.*s.txt", (int)(strlen(eml) - 4), eml);
}

#endif
