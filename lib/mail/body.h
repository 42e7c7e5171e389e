/*
 * body.h - mail bodies: content transfer encodings in constant memory, and file names of attachments.
 *
 * A body goes through as a stream of pieces of any size; an encoder keeps a few octets between two calls. Every body
 * that leaves an encoder has CRLF line ends only and ends with one.
 */
#ifndef CPMAIL_MAIL_BODY_H
#define CPMAIL_MAIL_BODY_H

#include "base/buf.h"

#include <stdint.h>

enum mail_cte { MAIL_7BIT, MAIL_8BIT, MAIL_QP, MAIL_BASE64 };

/* "7bit", "8bit", "quoted-printable", "base64" */
const char *mail_cte_name(enum mail_cte cte);

/* What a text is like; zeroed at first, then fed. */
struct mail_scan {
	int64_t octets;
	int64_t high; /* octets from 128 */
	size_t line, longest;
	bool nul;
	bool cr;
};
void mail_scan(struct mail_scan *s, struct slice piece);
/*
 * The encoding of a text (3.11 row 1): 7bit for ASCII with lines up to 998 octets; else 8bit if eightbit allows it and
 * lines are short enough; else quoted-printable, or base64 where that is shorter (mostly non-Latin).
 */
enum mail_cte mail_text_cte(const struct mail_scan *s, bool eightbit);

struct mail_encoder {
	enum mail_cte cte;
	bool text;  /* bare CR and bare LF become CRLF; off for what must keep every octet (base64 only) */
	bool cr;    /* a CR waits for its LF */
	bool blank; /* quoted-printable: a blank waits, as it may end the line */
	char blank_octet;
	size_t col;
	size_t held; /* base64: octets that wait for a whole line */
	unsigned char hold[57];
};
/* text: see above; with another cte than base64 it must be true. */
void mail_encode_begin(struct mail_encoder *e, enum mail_cte cte, bool text);
void mail_encode(struct mail_encoder *e, struct slice piece, struct buf *out);
/* The rest, and a final CRLF if the last line has none. */
void mail_encode_end(struct mail_encoder *e, struct buf *out);
/* Octets of n octets in base64 with its CRLFs: so the size of a mail is known before a large body is read. */
int64_t mail_base64_size(int64_t n);

/*
 * A file name that is safe to write in a header and to save under (8.5): last path component, no control, bidi or
 * reserved character, no leading dot, at most 128 octets with the extension kept. Nothing left: "file" and the
 * extension of the type ("image/jpeg"; may be empty).
 */
void mail_file_name(struct buf *out, struct slice name, struct slice type);
/* Usual extension of a media type without parameters, "bin" if there is none. */
const char *mail_extension(struct slice type);

#endif
