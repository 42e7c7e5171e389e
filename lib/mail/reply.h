/*
 * reply.h - what is new in an answer: quoted mail, attribution lines, signatures and footers of mail programs cut off
 * (7.5, steps 1 to 5). A line scanner: each line is looked at a bounded number of times.
 *
 * Ownership: the caller's text is only read; the result is appended to the caller's buffer.
 */
#ifndef CPMAIL_MAIL_REPLY_H
#define CPMAIL_MAIL_REPLY_H

#include "mail/html.h"

enum { MAIL_REPLY_FALLBACK = 500 /* characters of the whole text, where nothing was left */ };

struct mail_reply_options {
	const char *marker;	       /* reply_marker; NULL or empty: none */
	const struct mail_mark *marks; /* of this text (html.h, extract.h) */
	size_t n_marks;
	bool may_be_empty; /* there are attachments: an answer without words stays empty */
};

enum mail_reply_result {
	MAIL_REPLY_WHOLE,	  /* nothing to cut but blank lines */
	MAIL_REPLY_CUT,		  /* quote, signature or footer taken away */
	MAIL_REPLY_FALLBACK_USED, /* nothing would have been left: the first MAIL_REPLY_FALLBACK characters of the whole
				   */
	MAIL_REPLY_EMPTY,	  /* nothing: the text was blank, or may_be_empty */
};

/* Append to out what the writer of an answer (UTF-8, LF or CRLF line ends) added; LF line ends, no blank line at either
 * end, no line end behind the last line. */
enum mail_reply_result mail_reply_strip(struct buf *out, struct slice text, const struct mail_reply_options *options);
/* The same for a mail that answers nothing (strip_sig_new): signature and footer only. */
enum mail_reply_result mail_signature_strip(struct buf *out, struct slice text,
					    const struct mail_reply_options *options);

#endif
